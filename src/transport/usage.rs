//! How much of a provider's allowance is used, as its answers tell.

use std::sync::Arc;

use jiff::Timestamp;
use moka::sync::Cache;
use serde_json::Value as Json;

use super::ReadAnswer;
use crate::{
    expr::{Expr, Scope},
    spec,
    wire::Answer,
};

/// So many connections are remembered.
const MAX_CONNECTIONS: u64 = 50_000;

/// What a connector's last answer told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Whose answer it was: connectors that share an account may have an allowance each.
    pub connector: String,
    /// Calls that were made in the provider's current window.
    pub used: Option<u64>,
    /// Calls that may be made in it.
    pub limit: Option<u64>,
    /// Calls that are left.
    pub remaining: Option<u64>,
    /// When it was told.
    pub at: Timestamp,
}

/// The usage of each connection, in memory: the next answer tells it anew.
#[derive(Debug)]
pub struct Meter(Cache<String, Arc<Vec<Usage>>>);

impl Default for Meter {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(MAX_CONNECTIONS).build())
    }
}

impl Meter {
    /// What is known of a connection, by its id.
    pub fn of(&self, connection: &str) -> Vec<Usage> {
        self.0.get(connection).map(|it| it.to_vec()).unwrap_or_default()
    }

    /// Keeps what an answer tells; one that tells nothing changes nothing.
    pub fn note(&self, connection: &str, connector: &str, by: &spec::Usage, answer: &Answer, at: Timestamp) {
        let Some(told) = read(connector, by, answer, at) else { return };
        self.0.entry_by_ref(connection).and_upsert_with(|known| {
            let known = known.map(moka::Entry::into_value).unwrap_or_default();
            let others = known.iter().filter(|it| it.connector != connector).cloned();
            Arc::new(others.chain([told]).collect())
        });
    }
}

/// What one number doesn't say, the other two may.
fn read(connector: &str, by: &spec::Usage, answer: &Answer, at: Timestamp) -> Option<Usage> {
    // Only status and headers: a body is not read for this.
    let scope = ReadAnswer::with_reason(&Arc::new(answer.clone()), Json::Null, None, &Scope::new()).scope;
    let number = |expr: &Option<Arc<Expr>>| match expr.as_ref()?.eval(&scope).ok()?? {
        Json::String(text) => text.trim().parse().ok(),
        value => value.as_u64(),
    };
    let (used, limit, remaining) = (number(&by.used), number(&by.limit), number(&by.remaining));
    if used.is_none() && remaining.is_none() {
        return None;
    }
    let used = used.or_else(|| limit?.checked_sub(remaining?));
    let remaining = remaining.or_else(|| Some(limit?.saturating_sub(used?)));
    Some(Usage { connector: connector.to_owned(), used, limit, remaining, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::fixtures::expr;

    fn answer(headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = url::Url::parse("https://api.example.com/").unwrap();
        Answer { status: 200, headers, body: bytes::Bytes::new(), url }
    }

    #[test]
    fn the_last_answer_of_each_connector_counts() {
        let by = spec::Usage {
            used: Some(expr("answer.headers['x-info'] | extract('usage=([0-9]+)/')")),
            limit: Some(expr("answer.headers['x-info'] | extract('/([0-9]+)')")),
            remaining: None,
        };
        let left = spec::Usage { used: None, limit: None, remaining: Some(expr("answer.headers['x-left']")) };
        let meter = Meter::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        meter.note("c1", "crm", &by, &answer(&[("x-info", "api-usage=18/5000")]), at(1));
        meter.note("c1", "crm", &by, &answer(&[("x-info", "api-usage=5001/5000, other=1/2")]), at(2));
        meter.note("c1", "crm", &by, &answer(&[]), at(3));
        meter.note("c1", "crm", &by, &answer(&[("x-info", "soon")]), at(4));
        meter.note("c1", "books", &left, &answer(&[("x-left", "4997")]), at(5));
        let crm = Usage { connector: "crm".into(), used: Some(5001), limit: Some(5000), remaining: Some(0), at: at(2) };
        let books = Usage { connector: "books".into(), used: None, limit: None, remaining: Some(4997), at: at(5) };
        assert_eq!(meter.of("c1"), [crm, books]);
        assert_eq!(meter.of("c2"), []);
    }
}
