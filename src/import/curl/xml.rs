//! An XML body as a template: what always stands in it is written out, and each text in it is an input.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{secrets, values};
use crate::{
    format::xml::tree::{self, Element, Name},
    import::{call, emit::Map, name},
};

/// More elements than this are no request that somebody pasted to have it imported.
const MOST: usize = 500;
/// Namespaces of SOAP envelopes, 1.1 and 1.2.
const ENVELOPES: &[&str] = &["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"];
/// Attributes of these namespaces say how something is meant.
const MEANINGS: &[&str] = &["http://www.w3.org/2001/XMLSchema-instance", "http://www.w3.org/XML/1998/namespace"];

/// A body.
#[derive(Debug)]
pub(super) struct Document {
    /// With placeholders.
    pub(super) written: String,
    /// As a case sends it.
    pub(super) sent: String,
    /// Prefix → namespace, as answers are read.
    pub(super) namespaces: Vec<(String, String)>,
    /// The prefix of the envelope and what is asked for, of SOAP.
    pub(super) soap: Option<(String, String)>,
}

/// The body, if it is XML in which texts and elements are not mixed.
pub(super) fn document(text: &str, inputs: &mut values::Tree<'_>) -> Option<Document> {
    let root = tree::parse(text.as_bytes()).ok()?;
    if size(&root) > MOST || is_mixed(&root) {
        return None;
    }
    let mut found = Vec::new();
    namespaces(&root, &mut found);
    let prefixes = prefixes(text, &found);
    let mut writer = Writer { prefixes: &prefixes, inputs, written: String::new(), sent: String::new() };
    if text.trim_start().starts_with("<?xml") {
        writer.both("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    }
    writer.element(&root, None, 0)?;
    let (written, sent) = (writer.written, writer.sent);
    // answers have prefixes whether the request has them or not
    let mut named: Vec<(String, String)> = prefixes.clone();
    for uri in found.iter().filter(|uri| !prefixes.iter().any(|(_, it)| **it == ***uri)) {
        let prefix = name::free("ns", |it| named.iter().any(|(prefix, _)| prefix == it));
        named.push((prefix, uri.to_string()));
    }
    named.retain(|(_, uri)| found.iter().any(|it| **it == **uri) && !MEANINGS.contains(&uri.as_str()));
    let soap = asked(&root).and_then(|what| {
        let envelope = named.iter().find(|(_, uri)| root.name.namespace.as_deref() == Some(uri))?;
        Some((envelope.0.clone(), what))
    });
    Some(Document { written, sent, namespaces: named, soap })
}

impl Document {
    /// What is answered in a case, what is taken from it, and what comes out.
    pub(super) fn answer(&self, status_type: &str) -> (Map, Option<String>, Json) {
        let typed =
            |text: String| Map::default().set("headers", json!({"content-type": status_type})).set("text", text);
        let Some((prefix, _)) = &self.soap else {
            return (typed("<answer><id>1</id></answer>".to_owned()), None, json!({"answer": {"id": "1"}}));
        };
        let uri = self.namespaces.iter().find(|it| it.0 == *prefix).map(|it| it.1.as_str()).unwrap_or_default();
        let (envelope, body) = (format!("{prefix}:Envelope"), format!("{prefix}:Body"));
        let text = format!("<{envelope} xmlns:{prefix}=\"{uri}\"><{body}><id>1</id></{body}></{envelope}>");
        (typed(text), Some(format!("$['{envelope}']['{body}']")), json!({"id": "1"}))
    }
}

/// What a SOAP body asks for.
fn asked(root: &Element) -> Option<String> {
    let uri = root.name.namespace.as_deref().filter(|it| root.name.local == "Envelope" && ENVELOPES.contains(it))?;
    let body = root.children.iter().find(|it| it.name.is(uri, "Body"))?;
    Some(body.children.first()?.name.local.clone())
}

fn size(element: &Element) -> usize {
    1 + element.attributes.len() + element.children.iter().map(size).sum::<usize>()
}

fn is_mixed(element: &Element) -> bool {
    let has_text = !element.text.trim().is_empty();
    (has_text && !element.children.is_empty()) || element.children.iter().any(is_mixed)
}

fn namespaces(element: &Element, found: &mut Vec<Arc<str>>) {
    let names = std::iter::once(&element.name).chain(element.attributes.iter().map(|it| &it.0));
    for uri in names.filter_map(|it| it.namespace.as_ref()) {
        if !found.contains(uri) {
            found.push(Arc::clone(uri));
        }
    }
    element.children.iter().for_each(|it| namespaces(it, found));
}

/// Prefix → namespace as the document declares them, each once; of those in `found` that have none, attributes need one.
fn prefixes(text: &str, found: &[Arc<str>]) -> Vec<(String, String)> {
    let mut prefixes: Vec<(String, String)> = Vec::new();
    for declared in text.split("xmlns:").skip(1) {
        let Some((prefix, rest)) = declared.split_once('=') else { continue };
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|it| matches!(it, '"' | '\'')) else { continue };
        let (prefix, uri) = (prefix.trim(), rest[1..].split(quote).next().unwrap_or_default());
        let is_name = prefix.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it)) && !prefix.is_empty();
        let is_known = found.iter().any(|it| **it == *uri) || uri == "http://www.w3.org/2001/XMLSchema";
        if is_name && is_known && !prefixes.iter().any(|(one, other)| one == prefix || other == uri) {
            prefixes.push((prefix.to_owned(), uri.to_owned()));
        }
    }
    prefixes
}

struct Writer<'a, 'b> {
    prefixes: &'a [(String, String)],
    inputs: &'a mut values::Tree<'b>,
    written: String,
    sent: String,
}

impl Writer<'_, '_> {
    fn both(&mut self, text: &str) {
        self.written.push_str(text);
        self.sent.push_str(text);
    }

    /// The name as the document says it.
    fn tag(&self, of: &Name) -> String {
        let prefix = self.prefixes.iter().find(|(_, uri)| of.namespace.as_deref() == Some(uri));
        match prefix {
            Some((prefix, _)) => format!("{prefix}:{}", of.local),
            None if of.namespace.as_deref() == Some("http://www.w3.org/XML/1998/namespace") => {
                format!("xml:{}", of.local)
            }
            None => of.local.clone(),
        }
    }

    /// An element, inside one whose default namespace is `outer`.
    fn element(&mut self, element: &Element, outer: Option<&str>, depth: usize) -> Option<()> {
        let tag = self.tag(&element.name);
        self.both(&format!("<{tag}"));
        if depth == 0 {
            for (prefix, uri) in self.prefixes {
                let declared = format!(" xmlns:{prefix}=\"{}\"", literal(uri)?);
                self.both(&declared);
            }
        }
        let own = element.name.namespace.as_deref();
        let default = if tag.contains(':') { outer } else { own };
        if default != outer {
            self.both(&format!(" xmlns=\"{}\"", literal(default.unwrap_or_default())?));
        }
        for (name, value) in &element.attributes {
            self.attribute(name, value)?;
        }
        let text = element.text.trim();
        if element.children.is_empty() && text.is_empty() {
            self.both("/>");
            return Some(());
        }
        self.both(">");
        if element.children.is_empty() {
            self.value(&element.name.local, text);
        }
        for child in &element.children {
            self.both(&format!("\n{}", "  ".repeat(depth + 1)));
            self.element(child, default, depth + 1)?;
        }
        if !element.children.is_empty() {
            self.both(&format!("\n{}", "  ".repeat(depth)));
        }
        self.both(&format!("</{tag}>"));
        Some(())
    }

    fn attribute(&mut self, name: &Name, value: &str) -> Option<()> {
        let tag = self.tag(name);
        if name.namespace.is_some() && !tag.contains(':') {
            return None;
        }
        self.both(&format!(" {tag}=\""));
        let says_how = name.namespace.as_deref().is_some_and(|it| MEANINGS.contains(&it) || ENVELOPES.contains(&it))
            || matches!(name.local.as_str(), "type" | "version");
        if says_how && !secrets::is_random(value) {
            let value = literal(value)?;
            self.both(&value);
        } else {
            self.value(&name.local, value);
        }
        self.both("\"");
        Some(())
    }

    fn value(&mut self, called: &str, value: &str) {
        let (slot, sample) = self.inputs.leaf(called, &values::read(value));
        let slot = match slot {
            crate::import::emit::Yaml::Scalar(Json::String(slot)) => slot,
            _ => String::new(),
        };
        self.written.push_str(&slot);
        self.sent.push_str(&call::in_xml(&call::plain(&sample)));
    }
}

/// What is written out; nothing where that would be read as something else.
fn literal(text: &str) -> Option<String> {
    let is_text = !text.contains("{{") && !text.chars().any(char::is_control);
    is_text.then(|| call::in_xml(text).replace('"', "&quot;"))
}
