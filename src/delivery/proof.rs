//! What shows that a notification is the provider's: something equal, a signature, a token, and that it is new.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::Refused;
use crate::{
    crypto,
    expr::{Scope, Sink, Text},
    format::body::from_base64,
    signing::{Algorithm, KeySet, PublicKey, Token, Verdict, from_hex},
    spec::{Jwt, Keys, Signature, Verification},
};

/// No time in seconds is as large, and none in milliseconds as small.
const MILLISECONDS: i64 = 100_000_000_000;

/// Whether all of `verify` holds. The keys come last: they are asked for only where the rest is right.
pub(super) fn holds(
    verify: &Verification,
    scope: &Scope,
    keys: Option<&KeySet>,
    now: Timestamp,
) -> Result<(), Refused> {
    let tolerance = SignedDuration::try_from(verify.tolerance).unwrap_or(SignedDuration::ZERO);
    if let Some(compared) = &verify.compared {
        let (given, expected) = (text(&compared.given, scope)?, text(&compared.expected, scope)?);
        if given.is_empty() || expected.is_empty() || !crypto::is_same(&given, &expected) {
            return Err(Refused::Different);
        }
    }
    if let Some(signature) = &verify.signature {
        is_signed(signature, scope)?;
    }
    if let Some(timestamp) = &verify.timestamp {
        let written = timestamp.eval(scope).ok().flatten().as_ref().and_then(instant).ok_or(Refused::Stale)?;
        if now.duration_since(written).abs() > tolerance {
            return Err(Refused::Stale);
        }
    }
    match &verify.jwt {
        Some(jwt) => is_token(jwt, scope, keys, now, tolerance),
        None => Ok(()),
    }
}

/// The two texts that are compared: what is given, and what is expected.
pub(super) fn compared(verify: &Verification, scope: &Scope) -> Option<[String; 2]> {
    let compared = verify.compared.as_ref()?;
    Some([text(&compared.given, scope).ok()?, text(&compared.expected, scope).ok()?])
}

/// No message of an expression is repeated: it may hold a value.
fn text(text: &Text, scope: &Scope) -> Result<String, Refused> {
    text.render(scope, Sink::Plain).map_err(|_| Refused::Unreadable("an expression of `verify` fails".to_owned()))
}

fn public_key(key: &Text, algorithm: Algorithm, scope: &Scope) -> Result<PublicKey, Refused> {
    PublicKey::read(&text(key, scope)?, algorithm).map_err(|why| Refused::NoKey(why.to_string()))
}

fn is_signed(it: &Signature, scope: &Scope) -> Result<(), Refused> {
    let key = public_key(&it.key, it.algorithm, scope)?;
    let given = text(&it.given, scope)?;
    let given = if it.hex { from_hex(given.trim()) } else { from_base64(&given) };
    let given = given.filter(|it| !it.is_empty()).ok_or(Refused::Different)?;
    if key.has_signed(text(&it.over, scope)?.as_bytes(), &given) { Ok(()) } else { Err(Refused::Different) }
}

fn is_token(
    jwt: &Jwt,
    scope: &Scope,
    keys: Option<&KeySet>,
    now: Timestamp,
    tolerance: SignedDuration,
) -> Result<(), Refused> {
    let given = text(&jwt.given, scope)?;
    // `Bearer …`, as it stands in `Authorization`
    let given = given.split_once(' ').filter(|(it, _)| it.eq_ignore_ascii_case("bearer")).map_or(&*given, |it| it.1);
    let token = Token::read(given.trim()).filter(|it| it.is_by(jwt.algorithm)).ok_or(Refused::Different)?;
    let claims = token.claims();
    if let Some(issuer) = &jwt.issuer
        && !is_one(&text(issuer, scope)?, std::slice::from_ref(&claims["iss"]))
    {
        return Err(Refused::Different);
    }
    if let Some(audience) = &jwt.audience {
        let of = claims["aud"].as_array().map_or_else(|| std::slice::from_ref(&claims["aud"]), Vec::as_slice);
        if !is_one(&text(audience, scope)?, of) {
            return Err(Refused::Different);
        }
    }
    is_new(claims, now, tolerance)?;
    match (&jwt.keys, keys) {
        (Keys::Given(key), _) => match token.is_signed_by(&public_key(key, jwt.algorithm, scope)?, jwt.algorithm) {
            true => Ok(()),
            false => Err(Refused::Different),
        },
        (Keys::At(_), None) => Err(Refused::UnknownKey),
        (Keys::At(_), Some(keys)) => match keys.judge(&token, jwt.algorithm) {
            Verdict::Signed => Ok(()),
            Verdict::NotSigned => Err(Refused::Different),
            Verdict::UnknownKey => Err(Refused::UnknownKey),
        },
    }
}

/// Whether the one that is meant is among these. What is not known is not meant.
fn is_one(meant: &str, among: &[Json]) -> bool {
    !meant.is_empty() && among.iter().any(|it| it == meant)
}

/// `exp`, `nbf` and `iat` (RFC 7519 §4.1): one of the first and the last has to be there, and none may be out of its time.
fn is_new(claims: &Json, now: Timestamp, tolerance: SignedDuration) -> Result<(), Refused> {
    let time = |name: &str| match &claims[name] {
        Json::Null => Ok(None),
        claimed => instant(claimed).map(Some).ok_or(Refused::Stale),
    };
    let (ends, begins, made) = (time("exp")?, time("nbf")?, time("iat")?);
    let later = |it: Timestamp| it.duration_since(now);
    let is_over = match (ends, made) {
        (Some(ends), _) => later(ends) < -tolerance,
        (None, Some(made)) => later(made) < -tolerance,
        (None, None) => true,
    };
    let is_early = begins.into_iter().chain(made).any(|it| later(it) > tolerance);
    if is_over || is_early { Err(Refused::Stale) } else { Ok(()) }
}

/// Seconds or milliseconds since 1970, as a number or as text; or a date-time.
fn instant(value: &Json) -> Option<Timestamp> {
    let text = match value {
        Json::String(text) => text.trim().to_owned(),
        // a token may have parts of seconds (RFC 7519 §2)
        Json::Number(number) => number.to_string().split('.').next().unwrap_or_default().to_owned(),
        _ => return None,
    };
    match text.parse::<i64>() {
        Ok(number) if number.abs() < MILLISECONDS => Timestamp::from_second(number).ok(),
        Ok(number) => Timestamp::from_millisecond(number).ok(),
        Err(_) => text.parse().ok(),
    }
}
