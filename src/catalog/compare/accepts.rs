//! Whether everything that was taken is taken still.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::Found;
use crate::spec::Fields;

/// What narrows a schema as its number grows …
const LEAST: [&str; 5] = ["minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"];

/// … and as it shrinks.
const MOST: [&str; 5] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"];

/// What narrows a schema when it is there and was not, or is another: nobody can tell in general whether one of these
/// takes all that another does.
const OTHERS: [&str; 14] = [
    "pattern",
    "format",
    "multipleOf",
    "const",
    "uniqueItems",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "dependentRequired",
];

/// Compares fields that somebody fills in.
pub(super) fn fields(from: &Fields, to: &Fields, at: &str, found: &mut Found) {
    object(&from.schema, &to.schema, at, None, found);
}

fn object(from: &Json, to: &Json, at: &str, path: Option<&str>, found: &mut Found) {
    let inside = |name: &str| path.map_or(name.to_owned(), |path| format!("{path}.{name}"));
    let none = serde_json::Map::new();
    let [old, new] = [from, to].map(|it| it["properties"].as_object().unwrap_or(&none));
    let (were, are) = (required(from), required(to));
    for (name, schema) in old {
        let path = inside(name);
        match new.get(name) {
            Some(now) => field(schema, now, at, &path, found),
            None if to["additionalProperties"] == false => found.breaks(format!("{at}: `{path}` is gone")),
            None => {}
        }
    }
    for name in new.keys().filter(|it| !old.contains_key(*it) && !are.contains(it.as_str())) {
        found.adds(format!("{at}: `{}` can be given", inside(name)));
    }
    for name in are.difference(&were).filter(|it| new.get(**it).is_none_or(|it| it.get("default").is_none())) {
        let was = if old.contains_key(*name) { "it could be left out" } else { "there was no such field" };
        found.breaks(format!("{at}: `{}` has to be given, before {was}", inside(name)));
    }
    if to["additionalProperties"] == false && !old.is_empty() && from["additionalProperties"] != false {
        found.breaks(format!("{at}: further fields are not taken any more"));
    }
}

fn required(schema: &Json) -> BTreeSet<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect()
}

fn field(from: &Json, to: &Json, at: &str, path: &str, found: &mut Found) {
    if from == to {
        return;
    }
    let (were, are) = (types(from), types(to));
    if let (Some(were), Some(are)) = (&were, &are) {
        let is_taken = |it: &str| are.contains(it) || it == "integer" && are.contains("number");
        if !were.iter().all(|it| is_taken(it)) {
            return found.breaks(format!("{at}: `{path}` must be {}, before {}", listed(are), listed(were)));
        }
    } else if let Some(are) = &are {
        return found.breaks(format!("{at}: `{path}` must be {}, before anything", listed(are)));
    }
    options(from, to, at, path, found);
    for (keys, wider) in [(LEAST, false), (MOST, true)] {
        for key in keys {
            let [old, new] = [from, to].map(|it| it[key].as_f64());
            let narrower = match (old, new) {
                (Some(old), Some(new)) if wider => new < old,
                (Some(old), Some(new)) => new > old,
                (old, new) => old.is_none() && new.is_some(),
            };
            if narrower {
                let before = from.get(key).map_or("there was none".to_owned(), Json::to_string);
                found.breaks(format!("{at}: `{path}` has the `{key}` {}, before {before}", to[key]));
            }
        }
    }
    for key in OTHERS.into_iter().filter(|key| to.get(*key).is_some() && to.get(*key) != from.get(*key)) {
        found.breaks(format!("{at}: `{path}` has another `{key}`, which may refuse what was taken before"));
    }
    if from.get("default") != to.get("default") {
        let [old, new] = [from, to].map(|it| it.get("default").map_or("nothing".to_owned(), Json::to_string));
        found.adds(format!("{at}: `{path}` left out means {new}, before {old}"));
    }
    if to.get("properties").is_some() {
        object(from, to, at, Some(path), found);
    }
    if let Some(items) = to.get("items") {
        field(&from["items"], items, at, &format!("{path}[]"), found);
    }
}

fn options(from: &Json, to: &Json, at: &str, path: &str, found: &mut Found) {
    match (from["enum"].as_array(), to["enum"].as_array()) {
        (_, None) => {}
        (None, Some(_)) => found.breaks(format!("{at}: `{path}` must be one of a list, before anything")),
        (Some(old), Some(new)) => {
            for gone in old.iter().filter(|it| !new.contains(it)) {
                found.breaks(format!("{at}: `{path}` can't be {gone} any more"));
            }
            for more in new.iter().filter(|it| !old.contains(it)) {
                found.adds(format!("{at}: `{path}` can be {more}"));
            }
        }
    }
}

/// `None`: any.
fn types(schema: &Json) -> Option<BTreeSet<&str>> {
    match &schema["type"] {
        Json::String(one) => Some(BTreeSet::from([one.as_str()])),
        Json::Array(all) => Some(all.iter().filter_map(Json::as_str).collect()),
        _ => None,
    }
}

fn listed(types: &BTreeSet<&str>) -> String {
    types.iter().copied().collect::<Vec<_>>().join(" or ")
}
