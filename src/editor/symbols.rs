//! The parts of a file that have names.

use std::ops::Range;

use super::{
    File, FileKind,
    outline::{Entry, Node},
};

/// What a symbol is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// A section of the file.
    Section,
    /// An action or a lookup.
    Action,
    /// A step.
    Step,
    /// An event.
    Event,
    /// A field, also one of an object.
    Field,
    /// A case of the tests.
    Case,
}

/// A part with a name, and those in it.
#[derive(Debug)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Its title, if it has one.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub range: Range<usize>,
    /// Its name in the text.
    pub selection: Range<usize>,
    /// What is in it.
    pub children: Vec<Symbol>,
}

/// The symbols of a file, in its order.
pub fn symbols(file: &File) -> Vec<Symbol> {
    if file.kind == FileKind::Tests {
        let cases = file.root.get("cases").map(Node::items).unwrap_or_default();
        return cases.iter().filter_map(|it| called(file, it, "name", SymbolKind::Case)).collect();
    }
    file.root.entries().iter().map(|it| section(file, it)).collect()
}

fn section(file: &File, entry: &Entry) -> Symbol {
    let named = |kind, inside: fn(&File, &Node) -> Vec<Symbol>| {
        let entries = entry.value.entries().iter();
        entries.map(|it| Symbol { children: inside(file, &it.value), ..symbol(file, it, kind) }).collect()
    };
    let children = match entry.key.as_str() {
        "actions" | "lookups" => named(SymbolKind::Action, steps),
        "objects" => named(SymbolKind::Section, |file, it| fields(file, it.get("fields"))),
        "fields" => fields(file, Some(&entry.value)),
        "events" => {
            let types = entry.value.get("types").map(Node::entries).unwrap_or_default();
            types.iter().map(|it| symbol(file, it, SymbolKind::Event)).collect()
        }
        _ => Vec::new(),
    };
    Symbol { children, ..symbol(file, entry, SymbolKind::Section) }
}

fn steps(file: &File, owner: &Node) -> Vec<Symbol> {
    let steps = owner.get("steps").map(Node::items).unwrap_or_default();
    steps.iter().filter_map(|it| called(file, it, "id", SymbolKind::Step)).collect()
}

fn fields(file: &File, fields: Option<&Node>) -> Vec<Symbol> {
    fields.map(Node::entries).unwrap_or_default().iter().map(|it| symbol(file, it, SymbolKind::Field)).collect()
}

fn symbol(file: &File, entry: &Entry, kind: SymbolKind) -> Symbol {
    let title = entry.value.get("title").and_then(|it| it.text(&file.text)).unwrap_or_default();
    Symbol {
        name: entry.key.clone(),
        detail: title.to_owned(),
        kind,
        range: entry.key_range.start..entry.value.range.end.max(entry.key_range.end),
        selection: entry.key_range.clone(),
        children: Vec::new(),
    }
}

/// A list's entry that is called by one of its keys.
fn called(file: &File, node: &Node, key: &str, kind: SymbolKind) -> Option<Symbol> {
    let id = node.get(key)?;
    let name = id.text(&file.text)?.to_owned();
    Some(Symbol {
        name,
        detail: String::new(),
        kind,
        range: node.range.clone(),
        selection: id.range.clone(),
        children: Vec::new(),
    })
}
