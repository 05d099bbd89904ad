use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding,
    },
};
use zeroize::Zeroizing;

use super::{
    Algorithm,
    pem::{decoded, sections},
};

/// A private key, ready to sign.
pub enum PrivateKey {
    /// PKCS #1 or PKCS #8
    Rsa(Box<RsaKeyPair>),
    /// SEC 1 or PKCS #8, on the curve of that algorithm.
    Ec(Algorithm, Box<EcdsaKeyPair>),
    /// PKCS #8
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why a text is no key, or not the one that is needed. No sentence holds anything of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Something else altogether.
    #[error("is not a private key in PEM, which begins with `-----BEGIN PRIVATE KEY-----`")]
    NotAKey,
    /// By a pass phrase.
    #[error("is a private key that is locked by a pass phrase: give it without one")]
    Locked,
    /// The other half of the pair.
    #[error("is a public key, and the private one is needed")]
    Public,
    /// What the key belongs to.
    #[error("is a certificate, and the private key that belongs to it is needed")]
    Certificate,
    /// Another curve, a key too short, damaged.
    #[error("is not a private key that can be used here: RSA from 2048 bits, P-256, P-384, P-521 and Ed25519 can")]
    Unusable,
    /// RSA signs by other algorithms than curves do.
    #[error("is {kind}, which can't sign by `{algorithm}`")]
    Unfit {
        /// Such as `an RSA key`.
        kind: &'static str,
        /// Such as `ES256`.
        algorithm: &'static str,
    },
    /// An HMAC with it proves nothing.
    #[error("is empty")]
    Empty,
}

const CURVES: [(Algorithm, &EcdsaSigningAlgorithm); 3] = [
    (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED_SIGNING),
    (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED_SIGNING),
    (Algorithm::Es512, &ECDSA_P521_SHA512_FIXED_SIGNING),
];

impl PrivateKey {
    /// The first private key in `text`: PEM, or the bare base64 of PKCS #8 or PKCS #1.
    ///
    /// # Errors
    /// If there is none that can be used.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let found = sections(text);
        if found.is_empty() {
            let der = if text.contains("-----") { None } else { decoded(text) };
            return der.and_then(|it| Self::from_der(&it)).ok_or(KeyError::NotAKey);
        }
        if let Some(section) = found.iter().find(|it| it.label.ends_with("PRIVATE KEY")) {
            return match &section.der {
                _ if section.label.starts_with("ENCRYPTED") => Err(KeyError::Locked),
                None => Err(KeyError::Locked),
                Some(der) => Self::from_der(der).ok_or(KeyError::Unusable),
            };
        }
        let is = |label: &str| found.iter().any(|it| it.label.ends_with(label));
        Err(match () {
            () if is("PUBLIC KEY") => KeyError::Public,
            () if is("CERTIFICATE") => KeyError::Certificate,
            () => KeyError::NotAKey,
        })
    }

    fn from_der(der: &[u8]) -> Option<Self> {
        if let Ok(key) = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der)) {
            return Some(Self::Rsa(Box::new(key)));
        }
        for (algorithm, curve) in CURVES {
            let key = EcdsaKeyPair::from_pkcs8(curve, der);
            if let Ok(key) = key.or_else(|_| EcdsaKeyPair::from_private_key_der(curve, der)) {
                return Some(Self::Ec(algorithm, Box::new(key)));
            }
        }
        Ed25519KeyPair::from_pkcs8(der).ok().map(|it| Self::Ed25519(Box::new(it)))
    }

    /// Signs `message`. A signature by a curve is its two numbers one after the other, as JWTs have it (RFC 7518 §3.4).
    ///
    /// # Errors
    /// If the key is not one for that algorithm.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let unfit = |kind| KeyError::Unfit { kind, algorithm: algorithm.word() };
        match self {
            Self::Rsa(key) => {
                let encoding = rsa_encoding(algorithm).ok_or_else(|| unfit("an RSA key"))?;
                let mut signature = vec![0; key.public_modulus_len()];
                let signed = key.sign(encoding, &SystemRandom::new(), message, &mut signature);
                signed.map(|()| signature).map_err(|_| KeyError::Unusable)
            }
            Self::Ec(own, key) if *own == algorithm => {
                let signed = key.sign(&SystemRandom::new(), message);
                signed.map(|it| it.as_ref().to_vec()).map_err(|_| KeyError::Unusable)
            }
            Self::Ec(Algorithm::Es256, _) => Err(unfit("a P-256 key")),
            Self::Ec(Algorithm::Es384, _) => Err(unfit("a P-384 key")),
            Self::Ec(..) => Err(unfit("a P-521 key")),
            Self::Ed25519(key) if algorithm == Algorithm::EdDsa => Ok(key.sign(message).as_ref().to_vec()),
            Self::Ed25519(_) => Err(unfit("an Ed25519 key")),
        }
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &signature::RSA_PSS_SHA256,
        Algorithm::Ps384 => &signature::RSA_PSS_SHA384,
        Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

/// Two numbers one after the other as the `Ecdsa-Sig-Value` of RFC 3279 §2.2.3, which most of what isn't a JWT wants.
pub(crate) fn as_der(signature: &[u8]) -> Vec<u8> {
    let mut numbers = Vec::with_capacity(signature.len() + 8);
    for number in signature.chunks(signature.len().div_ceil(2)) {
        let first = number.iter().position(|it| *it != 0).unwrap_or(number.len().saturating_sub(1));
        let number = &number[first..];
        // a first bit that is set would mean a negative number
        let sign = number.first().is_some_and(|it| *it >= 0x80);
        numbers.extend([2, length(number.len() + usize::from(sign))]);
        numbers.extend(sign.then_some(0));
        numbers.extend(number);
    }
    let mut sequence = vec![0x30];
    if numbers.len() >= 0x80 {
        sequence.push(0x81);
    }
    sequence.push(length(numbers.len()));
    sequence.extend(numbers);
    sequence
}

/// No curve's numbers need more than one byte for it.
fn length(bytes: usize) -> u8 {
    u8::try_from(bytes).unwrap_or(u8::MAX)
}

/// The DER of the first section of that label.
pub(crate) fn der_of(text: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    sections(text).into_iter().find(|it| it.label == label).and_then(|it| it.der)
}
