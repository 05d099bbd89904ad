//! Parameters: in the path, the query, headers and cookies.

use serde_json::{Value as Json, json};

use super::{
    document::{At, Document},
    inputs::Inputs,
    schema::{Schemas, Way},
};
use crate::{
    base::credentials::is_credential_header,
    import::{
        Refusal,
        call::{self, Call},
        check,
        emit::Yaml,
        name,
    },
};

/// A parameter, its references followed.
pub(super) struct Parameter<'d> {
    pub(super) name: &'d str,
    pub(super) place: &'d str,
    pub(super) at: At<'d>,
}

/// Headers that are told elsewhere (OpenAPI 3, Parameter Object), or only trace.
const NOT_ASKED: &[&str] =
    &["accept", "content-type", "authorization", "traceparent", "tracestate", "user-agent", "host"];
/// Headers that number a request, for the provider's log.
const NUMBERS: &[&str] = &["x-request-id", "x-correlation-id", "request-id", "correlation-id"];

/// The parameters of an operation: its own before those of its path.
pub(super) fn all<'d>(
    document: &'d Document,
    path: &At<'d>,
    operation: &At<'d>,
) -> Result<Vec<Parameter<'d>>, Refusal> {
    let mut found: Vec<Parameter<'d>> = Vec::new();
    for at in [operation, path].into_iter().filter_map(|it| it.get("parameters")).flat_map(|it| it.items()) {
        let at = document.follow(at)?;
        let name = at.text("name").ok_or_else(|| at.refuse("this parameter has no `name`"))?;
        let place = at.text("in").ok_or_else(|| at.refuse("this parameter does not say where it is: `in`"))?;
        if place == "header" && check::header(name).is_err() {
            return Err(at.refuse(format!("`{name}` is no name of a header: names have letters, digits and dashes")));
        }
        if !found.iter().any(|it| it.name == name && it.place == place) {
            found.push(Parameter { name, place, at });
        }
    }
    Ok(found)
}

impl<'d> Parameter<'d> {
    /// Its schema in our dialect, with its own words.
    pub(super) fn schema(&self, schemas: &Schemas<'d>) -> Result<Json, Refusal> {
        let content = self.at.get("content").and_then(|it| it.entries().next().and_then(|it| it.1.get("schema")));
        let mut schema = match self.at.get("schema").or(content) {
            Some(at) => schemas.convert(&at, Way::Sent)?,
            None => json!({"type": "string"}),
        };
        if let Some(words) = self.at.text("description").map(|it| name::plain(it, 200)).filter(|it| !it.is_empty()) {
            schema["description"] = words.into();
        }
        let example = self.at.get("example").map(|it| it.node).filter(|it| it.is_number() || it.is_string());
        if let Some(example) = example.filter(|it| super::sample::fits(&schema, it)) {
            schema["examples"] = json!([example]);
        }
        Ok(schema)
    }

    pub(super) fn is_required(&self) -> bool {
        self.place == "path" || self.at.is("required")
    }

    /// Whether it tells the provider that a request is a repetition.
    pub(super) fn is_key(&self) -> bool {
        name::is_idempotency(self.name)
    }
}

/// Puts the parameters into the request, but for those in `paging`. Whether one of them tells a repetition apart.
pub(super) fn put(
    call: &mut Call,
    parameters: &[Parameter<'_>],
    paging: &[String],
    schemas: &Schemas<'_>,
    inputs: &mut Inputs,
) -> Result<bool, Refusal> {
    let mut has_key = false;
    for parameter in in_order(parameters) {
        let name = parameter.name;
        let low = name.to_ascii_lowercase();
        match parameter.place {
            "query" | "header" if parameter.is_key() => {
                has_key = true;
                let (written, sent) = ("{{ execution.key }}", call::KEY);
                match parameter.place {
                    "query" => call.query.push((name.to_owned(), written.into(), Some(sent.into()))),
                    _ => call.headers.push((name.to_owned(), written.to_owned(), Some(sent.to_owned()))),
                }
            }
            "path" => in_path(call, parameter, schemas, inputs)?,
            "query" if paging.iter().any(|it| it == name) => {}
            "query" => in_query(call, parameter, schemas, inputs)?,
            "header" if NOT_ASKED.contains(&low.as_str()) || is_credential_header(&low) => {}
            "header" if NUMBERS.contains(&low.as_str()) && parameter.is_required() => {
                call.headers.push((name.to_owned(), "{{ execution.id }}".to_owned(), None));
            }
            "header" => {
                let schema = parameter.schema(schemas)?;
                let is_list = schema["type"] == "array";
                let Some(slot) = inputs.slot(name, "header", schema, parameter.is_required()) else { continue };
                let (written, sent) = match &slot.input {
                    Some(input) if is_list => {
                        (format!("{{{{ input.{input} | join(',') }}}}"), slot.sent.map(|it| joined(&it, ",")))
                    }
                    _ => (call::plain(&slot.written), slot.sent.map(|it| call::plain(&it))),
                };
                call.headers.push((name.to_owned(), written, sent));
            }
            _ => {}
        }
    }
    Ok(has_key)
}

/// Those in the path first, then what has to be given: the order in which a model is asked for them.
fn in_order<'p, 'd>(parameters: &'p [Parameter<'d>]) -> Vec<&'p Parameter<'d>> {
    let mut all: Vec<_> = parameters.iter().collect();
    all.sort_by_key(|it| (it.place != "path", !it.is_required()));
    all
}

fn in_path(
    call: &mut Call,
    parameter: &Parameter<'_>,
    schemas: &Schemas<'_>,
    inputs: &mut Inputs,
) -> Result<(), Refusal> {
    let mut schema = parameter.schema(schemas)?;
    if schema["type"] == "string"
        && !["minLength", "pattern", "format", "enum"].iter().any(|it| schema.get(it).is_some())
    {
        // an empty segment would be another address
        schema = with_first(&schema, "minLength", &json!(1));
    }
    let hole = format!("{{{}}}", parameter.name);
    let Some(slot) = inputs.slot(parameter.name, "path", schema, true) else { return Ok(()) };
    let written = call::plain(&slot.written);
    call.path.0 = call.path.0.replace(&hole, &written);
    call.path.1 = call.path.1.replace(&hole, &call::segment(&slot.sent.unwrap_or_else(|| json!("1"))));
    Ok(())
}

fn with_first(schema: &Json, key: &str, value: &Json) -> Json {
    let mut words = serde_json::Map::new();
    for (name, it) in schema.as_object().into_iter().flatten() {
        words.insert(name.clone(), it.clone());
        if name == "type" {
            words.insert(key.to_owned(), value.clone());
        }
    }
    words.into()
}

fn in_query(
    call: &mut Call,
    parameter: &Parameter<'_>,
    schemas: &Schemas<'_>,
    inputs: &mut Inputs,
) -> Result<(), Refusal> {
    let schema = parameter.schema(schemas)?;
    let (name, style) = (parameter.name, parameter.at.text("style").unwrap_or("form"));
    let explodes = parameter.at.node.get("explode").and_then(Json::as_bool).unwrap_or(style == "form");
    let kind = schema["type"].as_str().unwrap_or_default().to_owned();
    let properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().map(|it| it.0.clone()).collect();
    let is_json = parameter.at.get("content").is_some();
    let Some(slot) = inputs.slot(name, "query", schema, parameter.is_required()) else { return Ok(()) };
    let Some(input) = slot.input.clone() else {
        call.query.push((name.to_owned(), Yaml::from(slot.written), slot.sent));
        return Ok(());
    };
    let filtered = |filters: &str| Yaml::from(format!("{{{{ input.{input} | {filters} }}}}"));
    let by = match style {
        "spaceDelimited" => " ",
        "pipeDelimited" => "|",
        _ => ",",
    };
    let pushed = match kind.as_str() {
        _ if is_json => (filtered("json"), slot.sent.map(|it| json!(it.to_string()))),
        "array" if !explodes => (filtered(&format!("join('{by}')")), slot.sent.map(|it| json!(joined(&it, by)))),
        "object" if style == "form" && explodes && !properties.is_empty() => {
            for property in properties {
                let written = format!("{{{{ input.{input}['{}'] }}}}", property.replace('\'', ""));
                let sent = slot.sent.as_ref().and_then(|it| it.get(&property)).cloned();
                call.query.push((property, written.into(), sent));
            }
            return Ok(());
        }
        _ => (Yaml::from(slot.written), slot.sent),
    };
    call.query.push((name.to_owned(), pushed.0, pushed.1));
    Ok(())
}

fn joined(list: &Json, by: &str) -> String {
    list.as_array().into_iter().flatten().map(call::plain).collect::<Vec<_>>().join(by)
}
