use serde_json::{Value as Json, json};

use super::*;
use crate::{
    diag::{Diagnostics, FileId, Span},
    expr::{
        Expr, Scope,
        library::{FAMILIES, Role},
    },
};

/// `input` is what fits a schema, and `answer` is a sample.
struct Names {
    input: Type,
    answer: Type,
}

impl Roots for Names {
    fn root(&self, path: &[String]) -> (Type, usize) {
        match path[0].as_str() {
            "input" => (self.input.clone(), 1),
            "answer" => (self.answer.clone(), 1),
            _ => (Type::ANY, 1),
        }
    }

    fn facts(&self) -> &[Fact] {
        &[]
    }
}

fn names() -> Names {
    let input = of_schema(&json!({
        "type": "object",
        "required": ["name", "kind", "count", "tags", "guest", "start", "yes"],
        "additionalProperties": false,
        "properties": {
            "name": {"type": "string"},
            "note": {"type": "string"},
            "kind": {"enum": ["call", "visit"]},
            "count": {"type": "integer"},
            "minutes": {"type": "integer", "default": 30},
            "price": {"type": "number"},
            "yes": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "start": {"type": "string", "format": "date-time"},
            "day": {"type": "string", "format": "date"},
            "email": {"type": "string", "format": "email"},
            "guest": {"type": "object", "required": ["email"], "additionalProperties": false, "properties": {
                "email": {"type": "string", "format": "email"}, "age": {"type": "integer"},
            }},
        },
    }));
    let answer = of_sample(&json!({"id": 7, "name": "Ana", "items": [{"id": "a", "n": 1}, {"id": "b"}], "gone": null}));
    Names { input, answer }
}

fn compiled(source: &str) -> Expr {
    let mut diagnostics = Diagnostics::default();
    let compiled = Expr::compile(source, &|at| Span::new(FileId(0), at.start, at.end), &mut diagnostics);
    compiled.unwrap_or_else(|| panic!("{source}: {diagnostics:?}"))
}

fn infer(source: &str) -> (Type, Vec<String>) {
    let mut found = Vec::new();
    let known = compiled(source).infer(&names(), false, &mut found);
    (known, found.into_iter().map(|it| format!("{} {}", it.code, it.message)).collect())
}

#[track_caller]
fn gives(source: &str, words: &str) {
    let (known, found) = infer(source);
    assert_eq!(format!("{:?}", known.kinds), words, "{source}");
    assert_eq!(found, Vec::<String>::new(), "{source}");
}

#[track_caller]
fn says(source: &str, expected: &str) {
    let (_, found) = infer(source);
    assert_eq!(found, [expected], "{source}");
}

/// What comes out of the example of each entry is what its type says.
#[test]
fn the_types_in_the_library_are_those_that_come_out() {
    for entry in FAMILIES.iter().flat_map(|(_, entries)| *entries) {
        let (source, _) = entry.example;
        let expr = compiled(source);
        let (known, found) = infer(source);
        let is_test = entry.role == Role::Test;
        assert!(
            found.iter().all(|it| is_test && it.starts_with("C603") || it.starts_with("C607")),
            "{source}: {found:?}"
        );
        let Ok(value) = expr.eval(&Scope::new()) else { continue };
        assert!(fits(&value, &known), "{source} gives {value:?}, and is said to be {known:?}");
    }
}

fn fits(value: &Option<Json>, known: &Type) -> bool {
    let Some(value) = value else { return known.kinds.has(Kinds::UNDEFINED) };
    let exact = of_json(value);
    let is_kind = exact.kinds.is_within(known.kinds.or(if known.kinds.has(Kinds::INTEGER) {
        Kinds::NUMBER
    } else {
        Kinds::NONE
    }));
    let entries = value.as_array().into_iter().flatten();
    let in_list = known
        .entries
        .as_ref()
        .is_none_or(|of| of.kinds.is_none() || entries.clone().all(|it| fits(&Some(it.clone()), of)));
    let members = value.as_object().into_iter().flatten();
    let in_mapping = known.members.as_ref().is_none_or(|of| {
        members.clone().all(|(name, it)| of.get(name).map_or(of.is_open(), |of| fits(&Some(it.clone()), of)))
    });
    is_kind && in_list && in_mapping
}

#[test]
fn what_comes_of_operators() {
    gives("input.count + 1", "a whole number");
    gives("input.count / 2", "a number");
    gives("input.count * input.minutes", "a whole number");
    gives("input.name + 'x'", "text");
    gives("input.tags + ['x']", "a list");
    gives("input.name ~ input.count", "text");
    gives("input.note", "text or missing");
    gives("input.note or 'x'", "text");
    gives("input.note and input.count", "text, a whole number or missing");
    gives("input.count if input.yes", "a whole number or missing");
    gives("input.count if input.yes else 'x'", "text or a whole number");
    gives("not input.yes", "true or false");
    gives("input.kind == 'call'", "true or false");
    gives("{'call': 1, 'visit': 'x'}[input.kind]", "text or a whole number");
    gives("{'call': 1}[input.kind]", "a whole number or missing");
    gives("[1, 'x'][0]", "text, a whole number or missing");
    gives("input.tags[1:]", "a list");
    gives("input.guest.email", "text");
    gives("input.guest['age']", "a whole number or missing");
    gives("anything.at.all | upper", "text, null or missing");
}

#[test]
fn what_comes_of_filters() {
    gives("input.note | default('x')", "text");
    gives("input.note | upper", "text or missing");
    gives("input.tags | first", "text or missing");
    gives("input.tags | map('upper') | join(',')", "text");
    gives("[input.guest] | map(attribute='age') | first", "a whole number or missing");
    gives("'7' | int", "a whole number");
    gives("input.note | int", "a whole number or missing");
    gives("input.note | int(default=0)", "a whole number");
    gives("input.guest | merge({'phone': 'x'}) | length", "a whole number");
    gives("(input.guest | merge({'phone': 'x'})).phone", "text");
    gives("answer.items | map(attribute='n') | sum", "a number");
}

#[test]
fn what_can_not_come_out_right() {
    says("input.tags | upper", "C601 `upper` works on text, and `input.tags` is a list");
    says("input.count | join(',')", "C601 `join` works on a list, and `input.count` is a whole number");
    says("input.guest | int", "C601 `int` works on text, a number or true or false, and `input.guest` is a mapping");
    says("answer.items | upper", "C601 `upper` works on text, and `answer.items` is a list in the sample answers");
    says("input.name + 1", "C601 `+` can't combine these: `input.name` is text, and `1` is a whole number");
    says("input.name - input.name", "C601 `-` works on numbers, and `input.name` is text");
    says("-input.name", "C601 `-` works on numbers, and `input.name` is text");
    says("'x' in input.count", "C601 `in` needs a list, text or a mapping, and `input.count` is a whole number");
    says("'a' | pad_left(input.name)", "C601 `length` of `pad_left` must be a whole number, and `input.name` is text");
    says("input.email | date", "C601 `input.email` is text of the format `email`, and a date-time is needed here");
    says("([input.guest] | first).emial", "C203 `[input.guest] | first` has no `emial`");
    says("(answer.items | first).nmae", "C606 no sample answer has `nmae` in `answer.items | first`");
    says("answer.nmae", "C606 no sample answer has `nmae` in `answer`");
    says("[input.guest] | map(attribute='mail')", "C203 `map(…)` has no `mail`");
    says("input.price + 1", "C604 `input.price` may be missing, and `+` fails without it");
}

#[test]
fn what_is_always_the_same() {
    says("input.kind == 'cal'", "C602 this is never true: `input.kind` is never `cal`");
    says("'cal' != input.kind", "C602 this is always true: `input.kind` is never `cal`");
    says("input.kind in ['call', 'visti']", "C602 `input.kind` is never `visti`");
    says("input.count == '5'", "C602 this is never true: `input.count` is a whole number, and `'5'` is text");
    says(
        "answer.id == 'a'",
        "C602 this is never true: `answer.id` is a number in the sample answers, and `'a'` is text",
    );
    says("input.name < 5", "C602 `input.name < 5` compares text with a whole number, which have no order");
    says("{'call': 1, 'vist': 2}[input.kind]", "C602 this key is never used: `input.kind` is never `vist`");
    says("input.kind is eq('cal')", "C602 this is never true: `input.kind` is never `cal`");
    says("'a' if input.start else 'b'", "C603 this test is always true: `input.start` is a date-time");
    says("input.name is defined", "C603 `input.name` is always there");
    says("input.name is none", "C603 `input.name` is never none: it is text");
    says("input.name | default('x')", "C607 `default` does nothing: `input.name` is never missing");
    says("input.count | int", "C607 `int` does nothing: `input.count` is a whole number already, and stays as it is");
    says("input.name | in_zone('UTC')", "C608 nobody checks that `input.name` is a date-time");
}

#[test]
fn of_what_may_be_nothing_is_said() {
    for source in [
        "input.note | default('x', falsy=true)",
        "input.price + 1 if input.price else 0",
        "(input.price or 0) + 1",
        "input.price + 1 if input.price is defined else 0",
        "input.price + 1 if input.yes and input.price else 0",
        "answer.missing or 'x'",
        "answer.missing | default('x')",
        "answer.missing if answer.missing else 'x'",
        "answer.gone == 'x'",
        "answer.gone.deeper | upper",
        "answer.name == 'Budi'",
        "answer.items | selectattr('id', 'eq', 'c') | first",
        "anything == 5",
        "anything.at + 1",
        "input.day | date",
        "input.start | in_zone('UTC')",
        "input.count == 5.5",
        "input.yes == 1",
        "input.note == none",
        "input.kind == input.name",
        "'a' if input.name else 'b'",
        "input.tags and 'x'",
    ] {
        let (_, found) = infer(source);
        assert_eq!(found, Vec::<String>::new(), "{source}");
    }
}

#[test]
fn paths_are_followed_through_samples() {
    let mut diagnostics = Diagnostics::default();
    let mut check = |path: &str, expected: Result<&str, &str>| {
        let locate = |at: std::ops::Range<usize>| Span::new(FileId(0), at.start, at.end);
        let path = crate::expr::Path::compile(path, &locate, &mut diagnostics).expect("a path");
        let found = path.infer(&names().answer);
        let found = found.map(|it| format!("{:?}", it.kinds)).map_err(|(name, _)| name);
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{path:?}");
    };
    check("$", Ok("a mapping"));
    check("$.id", Ok("a number"));
    check("$.items[*].id", Ok("a list"));
    check("$.items[0].id", Ok("text or missing"));
    check("$.items[0].n", Ok("a number or missing"));
    check("$.itmes[*].id", Err("itmes"));
    check("$.items[*].nmae", Err("nmae"));
    check("$.items.id", Err("id"));
    check("$.gone.anything", Ok("anything"));
    check("$..id", Ok("a list"));
    check("$.items[?@.id == 'a']", Ok("a list"));
}
