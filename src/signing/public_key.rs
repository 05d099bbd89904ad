use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Algorithm, from_hex, pem::sections};

/// More keys in one text are not looked at: while one takes the other's place there are two.
const MOST: usize = 5;

/// Public keys that signatures of one algorithm are checked with: the one, or those that are good while one takes the
/// other's place.
#[derive(Debug)]
pub struct PublicKey(Vec<ParsedPublicKey>);

/// Why a text is no public key, or not the one that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// Something else altogether.
    #[error("is not a public key in PEM, which begins with `-----BEGIN PUBLIC KEY-----`")]
    NotAKey,
    /// The other half of the pair.
    #[error("is a private key, which is only whose who signs; the public one is needed")]
    Private,
    /// What the key is in.
    #[error("is a certificate, and the public key in it is needed: `openssl x509 -pubkey -noout` shows it")]
    Certificate,
    /// Another kind, another curve, too short, damaged.
    #[error("is not a public key for `{algorithm}`, which needs {}", needed(.algorithm))]
    Unfit {
        /// Such as `RS256`.
        algorithm: &'static str,
    },
}

impl PublicKey {
    /// The public keys in `text`: PEM, the bare base64 of it, or, of Ed25519, its 32 bytes in hexadecimal or base64.
    ///
    /// # Errors
    /// If there is none, or one that is not for that algorithm.
    pub fn read(text: &str, algorithm: Algorithm) -> Result<Self, PublicKeyError> {
        let found = sections(text);
        if found.is_empty() {
            let bytes = bare(text).ok_or(PublicKeyError::NotAKey)?;
            return Self::from_bytes(&bytes, algorithm).ok_or(PublicKeyError::NotAKey);
        }
        let is = |label: &str| found.iter().any(|it| it.label.ends_with(label));
        if is("PRIVATE KEY") {
            return Err(PublicKeyError::Private);
        }
        let mut keys = Vec::new();
        for section in found.iter().filter(|it| it.label.ends_with("PUBLIC KEY")).take(MOST) {
            let der = section.der.as_ref().ok_or(PublicKeyError::NotAKey)?;
            keys.extend(
                Self::from_bytes(der, algorithm).ok_or(PublicKeyError::Unfit { algorithm: algorithm.word() })?.0,
            );
        }
        match keys.is_empty() {
            false => Ok(Self(keys)),
            true if is("CERTIFICATE") => Err(PublicKeyError::Certificate),
            true => Err(PublicKeyError::NotAKey),
        }
    }

    /// A key as `SubjectPublicKeyInfo` (RFC 5280), as PKCS #1, as the point of a curve, or as the bytes of Ed25519.
    pub(super) fn from_bytes(bytes: &[u8], algorithm: Algorithm) -> Option<Self> {
        let forms = forms(algorithm).into_iter().map(|it| ParsedPublicKey::new(it, bytes));
        let keys: Vec<_> = forms.collect::<Result<_, _>>().ok()?;
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Whether the signature is one of `message`, by one of the keys.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.0.iter().any(|it| it.verify_sig(message, signature).is_ok())
    }
}

/// Whether `text` holds a public key that some algorithm checks with.
pub fn is_public_key(text: &str) -> bool {
    let kinds = [Algorithm::Rs256, Algorithm::Es256, Algorithm::Es384, Algorithm::Es512, Algorithm::EdDsa];
    kinds.into_iter().any(|it| PublicKey::read(text, it).is_ok())
}

/// How a signature may be written. Those of curves come as two numbers one after the other, or in DER.
fn forms(algorithm: Algorithm) -> Vec<&'static dyn VerificationAlgorithm> {
    match algorithm {
        Algorithm::Rs256 => vec![&signature::RSA_PKCS1_2048_8192_SHA256],
        Algorithm::Rs384 => vec![&signature::RSA_PKCS1_2048_8192_SHA384],
        Algorithm::Rs512 => vec![&signature::RSA_PKCS1_2048_8192_SHA512],
        Algorithm::Ps256 => vec![&signature::RSA_PSS_2048_8192_SHA256],
        Algorithm::Ps384 => vec![&signature::RSA_PSS_2048_8192_SHA384],
        Algorithm::Ps512 => vec![&signature::RSA_PSS_2048_8192_SHA512],
        Algorithm::Es256 => vec![&signature::ECDSA_P256_SHA256_FIXED, &signature::ECDSA_P256_SHA256_ASN1],
        Algorithm::Es384 => vec![&signature::ECDSA_P384_SHA384_FIXED, &signature::ECDSA_P384_SHA384_ASN1],
        Algorithm::Es512 => vec![&signature::ECDSA_P521_SHA512_FIXED, &signature::ECDSA_P521_SHA512_ASN1],
        Algorithm::EdDsa => vec![&signature::ED25519],
        // whoever can check these can make them
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => Vec::new(),
    }
}

fn needed(algorithm: &str) -> &'static str {
    match algorithm {
        "ES256" => "a key on the curve P-256",
        "ES384" => "a key on the curve P-384",
        "ES512" => "a key on the curve P-521",
        "EdDSA" => "an Ed25519 key",
        _ => "an RSA key, from 2048 bits",
    }
}

/// Bytes without PEM around them.
fn bare(text: &str) -> Option<Vec<u8>> {
    let text: String = text.split_whitespace().collect();
    let hex = Some(&text).filter(|it| it.len() == 64).and_then(|it| from_hex(it));
    hex.or_else(|| STANDARD.decode(text).ok().filter(|it| !it.is_empty()))
}
