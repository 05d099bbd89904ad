//! The calls of OAuth, as providers change them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use jiff::SignedDuration;
use serde_json::json;

use super::{Answer, Asked, Bench, Reply, me, signed_in, token};

const REDIRECT: (&str, &str) = ("redirect_uri", "http://127.0.0.1:8080/oauth/callback");
const CODE: [(&str, &str); 3] = [("grant_type", "authorization_code"), ("code", "c-12345"), REDIRECT];
const CLIENT: [(&str, &str); 2] = [("client_id", "app"), ("client_secret", "app-secret")];

/// The consent page, which agrees at once.
fn agreed(asked: &Asked) -> Answer {
    asked.back(&[("code", "c-12345")])
}

/// Without the verifier, which is another in each consent.
fn form(asked: &Asked, wanted: &[&[(&str, &str)]]) -> Result<(), String> {
    let verifier = asked.in_form("code_verifier");
    let proof: &[(&str, &str)] = if verifier.is_empty() { &[] } else { &[("code_verifier", &verifier)] };
    asked.form(&[&wanted.concat(), proof].concat())
}

#[tokio::test]
async fn everything_in_the_query() {
    let bench = Bench::of("Everything in the query", |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "GET /token" => {
            let verifier = ("code_verifier", asked.in_query("code_verifier"));
            asked.only_query(&[&CODE[..], &CLIENT, &[verifier]].concat())?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn json_instead_of_a_form() {
    let bench = Bench::of("JSON instead of a form", |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            let verifier = serde_json::from_str::<serde_json::Value>(&asked.body).unwrap()["code_verifier"].clone();
            asked.json(&json!({
                "grant_type": "authorization_code", "code": "c-12345", "redirect_uri": REDIRECT.1, "code_verifier": verifier,
                "client_id": "app", "client_secret": "app-secret", "options": {"offline": true, "for": ["api", "files"]},
            }))?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn other_names_for_parameters() {
    let bench = Bench::of("Other names for parameters", |asked| match asked.line().as_str() {
        "GET /authorize" => {
            asked.consent(&[("response_type", "code"), ("client_key", "app"), ("code_challenge_method", "S256")])?;
            agreed(asked)
        }
        "POST /token" => {
            let renamed = [("client_key", "app"), ("auth_code", "c-12345"), ("short", "app")];
            form(asked, &[&[CODE[0], REDIRECT], &CLIENT[1..], &renamed])?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn the_secret_as_the_user_name() {
    let bench = Bench::of("The secret as the user name", |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            asked.basic("app-secret", "")?;
            form(asked, &[&CODE, &CLIENT[..1]])?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn a_client_without_a_secret() {
    let challenge = Arc::new(Mutex::new(String::new()));
    let bench = Bench::of("A client without a secret", move |asked| match asked.line().as_str() {
        "GET /authorize" => {
            *challenge.lock().unwrap() = asked.in_query("code_challenge").to_owned();
            agreed(asked)
        }
        "POST /token" => {
            asked.has("authorization", "")?;
            form(asked, &[&CODE, &CLIENT[..1]])?;
            let proof =
                closeloop::auth::consent::challenge(&closeloop::base::Secret::new(asked.in_form("code_verifier")));
            if *challenge.lock().unwrap() == proof { token("t-12345") } else { Err("who are you?".to_owned()) }
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn further_headers_and_the_state() {
    let state = Arc::new(Mutex::new(String::new()));
    let bench = Bench::of("Further headers and the state", move |asked| match asked.line().as_str() {
        "GET /authorize" => {
            asked.consent(&[("response_type", "code"), ("client_id", "app")])?;
            *state.lock().unwrap() = asked.in_query("state").to_owned();
            agreed(asked)
        }
        "POST /token" => {
            asked.has("x-partner", "closeloop")?;
            let correlation = asked.header("x-correlation-id");
            if correlation.len() != 32 || !correlation.bytes().all(|it| it.is_ascii_hexdigit()) {
                return Err(format!("no correlation id: {correlation}"));
            }
            form(asked, &[&CODE, &CLIENT, &[("state", &state.lock().unwrap())]])?;
            token("t-12345")
        }
        _ => signed_in(asked),
    });
    assert_eq!(bench.await.look(json!({})).await["name"], "Ana");
}

#[tokio::test]
async fn a_refresh_of_its_own() {
    let dead = Arc::new(AtomicUsize::new(0));
    let is_dead = Arc::clone(&dead);
    let bench = Bench::of("A refresh of its own", move |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            form(asked, &[&CODE, &CLIENT])?;
            Ok(Reply::json(&json!({"access_token": "t-0", "refresh_token": "r-12345", "expires_in": 3600})))
        }
        "POST /token/renew" if is_dead.load(Ordering::Relaxed) == 1 => {
            Ok(Reply::json(&json!({"message": "no such grant"})).status(404))
        }
        "POST /token/renew" => {
            asked.form(&[&CLIENT[..], &[("refresh_token", "r-12345"), ("resource", "me")]].concat())?;
            token("t-1")
        }
        _ => {
            asked.bearer("t-1").or_else(|_| asked.bearer("t-0"))?;
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({})).await;
    for _ in 0..2 {
        assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
        bench.advance(SignedDuration::from_hours(2));
    }
    dead.store(1, Ordering::Relaxed);
    let failed = bench.try_call(&connection, "look").await;
    assert_eq!(failed["error"]["code"], "reauthorize", "{failed:#}");
}

#[tokio::test]
async fn a_verdict_in_the_body() {
    let result = Arc::new(Mutex::new("0000"));
    let told = Arc::clone(&result);
    let bench = Bench::of("A verdict in the body", move |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" if *told.lock().unwrap() != "0000" => {
            Ok(Reply::json(&json!({"result": *told.lock().unwrap(), "data": {}})))
        }
        "POST /token" => {
            let data = json!({"accessToken": "t-12345", "refreshToken": "r-12345", "expiresIn": "3600"});
            Ok(Reply::json(&json!({"result": "0000", "data": {"data": data}})).status(201))
        }
        _ => signed_in(asked),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(SignedDuration::from_hours(2));
    for (verdict, code) in [("5001", "unavailable"), ("401", "reauthorize")] {
        *result.lock().unwrap() = verdict;
        let failed = bench.try_call(&connection, "look").await;
        assert_eq!(failed["error"]["code"], code, "{verdict}: {failed:#}");
        bench.advance(SignedDuration::from_mins(5));
    }
}

/// The token renews itself, ten days before it ends: afterwards nothing could.
#[tokio::test]
async fn a_short_lived_token_for_a_long_lived_one() {
    let number = Arc::new(AtomicUsize::new(0));
    let renewed = Arc::clone(&number);
    let bench = Bench::of("A short-lived token for a long-lived one", move |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            form(asked, &[&CODE, &CLIENT])?;
            token("short-1")
        }
        "GET /access_token" => {
            let own = [("grant_type", "exchange_token"), ("client_secret", "app-secret"), ("access_token", "short-1")];
            asked.only_query(&own)?;
            Ok(Reply::json(&json!({"access_token": "long-0", "expires_in": 60 * 86_400})))
        }
        "GET /refresh_access_token" => {
            asked.only_query(&[("access_token", &format!("long-{}", renewed.load(Ordering::Relaxed)))])?;
            let next = renewed.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(Reply::json(&json!({"access_token": format!("long-{next}"), "expires_in": 60 * 86_400})))
        }
        _ => {
            if !asked.header("authorization").starts_with("Bearer long-") {
                return Err("who are you?".to_owned());
            }
            me()
        }
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(SignedDuration::from_hours(24 * 51));
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.app.app().engine().connections().finish().await;
    assert_eq!(number.load(Ordering::Relaxed), 1, "renewed in time, though it still worked");
}

#[tokio::test]
async fn a_session_after_the_token() {
    let sessions = Arc::new(AtomicUsize::new(0));
    let begun = Arc::clone(&sessions);
    let bench = Bench::of("A session after the token", move |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            let number = begun.load(Ordering::Relaxed);
            if asked.in_form("grant_type") == "refresh_token" {
                asked.form(
                    &[&CLIENT[..], &[("grant_type", "refresh_token"), ("refresh_token", &format!("r-{number}"))]]
                        .concat(),
                )?;
            }
            let (access, refresh) = (format!("t-{number}"), format!("r-{}", number + 1));
            Ok(Reply::json(&json!({"access_token": access, "refresh_token": refresh, "expires_in": 600})))
        }
        "POST /rest-services/login" => {
            let number = begun.fetch_add(1, Ordering::Relaxed);
            asked.only_query(&[("version", "2.0"), ("access_token", &format!("t-{number}"))])?;
            let rest = format!("https://api.example.com/rest/{number}");
            Ok(Reply::json(&json!({"BhRestToken": format!("session-{number}"), "restUrl": rest})))
        }
        path => {
            let number = begun.load(Ordering::Relaxed) - 1;
            asked.has("bhresttoken", &format!("session-{number}"))?;
            if path == format!("GET /rest/{number}/me") { me() } else { Err(format!("moved: {path}")) }
        }
    })
    .await;
    let connection = bench.connect(json!({})).await;
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
    bench.advance(SignedDuration::from_mins(11));
    bench.try_call(&connection, "look").await;
    assert_eq!(sessions.load(Ordering::Relaxed), 2);
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana", "the session's address moved along");
}

/// What the first request gave is not lost when the second one fails: a refresh token is good once.
#[tokio::test]
async fn a_refresh_token_is_kept_though_the_session_fails() {
    let (asked_for, fails) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let failing = Arc::clone(&fails);
    let bench = Bench::of("A session after the token", move |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            let number = asked_for.fetch_add(1, Ordering::Relaxed);
            if number > 0 && asked.in_form("refresh_token") != format!("r-{number}") {
                return Ok(Reply::json(&json!({"error": "invalid_grant"})).status(400));
            }
            let refresh = format!("r-{}", number + 1);
            Ok(Reply::json(&json!({"access_token": "t-1", "refresh_token": refresh, "expires_in": 600})))
        }
        "POST /rest-services/login" if failing.load(Ordering::Relaxed) == 1 => {
            Ok(Reply::of(503, "text/plain", "busy".to_owned()))
        }
        "POST /rest-services/login" => {
            Ok(Reply::json(&json!({"BhRestToken": "session-1", "restUrl": "https://api.example.com/rest"})))
        }
        _ => me(),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    bench.advance(SignedDuration::from_mins(11));
    fails.store(1, Ordering::Relaxed);
    assert_eq!(bench.try_call(&connection, "look").await["error"]["code"], "unavailable");
    bench.advance(SignedDuration::from_mins(5));
    fails.store(0, Ordering::Relaxed);
    assert_eq!(bench.call(&connection, "look").await["name"], "Ana");
}

#[tokio::test]
async fn asking_how_long_a_token_lives() {
    let (now, active) = (1_795_597_200, Arc::new(AtomicUsize::new(1)));
    let is_active = Arc::clone(&active);
    let refreshes = Arc::new(AtomicUsize::new(0));
    let refreshed = Arc::clone(&refreshes);
    let bench = Bench::of("Asking how long a token lives", move |asked| match asked.line().as_str() {
        "GET /authorize" => agreed(asked),
        "POST /token" => {
            refreshed.fetch_add(1, Ordering::Relaxed);
            Ok(Reply::json(&json!({"access_token": "t-12345", "refresh_token": "r-12345"})))
        }
        "POST /introspect" => {
            asked.form(&[&CLIENT[..], &[("token", "t-12345")]].concat())?;
            let active = is_active.load(Ordering::Relaxed) == 1;
            Ok(Reply::json(&json!({"active": active, "exp": now + 900})))
        }
        _ => signed_in(asked),
    })
    .await;
    let connection = bench.connect(json!({})).await;
    bench.call(&connection, "look").await;
    assert_eq!(refreshes.load(Ordering::Relaxed), 1);
    active.store(0, Ordering::Relaxed);
    bench.advance(SignedDuration::from_mins(16));
    let failed = bench.try_call(&connection, "look").await;
    assert_eq!((failed["error"]["code"].as_str(), refreshes.load(Ordering::Relaxed)), (Some("reauthorize"), 2));
}
