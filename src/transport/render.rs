//! A plan's request and what is known → the exact request that is sent, still without a credential.

use serde_json::Value as Json;
use url::Url;

use crate::{
    base::Code,
    expr::{EvalError, Piece, Scope, Sink, Text},
    format::{
        FormatError,
        body::{self, Encoded},
        query,
    },
    spec::{self, AnswerKind, Body, Http, Target},
    transport::{SendError, multipart},
    wire,
};

/// Renders `request` over `scope`.
///
/// Its address is absolute. Whether its host may be called is for whoever sends it to say ([`super::check_host`]), since
/// an address that a provider gave may be that of its stand-in.
///
/// # Errors
/// `invalid_input` when a value doesn't fit its place, such as an empty path segment; `precondition_failed` when the
/// connection has no server for it; `provider_error` when an address that the provider gave is not absolute.
pub fn render(request: &spec::Request, http: &Http, scope: &Scope) -> Result<wire::Request, SendError> {
    let mut url = target(request, http, scope)?;
    for (name, shape) in &request.query {
        if let Some(value) = shape.eval(scope).map_err(unusable)? {
            query::append(&mut url, &query::pairs(name, &value).map_err(unwritable)?);
        }
    }
    let body = encoded(&request.body, scope)?;
    let headers = headers(request, http, body.as_ref(), scope)?;
    Ok(wire::Request {
        method: request.method.clone(),
        url,
        headers,
        body: body.map(|it| it.bytes).unwrap_or_default(),
    })
}

/// An address as text: written out, made by a template, or picked by a value.
///
/// # Errors
/// `invalid_input` when a placeholder has no value; `precondition_failed` when there is no address for the value.
pub fn address(url: &spec::Url, scope: &Scope) -> Result<String, SendError> {
    let text = match url {
        spec::Url::Text(text) => text,
        spec::Url::Choice { by, of } => {
            let value = match by.eval(scope).map_err(unusable)? {
                Some(Json::String(text)) => text,
                Some(flag @ (Json::Bool(_) | Json::Number(_))) => flag.to_string(),
                _ => String::new(),
            };
            let found = of.iter().find(|(key, _)| *key == value).map(|(_, text)| text);
            found.ok_or_else(|| {
                let message = format!("`{}` is none of the values that the address is picked by", by.source);
                SendError::not_sent(Code::PreconditionFailed, message)
            })?
        }
    };
    text.render(scope, Sink::Url).map_err(unusable)
}

/// A header's value; `None`, and then it is not sent, if all of it was left to placeholders that gave nothing.
pub(crate) fn header(text: &Text, scope: &Scope) -> Result<Option<String>, EvalError> {
    let value = text.render(scope, Sink::Header)?;
    let open = text.pieces.iter().any(|it| matches!(it, Piece::Expr(_)));
    Ok((!value.is_empty() || !open).then_some(value))
}

fn target(request: &spec::Request, http: &Http, scope: &Scope) -> Result<Url, SendError> {
    let whole = match &request.target {
        Target::Url(text) => text.render(scope, Sink::Url).map_err(unusable)?,
        Target::SignIn(url) => address(url, scope)?,
        Target::Path { server, path } => {
            let server = match server {
                Some(name) => http.servers.get(name),
                None => http.servers.values().next(),
            };
            let none = || SendError::not_sent(Code::Unsupported, "the connector has no such server");
            let server = server.ok_or_else(none)?;
            let path = path.render(scope, Sink::Segment).map_err(unusable)?;
            if let Some(base) = &server.fixed
                && !path.contains(['?', '#'])
            {
                return Ok(below(base, &path));
            }
            format!("{}{path}", address(&server.url, scope)?.trim_end_matches('/'))
        }
    };
    let url = Url::parse(&whole).ok().filter(Url::has_host);
    url.ok_or_else(|| {
        // A relative reference is what a provider most often gives by surprise.
        SendError::not_sent(Code::ProviderError, "the request's address is not an absolute URL")
    })
}

/// `path`, which begins with a slash or is empty, under an address that was parsed before.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    match base.path().trim_end_matches('/') {
        "" => url.set_path(path),
        prefix => url.set_path(&format!("{prefix}{path}")),
    }
    url
}

/// The connector's headers, replaced by the request's own where both give one; then those that the kinds of body and
/// answer bring along, unless one of the others says otherwise.
fn headers(
    request: &spec::Request,
    http: &Http,
    body: Option<&Encoded>,
    scope: &Scope,
) -> Result<Vec<(String, String)>, SendError> {
    let mut headers: Vec<(String, String)> = Vec::with_capacity(http.headers.len() + request.headers.len() + 2);
    let general = http.headers.iter().filter(|(name, _)| !request.headers.iter().any(|(own, _)| own == name));
    for (name, text) in general.chain(&request.headers) {
        if let Some(value) = header(text, scope).map_err(unusable)? {
            headers.push((name.clone(), value));
        }
    }
    let mut default = |name: &str, value: &str| {
        if !headers.iter().any(|(own, _)| own == name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    };
    if let Some(body) = body {
        default("content-type", request.content_type.as_deref().unwrap_or(&body.content_type));
    }
    default("accept", accepted(request.answer));
    Ok(headers)
}

/// The bytes; `None` without a body.
fn encoded(body: &Body, scope: &Scope) -> Result<Option<Encoded>, SendError> {
    let text = |text: &Text, sink| text.render(scope, sink).map_err(unusable);
    Ok(match body {
        Body::None => None,
        Body::Json(shape) => shape.eval(scope).map_err(unusable)?.map(|it| body::json(&it)),
        Body::Form(shape) => {
            let value = shape.eval(scope).map_err(unusable)?;
            value.map(|it| body::form(&it)).transpose().map_err(unwritable)?
        }
        Body::Xml(it) => Some(body::xml(&text(it, Sink::Xml)?)),
        Body::Ics(it) => Some(body::ics(&text(it, Sink::Ics)?)),
        Body::Text(it) => Some(body::text(text(it, Sink::Plain)?)),
        Body::Base64(it) => Some(body::bytes(multipart::bytes(&text(it, Sink::Plain)?)?)),
        Body::Multipart(it) => Some(multipart::encoded(it, scope)?),
    })
}

/// What is asked for, unless the connector says otherwise.
fn accepted(kind: AnswerKind) -> &'static str {
    match kind {
        AnswerKind::Auto | AnswerKind::Json => "application/json",
        AnswerKind::Xml | AnswerKind::Multistatus => "application/xml, text/xml",
        AnswerKind::Csv => "text/csv, */*",
        AnswerKind::Text | AnswerKind::Bytes | AnswerKind::Empty => "*/*",
    }
}

/// A template that can't be evaluated with these values.
#[expect(clippy::needless_pass_by_value, reason = "taken by `map_err`")]
pub(crate) fn unusable(error: EvalError) -> SendError {
    SendError::not_sent(Code::InvalidInput, format!("the request can't be made: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "taken by `map_err`")]
pub(crate) fn unwritable(error: FormatError) -> SendError {
    SendError::not_sent(Code::InvalidInput, format!("the request can't be made: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transport::fixtures::{expr, http, request, shape, text};

    fn scope() -> Scope {
        let mut scope = Scope::new();
        scope.set("input", json!({"id": "a/b c@d", "on": true, "list": ["x", 2], "none": null, "empty": ""}));
        scope.set("connection", json!({"region": "eu", "base": "https://t.example.com/v2/"}));
        scope.set("steps", json!({"list": {"next": "https://n.example.com/x%2fy?a=b%20c", "relative": "/x"}}));
        scope
    }

    fn api() -> Http {
        let mut http = http();
        http.servers.insert("main".to_owned(), spec::Url::Text(text("https://api.example.com/v1/")).into());
        let of =
            vec![("eu".to_owned(), text("https://eu.example.com")), ("us".to_owned(), text("https://us.example.com"))];
        http.servers.insert("region".to_owned(), spec::Url::Choice { by: expr("connection.region"), of }.into());
        http.servers
            .insert("none".to_owned(), spec::Url::Choice { by: expr("connection.nowhere"), of: Vec::new() }.into());
        http.servers.insert("own".to_owned(), spec::Url::Text(text("{{ connection.base }}")).into());
        http
    }

    fn path(server: Option<&str>, path: &str) -> Target {
        Target::Path { server: server.map(str::to_owned), path: text(path) }
    }

    #[track_caller]
    fn check(target: Target, query: &[(&str, serde_json::Value)], expected: Result<&str, Code>) {
        let mut request = request("GET", target);
        request.query = query.iter().map(|(name, value)| ((*name).to_owned(), shape(value.clone()))).collect();
        let rendered = render(&request, &api(), &scope());
        let rendered = rendered.as_ref().map(|it| it.url.as_str()).map_err(|it| it.code);
        assert_eq!(rendered, expected);
    }

    #[test]
    fn each_placeholder_of_a_path_is_one_segment_under_the_server() {
        check(path(None, "/e/{{ input.id }}:append"), &[], Ok("https://api.example.com/v1/e/a%2Fb%20c%40d:append"));
        check(path(Some("region"), "/e"), &[], Ok("https://eu.example.com/e"));
        check(path(Some("own"), "/e"), &[], Ok("https://t.example.com/v2/e"));
        check(path(None, "/e/{{ input.missing }}"), &[], Err(Code::InvalidInput));
        check(path(None, "/e/{{ input.empty }}"), &[], Err(Code::InvalidInput));
        check(path(Some("none"), "/e"), &[], Err(Code::PreconditionFailed));
        check(path(Some("unknown"), "/e"), &[], Err(Code::Unsupported));
    }

    #[test]
    fn under_a_server_that_is_written_out_a_path_is_what_the_whole_address_would_be() {
        for written in [
            "https://api.example.com",
            "https://api.example.com/v1/",
            "https://api.example.com/v1/..",
            "https://api.example.com/a/../b",
            "https://api.example.com:8443/a%2fb/é",
        ] {
            let base = spec::Server::from(spec::Url::Text(text(written))).fixed.unwrap();
            for path in
                ["", "/", "/e/a%2Fb%20c@d:append", "/a/../b", "/a/./b/..", "/é x", "/a\\b", "/%zz", "//x", "/a;b=c,d"]
            {
                let whole = Url::parse(&format!("{}{path}", written.trim_end_matches('/'))).unwrap();
                assert_eq!(below(&base, path), whole, "{written} {path}");
            }
        }
        for base in [
            "https://{{ connection.host }}/v1",
            "https://api.example.com/?v=1",
            "https://api.example.com/a/b/..",
            "https://api.example.com/v1/.",
            "/v1",
        ] {
            assert!(spec::Server::from(spec::Url::Text(text(base))).fixed.is_none(), "{base}");
        }
    }

    #[test]
    fn an_address_of_the_provider_stays_as_it_is() {
        let next = "https://n.example.com/x%2fy?a=b%20c";
        check(Target::Url(text("{{ steps.list.next }}")), &[], Ok(next));
        check(Target::Url(text("{{ steps.list.next }}")), &[("q", json!("é"))], Ok(&format!("{next}&q=%C3%A9")));
        let below = "{{ connection.base }}{{ input.id }}/x";
        check(Target::Url(text(below)), &[], Ok("https://t.example.com/v2/a%2Fb%20c%40d/x"));
        check(Target::Url(text("{{ steps.list.relative }}")), &[], Err(Code::ProviderError));
        check(Target::Url(text("{{ steps.list.missing }}")), &[], Err(Code::InvalidInput));
    }

    #[test]
    fn query_keys_repeat_and_unset_ones_vanish() {
        let query = [
            ("a", json!("{{ input.list }}")),
            ("b", json!("{{ input.on }}")),
            ("c", json!("{{ input.missing }}")),
            ("d", json!("{{ input.none }}")),
            ("e", json!("{{ input.id }}")),
            ("f", json!(1)),
        ];
        check(path(None, "/e"), &query, Ok("https://api.example.com/v1/e?a=x&a=2&b=true&e=a%2Fb%20c%40d&f=1"));
    }

    fn headers_of(request: &spec::Request, http: &Http) -> Vec<(String, String)> {
        render(request, http, &scope()).unwrap().headers
    }

    #[test]
    fn a_request_s_header_replaces_the_connector_s_and_both_the_usual_ones() {
        let named = |list: &[(&str, &str)]| -> Vec<_> {
            list.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect()
        };
        let as_sent = |list: &[(&str, &str)]| -> Vec<_> {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let mut http = api();
        http.headers = named(&[("x-a", "general"), ("x-b", "{{ input.id }}"), ("accept", "text/csv")]);
        let mut request = request("POST", path(None, "/e"));
        request.headers = named(&[("x-a", "own"), ("x-c", "{{ input.missing }}"), ("x-d", "")]);
        request.body = Body::Json(shape(json!({"a": "{{ input.none }}", "b": "{{ input.missing }}"})));
        let type_of = |value| ("content-type", value);
        let rest = [("x-b", "a/b c@d"), ("accept", "text/csv"), ("x-a", "own"), ("x-d", "")];
        assert_eq!(headers_of(&request, &http), as_sent(&[&rest[..], &[type_of("application/json")]].concat()));
        request.content_type = Some("application/vnd.api+json".to_owned());
        assert_eq!(headers_of(&request, &http), as_sent(&[&rest[..], &[type_of("application/vnd.api+json")]].concat()));

        request.headers = named(&[("x-a", "a\r\nb")]);
        assert!(render(&request, &http, &scope()).is_ok(), "what the author wrote was checked at load");
        let mut scope = scope();
        scope.set("input", json!({"id": "a\r\nx-evil: b"}));
        assert_eq!(render(&request, &http, &scope).unwrap_err().code, Code::InvalidInput);
    }

    #[test]
    fn each_kind_of_body_has_its_bytes_and_its_type() {
        let check = |body: Body, answer: AnswerKind, bytes: &str, content_type: Option<&str>, accept: &str| {
            let mut request = request("POST", path(None, "/e"));
            (request.body, request.answer) = (body, answer);
            let rendered = render(&request, &api(), &scope()).unwrap();
            assert_eq!(String::from_utf8_lossy(&rendered.body), bytes);
            assert_eq!((rendered.header("content-type"), rendered.header("accept")), (content_type, Some(accept)));
        };
        let json = "application/json";
        check(Body::None, AnswerKind::Auto, "", None, json);
        check(Body::Json(shape(json!("{{ input.missing }}"))), AnswerKind::Json, "", None, json);
        check(
            Body::Json(shape(json!({"a": [null, "{{ input.on }}"]}))),
            AnswerKind::Auto,
            r#"{"a":[null,true]}"#,
            Some(json),
            json,
        );
        let form = Some("application/x-www-form-urlencoded");
        check(
            Body::Form(shape(json!({"a": {"b": "{{ input.id }}"}}))),
            AnswerKind::Text,
            "a%5Bb%5D=a%2Fb+c%40d",
            form,
            "*/*",
        );
        let xml = Some("application/xml; charset=utf-8");
        let body = Body::Xml(text("\n<a>{{ '<&' }}</a>"));
        check(body, AnswerKind::Multistatus, "<a>&lt;&amp;</a>", xml, "application/xml, text/xml");
        let plain = Some("text/plain; charset=utf-8");
        check(Body::Text(text("<{{ input.id }}>\n")), AnswerKind::Empty, "<a/b c@d>\n", plain, "*/*");
        let ics = Some("text/calendar; charset=utf-8");
        check(Body::Ics(text("A:{{ 'x;y' }}\n")), AnswerKind::Empty, "A:x\\;y\r\n", ics, "*/*");

        check(
            Body::Base64(text("{{ 'AP8' }}")),
            AnswerKind::Csv,
            "\0\u{fffd}",
            Some("application/octet-stream"),
            "text/csv, */*",
        );

        let mut request = request("POST", path(None, "/e"));
        request.body = Body::Base64(text("{{ 'no base64!' }}"));
        assert_eq!(render(&request, &api(), &scope()).unwrap_err().code, Code::InvalidInput);
        request.body = Body::Form(shape(json!([1])));
        assert_eq!(render(&request, &api(), &scope()).unwrap_err().code, Code::InvalidInput);
    }
}
