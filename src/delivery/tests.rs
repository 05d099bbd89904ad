//! Ways in which providers let their deliveries be recognised.

use std::sync::Arc;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::{
    auth::Credentials,
    base::{Secret, clock::FixedClock},
    diag::{Diagnostics, Sources, render},
    spec::{self, Connector, ConnectorFiles},
    transport::script::Script,
};

const HEAD: &str = "
id: shop
version: 1.0.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}, mode: {type: string, secret: false, required: false}}, scheme: bearer, token: '{{ auth.key }}'}
http: {base_url: https://api.example.com}
actions:
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, path: /things, query: {mode: '{{ connection.mode }}'}}
events:
  types:
    paid:
      title: Paid
      when: \"{{ (item | default(request.body)).kind == 'paid' }}\"
      id: '{{ (item | default(request.body)).id }}'
      output: $
    other: {title: Other, id: '{{ request.raw }}', output: {}}
  receive:
";

pub(super) fn connector(receive: &str) -> Arc<Connector> {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let text = format!("{HEAD}{receive}");
    let text =
        if receive.contains("each:") { text } else { text.replace("(item | default(request.body))", "request.body") };
    let files = ConnectorFiles {
        directory: "shop".to_owned(),
        connector: sources.add("connector.yaml", text),
        tests: None,
        logo: None,
    };
    let mut loaded = spec::load(&[files], &[], &sources, &mut diagnostics);
    let found = diagnostics.sorted();
    loaded.pop().unwrap_or_else(|| panic!("{}", render::text(&sources, &found, false)))
}

pub(super) fn delivery(headers: &[(&str, &str)], query: &[(&str, &str)], body: &str) -> Delivery {
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let (method, path) = ("POST".to_owned(), "/webhooks/shop/t/paid".to_owned());
    Delivery { method, path, query: pairs(query), headers: pairs(headers), body: body.to_owned().into() }
}

const NOW: &str = "2026-12-01T09:00:10Z";

fn tried(connector: &Connector, delivery: &Delivery, now: &str) -> Result<Vec<String>, Refused> {
    tried_with(connector, delivery, now, &[("key", "whsk_test_5mEzn9C")], Some("s3cret"))
}

pub(super) fn tried_with(
    connector: &Connector,
    delivery: &Delivery,
    now: &str,
    fields: &[(&str, &str)],
    secret: Option<&str>,
) -> Result<Vec<String>, Refused> {
    let clock = FixedClock(now.parse().unwrap());
    let (connection, events) = (json!({"id": "con_1"}), connector.events.as_ref().unwrap());
    let scope = delivery.scope(&connection, &json!({"key": "k"}), &clock);
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let credentials = Credentials { fields: Arc::new(fields), ..Credentials::default() };
    let secret = secret.map(Secret::new);
    let secret = secret.as_ref();
    let checks = Checks { events, connection: &connection, credentials: &credentials, secret, clock: &clock };
    let asking = Asking { sender: &Script::new(&[]), http: &connector.http };
    let believed = checks.believe(&scope, &KeySets::default(), &asking).now_or_never().expect("nobody is asked");
    let believed = believed.map_err(|it| match it {
        Unbelieved::Refused(why) => why,
        Unbelieved::Unknown(error) => panic!("{error:?}"),
    })?;
    let id = |entry: &Entry| recognise(events, entry).unwrap().map(|it| format!("{} {}", it.event.name, it.id));
    Ok(believed.iter().filter_map(id).collect())
}

#[test]
fn a_timed_signature_over_the_raw_bytes() {
    let receive = r#"
    verify:
      given: "{{ request.headers['x-signature'] | split('v1=') | last }}"
      expected: "{{ ((request.headers['x-signature'] | split(',') | first | replace('t=', '')) ~ '.' ~ request.raw) | hmac('sha256', auth.key) }}"
      timestamp: "{{ request.headers['x-signature'] | split(',') | first | replace('t=', '') }}"
      tolerance: 3m
"#;
    let connector = connector(receive);
    let body =
        r#"{"event":"invitee.created","created_at":"2026-12-01T09:00:00.000000Z","payload":{"status":"active"}}"#;
    let signature = "t=1796034000,v1=f956fdde8bc66a141014db8770e5fbdf8d9b68c3eea2b3eb4be35da95bdbaeed";
    let signed = |signature: &str, body: &str| delivery(&[("x-signature", signature)], &[], body);
    let at = |seconds: i64| Timestamp::from_second(1_796_034_000 + seconds).unwrap().to_string();
    assert_eq!(tried(&connector, &signed(signature, body), &at(179)).unwrap(), [format!("other {body}")]);
    assert_eq!(tried(&connector, &signed(signature, body), &at(181)), Err(Refused::Stale), "a replay");
    assert_eq!(tried(&connector, &signed(signature, body), &at(-181)), Err(Refused::Stale), "not yet");
    let other = body.replace("active", "gone");
    assert_eq!(tried(&connector, &signed(signature, &other), &at(0)), Err(Refused::Different));
    let later = signature.replace("1796034000", "1796034001");
    assert_eq!(tried(&connector, &signed(&later, body), &at(0)), Err(Refused::Different));
    for nothing in ["", "v1=", "t=,v1="] {
        assert!(tried(&connector, &signed(nothing, body), &at(0)).is_err(), "{nothing}");
    }
    assert!(tried(&connector, &delivery(&[], &[], body), &at(0)).is_err());
    let without = tried_with(&connector, &signed(signature, body), &at(0), &[], None);
    assert_eq!(without, Err(Refused::NoSecret("auth.key".to_owned())));
    let empty = tried_with(&connector, &signed(signature, body), &at(0), &[("key", "")], None);
    assert_eq!(empty, Err(Refused::NoSecret("auth.key".to_owned())));
}

#[test]
fn a_hash_in_the_body_made_of_its_parts_and_the_key() {
    let receive = r#"
    verify:
      given: "{{ request.body.signature_key }}"
      expected: "{{ (request.body.order_id ~ request.body.status_code ~ request.body.gross_amount ~ auth.key) | digest('sha512') }}"
"#;
    let connector = connector(receive);
    let signed = "a861953acc37ef219af0c8138bdb88b1c553037e0dc6b6da76bbaea1dc0ef5209deefdb5644f44b852db7cbea6008c658d6916977f97a904a2bcfc5a03e1f96d";
    let body = |amount: &str| {
        format!(
            r#"{{"order_id":"INV-2026-0001","status_code":"200","gross_amount":"{amount}","signature_key":"{signed}","kind":"paid","id":"1"}}"#
        )
    };
    let with = |body: &str| {
        tried_with(&connector, &delivery(&[], &[], body), NOW, &[("key", "SB-Mid-server-EXAMPLEKEY0000")], None)
    };
    assert_eq!(with(&body("150000.00")).unwrap(), ["paid 1"]);
    assert_eq!(with(&body("150000.0")), Err(Refused::Different), "digits count");
    // Whoever leaves the key out of the sum must not be believed where the connection has none.
    let unkeyed = delivery(&[], &[], &body("150000.00"));
    assert!(matches!(tried_with(&connector, &unkeyed, NOW, &[], None), Err(Refused::NoSecret(_))));
}

#[test]
fn a_token_of_ours_in_a_header() {
    let connector = connector(
        "    verify: {given: \"{{ request.headers['x-channel-token'] }}\", expected: '{{ subscription.secret }}'}\n",
    );
    let with = |token: &str| tried(&connector, &delivery(&[("x-channel-token", token)], &[], ""), NOW);
    assert_eq!(with("s3cret").unwrap(), ["other "]);
    for token in ["", "s3cre", "s3cret ", "S3CRET"] {
        assert_eq!(with(token), Err(Refused::Different), "{token}");
    }
    let none = tried_with(&connector, &delivery(&[("x-channel-token", "")], &[], ""), NOW, &[], None);
    assert_eq!(none, Err(Refused::NoSecret("subscription.secret".to_owned())));
}

#[test]
fn several_notifications_each_with_a_token_and_strangers_beside_them() {
    let receive = r#"
    handshake: {when: "{{ request.query.validationToken }}", text: "{{ request.query.validationToken }}"}
    each: $.value[*]
    verify: {given: "{{ item.clientState }}", expected: "{{ subscription.secret }}"}
    answer: {status: 202}
"#;
    let connector = connector(receive);
    let body = r#"{"value":[{"id":"a","kind":"paid","clientState":"s3cret"},{"id":"b","kind":"paid","clientState":"other"},{"id":"c","kind":"paid","clientState":"s3cret"}]}"#;
    assert_eq!(tried(&connector, &delivery(&[], &[], body), NOW).unwrap(), ["paid a", "paid c"]);
    for nothing in [r#"{"value":[]}"#, r#"{"value":[{"id":"b","kind":"paid"}]}"#, "", "[]"] {
        assert!(tried(&connector, &delivery(&[], &[], nothing), NOW).is_err(), "{nothing}");
    }
    let many = |count: usize| {
        let all = vec![r#"{"id":"a","kind":"paid","clientState":"s3cret"}"#; count];
        tried(&connector, &delivery(&[], &[], &format!(r#"{{"value":[{}]}}"#, all.join(","))), NOW)
    };
    assert_eq!(many(1_000).unwrap().len(), 1_000);
    assert!(matches!(many(1_001), Err(Refused::Unreadable(_))), "nobody has proved anything yet");
    let receive = &connector.events.as_ref().unwrap().receive;
    let clock = FixedClock(NOW.parse().unwrap());
    let scope = |query: &[(&str, &str)]| delivery(&[], query, "").scope(&json!({}), &json!({}), &clock);
    let shaken =
        handshake(receive, &scope(&[("validationToken", "Validation: is <b>it</b> & you?")])).unwrap().unwrap();
    assert_eq!(shaken.body, "Validation: is <b>it</b> & you?");
    assert_eq!((shaken.status, shaken.headers[0].1.as_str()), (200, "text/plain; charset=utf-8"));
    assert_eq!(handshake(receive, &scope(&[])).unwrap(), None);
    assert_eq!(reply(&receive.answer, &scope(&[])).unwrap().status, 202);
}

#[test]
fn a_token_of_ours_in_the_body_whatever_the_body_is_called() {
    let connector =
        connector("    verify: {given: '{{ request.body.token }}', expected: '{{ subscription.secret }}'}\n");
    for content_type in ["application/json; charset=utf-8", "text/plain", ""] {
        let body = r#"{"token":"s3cret","kind":"paid","id":7}"#;
        let it = delivery(&[("content-type", content_type)], &[], body);
        assert_eq!(tried(&connector, &it, NOW).unwrap(), ["paid 7"], "{content_type}");
    }
    let form = delivery(&[("content-type", "application/x-www-form-urlencoded")], &[], "token=s3cret&kind=paid&id=8");
    assert_eq!(tried(&connector, &form, NOW).unwrap(), ["paid 8"]);
}

#[test]
fn a_delivery_is_the_same_after_it_was_stored() {
    let it = delivery(&[("a", "b"), ("a", "c")], &[("q", "1 2")], "\u{0}é\n");
    let again: Delivery = serde_json::from_str(&serde_json::to_string(&it).unwrap()).unwrap();
    assert_eq!(again, it);
}
