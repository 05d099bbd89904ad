//! What a command sends in its body: JSON, a form, parts, XML, text.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::{
    command::{self, Command, Part, Sent},
    values::{self, Inputs},
    xml::{self, Document},
};
use crate::import::{
    Refusal,
    call::{self, Body, Call},
    emit::Map,
};

/// A request whose body is being written.
pub(super) struct Bodies<'a> {
    pub(super) call: Call,
    pub(super) inputs: &'a mut Inputs,
    pub(super) has_key: &'a mut bool,
    pub(super) todos: &'a mut Vec<String>,
}

impl Bodies<'_> {
    /// Puts the body into the request; what is known of it if it is XML.
    pub(super) fn put(&mut self, command: &Command) -> Result<Option<Document>, Refusal> {
        let kind = command.headers.iter().find(|(name, _)| name == "content-type").map(|it| it.1.as_str());
        match &command.body {
            None => Ok(None),
            Some(Sent::Parts(parts)) => {
                self.call.body =
                    Body::Multipart(parts.iter().map(|(name, part)| of_part(name, part, self.inputs)).collect());
                Ok(None)
            }
            Some(Sent::Text(text)) => self.text(text, &Type::read(kind.unwrap_or_default())?),
        }
    }

    fn tree(&mut self) -> values::Tree<'_> {
        values::Tree { inputs: self.inputs, has_key: self.has_key, todos: self.todos }
    }

    fn text(&mut self, text: &str, kind: &Type) -> Result<Option<Document>, Refusal> {
        let json: Option<Json> = serde_json::from_str(text).ok().filter(|it: &Json| it.is_object() || it.is_array());
        let is_form = matches!(kind.essence.as_str(), "" | "application/x-www-form-urlencoded");
        if let Some(value) = json.filter(|_| is_form || kind.essence.ends_with("json")) {
            let (written, sent) = self.tree().object(&value);
            self.call.body = Body::Json(written, sent);
            self.call.content_type = kind.essence.ends_with("+json").then(|| kind.essence.clone());
            return Ok(None);
        }
        if (is_form || kind.essence.ends_with("xml")) && text.trim_start().starts_with('<') {
            if let Some(document) = xml::document(text, &mut self.tree()) {
                self.call.body = Body::Xml(document.written.clone(), document.sent.clone());
                self.call.content_type = if is_form { None } else { Some(kind.whole()) };
                return Ok(Some(document));
            }
        } else if is_form && text.contains('=') {
            self.form(text);
            return Ok(None);
        }
        let (written, _) = self.inputs.add("text", &json!("text"), true);
        self.call.body = Body::Text(written, "text-1".to_owned());
        self.call.content_type = Some(if kind.essence.is_empty() { "text/plain".to_owned() } else { kind.whole() });
        self.todos.push(
            "the body is one text: write what always stands in it into `text`, with a placeholder for each input"
                .to_owned(),
        );
        Ok(None)
    }

    fn form(&mut self, text: &str) {
        let (mut written, mut sent) = (Map::default(), JsonMap::new());
        for (name, value) in command::pairs(text) {
            if sent.contains_key(&name) {
                self.todos.push(format!("`{name}` is sent twice, of which one is written: make it a list"));
                continue;
            }
            let (slot, value) = self.tree().leaf(&name, &values::read(&value));
            written = written.own(&name, slot);
            sent.insert(name, value);
        }
        self.call.body = Body::Form(written.into(), sent.into());
    }
}

fn of_part(name: &str, part: &Part, inputs: &mut Inputs) -> (Map, Option<Json>) {
    let own = Map::default().set("name", name);
    match part {
        Part::File => {
            let (written, _) = inputs.file(name);
            (
                own.set("file", written),
                Some(json!({"name": name, "filename": "note.txt", "content_type": "text/plain", "body": "hello"})),
            )
        }
        Part::Value(value) => {
            let (written, sent) = inputs.add(name, &values::read(value), true);
            (own.set("value", written), Some(json!({"name": name, "body": call::plain(&sent)})))
        }
    }
}

/// A media type: its name in small letters, and of its parameters those that say how the body is read.
struct Type {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl Type {
    fn read(text: &str) -> Result<Self, Refusal> {
        let mut parts = text.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_type =
            essence.split_once('/').is_some_and(|(kind, name)| command::is_token(kind) && command::is_token(name));
        if !essence.is_empty() && !is_type {
            return Err(Refusal::at("-H 'Content-Type: …'", "this is no media type such as `application/json`"));
        }
        let mut parameters = Vec::new();
        for (name, value) in parts.filter_map(|it| it.split_once('=')) {
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            match name.as_str() {
                // what is sent is UTF-8, whatever the command says
                "charset" => parameters.push((name, "utf-8".to_owned())),
                "action" if value.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.:/#".contains(&it)) => {
                    parameters.push((name, format!("\"{value}\"")));
                }
                _ => {}
            }
        }
        Ok(Self { essence, parameters })
    }

    fn whole(&self) -> String {
        self.parameters.iter().fold(self.essence.clone(), |all, (name, value)| format!("{all}; {name}={value}"))
    }
}
