//! Clients that register themselves, by several replicas and by some that do not come to their end.

use super::*;

/// The client that a consent is asked for.
fn client(started: &Started) -> String {
    let url = started.authorization_url.as_ref().unwrap();
    url.query_pairs().find(|(name, _)| name == "client_id").unwrap().1.into_owned()
}

#[tokio::test]
async fn replicas_that_register_at_once_use_one_client() {
    let bench = Bench::new().await;
    let other = bench.process("two", Some(&bench.keys));
    let answers = async {
        bench.provider.registrations_arrived(2).await;
        bench.provider.answer_registrations(2);
    };
    let both = [bench.connections.start(bench.start("unknown")), other.start(bench.start("unknown"))];
    let (started, ()) = tokio::join!(futures_util::future::join_all(both), answers);
    let used: Vec<_> = started.iter().map(|it| client(it.as_ref().unwrap())).collect();
    assert_eq!(used[0], used[1]);
    assert_eq!(bench.provider.book().registered, 2, "one of them is never used");

    let later = bench.connections.start(bench.start("unknown")).await.unwrap();
    assert_eq!((client(&later), bench.provider.book().registered), (used[0].clone(), 2));
    assert!(!bench.files_hold("s3cret-of-it"));
}

#[tokio::test]
async fn a_registration_whose_answer_was_lost_is_made_again() {
    let bench = Arc::new(Bench::new().await);
    let dying = {
        let bench = Arc::clone(&bench);
        tokio::spawn(async move { bench.connections.start(bench.start("unknown")).await.map(drop) })
    };
    bench.provider.registrations_arrived(1).await;
    dying.abort();
    assert!(dying.await.unwrap_err().is_cancelled());
    bench.provider.answer_registrations(2);
    let started = bench.connections.start(bench.start("unknown")).await.unwrap();
    let again = bench.connections.start(bench.start("unknown")).await.unwrap();
    assert_eq!(client(&started), client(&again));
}

#[tokio::test]
async fn a_client_whose_key_is_gone_is_registered_again_and_a_change_of_keys_keeps_it() {
    let bench = Bench::new().await;
    bench.provider.answer_registrations(3);
    let first = client(&bench.connections.start(bench.start("unknown")).await.unwrap());
    let new = KeyRing::generate("k2", &SystemRandom);
    let both = Secret::new(format!("{},{}", new.expose(), bench.keys.expose()));
    assert_eq!(bench.process("during", Some(&both)).reseal().await.unwrap(), 1);
    let after = bench.process("after", Some(&new));
    assert_eq!(client(&after.start(bench.start("unknown")).await.unwrap()), first);
    // the one that has the old key only can't read it any more
    assert_ne!(client(&bench.connections.start(bench.start("unknown")).await.unwrap()), first);
    assert_eq!(bench.provider.book().registered, 2);
}

#[tokio::test]
async fn who_was_connected_before_its_provider_was_looked_for_stays_so() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let error = bench.token(&bench.connections, "unknown", connection.id).await.unwrap_err();
    assert_eq!(error.code, crate::base::Code::Reauthorize, "{error:?}");
    assert_eq!(bench.status(connection.id).await, Status::Connected, "the version may be rolled back");
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
}
