//! Seals credentials for the store.
//!
//! AES-256-GCM (NIST SP 800-38D) with a key per org, derived by HKDF-SHA256 (RFC 5869) from a key of the ring, and a
//! random 96-bit nonce. Org, connection and purpose are authenticated: what was sealed for one place opens nowhere else.
//!
//! ```text
//! version 1 │ length of key id │ key id │ nonce (12) │ ciphertext │ tag (16)
//! ```

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce},
    hkdf::{HKDF_SHA256, Salt},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::base::{ConnectionId, OrgId, Random, Secret};

const VERSION: u8 = 1;
const KEY_LEN: usize = 32;
const TAG_LEN: usize = 16;

/// The keys of this installation. The first one seals, any of them opens.
pub struct KeyRing {
    keys: Vec<Key>,
}

struct Key {
    id: String,
    bytes: Zeroizing<[u8; KEY_LEN]>,
}

/// What a sealed value belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// Whose.
    pub org: OrgId,
    /// Of which connection.
    pub connection: ConnectionId,
    /// Of what kind.
    pub purpose: Purpose,
}

/// What is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A connection's fields and tokens.
    Credential,
    /// What waits for the provider's redirect: a PKCE verifier and the fields filled in.
    Authorization,
    /// What an execution needs to go on while it is parked.
    Parked,
    /// What a provider sent.
    Delivery,
    /// What deliveries of a subscription are recognised by.
    Subscription,
    /// A token that was got by exchange, for other replicas.
    Exchanged,
    /// A client that registered itself at a provider.
    Client,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::Credential => "credential",
            Purpose::Authorization => "authorization",
            Purpose::Parked => "parked",
            Purpose::Delivery => "delivery",
            Purpose::Subscription => "subscription",
            Purpose::Exchanged => "exchanged",
            Purpose::Client => "client",
        }
    }
}

/// Sealed bytes, safe to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// As they were stored.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// To be stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Key id, nonce, and the rest.
    fn parts(&self) -> Option<(&[u8], &[u8; NONCE_LEN], &[u8])> {
        let rest = self.0.strip_prefix(&[VERSION])?;
        let (length, rest) = rest.split_first()?;
        let (id, rest) = rest.split_at_checked(usize::from(*length))?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        Some((id, nonce, rest))
    }
}

/// Why a key ring can't be read. Tells the entry by its number, never its text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// No entry at all.
    #[error(
        "the key ring is empty: it needs at least one `id:base64-of-32-bytes`; `closeloop keys encryption` makes one"
    )]
    Empty,
    /// Not `id:base64`.
    #[error("key {0} of the key ring is not `id:base64-of-32-bytes`")]
    Entry(usize),
    /// Another id than the rules allow.
    #[error("the id of key {0} must have 1 to 32 letters, digits, `-` or `_`")]
    Id(usize),
    /// Two keys of one id.
    #[error("the id of key {0} was used before")]
    Twice(usize),
}

/// Why sealed bytes don't open.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The key that sealed it is not in the ring.
    #[error("it was sealed with the key `{0}`, which is not in the key ring")]
    UnknownKey(String),
    /// Altered, cut, or sealed for another org, connection or purpose.
    #[error("it was altered, or sealed for something else")]
    Refused,
}

impl KeyRing {
    /// Reads `id:base64` entries, apart by commas, spaces or line ends; the first one seals.
    pub fn parse(text: &Secret) -> Result<Self, KeyRingError> {
        let mut keys: Vec<Key> = Vec::new();
        let entries = text.expose().split(|c: char| c == ',' || c.is_whitespace()).filter(|it| !it.is_empty());
        for (number, entry) in (1..).zip(entries) {
            let (id, encoded) = entry.split_once(':').ok_or(KeyRingError::Entry(number))?;
            if !is_key_id(id) {
                return Err(KeyRingError::Id(number));
            }
            if keys.iter().any(|key| key.id == id) {
                return Err(KeyRingError::Twice(number));
            }
            let decoded = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| KeyRingError::Entry(number))?);
            let bytes = <[u8; KEY_LEN]>::try_from(decoded.as_slice()).map_err(|_| KeyRingError::Entry(number))?;
            keys.push(Key { id: id.to_owned(), bytes: Zeroizing::new(bytes) });
        }
        if keys.is_empty() { Err(KeyRingError::Empty) } else { Ok(Self { keys }) }
    }

    /// The text of a ring with one new key of that id, as [`KeyRing::parse`] reads it.
    pub fn generate(id: &str, random: &dyn Random) -> Secret {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        random.fill(bytes.as_mut());
        Secret::new(format!("{id}:{}", STANDARD.encode(bytes.as_ref())))
    }

    /// Seals with the first key.
    pub fn seal(&self, context: &Context, plain: &[u8], random: &dyn Random) -> Sealed {
        let key = &self.keys[0];
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut out = Vec::with_capacity(2 + key.id.len() + NONCE_LEN + plain.len() + TAG_LEN);
        out.push(VERSION);
        out.push(u8::try_from(key.id.len()).expect("a key id has at most 32 characters"));
        out.extend_from_slice(key.id.as_bytes());
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let tag = key
            .of_org(context.org)
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), key.associated(context), &mut out[start..])
            .expect("only a plaintext of more than 64 GiB is refused");
        out.extend_from_slice(tag.as_ref());
        Sealed(out)
    }

    /// Opens what was sealed in the same context with any key of the ring.
    pub fn open(&self, context: &Context, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (id, nonce, ciphertext) = sealed.parts().ok_or(OpenError::Refused)?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id.as_bytes() == id)
            .ok_or_else(|| OpenError::UnknownKey(String::from_utf8_lossy(id).into_owned()))?;
        let mut bytes = Zeroizing::new(ciphertext.to_vec());
        let length = key
            .of_org(context.org)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), key.associated(context), &mut bytes)
            .map_err(|_| OpenError::Refused)?
            .len();
        bytes.truncate(length);
        Ok(bytes)
    }

    /// Whether it was sealed with the key that seals now; if not, seal it again.
    pub fn is_current(&self, sealed: &Sealed) -> bool {
        sealed.parts().is_some_and(|(id, ..)| id == self.keys[0].id.as_bytes())
    }
}

impl Key {
    /// The org's own key: what leaks of one opens nothing of another.
    fn of_org(&self, org: OrgId) -> LessSafeKey {
        let org = org.to_string();
        let info = [b"closeloop seal v1 ".as_slice(), org.as_bytes()];
        let extracted = Salt::new(HKDF_SHA256, &[]).extract(self.bytes.as_ref());
        let expanded = extracted.expand(&info, &AES_256_GCM);
        LessSafeKey::new(expanded.expect("32 bytes are far less than HKDF's limit of 255 blocks").into())
    }

    /// What is authenticated beside the text. No part can hold a space, so the parts can't be shifted.
    fn associated(&self, context: &Context) -> Aad<String> {
        let Context { org, connection, purpose } = context;
        Aad::from(format!("v{VERSION} {} {org} {connection} {}", self.id, purpose.as_str()))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

fn is_key_id(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
}

#[cfg(test)]
#[path = "keyring_tests.rs"]
mod tests;
