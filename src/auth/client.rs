//! Who we are at a provider.

use crate::base::Secret;

/// The OAuth app that was registered at a provider for this engine.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`
    pub id: String,
    /// `client_secret`; a public client has none.
    pub secret: Option<Secret>,
}
