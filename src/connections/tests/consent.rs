use super::*;
use crate::base::Code;

/// The query parameter of an authorization URL.
fn parameter(started: &Started, name: &str) -> String {
    let url = started.authorization_url.as_ref().unwrap();
    url.query_pairs().find(|(it, _)| it == name).unwrap().1.into_owned()
}

#[tokio::test]
async fn a_consent_connects_an_account() {
    let bench = Bench::new().await;
    let started = bench.connections.start(bench.start("calendar")).await.unwrap();
    assert_eq!(started.connection.status, Status::Pending);
    assert_eq!(parameter(&started, "redirect_uri"), "https://closeloop.example.com/oauth/callback");

    let returned = bench.consent(&started).await;
    assert!(returned.problem.is_none());
    assert_eq!(returned.return_to.as_deref(), Some("https://chatbot.example.com/done"));
    let connection = returned.connection;
    assert_eq!((connection.id, connection.status), (started.connection.id, Status::Connected));
    assert_eq!(connection.label.as_deref(), Some("owner@example.com"));
    assert_eq!(connection.scopes, ["calendar"]);
    assert_eq!(Json::Object(connection.metadata), json!({"region": "eu", "tenant": "eu", "user": "u-1"}));
    let token = bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    assert_eq!(token, bench.provider.book().access);
    assert!(!bench.files_hold(&token), "a token is in the store's files");
    assert_eq!(bench.connections.test(bench.org, connection.id).await.unwrap().status, Status::Connected);
}

/// A consent of the connector `regional`, whose redirect names an accounts server.
async fn regional(bench: &Bench, accounts: &str) -> crate::connections::Returned {
    let start = Start { fields: json!({"app_key": "k3y"}), ..bench.start("regional") };
    let started = bench.connections.start(start).await.unwrap();
    let (state, code) = bench.provider.consent(started.authorization_url.as_ref().unwrap());
    let parameters = [("code", &*code), ("location", "eu"), ("accounts-server", accounts), ("other", "x")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), Secret::new(value))).into();
    let answered = Answered::Consented { parameters };
    bench.connections.callback(&Secret::new(state), answered).await.unwrap()
}

#[tokio::test]
async fn the_redirect_decides_where_the_code_is_exchanged_and_the_answer_where_the_api_is() {
    let bench = Bench::new().await;
    let returned = regional(&bench, "https://auth.example.com").await;
    assert!(returned.problem.is_none(), "{:?}", returned.problem);
    let connection = returned.connection;
    let known = json!({"environment": "live", "accounts": "https://auth.example.com", "region": "eu",
                       "api": "https://api.example.com", "user": "u-1"});
    assert_eq!(Json::Object(connection.metadata), known);
    assert_eq!(bench.provider.book().app_key.as_deref(), Some("k3y"), "a key beside the token");

    bench.provider.book().api = "https://api2.example.com";
    bench.clock.advance(SignedDuration::from_hours(2));
    bench.token(&bench.connections, "regional", connection.id).await.unwrap();
    assert_eq!(bench.provider.book().refreshes, 1);
    let renewed = bench.store.connections().get(bench.org, connection.id).await.unwrap().unwrap();
    assert_eq!(renewed.metadata["api"], "https://api2.example.com", "a refresh keeps what is captured fresh");
    assert_eq!(renewed.metadata["accounts"], "https://auth.example.com");
    bench.connections.disconnect(bench.org, connection.id).await.unwrap();
    assert_eq!(bench.provider.book().revoked.len(), 1);
}

#[tokio::test]
async fn a_redirect_cannot_send_the_code_to_anybody_else() {
    let elsewhere = "https://auth.example.com@evil.example.org";
    for accounts in ["https://auth.example.org", elsewhere, "http://auth.example.com", ""] {
        let bench = Bench::new().await;
        let returned = regional(&bench, accounts).await;
        assert_eq!(returned.connection.status, Status::Failed, "{accounts}");
        assert_eq!(bench.provider.book().token_requests, 0, "{accounts}");
    }
}

#[tokio::test]
async fn a_state_works_once_and_not_for_long() {
    let bench = Bench::new().await;
    let started = bench.connections.start(bench.start("calendar")).await.unwrap();
    let (state, code) = bench.provider.consent(started.authorization_url.as_ref().unwrap());
    let back = async |state: &str| bench.connections.callback(&Secret::new(state), Answered::consented(&code)).await;
    assert!(matches!(back("guess").await, Err(Error::UnknownState)));
    assert!(back(&state).await.unwrap().problem.is_none());
    assert!(matches!(back(&state).await, Err(Error::UnknownState)));

    let late = bench.connections.start(bench.start("calendar")).await.unwrap();
    bench.clock.advance(SignedDuration::from_mins(15));
    assert!(matches!(back(&parameter(&late, "state")).await, Err(Error::UnknownState)));
    assert_eq!(bench.connections.fail_abandoned().await.unwrap(), 0, "begun just now");
    bench.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(bench.connections.fail_abandoned().await.unwrap(), 1);
    assert_eq!(bench.status(late.connection.id).await, Status::Failed);
}

#[tokio::test]
async fn a_refused_consent_fails_the_connection_and_sends_the_browser_back() {
    let bench = Bench::new().await;
    let started = bench.connections.start(bench.start("calendar")).await.unwrap();
    let answered = Answered::Refused { error: "access_denied".into(), description: "No, thanks.".into() };
    let state = Secret::new(parameter(&started, "state"));
    let returned = bench.connections.callback(&state, answered).await.unwrap();
    assert_eq!(returned.connection.status, Status::Failed);
    assert!(returned.connection.problem.unwrap().contains("access_denied: No, thanks."));
    assert!(returned.return_to.is_some());
    assert_eq!(refusal(returned.problem.unwrap()), Code::PermissionDenied);
}

#[tokio::test]
async fn an_account_that_cannot_be_identified_is_not_connected() {
    let bench = Bench::new().await;
    let started = bench.connections.start(bench.start("calendar")).await.unwrap();
    bench.provider.book().email = "";
    let returned = bench.consent(&started).await;
    assert_eq!(refusal(returned.problem.unwrap()), Code::PermissionDenied);
    let stored = bench.store.connections().get_sealed(bench.org, started.connection.id).await.unwrap().unwrap();
    assert_eq!((stored.0.status, stored.1), (Status::Failed, None));
}

#[tokio::test]
async fn a_code_that_is_no_good_fails_the_connection() {
    let bench = Bench::new().await;
    let started = bench.connections.start(bench.start("calendar")).await.unwrap();
    let (state, _) = bench.provider.consent(started.authorization_url.as_ref().unwrap());
    let answered = Answered::consented("stolen");
    let returned = bench.connections.callback(&Secret::new(state), answered).await.unwrap();
    assert_eq!(returned.connection.status, Status::Failed);
    assert!(!returned.connection.problem.unwrap().contains("stolen"));
}

#[tokio::test]
async fn one_account_serves_its_connectors_scope_by_scope() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let sheets = bench.connectors.connector("sheets").unwrap();
    let missing = |connection: &Connection, needed: &[&str]| {
        let needed: Vec<_> = needed.iter().map(|it| (*it).to_owned()).collect();
        crate::connections::missing_scopes(connection, &sheets, &needed)
    };
    assert_eq!(missing(&connection, &["sheets", "calendar.read"]), ["sheets"]);

    let again = Start { again: Some(connection.id), ..bench.start("sheets") };
    let started = bench.connections.start(again).await.unwrap();
    assert_eq!(started.connection.status, Status::Connected, "what works goes on working");
    assert_eq!(parameter(&started, "scope"), "calendar sheets");
    let grown = bench.consent(&started).await.connection;
    assert_eq!((grown.id, grown.scopes.clone()), (connection.id, vec!["calendar".to_owned(), "sheets".to_owned()]));
    assert!(missing(&grown, &["sheets", "calendar.read"]).is_empty());
    let token = bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    assert_eq!(token, bench.provider.book().access);
}

#[tokio::test]
async fn only_what_was_granted_counts() {
    let bench = Bench::new().await;
    let started =
        bench.connections.start(Start { scopes: vec!["sheets".into()], ..bench.start("calendar") }).await.unwrap();
    bench.provider.book().grants = Some("calendar");
    assert_eq!(bench.consent(&started).await.connection.scopes, ["calendar"]);
}

#[tokio::test]
async fn a_second_consent_that_fails_leaves_the_connection_as_it_was() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let again = Start { again: Some(connection.id), ..bench.start("sheets") };
    let started = bench.connections.start(again).await.unwrap();
    let answered = Answered::Refused { error: "access_denied".into(), description: String::new() };
    let returned = bench.connections.callback(&Secret::new(parameter(&started, "state")), answered).await.unwrap();
    assert!(returned.problem.is_some());
    assert_eq!(returned.connection, connection);
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
}

#[tokio::test]
async fn a_dead_connection_comes_back_to_life_by_a_new_consent() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    bench.provider.book().refresh = "revoked there".into();
    bench.clock.advance(SignedDuration::from_hours(2));
    let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
    assert_eq!(error.code, Code::Reauthorize);
    assert!(matches!(
        bench.connections.test(bench.org, connection.id).await,
        Err(Error::NotConnected(Status::Reauthorize))
    ));

    let again = Start { again: Some(connection.id), ..bench.start("calendar") };
    let started = bench.connections.start(again).await.unwrap();
    assert_eq!(bench.consent(&started).await.connection.status, Status::Connected);
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
}

#[tokio::test]
async fn nothing_is_asked_that_could_not_be_stored_or_exchanged() {
    let bench = Bench::new().await;
    let keyless = bench.process("keyless", None);
    assert!(matches!(keyless.start(bench.start("calendar")).await, Err(Error::NoKeyRing)));
    let other = Start { again: Some(bench.calendar().await.id), ..bench.start("chat") };
    assert!(matches!(bench.connections.start(other).await, Err(Error::OtherAccount)));
    assert!(matches!(bench.connections.start(bench.start("nobody")).await, Err(Error::NoConnector(_))));
    let region = Start { fields: json!({"region": "mars"}), ..bench.start("calendar") };
    assert!(matches!(bench.connections.start(region).await, Err(Error::Fields(_))));
    assert_eq!(bench.connections.list(bench.org).await.unwrap().len(), 1);
}

#[tokio::test]
async fn disconnecting_wipes_the_credential_and_revokes_the_grant() {
    let bench = Bench::new().await;
    let connection = bench.calendar().await;
    let refresh = bench.provider.book().refresh.clone();
    bench.token(&bench.connections, "calendar", connection.id).await.unwrap();
    let off = bench.connections.disconnect(bench.org, connection.id).await.unwrap();
    assert_eq!((off.connection.status, off.revoked), (Status::Disconnected, true));
    assert_eq!(bench.provider.book().revoked, [refresh]);
    let stored = bench.store.connections().get_sealed(bench.org, connection.id).await.unwrap().unwrap();
    assert_eq!(stored.1, None);
    let error = bench.token(&bench.connections, "calendar", connection.id).await.unwrap_err();
    assert_eq!(error.code, Code::Reauthorize);
    assert!(!bench.connections.disconnect(bench.org, connection.id).await.unwrap().revoked, "again");
}

#[tokio::test]
async fn a_grant_that_a_sibling_needs_is_not_revoked() {
    let bench = Bench::new().await;
    let (first, second) = (bench.calendar().await, bench.calendar().await);
    assert!(!bench.connections.disconnect(bench.org, first.id).await.unwrap().revoked);
    assert!(bench.connections.disconnect(bench.org, second.id).await.unwrap().revoked);
}

#[tokio::test]
async fn disconnecting_cancels_a_consent_that_was_begun() {
    let bench = Bench::new().await;
    let started = bench.connections.start(bench.start("calendar")).await.unwrap();
    bench.connections.disconnect(bench.org, started.connection.id).await.unwrap();
    let (state, code) = bench.provider.consent(started.authorization_url.as_ref().unwrap());
    let back = bench.connections.callback(&Secret::new(state), Answered::consented(&code)).await;
    assert!(matches!(back, Err(Error::UnknownState)));
}
