use super::{parse::MAX_NODES, *};
use crate::diag::{Diagnostics, Sources};

fn read_text(text: &str) -> (Sources, Option<Node>, Vec<crate::diag::Diagnostic>) {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("connector.yaml", text);
    let node = parse(&sources, file, &mut diagnostics);
    (sources, node, diagnostics.sorted())
}

/// One line for each diagnostic: `line:column code message [text at the place]`.
fn mistakes(text: &str) -> Vec<String> {
    let (sources, _, found) = read_text(text);
    let line = |it: &crate::diag::Diagnostic| {
        let (line, column) = sources.position(it.span.file, it.span.start);
        let at = &text[it.span.start..it.span.end];
        format!("{line}:{column} {} {} [{}]", it.code, it.message, at.replace('\n', "\\n"))
    };
    found.iter().map(line).collect()
}

#[test]
fn refuses_what_connectors_do_not_use() {
    for (text, expected) in [
        (
            "a: &x 1\nb: *x\n",
            vec![
                "1:4 C007 the anchor `&x` is not allowed: connectors have no anchors and aliases [&x]",
                "2:4 C007 the alias `*x` is not allowed: connectors have no anchors and aliases [*x]",
            ],
        ),
        ("<<: {a: 1}\n", vec!["1:1 C008 the merge key `<<` is not allowed [<<]"]),
        ("a: !!str 1\n", vec!["1:4 C009 the tag `!!str` is not allowed: connectors have no tags [!!str]"]),
        ("a: 1\n---\nb: 1\n", vec!["2:1 C006 the file holds more than one YAML document [---]"]),
        ("# only\n", vec!["1:1 C005 the file is empty []"]),
        ("a: 1\na: 2\n", vec!["2:1 C013 the key `a` is given twice [a]"]),
        ("? {a: 1}\n: 1\n", vec!["1:3 C012 a key must be text, not a list or mapping [{]"]),
        ("p: {{ input.x }}\n", vec!["1:4 C014 a value that begins with `{{` must be quoted [{{ input.x }}]"]),
    ] {
        assert_eq!(mistakes(text), expected, "{text:?}");
    }
}

#[test]
fn says_what_is_wrong_with_the_text() {
    for (text, expected) in [
        ("a:\n\tb: 1\n", "2:1 C004 a tab is used as indentation [\t]"),
        ("a: [1, 2\nb: 3\n", "1:4 C003 this `[` is never closed [[]"),
        ("a: {x: 1\nb: 3\n", "1:4 C003 this `{` is never closed [{]"),
        ("a: {x: 1 y: 2}\n", "1:11 C003 expected `,` or `}` [:]"),
        ("a: [", "1:4 C003 this `[` is never closed [[]"),
        ("a: {b: 1,\n", "1:4 C003 this `{` is never closed [{]"),
        ("a: [1]]\n", "1:7 C003 this `]` closes nothing []]"),
        ("a: [1}\n", "1:4 C003 `[` is closed by `}` [[]"),
        ("a: \"foo\nb: 3\n", "1:4 C003 this quote is never closed [\"]"),
        ("a: 'it's'\n", "1:8 C003 text after the closing quote [s']"),
        ("a: \"\\q\"\n", "1:5 C003 `\\q` is not an escape [\\q]"),
        ("describe: foo: bar\n", "1:11 C003 the value of `describe` has a `: ` in it [foo: bar]"),
        ("a:\n  b: 1\n c: 2\n", "3:2 C003 this line is indented like none of the lines above it [c: 2]"),
        ("a: 1\n  b: 2\n", "2:3 C003 the key `b` can't stand under a line that has a value [b]"),
        ("a b c\nd: e\n", "2:1 C003 the line above `d` is text, where a key is expected [d]"),
        ("key:value\nother: 1\n", "2:1 C003 the line above `other` is no key with a value [other]"),
        ("a: @foo\n", "1:4 C003 a value can't begin with `@` [@foo]"),
        ("a: ,b\n", "1:4 C003 a value can't begin with `,` [,b]"),
        ("a: |\nfoo\n", "2:1 C003 the text of a block must be indented more than its key [foo]"),
        ("a: >x\n b\n", "1:4 C003 the text of a block begins on the line after `|` or `>` [>]"),
        ("a: foo\n- b\n", "2:3 C003 a list entry stands where a key is expected [b]"),
        ("- a\nb: 1\n", "2:1 C003 a key stands where a list entry is expected [b: 1]"),
        ("a: - b\n", "1:4 C003 a list can't begin on the line of its key [-]"),
        ("a: b #c\n d: x\n", "1:6 C003 a comment can't stand between the lines of a text [#]"),
        ("%YAML 1.2\n---\na: 1\n", "1:1 C003 directives (`%…`) are not used in connectors [%]"),
        ("p: {{ x }}/y\n", "1:4 C014 a value that begins with `{{` must be quoted [{{ x }}]"),
        ("p: {{ x['y'] }}\n", "1:4 C014 a value that begins with `{{` must be quoted [{{ x['y'] }}]"),
    ] {
        assert_eq!(mistakes(text), [expected], "{text:?}");
    }
}

#[test]
fn helps_with_an_unquoted_placeholder() {
    for (text, expected) in [
        ("p: {{ x }}/y\n", "write \"{{ x }}/y\""),
        ("p: {{ x['y'] }}\n", "write \"{{ x['y'] }}\""),
        ("p: {{ x | join(\", \") }}\n", "write '{{ x | join(\", \") }}'"),
        ("p: [{{ x }}, 2]\n", "write \"{{ x }}\""),
        ("- {{ x }} \n", "write \"{{ x }}\""),
        ("p: {{ x }}, {{ y }}\n", "write \"{{ x }}, {{ y }}\""),
        ("p: {a: {{ x }}, b: 2}\n", "write \"{{ x }}\""),
        ("p: {a: {{ x }}/{{ f(y, 2) }}, b: 2}\n", "write \"{{ x }}/{{ f(y, 2) }}\""),
        ("p:\n  [1,\n   {{ x }}, 2]\n", "write \"{{ x }}\""),
        ("p: {{ x }} # why\n", "write \"{{ x }}\""),
    ] {
        assert_eq!(read_text(text).2[0].help.as_deref(), Some(expected), "{text:?}");
    }
}

#[test]
fn goes_on_after_a_mistake_that_leaves_no_hole() {
    let (_, node, found) = read_text("\u{FEFF}a: &x 1\nb: !t 2\na: 3\nc: 4\n");
    assert_eq!(found.len(), 3);
    assert_eq!(to_json(&node.expect("a tree")).to_string(), r#"{"a":1,"b":2,"c":4}"#);
}

#[test]
fn every_node_knows_its_place() {
    let text = "\u{FEFF}a: 1\nb:\n  - 'x y'\n  - \"ü\\n\"\n  - |\n    two\n    lines\n\n  - >-\n    folded\n  - plain\n    on two\n\
                c: {d: [e]}\nf:\ng: h # why\n";
    let (_, node, _) = read_text(text);
    let node = node.expect("a tree");
    let source = |it: &Node| &text[it.span.start..it.span.end];
    let list = node.get("b").expect("b").as_list().expect("a list");
    let sources: Vec<_> = list.iter().map(source).collect();
    assert_eq!(sources, ["'x y'", "\"ü\\n\"", "two\n    lines", "folded", "plain\n    on two"]);
    let entries = node.as_map().expect("a map");
    let keys: Vec<_> = entries.iter().map(|it| &text[it.key_span.start..it.key_span.end]).collect();
    assert_eq!(keys, ["a", "b", "c", "f", "g"]);
    assert_eq!(source(&entries[2].value), "{d: [e]}");
    assert_eq!(source(entries[2].value.get("d").expect("d")), "[e]");
    assert_eq!(source(&entries[4].value), "h");
    let missing = &entries[3].value;
    assert_eq!((source(missing), missing.is_nothing()), ("", true));
    assert!(text[..missing.span.start].ends_with("f:"));
    assert!(source(&node).starts_with("a: 1") && source(&node).ends_with("g: h"));
}

#[test]
fn limits_hold() {
    let deep = |levels: usize| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(mistakes(&deep(64)), [""; 0]);
    assert_eq!(mistakes(&deep(65)), ["1:65 C010 nested more than 64 levels deep [[]"]);
    assert_eq!(mistakes(&deep(5_000)).len(), 1);
    let blocks: String = (0..100).map(|it| format!("{}a:\n", " ".repeat(it))).collect();
    assert_eq!(mistakes(&blocks), ["65:65 C010 nested more than 64 levels deep []"]);
    let many = format!("[{}]", "1,".repeat(MAX_NODES));
    assert_eq!(mistakes(&many).len(), 1);
    assert!(mistakes(&many)[0].contains("C011"));
}

#[test]
fn aliases_of_aliases_cost_nothing() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    assert!(mistakes(&bomb).iter().all(|it| it.contains("C007")));
}

#[test]
fn bytes_are_taken_in_only_if_they_are_text_of_a_reasonable_size() {
    let mut sources = Sources::default();
    let mut diagnostics = Diagnostics::default();
    assert!(read(&mut sources, "ok.yaml", "a: ü".as_bytes(), &mut diagnostics).is_some() && diagnostics.is_empty());
    assert!(read(&mut sources, "latin1.yaml", b"a: 1\nb: caf\xE9\n", &mut diagnostics).is_none());
    assert!(read(&mut sources, "large.yaml", &vec![b' '; MAX_BYTES + 1], &mut diagnostics).is_none());
    let found = diagnostics.sorted();
    let places: Vec<_> =
        found.iter().map(|it| (it.code, it.message.as_str(), sources.position(it.span.file, it.span.start))).collect();
    assert_eq!(places, [("C002", "byte 0xE9 is not UTF-8", (2, 7)), ("C001", "the file is larger than 1 MiB", (1, 1))]);
}

#[test]
fn plain_scalars_mean_what_the_core_schema_says() {
    for (written, expected) in [
        ("", "null"),
        ("~", "null"),
        ("null", "null"),
        ("true", "true"),
        ("FALSE", "false"),
        ("yes", "\"yes\""),
        ("no", "\"no\""),
        ("off", "\"off\""),
        ("0", "0"),
        ("-12", "-12"),
        ("+7", "7"),
        ("007", "7"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("0x", "\"0x\""),
        ("18446744073709551615", "18446744073709551615"),
        ("1.50", "1.5"),
        (".5", "0.5"),
        ("5.", "5.0"),
        ("1e3", "1000.0"),
        ("1e400", "\"1e400\""),
        (".", "\".\""),
        ("e3", "\"e3\""),
        ("1_000", "\"1_000\""),
        ("12:30", "\"12:30\""),
        ("2026-11-25", "\"2026-11-25\""),
        (".inf", "\".inf\""),
        (".nan", "\".nan\""),
        ("1.2.3", "\"1.2.3\""),
        ("'5'", "\"5\""),
        ("\"true\"", "\"true\""),
        ("''", "\"\""),
        ("|\n  5", "\"5\\n\""),
        ("[1, a, ~]", "[1,\"a\",null]"),
    ] {
        let (_, node, found) = read_text(&format!("key: {written}\n"));
        assert!(found.is_empty(), "{written}: {found:?}");
        let node = node.expect("a tree");
        assert_eq!(to_json(node.get("key").expect("key")).to_string(), expected, "{written}");
    }
}
