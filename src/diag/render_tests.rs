use serde_json::json;

use super::{render::*, *};

fn sources() -> (Sources, FileId, FileId) {
    let mut sources = Sources::default();
    let connector = sources.add("connector.yaml", "id: a\nhttp:\n  pth: /über/{{ x }}\n  list:\n    - 1\n    - 2\n");
    let tests = sources.add("tests.yaml", "cases: []\n");
    (sources, connector, tests)
}

#[test]
fn text_has_the_place_a_caret_the_notes_and_the_way_out() {
    let (sources, connector, tests) = sources();
    let found = [
        Diagnostic::error(codes::UNKNOWN_KEY, Span::new(connector, 14, 17), "unknown key `pth` in `http`")
            .label("no such key")
            .note(Span::new(connector, 0, 2), "the connector begins here")
            .note(Span::new(tests, 0, 5), "used here")
            .help("did you mean `path`?"),
        Diagnostic::warning(codes::BAD_VALUE, Span::new(connector, 36, 55), "a list of many lines"),
    ];
    let expected = "\
error[C101]: unknown key `pth` in `http`
 --> connector.yaml:3:3
  |
1 | id: a
  | -- the connector begins here
2 | http:
3 |   pth: /über/{{ x }}
  |   ^^^ no such key
  |
 ::: tests.yaml:1:1
  |
1 | cases: []
  | ----- used here
  |
  = help: did you mean `path`?

warning[C104]: a list of many lines
 --> connector.yaml:4:3
  |
4 |   list:
  |   ^^^^^

";
    assert_eq!(text(&sources, &found, false), expected);
    assert!(text(&sources, &found, true).contains("\u{1b}["));
}

#[test]
fn text_cuts_long_lines_and_shows_no_control_characters() {
    let mut sources = Sources::default();
    let long = format!("{}WRONG{}\u{1b}[31m", "a".repeat(5_000), "b".repeat(5_000));
    let file = sources.add("long.yaml", long);
    let found = [Diagnostic::error(codes::SYNTAX, Span::new(file, 5_000, 5_005), "bad \u{1b}[2J")];
    let shown = text(&sources, &found, false);
    assert!(shown.contains("WRONG") && shown.lines().all(|it| it.chars().count() <= 150), "{shown}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn text_points_at_the_end_of_a_file_and_into_an_empty_one() {
    let mut sources = Sources::default();
    let empty = sources.add("empty.yaml", "");
    let file = sources.add("end.yaml", "a: [\n");
    let found = [
        Diagnostic::error(codes::EMPTY_FILE, Span::new(empty, 0, 0), "empty"),
        Diagnostic::error(codes::SYNTAX, Span::new(file, 5, 5), "at the end"),
        Diagnostic::error(codes::SYNTAX, Span::new(file, 400, 500), "beyond the end"),
    ];
    let shown = text(&sources, &found, false);
    assert!(shown.contains("--> empty.yaml\n") && shown.contains("end.yaml:2:1"), "{shown}");
}

#[test]
fn json_has_line_column_and_byte() {
    let (sources, connector, _) = sources();
    let diagnostic = Diagnostic::error(codes::BAD_VALUE, Span::new(connector, 19, 26), "wrong")
        .note(Span::new(connector, 0, 2), "see here")
        .help("do this")
        .fix(Fix::replace(Span::new(connector, 19, 26), "y", "write `y`").guess());
    assert_eq!(
        json(&sources, &diagnostic),
        json!({
            "file": "connector.yaml",
            "start": {"line": 3, "column": 8, "byte": 19},
            "end": {"line": 3, "column": 14, "byte": 26},
            "code": "C104",
            "severity": "error",
            "message": "wrong",
            "label": "",
            "notes": [{
                "file": "connector.yaml",
                "start": {"line": 1, "column": 1, "byte": 0},
                "end": {"line": 1, "column": 3, "byte": 2},
                "message": "see here",
            }],
            "help": "do this",
            "fix": {
                "file": "connector.yaml",
                "start": {"line": 3, "column": 8, "byte": 19},
                "end": {"line": 3, "column": 14, "byte": 26},
                "title": "write `y`",
                "text": "y",
                "certain": false,
            },
        })
    );
}

#[test]
fn summary_counts_errors_warnings_and_files() {
    let (_, connector, tests) = sources();
    let error = |file| Diagnostic::error(codes::BAD_VALUE, Span::new(file, 0, 0), "");
    let warning = |file| Diagnostic::warning(codes::BAD_VALUE, Span::new(file, 0, 0), "");
    assert_eq!(summary(&Diagnostics::default().sorted()), None);
    assert_eq!(summary(&[error(connector)]).as_deref(), Some("1 error in 1 file"));
    assert_eq!(summary(&[warning(connector), warning(connector)]).as_deref(), Some("2 warnings in 1 file"));
    let all = [error(connector), error(connector), error(tests), warning(tests)];
    assert_eq!(summary(&all).as_deref(), Some("3 errors, 1 warning in 2 files"));
}
