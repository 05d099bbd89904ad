//! The one outbound client: guarded addresses, declared hosts, redirects by hand, bounded answers.

mod client;
mod guard;
mod identities;
mod overrides;
mod redirect;

#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod tests;

pub use client::{ClientConfig, ClientError, HttpClient};
pub use guard::{Blocked, check_literal, is_public};
pub use overrides::{EndpointOverrides, OverrideError};
