//! Schemas of fields.

use super::{check, load_with, shop};

#[track_caller]
fn field(schema: &str, expected: &[&str]) {
    let actions = format!(
        "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    input: {{a: {schema}}}
    request: {{method: GET, path: /a, query: {{a: \"{{{{ input.a }}}}\"}}}}
"
    );
    check(&[("actions", &actions)], expected);
}

#[test]
fn schemas_are_right() {
    field("{type: string, format: date-time, description: When}", &[]);
    field("{type: [string, \"null\"], maxLength: 5}", &[]);
    field("{enum: [1, two]}", &[]);
    field("{type: array, items: {type: object, properties: {b: {type: string}}, required: [b]}, maxItems: 3}", &[]);
    field("{anyOf: [{type: string}, {type: integer}]}", &[]);
    field("{type: object, properties: {b: {type: string}}, required: [b]}", &[]);
    field(
        "{type: object, properties: {b: {type: string}}, required: [c]}",
        &["C203 c: `c` is not one of the `properties`"],
    );
    field("{type: object, additionalProperties: true}", &[]);
    field(
        "{type: string, additionalProperties: true}",
        &[
            "C110 additionalProperties: `additionalProperties` says nothing about values of the type `string` (it applies to the type `object`)",
        ],
    );
    field("{type: strnig}", &["C104 strnig: `strnig` is not a value of `type` (did you mean `string`?)"]);
    field("{description: When}", &["C103 a: this input field lacks the key `type` (add `type: string`)"]);
    field(
        "{type: string, max_length: 5}",
        &["C101 max_length: unknown key `max_length` in `input field` (the key is called `maxLength`)"],
    );
    field(
        "{type: string, format: datetime}",
        &["C104 datetime: `datetime` is not a value of `format` (did you mean `date-time`?)"],
    );
    field(
        "{type: string, minimum: 5}",
        &[
            "C110 minimum: `minimum` says nothing about values of the type `string` (it applies to the type `integer` and `number`)",
        ],
    );
    field("{type: integer, minimum: 5, maximum: 3}", &["C110 3: `maximum` is below `minimum`: no value is allowed"]);
    field("{type: string, enum: [1]}", &["C110 1: this value is not of the type `string` (put it in quotes)"]);
    field("{type: string, enum: [a, b, a]}", &["C110 a: this value is listed twice"]);
    field("{type: string, enum: []}", &["C110 []: no value is allowed by this `enum`"]);
    field(
        "{type: array, items: {type: object, properties: {b: {type: string}}, required: [c]}}",
        &["C203 c: `c` is not one of the `properties`"],
    );
    field("{type: number, minimum: five}", &["C102 five: expected a number for `minimum`, found the text `five`"]);
    field(
        "{type: string, required: maybe}",
        &[
            "C102 maybe: expected `true` or `false`, or a list for `required`, found the text `maybe` (for example `required: true`)",
        ],
    );
    field(
        "{type: string, lookup: things}",
        &["C101 lookup: unknown key `lookup` in `input field` (`lookup` is a key of `config field`)"],
    );
}

#[test]
fn properties_that_must_be_given_may_be_named_by_the_field() {
    let given = |address: &str| {
        let actions = "\n  look:\n    title: Look\n    describe: Looks at what there is in the shop.\n    effect: read\n    \
             input: {to: {type: object, properties: {city: {type: string}, street: {type: string}}, required: [city]}}\n    \
             request: {method: GET, path: /things, query: {to: \"{{ input.to | json }}\"}}\n".to_string();
        let loaded = load_with(&shop(&[("actions", &actions)]), &[]);
        let connector = loaded.connectors.first().unwrap_or_else(|| panic!("{:?}", loaded.lines()));
        connector.actions["look"].input.accept(serde_json::from_str(address).unwrap()).is_ok()
    };
    assert!(given(r#"{"to": {"city": "Dili"}}"#));
    assert!(!given(r#"{"to": {"street": "x"}}"#));
    assert!(!given("{}"), "it must be given as well");
}

#[test]
fn a_pattern_is_told_at_its_place() {
    let loaded = load_with(
        &shop(&[(
            "actions",
            "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    input: {a: {type: array, items: {type: string, pattern: \"(\"}}}
    request: {method: GET, path: /a}
",
        )]),
        &[],
    );
    assert_eq!(loaded.lines().len(), 1);
    assert!(
        loaded.lines()[0].starts_with("C110 \"(\": this is no regular expression: unclosed group"),
        "{:?}",
        loaded.lines()
    );
}

#[test]
fn defaults_would_be_accepted() {
    field(
        "{type: integer, minimum: 5, default: 3}",
        &["C111 3: the default must be a whole number of at least 5, not 3"],
    );
    field(
        "{type: string, format: timezone, default: Asia/Atlantis}",
        &["C111 Asia/Atlantis: the default must be an IANA time zone, such as Asia/Jakarta, not \"Asia/Atlantis\""],
    );
    field("{type: string, format: timezone, default: Asia/Jakarta}", &[]);
}

#[test]
fn lookups_get_the_config_that_they_need() {
    let lookups = "
  shelves:
    config: {hall: {type: string}}
    request: {method: GET, path: \"/halls/{{ config.hall }}/shelves\"}
    each: $.items[*]
    option: {value: $.id, label: $.name}
";
    let actions = |config: &str| {
        format!(
            "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    config: {{{config}shelf: {{type: string, lookup: shelves}}}}
    request: {{method: GET, path: \"/shelves/{{{{ config.shelf }}}}\"}}
"
        )
    };
    check(&[("lookups", lookups), ("actions", &actions("hall: {type: string}, "))], &[]);
    check(
        &[("lookups", lookups), ("actions", &actions(""))],
        &[
            "C210 shelf: the lookup `shelves` needs `config.hall`, which this action does not declare (add `hall` to `config` before `shelf`)",
        ],
    );
    check(
        &[("lookups", lookups), ("actions", &actions("hall: {type: string, lookup: hals}, "))],
        &["C205 hals: there is no lookup `hals` (there are `shelves`)"],
    );
}

#[test]
fn a_short_description_tells_a_model_nothing() {
    let actions = "
  look:
    title: Look
    describe: Looks.
    effect: read
    request: {method: GET, path: /a}
";
    check(
        &[("actions", actions)],
        &[
            "C805 Looks.: a language model can't tell when to call this (say what it does, when to call it, and what to do before)",
        ],
    );
}

#[test]
fn ids_are_those_of_the_directory() {
    let loaded = load_with(&shop(&[]).replace("id: shop", "id: store"), &[]);
    assert_eq!(
        loaded.lines(),
        [
            "C107 store: the connector `store` stands in the directory `shop` (write `id: shop`, or rename the directory)"
        ]
    );
}

#[test]
fn a_file_is_its_name_and_what_it_holds() {
    let actions = "
  send:
    title: Send
    describe: Sends a file to the shop, and nothing else.
    effect: write
    idempotent: true
    input: {file: {type: object, format: file, description: The plan.}}
    request: {method: PUT, path: /files, multipart: {parts: [{name: file, file: \"{{ input.file }}\"}]}}
";
    let loaded = load_with(&shop(&[("actions", actions)]), &[]);
    assert!(loaded.lines().is_empty(), "{:#?}", loaded.lines());
    let input = &loaded.connectors[0].actions["send"].input;
    let refused = |file: serde_json::Value| {
        let errors = input.check(&serde_json::json!({ "file": file }));
        errors.iter().map(|it| it.message.clone()).collect::<Vec<_>>()
    };
    for file in [
        serde_json::json!({"name": "a.pdf", "content_type": "application/pdf", "data": "AP8"}),
        serde_json::json!({"name": "a.txt", "text": ""}),
    ] {
        assert!(refused(file).is_empty());
    }
    let words = "`file` must be a file: its `name` with its `data` in base64, or with its `text`, not {\"name\":\"a\"}";
    assert_eq!(refused(serde_json::json!({"name": "a"})), [words]);
    assert_eq!(refused(serde_json::json!({"name": "a", "data": "?"})), ["`file.data` must be base64, not \"?\""]);
    assert_eq!(refused(serde_json::json!({"name": "a", "text": "", "content_type": "a/b\r\nX: y"})).len(), 1);
}
