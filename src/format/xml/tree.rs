//! A document as a tree of elements whose names are resolved to namespace URIs (Namespaces in XML 1.0).

use std::{collections::HashSet, sync::Arc};

use quick_xml::{
    NsReader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesDecl, BytesRef, BytesStart, Event},
    name::{NamespaceResolver, ResolveResult},
};

use crate::format::FormatError;

/// Elements inside one another.
const MAX_DEPTH: usize = 64;
/// Elements and attributes together.
const MAX_NODES: usize = 200_000;
/// Of one element, namespace declarations included: each is compared with all before it.
const MAX_ATTRIBUTES: usize = 256;

/// An expanded name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// The namespace URI, shared between the names in it; none for a name in no namespace.
    pub(crate) namespace: Option<Arc<str>>,
    /// Without prefix.
    pub(crate) local: String,
}

impl Name {
    /// Whether it is this name of this namespace.
    pub(crate) fn is(&self, namespace: &str, local: &str) -> bool {
        self.namespace.as_deref() == Some(namespace) && self.local == local
    }
}

/// An element with all that it contains.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: Name,
    /// In order, without namespace declarations.
    pub(crate) attributes: Vec<(Name, String)>,
    /// In order.
    pub(crate) children: Vec<Element>,
    /// Its own text, CDATA and references, joined; not that of its children.
    pub(crate) text: String,
}

/// Parses a whole document.
pub(crate) fn parse(document: &[u8]) -> Result<Element, FormatError> {
    let text = decode(document)?;
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut builder = Builder::default();
    loop {
        let event = reader.read_event().map_err(|error| {
            // the parser's own messages can quote the document's text only where it has names
            fault(format!("{error} (at byte {})", reader.error_position()))
        })?;
        match event {
            Event::Start(start) => builder.open(&start, reader.resolver())?,
            Event::End(_) => builder.close(),
            Event::Text(text) => builder.text(&text.xml10_content())?,
            Event::CData(data) => builder.text(&data.xml10_content())?,
            Event::GeneralRef(reference) => builder.text(&resolve(&reference)?)?,
            Event::Decl(declaration) => check_encoding(&declaration)?,
            Event::DocType(_) => return Err(fault("document type declarations are refused")),
            Event::Empty(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return builder.finish(),
        }
    }
}

fn fault(why: impl Into<String>) -> FormatError {
    FormatError::new("XML", why)
}

fn decode(document: &[u8]) -> Result<&str, FormatError> {
    if document.starts_with(&[0xFE, 0xFF]) || document.starts_with(&[0xFF, 0xFE]) {
        return Err(fault("the document is in UTF-16; only UTF-8 is read"));
    }
    let document = document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document);
    std::str::from_utf8(document).map_err(|error| {
        fault(format!("the document is not UTF-8 (at byte {}); no other encoding is read", error.valid_up_to()))
    })
}

/// An encoding other than UTF-8 would read the same bytes as other characters.
fn check_encoding(declaration: &BytesDecl<'_>) -> Result<(), FormatError> {
    let Some(encoding) = declaration.encoding() else { return Ok(()) };
    let encoding = encoding.map_err(|error| fault(error.to_string()))?;
    let known = ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|it| encoding.eq_ignore_ascii_case(it));
    if known { Ok(()) } else { Err(fault(format!("the document is in {encoding}; only UTF-8 is read"))) }
}

/// `&#228;` and the five names that XML predefines; nothing that a document could define itself.
fn resolve(reference: &BytesRef<'_>) -> Result<String, FormatError> {
    let character = reference.resolve_char_ref().map_err(|error| fault(error.to_string()))?;
    match character {
        Some(character) if is_character(character) => Ok(character.to_string()),
        Some(character) => Err(fault(format!("&#{}; is not a character of XML", u32::from(character)))),
        None => resolve_predefined_entity(reference)
            .map(str::to_owned)
            .ok_or_else(|| fault("a reference is not one of the five that XML predefines")),
    }
}

/// Production Char of XML 1.0.
fn is_character(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    nodes: usize,
    /// Every namespace met so far: a document has few, and repeats them on each element.
    namespaces: HashSet<Arc<str>>,
}

impl Builder {
    fn open(&mut self, start: &BytesStart<'_>, resolver: &NamespaceResolver) -> Result<(), FormatError> {
        if self.root.is_some() {
            return Err(fault("there is a second root element"));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(fault(format!("elements are nested more than {MAX_DEPTH} deep")));
        }
        self.count()?;
        let (namespace, local) = resolver.resolve_element(start.name());
        let name = self.name(namespace, local.as_ref())?;
        let mut attributes = Vec::new();
        for (index, attribute) in start.attributes().enumerate() {
            if index == MAX_ATTRIBUTES {
                return Err(fault(format!("an element has more than {MAX_ATTRIBUTES} attributes")));
            }
            let attribute = attribute.map_err(|error| fault(error.to_string()))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            self.count()?;
            let (namespace, local) = resolver.resolve_attribute(attribute.key);
            let name = self.name(namespace, local.as_ref())?;
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| fault(error.to_string()))?;
            attributes.push((name, value.into_owned()));
        }
        self.open.push(Element { name, attributes, children: Vec::new(), text: String::new() });
        Ok(())
    }

    fn close(&mut self) {
        // the reader has refused an end tag that has no start
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), FormatError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.chars().all(super::is_space) => {}
            None => return Err(fault("there is text outside the root element")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, FormatError> {
        if let Some(element) = self.open.last() {
            return Err(fault(format!("the element `{}` is not closed", element.name.local)));
        }
        self.root.ok_or_else(|| fault("there is no root element"))
    }

    fn count(&mut self) -> Result<(), FormatError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(fault(format!("there are more than {MAX_NODES} nodes"))) } else { Ok(()) }
    }

    fn name(&mut self, namespace: ResolveResult<'_>, local: &str) -> Result<Name, FormatError> {
        let namespace = match namespace {
            ResolveResult::Unbound => None,
            // `xmlns=""` takes the default namespace back
            ResolveResult::Bound(uri) if uri.as_ref().is_empty() => None,
            ResolveResult::Bound(uri) => Some(self.namespace(uri.as_ref())),
            ResolveResult::Unknown(prefix) => return Err(fault(format!("the prefix `{prefix}` is not declared"))),
        };
        Ok(Name { namespace, local: local.to_owned() })
    }

    fn namespace(&mut self, uri: &str) -> Arc<str> {
        if let Some(known) = self.namespaces.get(uri) {
            return Arc::clone(known);
        }
        let new: Arc<str> = Arc::from(uri);
        self.namespaces.insert(Arc::clone(&new));
        new
    }
}
