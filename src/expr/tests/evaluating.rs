//! What comes out.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{eval, expr, locate, scope};
use crate::{
    diag::{Diagnostics, FileId, Span},
    expr::{Each, Path, Scope, Shape, Sink, Text},
    yaml::Style,
};

#[track_caller]
fn check(source: &str, expected: Json) {
    assert_eq!(eval(source, &scope()), Ok(Some(expected)), "{source}");
}

#[track_caller]
fn check_undefined(source: &str) {
    assert_eq!(eval(source, &scope()), Ok(None), "{source}");
}

#[track_caller]
fn check_error(source: &str, expected: &str) {
    let message = eval(source, &scope()).expect_err(source);
    assert_eq!(message, format!("`{{{{ {source} }}}}`: {expected}"));
}

#[test]
fn values_keep_their_types() {
    check("input.name", json!("Ana"));
    check("input.email", json!(null));
    check("config.minutes", json!(30));
    check("config.flag", json!(true));
    check("steps.busy.total", json!(9_007_199_254_740_993_u64));
    check("answer.body.big", json!(18_446_744_073_709_551_615_u64));
    check("steps.busy.rate", json!(0.1));
    check("steps.busy.conflicts", json!([]));
    check("answer.headers['etag']", json!("\"1\""));
    check("answer.body.items[0].at", json!({"t": "x"}));
    check("answer.body.items[-1].id", json!(2));
    check("answer.body.items | map(attribute='id')", json!([1, 2]));
    check("{'a': input.name, 'b': input.nope, 'c': [input.nope, input.email]}", json!({"a": "Ana", "c": [null]}));
    check("input.amount * 2", json!(300_000));
    check("7 // 2", json!(3));
    check("answer.body.items[0] == {'id': 1, 'at': {'t': 'x'}}", json!(true));
    check("'id' in answer.body.items[0]", json!(true));
    check("answer.body.items | length", json!(2));
}

#[test]
fn what_is_missing_is_undefined_however_deep() {
    check_undefined("input.nope");
    check_undefined("nothing.at.all[3].x");
    check_undefined("steps.busy.conflicts[0]");
    check_undefined("input.phone | digits");
    check_undefined("input.name if false");
    check("input.email | upper", json!(null));
    check("input.phone | default('-')", json!("-"));
}

#[test]
fn errors_tell_the_expression_but_no_value() {
    check_error("input.name + 1", "it tried to use + operator on unsupported types text and number");
    check_error("input.amount / 0", "it cannot be computed from the values that it was given");
    check_error("input.name | pad_left(input.name)", "`length` of `pad_left` must be a whole number, and is text");
    check_error("input.name | pad_left(input.nope)", "`pad_left` needs `length`, which has no value");
    check_error("input | upper", "`upper` works on text, and was given a mapping");
    check_error("input.name | first", "`first` works on a list, and was given text");
    check_error(
        "'x'|pad_left(999)|replace(' ',' '|pad_left(999))|replace(' ',' '|pad_left(999))",
        "it gives too much text",
    );
}

#[test]
fn truth() {
    for (source, expected) in [
        ("input.name", true),
        ("input.email", false),
        ("input.nope.deep", false),
        ("steps.busy.conflicts", false),
        ("answer.body.items", true),
        ("0", false),
        ("not input.nope", true),
    ] {
        assert_eq!(expr(source).test(&scope()), Ok(expected), "{source}");
    }
}

#[test]
fn parts_and_items_shadow_nothing_else() {
    let mut scope = scope();
    scope.set_part("steps", "next", json!(1));
    assert_eq!(eval("[steps.busy.rate, steps.next]", &scope), Ok(Some(json!([0.1, 1]))));
    let inner = scope.with_item(json!({"id": 7}), 3);
    assert_eq!(eval("[item.id, index, steps.next]", &inner), Ok(Some(json!([7, 3, 1]))));
    assert_eq!(eval("item", &scope), Ok(None));
    assert_eq!(inner.document().map(|it| &**it), Some(&json!({"id": 7})));
    scope.set("steps", json!({}));
    assert_eq!(eval("steps.next", &scope), Ok(None));
    assert_eq!(eval("steps.next", &inner), Ok(Some(json!(1))));
}

#[track_caller]
fn render(source: &str, sink: Sink) -> Result<String, String> {
    let text = Text::compile(source, &locate, &mut Diagnostics::default()).expect("the text is right");
    text.render(&scope(), sink).map_err(|it| it.message)
}

#[test]
fn text_is_escaped_for_its_place() {
    for (source, sink, expected) in [
        ("{{ input.name }} {{ input.nope }}{{ input.email }}.", Sink::Plain, "Ana ."),
        (
            "{{ config.flag }} {{ config.minutes }} {{ 10 / 2 }} {{ 10.0 ** 21 }} {{ 0.5 }}",
            Sink::Plain,
            "true 30 5 1000000000000000000000 0.5",
        ),
        ("/calendars/{{ config.calendar }}/events", Sink::Segment, "/calendars/a%20b%40group/events"),
        ("/values/{{ 'Tab!A1' }}:append", Sink::Segment, "/values/Tab%21A1:append"),
        ("/{{ 'a/../b?c#d%2e' }}", Sink::Segment, "/a%2F..%2Fb%3Fc%23d%252e"),
        ("{{ 'https://a.example.com/x y/' }}{{ 'b/c' }}.ics", Sink::Url, "https://a.example.com/x y/b%2Fc.ics"),
        ("{{ 'https://a.example.com/x/' }}/{{ 'b' }}/c", Sink::Url, "https://a.example.com/x/b/c"),
        ("{{ 'https://a.example.com/x' }}/{{ 'b' }}/c", Sink::Url, "https://a.example.com/x/b/c"),
        ("https://{{ 'eu/@' }}.example.com", Sink::Url, "https://eu%2F%40.example.com"),
        ("<a b=\"{{ answer.body.html }}\">", Sink::Xml, "<a b=\"&lt;b&gt;&amp;&quot;a&quot;\">"),
        ("<a>{{ answer.body.html | raw }}</a>", Sink::Xml, "<a><b>&\"a\"</a>"),
        ("SUMMARY:{{ 'a;b,c\\r\\nd' }}", Sink::Ics, "SUMMARY:a\\;b\\,c\\nd"),
        ("If-Match: {{ answer.headers.etag }}", Sink::Header, "If-Match: \"1\""),
        ("{{ 'a/b' | raw }}", Sink::Segment, "a%2Fb"),
    ] {
        assert_eq!(render(source, sink), Ok(expected.to_owned()), "{source}");
    }
}

#[test]
fn text_refuses_what_would_change_its_meaning() {
    for (source, sink, expected) in [
        ("/a/{{ input.nope }}", Sink::Segment, "`{{ input.nope }}`: it has no value, and a part of a URL needs one"),
        ("/a/{{ '' }}", Sink::Segment, "`{{ '' }}`: it has no value, and a part of a URL needs one"),
        ("{{ input.nope }}/a", Sink::Url, "`{{ input.nope }}`: it has no value, and a part of a URL needs one"),
        ("/a/{{ '..' }}", Sink::Segment, "`{{ '..' }}`: `.` and `..` would lead elsewhere in a URL's path"),
        ("/a/.{{ '.x' }}", Sink::Segment, ""),
        ("/a/{{ '.a' }}{{ '.' }}", Sink::Segment, "`{{ '.' }}`: `.` and `..` would lead elsewhere in a URL's path"),
        ("a{{ 'b\\nc' }}", Sink::Header, "`{{ 'b\\nc' }}`: a header cannot hold line breaks or control characters"),
        (
            "{{ input }}",
            Sink::Plain,
            "`{{ input }}`: it gives a mapping, and only text, numbers and booleans can stand in text",
        ),
        (
            "{{ [1] }}",
            Sink::Plain,
            "`{{ [1] }}`: it gives a list, and only text, numbers and booleans can stand in text",
        ),
    ] {
        match render(source, sink) {
            Err(message) => assert_eq!(message, expected, "{source}"),
            Ok(_) => assert_eq!(expected, "", "{source}"),
        }
    }
}

fn scalar(text: &str) -> Shape {
    Shape::compile_scalar(text, Style::Quoted, true, &locate, &mut Diagnostics::default()).expect("the scalar is right")
}

#[test]
fn trees_drop_what_is_undefined_and_keep_null() {
    let shape = Shape::Map(vec![
        ("name".into(), scalar("{{ input.name }}")),
        ("nope".into(), scalar("{{ input.nope }}")),
        ("null".into(), scalar("{{ input.email }}")),
        ("text".into(), scalar("{{ input.nope }}!")),
        ("path".into(), scalar("$.next")),
        ("absent".into(), scalar("$.absent")),
        ("all".into(), scalar("$.items[*].n")),
        ("list".into(), Shape::List(vec![scalar("{{ input.nope }}"), Shape::Literal(json!(null)), scalar("a")])),
        ("when".into(), Shape::When(Arc::new(expr("input.email")), Box::new(scalar("a")))),
    ]);
    let expected = json!({"name": "Ana", "null": null, "text": "!", "path": "t", "all": [null], "list": [null, "a"]});
    assert_eq!(shape.eval(&scope()), Ok(Some(expected)));
}

#[test]
fn each_makes_a_list_from_a_list() {
    let each = |over: &str| {
        Shape::Each(Box::new(Each {
            span: Span::new(FileId(0), 0, 1),
            over: scalar(over),
            when: Some(Arc::new(expr("index > 0"))),
            shape: Shape::Map(vec![("id".into(), scalar("$.id")), ("same".into(), scalar("{{ item.id == 2 }}"))]),
        }))
    };
    let expected = json!([{"id": 2, "same": true}]);
    assert_eq!(each("$.items[*]").eval(&scope()), Ok(Some(expected.clone())));
    assert_eq!(each("{{ answer.body.items }}").eval(&scope()), Ok(Some(expected)));
    assert_eq!(each("$.absent").eval(&scope()), Ok(Some(json!([]))));
    let error = each("{{ input.name }}").eval(&scope()).expect_err("text is no list");
    assert_eq!(error.message, "`each` needs a list");
}

#[test]
fn everything_in_a_tree_is_visited() {
    let shape = Shape::List(vec![
        scalar("{{ a }}"),
        scalar("x{{ b }}{{ c }}"),
        scalar("$.x"),
        Shape::When(Arc::new(expr("d")), Box::new(scalar("$.y"))),
        Shape::Each(Box::new(Each {
            span: Span::new(FileId(0), 0, 1),
            over: scalar("$.z"),
            when: Some(Arc::new(expr("e"))),
            shape: scalar("{{ f }}"),
        })),
    ]);
    let (mut exprs, mut paths) = (String::new(), String::new());
    shape.for_each_expr(&mut |it| exprs.push_str(&it.source));
    shape.for_each_path(&mut |it: &Arc<Path>| paths.push_str(&it.source));
    assert_eq!((exprs.as_str(), paths.as_str()), ("abcdef", "$.x$.y$.z"));
}

#[test]
fn nothing_shows_values() {
    let mut scope = Scope::new();
    scope.set("auth", json!({"token": "secret-1"}));
    assert_eq!(format!("{scope:?}"), "{\"auth\"}");
    let message = eval("auth.token + 1", &scope).expect_err("text and number");
    assert!(!message.contains("secret-1"));
    assert!(!eval("auth.token / 2", &scope).expect_err("text and number").contains("secret-1"));
    assert!(!eval("auth.token | pad_left(auth.token)", &scope).expect_err("no number").contains("secret-1"));
    assert!(!eval("[auth.token, 1] | sum", &scope).expect_err("text and number").contains("secret-1"));
    assert!(!eval("auth.token | join", &scope).expect_err("no list").contains("secret-1"));
}

#[test]
fn only_numbers_are_multiplied() {
    let product = |source: &str| eval(source, &scope());
    assert_eq!(product("input.amount * 2 * (config.minutes + 1)"), Ok(Some(json!(9_300_000))));
    assert_eq!(product("1 + (input.amount * config.minutes) // 3 * 2"), Ok(Some(json!(3_000_001))));
    assert_eq!(product("-config.minutes * 2 if config.flag else 3 * 2"), Ok(Some(json!(-60))));
    assert_eq!(product("[3 * 2, (4 * (config.minutes))] | last"), Ok(Some(json!(120))));
    for source in [
        "input.name * 100000000",
        "'é' * 3",
        "3 * ('é' ~ 1)",
        "[1] * 100000000",
        "config.flag * 2",
        "(input.name ~ 'x') * 2 * 2",
    ] {
        let error = product(source).expect_err(source);
        assert!(error.ends_with("and only numbers can be multiplied"), "{error}");
    }
}
