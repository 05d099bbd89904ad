//! XML → JSON, by namespace URI and local name, whatever prefixes the document uses.
//!
//! * The document is a mapping with one key, the root's name. A name is `prefix:local` with the connector's prefix for
//!   that namespace, or `local` for a name in no namespace. What is in a namespace without a prefix is dropped, with all
//!   that it contains; if that is the root, it is an error.
//! * An element without attributes and children (that were not dropped) is its text, so an empty one is `""`. Any other is
//!   a mapping of `@attribute`, child and, if there is some, `#text`.
//! * White space around an element's text is layout and is dropped; CDATA and references count as text.
//! * A child that is there more than once is a list; one named in [`Rules::arrays`] always is.

use serde_json::{Map, Value as Json};

use super::FormatError;
use tree::{Element, Name};

pub(crate) mod tree;

/// How a connector reads XML answers.
#[derive(Debug, Default, Clone)]
pub struct Rules {
    /// Namespace URI → the prefix used in this connector.
    pub namespaces: Vec<(String, String)>,
    /// `prefix:name`s that are always lists.
    pub arrays: Vec<String>,
}

impl Rules {
    /// The connector's name for a document's; none when its namespace has no prefix here.
    fn name(&self, name: &Name) -> Option<String> {
        let Some(uri) = &name.namespace else { return Some(name.local.clone()) };
        let (_, prefix) = self.namespaces.iter().find(|(it, _)| **it == **uri)?;
        Some(format!("{prefix}:{}", name.local))
    }
}

/// Reads a document.
///
/// # Errors
/// When it is not well-formed UTF-8 XML 1.0, has a document type declaration or a reference that XML does not predefine,
/// is deeper than 64 elements or has more than 200,000 nodes, or when its root is in a namespace that `rules` don't name.
pub fn to_json(document: &[u8], rules: &Rules) -> Result<Json, FormatError> {
    let root = tree::parse(document)?;
    let name = rules.name(&root.name).ok_or_else(|| {
        let namespace = root.name.namespace.as_deref().unwrap_or_default();
        FormatError::new(
            "XML",
            format!("the root element `{}` is in namespace `{namespace}`, which has no prefix", root.name.local),
        )
    })?;
    let mut document = Map::new();
    insert(&mut document, name, value(root, rules), rules);
    Ok(Json::Object(document))
}

/// What an element is in JSON.
fn value(element: Element, rules: &Rules) -> Json {
    let mut map = Map::new();
    for (name, value) in element.attributes {
        if let Some(name) = rules.name(&name) {
            map.insert(format!("@{name}"), Json::String(value));
        }
    }
    children(element.children, rules, &mut map);
    let text = element.text.trim_matches(is_space);
    if map.is_empty() {
        return Json::String(text.to_owned());
    }
    if !text.is_empty() {
        map.insert("#text".to_owned(), Json::String(text.to_owned()));
    }
    Json::Object(map)
}

/// Adds elements to a mapping, each by its name.
pub(super) fn children(elements: Vec<Element>, rules: &Rules, map: &mut Map<String, Json>) {
    for element in elements {
        if let Some(name) = rules.name(&element.name) {
            insert(map, name, value(element, rules), rules);
        }
    }
}

/// The connector's name for an element's.
pub(super) fn name(element: &Element, rules: &Rules) -> Option<String> {
    rules.name(&element.name)
}

fn insert(map: &mut Map<String, Json>, name: String, value: Json, rules: &Rules) {
    match map.get_mut(&name) {
        // an element is a string or a mapping, so a list here is one of ours
        Some(Json::Array(list)) => list.push(value),
        Some(first) => {
            let first_value = first.take();
            *first = Json::Array(vec![first_value, value]);
        }
        None if rules.arrays.contains(&name) => {
            map.insert(name, Json::Array(vec![value]));
        }
        None => {
            map.insert(name, value);
        }
    }
}

/// White space as XML has it (production S).
pub(crate) fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests;
