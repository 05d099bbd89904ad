//! How a list goes on, by the names that APIs have for it.

use serde_json::Value as Json;

use super::{answers::Success, document::At, parameters::Parameter};
use crate::import::{name, output::Path};

/// How many entries a page has, where that may be chosen.
const SIZE: u64 = 50;

const TOKENS: &[&str] = &[
    "cursor",
    "page_token",
    "next_token",
    "continuation_token",
    "continuation",
    "after",
    "next_cursor",
    "page_after",
    "marker",
    "start_cursor",
    "page_cursor",
    "next_page_token",
];
const ANSWERED_TOKENS: &[&str] = &[
    "next_cursor",
    "next_page_token",
    "next_token",
    "continuation_token",
    "continuation",
    "end_cursor",
    "after",
    "next_marker",
    "cursor",
    "next_page_cursor",
    "next",
];
const NEXTS: &[&str] = &["next", "next_url", "next_page_url", "next_link", "next_page", "next_href", "odata_next_link"];
const OFFSETS: &[&str] = &["offset", "skip", "start", "start_index", "page_offset", "start_at"];
const NUMBERS: &[&str] = &["page", "page_number", "page_no", "p", "page_index", "current_page"];
const SIZES: &[&str] = &[
    "limit",
    "per_page",
    "page_size",
    "size",
    "count",
    "max_results",
    "top",
    "results_per_page",
    "page_limit",
    "max",
    "take",
];
const LISTS: &[&str] =
    &["data", "items", "results", "records", "entries", "values", "list", "content", "elements", "value"];

/// How a list goes on.
#[derive(Debug)]
pub(super) struct Paging {
    pub(super) by: By,
    /// Where the entries stand.
    pub(super) items: Path,
    /// The schema of one.
    pub(super) item: Json,
    /// The parameters, or the members of the body, that are no inputs.
    pub(super) names: Vec<String>,
    /// The one that says how many entries a page has, and how many that are.
    pub(super) size: Option<(String, u64)>,
}

/// What leads on.
#[derive(Debug)]
pub(super) enum By {
    /// Where the token is answered, and the parameter of the query that takes it.
    Token(Path, String),
    /// The same, with the member of the body that takes it.
    BodyToken(Path, String),
    /// Where the address of the next page is answered.
    Next(Path),
    /// The `Link` header.
    Link,
    /// The parameter, and how many entries a page has.
    Offset(String, u64),
    /// The parameter, and the number of the first page.
    Page(String, u64),
}

/// How the list that is answered goes on, if it is one and does.
pub(super) fn found(
    parameters: &[Parameter<'_>],
    success: &Success<'_>,
    schemas: &super::schema::Schemas<'_>,
) -> Option<Paging> {
    let (items, item) = entries(&success.schema)?;
    let named = |names: &[&str]| {
        let queries = parameters.iter().filter(|it| it.place == "query");
        let all: Vec<_> = queries.map(|it| (it, name::words(it.name).join("_"))).collect();
        names.iter().find_map(|name| all.iter().find(|(_, it)| it == name).map(|(it, _)| *it))
    };
    let size = named(SIZES).map(|it| (it.name.to_owned(), size(it, schemas)));
    let answered = |names: &[&str]| somewhere(&success.schema, names);
    let by = if let Some((token, path)) = named(TOKENS).zip(answered(ANSWERED_TOKENS)) {
        By::Token(path, token.name.to_owned())
    } else if let Some(path) = answered(NEXTS) {
        By::Next(path)
    } else if success.at.as_ref().is_some_and(has_link) {
        By::Link
    } else if let Some(offset) = named(OFFSETS) {
        By::Offset(offset.name.to_owned(), size.as_ref()?.1)
    } else {
        let number = named(NUMBERS)?;
        let schema = number.schema(schemas).ok()?;
        let first =
            schema["default"].as_u64().or_else(|| schema["minimum"].as_u64()).filter(|it| *it <= 1).unwrap_or(1);
        By::Page(number.name.to_owned(), first)
    };
    let own = |names: &[&str]| named(names).map(|it| it.name.to_owned());
    let names = [own(TOKENS), own(OFFSETS), own(NUMBERS), own(SIZES)].into_iter().flatten().collect();
    Some(Paging { by, items, item, names, size })
}

/// How the list that is answered goes on, if a member of the body takes the token of the next page.
pub(super) fn found_in_body<'d>(
    members: &[(&'d str, At<'d>)],
    success: &Success<'_>,
    schemas: &super::schema::Schemas<'d>,
) -> Option<Paging> {
    let (items, item) = entries(&success.schema)?;
    let named = |names: &[&str]| {
        let is = |it: &str, name: &str| name::words(it).join("_") == name && !it.contains('.');
        names.iter().find_map(|name| members.iter().find(|(it, _)| is(it, name)))
    };
    let (token, path) = named(TOKENS).zip(somewhere(&success.schema, ANSWERED_TOKENS))?;
    let size = named(SIZES).map(|(name, at)| {
        let schema = schemas.convert(at, super::schema::Way::Sent).unwrap_or_default();
        ((*name).to_owned(), within(&schema))
    });
    let names = std::iter::once(token.0.to_owned()).chain(size.iter().map(|it| it.0.clone())).collect();
    Some(Paging { by: By::BodyToken(path, token.0.to_owned()), items, item, names, size })
}

/// Where the entries of a list stand, and the schema of one.
fn entries(schema: &Json) -> Option<(Path, Json)> {
    if schema["type"] == "array" {
        return Some((Path::default(), schema["items"].clone()));
    }
    let properties = schema["properties"].as_object()?;
    let lists: Vec<_> = properties.iter().filter(|(_, it)| it["type"] == "array").collect();
    let known = LISTS.iter().find_map(|name| lists.iter().find(|(it, _)| it == name));
    let (name, list) =
        known.or(if let [one] = lists.as_slice() { Some(one) } else { None }).copied().or_else(|| {
            // a list by the name of what it holds, in an envelope such as `_embedded`
            lists.first().copied()
        })?;
    Some((Path::default().then(name), list["items"].clone()))
}

/// A text or a number of one of these names, in the answer or one level deeper.
fn somewhere(schema: &Json, names: &[&str]) -> Option<Path> {
    let properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    let can_be = |it: &Json| {
        let kinds = match &it["type"] {
            Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
            kind => kind.as_str().into_iter().collect::<Vec<_>>(),
        };
        kinds.iter().any(|it| matches!(*it, "string" | "integer"))
    };
    for wanted in names {
        let is = |name: &str| name::words(name).join("_") == *wanted;
        if let Some((name, _)) = properties.iter().find(|(name, it)| is(name) && can_be(it)) {
            return Some(Path::default().then(name));
        }
        for (outer, inner) in properties.iter().filter(|(_, it)| it["type"] == "object") {
            for (name, it) in inner["properties"].as_object().into_iter().flatten().filter(|(name, _)| is(name)) {
                let path = Path::default().then(outer).then(name);
                if can_be(it) {
                    return Some(path);
                }
                if it["properties"].get("href").is_some() {
                    return Some(path.then("href"));
                }
            }
        }
    }
    None
}

fn has_link(response: &At<'_>) -> bool {
    response.get("headers").is_some_and(|it| it.entries().any(|(name, _)| name.eq_ignore_ascii_case("link")))
}

/// As many entries as a page may have, within reason.
fn size(parameter: &Parameter<'_>, schemas: &super::schema::Schemas<'_>) -> u64 {
    within(&parameter.schema(schemas).unwrap_or_default())
}

fn within(schema: &Json) -> u64 {
    schema["maximum"].as_u64().map_or(SIZE, |it| it.min(SIZE)).max(schema["minimum"].as_u64().unwrap_or(1)).max(1)
}
