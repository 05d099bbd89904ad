//! Tokens that are got by exchange: kept in memory and, sealed, among replicas for as long as they live, so that many replicas ask
//! for one of them.
//!
//! They are not stored: a new one can always be got. So nothing here guards anything. If replicas can't tell each other, each
//! gets its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{
    context,
    credential::{self, Fresh},
    provider::Exchanged,
    slots::Opened,
    tokens::{StoredTokens, failed},
};
use crate::{
    auth::{Credentials, Tokens},
    base::Code,
    coordination::News,
    crypto::{Purpose, Sealed},
    spec::{Scheme, TokenExchange},
    transport::SendError,
};

/// How often a replica looks whether another one has got the token.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Longer than an exchange needs beside waiting for its answer.
const BESIDE: Duration = Duration::from_secs(2);

/// How long a token whose end is unknown is kept for others.
const UNKNOWN_LIFE: Duration = Duration::from_secs(600);

/// What is kept for other replicas. It opens for that org and connection only.
#[derive(Serialize, Deserialize)]
struct Kept {
    scheme: String,
    /// The credential that it was got with.
    version: i64,
    token: Fresh,
}

/// A token that is wanted.
#[derive(Clone, Copy)]
struct Asked<'a> {
    scheme: &'a str,
    exchange: &'a TokenExchange,
    /// The token that it is made from.
    base: Option<&'a Credentials>,
    opened: &'a Opened,
}

impl StoredTokens {
    /// The token of a scheme that exchanges: the one at hand unless it is due or `stale`, else a new one. As with a grant,
    /// one that still works is used while somebody else gets a new one, and also when that fails.
    pub(super) async fn exchanged(
        &self,
        scheme: &Scheme,
        exchange: &TokenExchange,
        stale: Option<&Credentials>,
    ) -> Result<Credentials, SendError> {
        let Some(from) = &exchange.from else {
            return self.exchanged_with(scheme, exchange, None, stale).await;
        };
        let from = self.scheme(from)?;
        let base = self.credentials(from).await?;
        match self.exchanged_with(scheme, exchange, Some(&base), stale).await {
            // The token that it is made from may have ended before its time.
            Err(error) if error.code == Code::Reauthorize => {
                let renewed = self.renew(from, &base).await?;
                self.exchanged_with(scheme, exchange, Some(&renewed), stale).await
            }
            result => result,
        }
    }

    async fn exchanged_with(
        &self,
        scheme: &Scheme,
        exchange: &TokenExchange,
        base: Option<&Credentials>,
        stale: Option<&Credentials>,
    ) -> Result<Credentials, SendError> {
        let is_good = |it: &Fresh| !stale.is_some_and(|stale| it.is_in(stale));
        let opened = &self.opened().await?;
        let at_hand = || self.slot.exchanged(&scheme.name).filter(is_good);
        let working = at_hand().filter(|it| it.works(self.now()));
        let asked = Asked { scheme: &scheme.name, exchange, base, opened };
        let token = match &working {
            Some(token) if !token.is_due(self.now()) || self.slot.is_renewing() => token.clone(),
            _ => {
                let _alone = self.slot.renewal.lock().await;
                match at_hand().filter(|it| !it.is_due(self.now())) {
                    Some(token) => token,
                    None => Box::pin(self.exchange_alone(asked, &is_good)).await.or_else(|error| match working {
                        Some(token) if error.code != Code::Reauthorize && token.works(self.now()) => Ok(token),
                        _ => Err(error),
                    })?,
                }
            }
        };
        Ok(self.with(opened, Some(&token)))
    }

    /// Another replica's token, or one that is got now, as the only one in this process, and in all if they can tell.
    async fn exchange_alone(
        &self,
        asked: Asked<'_>,
        is_good: &(impl Fn(&Fresh) -> bool + Sync),
    ) -> Result<Fresh, SendError> {
        let Asked { scheme, exchange, base, opened } = asked;
        self.slot.may_try(self.now())?;
        let coordination = &self.shared.setup.coordination;
        let key = format!("token:{}:{}:{scheme}:{}", self.org, self.id, opened.version());
        let turn = format!("{key}:turn");
        let longest = self.connector.http.timeout * exchange.call.requests.len().try_into().unwrap_or(1) + BESIDE;
        // It has an end: nobody's turn is longer than that.
        loop {
            let kept = coordination.noted(&key).await.and_then(|it| self.unseal(scheme, opened, it));
            if let Some(token) = kept.filter(|it| is_good(it) && it.works(self.now()) && !it.is_due(self.now())) {
                self.slot.set_exchanged(scheme, opened.version(), token.clone());
                return Ok(token);
            }
            if coordination.take(&turn, longest).await {
                break;
            }
            self.shared.setup.clock.sleep(LOOK_EVERY).await;
        }
        let got = self.provider(opened).exchange(exchange, base).await;
        if let Ok(Exchanged { token, .. }) = &got
            && let Some(sealed) = self.seal(scheme, opened, token)
        {
            let left = token.expires_at.map(|end| end.duration_since(self.now()));
            let life = left.map_or(UNKNOWN_LIFE, |it| it.try_into().unwrap_or_default());
            coordination.note(&key, sealed.as_bytes(), life).await;
        }
        coordination.give_back(&turn).await;
        match got {
            Ok(Exchanged { token, captured }) => {
                self.capture(opened, captured).await?;
                self.slot.set_exchanged(scheme, opened.version(), token.clone());
                Ok(token)
            }
            // It is for whoever knows what it was made from to say whether that is dead.
            Err(error) if error.code == Code::Reauthorize && base.is_none() => {
                self.refused(opened.version(), error).await?;
                Err(SendError::not_sent(Code::Unavailable, "the account was just connected again; try once more"))
            }
            Err(error) => {
                if error.code != Code::Reauthorize {
                    self.slot.pause(self.now(), &error);
                }
                Err(error)
            }
        }
    }

    /// Keeps what the answers told of the connection, if it is new. The credential stays the same, and so does its version: a
    /// renewal that is on its way elsewhere must not be lost.
    async fn capture(&self, opened: &Opened, captured: Map<String, Json>) -> Result<(), SendError> {
        if captured.iter().all(|(name, value)| opened.connection.metadata.get(name) == Some(value)) {
            return Ok(());
        }
        let mut connection = (*opened.connection).clone();
        connection.metadata.extend(captured);
        let connections = self.shared.setup.store.connections();
        let (version, metadata) = (opened.version(), &connection.metadata);
        if connections.describe(self.org, self.id, version, metadata).await.map_err(|it| failed(&it))? {
            self.slot.set_opened(Opened { connection: connection.into(), ..opened.clone() });
            self.shared.setup.coordination.tell(News::Connection(self.org, self.id));
        }
        Ok(())
    }

    fn seal(&self, scheme: &str, opened: &Opened, token: &Fresh) -> Option<Sealed> {
        let keys = self.shared.keys().ok()?;
        let kept = Kept { scheme: scheme.to_owned(), version: opened.version(), token: token.clone() };
        let context = context(&opened.connection, Purpose::Exchanged);
        Some(credential::seal(keys, &context, &kept, &*self.shared.setup.random))
    }

    /// What was kept for this scheme and credential, and nothing else that somebody may have put there.
    fn unseal(&self, scheme: &str, opened: &Opened, sealed: Vec<u8>) -> Option<Fresh> {
        let context = context(&opened.connection, Purpose::Exchanged);
        let kept: Kept = credential::open(self.shared.keys().ok()?, &context, &Sealed::from_bytes(sealed)).ok()?;
        (kept.scheme == scheme && kept.version == opened.version()).then_some(kept.token)
    }
}
