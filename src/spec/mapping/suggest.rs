//! A first mapping for an org, by what its fields are called.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};
use strsim::jaro_winkler;

use super::{
    Document, OrgField, OrgSchema, check::takes, document::ExtraText, document::LandingText, fit, org::scalar,
};
use crate::{
    spec::{Object, OrgType},
    yaml::typed::is_name,
};

/// What is less alike is more often wrong than right.
const ALIKE: f64 = 0.9;

/// A suggestion, and why.
#[derive(Debug, PartialEq)]
pub struct Suggestion {
    /// To be looked at, changed and saved.
    pub mapping: Document,
    /// Each match: unified field, org field, from 0 to 1 how alike, and by which of the org field's names.
    pub matches: Vec<Match>,
    /// Unified fields for which nothing was found.
    pub unmatched: Vec<String>,
}

/// A unified field and the org's field that it is probably meant for.
#[derive(Debug, PartialEq)]
pub struct Match {
    /// The unified field.
    pub field: String,
    /// The org's.
    pub to: String,
    /// What the org calls it.
    pub label: String,
    /// From 0 to 1.
    pub score: f64,
    /// `name` or `label`.
    pub by: &'static str,
}

/// Suggests a mapping: by the connector's own `to`, by name, by label, and by the other names that the connector knows. Each
/// field of the org is used once. What the org requires beside that becomes an extra input.
pub fn suggest(object: &Object, schema: &OrgSchema) -> Suggestion {
    let mut candidates: Vec<Match> = Vec::new();
    for (name, unified) in object.fields.iter() {
        let names = names(object, name, unified);
        let fitting = schema.iter().filter(|it| it.writable && (takes(it.kind, unified) || has_list(unified, it)));
        candidates.extend(fitting.filter_map(|it| alike(name, &names, it)));
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut matches: Vec<Match> = Vec::new();
    for candidate in candidates {
        if !matches.iter().any(|it| it.field == candidate.field || it.to == candidate.to) {
            matches.push(candidate);
        }
    }
    let mut mapping = Document::default();
    let mut unmatched = Vec::new();
    for (name, unified) in object.fields.iter() {
        match matches.iter().find(|it| it.field == name).and_then(|it| schema.get(&it.to)) {
            Some(field) => {
                let values = renamed(unified, field);
                let landing = LandingText { to: field.name.clone(), values, ..LandingText::default() };
                mapping.fields.insert(name.to_owned(), landing);
            }
            None => unmatched.push(name.to_owned()),
        }
    }
    mapping.extra = required(object, schema, &matches);
    Suggestion { mapping, matches, unmatched }
}

/// What a unified field may be called in an org.
fn names(object: &Object, name: &str, unified: &Json) -> Vec<String> {
    let place = object.places.get(name);
    let mut names: Vec<String> = place.and_then(|it| it.to.clone()).into_iter().collect();
    names.push(name.to_owned());
    names.extend(unified["title"].as_str().map(str::to_owned));
    names.extend(place.into_iter().flat_map(|it| it.also.iter().cloned()));
    names.iter().map(|it| plain(it)).collect()
}

fn alike(name: &str, names: &[String], field: &OrgField) -> Option<Match> {
    let score = |text: &str| {
        let text = plain(text);
        names.iter().map(|it| if *it == text { 1.0 } else { jaro_winkler(it, &text) * 0.99 }).fold(0.0, f64::max)
    };
    let (by_name, by_label) = (score(&field.name), score(&field.label));
    let (score, by) = if by_name >= by_label { (by_name, "name") } else { (by_label, "label") };
    // Two decimals: what is shown is what was compared.
    let score = (score * 100.0).round() / 100.0;
    let found = Match { field: name.to_owned(), to: field.name.clone(), label: field.label.clone(), score, by };
    (score >= ALIKE).then_some(found)
}

/// Letters and digits in small letters: `Last_Name`, `LastName` and `Last name` are the same.
fn plain(text: &str) -> String {
    text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether both are lists to choose from, which a value map can bring together.
fn has_list(unified: &Json, field: &OrgField) -> bool {
    unified["enum"].is_array() && matches!(field.kind, OrgType::Picklist | OrgType::MultiPicklist)
}

/// The org's options for the values of a unified list, where they are not the very same.
fn renamed(unified: &Json, field: &OrgField) -> Map<String, Json> {
    let values = unified["enum"].as_array().or_else(|| unified["items"]["enum"].as_array());
    let mut map = Map::new();
    for value in values.into_iter().flatten().filter_map(scalar).filter(|_| !field.options.is_empty()) {
        if fit::find(&field.options, &value).is_some() {
            continue;
        }
        let score = |it: &super::OrgOption| {
            let names = [scalar(&it.value).unwrap_or_default(), it.label.clone()];
            names.iter().map(|it| jaro_winkler(&plain(&value), &plain(it))).fold(0.0, f64::max)
        };
        let best = field.options.iter().map(|it| (score(it), it)).max_by(|a, b| a.0.total_cmp(&b.0));
        if let Some((_, option)) = best.filter(|(score, _)| *score >= ALIKE) {
            map.insert(value, option.value.clone());
        }
    }
    map
}

/// What the org requires and nothing was found for: the agent asks for it.
fn required(object: &Object, schema: &OrgSchema, matches: &[Match]) -> IndexMap<String, ExtraText> {
    let mut extra: IndexMap<String, ExtraText> = IndexMap::new();
    let is_matched = |field: &OrgField| matches.iter().any(|it| it.to == field.name);
    for field in schema.iter().filter(|it| it.required && it.writable && !is_matched(it)) {
        let name = input_name(field);
        let free = |it: &String| object.fields.get(it).is_none() && !extra.contains_key(it);
        let name =
            std::iter::once(name.clone()).chain((2..).map(|at| format!("{name}_{at}"))).find(free).unwrap_or(name);
        let landing = LandingText { to: field.name.clone(), ..LandingText::default() };
        extra.insert(name, ExtraText { landing, required: true, description: Some(format!("{}.", field.label)) });
    }
    extra
}

/// `Budget (EUR)` → `budget_eur`.
fn input_name(field: &OrgField) -> String {
    const LONGEST: usize = 40;
    let spelled = |text: &str| {
        let small = text.to_lowercase();
        let words = small.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| !it.is_empty());
        let name = words.collect::<Vec<_>>().join("_");
        name.chars().take(LONGEST).collect::<String>().trim_end_matches('_').to_owned()
    };
    let names = [spelled(&field.label), spelled(&field.name)];
    names.into_iter().find(|it| is_name(it)).unwrap_or_else(|| "field".to_owned())
}

impl Suggestion {
    /// As the API shows it.
    pub fn to_json(&self) -> Json {
        let one =
            |it: &Match| json!({"field": it.field, "to": it.to, "label": it.label, "score": it.score, "by": it.by});
        json!({
            "mapping": self.mapping,
            "matches": self.matches.iter().map(one).collect::<Vec<_>>(),
            "unmatched": self.unmatched,
        })
    }
}
