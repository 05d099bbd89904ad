use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use serde_json::{Map, Value as Json};

use super::verdict::seconds;
use crate::{
    auth::Token,
    base::{Code, Secret},
    expr::Scope,
    spec::{RESULTS, TokenAnswers},
    transport::{SendError, rules},
};

/// What the answers of a call have told so far.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// [`RESULTS`], of the scheme and of those that are `from` it.
    found: Vec<(Option<String>, Map<String, Json>)>,
    /// For `auth`, as long as the token lives.
    kept: IndexMap<String, String>,
    captured: Map<String, Json>,
}

impl Results {
    /// What the answer that `scope` sees has of what is wanted.
    pub(super) fn take(&mut self, answers: &TokenAnswers, scope: &Scope) {
        if self.found.is_empty() {
            self.found = answers.places.iter().map(|(of, _)| (of.clone(), Map::new())).collect();
        }
        for ((_, places), (_, found)) in answers.places.iter().zip(&mut self.found) {
            for (name, shape) in places {
                let value = shape.eval(scope).ok().flatten().filter(|it| !it.is_null() && it.as_str() != Some(""));
                found.extend(value.map(|it| ((*name).to_owned(), it)));
            }
        }
        for (name, shape) in &answers.capture {
            let value = shape.eval(scope).ok().flatten().filter(|it| !it.is_null());
            self.captured.extend(value.map(|it| (name.clone(), it)));
        }
    }

    /// What a request kept by itself.
    pub(super) fn keep(&mut self, name: &str, value: &Json) {
        if RESULTS.contains(&name)
            && let Some((_, found)) = self.found.first_mut()
        {
            found.insert(name.to_owned(), value.clone());
        } else {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.kept.insert(name.to_owned(), text);
        }
    }

    /// A result of the scheme itself.
    pub(super) fn own(&self, name: &str) -> Option<&Json> {
        self.found.first().and_then(|(_, found)| found.get(name))
    }

    /// What requests kept by themselves.
    pub(super) fn kept(&self) -> IndexMap<String, Secret> {
        self.kept.iter().map(|(name, it)| (name.clone(), Secret::new(it.as_str()))).collect()
    }

    pub(super) fn refresh(&self) -> Option<Secret> {
        self.own("refresh_token").and_then(rules::text).map(Secret::new)
    }

    /// All that must not be shown.
    pub(super) fn secrets(&self) -> impl Iterator<Item = String> {
        let tokens = self.found.iter().flat_map(|(_, found)| ["token", "refresh_token"].map(|it| found.get(it)));
        tokens.flatten().filter_map(rules::text).chain(self.kept.values().cloned())
    }

    /// The scheme's own token.
    pub(super) fn token(&self, answers: &TokenAnswers, now: Timestamp) -> Result<Token, SendError> {
        let token = self.found.first().and_then(|(_, found)| self.token_of(found, answers, now));
        token.ok_or_else(|| {
            SendError::not_sent(Code::ProviderError, "the provider answered the token request without a token")
        })
    }

    /// Those of the schemes that are `from` it.
    pub(super) fn beside(&self, answers: &TokenAnswers, now: Timestamp) -> Vec<(String, Token)> {
        let of = |(of, found): &(Option<String>, Map<String, Json>)| {
            Some((of.clone()?, self.token_of(found, answers, now)?))
        };
        self.found.iter().filter_map(of).collect()
    }

    fn token_of(&self, found: &Map<String, Json>, answers: &TokenAnswers, now: Timestamp) -> Option<Token> {
        let text = |name: &str| found.get(name).and_then(rules::text);
        let lives = seconds(text("expires_in"));
        let ends = || text("expires_at").and_then(|it| instant(&it));
        let lifetime = |it: std::time::Duration| now.checked_add(SignedDuration::try_from(it).ok()?).ok();
        Some(Token {
            // as text it may end with its line
            access: Secret::new(text("token").filter(|it| !it.trim().is_empty())?.trim()),
            refresh: text("refresh_token").map(Secret::new),
            expires_at: lives.and_then(lifetime).or_else(ends).or_else(|| answers.lifetime.and_then(lifetime)),
            scopes: found.get("scope").and_then(scopes),
            captured: self.captured.clone(),
            kept: self.kept(),
        })
    }
}

/// Seconds since 1970, as a number or as text, RFC 3339, or a date of HTTP.
fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        // the fraction of a second is cut off
        return Timestamp::from_second(seconds as i64).ok().filter(|_| seconds >= 1.0);
    }
    text.parse().or_else(|_| rfc2822::parse(text).map(|it| it.timestamp())).ok()
}

/// A list, or text between whose parts stand spaces (as RFC 6749 §3.3 has it) or commas.
fn scopes(value: &Json) -> Option<Vec<String>> {
    let scopes: Vec<String> = match value {
        Json::String(text) => text.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        Json::Array(list) => list.iter().filter_map(rules::text).collect(),
        _ => return None,
    };
    (!scopes.is_empty()).then_some(scopes)
}
