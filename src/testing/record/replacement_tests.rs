use serde_json::json;
use url::Url;

use super::*;
use crate::{base::Secret, testing::tests::load_connector, wire};

const CONNECTOR: &str = "
id: shop
version: 1.2.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth:
  fields:
    place: {type: string, enum: [eu, us], secret: false}
    user: {type: string, secret: false}
    key: {type: string}
  scheme: bearer
  token: '{{ auth.key }}'
http: {base_url: https://api.example.com}
actions:
  look:
    title: Look
    describe: Looks at an order of the shop.
    effect: read
    request: {method: GET, path: /orders}
    output: $.count
";

fn request() -> wire::Request {
    let url = Url::parse("https://api.example.com/orders").unwrap();
    wire::Request { method: "GET".into(), url, headers: Vec::new(), body: "".into() }
}

/// What stands in these answers afterwards, and what is told of it. The first is that of a sign-in.
fn replaced(credentials: Json, used: &[&str], answers: &[&str]) -> (Vec<String>, String) {
    let exchanges = answers.iter().enumerate().map(|(number, body)| Exchanged {
        request: request(),
        answer: Ok(wire::Answer {
            status: 200,
            headers: Vec::new(),
            body: (*body).to_owned().into(),
            url: request().url,
        }),
        is_sign_in: number == 0,
    });
    let used = used.iter().map(|it| Secret::new(*it)).collect();
    let observed = Observed { exchanges: exchanges.collect(), outcome: Ok(json!(null)), used };
    let Json::Object(credentials) = credentials else { panic!("they are fields") };
    let wanted = Wanted {
        name: "it".into(),
        kind: "action",
        of: "look".into(),
        now: jiff::Timestamp::UNIX_EPOCH,
        execution_key: "key".into(),
        connection: JsonMap::new(),
        credentials,
        config: JsonMap::new(),
        input: JsonMap::new(),
    };
    let all = Replacements::of(&load_connector(CONNECTOR, "  []"), &wanted, &observed);
    let observed = all.observed(observed);
    let bodies = observed.answers().map(|(answer, _)| String::from_utf8_lossy(&answer.body).into_owned());
    (bodies.collect(), all.told())
}

#[test]
fn a_credential_is_replaced_whatever_its_length_and_wherever_it_can_be_told() {
    let given = json!({"place": "eu", "user": "ann", "key": "k-1"});
    let answer = r#"{"user":"ann","key":"k-1","annex":"an annex of k-12","place":"eu"}"#;
    let (bodies, told) = replaced(given, &[], &["{}", answer]);
    assert_eq!(bodies[1], r#"{"user":"test-user","key":"test-key","annex":"an annex of k-12","place":"eu"}"#);
    assert_eq!(told, "2 credentials");
}

#[test]
fn one_number_stays_one_in_whatever_form() {
    let answer = r#"{"a":"+62 812 3456 7890","b":"0812-3456-7890","phone":6281234567890,"c":"0813 3456 7891"}"#;
    let (bodies, told) = replaced(json!({}), &[], &["{}", answer]);
    let expected = r#"{"a":"+62 800 0000 0001","b":"0800-0000-0001","phone":6280000000001,"c":"0800 0000 0002"}"#;
    assert_eq!((bodies[1].as_str(), told.as_str()), (expected, "3 telephone numbers"));
}

#[test]
fn a_card_stays_one_that_could_be() {
    let (bodies, _) = replaced(json!({}), &[], &["{}", r#"{"a":"5555 5555 5555 4444","b":378282246310005}"#]);
    let body: Json = serde_json::from_str(&bodies[1]).unwrap();
    for card in [&body["a"], &body["b"]] {
        let digits = found::digits(&card.to_string());
        assert!(digits.starts_with('4') && found::luhn(&digits).is_multiple_of(10), "{card}");
    }
}

#[test]
fn of_a_sign_in_only_words_are_left() {
    let sign_in =
        r#"{"data":{"session":"s3ss10n-of-ana","kind":"bearer","until":"2026-11-26T10:00:00Z","seconds":3600}}"#;
    let order = r#"{"note":"s3ss10n-of-ana is yours","number":"A-17-of-ana"}"#;
    let (bodies, told) = replaced(json!({}), &["s3ss10n-of-ana"], &[sign_in, order]);
    let expected =
        r#"{"data":{"session":"test-token-1","kind":"bearer","until":"2026-11-26T10:00:00Z","seconds":3600}}"#;
    assert_eq!(bodies, [expected, r#"{"note":"test-token-1 is yours","number":"A-17-of-ana"}"#]);
    assert_eq!(told, "1 secret of the sign-in");
}

#[test]
fn a_replacement_is_not_replaced_again_and_what_elements_are_called_stays() {
    let (bodies, _) = replaced(json!({"user": "test", "key": "user"}), &[], &["", "<user a='test'>test</user>"]);
    assert_eq!(bodies[1], "<user a='test-user'>test-user</user>");
}
