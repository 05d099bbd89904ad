//! Deliveries that are checked with the provider's public keys.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{
    tests::{connector, delivery, tried_with},
    *,
};
use crate::{
    auth::Credentials,
    base::{BoxFuture, Code, clock::FixedClock},
    signing::{
        Algorithm, Hash, PrivateKey, as_der,
        fixtures::{Pair, p256, rsa},
        hex,
    },
    spec::{Connector, Http},
    transport::{SendError, Sender, Signed},
    wire::Answer,
};

const NOW: &str = "2026-12-01T09:00:10Z";

fn signature(pair: &Pair, algorithm: Algorithm, message: &str) -> Vec<u8> {
    PrivateKey::read(&pair.pem).unwrap().sign(algorithm, message.as_bytes()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[test]
fn a_signature_over_the_path_and_what_the_body_means() {
    let connector = connector(
        r#"
    verify:
      signature:
        given: "{{ request.headers['x-signature'] }}"
        over: "{{ request.method }}:{{ request.path }}:{{ request.raw | minify | digest('sha256') }}:{{ request.headers['x-timestamp'] }}"
        algorithm: RS256
        key: "{{ auth.key }}"
      timestamp: "{{ request.headers['x-timestamp'] }}"
"#,
    );
    let (pair, other) = (rsa(), rsa());
    let body = "{\n  \"kind\" : \"paid\",\n  \"id\": \"a  \\\" b\\u00e9\", \"amount\": 1.00, \"more\": {} }";
    let time = "2026-12-01T16:00:00+07:00";
    let hash = hex(&Hash::Sha256.digest(br#"{"kind":"paid","id":"a  \" b\u00e9","amount":1.00,"more":{}}"#));
    let message = format!("POST:/webhooks/shop/t/paid:{hash}:{time}");
    let signed = text(&signature(&pair, Algorithm::Rs256, &message));
    let tried = |signed: &str, body: &str, time: &str, key: &str, now: &str| {
        let it = delivery(&[("x-signature", signed), ("x-timestamp", time)], &[], body);
        tried_with(&connector, &it, now, &[("key", key)], None)
    };
    let key = &pair.public_pem;
    assert_eq!(tried(&signed, body, time, key, NOW).unwrap(), ["paid a  \" bé"]);
    // a body that was printed in another way is the same
    assert!(tried(&signed, &body.replace('\n', ""), time, key, NOW).is_ok());
    // the provider's key is being replaced
    assert!(tried(&signed, body, time, &format!("{}{key}", other.public_pem), NOW).is_ok());
    for (signed, body, time, key) in [
        (&*signed, body.replace("1.00", "2.00"), time, &**key),
        (&*signed, body.replace("a  ", "a "), time, key),
        (&*signed, body.to_owned(), "2026-12-01T16:00:01+07:00", key),
        (&*signed, body.to_owned(), time, &other.public_pem),
        (&text(&signature(&other, Algorithm::Rs256, &message)), body.to_owned(), time, key),
        (&text(&signature(&pair, Algorithm::Ps256, &message)), body.to_owned(), time, key),
        ("", body.to_owned(), time, key),
        ("!", body.to_owned(), time, key),
    ] {
        assert_eq!(tried(signed, &body, time, key, NOW), Err(Refused::Different), "{signed} {body} {time}");
    }
    assert_eq!(tried(&signed, body, time, key, "2026-12-01T09:05:01Z"), Err(Refused::Stale), "a replay");
    assert_eq!(tried(&signed, body, time, "", NOW), Err(Refused::NoSecret("auth.key".to_owned())));
    for key in [&pair.pem, "s3cret"] {
        let Err(Refused::NoKey(why)) = tried(&signed, body, time, key, NOW) else { panic!("{key} is no key") };
        assert!(!why.contains("s3cret") && !why.contains("BEGIN PRIVATE"), "{why}");
    }
}

#[test]
fn other_signatures_and_other_ways_to_write_them() {
    let connector = connector(
        r#"
    verify:
      - when: "{{ request.headers['x-hex'] }}"
        signature: {given: "{{ request.headers['x-hex'] }}", encoding: hex, over: "{{ request.raw }}", algorithm: ES256, key: "{{ auth.key }}"}
      - given: "{{ request.headers['x-token'] }}"
        expected: "{{ subscription.secret }}"
"#,
    );
    let pair = p256();
    let signed = signature(&pair, Algorithm::Es256, "{}");
    let tried = |headers: &[(&str, &str)]| {
        tried_with(&connector, &delivery(headers, &[], "{}"), NOW, &[("key", &pair.public_pem)], Some("s3cret"))
    };
    for written in [hex(&signed), hex(&signed).to_uppercase(), hex(&as_der(&signed))] {
        assert!(tried(&[("x-hex", &written)]).is_ok(), "{written}");
    }
    // the one that it is for counts, and no other
    assert_eq!(tried(&[("x-hex", &text(&signed)), ("x-token", "s3cret")]), Err(Refused::Different));
    assert!(tried(&[("x-token", "s3cret")]).is_ok());
    assert_eq!(tried(&[("x-token", "other")]), Err(Refused::Different));
}

const BY_TOKEN: &str = r#"
    verify:
      jwt:
        given: "{{ request.headers['authorization'] }}"
        algorithm: RS256
        keys_url: https://keys.example.com/jwks.json
        issuer: "shop:{{ connection.id }}"
        audience: "hook:{{ subscription.key }}"
"#;

/// The address of the provider's keys.
#[derive(Default)]
struct Published {
    /// What it answers; nothing while it can't be reached.
    answer: Mutex<Option<Json>>,
    asked: AtomicUsize,
}

impl Published {
    fn show(&self, keys: &[Json]) {
        *self.answer.lock().unwrap() = Some(json!({"keys": keys}));
    }

    fn hide(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

impl Sender for Published {
    fn send_signed<'a>(
        &'a self,
        signed: Signed,
        http: &'a Http,
        _timeout: Duration,
    ) -> BoxFuture<'a, Result<Answer, SendError>> {
        assert_eq!(signed.request.url.as_str(), "https://keys.example.com/jwks.json");
        crate::transport::check_host(http, &signed.request.url).unwrap();
        self.asked.fetch_add(1, Ordering::Relaxed);
        let answer = self.answer.lock().unwrap().as_ref().map(ToString::to_string);
        let answer = answer.ok_or_else(|| SendError::not_sent(Code::Unavailable, "it can't be reached"));
        let url = signed.request.url.clone();
        let answer = answer.map(|it| Answer { status: 200, headers: Vec::new(), body: it.into(), url });
        Box::pin(std::future::ready(answer))
    }
}

/// Deliveries over time, to one connection.
struct Scene {
    connector: std::sync::Arc<Connector>,
    published: Published,
    sets: KeySets,
    now: Timestamp,
}

#[derive(Debug, PartialEq)]
enum Judged {
    Believed,
    Refused(Refused),
    Later,
}

impl Scene {
    fn new() -> Self {
        Self::with(BY_TOKEN)
    }

    fn with(receive: &str) -> Self {
        let (published, sets) = (Published::default(), KeySets::default());
        Self { connector: connector(receive), published, sets, now: NOW.parse().unwrap() }
    }

    fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn claims(&self) -> Json {
        let now = self.now.as_second();
        json!({"iss": "shop:con_1", "aud": "hook:k", "iat": now, "exp": now + 60})
    }

    fn token(&self, pair: &Pair, id: &str) -> String {
        pair.token(Algorithm::Rs256, Some(id), &self.claims())
    }

    fn judge(&self, token: &str) -> Judged {
        self.judged(token, "{}").map_or_else(
            |it| it,
            |count| {
                assert_eq!(count, 1);
                Judged::Believed
            },
        )
    }

    /// How many notifications are believed, or why none is.
    fn judged(&self, token: &str, body: &str) -> Result<usize, Judged> {
        let clock = FixedClock(self.now);
        let (connection, credentials) = (json!({"id": "con_1"}), Credentials::default());
        let events = self.connector.events.as_ref().unwrap();
        let scope = delivery(&[("authorization", token)], &[], body).scope(&connection, &json!({"key": "k"}), &clock);
        let checks = Checks { events, connection: &connection, credentials: &credentials, secret: None, clock: &clock };
        let asking = Asking { sender: &self.published, http: &self.connector.http };
        let judged = checks.believe(&scope, &self.sets, &asking).now_or_never().unwrap();
        judged.map(|entries| entries.len()).map_err(|it| match it {
            Unbelieved::Refused(why) => Judged::Refused(why),
            Unbelieved::Unknown(_) => Judged::Later,
        })
    }
}

#[test]
fn a_token_by_a_published_key() {
    let scene = Scene::new();
    let (pair, other) = (rsa(), rsa());
    scene.published.show(&[pair.jwk("one")]);
    let token = scene.token(&pair, "one");
    assert_eq!(scene.judge(&token), Judged::Believed);
    assert_eq!(scene.judge(&format!("Bearer {token}")), Judged::Believed);
    assert_eq!(scene.published.asked(), 1, "keys are remembered");
    assert_eq!(scene.judge(&scene.token(&other, "one")), Judged::Refused(Refused::Different));

    let with = |name: &str, value: Json| {
        let mut claims = scene.claims();
        claims[name] = value;
        scene.judge(&pair.token(Algorithm::Rs256, Some("one"), &claims))
    };
    let now = scene.now.as_second();
    for (name, value) in [
        ("aud", json!(["other", "hook:k"])),
        ("exp", json!(now - 299)),
        ("exp", json!((now + 60) * 1000)),
        ("exp", format!("{}.5", now + 60).parse().map(Json::Number).unwrap()),
        ("nbf", json!(now + 299)),
    ] {
        assert_eq!(with(name, value.clone()), Judged::Believed, "{name} {value}");
    }
    for (name, value) in [
        ("iss", json!("shop:con_2")),
        ("iss", Json::Null),
        ("iss", json!(["shop:con_1"])),
        ("aud", json!("hook:other")),
        ("aud", json!(["other"])),
        ("aud", Json::Null),
    ] {
        assert_eq!(with(name, value.clone()), Judged::Refused(Refused::Different), "{name} {value}");
    }
    for (name, value) in [
        ("exp", json!(now - 301)),
        ("exp", json!((now - 301) * 1000)),
        ("exp", json!("soon")),
        ("nbf", json!(now + 301)),
        ("iat", json!(now + 301)),
    ] {
        assert_eq!(with(name, value.clone()), Judged::Refused(Refused::Stale), "{name} {value}");
    }
    let only = |claims: Json| scene.judge(&pair.token(Algorithm::Rs256, Some("one"), &claims));
    let timeless = json!({"iss": "shop:con_1", "aud": "hook:k"});
    assert_eq!(only(timeless), Judged::Refused(Refused::Stale), "it would be good for ever");
    let made = |at: i64| only(json!({"iss": "shop:con_1", "aud": "hook:k", "iat": at}));
    assert_eq!((made(now - 299), made(now - 301)), (Judged::Believed, Judged::Refused(Refused::Stale)));
}

/// What is wrong by itself must not make us ask anybody.
#[test]
fn nobody_is_asked_for_what_is_wrong_anyway() {
    let scene = Scene::new();
    let pair = rsa();
    let id = json!({"kid": "one"}).as_object().unwrap().clone();
    let shared = crate::signing::jwt(&scene.claims(), &id, Algorithm::Hs256, pair.public_pem.as_bytes()).unwrap();
    let none = format!("eyJhbGciOiJub25lIn0.{}.", scene.token(&pair, "one").split('.').nth(1).unwrap());
    let other = pair.token(Algorithm::Rs256, Some("one"), &json!({"iss": "shop:con_2", "aud": "hook:k", "exp": 1}));
    for token in ["", "x", "a.b.c", &shared, &none, &other] {
        assert_eq!(scene.judge(token), Judged::Refused(Refused::Different), "{token}");
    }
    assert_eq!(scene.published.asked(), 0);
}

#[test]
fn keys_are_asked_for_again_when_one_is_not_known_but_seldom() {
    let mut scene = Scene::new();
    let (first, second, stranger) = (rsa(), rsa(), rsa());
    // the address is down: it may be sent again
    assert_eq!(scene.judge(&scene.token(&first, "one")), Judged::Later);
    scene.published.show(&[first.jwk("one")]);
    assert_eq!((scene.judge(&scene.token(&first, "one")), scene.published.asked()), (Judged::Later, 1), "not yet");
    scene.wait(10);
    assert_eq!((scene.judge(&scene.token(&first, "one")), scene.published.asked()), (Judged::Believed, 1));

    // another key, soon after the keys were read
    scene.published.show(&[first.jwk("one"), second.jwk("two")]);
    assert_eq!((scene.judge(&scene.token(&second, "two")), scene.published.asked()), (Judged::Later, 0));
    scene.wait(10);
    assert_eq!((scene.judge(&scene.token(&second, "two")), scene.published.asked()), (Judged::Believed, 1));

    // a flood of made-up keys
    let mut asked = 0;
    for number in 0..100 {
        scene.wait(1);
        let judged = scene.judge(&scene.token(&stranger, &format!("k{number}")));
        assert!(matches!(judged, Judged::Later | Judged::Refused(Refused::UnknownKey)), "{judged:?}");
        assert_eq!(scene.judge(&scene.token(&second, "two")), Judged::Believed, "and the others go on");
        asked += scene.published.asked();
    }
    assert_eq!(asked, 10);
}

#[test]
fn a_key_that_is_taken_away_counts_for_an_hour_and_a_day_at_most() {
    let mut scene = Scene::new();
    let (first, second) = (rsa(), rsa());
    scene.published.show(&[first.jwk("one")]);
    assert_eq!(scene.judge(&scene.token(&first, "one")), Judged::Believed);
    scene.published.show(&[second.jwk("two")]);
    scene.wait(3_599);
    assert_eq!(scene.judge(&scene.token(&first, "one")), Judged::Believed);
    scene.wait(1);
    assert_eq!(scene.judge(&scene.token(&first, "one")), Judged::Refused(Refused::UnknownKey));
    assert_eq!(scene.judge(&scene.token(&second, "two")), Judged::Believed);

    // while the address can't be reached, the keys that there were count on
    scene.published.hide();
    scene.wait(20 * 3_600);
    assert_eq!(scene.judge(&scene.token(&second, "two")), Judged::Believed);
    assert_eq!(scene.judge(&scene.token(&first, "one")), Judged::Later, "it may be a new one");
    scene.wait(4 * 3_600);
    assert_eq!(scene.judge(&scene.token(&second, "two")), Judged::Later);
}

#[test]
fn what_the_address_answers_is_bounded() {
    let mut scene = Scene::new();
    let pair = rsa();
    for answer in [json!("keys"), json!({"keys": {}}), json!({"keys": [pair.jwk("one"), "a".repeat(300 << 10)]})] {
        *scene.published.answer.lock().unwrap() = Some(answer);
        assert_eq!(scene.judge(&scene.token(&pair, "one")), Judged::Later);
        scene.wait(10);
    }
    let mut many: Vec<Json> = vec![json!({}); 100];
    many.push(pair.jwk("one"));
    scene.published.show(&many);
    assert_eq!(scene.judge(&scene.token(&pair, "one")), Judged::Refused(Refused::UnknownKey));
}

/// A new key among known ones must not leave out what it has signed.
#[test]
fn one_of_several_by_a_new_key_is_not_left_out() {
    let mut scene = Scene::with(&format!(
        "    each: $.all[*]{}",
        BY_TOKEN.replace("request.headers['authorization']", "item.token")
    ));
    let (first, second, stranger) = (rsa(), rsa(), rsa());
    let body = |tokens: &[String]| {
        let all: Vec<Json> = tokens.iter().map(|it| json!({"kind": "paid", "id": "1", "token": it})).collect();
        json!({"all": all}).to_string()
    };
    let both = body(&[scene.token(&first, "one"), scene.token(&second, "two")]);
    scene.published.show(&[first.jwk("one")]);
    assert_eq!(scene.judged("", &body(&[scene.token(&first, "one")])), Ok(1));
    scene.published.show(&[first.jwk("one"), second.jwk("two")]);
    assert_eq!(scene.judged("", &both), Err(Judged::Later), "the keys were read just now");
    scene.wait(10);
    assert_eq!(scene.judged("", &both), Ok(2));
    let beside = body(&[scene.token(&first, "one"), scene.token(&stranger, "one"), "x".to_owned()]);
    assert_eq!(scene.judged("", &beside), Ok(1), "strangers' are left out");
}
