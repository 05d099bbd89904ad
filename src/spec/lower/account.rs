//! Who a connection signs in to: a connector's own `auth`, or an account file.

use std::sync::Arc;

use indexmap::IndexMap;

use super::Lower;
use crate::{
    diag::{Diagnostic, Fix, codes},
    expr::Expr,
    spec::{
        Account, Fields, Http, Scheme, SchemeKind,
        facts::Owner,
        keys::{ACCOUNT_SEVERAL, Place, SEVERAL},
    },
    yaml::{Entry, Node, Reader},
};

impl Lower<'_> {
    /// A connector's own `auth`, and the scopes that all of it needs.
    pub(super) fn own_account(
        &mut self,
        entry: &Entry,
        id: &str,
        title: &str,
        hosts: &[String],
    ) -> Option<(Account, Vec<String>)> {
        let section = match entry.value.get("schemes") {
            Some(_) => &SEVERAL,
            None => self.scheme_section(&entry.value, entry.key_span, Place::Connector)?,
        };
        let reader = Reader::open_entry(entry, section, self.diagnostics)?;
        let (fields, secret_fields) = self.fields(&reader, "fields", &Owner::SignIn);
        let scopes = reader.texts("scopes", self.diagnostics).into_iter().map(|(it, _)| it.to_owned()).collect();
        let account = Account { secret_fields, ..self.account(id, title, fields, &reader, hosts.to_vec()) };
        Some((account, scopes))
    }

    /// An account file, whose name without ending is `stem`.
    pub(crate) fn account_file(&mut self, node: &Node, stem: &str) -> Option<Account> {
        let at = node.as_map().and_then(|it| it.first()).map_or(node.span, |it| it.key_span);
        let section = match node.get("schemes") {
            Some(_) => &ACCOUNT_SEVERAL,
            None => self.scheme_section(node, at, Place::Account)?,
        };
        let reader = Reader::open(node, section, self.diagnostics)?;
        let id = reader.formed("id", self.diagnostics).unwrap_or(stem);
        if id != stem
            && let Some(node) = reader.node("id")
        {
            let message = format!("the account `{id}` stands in the file `{stem}.yaml`");
            let diagnostic = Diagnostic::error(codes::WRONG_ID, node.span, message);
            let fix = Fix::respell(node.span, id, stem).guess();
            self.report(diagnostic.help(format!("write `id: {stem}`, or rename the file")).fix(fix));
        }
        let title = reader.text("title", self.diagnostics).unwrap_or_default();
        let (fields, secret_fields) = self.fields(&reader, "fields", &Owner::SignIn);
        let hosts = self.hosts(&reader);
        let account = self.account(id, title, fields, &reader, hosts);
        let after_connect = reader.entry("after_connect").and_then(|it| self.after_connect(it)).map(Arc::new);
        Some(Account {
            secret_fields,
            scopes: self.known_scopes(&reader),
            scope_covers: self.scope_covers(&reader),
            errors: self.rules(&reader, "errors"),
            after_connect,
            ..account
        })
    }

    fn account(&mut self, id: &str, title: &str, fields: Fields, reader: &Reader<'_>, hosts: Vec<String>) -> Account {
        let mut schemes = self.schemes(reader);
        if fields.get("client_id").is_some() {
            schemes.values_mut().filter_map(Scheme::answers_mut).for_each(|it| it.own_client = true);
        }
        if fields.get("client_id").is_some() {
            self.refuse_second_client(&mut schemes);
        }
        let certificate = self.client_certificate(reader).map(Arc::new);
        for scheme in schemes.values_mut().filter(|_| certificate.is_some()) {
            scheme.certificate.clone_from(&certificate);
            if matches!(scheme.kind, SchemeKind::None) {
                // the certificate is the credential
                scheme.kind = SchemeKind::Static;
            }
        }
        let registers = schemes.values().any(|it| it.introduction.registration.is_some());
        let needs_app = !registers && schemes.values().any(|it| reads_client(it, &fields));
        let http = Http { certificate, hosts, ..Http::default() };
        Account {
            id: id.to_owned(),
            title: title.to_owned(),
            fields,
            secret_fields: Vec::new(),
            schemes,
            scopes: IndexMap::new(),
            scope_covers: IndexMap::new(),
            errors: Vec::new(),
            after_connect: None,
            needs_app,
            http,
        }
    }

    /// A client that is filled in is not registered.
    fn refuse_second_client(&mut self, schemes: &mut IndexMap<String, Scheme>) {
        schemes.values_mut().for_each(|it| it.introduction.registration = None);
        if let Some(span) = self.facts.registers {
            let message = "a client is filled in already: the form has the field `client_id`";
            let diagnostic = Diagnostic::error(codes::MISPLACED_KEY, span, message);
            self.report(diagnostic.help("leave the field out, or the registration"));
        }
    }

    fn known_scopes(&mut self, reader: &Reader<'_>) -> IndexMap<String, String> {
        self.literals(reader, "scopes").into_iter().collect()
    }

    fn scope_covers(&mut self, reader: &Reader<'_>) -> IndexMap<String, Vec<String>> {
        let mut covers = IndexMap::new();
        for entry in reader.mapping("scope_covers", self.diagnostics) {
            let wanted = crate::yaml::typed::Wanted::new(&entry.key, crate::spec::keys::TEXTS);
            let covered = crate::yaml::typed::texts(&entry.value, &wanted, self.diagnostics).unwrap_or_default();
            covers.insert(entry.key.clone(), covered.into_iter().map(|(it, _)| it.to_owned()).collect());
        }
        covers
    }
}

/// Whether a scheme needs a client that is not filled in: then it is the app that ops registered.
fn reads_client(scheme: &Scheme, fields: &Fields) -> bool {
    let mut found = false;
    let mut visit = |expr: &Arc<Expr>| {
        found |= expr.names.iter().any(|name| match name.path.as_slice() {
            [root, part, ..] => root == "auth" && part == "client_id" && fields.get(part).is_none(),
            _ => false,
        });
    };
    scheme.for_each_expr(&mut visit);
    found
}
