use proptest::prelude::*;

use super::{Node, parse, span_in};
use crate::diag::{Diagnostics, Sources};

fn scalar(text: &str) -> Node {
    let mut sources = Sources::default();
    let file = sources.add("test.yaml", text);
    let mut diagnostics = Diagnostics::default();
    let node = parse(&sources, file, &mut diagnostics).unwrap_or_else(|| panic!("{text:?}: {diagnostics:?}"));
    node.get("key").expect("has the key").clone()
}

/// The part `word` of the value of `key` is found at the only `word` of the file.
fn check(text: &str, word: &str) {
    check_source(text, word, word);
}

fn check_source(text: &str, word: &str, source: &str) {
    let node = scalar(text);
    let value = node.as_text().expect("a scalar");
    let start = value.find(word).unwrap_or_else(|| panic!("{word:?} is not in {value:?}"));
    let span = span_in(text, &node, start..start + word.len());
    assert_eq!(&text[span.start..span.end], source, "{text:?}");
    assert_eq!(span.start, text.rfind(source).expect("is in the text"), "{text:?}");
}

#[test]
fn finds_words_in_every_style() {
    check("key: one WORD two\n", "WORD");
    check("key: 'one WORD two'\n", "WORD");
    check("key: \"ü one WORD two\"\n", "WORD");
    check("key: one\n  two WORD\n", "WORD");
    check("key: one\n\n\n  two WORD\nnext: 1\n", "WORD");
    check("key: 'it''s one\n  two WORD'\n", "WORD");
    check("key: \"tab\\t \\u00fc \\U0001F600 \\x41 WORD\"\n", "WORD");
    check("key: \"pair \\uD83D\\uDE00 WORD\"\n", "WORD");
    check("key: \"joined \\\n   WORD\"\n", "WORD");
    check("key: \"joined \\\n\n   WORD\"\n", "WORD");
    check("key: |\n  one\n    two\n\n  three WORD\nnext: 1\n", "WORD");
    check("key: |\n\n\n  one WORD\n", "WORD");
    check("key: |2-\n    one\n  two WORD\n", "WORD");
    check("key: |+ # why\n  one\n  WORD\n\n\nnext: 1\n", "WORD");
    check("key: >\n  one\n  two\n\n  three WORD four\n", "WORD");
    check("key: >-\n  one\n    more\n    indented\n\n  three WORD\n", "WORD");
    check("key: >-\n\n  one\n  WORD", "WORD");
    check("key: |\r\n  one\r\n  two WORD\r\n", "WORD");
    check("key: one\r\n  two WORD\r\n", "WORD");
    check("\u{FEFF}key: one WORD\n", "WORD");
    check("key: 'it''s WORD'\n", "WORD");
}

#[test]
fn escapes_and_folds_are_covered_whole() {
    check_source("key: \"a\\u00fcb\"\n", "ü", "\\u00fc");
    check_source("key: 'a''b'\n", "'", "''");
    check_source("key: one\n   two\n", "e t", "e\n   t");
}

#[test]
fn an_empty_range_is_a_place() {
    let text = "key: \"a\\tb\"\n";
    let node = scalar(text);
    for (at, expected) in [(0, 6), (1, 7), (2, 9), (3, 10)] {
        let span = span_in(text, &node, at..at);
        assert_eq!((span.start, span.end), (expected, expected), "at {at}");
    }
}

#[test]
fn a_range_outside_the_value_is_the_whole_scalar() {
    let text = "key: äb\n";
    let node = scalar(text);
    for range in [0..99, 1..2, 7..9] {
        assert_eq!(span_in(text, &node, range), node.span);
    }
}

/// How a value may be written.
#[derive(Debug, Clone, Copy)]
enum Written {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

/// Lines of words, written in a style over several lines; every word is unique.
fn write(lines: &[Vec<u16>], style: Written, indentation: usize) -> String {
    let margin = " ".repeat(indentation);
    let words = |line: &Vec<u16>, prefix: &str| {
        line.iter().enumerate().map(|(at, it)| format!("{prefix}{at}w{it}")).collect::<Vec<_>>().join(" ")
    };
    let lines: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| if line.is_empty() { String::new() } else { words(line, &format!("n{number}x")) })
        .collect();
    let joined = lines.join(&format!("\n{margin}"));
    let joined = joined.trim();
    match style {
        Written::Plain => format!("key: {joined}\nnext: 1\n"),
        Written::Single => format!("key: 'it''s\n{margin}{joined}'\nnext: 1\n"),
        Written::Double => format!("key: \"\\u00fc\\t\\x41 \\\n{margin}{joined}\"\nnext: 1\n"),
        Written::Literal => format!("key: |\n{margin}{joined}\nnext: 1\n"),
        Written::Folded => format!("key: >\n{margin}{joined}\nnext: 1\n"),
    }
}

proptest! {
    #[test]
    fn every_word_is_found_where_it_was_written(
        lines in prop::collection::vec(prop::collection::vec(0u16..500, 0..4), 1..8),
        style in prop::sample::select(vec![
            Written::Plain, Written::Single, Written::Double, Written::Literal, Written::Folded,
        ]),
        indentation in 1usize..6,
    ) {
        prop_assume!(lines.iter().any(|it| !it.is_empty()));
        let text = write(&lines, style, indentation);
        let node = scalar(&text);
        let value = node.as_text().expect("a scalar").to_owned();
        for word in value.split([' ', '\n', '\t']).filter(|it| it.contains('x')) {
            let start = word.as_ptr() as usize - value.as_ptr() as usize;
            let span = span_in(&text, &node, start..start + word.len());
            prop_assert_eq!(&text[span.start..span.end], word, "{:?}", text);
        }
    }

    #[test]
    fn any_text_is_read_without_panic(text in "[ \n\t\\[\\]{}:,'\"|>#&*!?%@`~a-c0-2.\\-]{0,60}", start in 0usize..60, length in 0usize..60) {
        let mut sources = Sources::default();
        let file = sources.add("test.yaml", &*text);
        if let Some(root) = parse(&sources, file, &mut Diagnostics::default()) {
            walk(&text, &root, start..start + length);
        }
    }
}

/// Every node lies inside its parent, on character boundaries, and no place inside it panics.
fn walk(text: &str, node: &Node, range: std::ops::Range<usize>) {
    assert!(text.get(node.span.start..node.span.end).is_some(), "{:?} in {text:?}", node.span);
    let inside = span_in(text, node, range.clone());
    assert!(text.get(inside.start..inside.end).is_some(), "{inside:?} in {text:?}");
    for child in node.as_list().unwrap_or_default() {
        walk(text, child, range.clone());
    }
    for entry in node.as_map().unwrap_or_default() {
        assert!(text.get(entry.key_span.start..entry.key_span.end).is_some(), "{:?} in {text:?}", entry.key_span);
        walk(text, &entry.value, range.clone());
    }
}
