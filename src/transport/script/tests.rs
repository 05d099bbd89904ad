use serde_json::json;

use super::*;
use crate::{base::Secret, spec::ExpectedRequest, transport::fixtures, wire::Request};

fn http(redirects: u8) -> Http {
    Http { hosts: vec!["api.example.com".to_owned()], redirects, ..fixtures::http() }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn signed(method: &str, url: &str, body: &str) -> Signed {
    Signed {
        request: Request {
            method: method.to_owned(),
            url: Url::parse(url).unwrap(),
            headers: pairs(&[("accept", "application/json")]),
            body: body.to_owned().into_bytes().into(),
        }
        .into(),
        headers: vec![("authorization".to_owned(), Secret::new("Bearer t"))],
        query: vec![("key".to_owned(), Secret::new("k"))],
        members: Vec::new(),
        path: None,
        fill: Vec::new(),
        identity: None,
    }
}

fn exchange(request: ExpectedRequest, answer: CannedAnswer) -> Exchange {
    Exchange { span: fixtures::SPAN, request, answer }
}

fn ok() -> CannedAnswer {
    CannedAnswer::Answer { status: 200, headers: Vec::new(), body: b"{}".to_vec() }
}

#[track_caller]
fn check(expected: ExpectedRequest, sent: Signed, lines: &[&str]) {
    let exchanges = [exchange(expected, ok())];
    let script = Script::new(&exchanges);
    let result = script.play(sent, &http(0));
    let found = script.mismatch().map(|it| it.differences.iter().map(Difference::to_string).collect::<Vec<_>>());
    assert_eq!(found.clone().unwrap_or_default(), lines);
    assert_eq!(result.is_ok(), found.is_none());
}

#[test]
fn only_the_named_parts_are_compared() {
    check(ExpectedRequest::default(), signed("POST", "https://api.example.com/a?b=1", "{}"), &[]);
}

#[test]
fn method_address_query_and_headers_are_compared_with_what_was_signed() {
    let expected = || ExpectedRequest {
        method: Some("POST".to_owned()),
        url: Some("https://api.example.com/a%20b".to_owned()),
        path: Some("/a%20b".to_owned()),
        query: Some(pairs(&[("key", "k"), ("tag", "x"), ("tag", "y")])),
        headers: pairs(&[("authorization", "Bearer t"), ("accept", "application/json")]),
        ..ExpectedRequest::default()
    };
    check(expected(), signed("POST", "https://api.example.com/a%20b?tag=x&tag=y", ""), &[]);
    let mut other = signed("PUT", "https://api.example.com/c?tag=y&tag=x&more=1", "");
    other.headers.clear();
    check(
        expected(),
        other,
        &[
            r#"method: expected "POST", got "PUT""#,
            r#"url: expected "https://api.example.com/a%20b", got "https://api.example.com/c""#,
            r#"path: expected "/a%20b", got "/c""#,
            r#"query /tag/0: expected "x", got "y""#,
            r#"query /tag/1: expected "y", got "x""#,
            r#"query /more: expected nothing, got "1""#,
            r#"header authorization: expected "Bearer t", got nothing"#,
        ],
    );
}

#[test]
fn bodies_are_compared_as_what_they_are() {
    let url = "https://api.example.com/a";
    let json = || ExpectedRequest { body: Some(json!({"a": {"b": 1}})), ..ExpectedRequest::default() };
    check(json(), signed("POST", url, r#"{"a": {"b": 1}}"#), &[]);
    check(json(), signed("POST", url, r#"{"a":{"b":2}}"#), &["body /a/b: expected 1, got 2"]);
    check(json(), signed("POST", url, "<a/>"), &[r#"body: expected {"a":{"b":1}}, got "<a/>""#]);
    check(json(), signed("POST", url, ""), &[r#"body: expected {"a":{"b":1}}, got nothing"#]);

    let form = || ExpectedRequest { form: Some(pairs(&[("a[b]", "1 2"), ("c", "é")])), ..ExpectedRequest::default() };
    check(form(), signed("POST", url, "c=%C3%A9&a%5Bb%5D=1+2"), &[]);
    check(form(), signed("POST", url, "c=%C3%A9"), &[r#"form /a[b]: expected "1 2", got nothing"#]);

    let text = |it: &str| ExpectedRequest { text: Some(it.to_owned()), ..ExpectedRequest::default() };
    check(text("A\nB\n"), signed("PUT", url, "A\r\nB\r\n"), &[]);
    check(text("A\r\nB"), signed("PUT", url, "A\r\nB"), &[]);
    check(text("A\nB\n"), signed("PUT", url, "A\r\nC\r\n"), &[r#"text, line 2: expected "B", got "C""#]);
    check(text("A\nB"), signed("PUT", url, "A"), &[r#"text, line 2: expected "B", got nothing"#]);
}

#[test]
fn exchanges_come_in_order_and_what_is_left_is_told() {
    let method = |it: &str| ExpectedRequest { method: Some(it.to_owned()), ..ExpectedRequest::default() };
    let exchanges = [exchange(method("GET"), ok()), exchange(method("PUT"), ok()), exchange(method("GET"), ok())];
    let script = Script::new(&exchanges);
    let send = |it: &str| script.play(signed(it, "https://api.example.com/a", ""), &http(0));
    assert!(send("GET").is_ok());
    assert!(send("GET").is_err());
    assert!(send("PUT").is_err(), "after a mismatch nothing is answered any more");
    let mismatch = script.mismatch().unwrap();
    assert_eq!(
        mismatch.to_string(),
        "request 2 is not the one expected: GET https://api.example.com/a\n  method: expected \"PUT\", got \"GET\""
    );
    assert_eq!(script.unused().len(), 2);
}

#[test]
fn a_request_too_many_is_told() {
    let script = Script::new(&[]);
    assert!(script.play(signed("GET", "https://api.example.com/a", ""), &http(0)).is_err());
    assert_eq!(script.mismatch().unwrap().to_string(), "request 1 was not expected: GET https://api.example.com/a");
}

#[test]
fn missing_answers_tell_whether_the_request_may_have_arrived() {
    for (answer, code, may_have_arrived) in [
        (CannedAnswer::Lost, Code::Unavailable, true),
        (CannedAnswer::Timeout, Code::Timeout, true),
        (CannedAnswer::Refused, Code::Unavailable, false),
    ] {
        let exchanges = [exchange(ExpectedRequest::default(), answer)];
        let script = Script::new(&exchanges);
        let error = script.play(signed("GET", "https://api.example.com/a", ""), &http(0)).unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (code, may_have_arrived));
        assert!(script.mismatch().is_none() && script.unused().is_empty());
    }
}

#[test]
fn redirects_are_followed_as_far_as_the_connector_allows() {
    let moved = || CannedAnswer::Answer { status: 307, headers: pairs(&[("location", "/b")]), body: Vec::new() };
    let path = |it: &str| ExpectedRequest { path: Some(it.to_owned()), ..ExpectedRequest::default() };
    let exchanges = [exchange(path("/a"), moved()), exchange(path("/b"), ok())];
    let script = Script::new(&exchanges);
    let answer = script.play(signed("PUT", "https://api.example.com/a", ""), &http(1)).unwrap();
    assert_eq!((answer.status, answer.url.path()), (200, "/b"));

    let script = Script::new(&exchanges);
    let answer = script.play(signed("PUT", "https://api.example.com/a", ""), &http(0)).unwrap();
    assert_eq!((answer.status, answer.url.path()), (307, "/a"));
}

#[test]
fn undeclared_hosts_are_not_called() {
    let exchanges = [exchange(ExpectedRequest::default(), ok())];
    let script = Script::new(&exchanges);
    let error = script.play(signed("GET", "https://evil.example.net/a", ""), &http(0)).unwrap_err();
    assert_eq!((error.code, error.may_have_arrived), (Code::Unsupported, false));
    assert_eq!(script.unused().len(), 1);
}
