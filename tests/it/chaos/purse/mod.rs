//! A payment provider that keeps exact books and is trouble to talk to: it is slow, loses requests and answers, fails after it
//! has done what was asked, and tells of orders twice, late, in the wrong order or not at all.

mod books;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::hmac;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{RawQuery, State},
    http::{HeaderMap, Method, Response, Uri},
};
use serde_json::{Value as Json, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::plan::{Dice, Plan};
use crate::fakes::{Courier, hang_up, header, json as answer, pairs, param};
use books::Reply;
pub(crate) use books::{Books, Happened};

/// What connections sign in with.
pub(crate) const KEY: &str = "key-of-the-purse";

/// So often at most something goes wrong with one request of one order: the engine tries three times.
const TROUBLES: u32 = 2;

/// Serves until it is dropped.
pub(crate) struct Purse {
    url: String,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    plan: Plan,
    /// From then on nothing goes wrong.
    calm: AtomicBool,
    books: Mutex<Books>,
    /// How often something went wrong with a request of an order.
    troubles: Mutex<HashMap<(String, String), (u32, u32)>>,
    /// Notifications that were not taken yet.
    untold: AtomicUsize,
    /// Where the engine's replicas listen.
    engines: Mutex<Vec<String>>,
    http: reqwest::Client,
}

/// What goes wrong with a request.
enum Trouble {
    Nothing,
    /// The connection ends before anything happens.
    RequestLost,
    /// It happens, and the connection ends.
    AnswerLost,
    /// Nothing happens.
    FailedBefore,
    /// It happens all the same.
    FailedAfter,
    /// Nothing happens.
    Throttled,
}

impl Purse {
    pub(crate) async fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound listener has an address"));
        let inner = Arc::new(Inner {
            plan,
            calm: AtomicBool::new(false),
            books: Mutex::default(),
            troubles: Mutex::default(),
            untold: AtomicUsize::new(0),
            engines: Mutex::default(),
            http: reqwest::Client::builder().no_proxy().build().expect("a client needs nothing"),
        });
        let app = Router::new().fallback(handle).with_state(Arc::clone(&inner));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving does not end") });
        Self { url, inner, task }
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What really happened.
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        lock(&self.inner.books)
    }

    /// Says where the engine's replicas listen.
    pub(crate) fn find_engines(&self, bases: Vec<String>) {
        *lock(&self.inner.engines) = bases;
    }

    /// Whether all that is to be told was taken.
    pub(crate) fn has_told_all(&self) -> bool {
        self.inner.untold.load(Ordering::SeqCst) == 0
    }

    /// From now on nothing goes wrong.
    pub(crate) fn calm_down(&self) {
        self.inner.calm.store(true, Ordering::Relaxed);
    }
}

impl Drop for Purse {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    /// What goes wrong with this request, how long it takes before anything happens, and how long its answer takes.
    fn trouble(&self, order: &str, what: &str) -> (Trouble, Duration, Duration) {
        if self.calm.load(Ordering::Relaxed) {
            return (Trouble::Nothing, Duration::ZERO, Duration::ZERO);
        }
        let mut troubles = lock(&self.troubles);
        let (times, of_them) = troubles.entry((order.to_owned(), what.to_owned())).or_default();
        let mut dice = self.plan.dice((order, what, *times));
        *times += 1;
        let before = if dice.percent(10) { dice.millis(60) } else { Duration::ZERO };
        let after = if dice.percent(30) { dice.millis(200) } else { Duration::ZERO };
        let trouble = match dice.below(100) {
            _ if *of_them >= TROUBLES => Trouble::Nothing,
            0..5 => Trouble::RequestLost,
            5..13 => Trouble::AnswerLost,
            13..16 => Trouble::FailedBefore,
            16..21 => Trouble::FailedAfter,
            21..23 => Trouble::Throttled,
            _ => Trouble::Nothing,
        };
        *of_them += u32::from(!matches!(trouble, Trouble::Nothing));
        (trouble, before, after)
    }

    /// Tells of a payment, up to three times, or never.
    fn tell_of_payment(self: &Arc<Self>, order: &str, payment: &Json, asked: &Asked) {
        let mut dice = self.plan.dice((order, "payment told"));
        let copies = if dice.percent(20) { 0 } else { 1 + dice.below(3) };
        for _ in 0..copies {
            let told = json!({"id": payment_told(order), "order": order, "payment": payment, "key": asked.mark});
            self.send(&asked.tell, told.to_string(), dice.clone());
            dice.below(2);
        }
    }

    /// Sends it until it is taken.
    fn send(self: &Arc<Self>, url: &str, body: String, dice: Dice) {
        self.untold.fetch_add(1, Ordering::SeqCst);
        let (inner, url) = (Arc::clone(self), url.to_owned());
        tokio::spawn(async move {
            Arc::clone(&inner).deliver(url, body, dice).await;
            inner.untold.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// Tells of an order that was opened and will be paid.
    async fn tell(self: Arc<Self>, order: String, url: String) {
        let mut dice = self.plan.dice((&order, "told"));
        tokio::time::sleep(dice.millis(300)).await;
        lock(&self.books).is_paid(&order);
        // that it was opened may be told after that it was paid, each of it up to three times, or never
        for what in ["opened", "paid"] {
            let copies = if dice.percent(20) { 0 } else { 1 + dice.below(3) };
            for _ in 0..copies {
                let told = json!({"id": format!("{order}/{what}"), "order": order}).to_string();
                self.send(&url, told, dice.clone());
                dice.below(2);
            }
        }
    }

    /// Sends until somebody takes it.
    async fn deliver(self: Arc<Self>, url: String, body: String, mut dice: Dice) {
        tokio::time::sleep(dice.millis(500)).await;
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let signed = hmac::sign(&key, body.as_bytes());
        let signature: String = signed.as_ref().iter().map(|it| format!("{it:02x}")).collect();
        let path = url.strip_prefix(Courier::ENGINE).expect("it was given an address of ours").to_owned();
        loop {
            let base = {
                let engines = lock(&self.engines);
                engines[usize::try_from(dice.below(engines.len() as u64)).expect("it is small")].clone()
            };
            let request = self.http.post(format!("{base}{path}")).header("x-signature", &signature);
            let sent = request.header("content-type", "application/json").body(body.clone()).send().await;
            if sent.is_ok_and(|it| it.status().is_success()) {
                let told: Json = serde_json::from_str(&body).expect("we wrote it");
                lock(&self.books).told.insert(told["id"].as_str().expect("it has one").to_owned());
                return;
            }
            // as providers do, though they wait longer
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Does what is asked.
    fn work(self: &Arc<Self>, asked: &Asked) -> Reply {
        let (order, key) = (asked.order.as_str(), asked.key.as_deref());
        let mut books = lock(&self.books);
        match (asked.method.as_str(), asked.first.as_str(), asked.second.as_str()) {
            ("POST", "payments", "") if self.declines(order) => (402, json!({"error": "the card is empty"})),
            ("POST", "payments", "") => {
                let reply = books.pay(key, order);
                if !asked.tell.is_empty() {
                    self.tell_of_payment(order, &reply.1["id"], asked);
                }
                reply
            }
            ("GET", "payments", "") => books.payments(order),
            ("POST", "refunds", "") => books.refund(key.unwrap_or_default(), order),
            ("GET", "refunds", key) => books.refund_by(key),
            ("POST", "places", "") => books.hold(order),
            ("GET", "places", "") => books.places(order),
            ("DELETE", "places", id) => books.give_back(id),
            ("POST", "orders", "") => {
                let (reply, is_new) = books.open(key, order);
                if is_new {
                    self.untold.fetch_add(1, Ordering::SeqCst);
                    let (inner, order, url) = (Arc::clone(self), order.to_owned(), asked.tell.clone());
                    tokio::spawn(async move {
                        Arc::clone(&inner).tell(order, url).await;
                        inner.untold.fetch_sub(1, Ordering::SeqCst);
                    });
                }
                reply
            }
            ("GET", "orders", order) => books.order(order),
            ("POST", "receipts", "") => books.receipt(key, order),
            _ => (404, json!({"error": "there is no such thing"})),
        }
    }

    fn declines(&self, order: &str) -> bool {
        declines(self.plan, order)
    }
}

/// The id under which the payment of an order is told of.
pub(crate) fn payment_told(order: &str) -> String {
    format!("{order}/payment")
}

/// Whether the payment of this order will be refused.
pub(crate) fn declines(plan: Plan, order: &str) -> bool {
    order.starts_with("reserve") && plan.dice((order, "declined")).percent(40)
}

/// A request, taken apart.
struct Asked {
    method: String,
    first: String,
    second: String,
    order: String,
    key: Option<String>,
    /// What a payment is told of by, which makes no repetition known.
    mark: String,
    tell: String,
}

impl Asked {
    fn new(method: &Method, uri: &Uri, query: &str, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut path = uri.path().split('/').skip(1);
        let (first, second) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
        let body: Json = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let in_query = || param(&pairs(query), "order").map(str::to_owned);
        let key = text("key").or_else(|| Some(header(headers, "idempotency-key").to_owned()));
        Self {
            method: method.to_string(),
            first: first.to_owned(),
            second: second.to_owned(),
            order: text("order").or_else(in_query).unwrap_or_else(|| second.to_owned()),
            key: key.filter(|it| !it.is_empty()),
            mark: text("mark").unwrap_or_default(),
            tell: text("tell").unwrap_or_default(),
        }
    }
}

async fn handle(
    State(inner): State<Arc<Inner>>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if header(&headers, "authorization") != format!("Bearer {KEY}") {
        return answer(401, &json!({"error": "who are you?"}));
    }
    let asked = Asked::new(&method, &uri, &query.unwrap_or_default(), &headers, &body);
    let (trouble, before, after) = inner.trouble(&asked.order, &format!("{method} {}", asked.first));
    // what was taken is worked off though whoever asked goes away meanwhile, as it is at a real provider
    let work = tokio::spawn(async move {
        tokio::time::sleep(before).await;
        match trouble {
            Trouble::RequestLost => None,
            Trouble::FailedBefore => Some((503, json!({"error": "not now"}))),
            Trouble::Throttled => Some((429, json!({"error": "too much"}))),
            Trouble::Nothing => Some(inner.work(&asked)),
            Trouble::AnswerLost => {
                inner.work(&asked);
                None
            }
            Trouble::FailedAfter => {
                inner.work(&asked);
                Some((500, json!({"error": "something broke"})))
            }
        }
    });
    let reply = work.await.expect("it does not panic");
    tokio::time::sleep(after).await;
    match reply {
        Some((status, body)) => answer(status, &body),
        None => hang_up(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
