//! The provider of a simulated world, which keeps exact books, and the network between it and the replicas.

#[path = "../../../../tests/it/chaos/purse/books.rs"]
#[allow(dead_code, reason = "the chaos test needs more of it")]
mod books;

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::SignedDuration;
use serde_json::{Value as Json, json};

pub(super) use self::books::Books;
use crate::{
    base::{BoxFuture, Clock, Code},
    spec::Http,
    system::simulation::{Door, World},
    transport::{SendError, Sender, Signed},
    wire::Answer,
};

/// A request, and its answer, take at most so long. Less than the time after which `verify` believes that a request never came:
/// what is still on its way then, no protocol can know of.
const LONGEST_WAY: SignedDuration = SignedDuration::from_millis(250);

/// A replica's way to the provider.
pub(super) struct Way {
    pub(super) world: World,
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) door: Door,
    /// What is on its way arrives though whoever sent it dies.
    pub(super) network: Door,
}

/// Such an order's payments are refused.
pub(super) fn is_declined(order: &str) -> bool {
    order.ends_with("declined")
}

/// Such an order's payments are made, and nobody is told.
fn is_unanswered(order: &str) -> bool {
    order.ends_with("unanswered")
}

/// An order was paid before.
pub(super) fn paid(books: &Mutex<Books>, order: &str) {
    lock(books).pay(None, order);
}

pub(super) fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap()
}

/// What a request is about.
fn order_of(signed: &Signed) -> String {
    let request = &signed.request;
    let body: Json = serde_json::from_slice(&request.body).unwrap_or_default();
    let query = request.url.query_pairs().find(|(name, _)| name == "order").map(|(_, value)| value.into_owned());
    query.or_else(|| body["order"].as_str().map(str::to_owned)).unwrap_or_default()
}

/// What it does.
fn work(books: &mut Books, signed: &Signed) -> (u16, Json) {
    let (request, order) = (&signed.request, order_of(signed));
    let body: Json = serde_json::from_slice(&request.body).unwrap_or_default();
    let is_key = |name: &str| name.eq_ignore_ascii_case("idempotency-key");
    let key = request.headers.iter().find(|(name, _)| is_key(name)).map(|(_, it)| it.as_str());
    let mut path = request.url.path_segments().unwrap();
    match (request.method.as_str(), path.next().unwrap(), path.next().unwrap_or_default()) {
        ("POST", "payments", _) if is_declined(&order) => (402, json!({"error": "the card is empty"})),
        ("POST", "payments", _) => books.pay(key, &order),
        ("GET", "payments", _) => books.payments(&order),
        ("POST", "refunds", _) => books.refund(body["key"].as_str().unwrap(), &order),
        ("GET", "refunds", key) => books.refund_by(key),
        ("POST", "places", _) => books.hold(&order),
        ("GET", "places", _) => books.places(&order),
        ("DELETE", "places", id) => books.give_back(id),
        ("POST", "orders", _) => {
            let (reply, _) = books.open(key, &order);
            // by when it is asked for
            books.is_paid(&order);
            reply
        }
        ("GET", "orders", order) => books.order(order),
        ("POST", "receipts", _) => books.receipt(key, &order),
        other => panic!("{other:?}"),
    }
}

impl Sender for Way {
    fn send_signed<'a>(
        &'a self,
        signed: Signed,
        _: &'a Http,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Answer, SendError>> {
        let what = match signed.request.method.as_str() {
            "GET" => "a look",
            "DELETE" => "an undo",
            _ => "a write",
        };
        let (answer, answered) = tokio::sync::oneshot::channel();
        let (network, books, url) = (self.network.clone(), self.books.clone(), signed.request.url.clone());
        self.door.sends(what);
        let is_lost = what == "a write" && is_unanswered(&order_of(&signed));
        let [there, back] = [self.world.duration(LONGEST_WAY), self.world.duration(LONGEST_WAY)];
        self.world.beside(async move {
            network.sleep(there).await;
            let arrives = async { Some(work(&mut lock(&books), &signed)) };
            let reply = network.pass(what, |_| None, arrives).await.filter(|_| !is_lost);
            network.sleep(back).await;
            match reply {
                Some(reply) => drop(answer.send(reply)),
                // nobody hears of it
                None => std::future::pending().await,
            }
        });
        Box::pin(async move {
            tokio::select! {
                biased;
                Ok((status, body)) = answered => {
                    self.door.learns(what).await;
                    Ok(Answer { status, headers: Vec::new(), body: body.to_string().into(), url })
                }
                () = self.door.sleep(timeout) => Err(SendError::maybe_sent(Code::Timeout, "it does not answer")),
            }
        })
    }
}
