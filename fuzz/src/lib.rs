//! What is done with bytes that nobody expected: whatever they are, no panic, and an end in bounded time and memory.
//!
//! Each target takes an input apart, uses the engine as it is used for real, and checks what must hold of the result.
//! `tests/it/fuzz.rs` runs them over the kept inputs in `corpus/` and what comes of changing those; `make fuzz` looks for more.

#![allow(clippy::unwrap_used, reason = "a panic is how a target says that something is wrong")]

use closeloop::{
    diag::{Diagnostics, Severity, Sources, Span, render},
    expr::{Language, Path, Scope, Shape, Sink, Text},
    format::{AnswerKind, answer, csv, ics, multipart, multistatus, xml},
    import::{
        Draft,
        curl::{self, Existing},
        draft::Schemas,
        openapi::{self, Document},
    },
    spec::{self, ConnectorFiles},
    wire::Answer,
    yaml::{self, Style},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value as Json, json};
use url::Url;

/// Something to be done with any bytes.
pub struct Target {
    /// Of its folder in `corpus/` too.
    pub name: &'static str,
    /// Panics if something is wrong.
    pub run: fn(&[u8]),
}

/// All there are.
pub const TARGETS: [Target; 7] = [
    Target { name: "answer", run: an_answer },
    Target { name: "command", run: a_command },
    Target { name: "connector", run: a_connector },
    Target { name: "description", run: a_description },
    Target { name: "path", run: a_path },
    Target { name: "template", run: a_template },
    Target { name: "yaml", run: a_tree },
];

/// Stands on a line of its own between two parts of an input.
const NEXT: &str = "\n---8<---\n";

/// The two parts of an input; the second is empty if there is only one.
fn parts(text: &str) -> (&str, &str) {
    text.split_once(NEXT).unwrap_or((text, ""))
}

/// A file of any bytes is a tree, or has a mistake whose place lies in the file.
fn a_tree(data: &[u8]) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let tree = yaml::read(&mut sources, "connector.yaml", data, &mut diagnostics)
        .and_then(|it| yaml::parse(&sources, it, &mut diagnostics));
    assert!(tree.is_some() || diagnostics.has_errors(), "there is neither a tree nor a mistake");
    if let Some(tree) = tree {
        yaml::to_json(&tree);
    }
    can_be_shown(&sources, diagnostics);
}

/// A connector and its tests are loaded, or there is a mistake. What loads can run what it says it can.
fn a_connector(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (connector, tests) = parts(&text);
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let files = ConnectorFiles {
        directory: "any".into(),
        connector: sources.add("any/connector.yaml", connector),
        tests: (!tests.is_empty()).then(|| sources.add("any/tests.yaml", tests)),
        logo: None,
    };
    let loaded = spec::load(&[files], &[], &sources, &mut diagnostics);
    assert!(!loaded.is_empty() || diagnostics.has_errors(), "there is neither a connector nor a mistake");
    can_be_shown(&sources, diagnostics);
}

/// A curl command, and one whose action joins it: each becomes part of a connector that can be read, or is refused.
fn a_command(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (command, next) = parts(&text);
    let Ok(draft) = curl::connector(command, &curl::Wish::default()) else { return };
    let (connector, tests) = loads(&draft);
    let existing = Existing { connector: &connector, tests: &tests };
    if let Ok((connector, tests, _)) = curl::append(next, &curl::Wish::default(), existing) {
        load(&draft.id, &connector, &tests);
    }
}

/// An OpenAPI description becomes a connector that can be read, or is refused.
fn a_description(data: &[u8]) {
    let Ok(document) = Document::read(&String::from_utf8_lossy(data), None) else { return };
    let _ = openapi::list(&document);
    let _ = openapi::connector(&document, &openapi::Wish::default()).map(|it| loads(&it));
}

/// The files of a connector that was made can be read; the first two.
fn loads(draft: &Draft) -> (String, String) {
    let files = draft.files(Schemas::default());
    load(&draft.id, &files.connector, &files.tests);
    (files.connector, files.tests)
}

fn load(directory: &str, connector: &str, tests: &str) {
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let files = ConnectorFiles {
        directory: directory.into(),
        connector: sources.add("connector.yaml", connector),
        tests: Some(sources.add("tests.yaml", tests)),
        logo: Some(LOGO.into()),
    };
    spec::load(&[files], &[], &sources, &mut diagnostics);
    // what can't be read begins with these: a mistake in the text itself
    let unread = diagnostics.iter().find(|it| it.code.starts_with("C0") && it.severity == Severity::Error);
    assert!(unread.is_none(), "{unread:?}\n{connector}\n{tests}");
    can_be_shown(&sources, diagnostics);
}

/// Of a connector that has one.
const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

/// Diagnostics can be printed, for people and for programs: their places lie in the text and between its characters.
fn can_be_shown(sources: &Sources, diagnostics: Diagnostics) {
    let diagnostics = diagnostics.sorted();
    render::text(sources, &diagnostics, false);
    diagnostics.iter().for_each(|it| _ = render::json(sources, it));
}

/// A path and a document: compiling and walking end, and a path that gives one value gives at most one.
fn a_path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (source, document) = parts(&text);
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("path", source);
    let path = Path::compile(source, &|it| Span::new(file, it.start, it.end), &mut diagnostics);
    assert!(path.is_some() || diagnostics.has_errors(), "there is neither a path nor a mistake");
    can_be_shown(&sources, diagnostics);
    let (Some(path), Ok(document)) = (path, serde_json::from_str::<Json>(document)) else { return };
    if let Ok(found) = path.all(&document) {
        assert!(!path.singular || found.len() < 2, "a path for one value gives {}", found.len());
    }
}

/// A template and a document: compiled or refused; then evaluated for each place where it could stand, or refused.
fn a_template(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (source, input) = parts(&text);
    let (mut sources, mut diagnostics) = (Sources::default(), Diagnostics::default());
    let file = sources.add("template", source);
    let locate = |it: std::ops::Range<usize>| Span::new(file, it.start, it.end);
    let mut scope = Scope::new();
    let input: Json = serde_json::from_str(input).unwrap_or_else(|_| json!({"a": [1, "b", null], "text": "x\"y"}));
    scope.set("input", input.clone());
    scope.set("item", json!(1));
    scope.set_document(input);
    let shape = Shape::compile_scalar(source, Style::Plain, true, &locate, &mut diagnostics);
    assert!(shape.is_some() || diagnostics.has_errors(), "there is neither a value nor a mistake");
    can_be_shown(&sources, diagnostics);
    let _ = shape.map(|it| it.eval(&scope));
    if let Some(text) = Text::compile(source, &locate, &mut Diagnostics::default()) {
        for sink in [Sink::Plain, Sink::Segment, Sink::Url, Sink::Header, Sink::Xml, Sink::Ics] {
            let rendered = text.render(&scope, sink);
            // What stands in the file has been checked where it is read; here it is about the values.
            let one_line = |it: String| source.contains(['\r', '\n']) || !it.contains(['\r', '\n']);
            assert!(sink != Sink::Header || rendered.map_or(true, one_line), "a header of two lines");
        }
        for language in Language::WORDS.iter().filter_map(|it| Language::of(it)) {
            let _ = text.render_query(&scope, language);
        }
    }
}

/// A body of any kind is read, or refused.
fn an_answer(data: &[u8]) {
    let from = Url::parse("https://api.example.com/things").unwrap();
    let rules = xml::Rules { namespaces: vec![("DAV:".into(), "d".into())], arrays: vec!["d:response".into()] };
    let types = ["application/json", "text/xml", "text/csv", "text/calendar", "text/html", ""];
    for (kind, content_type) in [
        (AnswerKind::Auto, types[usize::from(data.first().copied().unwrap_or_default()) % types.len()]),
        (AnswerKind::Xml, "text/xml"),
        (AnswerKind::Multistatus, "application/xml"),
        (AnswerKind::Csv, "text/csv"),
        (AnswerKind::Bytes, ""),
    ] {
        for status in [200, 500] {
            let headers = vec![("content-type".into(), content_type.into())];
            let body = data.to_vec().into();
            let _ = answer::read(&Answer { status, headers, body, url: from.clone() }, kind, &rules);
        }
    }
    let _ = multistatus::read(data, &rules, &from);
    let _ = csv::records(data);
    let _ = multipart::read(data, "b");
    if let Ok(text) = std::str::from_utf8(data) {
        let (start, end) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        let (start, end): (Timestamp, Timestamp) = (start.parse().unwrap(), end.parse().unwrap());
        let _ = ics::events([text], start, end, &TimeZone::UTC);
        let _ = ics::busy([text], start, end, &TimeZone::UTC, &["mailto:a@example.com"]);
        let plain: String = text.chars().filter(|it| *it == '\n' || !it.is_control()).collect();
        assert!(ics::unescape(&ics::escape(&plain)) == plain, "what is escaped means something else");
    }
}
