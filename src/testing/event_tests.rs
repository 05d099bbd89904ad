//! Cases of events, and of actions that wait.

use std::sync::Arc;

use super::{run_all, tests::load_connector};
use crate::spec::Connector;

const CONNECTOR: &str = "
id: shop
version: 1.2.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}}, scheme: bearer, token: '{{ auth.key }}'}
http: {base_url: https://api.example.com}
events:
  receive:
    handshake: {when: '{{ request.query.challenge }}', text: '{{ request.query.challenge }}'}
    verify: {given: \"{{ request.headers['x-sign'] }}\", expected: \"{{ request.raw | hmac('sha256', auth.key) }}\"}
    answer: {status: 202}
  types:
    paid:
      title: Paid
      when: \"{{ request.body.kind == 'payment' }}\"
      id: '{{ request.body.id }}'
      confirm: {method: GET, path: '/payments/{{ request.body.id }}'}
      correlate: '{{ answer.body.order }}'
      output: {status: $.status}
actions:
  order:
    title: Order
    describe: Puts an order into the shop and waits for its payment.
    effect: money
    steps:
      - id: order
        request: {method: POST, path: /orders}
      - id: paid
        wait:
          event: paid
          for: '{{ steps.order.id }}'
          until: \"{{ event.status != 'pending' }}\"
          poll: {method: GET, path: '/orders/{{ steps.order.id }}', every: 30s, until: '{{ answer.body.paid }}', output: {status: polled}}
          timeout: 1h
          on_timeout: {status: open}
    output: {status: '{{ steps.paid.status }}'}
";

fn load(cases: &str) -> Arc<Connector> {
    load_connector(CONNECTOR, cases)
}

async fn told(cases: &str) -> String {
    run_all(&load(cases)).await.to_string()
}

const ORDERED: &str = "
      - {request: {method: POST, path: /orders}, answer: {body: {id: o1}}}";
const PAID: &str = "
      - {event: paid, delivery: {body: {kind: payment, id: p1}}}
      - {request: {method: GET, path: /payments/p1}, answer: {body: {order: o1, status: STATUS}}}";

fn action(exchanges: &[&str], output: &str) -> String {
    format!(
        "  - name: it\n    action: order\n    credentials: {{key: k}}\n    exchanges:{}\n    output: {{status: {output}}}\n",
        exchanges.concat()
    )
}

#[tokio::test]
async fn what_is_delivered_wakes_the_action_that_waits_for_it() {
    let (pending, paid) = (PAID.replace("STATUS", "pending"), PAID.replace("STATUS", "paid"));
    let told = told(&action(&[ORDERED, &pending, &paid], "paid")).await;
    assert!(told.ends_with("1 passed"), "{told}");
}

#[tokio::test]
async fn a_poll_is_an_exchange_and_without_more_of_them_its_time_is_over() {
    let poll = "\n      - {request: {method: GET, path: /orders/o1}, answer: {body: {paid: false}}}";
    let found = poll.replace("false", "true");
    for (exchanges, output) in
        [(&[ORDERED, poll, &found][..], "polled"), (&[ORDERED, poll], "open"), (&[ORDERED], "open")]
    {
        let told = told(&action(exchanges, output)).await;
        assert!(told.ends_with("1 passed"), "{told}");
    }
}

#[tokio::test]
async fn a_delivery_that_does_not_fit_is_told() {
    let of_another = PAID.replace("STATUS", "paid").replace("order: o1", "order: o2");
    let told_1 = told(&action(&[ORDERED, &of_another], "paid")).await;
    assert!(told_1.contains("`paid` is of `o2`, and `o1` is waited for"), "{told_1}");
    let unknown = PAID.replace("kind: payment", "kind: refund");
    let told_2 = told(&action(&[ORDERED, &unknown], "paid")).await;
    assert!(told_2.contains("the delivery does not mean `paid`"), "{told_2}");
    let never = [
        ORDERED,
        "\n      - {request: {method: GET, path: /orders/o1}, answer: {body: {paid: true}}}",
        &PAID.replace("STATUS", "paid"),
    ];
    let told_3 = told(&action(&never, "polled")).await;
    assert!(told_3.contains("nobody waited for `paid`"), "{told_3}");
}

const SIGN: &str = "7fd86ca6ad4e1bd5ffcce2d6a2ef0bb1a4f58ea0bc0d9d1c8bd0bf02a6d4c6a1";

fn event(signature: &str, end: &str) -> String {
    format!(
        "  - name: it\n    event: paid\n    credentials: {{key: k}}\n    delivery: {{text: '{{\"kind\":\"payment\",\"id\":\"p1\"}}', headers: {{X-Sign: {signature}}}}}\n{end}"
    )
}

fn signature() -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"k");
    let tag = hmac::sign(&key, br#"{"kind":"payment","id":"p1"}"#);
    tag.as_ref().iter().map(|it| format!("{it:02x}")).collect()
}

#[tokio::test]
async fn an_event_is_verified_confirmed_and_handed_on() {
    let exchanges = "    exchanges:\n      - {request: {method: GET, path: /payments/p1}, answer: {body: {order: o1, status: paid}}}\n";
    let good = event(&signature(), &format!("{exchanges}    correlate: o1\n    output: {{status: paid}}\n"));
    assert!(told(&good).await.ends_with("1 passed"), "{}", told(&good).await);
    let other = event(&signature(), &format!("{exchanges}    correlate: o2\n    output: {{status: open}}\n"));
    let told_other = told(&other).await;
    assert!(told_other.contains("its `correlate` is o1, not o2") && told_other.contains("status"), "{told_other}");
    let forged = event(SIGN, "    refused: true\n");
    assert!(told(&forged).await.ends_with("1 passed"));
    let not_forged = told(&event(&signature(), "    refused: true\n")).await;
    assert!(not_forged.contains("the delivery is believed"), "{not_forged}");
    let unbelieved = told(&event(SIGN, "    output: {}\n")).await;
    assert!(unbelieved.contains("the delivery is not believed: its signature or token"), "{unbelieved}");
    let both = format!("expected {:?}\n        given    {SIGN:?}", signature());
    assert!(unbelieved.contains(&both), "{unbelieved}");
    let answered = event(&signature(), "    answer: {status: 202}\n");
    assert!(told(&answered).await.ends_with("1 passed"));
}

#[tokio::test]
async fn a_handshake_is_answered() {
    let case = |query: &str, text: &str| {
        format!(
            "  - name: it\n    handshake: true\n    delivery: {{method: GET, query: {{{query}}}}}\n    answer: {{text: {text}}}\n"
        )
    };
    assert!(told(&case("challenge: abc", "abc")).await.ends_with("1 passed"));
    let wrong = told(&case("challenge: abc", "def")).await;
    assert!(wrong.contains(r#"it is answered 200 "abc", not 200 "def""#), "{wrong}");
    assert!(told(&case("other: abc", "abc")).await.contains("it is no handshake"));
}
