//! What can stand at a place.

use std::ops::Range;

use super::{
    File, Project, described, expression,
    expression::Word,
    names::{Name, Names},
    outline::Kind,
    place::{Place, sections},
};
use crate::{
    base::Code,
    expr::library::{self, Role},
    spec::METHODS,
    yaml::{Key, Type},
};

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemKind {
    /// A key of the language.
    Key,
    /// A word of the language.
    Word,
    /// A name that expressions begin with.
    Root,
    /// A declared field, setting or captured value.
    Field,
    /// Something that is referred to: a step, a lookup, an action.
    Reference,
    /// A filter, test or function.
    Function,
}

/// Something that can stand at the place.
#[derive(Debug)]
pub struct Item {
    /// What is shown, and searched.
    pub label: String,
    /// What it is.
    pub kind: ItemKind,
    /// A few words beside it.
    pub detail: String,
    /// What it means, in Markdown.
    pub doc: String,
    /// What is written.
    pub insert: String,
    /// Instead of these bytes.
    pub replace: Range<usize>,
}

/// Stands at the place while it is looked for: so it is a word of its own, in whatever is being typed.
const MARK: char = '\u{E000}';

/// What can stand at a byte of the project's file.
pub fn complete(project: &Project, byte: usize) -> Vec<Item> {
    let text = &project.file.text;
    let byte = text.floor_char_boundary(byte.min(text.len()));
    let marked = format!("{}{MARK}{}", &text[..byte], &text[byte..]);
    let Some(file) = File::new(project.file.path.clone(), marked) else { return Vec::new() };
    let place = Place::of(&file, byte + 1);
    let completing =
        Completing { project, file: &file, place: &place, byte, names: Names { project, file: &file, place: &place } };
    completing.items()
}

struct Completing<'a> {
    project: &'a Project,
    /// With the mark.
    file: &'a File,
    place: &'a Place<'a>,
    /// In the text without the mark.
    byte: usize,
    names: Names<'a>,
}

impl Completing<'_> {
    fn items(&self) -> Vec<Item> {
        let last = self.place.last();
        if self.place.key.is_some() {
            return self.keys();
        }
        if let Kind::Scalar(range) = &last.node.kind
            && let Some(inside) = expression::placeholder(&self.file.text, range, self.byte)
        {
            return self.expression(&inside);
        }
        let in_list = last.entry.is_none();
        if in_list && last.types.iter().any(|it| matches!(it, Type::Section(_))) {
            return self.keys();
        }
        self.values()
    }

    /// The word around the place, in the text without the mark.
    fn word(&self, is_word: impl Fn(char) -> bool + Copy) -> Range<usize> {
        let text = &self.project.file.text;
        let start = text[..self.byte]
            .rfind(|it| !is_word(it))
            .map_or(0, |it| it + text[it..].chars().next().map_or(1, char::len_utf8));
        let end = text[self.byte..].find(|it| !is_word(it)).map_or(text.len(), |it| self.byte + it);
        start..end
    }

    fn keys(&self) -> Vec<Item> {
        let replace = self.word(|it| it.is_alphanumeric() || it == '_' || it == '-');
        let text = &self.project.file.text;
        let has_colon = text[replace.end..].trim_start_matches([' ', '"', '\'']).starts_with(':');
        let last = self.place.last();
        let given = |name: &str| last.node.entry(name).is_some();
        let insert = |name: &str, holds_more: bool| match (has_colon, holds_more) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name}:"),
            (false, false) => format!("{name}: "),
        };
        let mut items: Vec<Item> = Vec::new();
        for section in sections(last, &self.file.text) {
            for key in section.keys.iter().filter(|it| !given(it.name)) {
                if items.iter().any(|it| it.label == key.name) {
                    continue;
                }
                items.push(Item {
                    label: key.name.to_owned(),
                    kind: ItemKind::Key,
                    detail: format!("{}{}", if key.required { "required: " } else { "" }, key.kind.expected()),
                    doc: described(section, key),
                    insert: insert(key.name, holds_more(&key.kind)),
                    replace: replace.clone(),
                });
            }
        }
        let is_shared = last.key.is_some_and(|(section, _)| !matches!(section.name, "case" | "call"));
        for name in self.names.free_keys().into_iter().filter(|it| !given(&it.name)) {
            let written = insert(&name.name, false);
            let written = if is_shared && !has_colon { format!("{written}shared") } else { written };
            items.push(item(name, ItemKind::Field, replace.clone(), written));
        }
        items
    }

    fn values(&self) -> Vec<Item> {
        let last = self.place.last();
        if let Some(names) = self.names.references() {
            let replace = self.word(|it| !it.is_whitespace() && !",[]{}\"'".contains(it));
            return names.into_iter().map(|it| named(it, ItemKind::Reference, &replace)).collect();
        }
        let replace = self.word(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '.'));
        let mut items = Vec::new();
        let mut add = |word: &str, detail: &str, doc: String| {
            if !items.iter().any(|it: &Item| it.label == word) {
                items.push(Item {
                    label: word.to_owned(),
                    kind: ItemKind::Word,
                    detail: detail.to_owned(),
                    doc,
                    insert: word.to_owned(),
                    replace: replace.clone(),
                });
            }
        };
        let key = last.key.map(|(_, key)| key);
        let doc = last.key.map(|(section, key)| described(section, key)).unwrap_or_default();
        for kind in &last.types {
            match kind {
                Type::Word(words) => words.iter().for_each(|it| add(it, &meaning(it), doc.clone())),
                Type::Bool => ["true", "false"].iter().for_each(|it| add(it, "", doc.clone())),
                Type::Text if key.is_some_and(|it| it.name == "method") => {
                    METHODS.iter().for_each(|it| add(it, "method", doc.clone()));
                }
                _ => {}
            }
        }
        if items.is_empty() && self.place.last().entry.is_some() {
            items.extend(key.and_then(|it| example(it, &doc, &replace)));
        }
        items
    }

    fn expression(&self, inside: &Range<usize>) -> Vec<Item> {
        // The mark is no part of a word: what is before it was typed in the text without it.
        let text = &self.project.file.text;
        let inside = inside.start..inside.end.saturating_sub(MARK.len_utf8()).max(self.byte);
        let Some((replace, word)) = expression::word(text, &inside, self.byte) else { return Vec::new() };
        match word {
            Word::Filter => functions(Role::Filter, &replace),
            Word::Test => functions(Role::Test, &replace),
            Word::Name(parts) if parts.is_empty() => {
                let roots = self.names.members(&[]).into_iter().map(|it| named(it, ItemKind::Root, &replace));
                roots.chain(functions(Role::Function, &replace)).collect()
            }
            Word::Name(parts) => {
                let kind = if parts == ["steps"] { ItemKind::Reference } else { ItemKind::Field };
                self.names.members(&parts).into_iter().map(|it| named(it, kind, &replace)).collect()
            }
        }
    }
}

/// Whether the value of such a key begins on the next line.
fn holds_more(kind: &Type) -> bool {
    match kind {
        Type::Section(_) | Type::List(_) | Type::Named(_) | Type::Mapping(_) => true,
        Type::Either(types) => types.iter().all(holds_more),
        _ => false,
    }
}

/// What could be written there, where no word is known.
fn example(key: &Key, doc: &str, replace: &Range<usize>) -> Option<Item> {
    let written = key.default.or(key.example).map(str::to_owned).or_else(|| key.kind.example())?;
    Some(Item {
        label: written.clone(),
        kind: ItemKind::Word,
        detail: if key.default.is_some() { "the default".to_owned() } else { "for example".to_owned() },
        doc: doc.to_owned(),
        insert: written,
        replace: replace.clone(),
    })
}

/// What a customer hears of a word that is a code; other words say what they are.
fn meaning(word: &str) -> String {
    word.parse::<Code>().map(|it| it.say().to_owned()).unwrap_or_default()
}

fn named(name: Name, kind: ItemKind, replace: &Range<usize>) -> Item {
    let written = name.name.clone();
    item(name, kind, replace.clone(), written)
}

fn item(name: Name, kind: ItemKind, replace: Range<usize>, insert: String) -> Item {
    Item { label: name.name, kind, detail: name.detail, doc: name.doc, insert, replace }
}

fn functions(role: Role, replace: &Range<usize>) -> Vec<Item> {
    let item = |entry: &library::Entry| Item {
        label: entry.name.to_owned(),
        kind: ItemKind::Function,
        detail: entry.usage(),
        doc: super::hover::library_entry(entry),
        insert: entry.name.to_owned(),
        replace: replace.clone(),
    };
    library::entries(role).map(item).collect()
}
