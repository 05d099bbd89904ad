//! A tree of a text that may be half typed.
//!
//! The checker's parser gives a tree only of a text that is right, and an editor asks in the middle of a word. So this one
//! goes by indentation and brackets, reads every line as what it most likely is, and never fails: what is not closed ends
//! where the next key of the owner stands. It knows ranges and keys, and nothing of what they mean.

use std::ops::Range;

use block::Reader;

mod block;
mod flow;

/// Deeper nodes are not looked into.
const MAX_DEPTH: usize = 64;

/// A node, and the bytes that it takes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// All of it, quotes and brackets included.
    pub range: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Not there yet.
    Nothing,
    /// Text, where it stands between its quotes.
    Scalar(Range<usize>),
    /// `- a` or `[a]`
    List(Vec<Node>),
    /// `key: value`
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where it stands, without quotes.
    pub key_range: Range<usize>,
    /// Its value; nothing if there is no colon yet.
    pub value: Node,
}

impl Node {
    /// The entries of a mapping; of anything else none.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entries of a list; of anything else none.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// The entry of that key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|it| it.key == key)
    }

    /// The value at that key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|it| &it.value)
    }

    /// The value that a path of keys leads to.
    pub fn at(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// What is written of a scalar, without quotes.
    pub fn text<'t>(&self, text: &'t str) -> Option<&'t str> {
        match &self.kind {
            Kind::Scalar(range) => text.get(range.clone()),
            _ => None,
        }
    }
}

/// Reads a text.
pub fn read(text: &str) -> Node {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let mut root = Node { range: 0..text.len(), kind: Kind::Nothing };
    // What the indentation leaves behind, as after a key that was moved, is read as another part of the file.
    while let Some(line) = reader.peek() {
        let part = reader.block(&line);
        match (&mut root.kind, part.kind) {
            (Kind::Map(all), Kind::Map(more)) => all.extend(more),
            (Kind::Nothing, kind) => root.kind = kind,
            _ => {}
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree in short: `{key: value}`, `[a]`, texts as they are, `~` for nothing.
    fn short(text: &str, node: &Node) -> String {
        match &node.kind {
            Kind::Nothing => "~".to_owned(),
            Kind::Scalar(range) => text[range.clone()].to_owned(),
            Kind::List(items) => {
                format!("[{}]", items.iter().map(|it| short(text, it)).collect::<Vec<_>>().join(", "))
            }
            Kind::Map(entries) => {
                let entries = entries.iter().map(|it| format!("{}: {}", it.key, short(text, &it.value)));
                format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(short(text, &read(text)), expected, "{text}");
    }

    #[test]
    fn what_is_right_is_read_as_it_is() {
        check("a: 1\nb:\n  c: x # why\n  d: \"y: z\"\n", "{a: 1, b: {c: x, d: y: z}}");
        check(
            "a: {b: [1, 'it''s'], \"c\": {d: e}}\nf: [x,\n  y]\ng: 1",
            "{a: {b: [1, it''s], c: {d: e}}, f: [x, y], g: 1}",
        );
        check("a:\n- b: 1\n  c: 2\n- d\n-\n  e: 3\nf: 4", "{a: [{b: 1, c: 2}, d, {e: 3}], f: 4}");
        check("a: |\n  one\n\n   two: x\nb: more\n  words\nc: 1", "{a: \n  one\n\n   two: x, b: more\n  words, c: 1}");
        check("- - a\n  - b\n- c", "[[a, b], c]");
        check("a: \"one\n  two\"\nb: https://x.y/z", "{a: one\n  two, b: https://x.y/z}");
        check("a: {b: \"{{ x }}\",\n  c: 2,\n}\nd: 1\r\n", "{a: {b: {{ x }}, c: 2}, d: 1}");
    }

    #[test]
    fn what_is_half_typed_keeps_the_rest_in_place() {
        check("a:\n  me\nb: 1", "{a: {me: ~}, b: 1}");
        check("a:\n  c:\nb: 1", "{a: {c: ~}, b: 1}");
        check("a: {b: 1, c\nd: 2", "{a: {b: 1, c: ~}, d: 2}");
        check("a: {b: \"/x/{{ input.\nd: 2", "{a: {b: /x/{{ input.}, d: 2}");
        check("a: \"{{ input.\nd: 2", "{a: {{ input., d: 2}");
        check("a: {{ input.x\nd: 2", "{a: {{ input.x, d: 2}");
        check("a: {b: {{ x }}, c: 1}\nd: 2", "{a: {b: {{ x }}, c: 1}, d: 2}");
        check("a: [x, {b: 1\nd: 2", "{a: [x, {b: 1}], d: 2}");
        check("a:\n  b: 1\n    c: 2\n  d: 3", "{a: {b: 1, d: 3}}");
        check("a:\n  - \n  - b\n", "{a: [~, b]}");
        check("  a: 1\nb: 2", "{a: 1, b: 2}");
        check("", "~");
    }

    #[test]
    fn nothing_makes_it_fail_or_last() {
        for text in
            ["{", "}", "[[[{{{", "a: ]", "\"", "'", "- - - -", ":", ": :", "a: |", "\t\ta: b", "\r\n\r\n", "ü: é\n ß"]
        {
            read(text);
        }
        read(&"[".repeat(100_000));
        read(&"- ".repeat(100_000));
        read(&(0..500).map(|it| format!("{}a:\n", " ".repeat(it))).collect::<String>());
    }

    #[test]
    fn the_shipped_connectors_have_the_keys_that_the_parser_finds() {
        use crate::{
            diag::{Diagnostics, Sources},
            yaml,
        };
        fn same(node: &Node, parsed: &yaml::Node, path: &str) {
            match &parsed.kind {
                yaml::Kind::Map(entries) => {
                    let keys: Vec<_> = node.entries().iter().map(|it| &it.key).collect();
                    assert_eq!(keys, entries.iter().map(|it| &it.key).collect::<Vec<_>>(), "{path}");
                    for (ours, theirs) in node.entries().iter().zip(entries) {
                        same(&ours.value, &theirs.value, &format!("{path}/{}", ours.key));
                    }
                }
                yaml::Kind::List(items) => {
                    assert_eq!(node.items().len(), items.len(), "{path}");
                    node.items().iter().zip(items).for_each(|(ours, theirs)| same(ours, theirs, path));
                }
                yaml::Kind::Scalar(..) => assert!(node.entries().is_empty() && node.items().is_empty(), "{path}"),
            }
        }
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors");
        let list =
            |it: &std::path::Path| std::fs::read_dir(it).expect("a directory").map(|it| it.expect("an entry").path());
        let files = list(&root).filter(|it| it.is_dir()).flat_map(|it| list(&it).collect::<Vec<_>>());
        let files: Vec<_> = files.filter(|it| it.extension().is_some_and(|it| it == "yaml")).collect();
        assert!(files.len() > 10);
        for file in files {
            let text = std::fs::read_to_string(&file).expect("text");
            let mut sources = Sources::default();
            let id = sources.add("x", text.clone());
            let parsed = yaml::parse(&sources, id, &mut Diagnostics::default()).expect("it is right");
            same(&read(&text), &parsed, &file.display().to_string());
        }
    }
}
