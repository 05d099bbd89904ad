//! Sign-in schemes: put a credential on a request, get and renew tokens. State lives in whoever implements [`Tokens`].

pub mod authenticated;
mod client;
pub mod consent;
mod discovery;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod sign;
pub mod token_call;
mod used;

pub use authenticated::{Authenticated, Traffic};
pub use client::Client;
pub use discovery::{Discovered, USUAL_METHOD};
pub use sign::{fields, scope, sign};
pub use token_call::{Caller, Failed, Given, Got};
pub use used::Used;

use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use uuid::{Uuid, fmt::Simple};

use crate::{
    base::{BoxFuture, Random, Secret},
    spec::Scheme,
    transport::SendError,
};

/// What a scheme signs with: the connection's fields, and a token for the schemes that have one.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// By field name, secret or not.
    pub fields: Arc<IndexMap<String, Secret>>,
    /// `auth.token`
    pub token: Option<Secret>,
    /// `auth.nonce`: 32 hex digits that were never used before.
    pub nonce: String,
}

/// A token as the provider granted it.
#[derive(Debug, Clone)]
pub struct Token {
    /// Sent with requests.
    pub access: Secret,
    /// For the next one. After a refresh without a new one the caller keeps the old.
    pub refresh: Option<Secret>,
    /// Unknown when the provider does not tell: then only an `expired` answer does.
    pub expires_at: Option<Timestamp>,
    /// Granted, if the provider tells.
    pub scopes: Option<Vec<String>>,
    /// What `capture` found.
    pub captured: Map<String, Json>,
    /// `auth.<name>` as long as the token lives.
    pub kept: IndexMap<String, Secret>,
}

/// A new `auth.nonce`.
pub fn nonce(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    // not by `format!`, which takes several times as long
    let mut text = [0; Simple::LENGTH];
    Uuid::from_bytes(bytes).simple().encode_lower(&mut text).to_owned()
}

/// Keeps a connection's credentials and renews them, one renewal at a time.
pub trait Tokens: Send + Sync {
    /// Credentials for `scheme` that are good now and for a while, if nothing has to be waited for. `None`: ask
    /// [`credentials`](Self::credentials), which may get or renew them.
    fn at_hand(&self, _scheme: &Scheme) -> Option<Credentials> {
        None
    }
    /// Credentials for `scheme` that are good now; gets or refreshes the token if it must.
    fn credentials<'a>(&'a self, scheme: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>>;
    /// The provider calls `stale` expired: gives a newer one.
    fn renew<'a>(&'a self, scheme: &'a Scheme, stale: &'a Credentials)
    -> BoxFuture<'a, Result<Credentials, SendError>>;
}
