//! Stand-ins for the providers that a page connects to, and the builder who consents.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    clock::ManualClock,
    fakes::{google::Google, midtrans::Midtrans},
};

/// Who answers in place of the providers.
pub(super) struct Providers {
    google: Google,
    midtrans: Midtrans,
}

impl Providers {
    /// Their clocks stand still: nothing that they gave ends meanwhile.
    pub(super) async fn start() -> Self {
        let clock = ManualClock::at(&SystemClock.now().to_string());
        Self { google: Google::start(clock.clone()).await, midtrans: Midtrans::start(clock).await }
    }

    /// Settings of an engine that calls them. `public_url` is the engine's own.
    pub(super) fn settings(&self, public_url: &str) -> String {
        let mut world = self.google.world();
        world.redirect_uris.push(format!("{public_url}/oauth/callback"));
        let google = self.google.server.url();
        json!({
            "accounts": {"google": {"client_id": world.client_id, "client_secret_env": "GOOGLE_SECRET"}},
            "endpoint_overrides": {
                "https://accounts.google.com": google,
                "https://oauth2.googleapis.com": google,
                "https://www.googleapis.com": google,
                "https://api.sandbox.midtrans.com": self.midtrans.api.url(),
            },
        })
        .to_string()
    }

    /// The OAuth app's secret.
    pub(super) fn secret(&self) -> String {
        self.google.world().client_secret.clone()
    }
}

/// Goes where the answer that started a connection says, and on to where the consent page sends the browser.
pub(super) async fn consent(begun: &str) {
    let begun: Json = serde_json::from_str(begun).unwrap();
    let stay = reqwest::redirect::Policy::none();
    let browser = reqwest::Client::builder().no_proxy().redirect(stay).build().unwrap();
    let mut address = begun["authorization_url"].as_str().unwrap().to_owned();
    for _ in ["the consent page", "the engine"] {
        let page = browser.get(&address).send().await.unwrap();
        match page.headers().get("location") {
            Some(next) => address = next.to_str().unwrap().to_owned(),
            None => assert!(page.status().is_success(), "{address}"),
        }
    }
}
