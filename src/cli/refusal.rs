//! What the engine refused, for whoever sits at a command line: its own hints are for programs that speak HTTP.

use serde_json::Value as Json;

use super::client::Reply;
use crate::diag::did_you_mean;

/// Why, what exactly, and what to do about it.
pub(super) fn refusal(reply: &Reply) -> String {
    let body = &reply.body;
    let mut text = body["detail"].as_str().unwrap_or("the engine refused it").to_owned();
    for error in all(&body["errors"]) {
        text.push_str(&format!("\n  {}", error["message"].as_str().unwrap_or_default()));
    }
    for change in all(&body["changes"]) {
        text.push_str(&format!("\n  {}", change.as_str().unwrap_or_default()));
    }
    for mistake in all(&body["diagnostics"]) {
        text.push_str(&format!("\n  {}", diagnostic(mistake)));
    }
    if let Some(fix) = fix(body) {
        text.push_str(&format!("\n{fix}"));
    }
    text
}

/// What to do, at a command line.
fn fix(body: &Json) -> Option<&str> {
    match body["code"].as_str()? {
        "invalid_request" => Some("`--help` tells what this command takes."),
        // whoever asked says what there is instead
        "not_found" => None,
        "breaking_change" => Some("Keep that, or raise `version` in connector.yaml as it says."),
        "invalid_connector" => Some("`closeloop validate` and `closeloop test` show each in its place."),
        _ => body["fix"].as_str(),
    }
}

/// A mistake in a connector, on one line.
pub(super) fn diagnostic(it: &Json) -> String {
    let text = |key: &str| it[key].as_str().unwrap_or_default();
    let place = match (it["file"].as_str(), it["line"].as_u64(), it["column"].as_u64()) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        _ => String::new(),
    };
    format!("{place}{}[{}]: {}", text("severity"), text("code"), text("message"))
}

/// What there is instead of something that is not there: the nearest, or all of it.
pub(super) fn instead(wanted: &str, there: &[String]) -> String {
    match did_you_mean(wanted, there.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if there.is_empty() => "; there is none".to_owned(),
        None => format!("; there is {}", there.join(", ")),
    }
}

/// The entries of a list, if it is one.
pub(super) fn all(list: &Json) -> &[Json] {
    list.as_array().map_or(&[], Vec::as_slice)
}

/// One text of each entry.
pub(super) fn texts(list: &Json, name: &str) -> Vec<String> {
    all(list).iter().filter_map(|it| it[name].as_str().map(str::to_owned)).collect()
}
