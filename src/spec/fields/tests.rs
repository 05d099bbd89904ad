use serde_json::{Value as Json, json};

use super::*;

fn fields() -> Fields {
    let Json::Object(properties) = json!({
        "start": {"type": "string", "format": "date-time"},
        "name": {"type": "string", "minLength": 1, "maxLength": 5},
        "minutes": {"type": "integer", "minimum": 5, "maximum": 60, "default": 30},
        "kind": {"type": "string", "enum": ["call", "visit", "video"]},
        "zone": {"type": "string", "format": "timezone"},
        "guests": {"type": "array", "maxItems": 2, "items": {
            "type": "object", "required": ["email"], "additionalProperties": false,
            "properties": {"email": {"type": "string", "format": "email"}},
        }},
        "key": {"type": "string", "pattern": "^k_", "writeOnly": true},
    }) else {
        unreachable!()
    };
    Fields::new(properties, &["start".into(), "name".into()], IndexMap::new()).expect("a good schema")
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads better where it is called")]
fn check(given: Json, expected: &[(&str, &str, &str)]) {
    let errors = fields().check(&given);
    let found: Vec<_> = errors.iter().map(|it| (it.path.as_str(), it.expected.as_str(), it.got.as_str())).collect();
    assert_eq!(found, expected);
}

const START: &str = "2026-12-01T10:00:00+07:00";

#[test]
fn what_fits_has_no_errors() {
    check(json!({"start": START, "name": "Ana"}), &[]);
}

#[test]
fn each_error_says_what_would_be_accepted_and_what_came() {
    check(json!({"name": "Ana"}), &[("/start", format::words("date-time").unwrap(), "nothing")]);
    check(
        json!({"start": "2026-12-01T10:00:00", "name": "Ana"}),
        &[("/start", format::words("date-time").unwrap(), "\"2026-12-01T10:00:00\"")],
    );
    check(
        json!({"start": START, "name": "Anastasia", "minutes": 3}),
        &[("/name", "text of 1 to 5 characters", "\"Anastasia\""), ("/minutes", "a whole number from 5 to 60", "3")],
    );
    check(json!({"start": START, "name": 5}), &[("/name", "text of 1 to 5 characters", "5")]);
    check(
        json!({"start": START, "name": "Ana", "guests": [{"email": "ana"}, {}]}),
        &[("/guests/0/email", "an e-mail address", "\"ana\""), ("/guests/1/email", "an e-mail address", "nothing")],
    );
    check(
        json!({"start": START, "name": "Ana", "zone": "Jakarta"}),
        &[("/zone", "an IANA time zone, such as Asia/Jakarta", "\"Jakarta\"")],
    );
}

#[test]
fn the_nearest_allowed_value_comes_first() {
    check(
        json!({"start": START, "name": "Ana", "kind": "Vist"}),
        &[("/kind", "one of \"visit\", \"call\" or \"video\"", "\"Vist\"")],
    );
}

#[test]
fn an_unknown_field_is_refused_with_the_one_that_was_meant() {
    let errors = fields().check(&json!({"start": START, "name": "Ana", "minuts": 5}));
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].message, "there is no field `minuts`; did you mean `minutes`?");
}

#[test]
fn a_secret_is_never_shown() {
    check(json!({"start": START, "name": "Ana", "key": "hunter2"}), &[("/key", "text matching `^k_`", "text")]);
}

#[test]
fn sentences_name_the_field() {
    let errors = fields().check(&json!({"start": START, "name": "Ana", "guests": [{"email": 5}]}));
    assert_eq!(errors[0].message, "`guests[0].email` must be an e-mail address, not 5");
    let errors = fields().check(&json!({"start": START}));
    assert_eq!(errors[0].message, "`name` is missing; it must be text of 1 to 5 characters");
    let errors = fields().check(&json!("hello"));
    assert_eq!(errors[0].message, "what was given must be an object with `start`, `name`, not \"hello\"");
}

#[test]
fn defaults_are_put_in_and_null_counts_as_left_out() {
    let filled = fields().with_defaults(json!({"start": START, "zone": null}));
    assert_eq!(filled, json!({"start": START, "minutes": 30}));
    let kept = fields().with_defaults(json!({"start": null, "minutes": 10}));
    assert_eq!(kept, json!({"start": null, "minutes": 10}), "a required field is not dropped");
    assert_eq!(fields().with_defaults(json!(null)), fields().with_defaults(json!({})));
    assert_eq!(fields().with_defaults(json!([1])), json!([1]));
}

#[test]
fn no_fields_take_nothing() {
    assert!(Fields::none().check(&json!({})).is_empty());
    assert_eq!(Fields::none().check(&json!({"a": 1})).len(), 1);
}

#[test]
fn a_wrong_schema_is_told_with_its_place() {
    let Json::Object(properties) = json!({"a": {"type": "string", "pattern": "("}}) else { unreachable!() };
    let error = Fields::new(properties, &[], IndexMap::new()).expect_err("a wrong pattern");
    assert_eq!(error.pointer, "/properties/a/pattern");
}

#[test]
fn what_needs_no_proof_can_be_built_however_odd_it_is() {
    for schema in [
        json!({}),
        json!({"type": "string", "minLength": u64::MAX, "maxLength": 0, "title": "", "description": "\u{0}"}),
        json!({"type": "array", "minItems": u64::MAX, "maxItems": 0, "uniqueItems": false, "items": {}}),
        json!({"type": "number", "minimum": f64::MIN, "maximum": i64::MIN, "exclusiveMinimum": u64::MAX, "exclusiveMaximum": 1e-300}),
        json!({"type": "object", "properties": {}, "additionalProperties": true}),
        json!({"type": "object", "properties": {"": {"type": "null"}, "$ref": {"enum": [1]}}, "additionalProperties": false}),
        json!({"enum": [null, 1, 1.0, "a", [], {"$ref": "nowhere"}], "const": {"$id": "x"}, "default": {"type": 7}}),
        json!({"examples": [{"pattern": "("}], "writeOnly": true}),
    ] {
        assert!(!needs_proof(&schema), "{schema}");
        assert!(OPTIONS.build(&schema).is_ok(), "{schema}");
    }
    for (schema, right) in [
        (json!({"pattern": "("}), false),
        (json!({"pattern": "^a"}), true),
        (json!({"multipleOf": 0}), false),
        (json!({"anyOf": []}), false),
        (json!({"type": ["string", "string"]}), false),
        (json!({"type": "array", "items": {"properties": {"a": {"required": ["b", "b"]}}}}), false),
    ] {
        assert!(needs_proof(&schema), "{schema}");
        assert_eq!(OPTIONS.build(&schema).is_ok(), right, "{schema}");
    }
}

#[test]
fn what_formats_may_be_used_can_be_built() {
    for (format, _) in FORMATS {
        assert!(OPTIONS.build(&json!({"format": format})).is_ok(), "{format}");
    }
}
