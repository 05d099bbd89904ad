//! AWS Signature Version 4: an HMAC over a canonical form of the request, with a key derived for the day, the region and the
//! service. Other providers' gateways and object stores take it too.

use jiff::{Timestamp, fmt::strtime};
use percent_encoding::percent_decode_str;
use url::{Url, form_urlencoded};

use crate::{
    base::Secret,
    expr::{EvalError, Scope, Sink},
    format::query,
    signing::{Hash, hex},
    spec::SigV4,
    wire::Request,
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The headers that sign `request`; its other headers are signed as they are.
///
/// # Errors
/// If one of the templates fails.
pub(super) fn headers(
    it: &SigV4,
    request: &Request,
    scope: &Scope,
    now: Timestamp,
) -> Result<Vec<(String, Secret)>, EvalError> {
    let text = |text: &crate::expr::Text| text.render(scope, Sink::Plain);
    let (access_key, secret) = (text(&it.access_key)?, Secret::new(text(&it.secret_key)?));
    let (region, service) = (text(&it.region)?, text(&it.service)?);
    let session = it.session_token.as_ref().map(text).transpose()?.filter(|it| !it.is_empty());
    let time = strtime::format("%Y%m%dT%H%M%SZ", now).unwrap_or_default();
    let day = time.get(..8).unwrap_or_default();
    let body = hex(&Hash::Sha256.digest(&request.body));

    let mut added = vec![("x-amz-date".to_owned(), Secret::new(time.clone()))];
    added.extend(session.map(|token| ("x-amz-security-token".to_owned(), Secret::new(token))));
    added.extend(it.storage.then(|| ("x-amz-content-sha256".to_owned(), Secret::new(body.clone()))));
    let (names, lines) = signed_headers(request, &added);
    let canonical =
        [&*request.method, &path(&request.url, it.storage), &query(&request.url), &lines, &names, &body].join("\n");

    let credential = format!("{day}/{region}/{service}/aws4_request");
    let to_sign = [ALGORITHM, &time, &credential, &hex(&Hash::Sha256.digest(canonical.as_bytes()))].join("\n");
    let mut key = format!("AWS4{}", secret.expose()).into_bytes();
    for part in [day, &region, &service, "aws4_request", &to_sign] {
        key = Hash::Sha256.hmac(&key, part.as_bytes()).unwrap_or_default();
    }
    let authorization =
        format!("{ALGORITHM} Credential={access_key}/{credential}, SignedHeaders={names}, Signature={}", hex(&key));
    added.push(("authorization".to_owned(), Secret::new(authorization)));
    Ok(added)
}

/// The names of all headers, and a line for each, in order. Those that are added replace the request's own.
fn signed_headers(request: &Request, added: &[(String, Secret)]) -> (String, String) {
    let mut all = vec![("host", host(&request.url))];
    let own = request.headers.iter().filter(|(name, _)| !added.iter().any(|(it, _)| it == name));
    all.extend(own.map(|(name, value)| (name.as_str(), value.clone())));
    all.extend(added.iter().map(|(name, value)| (name.as_str(), value.expose().to_owned())));
    all.sort_by_key(|(name, _)| *name);
    let (mut names, mut lines): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for (name, value) in all {
        let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
        match (names.last() == Some(&name), lines.last_mut()) {
            (true, Some(line)) => *line = format!("{line},{value}"),
            _ => {
                names.push(name);
                lines.push(format!("{name}:{value}"));
            }
        }
    }
    (names.join(";"), lines.iter().map(|it| format!("{it}\n")).collect())
}

/// As the client sends it.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// An object store signs the path that is meant, any other service the one that is sent, encoded once more and without empty
/// segments.
fn path(url: &Url, storage: bool) -> String {
    let sent = url.path();
    let segments = sent.split('/').map(|segment| match storage {
        true => query::unreserved(&percent_decode_str(segment).collect::<Vec<u8>>()),
        false => query::unreserved(segment.as_bytes()),
    });
    let joined = match storage {
        true => segments.collect::<Vec<_>>().join("/"),
        false => {
            let whole: Vec<_> = segments.filter(|it| !it.is_empty()).collect();
            let end = if sent.ends_with('/') && !whole.is_empty() { "/" } else { "" };
            format!("/{}{end}", whole.join("/"))
        }
    };
    if joined.is_empty() { "/".to_owned() } else { joined }
}

fn query(url: &Url) -> String {
    let mut pairs: Vec<String> = form_urlencoded::parse(url.query().unwrap_or_default().as_bytes())
        .map(|(name, value)| (query::unreserved(name.as_bytes()), query::unreserved(value.as_bytes())))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.sort();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transport::fixtures::text;

    struct Case<'c> {
        request: (&'c str, &'c str),
        headers: &'c [(&'c str, &'c str)],
        body: &'static str,
        /// key, secret, region, service, session, storage
        by: (&'c str, &'c str, &'c str, &'c str, &'c str, bool),
        now: &'c str,
        signed: &'c str,
        signature: &'c str,
    }

    /// Of the test suite that goes with the algorithm.
    const SUITE: (&str, &str, &str, &str, &str, bool) =
        ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service", "", false);
    /// Of the examples for object stores in its documentation.
    const STORE: (&str, &str, &str, &str, &str, bool) =
        ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3", "", true);
    const SUITE_TIME: &str = "2015-08-30T12:36:00Z";
    const STORE_TIME: &str = "2013-05-24T00:00:00Z";

    fn authorization(case: &Case<'_>) -> String {
        let (access_key, secret, region, service, session, storage) = case.by;
        let template = |it: &str| text(&format!("{{{{ auth.{it} }}}}"));
        let it = SigV4 {
            access_key: template("id"),
            secret_key: template("secret"),
            session_token: Some(template("session")),
            region: text(region),
            service: text(service),
            storage,
        };
        let request = Request {
            method: case.request.0.to_owned(),
            url: Url::parse(case.request.1).unwrap(),
            headers: case.headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: case.body.into(),
        };
        let mut scope = Scope::new();
        scope.set("auth", json!({"id": access_key, "secret": secret, "session": session}));
        let headers = headers(&it, &request, &scope, case.now.parse().unwrap()).unwrap();
        headers.last().unwrap().1.expose().to_owned()
    }

    #[test]
    fn published_signatures_are_reproduced() {
        let suite = |url| Case {
            request: ("GET", url),
            headers: &[],
            body: "",
            by: SUITE,
            now: SUITE_TIME,
            signed: "host;x-amz-date",
            signature: "",
        };
        let base = "https://example.amazonaws.com/";
        let cases = [
            Case { signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31", ..suite(base) },
            Case {
                signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                ..suite("https://example.amazonaws.com/?Param2=value2&Param1=value1")
            },
            Case {
                signature: "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
                ..suite("https://example.amazonaws.com/?ሴ=bar")
            },
            Case {
                signature: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
                ..suite("https://example.amazonaws.com//example//")
            },
            Case {
                headers: &[("my-header1", " value1"), ("my-header2", "\"a   b   c\"")],
                signed: "host;my-header1;my-header2;x-amz-date",
                signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
                ..suite(base)
            },
            Case {
                by: (
                    SUITE.0,
                    SUITE.1,
                    SUITE.2,
                    SUITE.3,
                    "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
                    false,
                ),
                signed: "host;x-amz-date;x-amz-security-token",
                signature: "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
                ..suite(base)
            },
            Case {
                request: ("POST", base),
                headers: &[("content-type", "application/x-www-form-urlencoded"), ("content-length", "13")],
                body: "Param1=value1",
                by: (SUITE.0, SUITE.1, SUITE.2, SUITE.3, "", true),
                signed: "content-length;content-type;host;x-amz-content-sha256;x-amz-date",
                signature: "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
                ..suite(base)
            },
            Case {
                headers: &[("range", "bytes=0-9")],
                by: STORE,
                now: STORE_TIME,
                signed: "host;range;x-amz-content-sha256;x-amz-date",
                signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                ..suite("https://examplebucket.s3.amazonaws.com/test.txt")
            },
            Case {
                request: ("PUT", "https://examplebucket.s3.amazonaws.com/test$file.text"),
                headers: &[("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
                body: "Welcome to Amazon S3.",
                by: STORE,
                now: STORE_TIME,
                signed: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
            },
        ];
        for case in &cases {
            let day = &case.now[..10].replace('-', "");
            let (key, _, region, service, ..) = case.by;
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential={key}/{day}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={}",
                case.signed, case.signature
            );
            assert_eq!(authorization(case), expected, "{:?}", case.request);
        }
    }

    #[test]
    fn a_path_is_encoded_once_more_but_for_object_stores() {
        let check = |sent: &str, service: &str, store: &str| {
            let url = Url::parse(&format!("https://api.example.com{sent}")).unwrap();
            assert_eq!((path(&url, false).as_str(), path(&url, true).as_str()), (service, store), "{sent}");
        };
        check("/test/@connections/a%3D", "/test/%40connections/a%253D", "/test/%40connections/a%3D");
        check("", "/", "/");
        check("//a//b/", "/a/b/", "//a//b/");
        check("/a/../b c", "/b%2520c", "/b%20c");
    }
}
