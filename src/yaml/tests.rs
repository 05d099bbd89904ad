use super::*;
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
