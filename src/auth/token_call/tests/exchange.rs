//! Exchanges that an author wrote.

use jiff::SignedDuration;

use super::*;
use crate::auth::fixtures::Answers;

const HTTP: &str = "{base_url: https://api.example.com, reason: $.code}";
const REQUEST: &str = "request: {method: POST, path: '/{{ connection.region }}/token', \
                       headers: {X-Time: '{{ now }}', X-Key: '{{ auth.secret }}'}, body: {id: '{{ auth.key }}'}}";

fn exchanging(more: &str) -> Arc<Connector> {
    let fields = "fields: {key: {type: string}, secret: {type: string}, region: {type: string, secret: false}}";
    connector(&format!("{{{fields}, scheme: token_exchange, {more}}}"), HTTP)
}

async fn run(connector: &Connector, sender: &Answers) -> Result<Token, SendError> {
    let SchemeKind::TokenExchange(exchange) = &connector.account.schemes[0].kind else { panic!("an exchange") };
    let TokenExchange { call, answers, .. } = &**exchange;
    let given = [("key", "me"), ("secret", "s3cret")];
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let (connection, now) = (json!({"region": "eu"}).into(), NOW.parse().unwrap());
    let account = &connector.account.http;
    let caller =
        Caller { account, connector: &connector.http, connection: &connection, sender, now, registered: false };
    Ok(caller.get(call, answers, given).await?.token)
}

#[tokio::test]
async fn the_request_may_use_credentials_and_its_headers_are_secret() {
    let sender = Answers::default().then(200, &[], r#"{"accessToken":"t","expiresIn":"900"}"#);
    let connector = exchanging(&format!("{REQUEST}, token: {{access_token: $.accessToken, expires_in: $.expiresIn}}"));
    let token = run(&connector, &sender).await.unwrap();
    assert_eq!(
        (token.access.expose(), token.expires_at.unwrap().to_string()),
        ("t", "2026-11-25T09:15:00Z".to_owned())
    );
    assert_eq!(
        sender.seen()[0],
        "POST https://api.example.com/eu/token x-time=2026-11-25T09:00:00Z x-key=s3cret \
         content-type=application/json accept=application/json {\"id\":\"me\"}"
    );
}

#[tokio::test]
async fn the_end_is_told_in_many_ways() {
    let at = |seconds: i64| SignedDuration::from_secs(seconds);
    for (place, body, seconds) in [
        ("expires_in: $.e", r#"{"t":"t","e":900}"#, 900),
        ("expires_in: $.e", r#"{"t":"t","e":"900"}"#, 900),
        ("expires_in: $.e", r#"{"t":"t"}"#, 300),
        ("expires_in: $.e", r#"{"t":"t","e":"never"}"#, 300),
        ("expires_in: $.e", r#"{"t":1,"e":0}"#, 300),
        ("expires_in: '{{ answer.body.e / 1000 }}'", r#"{"t":"t","e":900000}"#, 900),
        ("expires_in: '{{ answer.body.e * 60 }}'", r#"{"t":"t","e":15}"#, 900),
        ("expires_in: '{{ answer.body.e * 60 }}'", r#"{"t":"t"}"#, 300),
        ("expires_at: $.e", r#"{"t":"t","e":1795598100}"#, 900),
        ("expires_at: '{{ answer.body.e / 1000 }}'", r#"{"t":"t","e":1795598100500}"#, 900),
        ("expires_at: $.e", r#"{"t":"t","e":"2026-11-25T09:15:00Z"}"#, 900),
        ("expires_at: $.e", r#"{"t":"t","e":"Wed, 25 Nov 2026 09:15:00 GMT"}"#, 900),
        ("expires_at: $.e", r#"{"t":"t","e":"soon"}"#, 300),
    ] {
        let connector = exchanging(&format!("{REQUEST}, token: {{access_token: $.t, {place}}}"));
        let token = run(&connector, &Answers::default().then(200, &[], body)).await.unwrap();
        let lifetime = token.expires_at.unwrap().duration_since(NOW.parse().unwrap());
        assert_eq!(lifetime, at(seconds), "{place} {body}");
    }
    for (lifetime, ends) in [("lifetime: 5m", Some(at(300))), ("lifetime: never", None)] {
        let connector = exchanging(&format!("{REQUEST}, token: $.t, {lifetime}"));
        let token = run(&connector, &Answers::default().then(200, &[], r#"{"t":"t"}"#)).await.unwrap();
        assert_eq!(token.expires_at.map(|it| it.duration_since(NOW.parse().unwrap())), ends);
    }
}

#[tokio::test]
async fn failures_go_by_the_rules_and_then_by_status() {
    let errors = "errors: [{reason: \"4017300\", is: reauthorize}, {status: 402, is: ok}]";
    let connector = exchanging(&format!("{REQUEST}, token: $.accessToken, lifetime: 1h, {errors}"));
    for (status, body, expected) in [
        (200, r#"{"code":"4017300","accessToken":"t"}"#, Err(Code::Reauthorize)),
        (402, r#"{"accessToken":"t"}"#, Ok("t")),
        (401, r#"{"code":"other"}"#, Err(Code::Reauthorize)),
        (403, "", Err(Code::PermissionDenied)),
        (429, "{}", Err(Code::RateLimited)),
        (503, "<html>", Err(Code::Unavailable)),
        (504, "", Err(Code::Timeout)),
        (400, "{}", Err(Code::ProviderError)),
        (404, "{}", Err(Code::ProviderError)),
        (200, "{}", Err(Code::ProviderError)),
        (200, "", Err(Code::ProviderError)),
    ] {
        let token = run(&connector, &Answers::default().then(status, &[("retry-after", "5")], body)).await;
        let found = token.as_ref().map(|it| it.access.expose()).map_err(|it| it.code);
        assert_eq!(found, expected, "{status} {body}");
    }
    let broken = Answers::default().then(200, &[("content-type", "application/json")], "{");
    let error = run(&connector, &broken).await.unwrap_err();
    assert!(error.message.starts_with("the token request's answer: JSON"), "{error:?}");
}

#[tokio::test]
async fn each_request_knows_what_those_before_it_kept() {
    let steps = "steps: [{request: {method: POST, path: /login, form: {id: '{{ auth.key }}'}}, keep: {session: $.s}}, \
                 {request: {method: GET, path: /token, headers: {Authorization: 'Session {{ auth.session }}'}}}], \
                 token: $.t, lifetime: 1h, capture: {base: $.base}";
    let sender = Answers::default().then(200, &[], r#"{"s":"session-1","base":"https://a.example.com"}"#).then(
        201,
        &[],
        r#"{"t":"token-1"}"#,
    );
    let token = run(&exchanging(steps), &sender).await.unwrap();
    assert_eq!((token.access.expose(), token.kept["session"].expose()), ("token-1", "session-1"));
    assert_eq!(Json::from(token.captured), json!({"base": "https://a.example.com"}));
    assert!(sender.seen()[1].contains("authorization=Session session-1"), "{:?}", sender.seen());

    let refused =
        Answers::default().then(200, &[], r#"{"s":"session-1"}"#).then(403, &[], r#"{"code":"no session-1"}"#);
    let error = run(&exchanging(steps), &refused).await.unwrap_err();
    assert_eq!((error.code, error.message.contains("no •••")), (Code::PermissionDenied, true), "{error:?}");
}
