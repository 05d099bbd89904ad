//! Diagnostics as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the lines.

use serde_json::{Value as Json, json};

use super::{Diagnostic, Fix, Severity, Sources, Span, codes};

/// What is in a log's `$schema`.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// One log with one run: every code as a rule with its page as help, and every diagnostic as a result. Columns count
/// characters, as `columnKind` says.
pub fn sarif<'a>(found: impl IntoIterator<Item = (&'a Sources, &'a [Diagnostic])>) -> Json {
    let results: Vec<_> =
        found.into_iter().flat_map(|(sources, all)| all.iter().map(|it| result(sources, it))).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "closeloop",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": codes::ALL.iter().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(info: &codes::Info) -> Json {
    json!({
        "id": info.code,
        "shortDescription": {"text": info.title},
        "fullDescription": {"text": info.explanation},
        "help": {"text": format!("{}\n\ncloseloop explain {}", info.explanation, info.code), "markdown": info.page},
    })
}

fn result(sources: &Sources, it: &Diagnostic) -> Json {
    let help = it.help.iter().map(|help| format!("\n{help}"));
    let text = std::iter::once(it.message.clone()).chain(help).collect::<String>();
    let mut result = json!({
        "ruleId": it.code,
        "level": match it.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": {"text": text},
        "locations": [{"physicalLocation": place(sources, it.span)}],
    });
    if let Some(index) = codes::ALL.iter().position(|info| info.code == it.code) {
        result["ruleIndex"] = json!(index);
    }
    if !it.notes.is_empty() {
        let notes = it
            .notes
            .iter()
            .map(|(span, text)| json!({"physicalLocation": place(sources, *span), "message": {"text": text}}));
        result["relatedLocations"] = notes.collect();
    }
    if let Some(fix) = it.fix.as_ref().and_then(|it| fix(sources, it)) {
        result["fixes"] = json!([fix]);
    }
    result
}

fn fix(sources: &Sources, fix: &Fix) -> Option<Json> {
    let range = fix.range(sources)?;
    let replaced = Span::new(fix.span.file, range.start, range.end);
    Some(json!({
        "description": {"text": fix.title},
        "artifactChanges": [{
            "artifactLocation": artifact(sources, replaced),
            "replacements": [{
                "deletedRegion": region(sources, replaced),
                "insertedContent": {"text": fix.text},
            }],
        }],
    }))
}

fn place(sources: &Sources, span: Span) -> Json {
    json!({"artifactLocation": artifact(sources, span), "region": region(sources, span)})
}

fn artifact(sources: &Sources, span: Span) -> Json {
    json!({"uri": uri(&sources.get(span.file).name)})
}

fn region(sources: &Sources, span: Span) -> Json {
    let (start_line, start_column) = sources.position(span.file, span.start);
    let (end_line, end_column) = sources.position(span.file, span.end);
    json!({"startLine": start_line, "startColumn": start_column, "endLine": end_line, "endColumn": end_column})
}

/// A path as a URI reference (RFC 3986): a whole one if it is absolute.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("connectors/shop/connector.yaml", "connectors/shop/connector.yaml"),
            ("/srv/my shop/ü.yaml", "file:///srv/my%20shop/%C3%BC.yaml"),
            (".\\shop\\tests.yaml", "./shop/tests.yaml"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }

    /// The structure of SARIF 2.1.0 (OASIS, 2020), as far as a log of ours goes: §3.13 log, §3.14 run, §3.18 tool,
    /// §3.49 rules, §3.27 results, §3.29 places, §3.30 regions, §3.55 to §3.57 fixes.
    fn structure() -> Json {
        let object = |required: &[&str], properties: Json| json!({"type": "object", "required": required, "properties": properties, "additionalProperties": false});
        let list = |of: &str| json!({"type": "array", "items": {"$ref": format!("#/$defs/{of}")}});
        let one = |of: &str| json!({"$ref": format!("#/$defs/{of}")});
        let number = json!({"type": "integer", "minimum": 1});
        let text = json!({"type": "string"});
        json!({
            "$ref": "#/$defs/log",
            "$defs": {
                "log": object(&["version", "runs"], json!({
                    "$schema": {"type": "string", "format": "uri"},
                    "version": {"enum": ["2.1.0"]},
                    "runs": list("run"),
                })),
                "run": object(&["tool"], json!({
                    "tool": one("tool"),
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": list("result"),
                })),
                "tool": object(&["driver"], json!({"driver": one("driver")})),
                "driver": object(&["name"], json!({
                    "name": text,
                    "version": text,
                    "semanticVersion": text,
                    "rules": {"type": "array", "uniqueItems": true, "items": one("rule")},
                })),
                "rule": object(&["id"], json!({
                    "id": text,
                    "shortDescription": one("multiformat"),
                    "fullDescription": one("multiformat"),
                    "help": one("multiformat"),
                })),
                "multiformat": object(&["text"], json!({"text": text, "markdown": text})),
                "message": object(&["text"], json!({"text": text})),
                "result": object(&["message"], json!({
                    "ruleId": text,
                    "ruleIndex": {"type": "integer", "minimum": -1},
                    "level": {"enum": ["none", "note", "warning", "error"]},
                    "message": one("message"),
                    "locations": list("location"),
                    "relatedLocations": {"type": "array", "uniqueItems": true, "items": one("location")},
                    "fixes": {"type": "array", "uniqueItems": true, "items": one("fix")},
                })),
                "location": object(&[], json!({"physicalLocation": one("place"), "message": one("message")})),
                "place": object(&["artifactLocation"], json!({"artifactLocation": one("artifact"), "region": one("region")})),
                "artifact": object(&[], json!({"uri": {"type": "string", "format": "uri-reference"}})),
                "region": object(&[], json!({
                    "startLine": number, "startColumn": number, "endLine": number, "endColumn": number,
                })),
                "fix": object(&["artifactChanges"], json!({
                    "description": one("message"),
                    "artifactChanges": {"type": "array", "minItems": 1, "items": one("change")},
                })),
                "change": object(&["artifactLocation", "replacements"], json!({
                    "artifactLocation": one("artifact"),
                    "replacements": {"type": "array", "minItems": 1, "items": one("replacement")},
                })),
                "replacement": object(&["deletedRegion"], json!({
                    "deletedRegion": one("region"),
                    "insertedContent": object(&[], json!({"text": text})),
                })),
            },
        })
    }

    #[test]
    fn a_log_has_the_published_structure_and_all_that_is_known() {
        let mut sources = Sources::default();
        let file = sources.add("my shop/connector.yaml", "id: a\nü: {pth: x}\n");
        let span = Span::new(file, 11, 14);
        let found = [
            Diagnostic::error(codes::UNKNOWN_KEY, span, "unknown key")
                .note(Span::new(file, 0, 2), "the file begins here")
                .help("did you mean `path`?")
                .fix(Fix::respell(span, "pth", "path")),
            Diagnostic::warning(codes::RAW, Span::new(file, 0, 0), "look"),
        ];
        let log = sarif([(&sources, found.as_slice())]);
        let structure = jsonschema::options().should_validate_formats(true).build(&structure()).expect("a schema");
        let errors: Vec<_> = structure.iter_errors(&log).map(|it| format!("{}: {it}", it.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let run = &log["runs"][0];
        let result = &run["results"][0];
        assert_eq!(
            run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("a number") as usize]["id"],
            "C101"
        );
        assert_eq!(result["message"]["text"], "unknown key\ndid you mean `path`?");
        let place = json!({
            "artifactLocation": {"uri": "my%20shop/connector.yaml"},
            "region": {"startLine": 2, "startColumn": 5, "endLine": 2, "endColumn": 8},
        });
        assert_eq!(result["locations"], json!([{"physicalLocation": place}]));
        let change = &result["fixes"][0]["artifactChanges"][0]["replacements"][0];
        assert_eq!(change["deletedRegion"], place["region"]);
        assert_eq!(change["insertedContent"]["text"], "path");
        assert_eq!(run["results"][1]["level"], "warning");
    }
}
