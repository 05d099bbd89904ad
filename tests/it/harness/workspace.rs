//! An engine whose provider of calendars, sheets, files, documents and mail is the fake one, with consent and state.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use super::{Options, TestApp};
use crate::{clock::ManualClock, fakes::google::Google};

/// The engine and the provider behind it.
pub(crate) struct Workspace {
    pub(crate) app: TestApp,
    pub(crate) google: Google,
}

impl Workspace {
    /// Nothing is connected yet.
    pub(crate) async fn start() -> Self {
        // The fake stands still while the engine's clock runs: its tokens end only when the test says so.
        let google = Google::start(ManualClock::at(&SystemClock.now().to_string())).await;
        google.world().redirect_uris.push("http://127.0.0.1:8080/oauth/callback".to_owned());
        let (id, secret) = {
            let world = google.world();
            (world.client_id.clone(), world.client_secret.clone())
        };
        let url = google.server.url();
        let origins = [
            "https://accounts.google.com",
            "https://oauth2.googleapis.com",
            "https://www.googleapis.com",
            "https://sheets.googleapis.com",
            "https://docs.googleapis.com",
            "https://gmail.googleapis.com",
        ];
        let overrides = origins.map(|it| (it, url.to_owned())).into();
        let app = TestApp::with(Options { overrides, accounts: vec![("google", id, secret)], ..Options::default() });
        Self { app: app.await, google }
    }

    /// Begins to connect for a connector, with these scopes (short names).
    pub(crate) async fn begin(&self, connector: &str, scopes: &[&str]) -> Json {
        let scopes: Vec<String> = scopes.iter().map(|it| scope(it)).collect();
        self.app.client.post("/v1/connections", json!({"connector": connector, "scopes": scopes})).await
    }

    /// Connects for a connector and gives the connection's id, whatever was granted.
    pub(crate) async fn connect(&self, connector: &str, scopes: &[&str]) -> String {
        let begun = self.begin(connector, scopes).await;
        self.agree(&begun).await
    }

    /// Asks for more scopes, which another connector of the account needs; gives the connection's id.
    pub(crate) async fn ask_more(&self, connection: &str, connector: &str, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|it| scope(it)).collect();
        let body = json!({"connector": connector, "scopes": scopes});
        let begun = self.app.client.post(&format!("/v1/connections/{connection}/authorize"), body).await;
        self.agree(&begun).await
    }

    async fn agree(&self, begun: &Json) -> String {
        let (status, _, page) = self.consent(begun).await;
        assert_eq!(status, 200, "{page}");
        begun["id"].as_str().unwrap().to_owned()
    }

    /// Where the consent page sends the browser, at this engine.
    pub(crate) async fn callback(&self, begun: &Json) -> String {
        self.app.client.callback(begun).await
    }

    /// Goes through the consent as a browser does; gives what it sees in the end: status, `location`, page.
    pub(crate) async fn consent(&self, begun: &Json) -> (u16, Option<String>, String) {
        self.app.client.consent(begun).await
    }

    /// How often a token was asked for, the first one included.
    pub(crate) fn token_requests(&self) -> usize {
        self.google.server.count("POST", "/token")
    }

    /// An ended token is renewed once and unseen; a grant that was taken back asks for a new consent.
    pub(crate) async fn tokens_live_and_end(&self, connection: &str, function: &str, arguments: Json) {
        let client = &self.app.client;
        self.google.world().expire_access_tokens();
        let before = self.token_requests();
        client.output(function, arguments.clone()).await;
        assert_eq!(self.token_requests() - before, 1);
        self.google.world().revoke_everything();
        let error = client.failure(function, arguments).await;
        assert_eq!((&error["code"], &error["retry"]), (&json!("reauthorize"), &json!("after_reconnect")), "{error:#}");
        assert_eq!(client.get(&format!("/v1/connections/{connection}")).await["status"], "reauthorize");
    }
}

/// A scope as it is on the wire.
pub(crate) fn scope(short: &str) -> String {
    format!("https://www.googleapis.com/auth/{short}")
}
