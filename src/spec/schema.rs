//! The language's tables as JSON Schema (2020-12), for editors.
//!
//! It is written so that editors complete well by it: what a `scheme` decides is told by `if` and `then`, since of `anyOf`
//! they take the branch that fits best so far and offer its words alone.
//!
//! A schema knows less than the checker: names, expressions and what excludes what are the checker's alone. What the
//! schema refuses, the checker refuses as well.

use serde_json::{Map, Value as Json, json};

use super::keys;
use crate::{
    diag::{Diagnostics, Sources},
    yaml::{self, Key, Section, Type},
};

/// The schema of `connector.yaml`.
pub fn connector() -> Json {
    static CONNECTOR: Type = Type::Section(&keys::CONNECTOR);
    of("A connector", &CONNECTOR)
}

/// The schema of the files in `_accounts`.
pub fn account() -> Json {
    of("A provider account", &keys::ACCOUNT)
}

/// The schema of `tests.yaml`.
pub fn tests() -> Json {
    static TESTS: Type = Type::Section(&keys::TESTS);
    of("The tests of a connector", &TESTS)
}

fn of(title: &str, kind: &'static Type) -> Json {
    let mut definitions = Definitions::default();
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(title));
    schema.extend(definitions.of_type(kind));
    schema.insert("$defs".to_owned(), Json::Object(definitions.finish()));
    Json::Object(schema)
}

/// The sections met so far: each is printed once and referred to, since some contain themselves.
#[derive(Default)]
struct Definitions {
    sections: Vec<(&'static Section, String)>,
    printed: Map<String, Json>,
}

impl Definitions {
    fn finish(mut self) -> Map<String, Json> {
        self.printed.sort_keys();
        self.printed
    }

    /// Prints a section if it is new, and gives the name that it is referred to by.
    fn name(&mut self, section: &'static Section) -> String {
        if let Some((_, name)) = self.sections.iter().find(|(known, _)| std::ptr::eq(*known, section)) {
            return name.clone();
        }
        let base = match scheme(section) {
            Some(scheme) => format!("{}_{scheme}", section.name),
            None => section.name.replace([' ', '.'], "_"),
        };
        let taken = |name: &str| self.sections.iter().any(|(_, known)| known == name);
        let numbered = (2..).map(|number| format!("{base}_{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|it| !taken(it)).unwrap_or(base);
        self.sections.push((section, name.clone()));
        let printed = self.of_section(section);
        self.printed.insert(name.clone(), printed);
        name
    }

    fn of_section(&mut self, section: &'static Section) -> Json {
        let properties: Map<_, _> =
            section.keys.iter().map(|key| (key.name.to_owned(), Json::Object(self.of_key(key)))).collect();
        let required: Vec<_> = section.keys.iter().filter(|it| it.required).map(|it| it.name).collect();
        let title = match scheme(section) {
            Some(scheme) => format!("{}: {scheme}", section.name),
            None => section.name.to_owned(),
        };
        let mut schema = json!({
            "type": "object",
            "title": title,
            "description": section.doc,
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// Sections that are told apart by their `scheme`.
    fn by_scheme(&mut self, sections: &[&'static Type]) -> Option<Json> {
        let words: Vec<_> = sections.iter().filter_map(|it| scheme_of(it)).collect();
        let Some(Type::Section(first)) = sections.first() else { return None };
        let then = |this: &mut Self, kind: &'static Type| {
            let is_it = json!({"required": ["scheme"], "properties": {"scheme": {"const": scheme_of(kind)}}});
            json!({"if": is_it, "then": this.of_type(kind)})
        };
        let branches: Vec<_> = sections.iter().map(|it| then(self, it)).collect();
        Some(json!({
            "type": "object",
            "title": first.name,
            "required": ["scheme"],
            "properties": {"scheme": {"enum": words, "description": first.key("scheme").map(|it| it.doc)}},
            "allOf": branches,
        }))
    }

    fn of_key(&mut self, key: &'static Key) -> Map<String, Json> {
        let mut schema = self.of_type(&key.kind);
        schema.insert("description".to_owned(), json!(key.doc));
        if let Some(default) = key.default.and_then(written) {
            schema.insert("default".to_owned(), default);
        }
        let example = key.example.map(str::to_owned).or_else(|| example(&key.kind));
        if let Some(example) = example.and_then(|it| written(&it)) {
            schema.insert("examples".to_owned(), json!([example]));
        }
        schema
    }

    fn of_type(&mut self, kind: &'static Type) -> Map<String, Json> {
        let schema = match kind {
            // What is written without quotes may look like a number or a boolean; it is text all the same.
            Type::Text => json!({"type": ["string", "number", "boolean"], "minLength": 1}),
            Type::Template => json!({"type": ["string", "number", "boolean"]}),
            Type::Expression => json!({"type": "string", "pattern": r"^\s*\{\{[\s\S]*\}\}\s*$"}),
            Type::Path => json!({"type": "string", "pattern": r"^\$"}),
            Type::PathOrExpression => json!({"type": "string", "pattern": r"^(\$|\s*\{\{)"}),
            Type::Value | Type::Json => json!({}),
            Type::Schema => json!({"type": "object"}),
            Type::Bool => json!({"type": "boolean"}),
            Type::Integer { min, max: i64::MAX } => json!({"type": "integer", "minimum": min}),
            Type::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
            Type::Duration => json!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}),
            Type::Instant => json!({"type": "string", "format": "date-time"}),
            Type::Word(words) => json!({"enum": words}),
            Type::Id => json!({"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$"}),
            Type::Name => json!({"type": "string", "pattern": NAME}),
            Type::Version => json!({"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+([-+].+)?$"}),
            Type::Color => json!({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"}),
            Type::List(one) => json!({"type": "array", "items": self.of_type(one)}),
            Type::OneOrMany(one) => {
                let one = self.of_type(one);
                json!({"anyOf": [one, {"type": "array", "items": one}]})
            }
            Type::Named(one) => json!({
                "type": "object",
                "propertyNames": {"pattern": NAME},
                "additionalProperties": self.of_type(one),
            }),
            Type::Mapping(one) => json!({"type": "object", "additionalProperties": self.of_type(one)}),
            Type::Section(section) => json!({"$ref": format!("#/$defs/{}", self.name(section))}),
            Type::Either(types) => {
                let mut flat = Vec::new();
                alternatives(types, &mut flat);
                let (schemes, others): (Vec<_>, Vec<_>) = flat.into_iter().partition(|it| scheme_of(it).is_some());
                let mut any: Vec<Json> = others.into_iter().map(|it| Json::Object(self.of_type(it))).collect();
                any.extend(self.by_scheme(&schemes));
                match any.len() {
                    1 => any.remove(0),
                    _ => json!({"anyOf": any}),
                }
            }
        };
        match schema {
            Json::Object(schema) => schema,
            _ => Map::new(),
        }
    }
}

/// The scheme of which a section is, if it is of one.
fn scheme(section: &Section) -> Option<&'static str> {
    match section.key("scheme")?.kind {
        Type::Word([scheme]) => Some(scheme),
        _ => None,
    }
}

fn scheme_of(kind: &Type) -> Option<&'static str> {
    match kind {
        Type::Section(section) => scheme(section),
        _ => None,
    }
}

/// What could be written, of types that don't show it in another way.
fn example(kind: &Type) -> Option<String> {
    let shows = matches!(
        kind,
        Type::Expression
            | Type::Path
            | Type::PathOrExpression
            | Type::Duration
            | Type::Instant
            | Type::Version
            | Type::Color
    );
    shows.then(|| kind.example()).flatten()
}

/// The alternatives, and those of the alternatives that are choices themselves.
fn alternatives(types: &'static [Type], flat: &mut Vec<&'static Type>) {
    for one in types {
        match one {
            Type::Either(types) => alternatives(types, flat),
            one => flat.push(one),
        }
    }
}

const NAME: &str = "^[a-z][a-z0-9_]{0,63}$";

/// YAML as it stands in a table, as JSON.
fn written(yaml: &str) -> Option<Json> {
    let mut sources = Sources::default();
    let file = sources.add("table", format!("value: {yaml}"));
    let node = yaml::parse(&sources, file, &mut Diagnostics::default())?;
    node.get("value").map(yaml::to_json)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    /// `docs/<file>` holds what is printed; run with `UPDATE=1` to write it anew.
    fn check(file: &str, schema: &Json) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
        let printed = format!("{schema:#}\n");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &printed).expect("it can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == printed, "docs/{file} is not what the tables say: run with UPDATE=1 and read the difference");
    }

    #[test]
    fn the_schemas_in_docs_are_those_of_the_tables() {
        check("connector.schema.json", &connector());
        check("account.schema.json", &account());
        check("tests.schema.json", &tests());
    }

    fn accepts(schema: &Json, text: &str) -> bool {
        jsonschema::validator_for(schema).expect("a schema").is_valid(&json_of(text))
    }

    fn json_of(text: &str) -> Json {
        let mut sources = Sources::default();
        let file = sources.add("test.yaml", text);
        let node = yaml::parse(&sources, file, &mut Diagnostics::default()).expect("valid YAML");
        yaml::to_json(&node)
    }

    /// The files of that name in the directories below `connectors`, and in `connectors/_accounts` all of them.
    fn shipped(wanted: &str) -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors");
        let list = |it: &Path| fs::read_dir(it).expect("a directory").map(|it| it.expect("an entry").path());
        let files = list(&root).filter(|it| it.is_dir()).flat_map(|it| list(&it).collect::<Vec<_>>());
        files
            .filter(|it| match wanted {
                "_accounts" => it.parent().is_some_and(|it| it.ends_with("_accounts")),
                name => it.ends_with(name),
            })
            .collect()
    }

    #[test]
    fn the_shipped_connectors_are_accepted() {
        for (wanted, schema) in [("connector.yaml", connector()), ("tests.yaml", tests()), ("_accounts", account())] {
            let files = shipped(wanted);
            assert!(!files.is_empty(), "{wanted}");
            for file in files {
                let text = fs::read_to_string(&file).expect("text");
                let validator = jsonschema::validator_for(&schema).expect("a schema");
                let errors: Vec<_> =
                    validator.iter_errors(&json_of(&text)).map(|it| format!("{}: {it}", it.instance_path())).collect();
                assert!(errors.is_empty(), "{}: {errors:#?}", file.display());
            }
        }
    }

    const HEAD: &str = "id: example\nversion: 1.0.0\ntitle: Example\nsummary: 24\n\
                        catalog: {group: other_integration, phase: ga}\nhttp: {base_url: https://api.example.com}\n";
    const ACTION: &str = "actions:\n  find:\n    title: Find\n    describe: Finds things.\n    effect: read\n    \
                          request: {method: GET, path: /things, query: {limit: 5}}\n";

    #[test]
    fn what_is_right_is_accepted_and_what_is_unknown_is_not() {
        let schema = connector();
        let file = |auth: &str, action: &str| format!("{HEAD}auth: {auth}\n{action}");
        for auth in [
            "{scheme: none}",
            "{account: shared, scopes: [a]}",
            "{scheme: basic, username: \"{{ auth.user }}\", fields: {user: {type: string}}}",
            "{schemes: {a: {scheme: none}, b: {scheme: bearer, token: \"{{ auth.key }}\"}}}",
        ] {
            assert!(accepts(&schema, &file(auth, ACTION)), "{auth}");
        }
        for auth in ["{scheme: nnone}", "{scheme: none, username: a}", "{account: shared, scheme: none}", "[]"] {
            assert!(!accepts(&schema, &file(auth, ACTION)), "{auth}");
        }
        let wrong = ACTION.replace("method", "mthod");
        assert!(!accepts(&schema, &file("{scheme: none}", &wrong)));
        assert!(!accepts(&schema, &file("{scheme: none}", &ACTION.replace("read", "raed"))));
    }

    #[test]
    fn cases_and_accounts_have_schemas_too() {
        assert!(accepts(&tests(), "cases: [{name: a, action: b, exchanges: [], output: {c: 1}}]"));
        assert!(!accepts(&tests(), "cases: [{action: b, exchange: []}]"));
        assert!(accepts(&account(), "id: a\ntitle: A\nscheme: none\n"));
        assert!(!accepts(&account(), "id: A\ntitle: A\nscheme: none\n"));
    }

    #[test]
    fn keys_carry_their_words_defaults_and_examples() {
        let schema = connector();
        let timeout = &schema["$defs"]["http"]["properties"]["timeout"];
        assert_eq!(timeout["default"], "10s");
        assert!(timeout["description"].as_str().is_some_and(|it| !it.is_empty()));
        assert_eq!(schema["$defs"]["request"]["properties"]["method"]["examples"], json!(["GET"]));
        assert_eq!(schema["$defs"]["auth_basic"]["properties"]["scheme"]["enum"], json!(["basic"]));
    }
}
