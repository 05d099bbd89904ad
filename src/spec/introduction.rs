//! How a client and its provider get to know each other, where that is not written out.

use super::{TokenCall, Url};
use crate::expr::Text;

/// What is done about it before anybody signs in.
#[derive(Debug, Default)]
pub struct Introduction {
    /// Finds the provider's addresses.
    pub discovery: Option<Discovery>,
    /// Gets a client that the provider knows, unless there is one already: an app that ops registered, or the form's. What it
    /// keeps by the names of [`REGISTERED`] is the client.
    pub registration: Option<TokenCall>,
}

/// Where a provider tells its addresses.
#[derive(Debug)]
pub struct Discovery {
    /// What the address is.
    pub of: Told,
    /// An issuer's or a resource's, without query and fragment.
    pub url: Url,
}

/// Of what there is metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// An authorization server (RFC 8414).
    Issuer,
    /// What it protects (RFC 9728), which says who it is.
    Resource,
}

/// `auth.<name>` of consents and token calls, once the provider is found, by the names of its metadata. None is secret. The last
/// one is how the client shows itself, of the ways that both know.
pub const FOUND: &[&str] = &[
    "issuer",
    "resource",
    "authorization_endpoint",
    "token_endpoint",
    "registration_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "userinfo_endpoint",
    "token_endpoint_auth_method",
];

/// What a registration answers (RFC 7591 §3.2.1, RFC 7592 §3).
pub const REGISTERED: &[&str] = &[
    "client_id",
    "client_secret",
    "client_secret_expires_at",
    "token_endpoint_auth_method",
    "registration_access_token",
    "registration_client_uri",
];

impl Introduction {
    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.discovery.is_none() && self.registration.is_none()
    }

    /// Those of [`FOUND`] that are there.
    pub fn found(&self) -> &'static [&'static str] {
        match (&self.discovery, &self.registration) {
            (Some(_), _) => FOUND,
            (None, Some(_)) => &FOUND[FOUND.len() - 1..],
            (None, None) => &[],
        }
    }

    /// The texts of the address at which discovery begins.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &Text> {
        self.discovery.iter().flat_map(|it| it.url.texts())
    }
}
