use super::*;
use crate::base::Code;

fn with_key(bench: &Bench, connector: &str, key: &str) -> Start {
    Start { fields: json!({"key": key, "region": "eu"}), ..bench.start(connector) }
}

#[tokio::test]
async fn fields_connect_at_once_if_the_provider_takes_them() {
    let bench = Bench::new().await;
    bench.provider.book().access = "a-good-key".into();
    let started = bench.connections.start(with_key(&bench, "chat", "a-good-key")).await.unwrap();
    let connection = started.connection;
    assert!(started.authorization_url.is_none());
    assert_eq!((connection.status, connection.label.as_deref()), (Status::Connected, Some("owner@example.com")));
    assert_eq!(Json::Object(connection.metadata), json!({"region": "eu", "user": "u-1"}), "no secret is shown");
    assert!(!bench.files_hold("a-good-key"), "a key is in the store's files");

    let chat = bench.connectors.connector("chat").unwrap();
    let tokens = bench.connections.tokens(chat.clone(), bench.org, connection.id);
    let credentials = tokens.credentials(chat.account.scheme(None).unwrap()).await.unwrap();
    assert_eq!(credentials.fields["key"].expose(), "a-good-key");
    assert_eq!(credentials.fields["region"].expose(), "eu");
}

#[tokio::test]
async fn what_the_provider_refuses_is_not_stored() {
    let bench = Bench::new().await;
    let refused = bench.connections.start(with_key(&bench, "chat", "wrong")).await.unwrap_err();
    assert_eq!(refusal(refused), Code::Reauthorize);
    let refused = bench.connections.start(with_key(&bench, "payments", "wrong")).await.unwrap_err();
    assert_eq!(refusal(refused), Code::Reauthorize);
    assert!(bench.connections.list(bench.org).await.unwrap().is_empty());
}

#[tokio::test]
async fn fields_that_do_not_fit_are_told_without_asking_the_provider() {
    let bench = Bench::new().await;
    let Err(Error::Fields(errors)) = bench.connections.start(with_key(&bench, "chat", "x")).await else { panic!() };
    assert_eq!(errors.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["/key"]);
    let Err(error) = bench.connections.start(bench.start("chat")).await else { panic!() };
    assert!(error.to_string().contains("`key` is missing"), "{error}");
}

#[tokio::test]
async fn new_fields_replace_the_old_ones_only_if_they_work() {
    let bench = Bench::new().await;
    bench.provider.book().access = "old-key".into();
    let connection = bench.connections.start(with_key(&bench, "chat", "old-key")).await.unwrap().connection;
    let again = |key: &str| Start { again: Some(connection.id), ..with_key(&bench, "chat", key) };
    assert!(bench.connections.start(again("bad-key")).await.is_err());
    assert_eq!(bench.connections.get(bench.org, connection.id).await.unwrap(), connection);

    bench.provider.book().access = "new-key".into();
    assert!(bench.connections.test(bench.org, connection.id).await.is_err());
    let renewed = bench.connections.start(again("new-key")).await.unwrap().connection;
    assert_eq!((renewed.id, renewed.token_version), (connection.id, connection.token_version + 1));
    bench.connections.test(bench.org, connection.id).await.unwrap();
}

#[tokio::test]
async fn the_sandbox_connects_without_anything() {
    let bench = Bench::new().await;
    let keyless = bench.process("keyless", None);
    let start = Start { mode: Mode::Sandbox, fields: json!({"key": "real?"}), ..bench.start("chat") };
    let connection = keyless.start(start).await.unwrap().connection;
    assert_eq!((connection.status, connection.mode), (Status::Connected, Mode::Sandbox));
    assert!(!bench.files_hold("real?"));
    keyless.test(bench.org, connection.id).await.unwrap();
    let chat = bench.connectors.connector("chat").unwrap();
    assert!(crate::connections::missing_scopes(&connection, &chat, &["any".into()]).is_empty());
}

#[tokio::test]
async fn another_org_has_no_part_in_a_connection() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let other =
        Org { id: OrgId::new(bench.clock.now(), &SystemRandom), name: "Other".into(), created_at: bench.clock.now() };
    bench.store.orgs().create(&other).await.unwrap();
    assert!(matches!(bench.connections.get(other.id, connection.id).await, Err(Error::NotFound)));
    assert!(matches!(bench.connections.test(other.id, connection.id).await, Err(Error::NotFound)));
    assert!(matches!(bench.connections.disconnect(other.id, connection.id).await, Err(Error::NotFound)));
    let steal = Start { org: other.id, again: Some(connection.id), ..bench.start("calendar") };
    assert!(matches!(bench.connections.start(steal).await, Err(Error::NotFound)));
    assert_eq!(bench.status(connection.id).await, Status::Connected);
}

#[tokio::test]
async fn credentials_move_to_a_new_key_and_the_old_one_can_go() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let new = KeyRing::generate("k2", &SystemRandom);
    let both = Secret::new(format!("{},{}", new.expose(), bench.keys.expose()));
    let during = bench.process("during", Some(&both));
    assert_eq!(during.reseal().await.unwrap(), 1);
    assert_eq!(during.reseal().await.unwrap(), 0);
    let after = bench.process("after", Some(&new));
    bench.token(&after, "calendar", connection.id).await.unwrap();
}
