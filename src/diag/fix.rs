//! An edit of the source that takes a mistake away: offered by editors, and made by `closeloop validate --fix`.

use std::ops::Range;

use super::{Sources, Span};

/// One edit of one file: what stands at a place becomes another text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as an editor offers it: "write `path`".
    pub title: String,
    /// What is replaced; an empty span takes an insertion.
    pub span: Span,
    /// If given, only this word inside the span is: the quotes around it stay.
    pub word: Option<String>,
    /// What stands there afterwards.
    pub text: String,
    /// Whether nothing else can be meant, so that it may be made without asking.
    pub certain: bool,
}

impl Fix {
    /// Puts `text` in place of the whole span, without asking.
    pub fn replace(span: Span, text: impl Into<String>, title: impl Into<String>) -> Self {
        Self { title: title.into(), span, word: None, text: text.into(), certain: true }
    }

    /// Writes one word instead of another, without asking. Quotes and whatever else stands in the span are left.
    pub fn respell(span: Span, word: &str, instead: &str) -> Self {
        let title = format!("write `{instead}`");
        Self { title, span, word: Some(word.to_owned()), text: instead.to_owned(), certain: true }
    }

    /// It is a guess: an author is asked before it is made.
    #[must_use]
    pub fn guess(mut self) -> Self {
        self.certain = false;
        self
    }

    /// The bytes that are replaced. `None` if the place no longer holds what it did, or holds the word more than once.
    pub fn range(&self, sources: &Sources) -> Option<Range<usize>> {
        let whole = self.span.start..self.span.end;
        let text = sources.get(self.span.file).text.get(whole.clone())?;
        let Some(word) = self.word.as_deref().filter(|it| !it.is_empty()) else { return Some(whole) };
        let mut places = text.match_indices(word).filter(|(at, _)| is_alone(text, *at..at + word.len()));
        let (at, _) = places.next()?;
        places.next().is_none().then(|| whole.start + at..whole.start + at + word.len())
    }
}

/// Whether no letter of a longer word stands beside the range.
fn is_alone(text: &str, range: Range<usize>) -> bool {
    let goes_on = |it: char| it.is_alphanumeric() || it == '_';
    !text[..range.start].ends_with(goes_on) && !text[range.end..].starts_with(goes_on)
}

/// A text with edits made: those that overlap one before them are left out. Gives the numbers of those that were made as well.
pub fn apply(text: &str, edits: &[(Range<usize>, &str)]) -> (String, Vec<usize>) {
    let mut order: Vec<usize> = (0..edits.len()).collect();
    order.sort_by_key(|it| (edits[*it].0.start, edits[*it].0.end));
    let (mut new, mut end, mut made) = (String::with_capacity(text.len()), 0, Vec::new());
    let mut last: Option<&Range<usize>> = None;
    for number in order {
        let (range, instead) = &edits[number];
        // The same place twice is one mistake seen twice, or two that can't be put right at once.
        if range.start < end || last == Some(range) {
            continue;
        }
        new.push_str(&text[end..range.start]);
        new.push_str(instead);
        end = range.end;
        made.push(number);
        last = Some(range);
    }
    new.push_str(&text[end..]);
    (new, made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str, word: Option<&str>) -> Option<Range<usize>> {
        let mut sources = Sources::default();
        let file = sources.add("file.yaml", text);
        let span = Span::new(file, 3, text.len());
        let fix = match word {
            Some(word) => Fix::respell(span, word, "new"),
            None => Fix::replace(span, "new", "write it"),
        };
        fix.range(&sources)
    }

    #[test]
    fn a_word_is_found_in_its_quotes_if_it_is_there_once() {
        assert_eq!(range("a: word", None), Some(3..7));
        assert_eq!(range("a: word", Some("word")), Some(3..7));
        assert_eq!(range("a: \"word\"", Some("word")), Some(4..8));
        assert_eq!(range("a: words", Some("word")), None);
        assert_eq!(range("a: a_word x.word", Some("word")), Some(12..16));
        assert_eq!(range("a: word word", Some("word")), None);
        assert_eq!(range("a: other", Some("word")), None);
    }

    #[test]
    fn edits_that_overlap_are_not_made_together() {
        assert_eq!(apply("abcdef", &[(4..5, "E"), (0..2, "X")]), ("XcdEf".to_owned(), vec![1, 0]));
        assert_eq!(apply("abcdef", &[(0..3, "X"), (2..4, "Y"), (3..3, "Z")]), ("XZdef".to_owned(), vec![0, 2]));
        assert_eq!(apply("abcdef", &[(1..1, "X"), (1..1, "X")]), ("aXbcdef".to_owned(), vec![0]));
        assert_eq!(apply("abc", &[]), ("abc".to_owned(), vec![]));
    }
}
