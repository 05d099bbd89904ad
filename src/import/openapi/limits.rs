//! What answers tell of the provider's limits, by the headers that the description declares.

use super::{document::At, schema::Schemas};
use crate::import::{Refusal, emit::Map, name};

/// The headers that tell of a limit.
#[derive(Debug, Default)]
pub(super) struct Limits {
    remaining: Option<String>,
    reset: Option<(String, Option<&'static str>)>,
}

impl Limits {
    /// Looks at the headers of all answers of an operation.
    pub(super) fn look(&mut self, operation: &At<'_>, schemas: &Schemas<'_>) -> Result<(), Refusal> {
        for (_, response) in operation.get("responses").iter().flat_map(At::entries) {
            let response = schemas.document.follow(response)?;
            for (called, header) in response.get("headers").iter().flat_map(At::entries) {
                let words = name::words(called).join("");
                if !words.contains("ratelimit") {
                    continue;
                }
                if words.ends_with("remaining") {
                    self.remaining.get_or_insert_with(|| called.to_owned());
                } else if words.ends_with("reset") {
                    let header = schemas.document.follow(header)?;
                    let schema = header.get("schema");
                    let is_date = schema.as_ref().and_then(|it| it.text("format")) == Some("date-time");
                    let said = header
                        .text("description")
                        .or_else(|| schema.as_ref()?.text("description"))
                        .unwrap_or_default()
                        .to_ascii_lowercase();
                    self.reset.get_or_insert_with(|| (called.to_owned(), unit(called, is_date, &said)));
                }
            }
        }
        Ok(())
    }

    /// `rate_limit`, where everything about it is told.
    pub(super) fn put(&self, http: Map) -> Map {
        match (&self.remaining, &self.reset) {
            (Some(remaining), Some((reset, Some(unit)))) => {
                let headers = Map::default().set("remaining", remaining.as_str()).set("reset", reset.as_str());
                let limit = Map::default().set("per", "connection").set("headers", headers.set("as", *unit));
                http.set("rate_limit", limit)
            }
            _ => http,
        }
    }

    /// What could not be known.
    pub(super) fn todos(&self) -> Vec<String> {
        match (&self.remaining, &self.reset) {
            (Some(remaining), Some((reset, None))) => vec![format!(
                "answers tell of a limit by `{remaining}` and `{reset}`; say in `http` how the latter is meant: \
                 `rate_limit: {{per: connection, headers: {{remaining: {remaining}, reset: {reset}, as: seconds}}}}`"
            )],
            _ => Vec::new(),
        }
    }
}

/// What a number in such a header is, where that is said. `RateLimit-Reset` without a prefix is in seconds by its draft.
fn unit(header: &str, is_date: bool, said: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|it| said.contains(it));
    let millis = has(&["millisecond"]);
    Some(match () {
        () if is_date => "date",
        () if has(&["epoch", "unix", "since 1970", "timestamp"]) && millis => "epoch_milliseconds",
        () if has(&["epoch", "unix", "since 1970", "timestamp"]) => "epoch_seconds",
        () if millis => "milliseconds",
        () if has(&["second"]) || header.eq_ignore_ascii_case("ratelimit-reset") => "seconds",
        () => return None,
    })
}
