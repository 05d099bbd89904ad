//! How the end of an execution is kept: by whoever ran it from its beginning, and by whoever went on with it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Engine, Result, journal::Finished, patience::Caller};
use crate::{
    base::{Code, Failure},
    store::{self, Doubted, Ended, Execution, Owned, WriteOutcome},
};

/// So long after the database did not answer it is asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// What is kept of an end beside its result.
pub(super) struct End {
    pub(super) trace: String,
    pub(super) writes: Vec<(u32, WriteOutcome)>,
    pub(super) doubt: Option<Box<Doubted>>,
    pub(super) at: Timestamp,
}

impl End {
    pub(super) fn new(at: Timestamp, finished: Finished, doubt: Option<Box<Doubted>>) -> Self {
        Self { trace: finished.trace, writes: finished.writes, doubt, at }
    }

    /// It as the store wants it.
    pub(super) fn of<'a>(&'a self, result: std::result::Result<&'a Json, &'a Failure>) -> Ended<'a> {
        Ended { result, trace: &self.trace, writes: &self.writes, at: self.at, doubt: self.doubt.as_deref() }
    }
}

impl Engine {
    /// Keeps the end of an execution that the store knows of. If its caller is gone, or goes while it is kept, it is told.
    pub(super) async fn keep_end(
        &self,
        owned: &Owned,
        it: &Execution,
        end: &End,
        caller: &Caller,
    ) -> std::result::Result<bool, store::Error> {
        let executions = self.store.executions();
        let gone = caller.is_gone();
        let kept = executions.end(owned, &end.of(it.result()), gone, || self.ended_event(it)).await?;
        if kept && !gone && caller.is_gone() {
            executions.tell_ended(it.org, it.id, &self.ended_event(it)).await?;
        }
        Ok(kept)
    }

    /// Keeps the end of an execution whose caller knows it, or is `gone` and has to be told, once the database answers.
    pub(super) async fn keep_end_at_last(
        &self,
        owned: &Owned,
        it: &Execution,
        end: &End,
        gone: bool,
    ) -> std::result::Result<(), store::Error> {
        let (executions, ended) = (self.store.executions(), &end.of(it.result()));
        if !self.until_kept(|| executions.end(owned, ended, gone, || self.ended_event(it))).await? {
            tracing::warn!(execution.id = %owned.id, "an execution ended here after another replica had taken it over");
        }
        self.has_ended(it, gone);
        Ok(())
    }

    /// Ends an execution whose caller has gone long since, and tells the chatbot.
    pub(super) async fn end_told(
        &self,
        owned: &Owned,
        row: &Execution,
        result: std::result::Result<Json, Failure>,
        mut end: End,
    ) -> Result<()> {
        end.trace = self.with_earlier(row, end.trace).await?;
        Ok(self.keep_end_at_last(owned, &row.clone().ended(result, end.at), &end, true).await?)
    }

    /// Ends an execution with which nobody can go on.
    pub(super) async fn end_left(&self, owned: &Owned, row: &Execution, changed: bool, why: Failure) -> Result<()> {
        let failure = match changed {
            false => why,
            true => {
                Failure::new(Code::UnknownOutcome, format!("{}; its `writes` tell what may have arrived", why.detail))
            }
        };
        tracing::warn!(org.id = %owned.org, execution.id = %owned.id, why = failure.detail, "an execution can't be gone on with");
        let end = End { trace: "[]".to_owned(), writes: Vec::new(), doubt: None, at: self.now() };
        self.end_told(owned, row, Err(failure), end).await
    }

    /// Keeps what is known and must not be lost, also if the database is away for a while.
    pub(super) async fn until_kept<T, F>(&self, mut keep: impl FnMut() -> F) -> std::result::Result<T, store::Error>
    where
        F: Future<Output = std::result::Result<T, store::Error>>,
    {
        loop {
            match keep().await {
                Err(store::Error::Unavailable(error)) if !self.has_stopped() => {
                    tracing::warn!(%error, "what came of something is kept once the database answers");
                    self.clock.sleep(PAUSE).await;
                }
                kept => return kept,
            }
        }
    }

    /// The trace of what happened before, and of what happened now.
    pub(super) async fn with_earlier(&self, row: &Execution, trace: String) -> Result<String> {
        let earlier = self.store.executions().trace(row.org, row.id).await?;
        let now = serde_json::from_str(&trace).ok();
        let (Some(Json::Array(mut all)), Some(Json::Array(now))) = (earlier, now) else { return Ok(trace) };
        all.extend(now);
        Ok(Json::Array(all).to_string())
    }
}
