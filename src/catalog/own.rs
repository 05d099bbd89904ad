//! Connectors that an org has of its own: the same language, with less trust.
//!
//! Nobody but the org has seen them. So they call the hosts that their URLs write out, on the public internet, sign in by
//! fields of their own, and are seen by that org only.

use std::sync::Arc;

use moka::sync::Cache;

use crate::{
    base::OrgId,
    diag::{Diagnostic, Diagnostics, FileId, Sources, Span, codes},
    spec::{self, Connector, ConnectorFiles, hosts},
    store::{self, OwnSource, OwnVersion, Store},
    yaml::{self, Node},
};

/// The ids of connectors that orgs write begin so.
pub const WRITTEN: &str = "own-";

/// The ids of connectors that are made from a builder's form begin so.
pub const FROM_A_FORM: &str = "api-";

/// So many bytes of sources are kept compiled, over all orgs.
const MOST_BYTES: u64 = 16 << 20;

/// Whether an id is of a connector that belongs to one org. Shipped connectors have other ids, so that neither can ever stand
/// in for the other.
pub fn is_own(id: &str) -> bool {
    id.starts_with(WRITTEN) || id.starts_with(FROM_A_FORM)
}

/// The orgs' own connectors, compiled when they are first needed.
///
/// Which version is active is asked of the store each time; a version never changes, so what was compiled stays true.
pub(super) struct Compiled {
    store: Store,
    /// `None`: it can't be read any more.
    versions: Cache<OwnVersion, Option<Arc<Connector>>>,
}

impl Compiled {
    pub(super) fn new(store: Store) -> Self {
        let bytes = |it: &Arc<Connector>| u32::try_from(it.source_bytes).unwrap_or(u32::MAX);
        let weight = move |_: &OwnVersion, it: &Option<Arc<Connector>>| it.as_ref().map_or(1, bytes);
        Self { store, versions: Cache::builder().weigher(weight).max_capacity(MOST_BYTES).build() }
    }

    pub(super) async fn active(&self, org: OrgId, id: &str) -> Result<Option<Arc<Connector>>, store::Error> {
        match self.store.own_connectors().active(org, id).await? {
            Some(version) => self.version(version).await,
            None => Ok(None),
        }
    }

    /// The one that says it is of that version, as long as it is kept.
    pub(super) async fn of_version(
        &self,
        org: OrgId,
        id: &str,
        version: &str,
    ) -> Result<Option<Arc<Connector>>, store::Error> {
        let kept = self.store.own_connectors().versions(org, id).await?;
        match kept.into_iter().find(|it| it.version == version) {
            Some(version) => self.version(version).await,
            None => Ok(None),
        }
    }

    pub(super) async fn all_active(&self, org: OrgId) -> Result<Vec<Arc<Connector>>, store::Error> {
        let mut all = Vec::new();
        for version in self.store.own_connectors().all_active(org).await? {
            all.extend(self.version(version).await?);
        }
        Ok(all)
    }

    async fn version(&self, version: OwnVersion) -> Result<Option<Arc<Connector>>, store::Error> {
        if let Some(connector) = self.versions.get(&version) {
            return Ok(connector);
        }
        let source = self.store.own_connectors().source(version.org, &version.id, version.number).await?;
        let Some(source) = source else { return Ok(None) };
        let Checked { connector, .. } = check_apart(version.id.clone(), source).await;
        if connector.is_none() {
            // It was right when it came: the language has become stricter since.
            tracing::error!(org.id = %version.org, connector = version.id, "an org's connector can't be read any more");
        }
        self.versions.insert(version, connector.clone());
        Ok(connector)
    }
}

/// What was found in the source of an org's own connector.
#[derive(Debug, Default)]
pub struct Checked {
    /// If nothing is wrong with it.
    pub connector: Option<Arc<Connector>>,
    /// The files, for showing the diagnostics.
    pub sources: Sources,
    /// All mistakes.
    pub diagnostics: Diagnostics,
}

/// As [`check`], without holding up what else this thread does: a source may be large.
pub async fn check_apart(id: String, source: OwnSource) -> Checked {
    let checking = tokio::task::spawn_blocking(move || check(&id, &source.connector, source.tests.as_deref()));
    // the checker panics nowhere: `diagnostics::a_line_that_is_left_out_panics_nowhere`
    checking.await.unwrap_or_default()
}

/// Checks and compiles an org's own connector of that id. No account of the engine is there for it.
pub fn check(id: &str, connector: &str, tests: Option<&str>) -> Checked {
    let mut checked = Checked::default();
    let Checked { sources, diagnostics, .. } = &mut checked;
    let Some(file) = yaml::read(sources, "connector.yaml", connector.as_bytes(), diagnostics) else { return checked };
    let tests = tests.and_then(|it| yaml::read(sources, "tests.yaml", it.as_bytes(), diagnostics));
    // what can't be parsed is reported below
    let node = yaml::parse(sources, file, &mut Diagnostics::default());
    let shares = node.as_ref().is_some_and(|it| refuse_trust(it, diagnostics));
    if shares {
        return checked;
    }
    let files = ConnectorFiles { directory: id.to_owned(), connector: file, tests, logo: None };
    let loaded = spec::load(&[files], &[], sources, diagnostics).pop();
    if let Some(connector) = &loaded {
        refuse_hosts(connector, sources, file, diagnostics);
    }
    checked.connector = loaded.filter(|_| !checked.diagnostics.has_errors());
    checked
}

/// What only a shipped connector is trusted with. Tells whether it shares an account, so that the rest of it means nothing.
fn refuse_trust(connector: &Node, diagnostics: &mut Diagnostics) -> bool {
    let mut refuse = |node: &Node, code, message: &str, help: &str| {
        diagnostics.push(Diagnostic::error(code, node.span, message).help(help));
    };
    if let Some(hosts) = connector.get("http").and_then(|it| it.get("hosts")) {
        let help = "write out the URLs that it calls; their hosts are allowed by that";
        refuse(hosts, codes::OWN_HOST, "an org's own connector can't allow further hosts", help);
    }
    let Some(auth) = connector.get("auth") else { return false };
    let schemes = auth.get("schemes").and_then(Node::as_map).unwrap_or_default();
    for consent in schemes.iter().map(|it| &it.value).chain([auth]).filter_map(asks) {
        let help = "ask for a key or a token by `fields`, or for a client's credentials by another `grant`";
        refuse(consent, codes::OWN_SIGN_IN, "an org's own connector can't ask for a consent", help);
    }
    let account = auth.get("account");
    if let Some(account) = account {
        let help = "give `auth` its own `fields` and `scheme`";
        refuse(account, codes::OWN_SIGN_IN, "an org's own connector shares no account with others", help);
    }
    account.is_some()
}

/// By what a scheme asks for a consent.
fn asks(scheme: &Node) -> Option<&Node> {
    let is_code = scheme.get("grant").is_none_or(|it| it.as_text() == Some("authorization_code"));
    let found = ["issuer", "resource"].iter().find_map(|it| scheme.get(it)).filter(|_| is_code);
    scheme.get("authorize_url").or(found)
}

/// Hosts that can't be on the public internet. Those whose names lead there all the same are refused when they are called.
fn refuse_hosts(connector: &Connector, sources: &Sources, file: FileId, diagnostics: &mut Diagnostics) {
    let servers = connector.http.servers.values().flat_map(|it| &it.origins);
    let servers = servers.filter_map(|it| it.host_str().map(str::to_owned));
    let sign_in = connector.account.http.hosts.iter();
    let mut all: Vec<String> = connector.http.hosts.iter().chain(sign_in).cloned().chain(servers).collect();
    all.sort();
    all.dedup();
    for host in all {
        let is_ipv6 = host.starts_with('[');
        let why = if is_ipv6 { Some("an address is not a host name") } else { hosts::refuse(&host) };
        if let Some(why) = why {
            let start = sources.get(file).text.find(&format!("https://{host}")).map_or(0, |it| it + "https://".len());
            let end = if start == 0 { 0 } else { start + host.len() };
            let message = format!("`{host}` can't be called: {why}");
            diagnostics.push(Diagnostic::error(codes::OWN_HOST, Span::new(file, start, end), message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
id: own-shop
version: 1.0.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}}, scheme: bearer, token: '{{ auth.key }}'}
http: {base_url: 'https://api.example.com'}
actions:
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, path: /things}
";

    fn codes_of(source: &str) -> Vec<&'static str> {
        let Checked { connector, diagnostics, .. } = check("own-shop", source, None);
        let errors: Vec<_> =
            diagnostics.sorted().iter().filter(|it| it.code != codes::MISSING_CASE).map(|it| it.code).collect();
        assert_eq!(connector.is_some(), errors.is_empty());
        errors
    }

    #[test]
    fn what_is_not_for_orgs_is_refused() {
        let with = |from: &str, to: &str| codes_of(&SOURCE.replace(from, to));
        assert_eq!(codes_of(SOURCE), [] as [&str; 0]);
        assert_eq!(with("http: {", "http: {hosts: ['*.example.com'], "), [codes::OWN_HOST]);
        assert_eq!(with("api.example.com", "10.0.0.1"), [codes::OWN_HOST]);
        assert_eq!(with("api.example.com", "[::1]:8443"), [codes::OWN_HOST]);
        assert_eq!(with("api.example.com", "localhost"), [codes::OWN_HOST]);
        let elsewhere = with("path: /things", "url: https://intranet/things");
        assert_eq!(elsewhere, [codes::OWN_HOST]);
        let shared = SOURCE
            .replace("{fields: {key: {type: string}}, scheme: bearer, token: '{{ auth.key }}'}", "{account: market}");
        assert_eq!(codes_of(&shared), [codes::OWN_SIGN_IN]);
        let consent = "scheme: oauth2, authorize_url: https://auth.example.com";
        assert!(with("scheme: bearer", consent).contains(&codes::OWN_SIGN_IN));
        let found = "scheme: oauth2, issuer: https://auth.example.com";
        assert!(with("scheme: bearer", found).contains(&codes::OWN_SIGN_IN));
        let client = "scheme: oauth2, grant: client_credentials, issuer: https://auth.example.com";
        assert!(!with("scheme: bearer", client).contains(&codes::OWN_SIGN_IN));
        assert_eq!(
            with("api.example.com", "{{ connection.key }}"),
            [codes::UNDECLARED_HOST, codes::CREDENTIAL_OUTSIDE_AUTH]
        );
    }

    #[test]
    fn ids_tell_whose_a_connector_is() {
        for (id, expected) in
            [("own-shop", true), ("api-stock", true), ("shop", false), ("owner", false), ("apis", false)]
        {
            assert_eq!(is_own(id), expected, "{id}");
        }
    }
}
