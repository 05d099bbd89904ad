use super::*;
use crate::base::Code;

async fn payments(bench: &Bench) -> Connection {
    let start = Start { fields: json!({"key": "good", "region": "eu"}), ..bench.start("payments") };
    bench.connections.start(start).await.unwrap().connection
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_log_in_once() {
    let bench = Arc::new(Bench::new().await);
    let connection = payments(&bench).await;
    let before = bench.provider.book().logins;
    let calls = (0..100).map(|_| {
        let bench = bench.clone();
        tokio::spawn(async move { bench.token(&bench.connections, "payments", connection.id).await.unwrap() })
    });
    let tokens = futures_util::future::join_all(calls).await;
    let current = bench.provider.book().access.clone();
    assert!(tokens.into_iter().all(|it| it.unwrap() == current));
    assert_eq!(bench.provider.book().logins, before + 1);
    assert!(!bench.files_hold(&current), "it is not stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_can_tell_each_other_log_in_once() {
    let bench = Arc::new(Bench::new().await);
    let connection = payments(&bench).await;
    let two = bench.replica(Coordination::in_memory("two", &bench.memory), "two", Some(&bench.keys));
    let before = bench.provider.book().logins;
    let calls = (0..100).map(|number| {
        let (bench, connections) = (bench.clone(), [bench.connections.clone(), two.clone()][number % 2].clone());
        tokio::spawn(async move { bench.token(&connections, "payments", connection.id).await.unwrap() })
    });
    let tokens: Vec<_> = futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect();
    let current = bench.provider.book().access.clone();
    assert!(tokens.iter().all(|it| *it == current));
    assert_eq!(bench.provider.book().logins, before + 1);

    let apart = bench.process("three", Some(&bench.keys));
    assert_ne!(bench.token(&apart, "payments", connection.id).await.unwrap(), current, "it can't know");
    let strange = Coordination::in_memory("four", &bench.memory);
    let key = format!("token:{}:{}:default:1", bench.org, connection.id);
    let noted = strange.noted(&key).await.unwrap();
    assert!(!holds(&noted, current.as_bytes()), "it is sealed");
    strange.note(&key, b"rubbish", Duration::from_secs(60)).await;
    let four = bench.replica(strange, "four", Some(&bench.keys));
    bench.token(&four, "payments", connection.id).await.unwrap();
    assert_eq!(bench.provider.book().logins, before + 3, "what does not open is not there");
}

#[tokio::test]
async fn a_login_is_repeated_before_its_end_and_when_the_provider_calls_it_expired() {
    let bench = Bench::new().await;
    bench.provider.book().expires_in = None;
    let connection = payments(&bench).await;
    let logins = || bench.provider.book().logins;
    let token = async || bench.token(&bench.connections, "payments", connection.id).await.unwrap();
    let first = token().await;
    let before = logins();
    bench.clock.advance(SignedDuration::from_secs(10 * 60 - 61));
    assert_eq!((token().await, logins()), (first.clone(), before));
    bench.clock.advance(SignedDuration::from_secs(1));
    assert_ne!(token().await, first);
    assert_eq!(logins(), before + 1);

    let connector = bench.connectors.connector("payments").unwrap();
    let scheme = connector.account.scheme(None).unwrap();
    let tokens = bench.connections.tokens(connector.clone(), bench.org, connection.id);
    let stale = tokens.credentials(scheme).await.unwrap();
    let newer = tokens.renew(scheme, &stale).await.unwrap().token.unwrap();
    let same = tokens.renew(scheme, &stale).await.unwrap().token.unwrap();
    assert_eq!((newer.expose(), logins()), (same.expose(), before + 2));
}

#[tokio::test]
async fn a_login_that_still_works_is_used_when_the_next_one_fails() {
    let bench = Bench::new().await;
    let connection = payments(&bench).await;
    let token = async || bench.token(&bench.connections, "payments", connection.id).await;
    let first = token().await.unwrap();
    bench.provider.book().trouble = Some((503, "down"));
    bench.clock.advance(SignedDuration::from_secs(3600 - 30));
    assert_eq!(token().await.unwrap(), first);
    bench.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(token().await.unwrap_err().code, Code::Unavailable);
}

#[tokio::test]
async fn trouble_is_told_from_a_refusal() {
    let bench = Bench::new().await;
    let connection = payments(&bench).await;
    bench.provider.book().trouble = Some((503, "down"));
    let error = bench.token(&bench.connections, "payments", connection.id).await.unwrap_err();
    assert_eq!((error.code, bench.status(connection.id).await), (Code::Unavailable, Status::Connected));

    bench.provider.book().trouble = Some((401, "{}"));
    bench.clock.advance(SignedDuration::from_secs(2));
    let error = bench.token(&bench.connections, "payments", connection.id).await.unwrap_err();
    assert_eq!((error.code, bench.status(connection.id).await), (Code::Reauthorize, Status::Reauthorize));
}

#[tokio::test]
async fn a_login_with_old_fields_is_not_used_with_new_ones() {
    let bench = Bench::new().await;
    let connection = payments(&bench).await;
    let old = bench.token(&bench.connections, "payments", connection.id).await.unwrap();
    let start =
        Start { fields: json!({"key": "good", "region": "us"}), again: Some(connection.id), ..bench.start("payments") };
    bench.connections.start(start).await.unwrap();
    assert_ne!(bench.token(&bench.connections, "payments", connection.id).await.unwrap(), old);
}
