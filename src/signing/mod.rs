//! Digests, signatures, JWTs and certificates: pure functions of what they are given. Keys come as people paste them.
//!
//! | module | does |
//! | --- | --- |
//! | `hash` | digests and HMACs |
//! | `pem` | text → the sections of a PEM file |
//! | `private_key` | reads a private key, and signs with it |
//! | `public_key` | reads public keys, and checks signatures with them |
//! | `key_set` | the same with keys as their owner publishes them |
//! | `jwt` | makes a JSON Web Token, and reads one |
//! | `certificate` | fingerprints |
//!
//! No error holds anything of a key.

mod certificate;
mod hash;
mod jwt;
mod key_set;
mod pem;
mod private_key;
mod public_key;

pub use certificate::{fingerprint, is_certificate};
pub(crate) use hash::hex;
pub use hash::{Hash, from_hex};
pub use jwt::{Algorithm, Token, claims, jwt};
pub use key_set::{KeySet, Verdict};
pub use pem::{pem, sections};
pub(crate) use private_key::as_der;
pub use private_key::{KeyError, PrivateKey};
pub use public_key::{PublicKey, PublicKeyError, is_public_key};

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
