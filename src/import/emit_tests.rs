use proptest::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};

use super::emit::*;
use crate::{
    diag::{Diagnostics, Sources, render},
    yaml,
};

#[track_caller]
fn read(text: &str) -> Json {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let file = yaml::read(&mut sources, "written.yaml", text.as_bytes(), &mut found);
    let node = file.and_then(|it| yaml::parse(&sources, it, &mut found));
    let node = node.unwrap_or_else(|| panic!("{}\n{text}", render::text(&sources, &found.sorted(), false)));
    yaml::to_json(&node)
}

#[track_caller]
fn comes_back(value: &Json) {
    let text = document(&Map::default().set("value", value.clone()));
    assert_eq!(read(&text), json!({"value": value}), "{text}");
}

#[test]
fn short_things_stand_on_one_line_and_long_ones_do_not() {
    let long = "A sentence that is much longer than a line may be, since whoever wrote it had a great deal to say about one key.";
    let map = Map::default()
        .set("id", "shop")
        .set("request", json!({"method": "GET", "path": "/things/{{ input.id }}", "query": {"a": "{{ input.a }}"}}))
        .above(["TODO: look".to_owned()])
        .set("describe", long)
        .set("xml", "<a>\n  <b/>\n</a>\n")
        .set("list", json!([{"when": long, "x": 1}, "no", "2026-01-01", ""]))
        .gap();
    let expected = "id: shop\n# TODO: look\nrequest: {method: GET, path: \"/things/{{ input.id }}\", query: {a: \"{{ input.a }}\"}}\n\
                    describe: >-\n  A sentence that is much longer than a line may be, since whoever wrote it had a great deal to say about one key.\n\
                    xml: |\n  <a>\n    <b/>\n  </a>\n\nlist:\n  - \"when\": >-\n      A sentence that is much longer than a line may be, since whoever wrote it had a great deal to say about one\n      key.\n    x: 1\n  - \"no\"\n  - \"2026-01-01\"\n  - \"\"\n";
    assert_eq!(document(&map), expected);
}

#[test]
fn what_yaml_would_read_as_something_else_comes_back() {
    for text in [
        "",
        " ",
        "null",
        "~",
        "true",
        "No",
        "1",
        "01",
        "1e3",
        "0x1F",
        "+1",
        ".5",
        "-",
        "- a",
        "a: b",
        "a #b",
        "a:",
        "#a",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "%a",
        "@a",
        "`a`",
        "'a'",
        "\"a\"",
        "{{ a }}",
        "[a",
        "a, b",
        "a]",
        "\\d+",
        "it's \"so\"",
        "a\nb",
        "a\n",
        "\na",
        "a\n\nb",
        " a\nb",
        "a \nb",
        "\t",
        "é",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{7}",
        "<<",
        "=",
        "?",
        "? a",
        "---",
        "...",
        "12:30",
        "2026-01-01T00:00:00Z",
        "https://a.example/b",
        "$.a",
        "$[0]",
        "a{b",
        "{",
        "a:b",
    ] {
        comes_back(&json!(text));
        comes_back(&json!([text, {"k": text}]));
        comes_back(&json!({text: 1}));
    }
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "[ -~\n]{0,160}".prop_map(Json::from),
        "\\PC{0,30}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec(("[ -~]{0,12}", inner), 0..6).prop_map(|it| it
                .into_iter()
                .filter(|(key, _)| key != "<<")
                .collect::<JsonMap<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(value in any_json()) {
        comes_back(&value);
    }
}
