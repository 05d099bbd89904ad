//! Compares a request with what a case says of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use url::Url;

use crate::{
    format,
    spec::ExpectedRequest,
    transport::{
        Difference, Signed, differences as json_differences,
        received::{self, grouped},
    },
};

/// Everything in which the request differs from the parts that the case names.
///
/// Signed headers and query parameters are compared, and shown, like any other: a case's credentials are written in the
/// file beside it.
pub(super) fn differences(expected: &ExpectedRequest, signed: &Signed) -> Vec<Difference> {
    let url = &signed.request.url;
    let mut found = Vec::new();
    let mut text = |what: &str, expected: Option<&str>, got: &str| {
        if let Some(expected) = expected.filter(|&it| it != got) {
            found.push(Difference::new(what, Some(expected.into()), Some(got.into())));
        }
    };
    text("method", expected.method.as_deref(), &signed.request.method);
    text("url", expected.url.as_deref(), without_query(url));
    text("path", expected.path.as_deref(), url.path());

    if let Some(expected) = &expected.query {
        found.extend(json_differences("query", &grouped(expected.iter().cloned()), &grouped(query(signed))));
    }
    for (name, expected) in &expected.headers {
        let got = header(signed, name);
        if got != Some(expected) {
            found.push(Difference::new(format!("header {name}"), Some(json!(expected)), got.map(|it| json!(it))));
        }
    }
    found.extend(body(expected, &signed.body()));
    if let Some(expected) = &expected.parts {
        let got = received::parts(header(signed, "content-type").unwrap_or_default(), &signed.request.body);
        found.extend(json_differences("parts", expected, &got.unwrap_or_default()));
    }
    found
}

fn without_query(url: &Url) -> &str {
    &url[..url::Position::AfterPath]
}

fn query(signed: &Signed) -> impl Iterator<Item = (String, String)> {
    let own = signed.request.url.query_pairs().into_owned().collect::<Vec<_>>();
    let added = signed.query.iter().map(|(name, value)| (name.clone(), value.expose().to_owned())).collect::<Vec<_>>();
    own.into_iter().chain(added)
}

fn header<'a>(signed: &'a Signed, name: &str) -> Option<&'a str> {
    let added = signed.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.expose());
    added.or_else(|| signed.request.header(name))
}

fn body(expected: &ExpectedRequest, got: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    if let Some(expected) = &expected.body {
        match serde_json::from_slice(got) {
            Ok(got) => found.extend(json_differences("body", expected, &got)),
            Err(_) => found.push(Difference::new("body", Some(expected.clone()), shown(got))),
        }
    }
    if let Some(expected) = &expected.form {
        found.extend(json_differences("form", &grouped(expected.iter().cloned()), &received::form(got)));
    }
    if let Some(expected) = &expected.base64 {
        let got_text = STANDARD.encode(got);
        if format::body::from_base64(expected).as_deref() != Some(got) {
            found.push(Difference::new("base64", Some(expected.as_str().into()), Some(got_text.into())));
        }
    }
    if let Some(expected) = &expected.text {
        found.extend(text(expected, &String::from_utf8_lossy(got)));
    }
    found
}

fn shown(body: &[u8]) -> Option<Json> {
    (!body.is_empty()).then(|| String::from_utf8_lossy(body).into())
}

/// The first line that differs. A case written with plain line feeds matches CRLF, which YAML blocks can't hold.
fn text(expected: &str, got: &str) -> Option<Difference> {
    let got = if expected.contains('\r') { got.to_owned() } else { got.replace("\r\n", "\n") };
    let (mut expected, mut got) = (lines(expected), lines(&got));
    for number in 1.. {
        match (expected.next(), got.next()) {
            (None, None) => break,
            (left, right) if left == right => {}
            (left, right) => {
                let place = format!("text, line {number}");
                return Some(Difference::new(place, left.map(Json::from), right.map(Json::from)));
            }
        }
    }
    None
}

/// The lines without the newline at the very end.
fn lines(text: &str) -> std::str::Split<'_, char> {
    text.strip_suffix('\n').unwrap_or(text).split('\n')
}
