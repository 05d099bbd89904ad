//! Typed access to a mapping by the language's tables, reporting what doesn't fit.
//!
//! Every getter gives `None` both for a key that is missing and for one whose value was refused; the difference is
//! among the diagnostics, so a caller just goes on with what it has.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Entry, Node,
    section::{Key, Section, Type, all_of, one_of},
    typed,
};
use crate::diag::{Diagnostic, Diagnostics, Fix, Span, codes, did_you_mean};

/// A mapping, read as a [`Section`].
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    entries: &'a [Entry],
    section: &'static Section,
    node: &'a Node,
    at: Span,
}

impl<'a> Reader<'a> {
    /// Reads `node` as `section`: reports if it is no mapping, every key that is not in the table and every required one
    /// that is missing.
    pub fn open(node: &'a Node, section: &'static Section, diagnostics: &mut Diagnostics) -> Option<Self> {
        // What is missing is reported at the section's first key: a caret under many lines says nothing.
        let at = node.as_map().and_then(|it| it.first()).map_or(node.span, |it| it.key_span);
        Self::open_at(node, at, section, diagnostics)
    }

    /// The same for a key's value: what is missing is reported at the key.
    pub fn open_entry(entry: &'a Entry, section: &'static Section, diagnostics: &mut Diagnostics) -> Option<Self> {
        Self::open_at(&entry.value, entry.key_span, section, diagnostics)
    }

    fn open_at(node: &'a Node, at: Span, section: &'static Section, diagnostics: &mut Diagnostics) -> Option<Self> {
        let Some(entries) = node.as_map() else {
            let kind = Type::Section(section);
            typed::refuse(node, &format!("`{}`", section.name), &kind, kind.example().as_deref(), diagnostics);
            return None;
        };
        let reader = Self { entries, section, node, at };
        for entry in entries.iter().filter(|it| section.key(&it.key).is_none()) {
            diagnostics.push(reader.unknown(entry));
        }
        for key in section.keys.iter().filter(|it| it.required && !reader.has(it.name)) {
            if !reader.is_misspelt(key.name) {
                diagnostics.push(reader.missing(key));
            }
        }
        Some(reader)
    }

    fn unknown(&self, entry: &Entry) -> Diagnostic {
        let (word, name) = (entry.key.as_str(), self.section.name);
        let diagnostic =
            Diagnostic::error(codes::UNKNOWN_KEY, entry.key_span, format!("unknown key `{word}` in `{name}`"));
        if let Some(key) = self.section.keys.iter().find(|it| it.confused.0.contains(&word)) {
            return diagnostic.help(key.confused.1);
        }
        if let Some(key) = self.meant(word) {
            let diagnostic = match key.mistaken.contains(&word) {
                true => diagnostic.help(format!("the key is called `{}`", key.name)).fix(Fix::respell(
                    entry.key_span,
                    word,
                    key.name,
                )),
                false => diagnostic.did_you_mean(word, self.free().map(|it| it.name)),
            };
            // What is of another type was meant otherwise.
            return Diagnostic {
                fix: diagnostic.fix.map(|it| if key.kind.may_be(&entry.value) { it } else { it.guess() }),
                ..diagnostic
            };
        }
        if let Some(other) = self.section.near.iter().find(|it| it.key(word).is_some()) {
            return diagnostic.help(format!("`{word}` is a key of `{}`", other.name));
        }
        let known: Vec<_> = self.section.keys.iter().map(|it| it.name).collect();
        diagnostic.help(format!("the keys of `{name}` are {}", all_of(&known)))
    }

    /// The key that somebody had in mind who wrote `word`.
    fn meant(&self, word: &str) -> Option<&'static Key> {
        self.free().find(|it| it.mistaken.contains(&word)).or_else(|| {
            let near = did_you_mean(word, self.free().map(|it| it.name))?;
            self.section.key(near)
        })
    }

    /// The keys that are not there yet.
    fn free(&self) -> impl Iterator<Item = &'static Key> {
        self.section.keys.iter().filter(|it| !self.has(it.name))
    }

    /// Whether an unknown key, which is reported as such, was to be this one: then it is not missing as well.
    fn is_misspelt(&self, key: &str) -> bool {
        let confused = self.section.key(key).map_or(&[][..], |it| it.confused.0);
        let mut unknown = self.entries.iter().filter(|it| self.section.key(&it.key).is_none());
        unknown.any(|it| confused.contains(&it.key.as_str()) || self.meant(&it.key).is_some_and(|it| it.name == key))
    }

    fn missing(&self, key: &Key) -> Diagnostic {
        let message = format!("`{}` lacks the key `{}`", self.section.name, key.name);
        let diagnostic = Diagnostic::error(codes::MISSING_KEY, self.at, message);
        match key.example.map(str::to_owned).or_else(|| key.kind.example()) {
            Some(example) => diagnostic.help(format!("add `{}: {example}`", key.name)),
            None => diagnostic.help(format!("add `{}: …`", key.name)),
        }
    }

    /// The section's name, as an author would call it.
    pub fn name(&self) -> &'static str {
        self.section.name
    }

    /// The mapping itself.
    pub fn source(&self) -> &'a Node {
        self.node
    }

    /// Where to report what concerns the section as a whole.
    pub fn at(&self) -> Span {
        self.at
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|it| it.key == key)
    }

    /// A key and its value.
    ///
    /// The key must be in the section's table: otherwise an author could never give it.
    pub fn entry(&self, key: &str) -> Option<&'a Entry> {
        debug_assert!(self.section.key(key).is_some(), "`{key}` is not in the table of `{}`", self.section.name);
        self.entries.iter().find(|it| it.key == key)
    }

    /// A key's value.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|it| &it.value)
    }

    /// Which one of `keys` is there. Reports when it is none, or more than one.
    pub fn exactly_one(&self, keys: &[&str], diagnostics: &mut Diagnostics) -> Option<&'a Entry> {
        if !keys.iter().any(|it| self.has(it)) {
            if keys.iter().any(|it| self.is_misspelt(it)) {
                return None;
            }
            let message = format!("`{}` lacks one of the keys {}", self.section.name, one_of(keys));
            diagnostics.push(Diagnostic::error(codes::MISSING_KEY, self.at, message));
            return None;
        }
        self.at_most_one(keys, diagnostics)
    }

    /// Which one of `keys` is there, if any. Reports when it is more than one; the first in the file holds.
    pub fn at_most_one(&self, keys: &[&str], diagnostics: &mut Diagnostics) -> Option<&'a Entry> {
        let mut found = self.entries.iter().filter(|it| keys.contains(&it.key.as_str()));
        let first = found.next()?;
        for other in found {
            let message = format!("`{}` and `{}` exclude each other", first.key, other.key);
            diagnostics.push(
                Diagnostic::error(codes::EXCLUSIVE_KEYS, other.key_span, message)
                    .note(first.key_span, format!("`{}` is given here", first.key))
                    .help("keep one of them"),
            );
        }
        Some(first)
    }

    /// A section inside this one.
    pub fn section(&self, key: &str, section: &'static Section, diagnostics: &mut Diagnostics) -> Option<Reader<'a>> {
        Reader::open_entry(self.entry(key)?, section, diagnostics)
    }

    /// Literal text, not empty.
    pub fn text(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a str> {
        self.typed(key, diagnostics, typed::text)
    }

    /// `true` or `false`.
    pub fn bool(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<bool> {
        self.typed(key, diagnostics, typed::bool)
    }

    /// A whole number in the range of the table.
    pub fn integer<T: TryFrom<i64>>(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<T> {
        self.typed(key, diagnostics, typed::integer).and_then(|it| T::try_from(it).ok())
    }

    /// A duration above zero.
    pub fn duration(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<Duration> {
        self.typed(key, diagnostics, typed::duration)
    }

    /// An instant.
    pub fn instant(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
        self.typed(key, diagnostics, typed::instant)
    }

    /// One of the table's words.
    pub fn word(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'static str> {
        self.typed(key, diagnostics, typed::word)
    }

    /// An id, name, version or colour: text of the form that the table asks for.
    pub fn formed(&self, key: &str, diagnostics: &mut Diagnostics) -> Option<&'a str> {
        self.typed(key, diagnostics, typed::formed)
    }

    /// A list's entries; nothing if there is no list.
    pub fn list(&self, key: &str, diagnostics: &mut Diagnostics) -> &'a [Node] {
        self.typed(key, diagnostics, typed::list).unwrap_or_default()
    }

    /// The entries of a list of literal texts, with their places, or the one text that stands instead of the list.
    pub fn texts(&self, key: &str, diagnostics: &mut Diagnostics) -> Vec<(&'a str, Span)> {
        self.typed(key, diagnostics, typed::texts).unwrap_or_default()
    }

    /// One value, or the entries of a list of them.
    pub fn one_or_many(&self, key: &str) -> &'a [Node] {
        let Some(node) = self.node(key) else { return &[] };
        node.as_list().unwrap_or(std::slice::from_ref(node))
    }

    /// The entries of a mapping whose keys are names of the author's choice (`lower_case_with_underscores`); those that
    /// aren't are reported.
    pub fn named(&self, key: &str, diagnostics: &mut Diagnostics) -> &'a [Entry] {
        self.typed(key, diagnostics, typed::named).unwrap_or_default()
    }

    /// The entries of a mapping with keys of any kind.
    pub fn mapping(&self, key: &str, diagnostics: &mut Diagnostics) -> &'a [Entry] {
        self.typed(key, diagnostics, typed::mapping).unwrap_or_default()
    }

    fn typed<T>(
        &self,
        key: &str,
        diagnostics: &mut Diagnostics,
        read: impl FnOnce(&'a Node, &typed::Wanted<'_>, &mut Diagnostics) -> Option<T>,
    ) -> Option<T> {
        let node = self.node(key)?;
        let key = self.section.key(key)?;
        let wanted = typed::Wanted { what: key.name, kind: key.kind, example: key.example };
        read(node, &wanted, diagnostics)
    }
}
