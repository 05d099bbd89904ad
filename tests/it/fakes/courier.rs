//! What providers send unasked, to addresses that they were given.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// One delivery, which may be sent again. It is a POST.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// As the provider was given it.
    pub(crate) url: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

impl Delivery {
    /// With another value of one of its headers.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let header = self.headers.iter_mut().find(|it| it.0 == name).expect("it has this header");
        value.clone_into(&mut header.1);
        self
    }

    /// The value of one of its headers.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|it| it.0 == name).map_or("", |it| it.1.as_str())
    }
}

/// What a delivery was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

/// Sends deliveries. Its clones are the same one.
#[derive(Clone)]
pub(crate) struct Courier(Arc<Inner>);

struct Inner {
    http: reqwest::Client,
    engine: Mutex<Option<String>>,
    done: watch::Sender<Vec<(Delivery, u16)>>,
}

impl Default for Courier {
    fn default() -> Self {
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirects).build().expect("it needs nothing");
        Self(Arc::new(Inner { http, engine: Mutex::default(), done: watch::Sender::default() }))
    }
}

impl Courier {
    /// The origin at which providers reach an engine, wherever it listens.
    pub(crate) const ENGINE: &str = "https://bot.example.net";

    /// Says where that engine listens.
    pub(crate) fn find_engine(&self, base: &str) {
        *self.0.engine.lock().unwrap_or_else(PoisonError::into_inner) = Some(base.to_owned());
    }

    /// Sends, and gives the answer; none if there is nobody at that address.
    pub(crate) async fn send(&self, it: &Delivery) -> Option<Answered> {
        let base = self.0.engine.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let url = format!("{base}{}", it.url.strip_prefix(Self::ENGINE)?);
        let mut request = self.0.http.post(url).body(it.body.clone());
        for (name, value) in &it.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.ok()?;
        let content_type = answer.headers().get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
        let (status, content_type) = (answer.status().as_u16(), content_type.to_owned());
        Some(Answered { status, content_type, body: answer.text().await.ok()? })
    }

    /// Sends beside everything else, as providers do, and remembers what was answered; 0 is nothing.
    pub(crate) fn post(&self, it: Delivery) {
        let courier = self.clone();
        tokio::spawn(async move {
            let status = courier.send(&it).await.map_or(0, |it| it.status);
            courier.0.done.send_modify(|done| done.push((it, status)));
        });
    }

    /// What was sent beside, once it is at least so much.
    pub(crate) async fn sent(&self, count: usize) -> Vec<(Delivery, u16)> {
        let mut done = self.0.done.subscribe();
        done.wait_for(|it| it.len() >= count).await.expect("this one sends").clone()
    }
}
