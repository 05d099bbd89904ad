use std::sync::Arc;

use super::*;
use crate::catalog::files::{Account, Files};

const FIRST: &str = "
id: shop
version: 1.0.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
auth: {fields: {key: {type: string}}, scheme: bearer, token: '{{ auth.key }}'}
http: {base_url: 'https://api.example.com'}
lookups:
  shelves:
    title: Shelves
    request: {method: GET, path: /shelves}
    each: '$.items[*]'
    option: {value: $.id, label: $.name}
actions:
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    config:
      shelf: {type: string, lookup: shelves}
      limit: {type: integer, minimum: 1, maximum: 10, default: 5}
    input:
      item: {type: string, minLength: 1}
      size: {type: string, enum: [small, large], required: false}
    request: {method: GET, path: '/shelves/{{ config.shelf }}/{{ input.item }}', query: {limit: '{{ config.limit }}', size: '{{ input.size }}'}}
    output:
      id: $.id
      name: 'Thing {{ answer.body.name }}'
      parts: {each: '$.parts[*]', as: {id: $.id, weight: $.weight}}
      made: {by: us}
  buy:
    title: Buy
    describe: Buys a thing that there is in the shop.
    effect: write
    idempotent: true
    request: {method: POST, path: /orders}
";

fn connector(source: &str) -> Arc<Connector> {
    let files = Files { connector: source.to_owned(), ..Files::default() };
    let checked = files.check("shop");
    let found: Vec<_> = checked.diagnostics.iter().map(|it| it.message.clone()).collect();
    checked.connector.unwrap_or_else(|| panic!("{found:#?}"))
}

/// What changes when some texts are replaced by others.
fn with(texts: &[(&str, &str)]) -> Vec<Change> {
    let mut source = FIRST.to_owned();
    for (from, to) in texts {
        assert!(source.contains(from), "{from}");
        source = source.replacen(from, to, 1);
    }
    changes(&connector(FIRST), &connector(&source))
}

#[track_caller]
fn breaks(texts: &[(&str, &str)], expected: &str) {
    let found = with(texts);
    assert!(found.iter().any(|it| it.breaks && it.message == expected), "{expected}\n{found:#?}");
}

#[track_caller]
fn adds(texts: &[(&str, &str)], expected: &[&str]) {
    let found = with(texts);
    assert!(found.iter().all(|it| !it.breaks), "{found:#?}");
    assert_eq!(found.iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), expected);
}

#[test]
fn what_was_taken_must_be_taken_still() {
    breaks(
        &[("item: {type: string, ", "item: {type: integer, "), ("minLength: 1", "minimum: 1")],
        "action `look`, input: `item` must be integer, before string",
    );
    breaks(&[("minLength: 1", "minLength: 2")], "action `look`, input: `item` has the `minLength` 2, before 1");
    breaks(
        &[("minLength: 1", "maxLength: 9")],
        "action `look`, input: `item` has the `maxLength` 9, before there was none",
    );
    breaks(
        &[("minLength: 1", "pattern: '^a'")],
        "action `look`, input: `item` has another `pattern`, which may refuse what was taken before",
    );
    breaks(&[("enum: [small, large]", "enum: [small]")], "action `look`, input: `size` can't be \"large\" any more");
    breaks(&[(", required: false}", "}")], "action `look`, input: `size` has to be given, before it could be left out");
    breaks(
        &[
            ("      size:", "      color: {type: string}\n      size:"),
            ("size: '{{ input.size }}'", "size: '{{ input.size }}{{ input.color }}'"),
        ],
        "action `look`, input: `color` has to be given, before there was no such field",
    );
    breaks(
        &[
            ("      size: {type: string, enum: [small, large], required: false}\n", ""),
            (", size: '{{ input.size }}'", ""),
        ],
        "action `look`, input: `size` is gone",
    );
    breaks(&[("maximum: 10", "maximum: 9")], "action `look`, config: `limit` has the `maximum` 9, before 10");
    breaks(
        &[
            ("{key: {type: string}}", "{key: {type: string}, shop: {type: string}}"),
            ("token: '{{ auth.key }}'", "token: '{{ auth.key }}{{ auth.shop }}'"),
        ],
        "sign-in: `shop` has to be given, before there was no such field",
    );
}

#[test]
fn what_came_out_must_come_out_still() {
    breaks(&[("      id: $.id\n", "")], "action `look`, output.id is gone");
    breaks(&[(", weight: $.weight", "")], "action `look`, output.parts[].weight is gone");
    breaks(&[("made: {by: us}", "made: {of: wood}")], "action `look`, output.made.by is gone");
    breaks(&[("made: {by: us}", "made: us")], "action `look`, output.made is text, before a mapping");
    breaks(
        &[("{each: '$.parts[*]', as: {id: $.id, weight: $.weight}}", "none")],
        "action `look`, output.parts is text, before a list",
    );
    breaks(
        &[("made: {by: us}", "made: $.made")],
        "action `look`, output.made is no longer written out, so that nobody can tell what is in it",
    );
}

#[test]
fn what_is_there_must_stay_there_and_ask_for_no_more() {
    breaks(&[("  buy:", "  purchase:")], "the action `buy` is gone");
    breaks(&[("effect: write", "effect: delete")], "action `buy`: its effect is `delete`, before `write`");
    breaks(
        &[("    effect: write", "    scopes: [orders]\n    effect: write")],
        "action `buy`: it needs the scope `orders`, which connections don't have yet",
    );
}

#[test]
fn an_account_of_another_name_connects_nobody() {
    let text = "id: market\ntitle: Market\nfields: {key: {type: string}}\nscheme: bearer\ntoken: \"{{ auth.key }}\"\n";
    let shared = FIRST.replace(
        "auth: {fields: {key: {type: string}}, scheme: bearer, token: '{{ auth.key }}'}",
        "auth: {account: market}",
    );
    let account = Some(Account { id: "market".to_owned(), text: text.to_owned() });
    let shared = Files { connector: shared, account, ..Files::default() }.check("shop").connector.unwrap();
    let found = changes(&connector(FIRST), &shared);
    let expected = "it signs in to the account `market`, before to `shop`: nothing stays connected";
    assert_eq!((found[0].breaks, found[0].message.as_str()), (true, expected));
}

#[test]
fn what_only_grows_breaks_nothing() {
    adds(&[], &[]);
    adds(&[("minLength: 1", "description: Which one.")], &[]);
    adds(&[("enum: [small, large]", "enum: [small, large, huge]")], &["action `look`, input: `size` can be \"huge\""]);
    adds(&[("default: 5", "default: 6")], &["action `look`, config: `limit` left out means 6, before 5"]);
    adds(&[("      id: $.id\n", "      id: $.id\n      color: $.color\n")], &["action `look`, output.color is new"]);
    adds(
        &[("Buys a thing that there is in the shop.", "Buys one thing that there is in the shop.")],
        &["action `buy`: the model is told something else"],
    );
    adds(&[("path: /orders", "path: /purchases")], &[]);
}

#[test]
fn a_version_says_whether_it_may_break_something() {
    for (from, to, expected) in [
        ("1.2.3", "2.0.0", true),
        ("1.2.3", "1.3.0", false),
        ("0.2.3", "0.3.0", true),
        ("0.2.3", "0.2.4", false),
        ("0.9.0", "1.0.0", true),
    ] {
        assert_eq!(may_break(from, to), expected, "{from} {to}");
    }
}

#[test]
fn a_provider_that_is_looked_for_is_found_when_an_account_is_connected() {
    let by = |more: &str| {
        let consent = format!(
            "{{scheme: oauth2, {more}authorize_url: 'https://a.example.com', token_url: 'https://a.example.com/t'}}"
        );
        connector(&FIRST.replace("{fields: {key: {type: string}}, scheme: bearer, token: '{{ auth.key }}'}", &consent))
    };
    let (app, registered) = (by(""), by("register_url: 'https://a.example.com/register', "));
    let found = changes(&app, &registered);
    let expected = "its provider is looked for when an account is connected: each has to be connected again";
    assert!(found.iter().any(|it| it.breaks && it.message == expected), "{found:#?}");
    assert!(changes(&registered, &app).iter().all(|it| !it.breaks));
}
