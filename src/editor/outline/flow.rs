//! What stands in brackets and quotes.

use super::{Entry, Kind, MAX_DEPTH, Node};

/// Reads `{…}` and `[…]`.
pub(super) struct Flow<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Nothing beyond this belongs to it.
    pub(super) limit: usize,
    pub(super) depth: usize,
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

    pub(super) fn node(&mut self) -> Node {
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

/// A quoted text. One that is not closed on its line goes on below if it is closed there, and else ends with the line.
pub(super) fn quoted(text: &str, start: usize, end: usize, limit: usize, quote: char) -> Node {
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
