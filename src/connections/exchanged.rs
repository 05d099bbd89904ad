//! Tokens that are got by exchange: kept in memory and, sealed, among replicas for as long as they live, so that many replicas ask
//! for one of them.
//!
//! They are not stored: a new one can always be got. So nothing here guards anything. If replicas can't tell each other, each
//! gets its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    context,
    credential::{self, Fresh},
    slots::Opened,
    tokens::StoredTokens,
};
use crate::{
    auth::Credentials,
    base::Code,
    crypto::{Purpose, Sealed},
    spec::TokenExchange,
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

impl StoredTokens {
    /// The token of a scheme that exchanges: the one at hand unless it is due or `stale`, else a new one. As with a grant,
    /// one that still works is used while somebody else gets a new one, and also when that fails.
    pub(super) async fn exchanged(
        &self,
        scheme: &str,
        exchange: &TokenExchange,
        opened: &Opened,
        stale: Option<&Credentials>,
    ) -> Result<Credentials, SendError> {
        let is_good = |it: &Fresh| !stale.is_some_and(|stale| it.is_in(stale));
        let at_hand = || self.slot.exchanged(scheme).filter(is_good);
        let working = at_hand().filter(|it| it.works(self.now()));
        let token =
            match &working {
                Some(token) if !token.is_due(self.now()) || self.slot.is_renewing() => token.clone(),
                _ => {
                    let _alone = self.slot.renewal.lock().await;
                    match at_hand().filter(|it| !it.is_due(self.now())) {
                        Some(token) => token,
                        None => Box::pin(self.exchange_alone(scheme, exchange, opened, &is_good)).await.or_else(
                            |error| match working {
                                Some(token) if error.code != Code::Reauthorize && token.works(self.now()) => Ok(token),
                                _ => Err(error),
                            },
                        )?,
                    }
                }
            };
        Ok(opened.credential.with_token(Some(&token)))
    }

    /// Another replica's token, or one that is got now, as the only one in this process, and in all if they can tell.
    async fn exchange_alone(
        &self,
        scheme: &str,
        exchange: &TokenExchange,
        opened: &Opened,
        is_good: &(impl Fn(&Fresh) -> bool + Sync),
    ) -> Result<Fresh, SendError> {
        self.slot.may_try(self.now())?;
        let coordination = &self.shared.setup.coordination;
        let key = format!("token:{}:{}:{scheme}:{}", self.org, self.id, opened.version());
        let turn = format!("{key}:turn");
        let longest = self.connector.http.timeout + BESIDE;
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
        let got = self.provider(opened).exchange(exchange).await;
        if let Ok(token) = &got
            && let Some(sealed) = self.seal(scheme, opened, token)
        {
            let left = token.expires_at.map(|end| end.duration_since(self.now()));
            let life = left.map_or(UNKNOWN_LIFE, |it| it.try_into().unwrap_or_default());
            coordination.note(&key, sealed.as_bytes(), life).await;
        }
        coordination.give_back(&turn).await;
        match got {
            Ok(token) => {
                self.slot.set_exchanged(scheme, opened.version(), token.clone());
                Ok(token)
            }
            Err(error) if error.code == Code::Reauthorize => {
                self.refused(opened.version(), error).await?;
                Err(SendError::not_sent(Code::Unavailable, "the account was just connected again; try once more"))
            }
            Err(error) => {
                self.slot.pause(self.now(), &error);
                Err(error)
            }
        }
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
