//! Compares what the engine says with what really happened.

use std::collections::{BTreeMap, HashMap};

use closeloop::{
    base::{Code, OrgId},
    store::{Event, EventType, Execution, ExecutionStatus, Filter, Store},
};
use serde_json::{Value as Json, json};

use super::{
    callers::{Intent, Kind},
    purse::{Books, Happened, payment_told},
};

/// All executions and all events of the org.
pub(crate) struct Kept {
    executions: Vec<Execution>,
    events: Vec<Event>,
}

impl Kept {
    /// Reads the database of engines that have stopped.
    pub(crate) async fn read(database_url: &str) -> Self {
        let store = Store::open(database_url).await.expect("the engines have stopped");
        let org = store.orgs().list().await.expect("the database answers")[0].id;
        let (executions, events) = (executions(&store, org).await, events(&store, org).await);
        let kept = Self { executions, events };
        store.close().await;
        kept
    }
}

async fn executions(store: &Store, org: OrgId) -> Vec<Execution> {
    let mut all: Vec<Execution> = Vec::new();
    loop {
        let filter = Filter { before: all.last().map(|it| it.id), ..Filter::default() };
        let more = store.executions().list(org, &filter, 1000).await.expect("the database answers");
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

async fn events(store: &Store, org: OrgId) -> Vec<Event> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let more = store.events().list(org, None, after, 1000).await.expect("the database answers");
        let Some((last, _)) = more.last() else { return all };
        after = *last;
        all.extend(more.into_iter().map(|(_, it)| it));
    }
}

/// What came of it all.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What must not be.
    pub(crate) wrong: Vec<String>,
    /// How many executions of a kind ended how.
    pub(crate) ends: BTreeMap<(Kind, String), usize>,
    /// Executions whose outcome nobody can know.
    pub(crate) unknown: usize,
    /// Executions whose outcome nobody knew until the provider told.
    pub(crate) resolved: usize,
    /// Intents whose caller got no answer at least once.
    pub(crate) interrupted: usize,
    pub(crate) executions: usize,
    pub(crate) effects: usize,
    pub(crate) notifications: usize,
}

impl Verdict {
    pub(crate) fn of(intents: &[Intent], kept: &Kept, books: &Books) -> Self {
        let mut verdict = Self {
            executions: kept.executions.len(),
            effects: books.effects(),
            notifications: books.told().len(),
            interrupted: intents.iter().filter(|it| it.unanswered > 0).count(),
            ..Self::default()
        };
        let mut by_intent: HashMap<(&str, &str), Vec<&Execution>> = HashMap::new();
        for it in &kept.executions {
            let order = it.input["order"].as_str().expect("every call names its order");
            by_intent.entry((&it.action, order)).or_default().push(it);
        }
        for intent in intents {
            let found = by_intent.remove(&(intent.kind.action(), intent.order.as_str())).unwrap_or_default();
            if let Err(why) = verdict.judge(intent, &found, books) {
                verdict.wrong.push(format!("{} {}: {why}", intent.kind.action(), intent.order));
            }
        }
        verdict.wrong.extend(by_intent.into_keys().map(|(action, order)| format!("nobody wanted {action} {order}")));
        verdict.events(kept, books);
        verdict
    }

    /// One intent: its executions, and what happened for its order.
    fn judge(&mut self, intent: &Intent, found: &[&Execution], books: &Books) -> Result<(), String> {
        let happened = books.of(&intent.order);
        let [execution] = found else {
            return match (found, &intent.told) {
                ([], Some(_)) => Err("lost: its caller was told of it, but it is not there".to_owned()),
                ([], None) if has_effect(intent.kind, happened) => Err(format!("it happened unseen: {happened:?}")),
                ([], None) => Ok(()),
                _ => Err(format!("twice: {} executions", found.len())),
            };
        };
        let end = match (&execution.status, &execution.failure) {
            (ExecutionStatus::Succeeded, _) => "succeeded".to_owned(),
            (_, Some(failure)) => failure.code.to_string(),
            (status, None) => return Err(format!("stuck: {status}")),
        };
        *self.ends.entry((intent.kind, end.clone())).or_default() += 1;
        let resolved = execution.resolution.is_some();
        self.resolved += usize::from(resolved);
        // who was told that nobody knows was told the rest by an event
        let was_unknown = |told: &&Json| resolved && told["error"]["code"] == "unknown_outcome";
        if let Some(told) = intent.told.as_ref().filter(|it| !was_unknown(it)) {
            let said = (&told["status"], &told["output"]);
            let is = (json!(execution.status.as_str()), json!(execution.output));
            if told["id"] != execution.id.to_string() || said != (&is.0, &is.1) {
                return Err(format!("its caller was told {told}, but it is {is:?}"));
            }
        }
        match &execution.failure {
            None => succeeded(intent.kind, happened).then_some(()).ok_or(format!("succeeded, but {happened:?}")),
            Some(failure) if failure.code == Code::UnknownOutcome => {
                self.unknown += 1;
                if intent.kind != Kind::PayBlindly {
                    return Err(format!("unknown, though it can be known: {} {happened:?}", failure.detail));
                }
                if books.told().contains(&payment_told(&intent.order)) {
                    return Err(format!("unknown, though the provider told of it: {happened:?}"));
                }
                (happened.payments <= 1).then_some(()).ok_or(format!("unknown, and {happened:?}"))
            }
            Some(failure) => {
                let nothing = !has_effect(intent.kind, happened);
                nothing.then_some(()).ok_or(format!("failed as {end} ({}), but {happened:?}", failure.detail))
            }
        }
    }

    /// The chatbot is told of an end once at most, and always of one that it had to wait for; of what a provider told and we
    /// took, once.
    fn events(&mut self, kept: &Kept, books: &Books) {
        let mut ends: HashMap<_, usize> = HashMap::new();
        let mut told: HashMap<&str, usize> = HashMap::new();
        for event in &kept.events {
            match (event.kind, event.execution) {
                (EventType::ExecutionSucceeded | EventType::ExecutionFailed, Some(id)) => {
                    *ends.entry(id).or_default() += 1;
                }
                (EventType::ProviderEvent, _) => {
                    *told.entry(event.data["output"]["id"].as_str().unwrap_or_default()).or_default() += 1;
                }
                _ => {}
            }
        }
        for it in &kept.executions {
            let times = ends.get(&it.id).copied().unwrap_or_default();
            let most = 1 + usize::from(it.resolution.is_some());
            let waited = it.resolution.is_some()
                || it.action == Kind::CheckOut.action() && it.status == ExecutionStatus::Succeeded;
            if times > most || (waited && times == 0) {
                self.wrong.push(format!("the end of {} {} was told {times} times", it.action, it.id));
            }
        }
        for id in books.told() {
            match told.get(id.as_str()) {
                Some(1) => {}
                Some(times) => self.wrong.push(format!("the notification {id} was told {times} times")),
                None => self.wrong.push(format!("the notification {id} was taken and is lost")),
            }
        }
    }
}

/// What there is when it happened once.
fn succeeded(kind: Kind, it: Happened) -> bool {
    match kind {
        Kind::Pay | Kind::PayChecked | Kind::PayBlindly => it.payments == 1,
        Kind::Refund => it.refunds == 1,
        Kind::Reserve => (it.places_made, it.places_held, it.payments) == (1, 1, 1),
        Kind::CheckOut => (it.orders, it.receipts) == (1, 1),
    }
}

/// Whether anything of it is there.
fn has_effect(kind: Kind, it: Happened) -> bool {
    match kind {
        Kind::Pay | Kind::PayChecked | Kind::PayBlindly => it.payments > 0,
        Kind::Refund => it.refunds > 0,
        Kind::Reserve => it.places_held > 0 || it.payments > 0,
        Kind::CheckOut => it.receipts > 0,
    }
}
