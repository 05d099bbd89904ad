//! Which hosts a connector may call: those it declares, by https only.

use url::Url;

use crate::{
    base::Code,
    spec::{Http, Server, hosts},
    transport::SendError,
};

/// Refuses a URL that is not https, carries a user, or lies on a host that the connector does not declare.
///
/// Every transport asks this before a credential goes anywhere, the test scripts and the sandbox too.
pub fn check_host(http: &Http, url: &Url) -> Result<(), SendError> {
    let host = url.host_str().unwrap_or_default();
    let refused = |why: &str| Err(SendError::not_sent(Code::Unsupported, format!("{host} is never called: {why}")));
    if url.scheme() != "https" {
        return refused("the address is not https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refused("the address carries a user");
    }
    let by_pattern = url.port().is_none() && http.hosts.iter().any(|it| hosts::matches(it, host));
    if by_pattern || http.servers.values().any(|it| is_at(it, url)) {
        return Ok(());
    }
    refused("the connector does not declare this host")
}

/// Whether `url` lies at a server that is written out (the host of a template is allowed by `hosts` only).
fn is_at(server: &Server, url: &Url) -> bool {
    server.origins.iter().any(|it| same_origin(it, url))
}

/// As [`Url::origin`] compares, without making the two.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec;
    use crate::transport::fixtures::{expr, http, text};

    #[test]
    fn only_declared_hosts_are_called_and_only_by_https() {
        let mut http = http();
        http.hosts = vec!["*.example.com".to_owned()];
        http.servers.insert("main".to_owned(), spec::Url::Text(text("https://api.test:8443/v1")).into());
        http.servers
            .insert("tenant".to_owned(), spec::Url::Text(text("https://t.test/v1/{{ connection.tenant }}")).into());
        http.servers.insert("open".to_owned(), spec::Url::Text(text("https://o.test{{ connection.tenant }}")).into());
        let of = vec![("a".to_owned(), text("https://a.test/v1")), ("b".to_owned(), text("https://b.test"))];
        http.servers.insert("choice".to_owned(), spec::Url::Choice { by: expr("connection.place"), of }.into());
        let check = |url: &str, expected: bool| {
            assert_eq!(check_host(&http, &Url::parse(url).unwrap()).is_ok(), expected, "{url}");
        };
        check("https://api.example.com/x", true);
        check("https://API.EXAMPLE.COM:443/x", true);
        check("https://api.example.com:8443/x", false);
        check("http://api.example.com/x", false);
        check("ftp://api.example.com/x", false);
        check("https://api.example.com./x", false);
        check("https://user@api.example.com/x", false);
        check("https://:pw@api.example.com/x", false);
        check("https://api.example.com@evil.test/x", false);
        check("https://api.test:8443/elsewhere", true);
        check("https://api.test/v1", false);
        check("https://a.test/", true);
        check("https://b.test/v2", true);
        check("https://t.test/", true);
        check("https://o.test/", false);
    }
}
