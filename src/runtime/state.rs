//! What is kept of an execution so that any replica can go on with it, sealed.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Engine, Result};
use crate::{
    auth::Used,
    base::{ConnectionId, OrgId},
    connections::Hidden,
    crypto::{Purpose, Sealed},
    interpreter::{Checkpoint, Doubt, ExecutionNames, Parked},
};

/// What it began with. It is kept in its first row and never changes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Beginning<'a> {
    /// With defaults filled in.
    pub(super) input: Cow<'a, Json>,
    /// The builder's, with defaults filled in.
    pub(super) config: Cow<'a, Json>,
    /// `execution.<name>`
    pub(super) execution: Cow<'a, ExecutionNames>,
}

/// Where it is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) at: At,
    /// What it has signed with: what its steps gave may repeat it, and the account may have other tokens by then, or none.
    pub(super) secrets: Vec<Hidden>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum At {
    /// It was running, and about to send something.
    Running(Checkpoint),
    /// It waits.
    Waiting(Parked),
    /// It has ended, and nobody knows whether it happened.
    InDoubt(Doubt),
}

impl Place {
    pub(super) fn new(at: At, used: &Used) -> Self {
        Self { at, secrets: used.secrets().into_iter().map(Hidden).collect() }
    }
}

impl Engine {
    pub(super) fn seal_state(&self, org: OrgId, connection: ConnectionId, state: &impl Serialize) -> Sealed {
        self.connections.seal(org, connection, Purpose::Parked, state)
    }

    pub(super) fn open_state<T: serde::de::DeserializeOwned>(
        &self,
        org: OrgId,
        connection: ConnectionId,
        state: &Sealed,
    ) -> Result<T> {
        Ok(self.connections.open(org, connection, Purpose::Parked, state)?)
    }
}
