//! Writes YAML the way people write it: short mappings on one line, long texts folded, comments where they belong.
//!
//! Whatever is written is read back by [`crate::yaml`] as the same value; a test holds that for any JSON.

mod scalar;

use serde_json::{Map as JsonMap, Value as Json};

use scalar::{comment, is_odd, quoted, scalar};

/// How long a line may become before a mapping or a list is written over several, and a text is folded.
const WIDTH: usize = 120;

/// A value to be written.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// Null, a boolean, a number, or a text.
    Scalar(Json),
    /// Entries in order.
    List(Vec<Yaml>),
    /// Keys in order.
    Map(Map),
}

/// A mapping to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Map {
    entries: Vec<Entry>,
    /// Over several lines, however short.
    block: bool,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    /// In quotes, so that it is no keyword of the language.
    quoted: bool,
    value: Yaml,
    /// Comment lines before it, without `#`.
    above: Vec<String>,
    /// An empty line before it.
    gap: bool,
}

impl<T: Into<Json>> From<T> for Yaml {
    fn from(value: T) -> Self {
        match value.into() {
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(entries) => Self::Map(entries.into()),
            scalar => Self::Scalar(scalar),
        }
    }
}

impl From<Map> for Yaml {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

impl From<JsonMap<String, Json>> for Map {
    fn from(entries: JsonMap<String, Json>) -> Self {
        entries.into_iter().fold(Self::default(), |map, (key, value)| map.own(&key, value))
    }
}

impl Map {
    /// With one more key.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Yaml>) -> Self {
        let value = value.into();
        self.entries.push(Entry { key: key.to_owned(), quoted: false, value, above: Vec::new(), gap: false });
        self
    }

    /// With one more key, if there is a value for it.
    #[must_use]
    pub fn maybe(self, key: &str, value: Option<impl Into<Yaml>>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self,
        }
    }

    /// With one more key that is the provider's own: one that the language would take for a keyword is put in quotes.
    #[must_use]
    pub fn own(self, key: &str, value: impl Into<Yaml>) -> Self {
        let mut map = self.set(key, value);
        if let Some(last) = map.entries.last_mut() {
            last.quoted = matches!(key, "when" | "each" | "as" | "literals");
        }
        map
    }

    /// An empty line before the key that was set last.
    #[must_use]
    pub fn gap(mut self) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.gap = true;
        }
        self
    }

    /// Comment lines before the key that was set last.
    #[must_use]
    pub fn above(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        if let Some(last) = self.entries.last_mut() {
            last.above.extend(lines);
        }
        self
    }

    /// Over several lines, however short.
    #[must_use]
    pub fn block(mut self) -> Self {
        self.block = true;
        self
    }

    /// With the entries of another behind its own.
    #[must_use]
    pub fn and(mut self, other: Map) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// Keys and values, without comments.
    pub fn into_entries(self) -> impl Iterator<Item = (String, Yaml)> {
        self.entries.into_iter().map(|it| (it.key, it.value))
    }

    /// Whether nothing was set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The text of a file.
pub fn document(map: &Map) -> String {
    let mut out = String::new();
    block_map(map, 0, &mut out);
    out
}

/// The text of some entries of a mapping, indented by so many spaces.
pub fn entries(map: &Map, indent: usize) -> String {
    let mut out = String::new();
    block_map(map, indent, &mut out);
    out
}

/// The text of some entries of a list, indented by so many spaces.
pub fn items(items: &[Yaml], indent: usize) -> String {
    let mut out = String::new();
    block_list(items, indent, &mut out);
    out
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

fn block_map(map: &Map, indent: usize, out: &mut String) {
    for entry in &map.entries {
        if entry.gap && !out.is_empty() {
            out.push('\n');
        }
        for line in &entry.above {
            pad(indent, out);
            out.push_str(&comment(line));
            out.push('\n');
        }
        pad(indent, out);
        key_and_value(entry, indent, out);
    }
}

/// `key: value`, behind what stands before it on its line.
fn key_and_value(entry: &Entry, indent: usize, out: &mut String) {
    let start = out.rfind('\n').map_or(0, |it| it + 1);
    out.push_str(&key(entry, false));
    out.push(':');
    let used = out[start..].chars().count() + 1;
    value(&entry.value, used, indent + 2, out);
}

/// A value behind its key: on the same line, or below, indented.
fn value(value: &Yaml, used: usize, indent: usize, out: &mut String) {
    if let Some(short) = flow(value).filter(|it| used + it.chars().count() <= WIDTH) {
        out.push(' ');
        out.push_str(&short);
        out.push('\n');
        return;
    }
    match value {
        Yaml::Scalar(Json::String(text)) => long_text(text, indent, out),
        Yaml::Scalar(scalar) => {
            out.push(' ');
            out.push_str(&scalar.to_string());
            out.push('\n');
        }
        Yaml::List(items) => {
            out.push('\n');
            block_list(items, indent, out);
        }
        Yaml::Map(map) => {
            out.push('\n');
            block_map(map, indent, out);
        }
    }
}

fn block_list(items: &[Yaml], indent: usize, out: &mut String) {
    for item in items {
        pad(indent, out);
        out.push('-');
        match item {
            Yaml::Map(map) if flow(item).is_none_or(|it| indent + 2 + it.chars().count() > WIDTH) => {
                // its first key stands behind the dash
                let mut inner = String::new();
                block_map(map, indent + 2, &mut inner);
                out.push(' ');
                out.push_str(inner.trim_start_matches(' '));
            }
            item => value(item, indent + 2, indent + 2, out),
        }
    }
}

/// A text that doesn't fit on its line, or has lines of its own.
fn long_text(text: &str, indent: usize, out: &mut String) {
    let printable = !text.contains(|it: char| (it.is_control() && it != '\n') || is_odd(it));
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let tidy = |line: &&str| !line.ends_with([' ', '\t']) && !line.starts_with(['\t', ' ']);
    let few_ends = text.len() - text.trim_end_matches('\n').len() <= 1;
    let keeps = printable && !text.is_empty() && few_ends && lines[0].trim() == lines[0] && !lines[0].is_empty();
    if text.contains('\n') && keeps && lines.iter().all(|it| !it.ends_with([' ', '\t'])) {
        out.push_str(if text.ends_with('\n') { " |\n" } else { " |-\n" });
        for line in lines {
            if !line.is_empty() {
                pad(indent, out);
                out.push_str(line);
            }
            out.push('\n');
        }
        return;
    }
    let folds = keeps && !text.contains('\n') && tidy(&text) && !text.contains("  ") && text.contains(' ');
    if !folds {
        out.push(' ');
        out.push_str(&quoted(text));
        out.push('\n');
        return;
    }
    out.push_str(" >-\n");
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent + line.chars().count() + 1 + word.chars().count() > WIDTH - 5 {
            pad(indent, out);
            out.push_str(&line);
            out.push('\n');
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    pad(indent, out);
    out.push_str(&line);
    out.push('\n');
}

/// On one line; `None` where it needs several.
fn flow(value: &Yaml) -> Option<String> {
    inline(value, false)
}

fn inline(value: &Yaml, inside: bool) -> Option<String> {
    match value {
        Yaml::Scalar(Json::String(text)) if text.contains('\n') && !inside => None,
        Yaml::Scalar(Json::String(text)) => Some(scalar(text, inside)),
        Yaml::Scalar(scalar) => Some(scalar.to_string()),
        Yaml::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|it| inline(it, true)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Yaml::Map(map) if map.block && !map.is_empty() => None,
        Yaml::Map(map) => {
            let plain = |it: &Entry| it.above.is_empty() && !it.gap;
            if !map.entries.iter().all(plain) {
                return None;
            }
            let entries: Option<Vec<_>> =
                map.entries.iter().map(|it| Some(format!("{}: {}", key(it, true), inline(&it.value, true)?))).collect();
            Some(format!("{{{}}}", entries?.join(", ")))
        }
    }
}

fn key(entry: &Entry, inside: bool) -> String {
    if entry.quoted { quoted(&entry.key) } else { scalar(&entry.key, inside) }
}
