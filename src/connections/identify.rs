//! Asks the provider whose account it is. An account that can't answer that can't be used.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{
    Connections, Error, Shared, as_scope, credential::Credential, provider::Provider, unstored::UnstoredTokens,
};
use crate::{
    auth::{Authenticated, Tokens, Used},
    base::{ConnectionId, Failure, OrgId},
    expr::Scope,
    interpreter::{self, ExecutionNames, Run, Unobserved},
    spec::{AfterConnect, Connector, Mappings},
    store::{Connection, Mode, Status},
};

/// What a provider tells of an account.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// How the account is shown.
    pub(super) label: Option<String>,
    /// For `connection`.
    pub(super) captured: Map<String, Json>,
}

impl Connections {
    /// Finds out whether a connection works now.
    ///
    /// # Errors
    /// If it does not, or can't be asked.
    pub async fn test(&self, org: OrgId, id: ConnectionId) -> Result<Connection, Error> {
        let connection = self.get(org, id).await?;
        if connection.status != Status::Connected {
            return Err(Error::NotConnected(connection.status));
        }
        if connection.mode == Mode::Live {
            let connector = self.0.connector(org, &connection.connector).await?;
            let tokens = self.tokens(connector.clone(), org, id);
            self.0.identify(&connector, &connection, &tokens).await?;
        }
        self.get(org, id).await
    }
}

impl Shared {
    /// Asks with what is not stored yet. What its token answers tell belongs to the connection before anything else is asked:
    /// it may say where that is.
    pub(super) async fn identify_new(
        &self,
        connector: &Arc<Connector>,
        connection: &mut Connection,
        credential: &Credential,
    ) -> Result<Identity, Error> {
        let provider = |connection| Provider { shared: self, connector, connection, credential };
        let before = connection.clone();
        let tokens = UnstoredTokens::new(provider(&before));
        if let Some(scheme) = connector.account.scheme(None) {
            tokens.credentials(scheme).await?;
        }
        let (got, captured) = tokens.into_parts();
        connection.metadata.extend(captured);
        let known = connection.clone();
        let tokens = UnstoredTokens::with(provider(&known), got);
        let identity = self.identify(connector, &known, &tokens).await?;
        connection.metadata.extend(tokens.into_parts().1);
        Ok(identity)
    }

    /// Runs what the connector has for it. Without any, a token at least must be to be had.
    pub(super) async fn identify(
        &self,
        connector: &Arc<Connector>,
        connection: &Connection,
        tokens: &dyn Tokens,
    ) -> Result<Identity, Error> {
        let Some(AfterConnect { plan }) = connector.after_connect.as_deref() else {
            if let Some(scheme) = connector.account.scheme(None) {
                tokens.credentials(scheme).await?;
            }
            return Ok(Identity::default());
        };
        let (clock, known, used) = (&*self.setup.clock, as_scope(connection), Used::default());
        let transport = Authenticated {
            sender: &*self.setup.sender,
            tokens,
            connection: &known,
            connector: &connector.id,
            traffic: None,
            clock,
            used: &used,
        };
        let run = Run {
            connector,
            plan,
            input: json!({}).into(),
            config: json!({}).into(),
            connection: Arc::clone(&known),
            execution: ExecutionNames::new(connection.id.text(), connection.id.text(), connection.org.text(), "")
                .into(),
            mappings: Mappings::default(),
            beside: Scope::new(),
            transport: &transport,
            clock,
            observer: &Unobserved,
        };
        let ran = interpreter::run(run).await;
        let mut output = ran.map_err(|failure| refused(failure, &used))?;
        used.mask_json(&mut output);
        let label = match output["label"].take() {
            Json::Null => None,
            Json::String(label) => Some(label),
            other => Some(other.to_string()),
        };
        let captured = output["capture"].as_object_mut().map(std::mem::take).unwrap_or_default();
        Ok(Identity { label, captured })
    }
}

/// The provider's words, which may repeat ours.
fn refused(failure: Failure, used: &Used) -> Error {
    let Failure { code, say, detail, .. } = failure;
    Error::Provider { code, say: used.mask(say), detail: used.mask(detail) }
}
