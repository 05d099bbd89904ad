//! What failures answer: where the reason and the message stand, and an example for a case.

use serde_json::{Value as Json, json};

use super::{
    bodies::{self, Kind},
    document::At,
    sample,
    schema::{Schemas, Way},
};
use crate::{
    base::Code,
    import::{Refusal, emit::Map, name},
    transport::rules,
};

/// Where error answers hold things, best first.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub(super) reason: Vec<String>,
    pub(super) message: Vec<String>,
    /// Reasons that the description lists, and what they are.
    pub(super) reasons: Vec<(String, Code)>,
}

/// A failure that a case shows.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) answer: Map,
    pub(super) code: &'static str,
    pub(super) name: String,
}

const MESSAGES: &[&str] = &[
    "message",
    "error_description",
    "detail",
    "error_message",
    "msg",
    "description",
    "title",
    "reason",
    "error",
    "fault",
];
const REASONS: &[&str] = &["code", "error_code", "type", "reason", "error", "status", "errno", "key", "slug"];

/// Statuses that a case shows best: those that nothing is tried again for.
const SHOWN: &[u16] = &[404, 409, 422, 400, 403, 402, 410, 412, 405];

/// Reads the failures of an operation.
pub(super) fn read(operation: &At<'_>, schemas: &Schemas<'_>, places: &mut Places) -> Result<Failing, Refusal> {
    let mut failures = Vec::new();
    for (status, at) in operation.get("responses").iter().flat_map(At::entries) {
        if !(status.starts_with(['4', '5']) || status == "default") {
            continue;
        }
        let at = schemas.document.follow(at)?;
        let content = at.get("content");
        let media = content.as_ref().and_then(bodies::preferred);
        let (mut body, mut is_json) = (None, false);
        if let Some((media_type, media)) = &media {
            is_json = bodies::kind(media_type) == Kind::Json;
            if let Some(schema) = media.get("schema").filter(|_| is_json) {
                let schema = schemas.convert(&schema, Way::Answered)?;
                places.look(&schema);
                body = Some(
                    bodies::example(schemas, media)
                        .filter(Json::is_object)
                        .unwrap_or_else(|| sample::of(&schema, "error")),
                );
            }
        }
        failures.push((status, at, body.filter(|_| is_json)));
    }
    let shown = SHOWN.iter().find_map(|wanted| failures.iter().find(|(status, ..)| status.parse() == Ok(*wanted)));
    let by_default = failures.iter().find(|it| matches!(it.0, "default" | "4XX" | "4xx"));
    let (status, body, words) = match shown.or(by_default) {
        Some((status, at, body)) => (status.parse().unwrap_or(400), body.clone(), at.text("description")),
        None => (404, None, None),
    };
    let code = rules::by_status(status).unwrap_or(Code::ProviderError);
    // an example may name a reason that a rule knows by another code
    let code = places.verdict(body.as_ref()).unwrap_or(code);
    let words = words.map(|it| name::plain(it, 80)).filter(|it| it.len() > 2);
    let name = match words {
        Some(words) => format!("fails with {status}: {words}"),
        None => format!("fails with {status}"),
    };
    let body = body.unwrap_or_else(|| json!({"message": "It can't be done."}));
    Ok(Failing { answer: Map::default().set("status", status).set("body", body), code: code.as_str(), name })
}

impl Places {
    /// Looks at the schema of an error answer.
    fn look(&mut self, schema: &Json) {
        let message = first(schema, MESSAGES);
        let reason = first(schema, REASONS).filter(|it| Some(it) != message.as_ref());
        for (list, found) in [(&mut self.message, &message), (&mut self.reason, &reason)] {
            if let Some(path) = found.as_ref().map(|it| it.0.clone())
                && !list.contains(&path)
                && list.len() < 4
            {
                list.push(path);
            }
        }
        let listed = reason.and_then(|it| it.1["enum"].as_array().cloned()).unwrap_or_default();
        for word in listed.iter().filter_map(Json::as_str) {
            if let Some(code) = meaning(word)
                && !self.reasons.iter().any(|(it, _)| it == word)
            {
                self.reasons.push((word.to_owned(), code));
            }
        }
    }

    /// What a rule says of an answer, if one is about it.
    fn verdict(&self, body: Option<&Json>) -> Option<Code> {
        let body = body?;
        let found = self.reason.iter().find_map(|path| {
            let pointer = path.trim_start_matches('$').replace('.', "/").replace("[0]", "/0");
            body.pointer(&pointer)?.as_str().map(str::to_owned)
        });
        self.reasons.iter().find(|(reason, _)| Some(reason) == found.as_ref()).map(|it| it.1)
    }

    /// `reason`, `message` and `errors` of `http`.
    pub(super) fn put(&self, http: Map) -> Map {
        let one_or_many = |paths: &[String]| match paths {
            [] => None,
            [one] => Some(Json::from(one.as_str())),
            several => Some(json!(several)),
        };
        let http = http.maybe("reason", one_or_many(&self.reason)).maybe("message", one_or_many(&self.message));
        let rules: Vec<Json> = self
            .reasons
            .iter()
            .map(|(reason, code)| json!({"status": ["4xx", "5xx"], "reason": reason, "is": code.as_str()}))
            .collect();
        if rules.is_empty() { http } else { http.set("errors", rules) }
    }
}

/// The path of one of these names, here or in what stands around errors: rather a text than a number, which most often is
/// the status once more.
fn first(schema: &Json, names: &[&str]) -> Option<(String, Json)> {
    let mut found = Vec::new();
    match schema["type"].as_str() {
        Some("array") => all(&schema["items"], "$[0]", names, 0, &mut found),
        _ => all(schema, "$", names, 0, &mut found),
    }
    let is_text = |it: &Json| it["type"] == "string" || it["type"][0] == "string";
    let rank = |path: &str| {
        names.iter().position(|it| name::words(path.rsplit('.').next().unwrap_or_default()).join("_") == *it)
    };
    found.sort_by_key(|(path, it)| (!is_text(it), rank(path)));
    found.into_iter().next()
}

/// What stands around errors.
const WRAPPERS: &[&str] = &["error", "errors", "fault", "meta", "details"];

fn all(schema: &Json, path: &str, names: &[&str], depth: usize, found: &mut Vec<(String, Json)>) {
    let Some(properties) = schema["properties"].as_object() else {
        let alternatives = schema["anyOf"].as_array().into_iter().flatten();
        return alternatives.filter(|_| depth < 3).for_each(|it| all(it, path, names, depth + 1, found));
    };
    let is_plain = |name: &str| name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let words = |name: &str| name::words(name).join("_");
    for (name, inner) in properties.iter().filter(|(name, _)| depth < 3 && is_plain(name)) {
        if !WRAPPERS.contains(&words(name).as_str()) {
            continue;
        }
        match inner["type"].as_str() {
            Some("object") => all(inner, &format!("{path}.{name}"), names, depth + 1, found),
            Some("array") => all(&inner["items"], &format!("{path}.{name}[0]"), names, depth + 1, found),
            _ => {}
        }
    }
    for wanted in names {
        let of = |(name, it): &(&String, &Json)| words(name) == *wanted && is_scalar(it) && is_plain(name);
        found.extend(properties.iter().filter(of).map(|(name, it)| (format!("{path}.{name}"), it.clone())));
    }
}

fn is_scalar(schema: &Json) -> bool {
    let kinds = match &schema["type"] {
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    };
    kinds.iter().any(|it| matches!(*it, "string" | "integer" | "number"))
}

/// What a reason is that an API lists, where its name says so.
fn meaning(reason: &str) -> Option<Code> {
    let words = name::words(reason);
    let has = |all: &[&str]| all.iter().all(|it| words.iter().any(|word| word == it));
    Some(match () {
        () if has(&["not", "found"]) || has(&["missing", "resource"]) || has(&["unknown", "id"]) => Code::NotFound,
        () if has(&["rate", "limit"]) || has(&["rate", "limited"]) || has(&["too", "many"]) || has(&["throttled"]) => {
            Code::RateLimited
        }
        () if has(&["already"]) || has(&["conflict"]) || has(&["duplicate"]) || has(&["taken"]) => Code::Conflict,
        () if has(&["declined"]) || has(&["insufficient"]) => Code::Declined,
        () if has(&["forbidden"]) || has(&["permission"]) || has(&["denied"]) || has(&["not", "allowed"]) => {
            Code::PermissionDenied
        }
        () if has(&["unavailable"]) || has(&["maintenance"]) => Code::Unavailable,
        () if has(&["validation"])
            || has(&["invalid", "request"])
            || has(&["invalid", "parameter"])
            || has(&["invalid", "input"]) =>
        {
            Code::InvalidInput
        }
        () if has(&["precondition"]) => Code::PreconditionFailed,
        () => return None,
    })
}
