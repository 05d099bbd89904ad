//! Executions of which nobody knows whether they happened: what a person should look at, and what they found.

use serde_json::{Value as Json, json};

use super::{Engine, Error, Result};
use crate::{
    base::{Code, ExecutionId, Failure, OrgId},
    store::{Ended, Execution, Filter, Resolution, Write, WriteOutcome},
};

/// What somebody found at the provider.
#[derive(Debug)]
pub struct Found {
    /// Whether it happened.
    pub happened: bool,
    /// What the action would have given.
    pub output: Option<Json>,
    /// How they know.
    pub note: String,
}

/// An execution in doubt, and what to look for at the provider.
#[derive(Debug)]
pub struct Doubt {
    /// The run.
    pub execution: Execution,
    /// Its requests that may have arrived, the last one first.
    pub check: Vec<Write>,
}

impl Engine {
    /// At most `limit` executions in doubt, the latest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn doubts(&self, org: OrgId, filter: Filter, limit: u32) -> Result<Vec<Doubt>> {
        let executions = self.store.executions();
        let mut doubts = Vec::new();
        for execution in executions.list(org, &Filter { in_doubt: true, ..filter }, limit).await? {
            let mut check = executions.writes(org, execution.id).await?;
            check.retain(|it| may_have_happened(it.outcome));
            check.reverse();
            doubts.push(Doubt { execution, check });
        }
        Ok(doubts)
    }

    /// Ends the doubt about an execution by what a person found at the provider, and tells the chatbot. To say the same again
    /// changes nothing. What it did before is left as it is.
    ///
    /// # Errors
    /// When it isn't there, nobody doubts it, or something else was found before: the contrary, or another output.
    pub async fn resolve(&self, org: OrgId, id: ExecutionId, found: Found) -> Result<Execution> {
        let executions = self.store.executions();
        let before = executions.get(org, id).await?.ok_or(Error::NotFound("execution"))?;
        if !before.in_doubt {
            return resolved_before(before, &found);
        }
        let at = self.now();
        let resolution = Resolution { happened: found.happened, note: found.note.clone(), at };
        let resolved = by(before.clone(), &found, resolution.clone());
        let trace = with_resolution(executions.trace(org, id).await?, &resolution);
        let event = self.ended_event(&resolved);
        let ended = Ended { result: resolved.result(), trace: &trace, writes: &[], at, doubt: None };
        if executions.resolve(org, id, &ended, &resolution, &event).await? {
            self.has_ended(&resolved, true);
            return Ok(resolved);
        }
        // somebody was quicker
        resolved_before(executions.get(org, id).await?.ok_or(Error::NotFound("execution"))?, &found)
    }
}

/// Whether a request may have changed something without that being known.
fn may_have_happened(outcome: Option<WriteOutcome>) -> bool {
    match outcome {
        None | Some(WriteOutcome::Lost) => true,
        Some(WriteOutcome::Answered(status)) => !(200..300).contains(&status),
        Some(WriteOutcome::NotSent) => false,
    }
}

fn resolved_before(it: Execution, found: &Found) -> Result<Execution> {
    match &it.resolution {
        Some(resolution) if resolution.happened == found.happened => match &found.output {
            Some(output) if !it.expired.output && it.output.as_ref().unwrap_or(&Json::Null) != output => {
                Err(Error::conflict(
                    format!("it was resolved before ({}), with another output", resolution.at),
                    "The chatbot was told the first one, which stays: look at `output` of the execution.",
                ))
            }
            _ => Ok(it),
        },
        Some(_) => Err(Error::conflict(
            "somebody has found the contrary before",
            "Look at `resolution` of the execution, and ask whoever said so.",
        )),
        None => Err(Error::conflict(
            "the outcome of this execution is known",
            "Resolve only executions with `in_doubt`: `GET /v1/executions?in_doubt=true` lists them.",
        )),
    }
}

/// The execution as it is after what was found.
fn by(it: Execution, found: &Found, resolution: Resolution) -> Execution {
    let result = match found.happened {
        true => Ok(found.output.clone().unwrap_or_default()),
        false => {
            let doubt = it.failure.as_ref().map(|it| it.detail.as_str()).unwrap_or_default();
            let detail = format!("{doubt}; somebody looked: it did not happen ({})", found.note);
            let step = it.failure.as_ref().and_then(|it| it.step.clone());
            Err(Failure { step, ..Failure::new(Code::Unavailable, detail) })
        }
    };
    let ended_at = it.ended_at.unwrap_or(resolution.at);
    Execution { resolution: Some(resolution), ..it.ended(result, ended_at) }
}

pub(super) fn with_resolution(trace: Option<Json>, resolution: &Resolution) -> String {
    let mut lines = match trace {
        Some(Json::Array(lines)) => lines,
        _ => Vec::new(),
    };
    let Resolution { happened, note, at } = resolution;
    lines.push(json!({"event": "resolved", "happened": happened, "note": note, "at": at.to_string()}));
    Json::Array(lines).to_string()
}
