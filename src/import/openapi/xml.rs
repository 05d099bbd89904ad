//! XML bodies, by the schema of what stands in them (OpenAPI 3, XML Object).

use serde_json::{Value as Json, json};

use super::{
    bodies::Brought,
    document::At,
    inputs::Inputs,
    schema::{Schemas, Way},
};
use crate::import::{Refusal, call};

/// How deep elements are written.
const MAX_DEPTH: usize = 5;

/// The template of a body, and what it is in the good case.
pub(super) fn template(
    schemas: &Schemas<'_>,
    schema: Option<&At<'_>>,
    required: bool,
    inputs: &mut Inputs,
    brought: &mut Brought,
) -> Result<(String, String), Refusal> {
    let Some(at) = schema else {
        let schema = json!({"type": "string", "description": "The XML document that is sent."});
        brought.todos.push("the XML is not described: write it out, with a placeholder for each input".to_owned());
        let slot = inputs.slot("document", "body", schema, required);
        let name = slot.and_then(|it| it.input).unwrap_or_default();
        return Ok((
            format!("<document>{{{{ input.{name} }}}}</document>"),
            "<document>document-1</document>".to_owned(),
        ));
    };
    let mut writer = Writer { schemas, inputs, brought, written: String::new(), sent: String::new() };
    let flat = schemas.flat(at, &[])?;
    let root = root_name(at, &flat);
    writer.element(at, &root, &[], required, 0)?;
    Ok((writer.written, writer.sent))
}

/// What the root element is called: as its `xml` says, else as its schema.
pub(super) fn root_name(at: &At<'_>, flat: &super::flat::Flat<'_>) -> String {
    let by_reference = at.node.get("$ref").and_then(Json::as_str).and_then(|it| it.rsplit('/').next());
    flat.xml("name").or(by_reference).unwrap_or("request").to_owned()
}

struct Writer<'a, 'd> {
    schemas: &'a Schemas<'d>,
    inputs: &'a mut Inputs,
    brought: &'a mut Brought,
    written: String,
    sent: String,
}

impl<'d> Writer<'_, 'd> {
    fn both(&mut self, text: &str) {
        self.written.push_str(text);
        self.sent.push_str(text);
    }

    fn line(&mut self, depth: usize) {
        let end = format!("\n{}", "  ".repeat(depth));
        self.both(&end);
    }

    fn element(
        &mut self,
        at: &At<'d>,
        name: &str,
        trail: &[String],
        required: bool,
        depth: usize,
    ) -> Result<(), Refusal> {
        let flat = self.schemas.flat(at, trail)?;
        let name = flat.xml("name").filter(|_| depth > 0).unwrap_or(name).to_owned();
        let tag = match flat.xml("prefix") {
            Some(prefix) => format!("{prefix}:{name}"),
            None => name.clone(),
        };
        self.both(&format!("<{tag}"));
        if let Some(namespace) = flat.xml("namespace") {
            let prefix = flat.xml("prefix").map(|it| format!(":{it}")).unwrap_or_default();
            self.both(&format!(" xmlns{prefix}=\"{namespace}\""));
        }
        let kept = self.schemas.kept(&flat, Way::Sent)?;
        if kept.is_empty() || flat.cut || depth >= MAX_DEPTH {
            self.both(">");
            self.value(at, &name, required)?;
            self.both(&format!("</{tag}>"));
            return Ok(());
        }
        let (mut attributes, mut children) = (Vec::new(), Vec::new());
        for (property, at) in kept {
            let is_attribute = self.schemas.flat(&at, &flat.trail)?.xml_is("attribute");
            if is_attribute { &mut attributes } else { &mut children }.push((property, at));
        }
        for (property, at) in attributes {
            self.both(&format!(" {property}=\""));
            self.value(&at, property, required && flat.required.contains(property))?;
            self.both("\"");
        }
        self.both(">");
        for (property, at) in children {
            let must = required && flat.required.contains(property);
            let (kinds, _) = self.schemas.flat(&at, &flat.trail)?.kinds();
            if kinds.contains(&"array") {
                self.brought
                    .todos
                    .push(format!("`{property}` is a list of elements, which is not written yet: add it to `xml`"));
                continue;
            }
            self.line(depth + 1);
            self.element(&at, property, &flat.trail, must, depth + 1)?;
        }
        self.line(depth);
        self.both(&format!("</{tag}>"));
        Ok(())
    }

    /// A placeholder that is empty where nothing is given.
    fn value(&mut self, at: &At<'d>, name: &str, required: bool) -> Result<(), Refusal> {
        let schema = self.schemas.convert(at, Way::Sent)?;
        let has_default = schema.get("default").is_some();
        let Some(slot) = self.inputs.slot(name, "body", schema, required) else { return Ok(()) };
        match &slot.input {
            Some(input) if required || has_default => self.written.push_str(&call::input(input)),
            Some(input) => self.written.push_str(&format!("{{{{ input.{input} | default('') }}}}")),
            None => self.written.push_str(&call::plain(&slot.written)),
        }
        self.sent.push_str(&slot.sent.map(|it| call::in_xml(&call::plain(&it))).unwrap_or_default());
        Ok(())
    }
}

/// A JSON object as the XML document that would be read as it: every value a text.
pub(super) fn document(root: &str, value: &Json) -> String {
    let mut out = String::new();
    write(root, value, &mut out);
    out
}

fn write(name: &str, value: &Json, out: &mut String) {
    match value {
        Json::Array(items) => items.iter().for_each(|it| write(name, it, out)),
        Json::Object(entries) => {
            out.push_str(&format!("<{name}>"));
            entries.iter().for_each(|(name, value)| write(name, value, out));
            out.push_str(&format!("</{name}>"));
        }
        scalar => out.push_str(&format!("<{name}>{}</{name}>", call::in_xml(&call::plain(scalar)))),
    }
}
