//! `connector.yaml` as a whole.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Map;

use super::Lower;
use crate::{
    diag::{Diagnostic, Fix, codes},
    spec::{
        Account, Brand, CatalogEntry, Connector, Contents, Http,
        facts::{Owner, Part},
        hosts,
        keys::{BRAND, CATALOG, CONNECTOR, HTTP, SHARED},
        load::Accounts,
    },
    yaml::{Node, Reader},
};

impl Lower<'_> {
    /// The connector in the directory `directory`, with whatever of it could be lowered. Without an account there is none.
    pub(crate) fn connector(&mut self, node: &Node, directory: &str, accounts: &Accounts) -> Option<Connector> {
        let reader = Reader::open(node, &CONNECTOR, self.diagnostics)?;
        let id = self.id(&reader, directory);
        let title = reader.text("title", self.diagnostics).unwrap_or_default();
        let http = reader.section("http", &HTTP, self.diagnostics).map(|it| self.http(&it));
        let mut http = http.unwrap_or_default();
        let account = self.sign_in(&reader, &id, title, &http, accounts);
        let (account, scopes) = account.map_or((None, Vec::new()), |(account, scopes)| (Some(account), scopes));
        for entry in reader.named("fields", self.diagnostics) {
            self.facts.parts.push((Part::Field, entry.key.clone()));
        }
        self.fields(&reader, "fields", &Owner::Shared);
        let mut lookups = IndexMap::new();
        for entry in reader.named("lookups", self.diagnostics) {
            self.facts.parts.push((Part::Lookup, entry.key.clone()));
            lookups.extend(self.lookup(entry, &scopes).map(|it| (it.name.clone(), it)));
        }
        let mut objects = IndexMap::new();
        for entry in reader.named("objects", self.diagnostics) {
            self.facts.parts.push((Part::Object, entry.key.clone()));
            objects.extend(self.object(entry, &scopes).map(|it| (it.name.clone(), it)));
        }
        let events = reader.entry("events").and_then(|it| self.events(it, &scopes));
        let mut actions = IndexMap::new();
        for entry in reader.named("actions", self.diagnostics) {
            self.facts.parts.push((Part::Action, entry.key.clone()));
            actions.extend(self.action(entry, &scopes, &objects).map(|it| (it.name.clone(), it)));
        }
        let own = reader.entry("after_connect").and_then(|it| self.after_connect(it)).map(Arc::new);
        if !reader.has("http") {
            self.no_base_url();
        }
        let account = account?;
        let requested = std::mem::take(&mut self.facts.hosts);
        hosts::allow(&mut http, requested.into_iter().chain(account.http.hosts.iter().cloned()));
        let contents = Contents {
            after_connect: own.or_else(|| account.after_connect.clone()),
            http,
            lookups,
            objects,
            actions,
            events,
            cases: Vec::new(),
            sandbox: Vec::new(),
            sandbox_connection: Map::new(),
            sandbox_events: Vec::new(),
        };
        Some(Connector {
            version: reader.formed("version", self.diagnostics).unwrap_or_default().to_owned(),
            title: title.to_owned(),
            summary: reader.text("summary", self.diagnostics).unwrap_or_default().to_owned(),
            brand: self.brand(&reader),
            catalog: self.catalog(&reader),
            account,
            scopes,
            digest: String::new(),
            source_bytes: 0,
            contents: contents.into(),
            id,
        })
    }

    fn id(&mut self, reader: &Reader<'_>, directory: &str) -> String {
        let id = reader.formed("id", self.diagnostics).unwrap_or(directory);
        if id != directory
            && let Some(node) = reader.node("id")
        {
            let message = format!("the connector `{id}` stands in the directory `{directory}`");
            self.report(
                Diagnostic::error(codes::WRONG_ID, node.span, message)
                    .help(format!("write `id: {directory}`, or rename the directory"))
                    .fix(Fix::respell(node.span, id, directory).guess()),
            );
        }
        id.to_owned()
    }

    /// A connector that only computes has no `http`; one that calls somebody has to say where.
    fn no_base_url(&mut self) {
        for span in std::mem::take(&mut self.facts.paths) {
            let diagnostic =
                Diagnostic::error(codes::BAD_PATH, span, "there is no base URL that this path could follow");
            self.report(diagnostic.help("add `http: {base_url: https://api.example.com}`"));
        }
    }

    fn brand(&mut self, reader: &Reader<'_>) -> Brand {
        let Some(reader) = reader.section("brand", &BRAND, self.diagnostics) else { return Brand::default() };
        reader.word("logo", self.diagnostics);
        Brand { logo: None, color: reader.formed("color", self.diagnostics).map(str::to_owned) }
    }

    fn catalog(&mut self, reader: &Reader<'_>) -> CatalogEntry {
        let Some(reader) = reader.section("catalog", &CATALOG, self.diagnostics) else {
            return CatalogEntry::default();
        };
        let mut word = |key: &str| reader.word(key, self.diagnostics).unwrap_or_default().to_owned();
        let (group, phase) = (word("group"), word("phase"));
        let gaps = reader.texts("gaps", self.diagnostics).into_iter().map(|(it, _)| it.to_owned()).collect();
        CatalogEntry { group, phase, gaps }
    }

    /// The account, and the scopes that all of the connector needs.
    fn sign_in(
        &mut self,
        reader: &Reader<'_>,
        id: &str,
        title: &str,
        http: &Http,
        accounts: &Accounts,
    ) -> Option<(Arc<Account>, Vec<String>)> {
        let entry = reader.entry("auth")?;
        if entry.value.get("account").is_none() {
            let (mut account, scopes) = self.own_account(entry, id, title, &http.hosts)?;
            let sign_in = hosts::of_sign_in(&account);
            hosts::allow(&mut account.http, sign_in);
            if accounts.get(id).is_some()
                && let Some(node) = reader.node("id")
            {
                let message = format!("there is an account `{id}` in `_accounts`, which other connectors share");
                self.report(
                    Diagnostic::error(codes::DUPLICATE_ID, node.span, message)
                        .help(format!("use it by `auth: {{account: {id}}}`, or give the connector another id")),
                );
            }
            return Some((Arc::new(account), scopes));
        }
        let reader = Reader::open_entry(entry, &SHARED, self.diagnostics)?;
        let scopes = self.scopes(&reader, &[]);
        let name = reader.formed("account", self.diagnostics)?;
        let account = accounts.get(name);
        if account.is_none() {
            let node = reader.node("account")?;
            let diagnostic =
                Diagnostic::error(codes::UNKNOWN_REFERENCE, node.span, format!("there is no account `{name}`"))
                    .did_you_mean(name, accounts.names());
            self.report(diagnostic.or_help(|| format!("write it in `_accounts/{name}.yaml`")));
        }
        let account = Arc::clone(account?);
        for name in account.schemes.keys() {
            self.facts.parts.push((Part::Scheme, name.clone()));
        }
        Some((account, scopes))
    }
}
