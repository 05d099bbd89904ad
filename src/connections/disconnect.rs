//! Takes a connection off.

use tracing::warn;

use super::{
    Connections, Error, Shared, context,
    credential::{self, Credential},
    provider::Provider,
};
use crate::{
    base::{ConnectionId, OrgId},
    crypto::{Purpose, Sealed},
    store::{Connection, Status},
};

/// A connection that is off.
#[derive(Debug)]
pub struct Disconnected {
    /// Without its credential.
    pub connection: Connection,
    /// Whether the provider took its grant back too.
    pub revoked: bool,
}

impl Connections {
    /// Takes a connection off and wipes its credential, then asks the provider to take the grant back. That the provider
    /// can't be reached changes nothing here.
    ///
    /// # Errors
    /// [`Error::NotFound`], or if the store fails.
    pub async fn disconnect(&self, org: OrgId, id: ConnectionId) -> Result<Disconnected, Error> {
        let store = &self.0.setup.store;
        let (before, sealed) = store.connections().get_sealed(org, id).await?.ok_or(Error::NotFound)?;
        store.authorizations().cancel(org, id).await?;
        store.connections().disconnect(org, id, self.0.setup.clock.now()).await?;
        self.0.changed(org, id);
        let revoked = match sealed {
            Some(sealed) => self.0.revoke(&before, &sealed).await.unwrap_or_else(|error| {
                warn!(org.id = %org, connection.id = %id, %error, "a grant could not be revoked at the provider");
                false
            }),
            None => false,
        };
        Ok(Disconnected { connection: self.get(org, id).await?, revoked })
    }
}

impl Shared {
    async fn revoke(&self, connection: &Connection, sealed: &Sealed) -> Result<bool, Error> {
        let connector = self.connector(connection.org, &connection.connector).await?;
        if self.has_sibling(connection).await? {
            return Ok(false);
        }
        let context = context(connection, Purpose::Credential);
        let credential: Credential = credential::open(self.keys()?, &context, sealed)?;
        let provider = Provider { shared: self, connector: &connector, connection, credential: &credential };
        provider.revoke().await
    }

    /// Whether another connection of the org has the same account: at many providers revoking one grant ends all of that
    /// person's.
    async fn has_sibling(&self, connection: &Connection) -> Result<bool, Error> {
        let all = self.setup.store.connections().list(connection.org).await?;
        Ok(all.iter().any(|it| {
            it.id != connection.id
                && it.status == Status::Connected
                && it.account == connection.account
                && it.mode == connection.mode
                && it.label == connection.label
        }))
    }
}
