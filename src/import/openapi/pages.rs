//! How a list goes on, by the names that APIs have for it.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    answers::{self, Success},
    document::At,
    parameters::Parameter,
};
use crate::import::{
    call::Call,
    emit::Map,
    name,
    output::{Out, Path},
};

/// How many pages are asked for.
const MOST: u8 = 5;
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
    by: By,
    /// Where the entries stand.
    items: Path,
    item: Json,
    /// The parameters that are no inputs.
    pub(super) parameters: Vec<String>,
    /// The parameter that says how many entries a page has, and how many that are.
    pub(super) size: Option<(String, u64)>,
}

#[derive(Debug)]
enum By {
    Token(Path, String),
    Next(Path),
    Link,
    Offset(String, u64),
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
    let parameters = [own(TOKENS), own(OFFSETS), own(NUMBERS), own(SIZES)].into_iter().flatten().collect();
    Some(Paging { by, items, item, parameters, size })
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
    let schema = parameter.schema(schemas).unwrap_or_default();
    schema["maximum"].as_u64().map_or(SIZE, |it| it.min(SIZE)).max(schema["minimum"].as_u64().unwrap_or(1)).max(1)
}

impl Paging {
    /// `pages`
    pub(super) fn yaml(&self) -> Map {
        let map = Map::default().set("items", self.items.written());
        let map = match &self.by {
            By::Token(path, query) => map.set("token", path.written()).set("query", query.as_str()),
            By::Next(path) => map.set("next", path.written()),
            By::Link => map.set("link", "next"),
            By::Offset(query, size) => map.set("offset", query.as_str()).set("size", *size),
            By::Page(query, first) => map.set("page", query.as_str()).set("start", *first),
        };
        map.set("max", MOST)
    }

    /// What comes out of all pages.
    pub(super) fn output(&self) -> Out {
        let all = answers::list(&self.item, &Path::default().then("items"));
        Out::Map(vec![("items".to_owned(), all), ("truncated".to_owned(), Out::At(Path::default().then("truncated")))])
    }

    /// The exchanges of two pages, and what they come to. `body` is an answer, `query` what else is in the query.
    pub(super) fn played(
        &self,
        call: &Call,
        success: &Success<'_>,
        scheme: Option<&crate::import::scheme::Scheme>,
    ) -> (Vec<(Map, Map)>, Json) {
        let body = &success.body;
        let found =
            if self.items.0.is_empty() { body.as_array() } else { self.items.find(body).and_then(Json::as_array) };
        let entries: Vec<Json> = found.cloned().unwrap_or_default();
        let with = |items: &[Json], next: Option<Json>| {
            let mut page = body.clone();
            if self.items.0.is_empty() {
                page = items.to_vec().into();
            } else {
                self.items.set(&mut page, Some(items.to_vec().into()));
            }
            if let By::Token(path, _) | By::Next(path) = &self.by {
                path.set(&mut page, next);
            }
            page
        };
        let first = |more: &[(&str, String)]| {
            let more: Vec<_> = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
            call.expected(scheme, &more)
        };
        let address = format!("{}?cursor=page-2", call.url());
        let exchanges = match &self.by {
            By::Token(_, query) => vec![
                (first(&[]), success.canned(&with(&entries, Some(json!("page-2"))))),
                (first(&[(query, "page-2".to_owned())]), success.canned(&with(&entries, None))),
            ],
            By::Next(_) => vec![
                (first(&[]), success.canned(&with(&entries, Some(address.into())))),
                (call.line(), success.canned(&with(&entries, None))),
            ],
            By::Link => {
                let link = json!({"link": format!("<{address}>; rel=\"next\"")});
                vec![(first(&[]), success.canned(body).set("headers", link)), (call.line(), success.canned(body))]
            }
            By::Offset(query, _) => vec![(first(&[(query, "0".to_owned())]), success.canned(body))],
            By::Page(query, start) => vec![
                (first(&[(query, start.to_string())]), success.canned(body)),
                (first(&[(query, (start + 1).to_string())]), success.canned(&with(&[], None))),
            ],
        };
        let pages = if matches!(self.by, By::Token(..) | By::Next(_) | By::Link) { 2 } else { 1 };
        let all: Vec<Json> = (0..pages).flat_map(|_| entries.clone()).collect();
        let joined = JsonMap::from_iter([("items".to_owned(), all.into()), ("truncated".to_owned(), json!(false))]);
        (exchanges, self.output().of(&joined.into()).unwrap_or_default())
    }

    /// The last page, for the sandbox.
    pub(super) fn last(&self, body: &Json) -> Json {
        let mut page = body.clone();
        match &self.by {
            By::Token(path, _) | By::Next(path) => path.set(&mut page, None),
            By::Link | By::Offset(..) => {}
            // a page number ends with an empty page, which an answer that is always the same has not
            By::Page(..) if self.items.0.is_empty() => page = json!([]),
            By::Page(..) => self.items.set(&mut page, Some(json!([]))),
        }
        page
    }
}
