//! A web server on a free loopback port that remembers what it was asked and fails on demand.

use std::{
    any::Any,
    panic,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Response},
    middleware::{self, Next},
    serve::Listener,
};
use serde_json::Value as Json;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

use super::{json, page, pairs};

/// Serves until it is dropped.
pub(crate) struct Server {
    url: String,
    task: JoinHandle<()>,
    watch: Arc<Watch>,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Upper case.
    pub(crate) method: String,
    /// As sent, percent-encoded.
    pub(crate) path: String,
    /// Decoded, in order.
    pub(crate) query: Vec<(String, String)>,
    /// All of them.
    pub(crate) headers: HeaderMap,
    /// As text.
    pub(crate) body: String,
}

impl Seen {
    /// All of it, wherever a provider's errors have their words.
    fn echo(&self) -> Json {
        let headers: Vec<String> = self.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        let told = format!("{} {} {:?} {headers:?} {}", self.method, self.path, self.query, self.body);
        serde_json::json!({
            "error": {"code": 400, "message": told, "errors": [{"reason": "badRequest", "message": told}]},
            "error_description": told, "status_message": told, "responseMessage": told, "error_messages": [told],
            "you_sent": {"headers": headers, "body": self.body},
        })
    }

    /// The body as JSON; null if it isn't any.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// This answer, and nothing happens.
    Instead(u16, Json),
    /// It happens, but this is answered.
    After(u16, Json),
    /// It happens, and the connection ends without an answer.
    AnswerLost,
    /// The connection ends before anything happens.
    RequestLost,
    /// Nothing happens, and a web page is answered with this status.
    Page(u16),
    /// Nothing happens, and everything that was sent is repeated in the words of an error with this status.
    Echo(u16),
    /// It happens, but its answer waits until the test lets it go.
    Held(Hold),
    /// It waits until the test lets it go; whatever would have happened does not happen if nobody waits for it any more.
    Waits(Hold),
}

/// A place where the test and a request wait for each other.
#[derive(Debug, Clone)]
pub(crate) struct Hold(Arc<(Semaphore, Semaphore)>);

impl Default for Hold {
    fn default() -> Self {
        Self(Arc::new((Semaphore::new(0), Semaphore::new(0))))
    }
}

impl Hold {
    /// Waits until a request has come here.
    pub(crate) async fn reached(&self) {
        self.0.0.acquire().await.expect("nobody closes it").forget();
    }

    /// Lets it go.
    pub(crate) fn release(&self) {
        self.0.1.add_permits(1);
    }

    async fn wait(&self) {
        self.0.0.add_permits(1);
        self.0.1.acquire().await.expect("nobody closes it").forget();
    }
}

#[derive(Default)]
struct Watch {
    seen: Mutex<Vec<Seen>>,
    faults: Mutex<Vec<(String, String, Fault)>>,
}

impl Server {
    /// Serves `router` on a port of its own.
    pub(crate) async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        Self::start_on(listener, url, router)
    }

    /// Serves `router` to whoever `listener` lets in, at `url`.
    pub(crate) fn start_on<L: Listener<Addr: std::fmt::Debug>>(listener: L, url: String, router: Router) -> Self {
        let watch = Arc::new(Watch::default());
        let app =
            Router::new().fallback_service(router).layer(middleware::from_fn_with_state(Arc::clone(&watch), observe));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving does not end") });
        Self { url, task, watch }
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.watch.seen).clone()
    }

    /// How many requests with this method had `part` in their path.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        lock(&self.watch.seen).iter().filter(|it| it.method == method && it.path.contains(part)).count()
    }

    /// Lets the next request with this method and `part` in its path go wrong. Faults for the same request queue up.
    pub(crate) fn fail_next(&self, method: &str, part: &str, fault: Fault) {
        lock(&self.watch.faults).push((method.to_owned(), part.to_owned(), fault));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    fn take_fault(&self, seen: &Seen) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let at = faults.iter().position(|(method, part, _)| *method == seen.method && seen.path.contains(part))?;
        Some(faults.remove(at).2)
    }
}

async fn observe(State(watch): State<Arc<Watch>>, request: Request, next: Next) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap_or_else(|_| Bytes::new());
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: pairs(parts.uri.query().unwrap_or_default()),
        headers: parts.headers.clone(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    let fault = watch.take_fault(&seen);
    let echo = seen.echo();
    lock(&watch.seen).push(seen);
    let request = Request::from_parts(parts, Body::from(body));
    match fault {
        None => next.run(request).await,
        Some(Fault::Instead(status, body)) => json(status, &body),
        Some(Fault::After(status, body)) => {
            next.run(request).await;
            json(status, &body)
        }
        Some(Fault::AnswerLost) => {
            next.run(request).await;
            hang_up()
        }
        Some(Fault::RequestLost) => hang_up(),
        Some(Fault::Page(status)) => page(status, "Sign in to the Wi-Fi"),
        Some(Fault::Echo(status)) => json(status, &echo),
        Some(Fault::Waits(hold)) => {
            hold.wait().await;
            next.run(request).await
        }
        Some(Fault::Held(hold)) => {
            let answer = next.run(request).await;
            hold.wait().await;
            answer
        }
    }
}

/// Ends the connection's task, and the connection with it: the web server has no other way to give no answer. Unlike `panic!`, it prints nothing.
pub(crate) fn hang_up() -> ! {
    let nothing: Box<dyn Any + Send> = Box::new(());
    panic::resume_unwind(nothing)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
