//! Which hosts a connector may call: those it declares, by https only.

use url::Url;

use crate::{
    base::Code,
    expr::{Piece, Text},
    spec::{self, Http, hosts},
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
    if by_pattern || http.servers.values().any(|it| is_server(it, url)) {
        return Ok(());
    }
    refused("the connector does not declare this host")
}

/// Whether `url` has the origin of a server that is written out (the host of a template is allowed by `hosts` only).
fn is_server(server: &spec::Url, url: &Url) -> bool {
    literal_origins(server).any(|it| it.origin() == url.origin())
}

/// The origins that are written out, as URLs without path.
fn literal_origins(url: &spec::Url) -> impl Iterator<Item = Url> {
    let texts: Vec<&Text> = match url {
        spec::Url::Text(text) => vec![text],
        spec::Url::Choice { of, .. } => of.iter().map(|(_, text)| text).collect(),
    };
    texts.into_iter().filter_map(literal_origin)
}

/// `https://api.example.com` of `https://api.example.com/v1/{{ … }}`; `None` if a placeholder may reach the host.
fn literal_origin(text: &Text) -> Option<Url> {
    let Piece::Literal(head) = text.pieces.first()? else { return None };
    let start = head.find("://")? + 3;
    let end = head[start..].find(['/', '?', '#']).map(|it| start + it);
    let end = end.or_else(|| (text.pieces.len() == 1).then_some(head.len()))?;
    Url::parse(&head[..end]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::fixtures::{expr, http, text};

    #[test]
    fn only_declared_hosts_are_called_and_only_by_https() {
        let mut http = http();
        http.hosts = vec!["*.example.com".to_owned()];
        http.servers.insert("main".to_owned(), spec::Url::Text(text("https://api.test:8443/v1")));
        http.servers.insert("tenant".to_owned(), spec::Url::Text(text("https://t.test/v1/{{ connection.tenant }}")));
        http.servers.insert("open".to_owned(), spec::Url::Text(text("https://o.test{{ connection.tenant }}")));
        let of = vec![("a".to_owned(), text("https://a.test/v1")), ("b".to_owned(), text("https://b.test"))];
        http.servers.insert("choice".to_owned(), spec::Url::Choice { by: expr("connection.place"), of });
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
