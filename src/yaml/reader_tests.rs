use std::time::Duration;

use super::{
    Key, Node, Reader, Section, Type, parse,
    section::{all_of, one_of},
    typed,
};
use crate::diag::{Diagnostics, Sources};

static INNER: Section = Section {
    name: "request",
    doc: "A request.",
    keys: &[
        Key::new("method", Type::Text, "The method.").required().example("GET"),
        Key::new("path", Type::Template, "The path."),
        Key::new("url", Type::Template, "The address."),
    ],
    near: &[&OUTER],
};

static OUTER: Section = Section {
    name: "connector",
    doc: "A connector.",
    keys: &[
        Key::new("id", Type::Id, "The id.").required(),
        Key::new("describe", Type::Text, "For the model.").mistaken(&["description"]),
        Key::new("version", Type::Version, "The version."),
        Key::new("color", Type::Color, "The colour."),
        Key::new("pkce", Type::Bool, "Whether."),
        Key::new("max", Type::Integer { min: 1, max: 50 }, "How many."),
        Key::new("timeout", Type::Duration, "How long."),
        Key::new("now", Type::Instant, "When."),
        Key::new("effect", Type::Word(&["read", "write"]), "What it does."),
        Key::new("scopes", Type::List(&Type::Text), "Needed."),
        Key::new("reason", Type::OneOrMany(&Type::Text), "One or more."),
        Key::new("actions", Type::Named(&Type::Section(&INNER)), "By name."),
        Key::new("request", Type::Section(&INNER), "What is sent."),
    ],
    near: &[&INNER],
};

/// What `use_reader` gives, and the mistakes found: `line:column code message | help`.
fn read<T>(text: &str, use_reader: impl FnOnce(Reader<'_>, &mut Diagnostics) -> T) -> (T, Vec<String>) {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("test.yaml", text);
    let node: Node = parse(&sources, file, &mut diagnostics).expect("valid YAML");
    let reader = Reader::open(&node, &OUTER, &mut diagnostics).expect("a mapping");
    let result = use_reader(reader, &mut diagnostics);
    let lines = diagnostics.sorted().into_iter().map(|it| {
        let (line, column) = sources.position(it.span.file, it.span.start);
        let help = it.help.map(|it| format!(" | {it}")).unwrap_or_default();
        format!("{line}:{column} {} {}{help}", it.code, it.message)
    });
    (result, lines.collect())
}

#[test]
fn reports_every_key_that_is_not_in_the_table_and_every_one_that_lacks() {
    let text = "descrbe: a\ndescription: b\nmethod: GET\nfoo: c\nrequest: {pth: /x, url: y}\n";
    let ((), found) = read(text, |it, diagnostics| {
        it.section("request", &INNER, diagnostics).expect("a mapping");
    });
    assert_eq!(
        found,
        [
            "1:1 C101 unknown key `descrbe` in `connector` | did you mean `describe`?",
            "1:1 C103 `connector` lacks the key `id` | add `id: my-connector`",
            "2:1 C101 unknown key `description` in `connector` | the key is called `describe`",
            "3:1 C101 unknown key `method` in `connector` | `method` is a key of `request`",
            "4:1 C101 unknown key `foo` in `connector` | the keys of `connector` are `id`, `describe`, `version`, `color`, \
             `pkce`, `max`, `timeout`, `now`, `effect`, `scopes`, `reason`, `actions` and `request`",
            "5:1 C103 `request` lacks the key `method` | add `method: GET`",
            "5:11 C101 unknown key `pth` in `request` | did you mean `path`?",
        ]
    );
}

#[test]
fn gives_values_of_the_type_that_the_table_names() {
    let text = "id: my-id\nversion: 1.0.0-rc.1\ncolor: '#00ffAA'\npkce: false\nmax: 50\ntimeout: 1500ms\nnow: 2026-11-25T09:00:00Z\n\
                effect: write\nscopes: [a, 1.0, yes]\nreason: single\nactions: {book_it: {method: GET}}\ndescribe: 5\n";
    let ((), found) = read(text, |it, diagnostics| {
        assert_eq!(it.formed("id", diagnostics), Some("my-id"));
        assert_eq!(it.formed("version", diagnostics), Some("1.0.0-rc.1"));
        assert_eq!(it.formed("color", diagnostics), Some("#00ffAA"));
        assert_eq!(it.bool("pkce", diagnostics), Some(false));
        assert_eq!(it.integer::<u8>("max", diagnostics), Some(50));
        assert_eq!(it.duration("timeout", diagnostics), Some(Duration::from_millis(1500)));
        assert_eq!(it.instant("now", diagnostics).map(|it| it.as_second()), Some(1_795_597_200));
        assert_eq!(it.word("effect", diagnostics), Some("write"));
        let scopes: Vec<_> = it.texts("scopes", diagnostics).into_iter().map(|it| it.0).collect();
        assert_eq!(scopes, ["a", "1.0", "yes"]);
        assert_eq!(it.texts("reason", diagnostics)[0].0, "single");
        assert_eq!(it.named("actions", diagnostics)[0].key, "book_it");
        assert_eq!(it.text("describe", diagnostics), Some("5"));
        assert!(it.section("request", &INNER, diagnostics).is_none());
    });
    assert_eq!(found, [""; 0]);
}

#[test]
fn refuses_values_of_another_type() {
    type Read = fn(Reader<'_>, &mut Diagnostics);
    let cases: [(&str, Read, &str); 20] = [
        (
            "id: [a]",
            |it, d| _ = it.formed("id", d),
            "1:5 C102 expected an id in lower-case-with-dashes for `id`, found a list | for example `id: my-connector`",
        ),
        (
            "id: My Id",
            |it, d| _ = it.formed("id", d),
            "1:5 C105 `id` must be an id in lower-case-with-dashes, not `My Id` | for example `id: my-id`",
        ),
        (
            "id: a\nversion: 1.0",
            |it, d| _ = it.formed("version", d),
            "2:10 C104 `version` must be a semantic version, not `1.0` | for example `version: 1.0.0`",
        ),
        (
            "id: a\ncolor: red",
            |it, d| _ = it.formed("color", d),
            "2:8 C104 `color` must be a colour, not `red` | for example `color: \"#1A73E8\"`",
        ),
        (
            "id: a\ndescribe:",
            |it, d| _ = it.text("describe", d),
            "2:10 C102 expected text for `describe`, found nothing",
        ),
        ("id: a\ndescribe: ''", |it, d| _ = it.text("describe", d), "2:11 C104 `describe` is empty"),
        (
            "id: a\ndescribe: {}",
            |it, d| _ = it.text("describe", d),
            "2:11 C102 expected text for `describe`, found a mapping",
        ),
        (
            "id: a\npkce: yes",
            |it, d| _ = it.bool("pkce", d),
            "2:7 C102 expected `true` or `false` for `pkce`, found the text `yes` | for example `pkce: true`",
        ),
        (
            "id: a\npkce: 'true'",
            |it, d| _ = it.bool("pkce", d),
            "2:7 C102 expected `true` or `false` for `pkce`, found the text `true` | for example `pkce: true`",
        ),
        (
            "id: a\nmax: many",
            |it, d| _ = it.integer::<u8>("max", d),
            "2:6 C102 expected a whole number from 1 to 50 for `max`, found the text `many` | for example `max: 1`",
        ),
        (
            "id: a\nmax: 51",
            |it, d| _ = it.integer::<u8>("max", d),
            "2:6 C104 `max` must be a whole number from 1 to 50, not 51",
        ),
        (
            "id: a\ntimeout: 10",
            |it, d| _ = it.duration("timeout", d),
            "2:10 C102 expected a duration for `timeout`, found the number 10 | for example `timeout: 10s`",
        ),
        (
            "id: a\ntimeout: 0s",
            |it, d| _ = it.duration("timeout", d),
            "2:10 C104 `timeout` must be longer than nothing",
        ),
        (
            "id: a\ntimeout: \"{{ x }}\"",
            |it, d| _ = it.duration("timeout", d),
            "2:10 C102 expected a duration for `timeout`, found an expression | for example `timeout: 10s`",
        ),
        (
            "id: a\nnow: today",
            |it, d| _ = it.instant("now", d),
            "2:6 C102 expected an instant for `now`, found the text `today` | for example `now: 2026-11-25T09:00:00Z`",
        ),
        (
            "id: a\neffect: wirte",
            |it, d| _ = it.word("effect", d),
            "2:9 C104 `wirte` is not a value of `effect` | did you mean `write`?",
        ),
        (
            "id: a\neffect: burn",
            |it, d| _ = it.word("effect", d),
            "2:9 C104 `burn` is not a value of `effect` | allowed are `read` and `write`",
        ),
        (
            "id: a\nscopes: a",
            |it, d| _ = it.texts("scopes", d),
            "2:9 C102 expected a list for `scopes`, found the text `a` | for example `scopes: [a]`",
        ),
        (
            "id: a\nscopes: [{}]",
            |it, d| _ = it.texts("scopes", d),
            "2:10 C102 expected text for `scopes`, found a mapping",
        ),
        (
            "id: a\nactions: {bookIt: {}}",
            |it, d| _ = it.named("actions", d),
            "2:11 C105 names in `actions` are written in lower_case_with_underscores, not `bookIt` | for example `book_it`",
        ),
    ];
    for (text, use_reader, expected) in cases {
        assert_eq!(read(text, use_reader).1, [expected], "{text}");
    }
}

#[test]
fn keys_can_exclude_each_other() {
    let either = |text: &str| {
        let (key, found) = read(text, |it, diagnostics| {
            let request = it.section("request", &INNER, diagnostics).expect("a mapping");
            request.exactly_one(&["path", "url"], diagnostics).map(|it| it.key.clone())
        });
        (key, found)
    };
    assert_eq!(either("id: a\nrequest: {method: GET, url: x}"), (Some("url".to_owned()), vec![]));
    let (key, found) = either("id: a\nrequest: {method: GET}");
    assert_eq!((key, found), (None, vec!["2:1 C103 `request` lacks one of the keys `path` or `url`".to_owned()]));
    let (key, found) = either("id: a\nrequest: {url: x, method: GET, path: y}");
    assert_eq!(key.as_deref(), Some("url"));
    assert_eq!(found, ["2:32 C106 `url` and `path` exclude each other | keep one of them"]);
}

#[test]
fn durations_and_versions_are_read_exactly() {
    for (text, expected) in [
        ("500ms", Some(500)),
        ("10s", Some(10_000)),
        ("5m", Some(300_000)),
        ("1h", Some(3_600_000)),
        ("7d", Some(604_800_000)),
        ("", None),
        ("s", None),
        ("10", None),
        ("10 s", None),
        ("-1s", None),
        ("1.5s", None),
        ("99999999999999999999s", None),
        ("18446744073709551615d", None),
    ] {
        assert_eq!(typed::parse_duration(text).map(|it| it.as_millis()), expected, "{text}");
    }
    for (text, expected) in [
        ("1.2.3", true),
        ("0.0.0", true),
        ("1.0.0-beta.1+build.5", true),
        ("1.2", false),
        ("1.2.3.4", false),
        ("v1.2.3", false),
        ("01.2.3", false),
        ("1.2.3-", false),
        ("1..3", false),
        ("", false),
    ] {
        assert_eq!(typed::is_version(text), expected, "{text}");
    }
}

#[test]
fn names_are_joined_as_in_speech() {
    assert_eq!(one_of::<&str>(&[]), "");
    assert_eq!(one_of(&["a"]), "`a`");
    assert_eq!(one_of(&["a", "b"]), "`a` or `b`");
    assert_eq!(one_of(&["a", "b", "c"]), "`a`, `b` or `c`");
    assert_eq!(all_of(&["a", "b", "c"]), "`a`, `b` and `c`");
}
