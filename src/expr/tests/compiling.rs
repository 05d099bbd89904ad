//! What authors write, and what they are told.

use proptest::prelude::*;
use serde_json::json;

use super::{expr, locate, problems};
use crate::{
    diag::Diagnostics,
    expr::{Expr, Piece, Shape, Text},
    yaml::Style,
};

#[track_caller]
fn check_names(source: &str, expected: &[&str]) {
    let expr = expr(source);
    let mut names: Vec<_> = expr.names.iter().map(|it| it.path.join(".")).collect();
    names.sort();
    assert_eq!(names, expected, "{source}");
    for name in &expr.names {
        for (part, span) in name.path.iter().zip(&name.spans) {
            assert_eq!(source[span.start..span.end].trim_matches(['\'', '"']), part, "{source}");
        }
    }
}

#[test]
fn every_name_is_found_with_its_place() {
    check_names("input.email", &["input.email"]);
    check_names(" answer.headers['etag'] ", &["answer.headers.etag"]);
    check_names("steps.find.items[0].id", &["steps.find.items"]);
    check_names("config.map[input.key].x | default(steps['a'].b)", &["config.map", "input.key", "steps.a.b"]);
    check_names("item if index > 0 else none", &["index", "item"]);
    check_names("[a.b, {'k': c.d}, (e,)]", &["a.b", "c.d", "e"]);
    check_names("a.list[b.from:c.to]", &["a.list", "b.from", "c.to"]);
    check_names("(a ~ b.c) | replace(from=d.e, to='x')", &["a", "b.c", "d.e"]);
    check_names("a is in(b) and not c", &["a", "b", "c"]);
    check_names("(a | default(b)).c", &["a", "b"]);
}

#[track_caller]
fn check(source: &str, expected: &[&str]) {
    let found = problems(|it| assert!(Expr::compile(source, &locate, it).is_none()), source);
    assert_eq!(found, expected, "{source}");
}

#[test]
fn mistakes_are_told_at_their_place() {
    check("input.name | uper", &["C302 `uper`: there is no filter `uper` [did you mean `upper`?]"]);
    check("input.name is strin", &["C302 `strin`: there is no test `strin` [did you mean `string`?]"]);
    check("upper(input.name)", &["C302 `upper`: there is no function `upper` [it is a filter: `value | upper`]"]);
    check(
        "[1] | select('qe', 1)",
        &["C303 `'qe'`: `test` of `select` must be the name of a test [did you mean `eq`?]"],
    );
    check("'7' | pad_left", &["C303 `pad_left`: `pad_left` needs `length` [write `value | pad_left(length, with=…)`]"]);
    check("'7' | trim(1)", &["C303 `trim`: `trim` takes 0 arguments at most [write `value | trim`]"]);
    check(
        "'7' | pad_left(3, wiht='0')",
        &["C303 `pad_left`: `pad_left` has no argument `wiht` [did you mean `with`?]"],
    );
    check(
        "now | in_zone('Asia/Jakrta')",
        &[
            "C303 `'Asia/Jakrta'`: `zone` of `in_zone` must be an IANA time zone such as `Asia/Jakarta` [did you mean `Asia/Jakarta`?]",
        ],
    );
    check(
        "'a' | digest('sha265')",
        &[
            "C303 `'sha265'`: `hash` of `digest` must be `sha256` or `sha384` or `sha512` or `sha1` or `md5` [did you mean `sha256`?]",
        ],
    );
    check(
        "now | format_time('%J')",
        &["C303 `'%J'`: `format` of `format_time` must be a pattern such as `%Y-%m-%d %H:%M`"],
    );
    check("'7' | pad_left('3')", &["C303 `'3'`: `length` of `pad_left` must be a whole number"]);
    check(
        "input.name.upper()",
        &["C304 `upper`: there are no methods: `upper(…)` cannot be called [use the filter: `value | upper`]"],
    );
    check("a | raw | trim", &["C307 `raw`: `raw` can only be the last filter of a placeholder"]);
    check(
        "[1] | join(*a)",
        &["C304 `join`: arguments are written one by one: `*` and `**` are not part of the language"],
    );
    check(
        "a ~ ':' ~ b | upper",
        &[
            "C306 `upper`: `upper` applies to what stands right before it, not to all of `… ~ …` [use brackets: `(a ~ b) | upper` or `a ~ (b | upper)`]",
        ],
    );
    check("a.b | foo, c | bar", &["C301 `,`: this is not an expression: unexpected input after expression"]);
    check("a + ä", &["C301 `ä`: this is not an expression: unexpected character"]);
    check("", &["C301 ``: there is no expression here"]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    check(
        "a | foo1 ~ (b | bar2)",
        &[
            "C302 `foo1`: there is no filter `foo1` [`closeloop explain C302` lists them]",
            "C302 `bar2`: there is no filter `bar2` [`closeloop explain C302` lists them]",
        ],
    );
}

#[test]
fn brackets_say_what_a_filter_applies_to() {
    expr("(a ~ ':' ~ b) | upper");
    expr("a ~ ':' ~ (b | upper)");
    expr("a | upper ~ b");
    expr("a == b | upper");
    check(
        "a + b | int",
        &[
            "C306 `int`: `int` applies to what stands right before it, not to all of `… + …` [use brackets: `(a + b) | int` or `a + (b | int)`]",
        ],
    );
}

#[test]
fn deep_and_long_expressions_are_refused_not_fatal() {
    for (open, close) in
        [("(", ")"), ("[", "]"), ("-", ""), ("not ", ""), ("1+", "1"), ("a|trim", ""), ("{'a':", "}"), ("a.b[", "]")]
    {
        for count in [100, 600, 2_500] {
            let source = format!("{}1{}", open.repeat(count), close.repeat(count));
            Expr::compile(&source, &locate, &mut Diagnostics::default());
        }
    }
}

#[track_caller]
fn check_text(source: &str, expected: &[&str]) {
    let mut diagnostics = Diagnostics::default();
    let text = Text::compile(source, &locate, &mut diagnostics).expect("the text is right");
    let pieces: Vec<_> = text
        .pieces
        .iter()
        .map(|it| match it {
            Piece::Literal(text) => text.clone(),
            Piece::Expr(expr) => format!("<{}>", expr.source),
        })
        .collect();
    assert_eq!(pieces, expected);
}

#[test]
fn placeholders_are_told_from_text() {
    check_text("", &[]);
    check_text("plain { text } }}", &["plain { text } }}"]);
    check_text("/a/{{ b.c }}/d", &["/a/", "<b.c>", "/d"]);
    check_text("{{a}}{{ b }}", &["<a>", "<b>"]);
    check_text("x{{ {'a': {'b': 1}} }}y", &["x", "<{'a': {'b': 1}}>", "y"]);
    check_text("{{ '}}' }} {{ \"\\\"}}\" }}", &["<'}}'>", " ", "<\"\\\"}}\">"]);
    check_text("{{ '{%' }}", &["<'{%'>"]);
    check_text("ä {{ a }} ü", &["ä ", "<a>", " ü"]);
}

#[track_caller]
fn check_text_problems(source: &str, expected: &[&str]) {
    let found = problems(|it| assert!(Text::compile(source, &locate, it).is_none()), source);
    assert_eq!(found, expected, "{source}");
}

#[test]
fn broken_placeholders_are_told() {
    check_text_problems(
        "a {{ b",
        &["C305 `{{`: this `{{` is never closed [every `{{` needs a `}}` after its expression]"],
    );
    check_text_problems(
        "a {{ 'b }}",
        &["C305 `{{`: this `{{` is never closed [every `{{` needs a `}}` after its expression]"],
    );
    check_text_problems(
        "{% if a %}",
        &[
            "C304 `{%`: there are no statements in the language [use `when`, `each`, or an expression such as `{{ a if test else b }}`]",
        ],
    );
    check_text_problems(
        "{# no #}",
        &["C304 `{#`: there are no template comments in the language [use a YAML comment]"],
    );
    check_text_problems(
        "{{- a -}}",
        &[
            "C304 `{{- a -}}`: `{{-` and `-}}` are not part of the language: white space stays as it is [write `{{ … }}`]",
        ],
    );
    check_text_problems(
        "ü {{ a | uper }} and {{ b | lowr }}",
        &[
            "C302 `uper`: there is no filter `uper` [did you mean `upper`?]",
            "C302 `lowr`: there is no filter `lowr` [did you mean `lower`?]",
        ],
    );
}

fn shape(text: &str, style: Style) -> Option<Shape> {
    Shape::compile_scalar(text, style, true, &locate, &mut Diagnostics::default())
}

#[test]
fn scalars_become_what_they_look_like() {
    for (text, expected) in [
        ("", json!(null)),
        ("~", json!(null)),
        ("null", json!(null)),
        ("true", json!(true)),
        ("False", json!(false)),
        ("no", json!("no")),
        ("30", json!(30)),
        ("-5", json!(-5)),
        ("+5", json!(5)),
        ("0", json!(0)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("1.50", json!(1.5)),
        ("1e3", json!(1000.0)),
        ("1.2.3", json!("1.2.3")),
        ("2026-12-01", json!("2026-12-01")),
        ("10:30", json!("10:30")),
        ("+62 812", json!("+62 812")),
        (".", json!(".")),
        ("text", json!("text")),
    ] {
        let Some(Shape::Literal(found)) = shape(text, Style::Plain) else { panic!("{text}") };
        assert_eq!(found, expected, "{text}");
        let Some(Shape::Literal(found)) = shape(text, Style::Quoted) else { panic!("{text}") };
        assert_eq!(found, json!(text));
    }
    for text in ["007", "123456789012345678901", ".inf", "0x1F", "1e999"] {
        assert!(shape(text, Style::Plain).is_none(), "{text}");
        assert!(shape(text, Style::Quoted).is_some(), "{text}");
    }
}

#[test]
fn a_lone_placeholder_keeps_its_type() {
    assert!(matches!(shape("{{ a }}", Style::Plain), Some(Shape::Expr(_))));
    assert!(matches!(shape("{{ a }}\n", Style::Block), Some(Shape::Expr(_))));
    assert!(matches!(shape("{{ a }} ", Style::Quoted), Some(Shape::Text(_))));
    assert!(matches!(shape("{{ a }}{{ b }}", Style::Plain), Some(Shape::Text(_))));
    assert!(matches!(shape("$.a", Style::Quoted), Some(Shape::Path(_))));
    assert!(matches!(shape("$5", Style::Plain), Some(Shape::Literal(_))));
}

/// Pieces of scalars, right and wrong, in any order.
fn any_scalar() -> impl Strategy<Value = String> {
    let pieces = [
        "{{",
        "}}",
        "{",
        "}",
        "{%",
        "{#",
        " ",
        "input",
        ".name",
        "['a']",
        "[0]",
        "[",
        "]",
        "(",
        ")",
        "|",
        " upper",
        "pad_left(3)",
        "~",
        "-",
        "not ",
        "'",
        "\"",
        "\\",
        "ä",
        "\n",
        "1.5",
        "is none",
        " if ",
        " else ",
        "==",
        ",",
        ":",
        "$",
        ".",
        "*",
        "?@",
        "free_slots",
        "raw",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..16).prop_map(|it| it.concat())
}

proptest! {
    #[test]
    fn nothing_that_an_author_writes_is_fatal(text in any_scalar()) {
        for style in [Style::Plain, Style::Quoted, Style::Block] {
            let mut diagnostics = Diagnostics::default();
            let inside = |at: std::ops::Range<usize>| {
                assert!(text.is_char_boundary(at.start) && text.is_char_boundary(at.end), "{text}: {at:?}");
                locate(at)
            };
            let shape = Shape::compile_scalar(&text, style, true, &inside, &mut diagnostics);
            prop_assert_eq!(shape.is_none(), diagnostics.has_errors());
            if let Some(shape) = shape {
                // Whether it can be evaluated depends on the values; that it ends doesn't.
                let _ = shape.eval(&super::scope());
            }
        }
    }
}
