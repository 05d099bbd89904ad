//! Keeps grants alive that nobody uses: some providers end a grant that was not renewed for weeks.

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::info;

use super::{Connections, Error, credential::Grant};
use crate::{
    base::{ConnectionId, OrgId},
    spec::Connector,
};

/// Read at a time …
const PAGE: u32 = 100;

/// … and asked for at once.
const AT_ONCE: usize = 4;

/// Tried again after so long when it failed: there are days left.
const AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// When a grant that came at `now` is renewed at the latest: after two thirds of the time for which it may be idle.
pub(super) fn renew_by(connector: &Connector, grant: Option<&Grant>, now: Timestamp) -> Option<Timestamp> {
    let (_, oauth2) = connector.account.oauth2()?;
    // Some renew a token by itself.
    let renewable = grant?.refresh.is_some() || !oauth2.refresh.as_ref()?.reads("refresh_token");
    if !renewable {
        return None;
    }
    let idle = SignedDuration::try_from(oauth2.idle?).ok()?;
    now.checked_add(idle / 3 * 2).ok()
}

impl Connections {
    /// Renews the grants that would otherwise die unused. What fails is tried again in an hour.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn keep_alive(&self) -> Result<(), Error> {
        loop {
            let now = self.0.setup.clock.now();
            let due = self.0.setup.store.connections().to_renew(now, PAGE).await?;
            let last = due.len() < PAGE as usize;
            let one = async |(org, id, due)| {
                if let Err(error) = self.keep_one_alive(org, id, due, now + AGAIN).await {
                    info!(org.id = %org, connection.id = %id, %error, "an unused grant could not be renewed");
                }
            };
            stream::iter(due).map(one).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
            if last {
                return Ok(());
            }
        }
    }

    async fn keep_one_alive(
        &self,
        org: OrgId,
        id: ConnectionId,
        due: Timestamp,
        again: Timestamp,
    ) -> Result<(), Error> {
        if !self.0.setup.store.connections().put_off(org, id, due, again).await? {
            return Ok(());
        }
        let connection = self.get(org, id).await?;
        let connector = self.0.connector(org, &connection.connector).await?;
        let Some((scheme, _)) = connector.account.oauth2() else { return Ok(()) };
        let tokens = self.tokens(connector.clone(), org, id);
        let opened = tokens.read().await?;
        if opened.version() == connection.token_version {
            tokens.renew_grant(&scheme.name, &opened).await?;
        }
        Ok(())
    }
}
