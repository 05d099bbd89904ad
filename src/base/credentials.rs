//! By which names a credential is known: one list for what masks, what warns, and what imports.
//!
//! Names are compared without case, `_`, `-` and blanks: `Client-Secret` is `client_secret`.

/// Nothing but a credential is called so.
const CERTAIN: &[&str] = &[
    "accesskey",
    "accesstoken",
    "apikey",
    "apisecret",
    "apitoken",
    "appsecret",
    "authkey",
    "authtoken",
    "bearertoken",
    "clientassertion",
    "clientsecret",
    "consumersecret",
    "idtoken",
    "jwt",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "refreshtoken",
    "secretkey",
    "serverkey",
    "sessiontoken",
    "signingkey",
    "signingsecret",
    "subscriptionkey",
    "tokensecret",
    "webhooksecret",
];

/// A credential may be called so, and other things as well: the token of one payment, the session of a visitor.
const POSSIBLE: &[&str] = &["authorization", "pwd", "secret", "sessionid", "sessionkey", "sig", "token"];

/// Headers that carry a credential, beside those that are called as one is (`x-api-key`, `x-auth-token`).
const HEADERS: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// Whether nothing but a credential has this name.
pub fn is_credential(name: &str) -> bool {
    is_among(CERTAIN, name)
}

/// Whether a credential may have this name: what is kept for people to read is masked then.
pub fn may_be_credential(name: &str) -> bool {
    is_among(CERTAIN, name) || is_among(POSSIBLE, name)
}

/// Whether a header of requests, in lower case, carries a credential.
pub fn is_credential_header(name: &str) -> bool {
    HEADERS.contains(&name) || is_credential(name.strip_prefix("x-").unwrap_or(name))
}

/// No copy is made: every key of every trace is looked at.
fn is_among(names: &[&str], name: &str) -> bool {
    let plain = || name.bytes().filter(u8::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase());
    names.iter().any(|it| plain().eq(it.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_however_it_is_written() {
        for name in ["client_secret", "Client-Secret", "clientSecret", "api key", "secret_key", "passphrase", "JWT"] {
            assert!(is_credential(name) && may_be_credential(name), "{name}");
        }
        for name in ["token", "secret", "Session-Id", "sig"] {
            assert!(!is_credential(name) && may_be_credential(name), "{name}");
        }
        for name in ["tokens", "token_type", "next_page_token", "key", "secretary", "session"] {
            assert!(!may_be_credential(name), "{name}");
        }
    }

    #[test]
    fn headers_that_carry_one_are_known() {
        let known = ["authorization", "cookie", "x-api-key", "apikey", "x-auth-token", "x-access-token"];
        assert!(known.into_iter().all(is_credential_header));
        assert!(!["x-request-id", "accept", "x-idempotency-key", "x-token-type"].into_iter().any(is_credential_header));
    }
}
