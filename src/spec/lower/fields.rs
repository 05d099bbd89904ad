//! `config`, `input`, `auth.fields` and the `fields` that several of them share: from the author's schemas to one of an
//! object.

use indexmap::IndexMap;
use serde_json::{Map, Value as Json, json};

use super::Lower;
use crate::{
    diag::{Diagnostic, codes},
    spec::{
        Fields,
        facts::{Declared, Owner, Part},
        keys::{self, NESTED_FIELD},
    },
    yaml::{Entry, Node, Reader, Section, Type, to_json, typed},
};

/// Our own keywords: they never reach a validator or a model.
const OURS: &[&str] = &["lookup", "secret", "to", "also", "prefix", "suffix"];

/// Keywords that apply to one kind of value only.
const APPLIES: &[(&str, &[&str])] = &[
    ("format", &["string"]),
    ("minLength", &["string"]),
    ("maxLength", &["string"]),
    ("pattern", &["string"]),
    ("minimum", &["integer", "number"]),
    ("maximum", &["integer", "number"]),
    ("exclusiveMinimum", &["integer", "number"]),
    ("exclusiveMaximum", &["integer", "number"]),
    ("multipleOf", &["integer", "number"]),
    ("items", &["array"]),
    ("minItems", &["array"]),
    ("maxItems", &["array"]),
    ("uniqueItems", &["array"]),
    ("properties", &["object"]),
    ("additionalProperties", &["object"]),
];

/// Bounds that must not cross.
const BOUNDS: &[(&str, &str)] = &[("minLength", "maxLength"), ("minimum", "maximum"), ("minItems", "maxItems")];

/// Written in place of a schema: the field is the one of that name in `fields`.
const SHARED: &str = "shared";

/// One field's schema, and what the language says beside it.
#[derive(Clone)]
pub(super) struct Field {
    schema: Map<String, Json>,
    required: bool,
    lookup: Option<String>,
    secret: bool,
}

impl Lower<'_> {
    /// The fields at a key, and the names of the secret ones.
    pub(super) fn fields(&mut self, reader: &Reader<'_>, key: &str, owner: &Owner) -> (Fields, Vec<String>) {
        let section: &'static Section = match owner {
            Owner::Input(_) => &keys::INPUT_FIELD,
            Owner::Config(_) | Owner::Lookup(_) | Owner::Object(_) | Owner::Shared => &keys::CONFIG_FIELD,
            Owner::ObjectField(_) => &keys::OBJECT_FIELD,
            Owner::SignIn => &keys::SIGN_IN_FIELD,
        };
        let entries = self.by_name(reader, key);
        let (mut properties, mut required, mut lookups, mut secrets) =
            (Map::new(), Vec::new(), IndexMap::new(), Vec::new());
        for entry in entries {
            self.facts.fields.push(Declared { owner: owner.clone(), name: entry.key.clone(), span: entry.key_span });
            let is_shared = *owner != Owner::Shared && entry.value.as_text() == Some(SHARED);
            let field = if is_shared { self.shared(entry, section) } else { self.field(entry, section) };
            if *owner == Owner::Shared {
                self.shared.insert(entry.key.clone(), (field.clone(), entry.key_span));
            }
            let Some(mut field) = field else {
                properties.insert(entry.key.clone(), json!({}));
                continue;
            };
            if *owner == Owner::SignIn && field.secret {
                field.schema.insert("writeOnly".to_owned(), Json::Bool(true));
                secrets.push(entry.key.clone());
            }
            if field.required {
                required.push(entry.key.clone());
            }
            lookups.extend(field.lookup.map(|lookup| (entry.key.clone(), lookup)));
            properties.insert(entry.key.clone(), Json::Object(field.schema));
        }
        // One that is of no use is told, and known by its name: what reads it is no second mistake.
        let fields = loop {
            let error = match Fields::lowered(properties.clone(), &required, lookups.clone(), &mut self.proven) {
                Ok(fields) => break fields,
                Err(error) => error,
            };
            let node = place(entries, &error.pointer);
            let span = node.map_or(reader.at(), |it| it.span);
            let pattern = node.and_then(Node::as_text).filter(|_| error.pointer.ends_with("/pattern"));
            let why = match pattern.and_then(|it| regex::Regex::new(it).err()) {
                Some(why) => {
                    let why = why.to_string();
                    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    format!("this is no regular expression: {why}")
                }
                None => format!("this is not a usable schema: {}", error.message),
            };
            self.error(codes::BAD_SCHEMA, span, why);
            let name = error.pointer.split('/').nth(2).unwrap_or_default();
            match properties.get_mut(name) {
                Some(schema) if *schema != json!({}) => *schema = json!({}),
                _ => break Fields::none(),
            }
        };
        self.defaults(&fields, entries);
        (fields, secrets)
    }

    /// The fields at a key; those of somebody who wrote a JSON Schema of all of them too.
    fn by_name<'n>(&mut self, reader: &Reader<'n>, key: &str) -> &'n [Entry] {
        let whole = reader.node(key).filter(|it| it.get("type").and_then(Node::as_text) == Some("object"));
        let Some(properties) = whole.and_then(|it| it.get("properties")?.as_map()) else {
            return reader.named(key, self.diagnostics);
        };
        if let Some(entry) = whole.and_then(|it| it.as_map()?.iter().find(|it| it.key == "type")) {
            let message =
                format!("the fields of `{key}` stand here by their names, and not in a schema of all of them");
            self.report(
                Diagnostic::error(codes::WRONG_TYPE, entry.key_span, message).help(
                    "leave out `type: object` and `properties`; a field that may be left out has `required: false`",
                ),
            );
        }
        properties
    }

    /// The field of that name in `fields`.
    fn shared(&mut self, entry: &Entry, section: &'static Section) -> Option<Field> {
        let name = entry.key.as_str();
        self.refer(Part::Field, &entry.value, name);
        let (field, declared) = self.shared.get(name)?.clone();
        let field = field?;
        if field.lookup.is_some() && section.key("lookup").is_none() {
            self.report(
                Diagnostic::error(
                    codes::UNKNOWN_KEY,
                    entry.key_span,
                    format!("`{name}` is picked from a lookup, which an agent can't do"),
                )
                .note(declared, "declared here")
                .help("use it in `config`, or declare another field for the agent"),
            );
        }
        Some(field)
    }

    fn field(&mut self, entry: &Entry, section: &'static Section) -> Option<Field> {
        let reader = Reader::open_entry(entry, section, self.diagnostics)?;
        let mut schema = self.schema(&reader);
        for key in ["prefix", "suffix"].into_iter().filter(|it| section.key(it).is_some()) {
            schema.extend(reader.text(key, self.diagnostics).map(|it| (key.to_owned(), Json::from(it))));
        }
        let lookup = match section.key("lookup").and_then(|_| reader.node("lookup")) {
            Some(node) => {
                let name = reader.formed("lookup", self.diagnostics);
                if let Some(name) = name {
                    self.refer(Part::Lookup, node, name);
                }
                name.map(str::to_owned)
            }
            None => None,
        };
        let secret = match section.key("secret") {
            // One that is neither is told; what follows from it is not.
            Some(_) => reader.bool("secret", self.diagnostics).unwrap_or(!reader.has("secret")),
            None => false,
        };
        let given = reader.node("required").filter(|it| it.as_list().is_none());
        let given = given.and_then(|_| reader.bool("required", self.diagnostics));
        let required = given.unwrap_or_else(|| !reader.has("default"));
        Some(Field { schema, required, lookup, secret })
    }

    /// The schema in a mapping, without our keywords.
    fn schema(&mut self, reader: &Reader<'_>) -> Map<String, Json> {
        let mut schema = Map::new();
        let is_field = reader.name() != NESTED_FIELD.name;
        for entry in reader.source().as_map().unwrap_or_default() {
            let name = entry.key.as_str();
            if OURS.contains(&name) || name == "required" && is_field && entry.value.as_list().is_none() {
                continue;
            }
            if let Some(value) = self.keyword(reader, entry) {
                schema.insert(entry.key.clone(), value);
            }
        }
        if schema.get("format").is_some_and(|it| it == "file") {
            self.file(reader, &mut schema);
        }
        if schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
            schema.insert("additionalProperties".to_owned(), Json::Bool(false));
        }
        self.contradictions(reader, &schema);
        schema
    }

    /// What `format: file` stands for.
    fn file(&mut self, reader: &Reader<'_>, schema: &mut Map<String, Json>) {
        if let Some(entry) = reader.entry("properties") {
            self.error(codes::MISPLACED_KEY, entry.key_span, "a file has its own properties");
        }
        let own = json!({
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 255, "description": "The file's name."},
                "content_type": {
                    "type": "string",
                    "maxLength": 255,
                    "pattern": "^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(;[ -~]*)?$",
                    "description": "Its media type, such as application/pdf."
                },
                "data": {"type": "string", "format": "base64", "description": "Its bytes in base64."},
                "text": {"type": "string", "description": "What it holds, if that is text."}
            },
            "required": ["name"],
            "anyOf": [{"required": ["data"]}, {"required": ["text"]}]
        });
        if let Json::Object(own) = own {
            schema.extend(own);
        }
    }

    /// The value of one keyword of JSON Schema; nothing if it is of the wrong type or unknown.
    fn keyword(&mut self, reader: &Reader<'_>, entry: &Entry) -> Option<Json> {
        let key = entry.key.as_str();
        let node = &entry.value;
        match key {
            "type" => self.types(reader, node),
            "title" | "description" | "pattern" => reader.text(key, self.diagnostics).map(Json::from),
            "format" => reader.word(key, self.diagnostics).map(Json::from),
            "minLength" | "maxLength" | "minItems" | "maxItems" => {
                reader.integer::<u64>(key, self.diagnostics).map(Json::from)
            }
            "uniqueItems" | "additionalProperties" => reader.bool(key, self.diagnostics).map(Json::from),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => self.number(node, key),
            "enum" => self.allowed(reader, node),
            "examples" => Some(Json::Array(reader.list(key, self.diagnostics).iter().map(to_json).collect())),
            "const" | "default" => Some(to_json(node)),
            "items" => Some(Json::Object(self.nested(node)?)),
            "anyOf" => {
                let branches = reader.list(key, self.diagnostics).iter();
                Some(Json::Array(branches.filter_map(|it| self.nested(it)).map(Json::Object).collect()))
            }
            "properties" => {
                let properties = reader.mapping(key, self.diagnostics).iter();
                let properties =
                    properties.filter_map(|it| Some((it.key.clone(), Json::Object(self.nested(&it.value)?))));
                Some(Json::Object(properties.collect()))
            }
            "required" => {
                let names = reader.texts(key, self.diagnostics);
                for (name, span) in &names {
                    if reader.node("properties").is_none_or(|it| it.get(name).is_none()) {
                        self.error(codes::UNKNOWN_FIELD, *span, format!("`{name}` is not one of the `properties`"));
                    }
                }
                Some(names.into_iter().map(|(name, _)| Json::from(name)).collect())
            }
            _ => None,
        }
    }

    fn nested(&mut self, node: &Node) -> Option<Map<String, Json>> {
        let reader = Reader::open(node, &NESTED_FIELD, self.diagnostics)?;
        Some(self.schema(&reader))
    }

    fn types(&mut self, reader: &Reader<'_>, node: &Node) -> Option<Json> {
        let many = node.as_list().is_some();
        let wanted = typed::Wanted::new("type", keys::JSON_TYPE);
        let words: Vec<_> = reader
            .one_or_many("type")
            .iter()
            .filter_map(|it| typed::word(it, &wanted, self.diagnostics))
            .map(Json::from)
            .collect();
        if many { Some(Json::Array(words)) } else { words.into_iter().next() }
    }

    fn number(&mut self, node: &Node, key: &str) -> Option<Json> {
        let number = node.as_number();
        if number.is_none() {
            let message = format!("expected a number for `{key}`, found {}", typed::found(node));
            self.error(codes::WRONG_TYPE, node.span, message);
        }
        number.map(Json::Number)
    }

    fn allowed(&mut self, reader: &Reader<'_>, node: &Node) -> Option<Json> {
        let items = reader.list("enum", self.diagnostics);
        if items.is_empty() && node.as_list().is_some() {
            self.error(codes::BAD_SCHEMA, node.span, "no value is allowed by this `enum`");
            return None;
        }
        let values: Vec<_> = items.iter().map(to_json).collect();
        for (at, item) in items.iter().enumerate() {
            if values[..at].contains(&values[at]) {
                self.error(codes::BAD_SCHEMA, item.span, "this value is listed twice");
            }
            if let Some(kind) = reader.node("type").and_then(Node::as_text)
                && !is_of(&values[at], kind)
            {
                let message = format!("this value is not of the type `{kind}`");
                let mut diagnostic = Diagnostic::error(codes::BAD_SCHEMA, item.span, message);
                if kind == "string" {
                    diagnostic = diagnostic.help("put it in quotes");
                }
                self.report(diagnostic);
            }
        }
        Some(Json::Array(values))
    }

    /// What no validator would mind, and no value could satisfy.
    fn contradictions(&mut self, reader: &Reader<'_>, schema: &Map<String, Json>) {
        let types: Vec<_> = reader.one_or_many("type").iter().filter_map(Node::as_text).collect();
        let is_known = types.iter().all(|it| matches!(keys::JSON_TYPE, Type::Word(words) if words.contains(it)));
        if types.is_empty() && !["enum", "const", "anyOf", "oneOf"].iter().any(|it| reader.has(it)) {
            self.report(
                Diagnostic::error(
                    codes::MISSING_KEY,
                    reader.at(),
                    format!("this {} lacks the key `type`", reader.name()),
                )
                .help("add `type: string`"),
            );
        }
        let is_file = schema.get("format").is_some_and(|it| it == "file");
        for (key, kinds) in APPLIES {
            let kinds: &[&str] = if is_file && *key == "format" { &["object"] } else { kinds };
            if let Some(entry) = reader.source().as_map().into_iter().flatten().find(|it| it.key == *key)
                && !types.is_empty()
                && is_known
                && !types.iter().any(|it| kinds.contains(it))
            {
                let message = format!("`{key}` says nothing about values of the type `{}`", types.join("`, `"));
                let help = format!("it applies to the type `{}`", kinds.join("` and `"));
                self.report(Diagnostic::error(codes::BAD_SCHEMA, entry.key_span, message).help(help));
            }
        }
        for (min, max) in BOUNDS {
            if let (Some(low), Some(high)) =
                (schema.get(*min).and_then(Json::as_f64), schema.get(*max).and_then(Json::as_f64))
                && low > high
                && let Some(node) = reader.node(max)
            {
                self.error(codes::BAD_SCHEMA, node.span, format!("`{max}` is below `{min}`: no value is allowed"));
            }
        }
    }

    /// Each default must be a value that would be accepted.
    fn defaults(&mut self, fields: &Fields, entries: &[Entry]) {
        let defaults: Map<_, _> = fields
            .iter()
            .filter_map(|(name, schema)| Some((name.to_owned(), schema.get("default")?.clone())))
            .collect();
        if defaults.is_empty() {
            return;
        }
        let is_missing = |path: &str| !defaults.contains_key(path.split('/').nth(1).unwrap_or_default());
        for error in fields.check(&Json::Object(defaults.clone())) {
            if is_missing(&error.path) {
                continue;
            }
            let name = error.path.split('/').nth(1).unwrap_or_default();
            let Some(node) = entries.iter().find(|it| it.key == name).and_then(|it| it.value.get("default")) else {
                continue;
            };
            let message = format!("the default must be {}, not {}", error.expected, error.got);
            self.error(codes::BAD_DEFAULT, node.span, message);
        }
    }
}

fn is_of(value: &Json, kind: &str) -> bool {
    match kind {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

/// The node that a JSON Pointer into the object's schema means: `/properties/start/pattern`.
fn place<'n>(entries: &'n [Entry], pointer: &str) -> Option<&'n Node> {
    let mut parts = pointer.split('/').skip(2);
    let name = parts.next()?;
    let mut node = &entries.iter().find(|it| it.key == name)?.value;
    for part in parts {
        match node.get(part) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    Some(node)
}
