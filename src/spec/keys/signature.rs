//! The keys of the schemes that sign a whole request by a published recipe.

use super::{
    auth::{AUTHORIZE_URL, CALLBACK, CAPTURE, EXPIRED, PARAMS, UNENCODED},
    http::URL,
};
use crate::yaml::{Key, Section, Type};

/// `client_certificate`
pub static CLIENT_CERTIFICATE: Section = Section {
    name: "client_certificate",
    doc: "Mutual TLS: the certificate that is shown to the provider whenever a connection is opened, and its key.",
    keys: &[
        Key::new("certificate", Type::Template, "In PEM; others that lead to a known authority may follow it.")
            .required()
            .example("\"{{ auth.certificate }}\""),
        Key::new("key", Type::Template, "In PEM, without a pass phrase.")
            .required()
            .example("\"{{ auth.private_key }}\"")
            .mistaken(&["private_key"]),
    ],
    near: &[],
};

/// `client_assertion`
pub static CLIENT_ASSERTION: Section = Section {
    name: "client_assertion",
    doc: "The JSON Web Token by which a client shows who it is (RFC 7523).",
    keys: &[
        Key::new("key", Type::Template, "A private key in PEM; the client's secret for `client_secret_jwt`.")
            .example("\"{{ auth.private_key }}\""),
        Key::new("algorithm", Type::Word(ALGORITHMS), "How it is signed.").default("RS256"),
        Key::new("key_id", Type::Template, "Which key it is: `kid` of the header."),
        Key::new(
            "claims",
            Type::Mapping(&Type::Value),
            "Added to `iss`, `sub`, `aud`, `jti`, `iat` and `exp`, or in the place of one; null leaves it out.",
        )
        .example("{aud: https://example.com}"),
        Key::new("header", Type::Mapping(&Type::Value), "Added to the header.")
            .example("{x5t: \"{{ auth.certificate | fingerprint('sha1', 'base64url') }}\"}"),
    ],
    near: &[],
};

const ALGORITHMS: &[&str] = &[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
];

const METHODS: &[&str] = &["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA256", "PLAINTEXT"];

/// `sigv4`
pub(super) static SIGV4: [Key; 6] = [
    Key::new("access_key", Type::Template, "The id of the key.").required().example("\"{{ auth.access_key }}\""),
    Key::new("secret_key", Type::Template, "The key itself.").required().example("\"{{ auth.secret_key }}\""),
    Key::new("session_token", Type::Template, "Of temporary credentials; may be empty."),
    Key::new("region", Type::Template, "Where the service is.").required().example("\"{{ connection.region }}\""),
    Key::new("service", Type::Template, "Which service it is.").required().example("execute-api"),
    Key::new(
        "storage",
        Type::Bool,
        "As object stores have it: the path is encoded once, and the body's hash is sent along.",
    )
    .default("false"),
];

/// `oauth1`
pub(super) static OAUTH1: [Key; 16] = [
    Key::new("signature", Type::Word(METHODS), "How requests are signed.").default("HMAC-SHA1"),
    Key::new("client_key", Type::Template, "`oauth_consumer_key`; with a consent it is that of our app.")
        .example("\"{{ auth.consumer_key }}\"")
        .mistaken(&["consumer_key"]),
    Key::new("client_secret", Type::Template, "The secret that belongs to it.").mistaken(&["consumer_secret"]),
    Key::new("private_key", Type::Template, "In PEM, in the place of the secrets, for RSA."),
    Key::new("token", Type::Template, "`oauth_token`, where the builder fills it in.")
        .example("\"{{ auth.token_id }}\""),
    Key::new("token_secret", Type::Template, "The secret that belongs to it."),
    Key::new("realm", Type::Template, "Which part of the provider it is; it is not signed."),
    Key::new("body_hash", Type::Bool, "Signs the hash of bodies that are no forms, as `oauth_body_hash`.")
        .default("false"),
    Key::new("request_token_url", URL, "Where the consent begins, if there is one (RFC 5849 §2.1)."),
    Key::new("access_token_url", URL, "Where what the consent gave is exchanged (RFC 5849 §2.3)."),
    AUTHORIZE_URL,
    PARAMS,
    UNENCODED,
    CALLBACK,
    CAPTURE,
    EXPIRED,
];
