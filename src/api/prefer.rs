//! How long a caller waits: `Prefer: wait=8` (RFC 7240).

use std::time::Duration;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, request::Parts},
};

use super::problem::{Kind, Problem};

/// Nobody is kept waiting for longer: proxies on the way wouldn't stand it.
const LONGEST_SECONDS: u64 = 600;

/// How long the caller waits for an end, if it said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience(pub(super) Option<Duration>);

impl Patience {
    /// Says in an answer that it was followed.
    pub(super) fn applied(self, headers: &mut HeaderMap) {
        if let Some(wait) = self.0
            && let Ok(value) = HeaderValue::try_from(format!("wait={}", wait.as_secs()))
        {
            headers.insert("preference-applied", value);
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Patience {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let lines = parts.headers.get_all("prefer").into_iter().filter_map(|line| line.to_str().ok());
        patience(lines).map(Self).map_err(|given| {
            let detail = format!("`Prefer: wait={given}` is no number of seconds, such as `Prefer: wait=8`.");
            Problem::new(Kind::InvalidRequest, detail)
        })
    }
}

/// The first `wait` counts, and `respond-async` without one does not wait at all. What else is preferred is left unheard, as the
/// RFC wants it; a `wait` that can't be read is told, since whoever sent it would wait too long.
fn patience<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Option<Duration>, String> {
    let mut at_once = None;
    for preference in lines.flat_map(|line| line.split(',')) {
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if name.eq_ignore_ascii_case("wait") {
            let seconds: u64 = value.parse().map_err(|_| value.to_owned())?;
            return Ok(Some(Duration::from_secs(seconds.min(LONGEST_SECONDS))));
        }
        if name.eq_ignore_ascii_case("respond-async") {
            at_once = Some(Duration::ZERO);
        }
    }
    Ok(at_once)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preference_is_read_as_the_rfc_writes_it() {
        let seconds = |lines: &[&str]| patience(lines.iter().copied()).map(|it| it.map(|it| it.as_secs()));
        for (lines, expected) in [
            (&[][..], None),
            (&["wait=8"], Some(8)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async"], Some(0)),
            (&["return=minimal; foo=\"some parameter\"", "WAIT = \"3\"; x=y"], Some(3)),
            (&["wait=5, wait=6"], Some(5)),
            (&["wait=100000"], Some(600)),
            (&["handling=lenient"], None),
        ] {
            assert_eq!(seconds(lines), Ok(expected), "{lines:?}");
        }
        for given in ["8s", "-1", "0.5", ""] {
            assert_eq!(seconds(&[&format!("wait={given}")]), Err(given.to_owned()));
        }
    }
}
