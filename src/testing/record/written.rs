//! A recorded case as it stands in `tests.yaml`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map as JsonMap, Value as Json};
use url::Url;

use super::{Observed, Wanted};
use crate::{
    base::Code,
    import::emit::{Map, Yaml},
    transport::{SendError, received},
    wire::{Answer, Request},
};

/// The case: what is wanted, and what happened, twice. What a request has of itself each time (a signature by chance, say) is not
/// compared. `source` is the connector's text, by which the headers are known that it looks at.
pub fn case(wanted: &Wanted, happened: Option<[&Observed; 2]>, source: &str) -> Yaml {
    let some = |it: &JsonMap<String, Json>| (!it.is_empty()).then(|| Json::Object(it.clone()));
    let map = Map::default()
        .block()
        .set("name", wanted.name.as_str())
        .set(wanted.kind, wanted.of.as_str())
        .set("now", wanted.now.to_string())
        .set("execution_key", wanted.execution_key.as_str())
        .maybe("connection", some(&wanted.connection))
        .maybe("credentials", some(&wanted.credentials))
        .maybe("config", some(&wanted.config))
        .maybe("input", some(&wanted.input));
    let Some([observed, again]) = happened else { return Yaml::Map(map.set("output", Json::Null)) };
    let exchanges = observed.exchanges.iter().zip(&again.exchanges).map(|(once, twice)| {
        let request = request(&once.request, &twice.request);
        Yaml::Map(Map::default().block().set("request", request).set("answer", answered(&once.answer, source)))
    });
    let map = map.set("exchanges", Yaml::List(exchanges.collect()));
    Yaml::Map(match &observed.outcome {
        Ok(output) => map.set("output", output.clone()),
        Err(failure) => {
            map.set("error", Map::default().set("code", failure.code.as_str()).set("say", failure.say.as_str()))
        }
    })
}

/// What the request had both times.
fn request(sent: &Request, again: &Request) -> Map {
    let kept = |is_same: bool| is_same.then_some(());
    let query = received::grouped(sent.url.query_pairs().into_owned());
    let map = Map::default()
        .set("method", sent.method.as_str())
        .maybe("url", kept(address(sent) == address(again)).map(|()| address(sent).to_string()))
        .maybe(
            "query",
            query
                .as_object()
                .filter(|it| !it.is_empty() && sent.url.query() == again.url.query())
                .map(|_| query.clone()),
        );
    let headers: JsonMap<String, Json> = sent
        .headers
        .iter()
        .filter(|(name, value)| again.header(name) == Some(value) && is_own(name, value))
        .map(|(name, value)| (name.clone(), Json::from(value.as_str())))
        .collect();
    let map = map.maybe("headers", (!headers.is_empty()).then_some(Json::Object(headers)));
    if sent.body.is_empty() || sent.body != again.body {
        return map;
    }
    let kind = sent.header("content-type").unwrap_or_default();
    if let Some(parts) = received::parts(kind, &sent.body) {
        return map.set("parts", parts);
    }
    match serde_json::from_slice::<Json>(&sent.body) {
        Ok(body) if kind.contains("json") => map.set("body", body),
        _ if kind.starts_with("application/x-www-form-urlencoded") => map.set("form", received::form(&sent.body)),
        _ => match std::str::from_utf8(&sent.body) {
            Ok(text) => map.set("text", text),
            Err(_) => map.set("base64", STANDARD.encode(&sent.body)),
        },
    }
}

fn address(request: &Request) -> Url {
    let mut address = request.url.clone();
    address.set_query(None);
    address
}

/// What bodies are, unless the connector says otherwise.
const USUAL: [&str; 6] = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/xml; charset=utf-8",
    "text/calendar; charset=utf-8",
    "text/plain; charset=utf-8",
    "application/octet-stream",
];
/// What is asked for, unless the connector says otherwise.
const ACCEPTED: [&str; 4] = ["application/json", "application/xml, text/xml", "text/csv, */*", "*/*"];

/// Whether a header is the connector's: what every request of its kind has anyway tells nothing.
fn is_own(name: &str, value: &str) -> bool {
    match name {
        "content-type" => !USUAL.contains(&value) && !value.starts_with("multipart/"),
        "accept" => !ACCEPTED.contains(&value),
        _ => true,
    }
}

/// Headers of answers that mean something to the engine itself.
const KEPT_HEADERS: [&str; 6] = ["content-type", "location", "link", "etag", "retry-after", "last-modified"];

fn answered(answer: &Result<Answer, SendError>, source: &str) -> Map {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if !error.may_have_arrived => return Map::default().set("refused", true),
        Err(error) if error.code == Code::Timeout => return Map::default().set("timeout", true),
        Err(_) => return Map::default().set("lost", true),
    };
    let json = serde_json::from_slice::<Json>(&answer.body).ok().filter(|it| it.is_object() || it.is_array());
    let source = source.to_ascii_lowercase();
    let is_read = |name: &str| KEPT_HEADERS.contains(&name) || source.contains(&format!("'{name}'"));
    let headers: JsonMap<String, Json> = (answer.headers.iter())
        .filter(|(name, _)| is_read(name))
        .filter(|(name, _)| name != "content-type" || (json.is_none() && !answer.body.is_empty()))
        .map(|(name, value)| (name.clone(), Json::from(value.as_str())))
        .collect();
    let map = Map::default()
        .maybe("status", (answer.status != 200).then_some(answer.status))
        .maybe("headers", (!headers.is_empty()).then_some(Json::Object(headers)));
    match (json, std::str::from_utf8(&answer.body)) {
        _ if answer.body.is_empty() => map,
        (Some(body), _) => map.set("body", body),
        (None, Ok(text)) => map.set("text", text),
        (None, Err(_)) => map.set("base64", STANDARD.encode(&answer.body)),
    }
}
