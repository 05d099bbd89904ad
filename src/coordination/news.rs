//! What replicas tell each other: that something changed, or that there is something to do. It says what to look at again, and
//! never what is there now.

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    base::{ApiKeyId, ConnectionId, ExecutionId, OrgId},
    transport::{allowance::Spent, isolation::Shut},
};

/// So many are kept for whoever is slow to hear; more, and everything may have changed.
pub(super) const KEPT: usize = 1024;

/// Something changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// Anything may have: something was missed.
    Everything,
    /// An API key was revoked.
    ApiKey(ApiKeyId),
    /// A connection got another credential or status.
    Connection(OrgId, ConnectionId),
    /// What an org's functions do: enabled actions, mappings, its own connectors.
    Functions(OrgId),
    /// An org's settings.
    Org(OrgId),
    /// Which versions of connectors are live.
    Registry,
    /// An execution has ended.
    Ended(OrgId, ExecutionId),
    /// A host is left alone, or is well again.
    Shut(Shut),
    /// A provider has said that nothing of its limit is left.
    Spent(Spent),
}

/// News with the replica that it is of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) from: String,
    pub(super) news: News,
}

impl Told {
    /// As it is sent.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// As it was sent. What a newer version says, or nobody of ours, may mean anything.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or(Self { from: String::new(), news: News::Everything })
    }
}

/// Hears the news of other replicas.
#[derive(Debug)]
pub struct Listener {
    me: String,
    told: Receiver<Told>,
}

impl Listener {
    pub(super) fn new(me: &str, told: Receiver<Told>) -> Self {
        Self { me: me.to_owned(), told }
    }

    /// The next; nothing once there can't be any more.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            match self.told.recv().await {
                Ok(told) if told.from == self.me => {}
                Ok(told) => return Some(told.news),
                Err(RecvError::Lagged(_)) => return Some(News::Everything),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::system::SystemRandom;

    #[test]
    fn news_read_back_and_what_is_unknown_may_be_anything() {
        let org = OrgId::new(Timestamp::UNIX_EPOCH, &SystemRandom);
        let until = Some(Timestamp::UNIX_EPOCH);
        let spent = Spent { connector: "c".to_owned(), connection: None, until: Timestamp::UNIX_EPOCH };
        let shut = Shut { host: "api.example.com".to_owned(), own: Some(org), connection: None, until };
        let all = [News::Org(org), News::Functions(org), News::Shut(shut), News::Spent(spent), News::Registry];
        for news in all.into_iter().chain([News::Everything]) {
            let told = Told { from: "one".to_owned(), news: news.clone() };
            let back = Told::from_bytes(&told.to_bytes());
            assert_eq!((back.from.as_str(), back.news), ("one", news));
        }
        for bytes in [&b""[..], br#"{"from":"one","news":"something_new"}"#, br#"{"from":"one"}"#, b"\xff"] {
            assert_eq!(Told::from_bytes(bytes).news, News::Everything);
        }
    }
}
