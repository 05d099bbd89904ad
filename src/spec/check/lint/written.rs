//! Keys that stand in the connector itself, where a field of the form belongs.

use serde_json::Value as Json;

use super::requests;
use crate::{
    base::credentials::may_be_credential,
    diag::{Diagnostic, Diagnostics, Span, codes},
    expr::{Piece, Shape, Text},
    spec::{Apply, Body, Connector, Request, Scheme, SchemeKind},
};

/// How keys begin that say of themselves that they are some.
const PREFIXES: &[&str] = &["sk_", "sk-", "rk_", "pat_", "ghp_", "xoxb-", "xoxp-", "Bearer ", "Basic "];
/// Fewer characters may be a word.
const SHORTEST: usize = 20;
/// So often letters and digits take turns in what nobody thought up.
const FEWEST_TURNS: usize = 4;

/// Reports them.
pub(super) fn check(connector: &Connector, own_account: bool, found: &mut Diagnostics) {
    if own_account {
        for scheme in connector.account.schemes.values() {
            in_scheme(scheme, found);
            for request in scheme.token_calls().flat_map(|it| &it.requests) {
                in_token_request(&request.request, found);
            }
        }
    }
    connector.http.headers.iter().for_each(|(_, it)| random(it, found));
    let plans = connector.plans();
    let plans = plans.chain(connector.objects.values().filter_map(|it| it.describe.as_ref()));
    for (_, step) in plans.flat_map(requests) {
        step.request.headers.iter().for_each(|(_, it)| random(it, found));
        for (_, shape) in &step.request.query {
            if written(shape).is_some_and(is_random) {
                found.push(told(step.request.span));
            }
        }
    }
}

fn told(span: Span) -> Diagnostic {
    let message = "a key is written out here: whoever reads the connector knows it, and every org shares it";
    Diagnostic::warning(codes::WRITTEN_KEY, span, message)
        .help("declare a field in `auth` for it, and write `{{ auth.<field> }}` in a scheme")
}

/// What a scheme puts on requests: if nothing of it comes from the form, all of it is written out.
fn in_scheme(scheme: &Scheme, found: &mut Diagnostics) {
    let texts: Vec<&Text> = match &scheme.apply {
        Apply::None => return,
        Apply::Basic { username, password } => vec![username, password],
        Apply::Fields(placed) => placed.texts().collect(),
        Apply::OAuth1(it) => [&it.client_secret, &it.private_key, &it.token_secret].into_iter().flatten().collect(),
        Apply::SigV4(it) => vec![&it.secret_key],
    };
    let is_written = |it: &Text| {
        !it.pieces.is_empty()
            && it.pieces.iter().all(|it| matches!(it, Piece::Literal(_)))
            && !whole(it).trim().is_empty()
    };
    let is_static = matches!(scheme.kind, SchemeKind::Static) && scheme.fill.is_empty();
    if is_static && !texts.iter().any(|it| it.pieces.iter().any(|it| matches!(it, Piece::Expr(_)))) {
        if let Some(text) = texts.iter().rfind(|it| is_written(it)) {
            found.push(told(text.span));
        }
        return;
    }
    texts.into_iter().for_each(|it| random(it, found));
}

fn in_token_request(request: &Request, found: &mut Diagnostics) {
    request.headers.iter().for_each(|(_, it)| random(it, found));
    let body = match &request.body {
        Body::Form(Shape::Map(entries)) | Body::Json(Shape::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    for (name, shape) in request.query.iter().chain(body) {
        let Some(value) = written(shape).filter(|it| !it.is_empty()) else { continue };
        if may_be_credential(name) || is_random(value) {
            found.push(told(request.span));
        }
    }
}

/// A text that is written out and looks like a key.
fn random(text: &Text, found: &mut Diagnostics) {
    if text.as_literal().is_some_and(is_random) {
        found.push(told(text.span));
    }
}

fn written(shape: &Shape) -> Option<&str> {
    match shape {
        Shape::Literal(Json::String(it)) => Some(it),
        _ => None,
    }
}

fn whole(text: &Text) -> String {
    let literals = text.pieces.iter().map(|it| if let Piece::Literal(it) = it { it.as_str() } else { "" });
    let whole: String = literals.collect();
    whole.strip_prefix("Bearer ").map_or(whole.clone(), str::to_owned)
}

/// Whether a text is such as machines make: a token that says so by how it begins, a JSON Web Token, or letters and digits that
/// take turns as in no word, version or date.
fn is_random(text: &str) -> bool {
    let is_word = |it: &str| it.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-+=.~".contains(&it));
    if text.starts_with("eyJ") && text.split('.').count() == 3 && is_word(text) {
        return true;
    }
    if let Some(rest) = PREFIXES.iter().find_map(|it| text.strip_prefix(it)) {
        return rest.len() >= 8 && is_word(rest);
    }
    let kinds: Vec<bool> = text.bytes().filter(u8::is_ascii_alphanumeric).map(|it| it.is_ascii_digit()).collect();
    let turns = kinds.windows(2).filter(|it| it[0] != it[1]).count();
    // Dots and dashes in plenty are what names and dates have; a UUID names something.
    let marks = text.bytes().filter(|it| b".-_".contains(it)).count();
    text.len() >= SHORTEST && is_word(text) && turns >= FEWEST_TURNS && marks <= 2
}

#[cfg(test)]
mod tests {
    use super::is_random;

    #[test]
    fn keys_are_told_from_words() {
        for key in [
            "sk_live_51HabcdEFGH",
            "Bearer 9f8e7d6c5b4a",
            "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "AKIAIOSFODNN7EXA4MPL3QX9",
        ] {
            assert!(is_random(key), "{key}");
        }
        for word in [
            "",
            "application/vnd.api+json;version=2",
            "2026-11-26-preview-v1",
            "2024-10-28.acacia",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "XMLHttpRequest",
            "closeloop-connector/1.0.0",
            "550e8400-e29b-41d4-a716-446655440000",
            "id,name,phone1,phone2,address1,address2",
            "snippet_contentDetails_v3",
            "text/xml; charset=utf-8",
            "skills",
        ] {
            assert!(!is_random(word), "{word}");
        }
    }
}
