use aws_lc_rs::{digest, hmac};
use md5::{Digest as _, Md5};

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// For providers that ask for it; it proves nothing any more.
    Md5,
    /// As MD5, but in HMACs, where it still holds.
    Sha1,
    /// SHA-2
    Sha256,
    /// SHA-2
    Sha384,
    /// SHA-2
    Sha512,
}

impl Hash {
    const ALL: &[(&'static str, Self)] = &[
        ("sha256", Self::Sha256),
        ("sha384", Self::Sha384),
        ("sha512", Self::Sha512),
        ("sha1", Self::Sha1),
        ("md5", Self::Md5),
    ];

    /// The hash that connectors call so.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, hash)| *hash)
    }

    /// The hash of `bytes`.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Md5 => return Md5::digest(bytes).to_vec(),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    /// The HMAC (RFC 2104) of `bytes`; nothing for MD5, which nobody asks for.
    pub fn hmac(self, key: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
        let algorithm = match self {
            Self::Md5 => return None,
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        Some(hmac::sign(&hmac::Key::new(algorithm, key), bytes).as_ref().to_vec())
    }
}

/// The bytes that hexadecimal means, in letters of either size.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |it: u8| char::from(it).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect())?
}

/// Bytes in hexadecimal, small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
