//! Chatbots that want things to happen once, whatever they have to go through: they call again with the same key until they
//! are told how it ended. Some others hang up at once and never come back.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};

use super::plan::{Dice, Plan};
use crate::harness::Client;

/// The actions of the connector, by the ways in which their outcome can be found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pay,
    PayChecked,
    PayBlindly,
    Refund,
    Reserve,
    CheckOut,
}

impl Kind {
    pub(crate) const ALL: [Kind; 6] =
        [Kind::Pay, Kind::PayChecked, Kind::PayBlindly, Kind::Refund, Kind::Reserve, Kind::CheckOut];

    /// The action's name.
    pub(crate) fn action(self) -> &'static str {
        match self {
            Kind::Pay => "pay",
            Kind::PayChecked => "pay_checked",
            Kind::PayBlindly => "pay_blindly",
            Kind::Refund => "refund",
            Kind::Reserve => "reserve",
            Kind::CheckOut => "check_out",
        }
    }
}

/// One thing that is to happen once.
#[derive(Debug, Clone)]
pub(crate) struct Intent {
    pub(crate) kind: Kind,
    pub(crate) order: String,
    /// The execution as the caller was told that it ended; nothing if the caller went away.
    pub(crate) told: Option<Json>,
    /// How often the caller got no answer.
    pub(crate) unanswered: u32,
}

/// What all callers share.
pub(crate) struct Callers {
    plan: Plan,
    clients: Vec<Client>,
    number: AtomicU64,
    done: AtomicBool,
    intents: Mutex<Vec<Intent>>,
}

impl Callers {
    /// They call any of these replicas.
    pub(crate) fn new(plan: Plan, clients: Vec<Client>) -> Arc<Self> {
        let (number, done) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { plan, clients, number, done, intents: Mutex::default() })
    }

    /// They finish what they have begun, and begin nothing more.
    pub(crate) fn no_more(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// Everything that was ever wanted.
    pub(crate) fn intents(&self) -> Vec<Intent> {
        self.intents.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// One caller's life.
    pub(crate) async fn call_on(self: Arc<Self>) {
        while !self.done.load(Ordering::Relaxed) {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let mut dice = self.plan.dice(("caller", number));
            let kind = [Kind::Pay, Kind::Pay, Kind::PayChecked, Kind::PayBlindly, Kind::Reserve, Kind::CheckOut];
            let kind = kind[usize::try_from(dice.below(6)).expect("it is small")];
            let order = format!("{}-{number}", kind.action().replace('_', "-"));
            if dice.percent(15) {
                self.hang_up_soon(kind, order, &mut dice).await;
                continue;
            }
            let paid = self.insist(kind, &order, &mut dice).await;
            if kind == Kind::Pay && paid && dice.percent(60) {
                self.insist(Kind::Refund, &order, &mut dice).await;
            }
        }
    }

    fn client(&self, dice: &mut Dice) -> &Client {
        &self.clients[usize::try_from(dice.below(self.clients.len() as u64)).expect("it is small")]
    }

    fn note(&self, intent: Intent) {
        self.intents.lock().unwrap_or_else(PoisonError::into_inner).push(intent);
    }

    /// Calls once, and does not wait long for the answer.
    async fn hang_up_soon(&self, kind: Kind, order: String, dice: &mut Dice) {
        let key = dice.percent(50).then(|| format!("key-{order}"));
        let body = body(kind, &order);
        let call = self.client(dice).try_send("POST", "/v1/agents/a/calls", Some(&body), key.as_deref());
        // whatever comes of it
        let _ = tokio::time::timeout(dice.millis(120), call).await;
        self.note(Intent { kind, order, told: None, unanswered: 0 });
    }

    /// Calls until it is told how it ended; gives whether it succeeded.
    async fn insist(&self, kind: Kind, order: &str, dice: &mut Dice) -> bool {
        let key = format!("key-{}-{order}", kind.action());
        let (asked, mut unanswered) = (body(kind, order), 0);
        let told = loop {
            match self.client(dice).try_send("POST", "/v1/agents/a/calls", Some(&asked), Some(&key)).await {
                Ok((200 | 202, execution)) => break self.ended(execution, dice, &mut unanswered).await,
                // it is stopping, or its database is away
                Ok((503, _)) | Err(_) => unanswered += 1,
                Ok((status, problem)) => panic!("{kind:?} {order}: {status} {problem:#}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let succeeded = told["status"] == "succeeded";
        let intent = Intent { kind, order: order.to_owned(), told: Some(told), unanswered };
        self.note(intent);
        succeeded
    }

    /// The execution once it has ended.
    async fn ended(&self, mut execution: Json, dice: &mut Dice, unanswered: &mut u32) -> Json {
        let path = format!("/v1/executions/{}", execution["id"].as_str().expect("an execution has an id"));
        while !is_over(&execution) {
            tokio::time::sleep(Duration::from_millis(40)).await;
            match self.client(dice).try_send("GET", &path, None, None).await {
                Ok((200, now)) => execution = now,
                Ok((503, _)) | Err(_) => *unanswered += 1,
                Ok((status, problem)) => panic!("{path}: {status} {problem:#}"),
            }
        }
        execution
    }
}

/// Whether an execution has ended.
pub(crate) fn is_over(execution: &Json) -> bool {
    matches!(execution["status"].as_str(), Some("succeeded" | "failed"))
}

fn body(kind: Kind, order: &str) -> Json {
    json!({"function": kind.action(), "arguments": {"order": order}})
}
