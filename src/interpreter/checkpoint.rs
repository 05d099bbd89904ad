//! What an execution needs to go on from where it is, in another process too.
//!
//! What a step gave is noted under its whole name (`booked/room`, `seat[2]`), and so is the instant at which it began. Going on
//! runs the plan again, but whatever is noted is not done again: a step that has ended gives what it gave. So where it is need
//! not be said: it is at the first step that has not ended, and there it sees the same `now`, and makes the same request.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, MutexGuard},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Context, undo::Undo};
use crate::{
    base::{Failure, lock},
    crypto::Digest,
    wire::Request,
};

/// All that a run has come to so far.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Counts an execution's checkpoints: a later one knows all that an earlier one does.
    pub revision: u32,
    steps: BTreeMap<String, Note>,
    /// How to take back what was done so far, in the order it was done.
    pub(super) undos: Vec<Undo>,
    /// The writes done so far that can't be taken back, and that happen again if they are sent again.
    pub(super) lasting: Vec<String>,
    /// For which failure all is being taken back.
    pub(super) failure: Option<Failure>,
}

/// What is known of a step, or of one round of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Note {
    /// It began, and its `when` held.
    Begun { now: Timestamp, sent: Option<Sent> },
    /// It has ended; without an output if it was skipped, or has none.
    Ended {
        #[serde(with = "shared")]
        output: Option<Arc<Json>>,
    },
}

/// A write that was noted before it was sent, and of which nothing else is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    /// The first time.
    pub(super) at: Timestamp,
    /// The last time.
    pub(super) last: Timestamp,
    digest: String,
}

impl Sent {
    /// Whether it was this very request.
    pub(super) fn is(&self, request: &Request) -> bool {
        self.digest == digest(request)
    }
}

/// When a step began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) now: Timestamp,
    /// In the run before this one.
    pub(super) before: bool,
}

impl Checkpoint {
    /// What a step that has ended gave.
    pub(super) fn output(&self, step: &str) -> Option<Option<&Arc<Json>>> {
        match self.steps.get(step)? {
            Note::Ended { output } => Some(output.as_ref()),
            Note::Begun { .. } => None,
        }
    }

    /// The write of a step that was noted and has not ended.
    pub(super) fn sent(&self, step: &str) -> Option<&Sent> {
        match self.steps.get(step)? {
            Note::Begun { sent, .. } => sent.as_ref(),
            Note::Ended { .. } => None,
        }
    }

    /// A step has ended: what was noted of its parts is of no more use.
    pub(super) fn ended(&mut self, step: &str, output: Option<Arc<Json>>) {
        let is_part = |name: &str| name.strip_prefix(step).is_some_and(|rest| rest.starts_with(['/', '[']));
        let behind = self.steps.range::<str, _>((Bound::Excluded(step), Bound::Unbounded)).map(|(name, _)| name);
        let parts: Vec<_> = behind.take_while(|it| it.starts_with(step)).filter(|it| is_part(it)).cloned().collect();
        parts.iter().for_each(|it| drop(self.steps.remove(it)));
        self.steps.insert(step.to_owned(), Note::Ended { output });
    }

    /// Whether something may have been done that would be left behind.
    pub(super) fn leaves_something(&self) -> bool {
        let is_sent = |it: &Note| matches!(it, Note::Begun { sent: Some(_), .. });
        !self.undos.is_empty() || !self.lasting.is_empty() || self.steps.values().any(is_sent)
    }
}

impl Context<'_> {
    /// What it has come to. Never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, Checkpoint> {
        lock(&self.state)
    }

    /// When a step began: now, or in the run before this one.
    pub(super) fn begun(&self, step: &str) -> Begun {
        let now = self.clock.now();
        let mut state = self.state();
        if let Some(Note::Begun { now, .. }) = state.steps.get(step) {
            return Begun { now: *now, before: true };
        }
        state.steps.insert(step.to_owned(), Note::Begun { now, sent: None });
        Begun { now, before: false }
    }

    /// A write is about to be sent: the state from which to go on if nothing more is heard of this run.
    pub(super) fn intends(&self, step: &str, request: &Request) -> Checkpoint {
        let at = self.clock.now();
        let mut state = self.state();
        let note = state.steps.entry(step.to_owned()).or_insert(Note::Begun { now: at, sent: None });
        if let Note::Begun { sent, .. } = note {
            let first = sent.as_ref().map_or(at, |it| it.at);
            *sent = Some(Sent { at: first, last: at, digest: digest(request) });
        }
        state.revision += 1;
        state.clone()
    }
}

fn digest(request: &Request) -> String {
    let mut all = Vec::with_capacity(256 + request.body.len());
    for text in [&request.method, request.url.as_str()]
        .into_iter()
        .chain(request.headers.iter().flat_map(|(name, value)| [name.as_str(), value]))
    {
        all.extend_from_slice(text.as_bytes());
        all.push(0);
    }
    all.extend_from_slice(&request.body);
    STANDARD.encode(Digest::of_bytes(&all).as_bytes())
}

/// What several may hold, as what it is.
mod shared {
    use super::{Arc, Deserialize, Json};
    use serde::{Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(it: &Option<Arc<Json>>, serializer: S) -> Result<S::Ok, S::Error> {
        // null is an output too
        it.as_deref().map(|it| [it]).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Arc<Json>>, D::Error> {
        Ok(Option::<[Json; 1]>::deserialize(deserializer)?.map(|[it]| Arc::new(it)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_step_that_ended_takes_the_place_of_its_parts_and_of_nothing_else() {
        let mut it = Checkpoint::default();
        for name in ["seat[0]", "seat[10]/room", "seat", "seats", "seat/room", "seat-2[0]"] {
            it.ended(name, Some(json!(name).into()));
        }
        it.ended("seat", Some(Json::Null.into()));
        assert_eq!(it.steps.keys().collect::<Vec<_>>(), ["seat", "seat-2[0]", "seats"]);
        let again: Checkpoint = serde_json::from_str(&serde_json::to_string(&it).unwrap()).unwrap();
        assert_eq!(again.output("seat"), Some(Some(&Json::Null.into())), "null is no lack of an output");
        assert_eq!(again.output("seats"), Some(Some(&json!("seats").into())));
        assert_eq!(again.output("seat[0]"), None);
    }
}
