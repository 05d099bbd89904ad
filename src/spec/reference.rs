//! The language's tables as a page in Markdown: every key of every section, what it takes and what holds without it.

use std::fmt::Write as _;

use super::keys;
use crate::yaml::{Key, Section, Type};

/// The tables of all three files.
pub fn markdown() -> String {
    let mut pages = Pages::default();
    pages.file("connector.yaml", &Type::Section(&keys::CONNECTOR));
    pages.file("_accounts/*.yaml", &keys::ACCOUNT);
    pages.file("tests.yaml", &Type::Section(&keys::TESTS));
    pages.text
}

#[derive(Default)]
struct Pages {
    text: String,
    /// Printed, or about to be.
    met: Vec<&'static Section>,
}

impl Pages {
    fn file(&mut self, name: &str, kind: &Type) {
        let from = self.met.len();
        self.meet(kind);
        writeln!(self.text, "### `{name}`\n").expect("a text can be written to");
        let mut at = from;
        while let Some(section) = self.met.get(at).copied() {
            at += 1;
            self.section(section);
        }
    }

    /// Finds the sections of a type. What a scheme takes is the same wherever it stands, so it is shown once.
    fn meet(&mut self, kind: &Type) {
        kind.for_each_section(&mut |section| {
            if !self.met.iter().any(|it| title(it) == title(section)) {
                self.met.push(section);
            }
        });
    }

    fn section(&mut self, section: &'static Section) {
        let mut text = format!("#### {}\n\n{}\n\n", title(section), section.doc);
        text.push_str("| key | takes | without it | |\n| --- | --- | --- | --- |\n");
        for key in section.keys {
            self.meet(&key.kind);
            let without = match (key.required, key.default) {
                (true, _) => "**needed**".to_owned(),
                (_, Some(default)) => format!("`{}`", cell(default)),
                _ => String::new(),
            };
            let doc = cell(key.doc);
            writeln!(text, "| `{}` | {} | {without} | {doc}{} |", key.name, takes(&key.kind), shown(key))
                .expect("a text can be written to");
        }
        text.push('\n');
        self.text.push_str(&text);
    }
}

/// What a section is called here: of a scheme, which one.
fn title(section: &Section) -> String {
    match section.key("scheme").map(|it| it.kind) {
        Some(Type::Word([scheme])) => format!("scheme `{scheme}`"),
        _ => section.name.to_owned(),
    }
}

fn shown(key: &Key) -> String {
    key.example.map(|it| format!(" For example `{}`.", cell(it))).unwrap_or_default()
}

/// A table's cell ends at a bar.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn takes(kind: &Type) -> String {
    match kind {
        Type::Text => "text".to_owned(),
        Type::Template => "text with `{{ … }}`".to_owned(),
        Type::Expression => "`{{ … }}`".to_owned(),
        Type::Path => "path".to_owned(),
        Type::PathOrExpression => "path or `{{ … }}`".to_owned(),
        Type::Value => "value".to_owned(),
        Type::Json => "any tree, as it is".to_owned(),
        Type::Schema => "a field's schema".to_owned(),
        Type::Bool => "`true` or `false`".to_owned(),
        Type::Integer { min, max } => format!("{min} to {max}"),
        Type::Duration => "duration".to_owned(),
        Type::Instant => "date-time".to_owned(),
        Type::Word(words) => words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", "),
        Type::Id => "`an-id`".to_owned(),
        Type::Name => "`a_name`".to_owned(),
        Type::Version => "version".to_owned(),
        Type::Color => "colour".to_owned(),
        Type::List(one) => format!("list: {}", takes(one)),
        Type::OneOrMany(one) => format!("one or a list: {}", takes(one)),
        Type::Named(one) => format!("`a_name`: {}", takes(one)),
        Type::Mapping(one) => format!("any name: {}", takes(one)),
        Type::Section(section) => format!("**{}**", title(section)),
        Type::Either(types) => {
            let mut all: Vec<String> = types.iter().map(takes).collect();
            all.dedup();
            all.join(" or ")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/connector-reference.md");
    const BEGIN: &str = "<!-- every key -->\n";
    const END: &str = "<!-- end of every key -->";

    /// Run with `UPDATE=1` to write it anew.
    #[test]
    fn every_key_is_in_the_reference() {
        let page = fs::read_to_string(Path::new(PAGE)).expect("the page is there");
        let start = page.find(BEGIN).expect("the page says where the tables begin") + BEGIN.len();
        let end = page.find(END).expect("and where they end");
        let tables = format!("\n{}", super::markdown());
        if std::env::var_os("UPDATE").is_some() {
            fs::write(PAGE, format!("{}{tables}{}", &page[..start], &page[end..])).expect("the page can be written");
        } else {
            assert!(page[start..end] == tables, "the tables are out of date: run this test with UPDATE=1");
        }
    }
}
