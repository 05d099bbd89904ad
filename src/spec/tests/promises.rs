//! What `docs/connector-reference.md` §1 promises of values, sentence by sentence.

use std::{fs, path::Path};

use serde_json::{Value as Json, json};

use super::{load_with, shop};
use crate::{
    expr::{Scope, Shape, Sink},
    spec::{Body, Connector, StepKind, Target},
};

/// Words of the reference, a value as an author writes it, and what comes out.
type Promise = (&'static str, &'static str, Outcome);

enum Outcome {
    /// This value.
    Gives(fn() -> Json),
    /// Nothing: a key with it is dropped.
    Nothing,
    /// The connector is refused with this code.
    Refused(&'static str),
}
use Outcome::{Gives, Nothing, Refused};

/// `$` is the answer of the request; `input`, `config`, `steps` and `execution` are as [`scope`] has them.
const VALUES: &[Promise] = &[
    ("the expression's own JSON type", "\"{{ input.count }}\"", Gives(|| json!(3))),
    ("the expression's own JSON type", "\"{{ input.tags }}\"", Gives(|| json!(["a", "b"]))),
    ("the expression's own JSON type", "\"{{ input.name == 'Ana' }}\"", Gives(|| json!(true))),
    ("a string", "\"n: {{ input.count }}\"", Gives(|| json!("n: 3"))),
    ("a string", "\"{{ input.name }}{{ input.count }}\"", Gives(|| json!("Ana3"))),
    ("RFC 9535 JSONPath over the answer's body", "$.list[1].id", Gives(|| json!(2))),
    ("a singular path gives one value (undefined when absent)", "$.id", Gives(|| json!(7))),
    ("a singular path gives one value (undefined when absent)", "$.list[5]", Nothing),
    ("any other a list", "\"$.list[*].id\"", Gives(|| json!([1, 2]))),
    ("any other a list", "\"$.list[?@.id == 9].id\"", Gives(|| json!([]))),
    ("anything else", "plain words", Gives(|| json!("plain words"))),
    ("anything else", "5", Gives(|| json!(5))),
    ("anything else", "{a: [true, null, 1.5]}", Gives(|| json!({"a": [true, null, 1.5]}))),
    ("A key whose value is undefined is dropped.", "{a: \"{{ input.phone }}\", b: 1}", Gives(|| json!({"b": 1}))),
    ("A key whose value is undefined is dropped.", "\"{{ input.phone }}\"", Nothing),
    ("An explicit `null` stays, in arrays too.", "{a: null, b: [null]}", Gives(|| json!({"a": null, "b": [null]}))),
    ("In a list an undefined entry is dropped.", "[1, \"{{ input.phone }}\", 2]", Gives(|| json!([1, 2]))),
    (
        "is there only if the expression is true",
        "{a: {when: \"{{ input.name }}\", b: 1}}",
        Gives(|| json!({"a": {"b": 1}})),
    ),
    ("is there only if the expression is true", "{a: {when: \"{{ input.phone }}\", b: 1}}", Gives(|| json!({}))),
    ("It works as a list entry and as a map value.", "[{when: \"{{ input.phone }}\", b: 1}, 2]", Gives(|| json!([2]))),
    (
        "becomes a list: `{each: \"$.items[*]\", as: {id: $.id, name: \"{{ item.summary }}\"}}`",
        "{each: \"$.list[*]\", as: {id: $.id, name: \"{{ item.name }}\"}}",
        Gives(|| json!([{"id": 1, "name": "x"}, {"id": 2}])),
    ),
    (
        "`item` the entry and `index` its number from 0",
        "{each: \"{{ input.tags }}\", as: \"{{ index }}{{ item }}\"}",
        Gives(|| json!(["0a", "1b"])),
    ),
    ("An optional `when` filters.", "{each: \"$.list[*]\", when: \"{{ item.name }}\", as: $.id}", Gives(|| json!([1]))),
    (
        "A mapping with the plain keys `literals` and `text` becomes a query",
        "{literals: soql, text: \"SELECT Id FROM Lead WHERE Name = {{ input.quoted }}\"}",
        Gives(|| json!("SELECT Id FROM Lead WHERE Name = 'O\\'Brien'")),
    ),
    (
        "A quoted key is always literal.",
        "{\"when\": tomorrow, \"each\": 1}",
        Gives(|| json!({"when": "tomorrow", "each": 1})),
    ),
    ("`a.b['c'][0]`", "\"{{ steps.one['list'][0].id }}\"", Gives(|| json!(1))),
    (
        "`+ - * / // % ~`",
        "\"{{ [1 + 2, 5 - 2, 2 * 3, 7 // 2, 7 % 4, 'a' ~ 1] }}\"",
        Gives(|| json!([3, 3, 6, 3, 3, "a1"])),
    ),
    ("`+ - * / // % ~`", "\"{{ 3 / 2 }}\"", Gives(|| json!(1.5))),
    (
        "`== != < <= > >=`",
        "\"{{ [input.count == 3, input.count != 3, input.count < 4, 3 <= input.count, input.count > 3, 3 >= input.count] }}\"",
        Gives(|| json!([true, false, true, true, false, true])),
    ),
    (
        "`and or not`, `in`",
        "\"{{ [input.name and 1, input.phone or 2, not input.phone, 'a' in input.tags] }}\"",
        Gives(|| json!([1, 2, true, true])),
    ),
    ("`x if test else y`", "\"{{ 'yes' if input.phone else 'no' }}\"", Gives(|| json!("no"))),
    (
        "list and map literals, filters and functions",
        "\"{{ {'a': [input.name | upper]} }}\"",
        Gives(|| json!({"a": ["ANA"]})),
    ),
    ("There are no statements (`{% … %}`).", "\"{% if input.name %}x{% endif %}\"", Refused("C304")),
    ("an **earlier** step", "\"{{ steps.nothing.id }}\"", Refused("C204")),
    ("what the agent gave", "\"{{ input.nmae }}\"", Refused("C203")),
    ("what the builder fixed", "\"{{ config.place }}\"", Gives(|| json!("Jakarta"))),
    ("`key` is the same for every repetition of the same call", "\"{{ execution.key }}\"", Gives(|| json!("k-1"))),
    ("the current instant, RFC 3339 in UTC", "\"{{ now | date }}\"", Gives(|| json!("2026-12-01"))),
    ("**only** in `auth`", "\"{{ auth.key }}\"", Refused("C401")),
    ("**only** in a scheme's `headers` and `query`", "\"{{ request.url }}\"", Refused("C202")),
    (
        "the answer just received (header names in lower case)",
        "\"{{ answer.body.id + answer.status }}\"",
        Gives(|| json!(207)),
    ),
    ("the answer just received (header names in lower case)", "\"{{ answer.headers['ETag'] }}\"", Refused("C203")),
    ("inside `each`", "\"{{ item.id }}\"", Refused("C202")),
    (
        "Numbers and booleans stand bare",
        "{literals: soql, text: \"A = {{ input.count }} AND B = {{ input.name == 'Ana' }}\"}",
        Gives(|| json!("A = 3 AND B = true")),
    ),
    ("lists in brackets", "{literals: soql, text: \"A IN {{ input.tags }}\"}", Gives(|| json!("A IN ('a', 'b')"))),
    (
        "`'O\\'Brien'`, with `\\\\ \\\" \\n \\r \\t \\b \\f \\u0000`",
        "{literals: soql, text: \"{{ input.quoted }}\"}",
        Gives(|| json!("'O\\'Brien'")),
    ),
    ("`{ana\\-b}`", "{literals: sosl, text: \"FIND {{ 'ana-b' ~ input.empty }}\"}", Gives(|| json!("FIND {ana\\-b}"))),
    ("`'O''Brien'`", "{literals: coql, text: \"{{ input.quoted }}\"}", Gives(|| json!("'O''Brien'"))),
    ("`'O''Brien'`", "{literals: odata, text: \"{{ input.quoted }}\"}", Gives(|| json!("'O''Brien'"))),
    ("`'O\\'Brien'`, with `\\\\`", "{literals: search, text: \"{{ input.quoted }}\"}", Gives(|| json!("'O\\'Brien'"))),
    (
        "`\"two words\"`, or a plain `word`",
        "{literals: phrases, text: \"{{ input.name }} {{ 'two words' ~ input.empty }}\"}",
        Gives(|| json!("Ana \"two words\"")),
    ),
    (
        "`word`, `(two words)`",
        "{literals: kql, text: \"{{ input.name }} {{ 'two words' ~ input.empty }}\"}",
        Gives(|| json!("Ana (two words)")),
    ),
    (
        "puts names in without quotes",
        "{literals: soql, text: \"SELECT {{ config.place | identifier }}\"}",
        Gives(|| json!("SELECT Jakarta")),
    ),
    (
        "a date or an instant, without quotes in `soql`",
        "{literals: soql, text: \"A > {{ input.start | time_literal }}\"}",
        Gives(|| json!("A > 2026-12-01T02:30:00Z")),
    ),
    ("leaves only what can be looked for anywhere", "\"{{ 'Re: (Ana)' | words }}\"", Gives(|| json!("Re Ana"))),
    (
        "`LIKE {{ input.name ~ '%' }}`",
        "{literals: soql, text: \"LIKE {{ input.name ~ '%' }}\"}",
        Gives(|| json!("LIKE 'Ana%'")),
    ),
    ("none are written around it", "{literals: soql, text: \"A = '{{ input.name }}'\"}", Refused("C509")),
];

/// Words of the reference, what is sent, and how it arrives: path, query, headers and body.
const PLACES: &[(&str, &str, &str)] = &[
    (
        "A placeholder in `path` is one percent-encoded segment",
        "{method: POST, path: \"/x/{{ input.odd }}\"}",
        "/x/a%2Fb%20%26%20%3Cc%3E",
    ),
    ("in `headers` line breaks are", "{method: POST, path: /x, headers: {X-A: \"{{ input.lines }}\"}}", "refused"),
    (
        "in `xml` it is escaped as text",
        "{method: POST, path: /x, xml: \"<a>{{ input.odd }}</a>\"}",
        "<a>a/b &amp; &lt;c&gt;</a>",
    ),
    ("in `ics` as iCalendar TEXT", "{method: POST, path: /x, ics: \"SUMMARY:{{ input.lines }}\"}", "SUMMARY:a\\nb"),
    (
        "in `body` it is a JSON value",
        "{method: POST, path: /x, body: {a: \"{{ input.odd }}\"}}",
        "{\"a\":\"a/b & <c>\"}",
    ),
    (
        "`{{ x | raw }}` opts out where that makes sense",
        "{method: POST, path: /x, xml: \"<a>{{ input.odd | raw }}</a>\"}",
        "<a>a/b & <c></a>",
    ),
];

/// A connector whose only action is one request with that output.
fn source(request: &str, output: &str) -> String {
    let action = format!(
        "\n  look:\n    title: Look\n    describe: Looks at what there is in the shop, and says what it finds.\n    effect: write\n    idempotent: true\n    \
         config: {{place: {{type: string}}}}\n    \
         input: {{name: {{type: string}}, phone: {{type: string, required: false}}, count: {{type: integer}}, empty: {{type: string}}, \
         tags: {{type: array, items: {{type: string}}}}, quoted: {{type: string}}, odd: {{type: string}}, lines: {{type: string}}, \
         start: {{type: string, format: date-time}}}}\n    \
         request: {request}\n    output:\n      value: {output}\n"
    );
    shop(&[
        ("actions", &action),
        ("auth", "{fields: {key: {type: string}}, scheme: bearer, token: \"{{ auth.key }}\"}"),
    ])
}

/// The same with two steps, where a value speaks of them.
fn stepped(output: &str) -> String {
    source("X", output)
        .replace(
            "request: X",
            "steps:\n      - {id: one, request: {method: GET, path: /x}}\n      - {id: two, set: \"{{ steps.one }}\"}",
        )
        .replace("    idempotent: true\n", "")
}

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.set("input", json!({
        "name": "Ana", "count": 3, "tags": ["a", "b"], "quoted": "O'Brien", "odd": "a/b & <c>", "lines": "a\nb", "empty": "",
        "start": "2026-12-01T09:30:00+07:00",
    }));
    scope.set("config", json!({"place": "Jakarta"}));
    scope.set("execution", json!({"key": "k-1"}));
    scope.set("now", json!("2026-12-01T02:30:00Z"));
    let answer = json!({"id": 7, "list": [{"id": 1, "name": "x"}, {"id": 2}]});
    scope.set_part("steps", "one", answer.clone());
    scope.set_part("answer", "status", json!(200));
    scope.set_part("answer", "body", answer.clone());
    scope.set_document(answer);
    scope
}

fn value(connector: &Connector) -> Option<Json> {
    let Shape::Map(output) = &connector.actions[0].plan.output else { panic!("the output is a mapping") };
    output[0].1.eval(&scope()).expect("it can be evaluated")
}

#[test]
fn values_are_what_the_reference_says() {
    for (promise, written, outcome) in VALUES {
        let source = match written.contains("steps.") {
            true => stepped(written),
            false => source("{method: POST, path: /x}", written),
        };
        let loaded = load_with(&source, &[]);
        let codes: Vec<_> = loaded.diagnostics.iter().map(|it| it.code).collect();
        match outcome {
            Refused(code) => assert!(codes.contains(code), "{promise}: {written}: {codes:?}"),
            Gives(expected) => {
                assert!(!loaded.connectors.is_empty(), "{promise}: {written}: {:?}", loaded.lines());
                assert_eq!(value(&loaded.connectors[0]), Some(expected()), "{promise}: {written}");
            }
            Nothing => assert_eq!(value(&loaded.connectors[0]), None, "{promise}: {written}"),
        }
    }
}

#[test]
fn what_is_sent_is_escaped_by_its_place() {
    for (promise, written, expected) in PLACES {
        let loaded = load_with(&source(written, "1"), &[]);
        let StepKind::Request(step) = &loaded.connectors[0].actions[0].plan.steps[0].kind else { panic!("no request") };
        let request = &step.request;
        let rendered = match &request.body {
            Body::Xml(text) => text.render(&scope(), Sink::Xml),
            Body::Ics(text) => text.render(&scope(), Sink::Ics),
            Body::Json(shape) => shape.eval(&scope()).map(|it| it.unwrap_or_default().to_string()),
            _ => match (&request.target, request.headers.first()) {
                (_, Some((_, header))) => header.render(&scope(), Sink::Header),
                (Target::Path { path, .. }, None) => path.render(&scope(), Sink::Segment),
                (Target::Url(url), None) => url.render(&scope(), Sink::Url),
                (Target::SignIn(_), None) => panic!("no action signs in"),
            },
        };
        assert_eq!(rendered.as_deref().unwrap_or("refused"), *expected, "{promise}: {written}");
    }
}

/// Every point of the section is kept by a case, and every case quotes the section.
#[test]
fn nothing_is_promised_without_a_case() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/connector-reference.md");
    let page = fs::read_to_string(path).expect("the reference");
    let section = page.split("\n## ").find(|it| it.starts_with("1. Values")).expect("section 1");
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quotes: Vec<String> = VALUES.iter().map(|it| it.0).chain(PLACES.iter().map(|it| it.0)).map(folded).collect();
    for quote in &quotes {
        assert!(folded(section).contains(quote), "the reference no longer says: {quote}");
    }
    let points = section.split("\n* ").skip(1).map(|it| it.split("\n\n").next().unwrap_or(it));
    for point in points {
        let point = folded(point);
        assert!(quotes.iter().any(|it| point.contains(it)), "no case keeps this: {point}");
    }
}
