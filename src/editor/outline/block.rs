//! Lines and their indentation.

use super::{
    Entry, Kind, MAX_DEPTH, Node,
    flow::{Flow, quoted},
};

pub(super) struct Line {
    /// Where its first character that is no blank stands.
    content: usize,
    /// Where it ends, without the break.
    end: usize,
    /// How far the content is from the line's beginning.
    column: usize,
}

pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    /// The next line begins at or after this.
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl Reader<'_> {
    /// The next line that holds anything but blanks and a comment.
    pub(super) fn peek(&self) -> Option<Line> {
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
    pub(super) fn block(&mut self, line: &Line) -> Node {
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
