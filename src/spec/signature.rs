//! What proves who sends a request beside a credential in it: signatures by published recipes, and certificates.

use std::sync::Arc;

use crate::{
    expr::{Expr, Shape, Text},
    signing::{Algorithm, Hash},
};

/// AWS Signature Version 4.
#[derive(Debug)]
pub struct SigV4 {
    /// The id of the key.
    pub access_key: Text,
    /// The key itself.
    pub secret_key: Text,
    /// Of temporary credentials.
    pub session_token: Option<Text>,
    /// Such as `us-east-1`.
    pub region: Text,
    /// Such as `execute-api`.
    pub service: Text,
    /// As object stores have it: the path is encoded once, and the body's hash is sent along.
    pub storage: bool,
}

/// OAuth 1.0 (RFC 5849).
#[derive(Debug, Clone)]
pub struct OAuth1 {
    /// How it is signed.
    pub method: OAuth1Method,
    /// `oauth_consumer_key`
    pub client_key: Text,
    /// The secret that belongs to it.
    pub client_secret: Option<Text>,
    /// In the place of the secrets, for RSA.
    pub private_key: Option<Text>,
    /// `oauth_token`; without a value there is none.
    pub token: Option<Text>,
    /// The secret that belongs to it.
    pub token_secret: Option<Text>,
    /// `realm`, which is not signed.
    pub realm: Option<Text>,
    /// Whether the hash of a body that is no form is signed as `oauth_body_hash`.
    pub body_hash: bool,
    /// Further parameters of the protocol, such as `oauth_verifier`; those without a value are left out.
    pub params: Vec<(&'static str, Text)>,
}

/// `oauth_signature_method`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuth1Method {
    /// RFC 5849 §3.4.2
    HmacSha1,
    /// The same with another hash.
    HmacSha256,
    /// The same with another hash.
    HmacSha512,
    /// RFC 5849 §3.4.3 with a hash that still holds.
    RsaSha256,
    /// RFC 5849 §3.4.4
    Plaintext,
}

impl OAuth1Method {
    const ALL: [(&'static str, Self); 5] = [
        ("HMAC-SHA1", Self::HmacSha1),
        ("HMAC-SHA256", Self::HmacSha256),
        ("HMAC-SHA512", Self::HmacSha512),
        ("RSA-SHA256", Self::RsaSha256),
        ("PLAINTEXT", Self::Plaintext),
    ];

    /// The method of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, it)| *it)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }

    /// Its hash, also of the body.
    pub fn hash(self) -> Hash {
        match self {
            Self::HmacSha1 | Self::Plaintext => Hash::Sha1,
            Self::HmacSha256 | Self::RsaSha256 => Hash::Sha256,
            Self::HmacSha512 => Hash::Sha512,
        }
    }
}

/// A JSON Web Token by which a client shows who it is (RFC 7523 §2.2).
#[derive(Debug)]
pub struct Assertion {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// A private key in PEM, or a shared secret.
    pub key: Text,
    /// Claim → value; without a value it is left out.
    pub claims: Vec<(String, Shape)>,
    /// What stands in the header beside `alg` and `typ`.
    pub header: Vec<(String, Shape)>,
}

impl Assertion {
    /// Calls `visit` with each of its expressions.
    pub(crate) fn for_each_expr<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Expr>)) {
        self.key.for_each_expr(visit);
        self.claims.iter().chain(&self.header).for_each(|(_, it)| it.for_each_expr(visit));
    }
}

/// Mutual TLS: a certificate and its key, both in PEM.
#[derive(Debug)]
pub struct ClientCertificate {
    /// Others that lead to a known authority may follow it.
    pub certificate: Text,
    /// Without a pass phrase.
    pub key: Text,
}

impl ClientCertificate {
    /// Both templates.
    pub fn texts(&self) -> [&Text; 2] {
        [&self.certificate, &self.key]
    }
}

impl SigV4 {
    /// All of its templates.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        [&self.access_key, &self.secret_key, &self.region, &self.service].into_iter().chain(&self.session_token)
    }
}

impl OAuth1 {
    /// All of its templates.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let optional = [&self.client_secret, &self.private_key, &self.token, &self.token_secret, &self.realm];
        let params = self.params.iter().map(|(_, it)| it);
        [&self.client_key].into_iter().chain(optional.into_iter().flatten()).chain(params)
    }
}
