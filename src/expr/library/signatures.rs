//! Digests, HMACs, signatures and JSON Web Tokens.

use std::borrow::Cow;

use minijinja::Value;
use serde_json::{Map, Value as Json};

use super::{
    Call, Entry, Gives, Kind, Outcome,
    encoding::{ENCODING, encode},
    filter, function, optional, required,
};
use crate::{
    expr::adapter,
    format::body,
    signing::{self, Algorithm, Hash, PrivateKey},
};

const HASH: Kind = Kind::OneOf(&["sha256", "sha384", "sha512", "sha1", "md5"]);
const HMAC_HASH: Kind = Kind::OneOf(&["sha256", "sha384", "sha512", "sha1"]);
/// How text stands for bytes.
const STANDS_FOR: Kind = Kind::OneOf(&["text", "hex", "base64"]);
const BY_KEY_PAIR: Kind =
    Kind::OneOf(&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]);
const BY_ANY_KEY: Kind = Kind::OneOf(&[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
]);

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "claims",
        Kind::Text,
        &[],
        "What a JSON Web Token claims. Its signature is not checked: only in the answer of whoever made it is it to be believed. Undefined for what is no such token.",
        ("'e30.eyJleHAiOjE3OTU1OTgxMDB9.x' | claims", r#"{"exp":1795598100}"#),
        |it| {
            let claims = signing::claims(&it.text()?);
            Ok(claims.map_or(Value::UNDEFINED, |it| adapter::to_value(&it.into())))
        },
    ),
    filter(
        "digest",
        Kind::Text,
        &[required("hash", HASH), optional("encoding", ENCODING), optional("text_is", STANDS_FOR)],
        "The hash of its UTF-8 bytes, or of the bytes that it stands for by `text_is`; in hex unless told otherwise.",
        (
            "'booking:bkg_51' | digest('sha256', 'base32hex')",
            r#""m60gb3fotihaj1apg7f80u4jjb42ll52d6a8tgq5m5f2jr7urv10""#,
        ),
        digest,
    )
    .gives(Gives::Text),
    filter(
        "hmac",
        Kind::Any,
        &[
            required("hash", HMAC_HASH),
            required("key", Kind::Text),
            optional("encoding", ENCODING),
            optional("key_is", STANDS_FOR),
            optional("text_is", STANDS_FOR),
        ],
        "The HMAC (RFC 2104) of its UTF-8 bytes, in hex unless told otherwise. A key that is the result of another one is given by `key_is='hex'`.",
        (
            "'what do ya want for nothing?' | hmac('sha256', 'Jefe')",
            r#""5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843""#,
        ),
        hmac,
    )
    .gives(Gives::Text),
    filter(
        "sign",
        Kind::Any,
        &[
            required("algorithm", BY_KEY_PAIR),
            required("key", Kind::Text),
            optional("encoding", ENCODING),
            optional("der", Kind::Boolean),
            optional("text_is", STANDS_FOR),
        ],
        "A signature of its UTF-8 bytes with a private key in PEM, in base64 unless told otherwise. The algorithms have the names of RFC 7518: `RS…` are RSASSA-PKCS1-v1_5, `PS…` RSASSA-PSS, `ES…` ECDSA (two numbers one after the other, or in DER by `der=true`), `EdDSA` Ed25519.",
        ("'G1|2026-11-22T09:30:00Z' | sign('RS256', auth.private_key)", "…"),
        sign,
    )
    .gives(Gives::Text),
    function(
        "jwt",
        &[
            required("claims", Kind::Mapping),
            required("key", Kind::Text),
            required("algorithm", BY_ANY_KEY),
            optional("header", Kind::Mapping),
            optional("key_is", STANDS_FOR),
        ],
        "A JSON Web Token (RFC 7519): `claims`, signed with a private key in PEM, or with a shared secret (`HS…`). Entries of `header` come beside `alg` and `typ`. Times are seconds: `(now | epoch) + 300`.",
        (
            "jwt({'iss': auth.client_id, 'exp': (now | epoch) + 300}, auth.private_key, 'ES256', header={'kid': auth.key_id})",
            "…",
        ),
        jwt,
    )
    .gives(Gives::Text),
    filter(
        "fingerprint",
        Kind::Any,
        &[optional("hash", HASH), optional("encoding", ENCODING)],
        "The digest of the first certificate in PEM, by SHA-256 in hex unless told otherwise; `fingerprint('sha1', 'base64url')` is the `x5t` of RFC 7515.",
        ("auth.certificate | fingerprint('sha1', 'base64url')", "…"),
        fingerprint,
    )
    .gives(Gives::Text),
];

fn digest(call: &Call) -> Outcome {
    let hash = hash(call, "sha256")?;
    encode(&hash.digest(&input(call)?), &call.text_arg("encoding")?.unwrap_or("hex".into()))
}

fn hmac(call: &Call) -> Outcome {
    let code = hash(call, "sha256")?.hmac(&key(call)?, &input(call)?);
    let code = code.ok_or_else(|| call.about(&format!("`hash` must be {}", HMAC_HASH.words())))?;
    encode(&code, &call.text_arg("encoding")?.unwrap_or("hex".into()))
}

fn sign(call: &Call) -> Outcome {
    let algorithm = algorithm(call, BY_KEY_PAIR)?;
    let unusable = |why: signing::KeyError| call.about(&format!("`key` {why}"));
    let key = PrivateKey::read(&call.text_arg("key")?.unwrap_or_default()).map_err(unusable)?;
    let mut signature = key.sign(algorithm, &input(call)?).map_err(unusable)?;
    if call.boolean_arg("der")?.unwrap_or(false) && matches!(key, PrivateKey::Ec(..)) {
        signature = signing::as_der(&signature);
    }
    encode(&signature, &call.text_arg("encoding")?.unwrap_or("base64".into()))
}

fn jwt(call: &Call) -> Outcome {
    let algorithm = algorithm(call, BY_ANY_KEY)?;
    let claims = Json::Object(mapping(call, "claims")?);
    let token = signing::jwt(&claims, &mapping(call, "header")?, algorithm, &key(call)?);
    Ok(token.map_err(|why| call.about(&format!("`key` {why}")))?.into())
}

fn fingerprint(call: &Call) -> Outcome {
    let digest = signing::fingerprint(&call.text()?, hash(call, "sha256")?);
    let digest = digest.ok_or_else(|| call.about("the text is not a certificate in PEM"))?;
    encode(&digest, &call.text_arg("encoding")?.unwrap_or("hex".into()))
}

fn hash(call: &Call, default: &str) -> Result<Hash, String> {
    let word = call.text_arg("hash")?.unwrap_or(default.into());
    Hash::of(&word).ok_or_else(|| call.about(&format!("`hash` must be {}", HASH.words())))
}

fn algorithm(call: &Call, among: Kind) -> Result<Algorithm, String> {
    let word = call.text_arg("algorithm")?.unwrap_or_default();
    let known = among.check(&Value::from(&*word)).is_ok();
    let algorithm = Algorithm::of(&word).filter(|_| known);
    algorithm.ok_or_else(|| call.about(&format!("`algorithm` must be {}", among.words())))
}

/// The bytes of a key; the argument is there, since it is required.
fn key<'c>(call: &'c Call) -> Result<Cow<'c, [u8]>, String> {
    bytes(call, call.text_arg("key")?.unwrap_or_default(), "key")
}

fn input(call: &Call) -> Result<Cow<'_, [u8]>, String> {
    bytes(call, call.text()?, "text")
}

/// What `text` stands for by the argument `<what>_is`.
fn bytes<'c>(call: &'c Call, text: Cow<'c, str>, what: &str) -> Result<Cow<'c, [u8]>, String> {
    let name = format!("{what}_is");
    let unreadable = || call.about(&format!("the {what} is not what `{name}` says"));
    Ok(match call.text_arg(&name)?.as_deref() {
        None | Some("text") => match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        },
        Some("hex") => Cow::Owned(signing::from_hex(text.trim()).ok_or_else(unreadable)?),
        Some("base64") => Cow::Owned(body::from_base64(&text).ok_or_else(unreadable)?),
        Some(_) => return Err(call.about(&format!("`{name}` must be {}", STANDS_FOR.words()))),
    })
}

/// A mapping; what is undefined in it is left out.
fn mapping(call: &Call, name: &str) -> Result<Map<String, Json>, String> {
    let Some(value) = call.arg(name) else { return Ok(Map::new()) };
    match adapter::to_json(value)? {
        Some(Json::Object(map)) => Ok(map),
        _ => Err(call.about(&format!("`{name}` must be a mapping"))),
    }
}
