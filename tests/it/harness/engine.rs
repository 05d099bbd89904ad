//! A real engine on a free port with its own database, and a client that speaks to it as a chatbot would.

use std::{
    num::NonZeroU32,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use closeloop::{
    app::App,
    base::{Clock, Secret},
    config::{AccountApp, Config},
    crypto::KeyRing,
    system::{SystemClock, SystemRandom},
    transport::isolation::Bounds,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use url::Url;

/// An engine that serves the shipped connectors.
pub(crate) struct TestApp {
    app: Option<App>,
    /// With the key of the org `acme`.
    pub(crate) client: Client,
    settings: Config,
    clock: Arc<dyn Clock>,
    folder: TempDir,
}

/// How the engine differs from the default.
#[derive(Default)]
pub(crate) struct Options {
    /// A provider's origin → a stand-in's.
    pub(crate) overrides: Vec<(&'static str, String)>,
    /// Provider account → client id and secret.
    pub(crate) accounts: Vec<(&'static str, String, String)>,
    /// Another folder of connectors.
    pub(crate) connectors: Option<PathBuf>,
    /// Whether it reads that folder again when it changes.
    pub(crate) watch: bool,
    /// Whether it takes over whatever has no mistakes.
    pub(crate) unguarded: bool,
    /// How providers reach it; by default they can't.
    pub(crate) public_url: Option<&'static str>,
    /// By default the machine's.
    pub(crate) clock: Option<Arc<dyn Clock>>,
    /// So many requests an org may send in a second; by default as many as it likes.
    pub(crate) org_rate: Option<u32>,
    /// How much goes on at the same time; by default as in the settings.
    pub(crate) bounds: Option<Bounds>,
    /// Another database than a new file.
    pub(crate) database_url: Option<String>,
    /// Whether to start without an encryption key.
    pub(crate) without_keys: bool,
    /// A certificate authority (PEM) that it trusts beside the system's.
    pub(crate) extra_ca: Option<Vec<u8>>,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Config::from_text("listen: 127.0.0.1:0\n", &|_| None).unwrap();
        let file = format!("sqlite://{}", folder.path().join("test.sqlite").display());
        settings.database_url = Secret::new(options.database_url.unwrap_or(file));
        settings.connectors =
            options.connectors.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("connectors"));
        settings.watch_connectors = options.watch;
        settings.guard_connectors = !options.unguarded;
        settings.stop_timeout = Duration::from_secs(5);
        if !options.without_keys {
            settings.encryption_keys = Some(KeyRing::generate("test", &SystemRandom));
        }
        settings.bounds = options.bounds.unwrap_or(settings.bounds);
        settings.extra_ca = options.extra_ca;
        settings.org_rate = options.org_rate.and_then(NonZeroU32::new);
        if let Some(url) = options.public_url {
            settings.public_url = url.parse().unwrap();
        }
        let urls = |(from, to): (&str, String)| (from.parse().unwrap(), to.parse().unwrap());
        settings.endpoint_overrides = options.overrides.into_iter().map(urls).collect();
        for (account, client_id, secret) in options.accounts {
            let app = AccountApp { client_id, client_secret: Some(Secret::new(secret)) };
            settings.accounts.insert(account.to_owned(), app);
        }
        let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let app = App::start_by(settings.clone(), Arc::clone(&clock)).await.unwrap();
        let client = Client::of(&app, "acme").await;
        Self { app: Some(app), client, settings, clock, folder }
    }

    /// A client of another org.
    pub(crate) async fn client_of(&self, org: &str) -> Client {
        Client::of(self.app(), org).await
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("it runs until the test stops it")
    }

    /// Stops gracefully and starts again over the same database.
    pub(crate) async fn restart(&mut self) {
        self.app.take().expect("it runs").stop().await.unwrap();
        let app = App::start_by(self.settings.clone(), Arc::clone(&self.clock)).await.unwrap();
        self.client.base = format!("http://{}", app.address());
        self.app = Some(app);
    }

    /// Stops as a crash does: nothing that runs gets to its end. Then starts again over the same database.
    pub(crate) async fn crash(&mut self, copied: &std::path::Path) {
        for file in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), copied.join(file.file_name())).unwrap();
        }
        self.settings.database_url = Secret::new(format!("sqlite://{}", copied.join("test.sqlite").display()));
        let before = self.app.take();
        let app = App::start_by(self.settings.clone(), Arc::clone(&self.clock)).await.unwrap();
        self.client.base = format!("http://{}", app.address());
        self.app = Some(app);
        // it goes on, but over files that nobody looks at any more
        std::mem::forget(before);
    }

    /// Where it is stored.
    pub(crate) fn database_url(&self) -> String {
        self.settings.database_url.expose().to_owned()
    }

    /// Every byte that the engine has stored.
    pub(crate) fn stored_bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

/// One org's client.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) key: Arc<Secret>,
    /// Every body that it was answered, those of its clones too; nothing if it is not to keep them.
    answers: Option<Arc<Mutex<String>>>,
}

impl Client {
    async fn of(app: &App, org: &str) -> Self {
        let key = app.engine().new_api_key(org).await.unwrap();
        let base = format!("http://{}", app.address());
        Self { answers: Some(Arc::default()), ..Self::at(base, key) }
    }

    /// The client of whoever has this key, which does not keep what it is answered.
    pub(crate) fn at(base: String, key: Secret) -> Self {
        let redirects = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().no_proxy().redirect(redirects).build().unwrap();
        Self { http, base, key: Arc::new(key), answers: None }
    }

    /// The same, of another engine over the same database.
    pub(crate) fn elsewhere(&self, base: String) -> Self {
        Self { base, ..self.clone() }
    }

    /// Sends and gives status and body, whatever they are.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&Json>, key: Option<&str>) -> (u16, Json) {
        self.try_send(method, path, body, key).await.unwrap()
    }

    /// The same, where there may be no answer.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        key: Option<&str>,
    ) -> reqwest::Result<(u16, Json)> {
        let mut request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        request = request.bearer_auth(self.key.expose());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await?;
        self.keep(&String::from_utf8_lossy(&bytes));
        let body = if bytes.is_empty() { Json::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Ok((status, body))
    }

    /// Sends with a `Prefer` header, and gives status, headers and body.
    pub(crate) async fn prefer(
        &self,
        method: &str,
        path: &str,
        body: Option<&Json>,
        preference: &str,
    ) -> (u16, reqwest::header::HeaderMap, Json) {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.base));
        let mut request = request.bearer_auth(self.key.expose()).header("prefer", preference);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let bytes = answer.bytes().await.unwrap();
        self.keep(&String::from_utf8_lossy(&bytes));
        (status, headers, serde_json::from_slice(&bytes).unwrap())
    }

    /// Asks, and gives status and headers.
    pub(crate) async fn head_of(&self, path: &str) -> (u16, reqwest::header::HeaderMap) {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(self.key.expose());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().clone())
    }

    /// All that it was ever told.
    pub(crate) fn answers(&self) -> String {
        self.answers.as_ref().expect("it keeps them").lock().unwrap().clone()
    }

    fn keep(&self, answer: &str) {
        let Some(answers) = &self.answers else { return };
        let mut answers = answers.lock().unwrap();
        answers.push_str(answer);
        answers.push('\n');
    }

    #[track_caller]
    fn expect(expected: u16, (status, body): (u16, Json)) -> Json {
        assert_eq!(status, expected, "{body:#}");
        body
    }

    pub(crate) async fn get(&self, path: &str) -> Json {
        Self::expect(200, self.send("GET", path, None, None).await)
    }

    /// What is at a path once it is as wanted.
    pub(crate) async fn until(&self, path: &str, is: impl Fn(&Json) -> bool) -> Json {
        for _ in 0..600 {
            let it = self.get(path).await;
            if is(&it) {
                return it;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{path} never came to be as wanted: {:#}", self.get(path).await);
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Json {
        let (status, answer) = self.send("POST", path, Some(&body), None).await;
        assert!(matches!(status, 200..=202), "{status} {answer:#}");
        answer
    }

    /// A page that the browser opens: status, `location`, text.
    pub(crate) async fn browse(&self, url: &str) -> (u16, Option<String>, String) {
        self.seen(self.http.get(url).send().await.unwrap()).await
    }

    /// Posts a form as a page does, and gives what the browser then sees: status, `location`, page.
    pub(crate) async fn post_form(&self, url: &str, form: &[(&str, &str)]) -> (u16, Option<String>, String) {
        let body = Url::parse_with_params("form:", form).unwrap().query().unwrap_or_default().to_owned();
        self.post_as(url, "application/x-www-form-urlencoded", body).await
    }

    /// The same of any body.
    pub(crate) async fn post_as(&self, url: &str, content_type: &str, body: String) -> (u16, Option<String>, String) {
        let request = self.http.post(url).header("content-type", content_type).body(body);
        self.seen(request.send().await.unwrap()).await
    }

    /// What a browser sees of an answer.
    async fn seen(&self, answer: reqwest::Response) -> (u16, Option<String>, String) {
        let location = answer.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        let status = answer.status().as_u16();
        let page = answer.text().await.unwrap();
        self.keep(&page);
        (status, location, page)
    }

    /// A text that the engine serves to whoever has the key: status and text.
    pub(crate) async fn text(&self, path: &str) -> (u16, String) {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(self.key.expose());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// Where the consent page sends the browser, at this engine.
    pub(crate) async fn callback(&self, begun: &Json) -> String {
        let (status, location, page) = self.browse(begun["authorization_url"].as_str().unwrap()).await;
        assert_eq!(status, 302, "{page}");
        let back = Url::parse(&location.unwrap()).unwrap();
        // the engine took a free port, which its public address doesn't know
        format!("{}{}", self.base, &back[url::Position::BeforePath..])
    }

    /// Goes through the consent as a browser does; gives what it sees in the end: status, `location`, page.
    pub(crate) async fn consent(&self, begun: &Json) -> (u16, Option<String>, String) {
        self.browse(&self.callback(begun).await).await
    }

    /// Connects by a consent to these scopes, and gives the connection's id.
    pub(crate) async fn connect_by_consent(&self, connector: &str, fields: Json, scopes: &[&str]) -> String {
        let begun = json!({"connector": connector, "fields": fields, "scopes": scopes});
        let begun = self.post("/v1/connections", begun).await;
        let (status, _, page) = self.consent(&begun).await;
        assert_eq!(status, 200, "{page}");
        begun["id"].as_str().unwrap().to_owned()
    }

    /// Connects and gives the connection's id.
    pub(crate) async fn connect(&self, connector: &str, mode: &str, fields: Json) -> String {
        let body = json!({"connector": connector, "mode": mode, "fields": fields});
        let connection = self.post("/v1/connections", body).await;
        assert_eq!(connection["status"], "connected", "{connection:#}");
        connection["id"].as_str().unwrap().to_owned()
    }

    /// Enables an action for the agent `a` under the action's own name.
    pub(crate) async fn enable(&self, connector: &str, connection: &str, action: &str, config: Json) -> Json {
        let body = json!({"connector": connector, "connection": connection, "action": action, "config": config});
        self.post("/v1/agents/a/actions", body).await
    }

    /// Calls a function of the agent `a` and gives the execution.
    pub(crate) async fn call(&self, function: &str, arguments: Json) -> Json {
        self.post("/v1/agents/a/calls", json!({"function": function, "arguments": arguments})).await
    }

    /// Calls, and gives the output of a success.
    pub(crate) async fn output(&self, function: &str, arguments: Json) -> Json {
        let mut execution = self.call(function, arguments).await;
        assert_eq!(execution["status"], "succeeded", "{execution:#}");
        execution["output"].take()
    }

    /// Calls, and gives the error of a failure.
    pub(crate) async fn failure(&self, function: &str, arguments: Json) -> Json {
        let mut execution = self.call(function, arguments).await;
        assert_eq!(execution["status"], "failed", "{execution:#}");
        execution["error"].take()
    }
}
