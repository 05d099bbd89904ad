//! Keys for tests.

use super::{Algorithm, jwt, pem};
use crate::format::body::from_base64;
use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::{
        self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey,
        VerificationAlgorithm,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

/// Of nobody; its key is gone.
pub(crate) const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBkjCCATegAwIBAgIUR40jExfi9fketeawR/nff5amWc4wCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSY2xpZW50LmV4YW1wbGUuY29tMCAXDTI2MTEyNjA4MTkwOFoY
DzIxMjYxMTAyMDgxOTA4WjAdMRswGQYDVQQDDBJjbGllbnQuZXhhbXBsZS5jb20w
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT2uxD4UYCsBzUmqxaDSKjyvEqisF/I
ZRvj+FyUnlCvqD1tddLPbnySLy6MReSQ59RYAhlPX8CmtAn7wrQHso1bo1MwUTAd
BgNVHQ4EFgQU7TE4C/6IPnznGrVCtJodjrf/fH0wHwYDVR0jBBgwFoAU7TE4C/6I
PnznGrVCtJodjrf/fH0wDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBG
AiEAgnAVq7nx3yekKILZJ8RbA6fkXzXmodnTi1ibWUdpzmQCIQDSeiNP8LiSrhqF
kskoxhTl0r+LhZEUH/0OAqz03591cg==
-----END CERTIFICATE-----
";

/// What `openssl x509 -fingerprint` says of it.
pub(crate) const CERTIFICATE_SHA1: &str = "ea359d4d25ed9a52665e5e6c8c7b9ec2bd0c7657";

/// A key made for this test.
pub(crate) struct Pair {
    pub(crate) pem: String,
    /// The other half, in PEM.
    pub(crate) public_pem: String,
    pub(crate) public: Vec<u8>,
}

impl Pair {
    /// A signature in base64 of either alphabet must be right.
    #[track_caller]
    pub(crate) fn verify(&self, algorithm: &str, message: &[u8], signature: &str) {
        let algorithm: &'static dyn VerificationAlgorithm = match algorithm {
            "RS256" => &signature::RSA_PKCS1_2048_8192_SHA256,
            "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
            "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
            "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
            "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
            "ES256" => &signature::ECDSA_P256_SHA256_FIXED,
            "ES256 DER" => &signature::ECDSA_P256_SHA256_ASN1,
            "EdDSA" => &signature::ED25519,
            other => panic!("no {other} here"),
        };
        let signature = from_base64(signature).unwrap();
        UnparsedPublicKey::new(algorithm, &self.public).verify(message, &signature).unwrap();
    }

    /// As its owner publishes it.
    pub(crate) fn jwk(&self, id: &str) -> Json {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let public = &self.public;
        let mut key = match public.len() {
            32 => json!({"kty": "OKP", "crv": "Ed25519", "x": text(public)}),
            65 => json!({"kty": "EC", "crv": "P-256", "x": text(&public[1..33]), "y": text(&public[33..])}),
            // PKCS #1, for this size
            _ => json!({"kty": "RSA", "n": text(&public[9..265]), "e": "AQAB"}),
        };
        key["kid"] = id.into();
        key
    }

    /// A token, signed.
    pub(crate) fn token(&self, algorithm: Algorithm, id: Option<&str>, claims: &Json) -> String {
        let header = id.map(|it| ("kid".to_owned(), it.into())).into_iter().collect();
        jwt(claims, &header, algorithm, self.pem.as_bytes()).unwrap()
    }
}

fn pair(private: &[u8], public: &[u8], whole: &PublicKeyX509Der<'_>) -> Pair {
    let (pem, public_pem) = (pem("PRIVATE KEY", private), pem("PUBLIC KEY", whole.as_ref()));
    Pair { pem, public_pem, public: public.to_vec() }
}

/// 2048 bits
pub(crate) fn rsa() -> Pair {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = key.as_der().unwrap();
    pair(der.as_ref(), key.public_key().as_ref(), &key.public_key().as_der().unwrap())
}

/// The curve of ES256.
pub(crate) fn p256() -> Pair {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    pair(key.to_pkcs8v1().unwrap().as_ref(), key.public_key().as_ref(), &key.public_key().as_der().unwrap())
}

/// RFC 8032
pub(crate) fn ed25519() -> Pair {
    let key = Ed25519KeyPair::generate().unwrap();
    pair(key.to_pkcs8v1().unwrap().as_ref(), key.public_key().as_ref(), &key.public_key().as_der().unwrap())
}
