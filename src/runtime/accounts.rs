//! What a builder does with connections, where it takes more than the connection itself.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Engine, Error, Result,
    run::{Inputs, Watch},
};
use crate::{
    auth::Used,
    base::{ConnectionId, OrgId, Secret},
    connections::{Answered, Disconnected, Returned, Start, Started},
    interpreter::{ExecutionNames, Unobserved},
    store::Connection,
    transport::Usage,
};

impl Engine {
    /// Begins to connect an account, and ends it unless a consent is needed.
    ///
    /// # Errors
    /// If the fields can't be used, the provider refuses them, or credentials can't be stored at all.
    pub async fn start_connection(self: &Arc<Self>, start: Start) -> Result<Started> {
        let engine = Arc::clone(self);
        self.to_its_end(async move {
            let started = engine.connections.start(start).await?;
            engine.forget_connection(&started.connection);
            engine.want_subscriptions_later(started.connection.org, started.connection.id).await;
            Ok(started)
        })
        .await
    }

    /// What the last answers told of the allowances that a connection uses up.
    pub fn usage(&self, connection: ConnectionId) -> Vec<Usage> {
        self.meter.of(&connection.to_string())
    }

    /// The hosts that are left alone for a while since they fail a connection, or everybody, and until when.
    pub fn left_alone(&self, connection: ConnectionId) -> Vec<(String, Timestamp)> {
        self.isolation.shut(connection)
    }

    /// Ends the consent that `state` belongs to.
    ///
    /// # Errors
    /// If there is no such consent, or the store fails.
    pub async fn finish_consent(self: &Arc<Self>, state: Secret, answered: Answered) -> Result<Returned> {
        let engine = Arc::clone(self);
        self.to_its_end(async move {
            let returned = engine.connections.callback(&state, answered).await?;
            engine.forget_connection(&returned.connection);
            engine.want_subscriptions_later(returned.connection.org, returned.connection.id).await;
            Ok(returned)
        })
        .await
    }

    /// Takes a connection off: once this returns no call uses it any more.
    ///
    /// # Errors
    /// If there is none, or the store fails.
    pub async fn disconnect(self: &Arc<Self>, org: OrgId, id: ConnectionId) -> Result<Disconnected> {
        let engine = Arc::clone(self);
        self.to_its_end(async move {
            if let Err(error) = engine.end_subscriptions(org, id).await {
                tracing::warn!(org.id = %org, connection.id = %id, %error, "its subscriptions end by themselves");
            }
            let disconnected = engine.connections.disconnect(org, id).await;
            // also when it failed halfway
            engine.seen.forget(&(org, id));
            Ok(disconnected?)
        })
        .await
    }

    pub(super) fn forget_connection(&self, connection: &Connection) {
        self.seen.forget(&(connection.org, connection.id));
    }

    /// Asks the provider for a live list: `{value, label, hint}` each.
    ///
    /// # Errors
    /// When lookup or connection aren't there or can't be used, the config does not fit, or the provider fails.
    pub async fn look_up(
        &self,
        org: OrgId,
        connection: ConnectionId,
        connector: &str,
        lookup: &str,
        config: Json,
    ) -> Result<Vec<Json>> {
        let connector = self.connector(org, connector).await?;
        let lookup = connector.lookups.get(lookup).ok_or(Error::NotFound("lookup"))?;
        let connection = self.usable_connection(org, connection, &lookup.scopes, &connector).await?;
        let config = lookup.config.accept(config)?;
        let inputs = Inputs::without_arguments(config, ExecutionNames::of_org(org));
        // It leaves no trace: it is a builder's, not an agent's.
        let watch = Watch { observer: &Unobserved, used: &Used::default() };
        match self.run_plan(&connector, &lookup.plan, &connection, inputs, watch).await {
            Ok(Json::Array(options)) => Ok(options),
            Ok(_) => Err(Error::Internal(anyhow::anyhow!("lookup {} gave no list", lookup.name))),
            Err(failure) => Err(Error::Provider(failure)),
        }
    }
}
