//! The address at which a consent is given (RFC 6749 §4.1.1, RFC 7636 §4.3).

use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

use crate::{
    base::{Code, Secret},
    expr::{Scope, Shape},
    format::query,
    spec::Consent,
    transport::{SendError, render, rules},
};

/// The `code_challenge` of a verifier: a secret of 43 to 128 unreserved characters.
pub fn challenge(verifier: &Secret) -> String {
    let verifier = PkceCodeVerifier::new(verifier.expose().to_owned());
    PkceCodeChallenge::from_code_verifier_sha256(&verifier).as_str().to_owned()
}

/// Where the browser goes. `scope` has in `auth` what the parameters of a consent may hold, none of it secret but `state`.
///
/// A parameter without a value, or with an empty one that is not written out, is left out. Where the address has a fragment,
/// it is there that the page looks for parameters.
///
/// # Errors
/// When the address can't be rendered, or is not https: a code or a token travels there.
pub fn authorization_url(consent: &Consent, scope: &Scope) -> Result<Url, SendError> {
    let whole = render::address(&consent.authorize_url, scope)?;
    let url = Url::parse(&whole).ok().filter(|it| it.scheme() == "https" && it.has_host());
    let mut url =
        url.ok_or_else(|| SendError::not_sent(Code::ProviderError, "the address of the sign-in is not an https URL"))?;
    let mut parameters = Vec::new();
    for (name, shape) in &consent.params {
        let Some(value) = shape.eval(scope).map_err(render::unusable)? else { continue };
        if rules::text(&value).is_none() && value.is_string() && !matches!(shape, Shape::Literal(_)) {
            continue;
        }
        let pairs = query::pairs(name, &value).map_err(render::unwritable)?;
        if pairs.is_empty() {
            continue;
        }
        parameters.push(match consent.unencoded.contains(name) {
            true => plain(&pairs)?,
            false => query::encode(&pairs),
        });
    }
    let parameters = parameters.join("&");
    let with = |there: &str, first: &str| {
        let mark = if there.is_empty() {
            first
        } else if there.contains('?') || first.is_empty() {
            "&"
        } else {
            "?"
        };
        format!("{there}{mark}{parameters}")
    };
    match url.fragment().map(str::to_owned) {
        Some(fragment) => url.set_fragment(Some(&with(&fragment, "?"))),
        None => {
            let there = url.query().unwrap_or_default().to_owned();
            url.set_query(Some(&with(&there, "")));
        }
    }
    Ok(url)
}

/// Pairs as they are. What would end a parameter can't stand there.
fn plain(pairs: &[(String, String)]) -> Result<String, SendError> {
    if pairs.iter().any(|(_, value)| value.contains(['&', '#', '%', '+', '\r', '\n'])) {
        let message = "a parameter of the consent that is not encoded holds a sign that ends it";
        return Err(SendError::not_sent(Code::InvalidInput, message));
    }
    Ok(pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
}
