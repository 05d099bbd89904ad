//! What is kept beside a connection's credential, sealed like it: what parked executions hold, what providers sent, what their
//! deliveries are recognised by.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json, json};
use tracing::warn;

use super::{Connections, Error, as_scope, credential};
use crate::{
    auth::Credentials,
    base::{ConnectionId, OrgId, Secret},
    crypto::{Context, Purpose, Sealed},
    spec::Connector,
    store::{Connection, Mode, Subscription},
    transport::SendError,
};

impl Connections {
    /// Seals something of a connection. Without a key ring there are sandbox connections only, which know no secrets: then it
    /// is kept as it is.
    pub fn seal(&self, org: OrgId, connection: ConnectionId, purpose: Purpose, value: &impl Serialize) -> Sealed {
        let setup = &self.0.setup;
        match &setup.keys {
            Some(keys) => credential::seal(keys, &Context { org, connection, purpose }, value, &*setup.random),
            None => Sealed::from_bytes(serde_json::to_vec(value).unwrap_or_default()),
        }
    }

    /// Opens what [`Connections::seal`] sealed.
    ///
    /// # Errors
    /// If the key that sealed it is gone, or it was sealed for something else.
    pub fn open<T: DeserializeOwned>(
        &self,
        org: OrgId,
        connection: ConnectionId,
        purpose: Purpose,
        sealed: &Sealed,
    ) -> Result<T, Error> {
        // What isn't sealed is JSON; a seal begins with its version.
        if let Ok(plain) = serde_json::from_slice(sealed.as_bytes()) {
            return Ok(plain);
        }
        Ok(credential::open(self.0.keys()?, &Context { org, connection, purpose }, sealed)?)
    }

    /// What deliveries of a subscription are recognised by.
    ///
    /// # Errors
    /// As [`Connections::open`].
    pub fn secret_of(&self, it: &Subscription) -> Result<Secret, Error> {
        let text: String = self.open(it.org, it.connection, Purpose::Subscription, &it.secret)?;
        Ok(Secret::new(text))
    }

    /// What the connection signs with, without a token.
    ///
    /// # Errors
    /// If it can't be read, or is not connected.
    pub async fn fields(&self, connector: Arc<Connector>, of: &Connection) -> Result<Credentials, SendError> {
        if of.mode == Mode::Sandbox {
            return Ok(Credentials::default());
        }
        self.tokens(connector, of.org, of.id).fields().await
    }

    /// What `connection.<name>` holds in a run of `connector` with this connection.
    pub fn scope_of(&self, connection: &Connection, connector: &Connector) -> Arc<Json> {
        self.as_seen_by(connector, &as_scope(connection), connection)
    }

    /// What `connection` is to a connector: with its webhook address if the connector takes deliveries, and in the sandbox
    /// with what the connector says of it, since it may have been connected for another one of the same account.
    pub fn as_seen_by(&self, connector: &Connector, scope: &Arc<Json>, connection: &Connection) -> Arc<Json> {
        let mut more = Map::new();
        if connection.mode == Mode::Sandbox {
            let told = connector.sandbox_connection.iter().filter(|(name, _)| scope.get(name.as_str()).is_none());
            more.extend(told.map(|(name, value)| (name.clone(), value.clone())));
        }
        let url = connector.events.as_ref().and_then(|_| self.webhook_url(connection, &connector.id));
        more.extend(url.map(|url| ("webhook_url".to_owned(), json!(url))));
        if more.is_empty() {
            return Arc::clone(scope);
        }
        more.extend(scope.as_object().cloned().unwrap_or_default());
        Arc::new(Json::Object(more))
    }

    /// The same address as somebody calls it from where this engine is, also while no provider could reach it.
    pub fn webhook_address(&self, connection: &Connection, connector: &str) -> Option<String> {
        let path = format!("../webhooks/{connector}/{}", connection.webhook);
        self.0.setup.redirect_uri.join(&path).ok().map(String::from)
    }

    /// Where a provider sends what it tells unasked; nothing while this engine has no public address.
    pub fn webhook_url(&self, connection: &Connection, connector: &str) -> Option<String> {
        let base = self.0.setup.webhooks.as_ref()?;
        let url = base.join(&format!("{connector}/{}", connection.webhook));
        url.inspect_err(|error| warn!(%error, "a webhook address can't be made")).ok().map(String::from)
    }
}
