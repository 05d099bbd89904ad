//! What a live connection signs with, and the sealed form in which it is stored.

use std::sync::{Arc, OnceLock};

use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use crate::{
    auth::{Credentials, Given, Got, Token, nonce},
    base::{Random, Secret},
    crypto::{Context, KeyRing, OpenError, Sealed},
    spec::{Account, OAuth2, TokenAnswers},
};

/// A connection's fields and, once there was a consent, its grant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Credential {
    /// What the builder filled in, secret or not, as text. It never changes once this is made.
    pub(super) fields: IndexMap<String, Hidden>,
    /// What was found of the provider before.
    #[serde(default, skip_serializing_if = "Found::is_empty")]
    pub(super) found: Found,
    /// What the provider granted.
    pub(super) grant: Option<Grant>,
    /// What it granted at the same time to schemes that are `from` another, by scheme.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) beside: IndexMap<String, Grant>,
    /// The fields as signing wants them, made when it first does: every request is signed with them.
    #[serde(skip)]
    signing: OnceLock<Arc<IndexMap<String, Secret>>>,
}

/// An OAuth grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Grant {
    /// Gets the next one.
    pub(super) refresh: Option<Hidden>,
    /// How often it was renewed.
    #[serde(default)]
    pub(super) number: u64,
    #[serde(flatten)]
    pub(super) token: Fresh,
}

/// A token and how long it is good.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Fresh {
    pub(super) access: Hidden,
    /// Unknown: until the provider calls it expired.
    pub(super) expires_at: Option<Timestamp>,
    /// From here on a new one is got, though this one still works.
    pub(super) renew_at: Option<Timestamp>,
    /// `auth.<name>` as long as it lives.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) kept: IndexMap<String, Hidden>,
}

/// What waits for the provider's redirect.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    /// PKCE (RFC 7636 §4.1).
    pub(super) verifier: Hidden,
    /// Some want it sent again. Not there in what began before it was kept.
    #[serde(default)]
    pub(super) state: Option<Hidden>,
    /// What was asked for before the browser went. Not there in what began before it was kept.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub(super) kept: IndexMap<String, Hidden>,
    /// What was found of the provider.
    #[serde(default, skip_serializing_if = "Found::is_empty")]
    pub(super) found: Found,
    /// What was filled in, as text.
    pub(super) fields: IndexMap<String, Hidden>,
    /// Those that aren't secret, for `connection`.
    pub(super) shown: Map<String, Json>,
}

/// What was found of a provider before anybody signed in, and the client that it knows. A grant keeps both: it belongs to them,
/// whatever is found or registered later.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Found {
    /// `auth.<name>` of consents and token calls.
    pub(super) names: IndexMap<String, Hidden>,
    /// Whether the provider's redirects say who sends them.
    #[serde(default)]
    pub(super) tells_issuer: bool,
    /// The key under which the client is kept, if it registered itself.
    #[serde(default)]
    pub(super) registration: Option<String>,
}

impl Found {
    /// Whether there was nothing to find.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// A secret that may be written out, since it is sealed in the next moment.
#[derive(Debug, Clone)]
pub struct Hidden(pub Secret);

/// What a token call gave, to be sealed.
pub(super) fn hidden(given: Given) -> IndexMap<String, Hidden> {
    given.into_iter().map(|(name, it)| (name, Hidden(it))).collect()
}

/// What was sealed, for a token call.
pub(super) fn given<'a>(
    all: impl IntoIterator<Item = (&'a String, &'a Hidden)>,
) -> impl Iterator<Item = (String, Secret)> {
    all.into_iter().map(|(name, it)| (name.clone(), it.0.clone()))
}

impl Credential {
    /// A credential of fields alone.
    pub(super) fn of(fields: IndexMap<String, Hidden>) -> Self {
        Self { fields, ..Self::default() }
    }

    /// As signing wants it, with `token` for a scheme that has one.
    pub(super) fn with_token(&self, token: Option<&Fresh>, random: &dyn Random) -> Credentials {
        let mut fields = Arc::clone(self.signing.get_or_init(|| Arc::new(given(&self.fields).collect())));
        if let Some(token) = token.filter(|it| !it.kept.is_empty()) {
            Arc::make_mut(&mut fields).extend(given(&token.kept));
        }
        Credentials { fields, token: token.map(|it| it.access.0.clone()), nonce: nonce(random) }
    }

    /// The grant of a scheme.
    pub(super) fn grant_of(&self, scheme: &str, oauth2: &OAuth2) -> Option<&Grant> {
        match oauth2.from {
            None => self.grant.as_ref(),
            Some(_) => self.beside.get(scheme),
        }
    }

    /// The same with another grant of a scheme.
    pub(super) fn with_grant(&self, scheme: &str, oauth2: &OAuth2, grant: Grant) -> Self {
        let mut credential = self.clone();
        match oauth2.from {
            None => credential.grant = Some(grant),
            Some(_) => drop(credential.beside.insert(scheme.to_owned(), grant)),
        }
        credential
    }

    /// Takes what a consent, or a refresh token that was filled in, came to.
    pub(super) fn take(&mut self, account: &Account, got: &Got, now: Timestamp) {
        for (scheme, oauth2) in account.grants() {
            let token = match oauth2.from {
                None => Some(&got.token),
                Some(_) => got.beside.iter().find(|(of, _)| *of == scheme.name).map(|(_, token)| token),
            };
            if let Some(token) = token {
                let old = self.fields.get("refresh_token").filter(|_| oauth2.from.is_none()).cloned();
                *self = self.with_grant(&scheme.name, oauth2, Grant::new(token, old.as_ref(), &oauth2.answers, now));
            }
        }
    }
}

impl Grant {
    /// A grant that came at `now`. Without a refresh token of its own it keeps the `old` one (RFC 6749 §6).
    pub(super) fn new(token: &Token, old: Option<&Hidden>, answers: &TokenAnswers, now: Timestamp) -> Self {
        let refresh = token.refresh.clone().map(Hidden).or_else(|| old.cloned());
        Self { refresh, number: 0, token: Fresh::new(token, answers.margin.try_into().unwrap_or_default(), now) }
    }
}

impl Fresh {
    /// A token that came at `now`; it is renewed `margin` before its end, or at half its life if that is short.
    pub(super) fn new(token: &Token, margin: SignedDuration, now: Timestamp) -> Self {
        let renew_at = token.expires_at.map(|end| {
            let half = end.duration_since(now) / 2;
            end.checked_sub(margin.min(half)).unwrap_or(now)
        });
        let kept = token.kept.iter().map(|(name, value)| (name.clone(), Hidden(value.clone()))).collect();
        Self { access: Hidden(token.access.clone()), expires_at: token.expires_at, renew_at, kept }
    }

    /// Whether it still works, as far as is known.
    pub(super) fn works(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it is time for a new one.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.renew_at.is_some_and(|due| due <= now)
    }

    /// Whether it is the one that these credentials hold.
    pub(super) fn is_in(&self, credentials: &Credentials) -> bool {
        credentials.token.as_ref().is_some_and(|it| it.expose() == self.access.0.expose())
    }
}

/// Seals a [`Credential`] or what is [`Pending`].
pub(super) fn seal(keys: &KeyRing, context: &Context, value: &impl Serialize, random: &dyn Random) -> Sealed {
    let plain = Zeroizing::new(serde_json::to_vec(value).expect("text and times always have a JSON form"));
    keys.seal(context, &plain, random)
}

/// Opens what [`seal`] sealed.
pub(super) fn open<T: DeserializeOwned>(keys: &KeyRing, context: &Context, sealed: &Sealed) -> Result<T, OpenError> {
    let plain = keys.open(context, sealed)?;
    serde_json::from_slice(&plain).map_err(|_| OpenError::Refused)
}

impl Serialize for Hidden {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::new(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        auth::fixtures::oauth2,
        base::{ConnectionId, OrgId},
        crypto::Purpose,
        system::SystemRandom,
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn token(expires_at: Option<i64>, refresh: Option<&str>) -> Token {
        Token {
            access: Secret::new("access"),
            refresh: refresh.map(Secret::new),
            expires_at: expires_at.map(at),
            scopes: None,
            captured: Map::new(),
            kept: IndexMap::new(),
        }
    }

    const MARGIN: SignedDuration = SignedDuration::from_secs(60);

    #[test]
    fn a_token_is_due_before_its_end_and_a_short_one_at_half_time() {
        for (expires_at, renew_at) in
            [(Some(3600), Some(3540)), (Some(100), Some(50)), (Some(0), Some(0)), (None, None)]
        {
            let fresh = Fresh::new(&token(expires_at, None), MARGIN, at(0));
            assert_eq!(fresh.renew_at, renew_at.map(at));
            let due: Vec<_> = (0..4000).filter(|now| fresh.is_due(at(*now))).take(1).collect();
            assert_eq!(due.first().copied(), renew_at);
            assert_eq!(fresh.works(at(4000)), expires_at.is_none());
        }
    }

    #[test]
    fn a_grant_keeps_the_old_refresh_token_if_it_brings_none() {
        let old = Hidden(Secret::new("old"));
        let refresh = |token: &Token| {
            Grant::new(token, Some(&old), &oauth2().answers, at(0)).refresh.unwrap().0.expose().to_owned()
        };
        assert_eq!(refresh(&token(None, None)), "old");
        assert_eq!(refresh(&token(None, Some("new"))), "new");
    }

    #[test]
    fn a_credential_opens_as_it_was_sealed_and_never_prints() {
        let keys = KeyRing::parse(&KeyRing::generate("k", &SystemRandom)).unwrap();
        let context = Context {
            org: OrgId::new(at(0), &SystemRandom),
            connection: ConnectionId::new(at(0), &SystemRandom),
            purpose: Purpose::Credential,
        };
        let credential = Credential {
            fields: [("server_key".to_owned(), Hidden(Secret::new("hunter2")))].into(),
            grant: Some(Grant::new(&token(Some(3600), Some("refresh")), None, &oauth2().answers, at(0))),
            ..Credential::default()
        };
        let sealed = seal(&keys, &context, &credential, &SystemRandom);
        let opened: Credential = open(&keys, &context, &sealed).unwrap();
        assert_eq!(serde_json::to_string(&opened).unwrap(), serde_json::to_string(&credential).unwrap());
        assert!(!format!("{opened:?}").contains("hunter2"));
        assert_eq!(opened.with_token(None, &SystemRandom).fields["server_key"].expose(), "hunter2");
    }
}
