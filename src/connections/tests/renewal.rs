use super::*;
use crate::{base::Code, coordination::News, store::Lease};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Calls at once, each in a task of its own; gives the tokens that they got.
async fn all_at_once(bench: &Arc<Bench>, connections: &[Connections], id: ConnectionId, count: usize) -> Vec<String> {
    let calls = (0..count).map(|number| {
        let (bench, connections) = (bench.clone(), connections[number % connections.len()].clone());
        tokio::spawn(async move { bench.token(&connections, "calendar", id).await.unwrap() })
    });
    futures_util::future::join_all(calls).await.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_renew_an_expired_token_once() {
    let bench = Arc::new(Bench::new().await);
    let connection = bench.calendar().await;
    bench.clock.advance(HOUR);
    let tokens = all_at_once(&bench, std::slice::from_ref(&bench.connections), connection.id, 100).await;
    assert_eq!(bench.provider.book().refreshes, 1);
    let current = bench.provider.book().access.clone();
    assert!(tokens.iter().all(|it| *it == current));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_renew_a_rotating_token_once() {
    let bench = Arc::new(Bench::new().await);
    let connection = bench.calendar().await;
    let processes = [bench.connections.clone(), bench.process("two", Some(&bench.keys))];
    for round in 1..=5 {
        bench.clock.advance(HOUR);
        let tokens = all_at_once(&bench, &processes, connection.id, 20).await;
        assert_eq!(bench.provider.book().refreshes, round);
        let current = bench.provider.book().access.clone();
        assert!(tokens.iter().all(|it| *it == current));
    }
    assert_eq!(bench.status(connection.id).await, Status::Connected);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_and_nobody_waits_for_that() {
    let bench = Arc::new(Bench::new().await);
    let connection = bench.calendar().await;
    let old = bench.provider.book().access.clone();
    bench.clock.advance(HOUR - SignedDuration::from_secs(61));
    assert_eq!(bench.token(&bench.connections, "calendar", connection.id).await.unwrap(), old);
    assert_eq!(bench.provider.book().refreshes, 0);

    bench.clock.advance(SignedDuration::from_secs(2));
    bench.provider.hold_refreshes();
    for _ in 0..2 {
        assert_eq!(bench.token(&bench.connections, "calendar", connection.id).await.unwrap(), old, "it still works");
    }
    bench.provider.refresh_arrived().await;
    assert_eq!(bench.token(&bench.connections, "calendar", connection.id).await.unwrap(), old);
    bench.provider.let_refreshes_go();
    bench.connections.finish().await;
    assert_ne!(bench.token(&bench.connections, "calendar", connection.id).await.unwrap(), old);
    assert_eq!(bench.provider.book().refreshes, 1);
}

#[tokio::test]
async fn a_renewal_is_kept_though_its_call_was_given_up() {
    let bench = Arc::new(Bench::new().await);
    let connection = bench.calendar().await;
    bench.clock.advance(HOUR);
    bench.provider.hold_refreshes();
    let call = {
        let bench = bench.clone();
        tokio::spawn(async move { bench.token(&bench.connections, "calendar", connection.id).await })
    };
    bench.provider.refresh_arrived().await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    bench.provider.let_refreshes_go();
    bench.connections.finish().await;
    let restarted = bench.process("restarted", Some(&bench.keys));
    let token = bench.token(&restarted, "calendar", connection.id).await.unwrap();
    let book = bench.provider.book();
    assert_eq!((token.as_str(), book.refreshes), (book.access.as_str(), 1));
}

#[tokio::test]
async fn a_new_token_is_stored_before_it_is_used() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    bench.clock.advance(HOUR);
    let token = bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    // What a restarted engine finds.
    let restarted = bench.process("restarted", Some(&bench.keys));
    assert_eq!(bench.token(&restarted, "calendar", connection.id).await.unwrap(), token);
    bench.clock.advance(HOUR);
    bench.token(&restarted, "calendar", connection.id).await.unwrap();
    assert_eq!(bench.provider.book().refreshes, 2);
}

#[tokio::test]
async fn a_dead_grant_is_told_once_and_not_asked_about_again() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    bench.provider.book().refresh = "revoked there".into();
    bench.clock.advance(HOUR);
    for _ in 0..3 {
        let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
        assert_eq!(error.code, Code::Reauthorize);
    }
    assert_eq!(bench.provider.book().token_requests, 2, "the consent's and one refresh");
    let dead = bench.connections.get(bench.org, connection.id).await.unwrap();
    assert_eq!(dead.status, Status::Reauthorize);
    assert!(dead.problem.unwrap().contains("invalid_grant"));
}

#[tokio::test]
async fn a_provider_in_trouble_is_left_alone_for_a_moment() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    bench.provider.book().trouble = Some((503, "down"));
    bench.clock.advance(HOUR);
    for _ in 0..5 {
        let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
        assert_eq!(error.code, Code::Unavailable);
    }
    assert_eq!(bench.provider.book().token_requests, 2);
    assert_eq!(bench.status(connection.id).await, Status::Connected);

    bench.provider.book().trouble = None;
    bench.clock.advance(SignedDuration::from_secs(2));
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
}

#[tokio::test]
async fn a_token_that_still_works_is_used_when_renewing_fails() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let old = bench.provider.book().access.clone();
    bench.provider.book().trouble = Some((503, "down"));
    bench.clock.advance(HOUR - SignedDuration::from_secs(30));
    assert_eq!(bench.token(&bench.connections, "calendar", connection.id).await.unwrap(), old);
    bench.connections.finish().await;
    bench.clock.advance(SignedDuration::from_secs(30));
    assert!(bench.token(&bench.connections, "calendar", connection.id).await.is_err());
}

#[tokio::test]
async fn a_refresh_token_that_does_not_rotate_is_kept() {
    let bench = Bench::new().await;
    bench.provider.book().rotates = false;
    let connection = bench.calendar().await;
    for refreshes in 1..=3 {
        bench.clock.advance(HOUR);
        bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
        assert_eq!(bench.provider.book().refreshes, refreshes);
    }
}

#[tokio::test]
async fn without_a_lifetime_a_token_is_used_until_the_provider_calls_it_expired() {
    let bench = Bench::new().await;
    bench.provider.book().expires_in = None;
    let connection = bench.calendar().await;
    bench.clock.advance(SignedDuration::from_hours(24 * 365));
    let old = bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    assert_eq!(bench.provider.book().refreshes, 0);

    let calendar = bench.connectors.connector("calendar").unwrap();
    let scheme = calendar.account.scheme(None).unwrap();
    let tokens = bench.connections.tokens(calendar.clone(), bench.org, connection.id);
    let stale = tokens.credentials(scheme).await.unwrap();
    let newer = tokens.renew(scheme, &stale).await.unwrap().token.unwrap();
    assert_ne!(newer.expose(), old);
    let same = tokens.renew(scheme, &stale).await.unwrap().token.unwrap();
    assert_eq!(same.expose(), newer.expose(), "there was a newer one already");
    assert_eq!(bench.provider.book().refreshes, 1);
}

#[tokio::test]
async fn a_process_that_died_while_renewing_blocks_nobody_for_long() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    bench.clock.advance(HOUR);
    let now = bench.clock.now();
    let until = now + SignedDuration::from_secs(30);
    let connections = bench.store.connections();
    assert_eq!(connections.take_lease(bench.org, connection.id, 1, "dead", now, until).await.unwrap(), Lease::Taken);
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    assert_eq!(bench.provider.book().refreshes, 1);
    assert!(bench.clock.now() >= until, "it waited for the lease to end");
}

#[tokio::test]
async fn what_another_process_changed_is_noticed() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    let two = bench.process("two", Some(&bench.keys));
    two.disconnect(bench.org, connection.id).await.unwrap();
    bench.clock.advance(SignedDuration::from_secs(5));
    let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
    assert_eq!(error.code, Code::Reauthorize);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_hear_each_other_renew_once_and_use_what_one_got() {
    let bench = Arc::new(Bench::new().await);
    let connection = bench.calendar().await;
    let two = Coordination::in_memory("two", &bench.memory);
    let mut heard = two.listen();
    let two = bench.replica(two, "two", Some(&bench.keys));
    let old = bench.token(&two, "calendar", connection.id).await.unwrap();
    bench.clock.advance(HOUR);
    let new = bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    assert_ne!(new, old);
    assert_eq!(heard.next().await, Some(News::Connection(bench.org, connection.id)));
    two.changed(connection.id);
    assert_eq!(bench.token(&two, "calendar", connection.id).await.unwrap(), new);
    assert_eq!(bench.provider.book().refreshes, 1);
}

/// A renewal that got no answer: the provider gave a new token, and nobody has it.
async fn cut_off(bench: &Bench, connection: &Connection) {
    bench.clock.advance(HOUR);
    let now = bench.clock.now();
    let connections = bench.store.connections();
    connections.take_lease(bench.org, connection.id, 1, "dead", now, now).await.unwrap();
}

#[tokio::test]
async fn after_a_renewal_that_was_cut_off_the_old_token_is_tried_once_and_what_happened_is_told() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    cut_off(&bench, &connection).await;
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    assert_eq!(bench.status(connection.id).await, Status::Connected, "the provider had not got it, or still takes it");

    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    cut_off(&bench, &connection).await;
    bench.provider.book().refresh = "what the dead replica got".into();
    let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
    assert_eq!((error.code, bench.provider.book().token_requests), (Code::Reauthorize, 2));
    let dead = bench.connections.get(bench.org, connection.id).await.unwrap();
    assert_eq!(dead.status, Status::Reauthorize);
    assert!(dead.problem.as_ref().unwrap().contains("was cut off before its answer was stored"), "{dead:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_grant_is_told_once_by_all_replicas() {
    let bench = Arc::new(Bench::new().await);
    let connection = bench.calendar().await;
    bench.provider.book().refresh = "revoked there".into();
    bench.clock.advance(HOUR);
    let replicas = [bench.connections.clone(), bench.process("two", Some(&bench.keys))];
    let calls = (0..20).map(|number| {
        let (bench, connections) = (bench.clone(), replicas[number % 2].clone());
        tokio::spawn(async move { bench.token(&connections, "calendar", connection.id).await.unwrap_err().code })
    });
    for code in futures_util::future::join_all(calls).await {
        assert_eq!(code.unwrap(), Code::Reauthorize);
    }
    let told = bench.store.events().list(bench.org, None, 0, 10).await.unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn only_a_dead_grant_takes_the_connection_off() {
    for (status, body, code) in [
        (400, r#"{"error":"invalid_client"}"#, Code::PermissionDenied),
        (401, r#"{"error":"invalid_client","error_description":"Unknown client"}"#, Code::PermissionDenied),
        (401, r#"{"error":"unauthorized_client"}"#, Code::PermissionDenied),
        (400, r#"{"error":"invalid_request"}"#, Code::ProviderError),
        (400, r#"{"error":"temporarily_unavailable"}"#, Code::Unavailable),
        (400, "<html>Bad gateway</html>", Code::ProviderError),
        (200, "<html>We are under maintenance</html>", Code::ProviderError),
        (200, "", Code::ProviderError),
        (404, "<html>Not found</html>", Code::ProviderError),
        (429, "", Code::RateLimited),
        (500, r#"{"error":"server_error"}"#, Code::Unavailable),
        (503, "<html>down</html>", Code::Unavailable),
    ] {
        let bench = Bench::new().await;
        let connection = bench.calendar().await;
        bench.provider.book().trouble = Some((status, body));
        bench.clock.advance(HOUR);
        let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
        assert_eq!((error.code, bench.status(connection.id).await), (code, Status::Connected), "{status} {body}");
        bench.provider.book().trouble = None;
        bench.clock.advance(SignedDuration::from_secs(60));
        bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
        assert_eq!(bench.provider.book().refreshes, 1, "{status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_nobody_uses_is_renewed_before_it_dies_of_that_once() {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let replicas = [bench.connections.clone(), bench.process("two", Some(&bench.keys))];
    let keep_alive = async || {
        let kept = futures_util::future::join_all(replicas.iter().map(Connections::keep_alive)).await;
        kept.into_iter().for_each(|it| it.unwrap());
        bench.provider.book().refreshes
    };
    bench.clock.advance(days(20) - HOUR);
    assert_eq!(keep_alive().await, 0);
    bench.clock.advance(HOUR);
    assert_eq!(keep_alive().await, 1);
    bench.clock.advance(days(19));
    assert_eq!(keep_alive().await, 1, "it was renewed");

    bench.provider.book().trouble = Some((503, "down"));
    bench.clock.advance(days(1));
    let before = bench.provider.book().token_requests;
    keep_alive().await;
    keep_alive().await;
    assert_eq!(bench.provider.book().token_requests, before + 1, "it is not asked again at once");
    bench.provider.book().trouble = None;
    bench.clock.advance(HOUR);
    assert_eq!(keep_alive().await, 2);
    assert_eq!(bench.status(connection.id).await, Status::Connected);
}
