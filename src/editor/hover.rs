//! What stands at a place, explained.

use std::ops::Range;

use super::{
    Project, described, expression,
    expression::Word,
    names::{Name, Names, meaning},
    outline::Kind,
    place::{Place, sections},
};
use crate::expr::library::{self, Entry, Role};

/// What is said of a place.
#[derive(Debug)]
pub struct Hover {
    /// What it is about.
    pub range: Range<usize>,
    /// What is said, in Markdown.
    pub text: String,
}

/// What is said of a byte of the project's file.
pub fn hover(project: &Project, byte: usize) -> Option<Hover> {
    let file = &project.file;
    let place = Place::of(file, byte);
    let names = Names { project, file, place: &place };
    let last = place.last();
    if let Some(entry) = place.key {
        let key = sections(last, &file.text).into_iter().find_map(|it| Some((it, it.key(&entry.key)?)));
        let text = match key {
            Some((section, key)) => described(section, key),
            None => told(&names.free_keys().into_iter().find(|it| it.name == entry.key)?),
        };
        return Some(Hover { range: entry.key_range.clone(), text });
    }
    let Kind::Scalar(range) = &last.node.kind else { return None };
    if let Some(inside) = expression::placeholder(&file.text, range, byte) {
        let (range, word) = expression::word(&file.text, &inside, byte)?;
        let name = &file.text[range.clone()];
        let entry = |role| library::find(role, name).map(library_entry);
        let text = match word {
            Word::Filter => entry(Role::Filter),
            Word::Test => entry(Role::Test),
            Word::Name(parts) => match names.find(&parts, name) {
                Some(name) => Some(told(&name)),
                None if parts.is_empty() => entry(Role::Function),
                None => None,
            },
        };
        return Some(Hover { range, text: text? });
    }
    let written = last.node.text(&file.text)?;
    let referred = || names.references()?.into_iter().find(|it| it.name == written);
    if let Some(name) = names.shared().or_else(referred) {
        return Some(Hover { range: range.clone(), text: told(&name) });
    }
    let (section, key) = last.key?;
    Some(Hover { range: range.clone(), text: described(section, key) })
}

fn told(name: &Name) -> String {
    let root = meaning(&name.name);
    let is_root = name.detail == root;
    let head = if is_root { format!("`{}`: {root}", name.name) } else { format!("`{}`: {}", name.name, name.detail) };
    if name.doc.is_empty() { head } else { format!("{head}\n\n{}", name.doc) }
}

/// A filter, test or function: how it is written, what it does, an example.
pub(super) fn library_entry(entry: &Entry) -> String {
    let (source, gives) = entry.example;
    format!("`{}`\n\n{}\n\n```text\n{{{{ {source} }}}}\n→ {gives}\n```", entry.usage(), entry.doc)
}
