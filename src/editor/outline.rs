//! A tree of a text that may be half typed.
//!
//! The checker's parser gives a tree only of a text that is right, and an editor asks in the middle of a word. So this one
//! goes by indentation and brackets, reads every line as what it most likely is, and never fails: what is not closed ends
//! where the next key of the owner stands. It knows ranges and keys, and nothing of what they mean.

use std::ops::Range;

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

struct Line {
    /// Where its first character that is no blank stands.
    content: usize,
    /// Where it ends, without the break.
    end: usize,
    /// How far the content is from the line's beginning.
    column: usize,
}

struct Reader<'a> {
    text: &'a str,
    /// The next line begins at or after this.
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    /// The next line that holds anything but blanks and a comment.
    fn peek(&self) -> Option<Line> {
        let mut start = self.at;
        // The end of a line that was read belongs to it.
        if start > 0 && !self.text[..start].ends_with('\n') {
            start = self.end_of_line(start) + 1;
        }
        while start < self.text.len() {
            let end = self.end_of_line(start);
            let line = &self.text[start..end];
            let column = line.len() - line.trim_start().len();
            let content = &line[column..];
            let begins_a_document = column == 0 && content.trim_end() == "---";
            if !(content.is_empty() || content.starts_with('#') || begins_a_document) {
                let end = start + line.trim_end().len();
                return Some(Line { content: start + column, end, column });
            }
            start = end + 1;
        }
        None
    }

    fn end_of_line(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |it| at + it)
    }

    fn is_dash(&self, line: &Line) -> bool {
        let content = &self.text[line.content..line.end];
        content == "-" || content.starts_with("- ")
    }

    /// A list or a mapping that begins with that line.
    fn block(&mut self, line: &Line) -> Node {
        self.depth += 1;
        let node = if self.depth > MAX_DEPTH {
            self.at = line.end;
            Node { range: line.content..line.end, kind: Kind::Nothing }
        } else if self.is_dash(line) {
            self.list(line)
        } else {
            self.map(line)
        };
        self.depth -= 1;
        node
    }

    fn list(&mut self, first: &Line) -> Node {
        let column = first.column;
        let (start, mut end) = (first.content, first.end);
        let mut items = Vec::new();
        let mut line = Line { ..*first };
        loop {
            let item = self.item(&line);
            end = end.max(item.range.end);
            items.push(item);
            match self.following(column) {
                Some(next) if next.column == column && self.is_dash(&next) => line = next,
                _ => break,
            }
        }
        Node { range: start..end, kind: Kind::List(items) }
    }

    fn item(&mut self, line: &Line) -> Node {
        let rest = &self.text[line.content + 1..line.end];
        let content = line.content + 1 + (rest.len() - rest.trim_start().len());
        let inner = Line { content, end: line.end, column: line.column + (content - line.content) };
        self.at = line.end;
        if content >= line.end || self.text[content..].starts_with('#') {
            return match self.peek() {
                Some(next) if next.column > line.column => self.block(&next),
                _ => Node { range: content..content, kind: Kind::Nothing },
            };
        }
        if self.is_dash(&inner) || self.key_end(&inner).is_some() {
            return self.block(&inner);
        }
        self.inline(content, line.end, line.column)
    }

    fn map(&mut self, first: &Line) -> Node {
        let column = first.column;
        let (start, mut end) = (first.content, first.end);
        let mut entries = Vec::new();
        let mut line = Line { ..*first };
        loop {
            let entry = self.entry(&line);
            end = end.max(entry.value.range.end).max(entry.key_range.end);
            entries.push(entry);
            match self.following(column) {
                Some(next) if next.column == column && !self.is_dash(&next) => line = next,
                _ => break,
            }
        }
        Node { range: start..end, kind: Kind::Map(entries) }
    }

    /// The next line that is not deeper than `column`: what is deeper and was not read has no place.
    fn following(&mut self, column: usize) -> Option<Line> {
        loop {
            let next = self.peek()?;
            if next.column <= column {
                return Some(next);
            }
            self.at = next.end;
        }
    }

    /// Where the key of a line ends (quotes included), if a colon follows.
    fn key_end(&self, line: &Line) -> Option<usize> {
        let content = &self.text[line.content..line.end];
        if let Some(quote) = content.chars().next().filter(|it| matches!(it, '"' | '\'')) {
            let close = content[1..].find(quote)? + 2;
            let is_key = content[close..].trim_start().starts_with(':');
            return is_key.then_some(line.content + close);
        }
        if content.starts_with(['{', '[', '#']) {
            return None;
        }
        let colon = content
            .char_indices()
            .find(|(at, it)| *it == ':' && content[at + 1..].chars().next().is_none_or(char::is_whitespace));
        colon.map(|(at, _)| line.content + at)
    }

    fn entry(&mut self, line: &Line) -> Entry {
        self.at = line.end;
        let Some(end) = self.key_end(line) else {
            // A key that is still being typed.
            let word = self.text[line.content..line.end].split(" #").next().unwrap_or_default().trim_end();
            let range = line.content..line.content + word.len();
            let nothing = Node { range: line.end..line.end, kind: Kind::Nothing };
            return Entry { key: word.to_owned(), key_range: range, value: nothing };
        };
        let is_quoted = self.text[line.content..].starts_with(['"', '\'']);
        let key_range = if is_quoted { line.content + 1..end - 1 } else { line.content..end };
        let after = &self.text[end..line.end];
        let colon = end + after.find(':').map_or(after.len(), |it| it + 1);
        let rest = &self.text[colon..line.end];
        let start = colon + (rest.len() - rest.trim_start().len());
        let key = self.text[key_range.clone()].to_owned();
        Entry { key, key_range, value: self.value(start, line) }
    }

    fn value(&mut self, start: usize, line: &Line) -> Node {
        if start < line.end && !self.text[start..].starts_with('#') {
            return self.inline(start, line.end, line.column);
        }
        match self.peek() {
            Some(next) if next.column > line.column => self.block(&next),
            // A list may stand under its key without being indented.
            Some(next) if next.column == line.column && self.is_dash(&next) => self.block(&next),
            _ => Node { range: start..start, kind: Kind::Nothing },
        }
    }

    /// What stands on the line of its key, whose column is given; and on the lines that belong to it.
    fn inline(&mut self, start: usize, end: usize, column: usize) -> Node {
        let rest = &self.text[start..end];
        match rest.chars().next() {
            Some('|' | '>') => {
                let end = self.deeper(column);
                let content = self.end_of_line(start).min(end);
                Node { range: start..end, kind: Kind::Scalar(content..end) }
            }
            Some('{' | '[') if !rest.starts_with("{{") => {
                let limit = self.limit(column);
                let mut flow = Flow { text: self.text, at: start, limit, depth: self.depth };
                let node = flow.node();
                self.at = node.range.end.max(end.min(limit));
                node
            }
            Some(quote @ ('"' | '\'')) => {
                let limit = self.limit(column);
                let node = quoted(self.text, start, end, limit, quote);
                self.at = node.range.end.max(self.at);
                node
            }
            _ => {
                let line = rest.find(" #").map_or(end, |it| start + it);
                let mut last = start + self.text[start..line].trim_end().len();
                // A text may go on below its key.
                while let Some(next) = self.peek().filter(|it| it.column > column && self.key_end(it).is_none()) {
                    last = next.end;
                    self.at = next.end;
                }
                Node { range: start..last, kind: Kind::Scalar(start..last) }
            }
        }
    }

    /// Passes over the lines that are deeper than `column`, and gives where they end.
    fn deeper(&mut self, column: usize) -> usize {
        let limit = self.limit(column);
        let end = self.at.max(self.text[..limit].trim_end().len());
        self.at = end;
        end
    }

    /// Where the first line that is not deeper than `column` begins. Comments count as lines here.
    fn limit(&self, column: usize) -> usize {
        let mut start = self.end_of_line(self.at) + 1;
        while start < self.text.len() {
            let end = self.end_of_line(start);
            let line = &self.text[start..end];
            let blank = line.len() - line.trim_start().len();
            if blank < line.len() && blank <= column && !line[blank..].starts_with(['}', ']']) {
                return start;
            }
            start = end + 1;
        }
        self.text.len()
    }
}

/// A quoted text. One that is not closed on its line goes on below if it is closed there, and else ends with the line.
fn quoted(text: &str, start: usize, end: usize, limit: usize, quote: char) -> Node {
    let close = |until: usize| {
        let mut characters = text[start + 1..until.max(start + 1)].char_indices().peekable();
        while let Some((at, it)) = characters.next() {
            if quote == '"' && it == '\\' {
                characters.next();
            } else if it == quote {
                if quote == '\'' && characters.next_if(|(_, next)| *next == '\'').is_some() {
                    continue;
                }
                return Some(start + 1 + at);
            }
        }
        None
    };
    match close(end).or_else(|| close(limit)) {
        Some(at) => Node { range: start..at + 1, kind: Kind::Scalar(start + 1..at) },
        None => Node { range: start..end, kind: Kind::Scalar(start + 1..end.max(start + 1)) },
    }
}

/// Reads `{…}` and `[…]`.
struct Flow<'a> {
    text: &'a str,
    at: usize,
    /// Nothing beyond this belongs to it.
    limit: usize,
    depth: usize,
}

impl Flow<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..self.limit].chars().next()
    }

    fn skip_blanks(&mut self) {
        while let Some(it) = self.peek() {
            if it == '#' && self.text[..self.at].ends_with(char::is_whitespace) {
                self.at = self.end_of_line();
            } else if it.is_whitespace() {
                self.at += it.len_utf8();
            } else {
                return;
            }
        }
    }

    fn end_of_line(&self) -> usize {
        self.text[self.at..self.limit].find('\n').map_or(self.limit, |it| self.at + it)
    }

    fn node(&mut self) -> Node {
        self.skip_blanks();
        let start = self.at;
        match self.peek() {
            Some(open @ ('{' | '[')) if !self.text[start..].starts_with("{{") && self.depth < MAX_DEPTH => {
                self.at += 1;
                self.depth += 1;
                let kind = if open == '{' { Kind::Map(self.entries()) } else { Kind::List(self.items()) };
                self.depth -= 1;
                Node { range: start..self.at, kind }
            }
            Some(quote @ ('"' | '\'')) => {
                let node = quoted(self.text, start, self.end_of_line(), self.limit, quote);
                self.at = node.range.end;
                node
            }
            _ => {
                let end = start + self.plain().trim_end().len();
                let kind = if end > start { Kind::Scalar(start..end) } else { Kind::Nothing };
                Node { range: start..end, kind }
            }
        }
    }

    /// Up to what ends a text without quotes; a placeholder that lacks them is passed over.
    fn plain(&mut self) -> &str {
        let start = self.at;
        let rest = &self.text[start..self.end_of_line()];
        let mut at = 0;
        while let Some(it) = rest[at..].chars().next() {
            let here = &rest[at..];
            if here.starts_with("{{") {
                at += here.find("}}").map_or(here.len(), |it| it + 2);
                continue;
            }
            let ends_key =
                it == ':' && here[1..].chars().next().is_none_or(|it| it.is_whitespace() || ",]}".contains(it));
            if matches!(it, ',' | ']' | '}' | '{' | '[') || ends_key || here.starts_with(" #") {
                break;
            }
            at += it.len_utf8();
        }
        self.at = start + at;
        &rest[..at]
    }

    fn items(&mut self) -> Vec<Node> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return items,
                Some(']') => {
                    self.at += 1;
                    return items;
                }
                Some('}') => return items,
                Some(',') => self.at += 1,
                Some(_) => {
                    let before = self.at;
                    items.push(self.node());
                    self.pass(before);
                }
            }
        }
    }

    fn entries(&mut self) -> Vec<Entry> {
        let mut entries = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return entries,
                Some('}') => {
                    self.at += 1;
                    return entries;
                }
                Some(']') => return entries,
                Some(',') => self.at += 1,
                Some(_) => {
                    let before = self.at;
                    entries.push(self.entry());
                    self.pass(before);
                }
            }
        }
    }

    /// Something that can't be read here is passed over: reading always comes to an end.
    fn pass(&mut self, before: usize) {
        if self.at == before {
            self.at += self.peek().map_or(1, char::len_utf8);
        }
    }

    fn entry(&mut self) -> Entry {
        let key = self.node();
        let key_range = match key.kind {
            Kind::Scalar(range) => range,
            _ => key.range,
        };
        self.skip_blanks();
        let value = if self.peek() == Some(':') {
            self.at += 1;
            self.node()
        } else {
            Node { range: self.at..self.at, kind: Kind::Nothing }
        };
        Entry { key: self.text[key_range.clone()].to_owned(), key_range, value }
    }
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
