use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value as Json};

use super::{Hash, KeyError, PrivateKey, PublicKey};

/// How a JSON Web Token is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC, with a secret that both know.
    Hs256,
    /// HMAC
    Hs384,
    /// HMAC
    Hs512,
    /// RSASSA-PKCS1-v1_5
    Rs256,
    /// RSASSA-PKCS1-v1_5
    Rs384,
    /// RSASSA-PKCS1-v1_5
    Rs512,
    /// RSASSA-PSS
    Ps256,
    /// RSASSA-PSS
    Ps384,
    /// RSASSA-PSS
    Ps512,
    /// ECDSA on P-256
    Es256,
    /// ECDSA on P-384
    Es384,
    /// ECDSA on P-521
    Es512,
    /// Ed25519
    EdDsa,
}

impl Algorithm {
    const ALL: [(&'static str, Self); 13] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("ES512", Self::Es512),
        ("EdDSA", Self::EdDsa),
        ("HS256", Self::Hs256),
        ("HS384", Self::Hs384),
        ("HS512", Self::Hs512),
    ];

    /// The algorithm of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, it)| *it)
    }

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(name, _)| name)
    }

    /// Its hash, if it is an HMAC.
    pub fn hmac(self) -> Option<Hash> {
        Some(match self {
            Self::Hs256 => Hash::Sha256,
            Self::Hs384 => Hash::Sha384,
            Self::Hs512 => Hash::Sha512,
            _ => return None,
        })
    }
}

/// A JSON Web Token (RFC 7519) in its compact form. `header` is added to `alg` and `typ`, or replaces `typ`. `key` is a private
/// key in PEM, or the secret of an HMAC.
///
/// # Errors
/// If the key can't be used.
pub fn jwt(claims: &Json, header: &Map<String, Json>, algorithm: Algorithm, key: &[u8]) -> Result<String, KeyError> {
    let mut whole = Map::new();
    whole.insert("alg".to_owned(), algorithm.word().into());
    whole.insert("typ".to_owned(), "JWT".into());
    whole.extend(header.iter().filter(|(name, _)| *name != "alg").map(|(name, value)| (name.clone(), value.clone())));
    let part = |json: &dyn ToString| URL_SAFE_NO_PAD.encode(json.to_string());
    let signed = format!("{}.{}", part(&Json::Object(whole)), part(claims));
    let signature = match algorithm.hmac() {
        Some(_) if key.is_empty() => return Err(KeyError::Empty),
        Some(hash) => hash.hmac(key, signed.as_bytes()).unwrap_or_default(),
        None => {
            let pem = std::str::from_utf8(key).map_err(|_| KeyError::NotAKey)?;
            PrivateKey::read(pem)?.sign(algorithm, signed.as_bytes())?
        }
    };
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// What a token claims. Its signature is not looked at: only whoever got it from its maker may believe it.
pub fn claims(token: &str) -> Option<Json> {
    let payload = token.split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<Json>(&json).ok().filter(Json::is_object)
}

/// A longer token is not looked at: it comes from whoever likes to send one.
const LONGEST: usize = 16 << 10;

/// A JSON Web Token that somebody brings, taken apart. Nothing of it is to be believed before its signature is checked.
#[derive(Debug)]
pub struct Token<'t> {
    header: Json,
    claims: Json,
    signed: &'t str,
    signature: Vec<u8>,
}

impl<'t> Token<'t> {
    /// The parts of a token in its compact form; nothing if it is none, or if its header asks for what is not known here
    /// (`crit`, RFC 7515 §4.1.11).
    pub fn read(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST)?;
        let (header, claims) = signed.split_once('.')?;
        let part = |it: &str| {
            let json = URL_SAFE_NO_PAD.decode(it).ok()?;
            serde_json::from_slice::<Json>(&json).ok().filter(Json::is_object)
        };
        let (header, claims) = (part(header)?, part(claims)?);
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        header.get("crit").is_none().then_some(Self { header, claims, signed, signature })
    }

    /// Whether it says that it is signed by that algorithm. Which one it has to be is never for the token to say.
    pub fn is_by(&self, algorithm: Algorithm) -> bool {
        self.header["alg"] == algorithm.word()
    }

    /// `kid`: which key has signed it.
    pub fn key_id(&self) -> Option<&str> {
        self.header["kid"].as_str()
    }

    /// What it claims.
    pub fn claims(&self) -> &Json {
        &self.claims
    }

    /// Whether the owner of `key`, which is one for `algorithm`, has signed it.
    pub fn is_signed_by(&self, key: &PublicKey, algorithm: Algorithm) -> bool {
        self.is_by(algorithm) && key.has_signed(self.signed.as_bytes(), &self.signature)
    }
}
