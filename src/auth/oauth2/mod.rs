//! OAuth 2: the authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636), refresh (§6) and revocation (RFC 7009).
//!
//! | module | does |
//! | --- | --- |
//! | `authorize` | the address at which the consent is given |
//! | `token` | code → token, refresh token → token |
//! | `answer` | what a token endpoint answers, however it says it |
//! | `revoke` | takes a grant back |
//!
//! The address and the challenge are made by the `oauth2` crate. Token requests and answers are our own: half of all
//! providers answer in ways that the crate refuses (failures with status 200, lifetimes as text, no `token_type`, tokens
//! inside an envelope), and which way is said by each connector.

mod answer;
mod authorize;
mod revoke;
#[cfg(test)]
mod tests;
mod token;

pub(crate) use answer::seconds;
use jiff::Timestamp;

use crate::{
    base::Secret,
    expr::Scope,
    spec::{Http, OAuth2},
    transport::Sender,
};

/// The OAuth app that was registered at a provider for this engine.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// `client_secret`; a public client has none.
    pub secret: Option<Secret>,
}

/// All that it takes to talk about one account's consent with its provider.
#[derive(Clone, Copy)]
pub struct Flow<'a> {
    /// How this provider does it.
    pub oauth2: &'a OAuth2,
    /// Who we are there.
    pub client: &'a Client,
    /// Which hosts may be called, and for how long.
    pub http: &'a Http,
    /// What templates in its addresses see: [`crate::auth::scope`].
    pub scope: &'a Scope,
    /// To the provider.
    pub sender: &'a dyn Sender,
    /// The current instant: lifetimes count from it.
    pub now: Timestamp,
}
