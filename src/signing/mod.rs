//! Digests, signatures, JWTs and certificates: pure functions of what they are given. Keys come as people paste them.
//!
//! | module | does |
//! | --- | --- |
//! | `hash` | digests and HMACs |
//! | `pem` | text → the sections of a PEM file |
//! | `private_key` | reads a private key, and signs with it |
//! | `jwt` | makes a JSON Web Token, and reads one |
//! | `certificate` | fingerprints |
//!
//! No error holds anything of a key.

mod certificate;
mod hash;
mod jwt;
mod pem;
mod private_key;

pub use certificate::{fingerprint, is_certificate};
pub use hash::Hash;
pub(crate) use hash::hex;
pub use jwt::{Algorithm, claims, jwt};
pub use pem::{pem, sections};
pub(crate) use private_key::as_der;
pub use private_key::{KeyError, PrivateKey};

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
