//! Settings that name what no connector has: usually they are misspelt, and calls go where nobody meant them to.

use std::{collections::HashSet, sync::Arc};

use url::Url;

use crate::{
    catalog::Snapshot,
    config::Config,
    spec::{Connector, hosts},
    transport::check_host,
};

/// Each account and each overridden origin that no connector of the snapshot has. An org's own connector may have it.
pub(super) fn settings(config: &Config, snapshot: &Snapshot) -> Vec<String> {
    let connectors: Vec<&Arc<Connector>> = snapshot.everybodys().collect();
    let accounts: HashSet<&str> = connectors.iter().map(|it| it.account.id.as_str()).collect();
    let accounts = config.accounts.keys().filter(|it| !accounts.contains(it.as_str()));
    let mut unused: Vec<String> = accounts.map(|it| format!("the account `{it}` of `accounts`")).collect();
    let mut origins: Vec<_> = config.endpoint_overrides.iter().map(|(from, _)| from).collect();
    for connector in connectors {
        if origins.is_empty() {
            break;
        }
        connector.peek(|it| origins.retain(|origin| !is_used(it, origin)));
    }
    let origins = origins.into_iter().map(|it| it.origin().ascii_serialization());
    unused.extend(origins.map(|it| format!("the origin `{it}` of `endpoint_overrides`")));
    unused
}

/// Whether a connector may send something there, or a browser for its consent.
fn is_used(connector: &Connector, origin: &Url) -> bool {
    let consent = connector.account.consent().into_iter().flat_map(|it| it.authorize_url.texts());
    [&connector.http, &connector.account.http].into_iter().any(|it| check_host(it, origin).is_ok())
        || consent.filter_map(hosts::literal_origin).any(|it| it.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use indexmap::IndexMap;

    use super::*;
    use crate::catalog::folder;

    #[test]
    fn what_no_connector_has_is_named() {
        let all = folder::load(Path::new("connectors")).unwrap().connectors;
        let folder: IndexMap<_, _> = all.into_iter().map(|it| (it.id.clone(), it)).collect();
        let snapshot = Snapshot { folder, ..Snapshot::default() };
        let used = snapshot.folder.values().find(|it| it.account.consent().is_some()).unwrap();
        let account = &used.account.id;
        let mut text =
            format!("accounts: {{{account}: {{client_id: a}}, {account}x: {{client_id: b}}}}\nendpoint_overrides:\n");
        let servers = snapshot.folder.values().flat_map(|it| it.http.servers.values().flat_map(|it| &it.origins));
        let origins: HashSet<_> = servers.map(|it| it.origin().ascii_serialization()).collect();
        assert!(origins.len() > 5, "{origins:?}");
        for origin in origins.iter().map(String::as_str).chain(["https://api.nobody.example"]) {
            text.push_str(&format!("  \"{origin}\": http://127.0.0.1:1\n"));
        }
        let config = Config::from_text(&text, &|_| None).unwrap();
        let expected = [
            format!("the account `{account}x` of `accounts`"),
            "the origin `https://api.nobody.example` of `endpoint_overrides`".to_owned(),
        ];
        assert_eq!(settings(&config, &snapshot), expected);
    }
}
