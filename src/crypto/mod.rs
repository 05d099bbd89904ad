//! Sealed credentials and hashed tokens. Nothing outside this module sees a key.

pub mod api_key;
mod hash;
mod keyring;
pub mod org_token;

pub use hash::{Digest, fingerprint, is_same, random_token};
pub use keyring::{Context, KeyRing, KeyRingError, OpenError, Purpose, Sealed};
