//! The parts of a multipart body over what is known → their bytes.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{
    SendError,
    render::{header, unusable, unwritable},
};
use crate::{
    base::Code,
    expr::{Scope, Sink, Text},
    format::{
        body::{self, Encoded},
        multipart::{self, Part},
    },
    spec::{self, PartContent},
};

/// More parts are refused.
const MAX_PARTS: usize = 100;

/// What a part holds, and what it is called by itself.
struct Content {
    bytes: Vec<u8>,
    content_type: Option<Cow<'static, str>>,
    filename: Option<String>,
}

/// The whole body.
pub(super) fn encoded(multipart: &spec::Multipart, scope: &Scope) -> Result<Encoded, SendError> {
    let mut parts = Vec::new();
    for part in &multipart.parts {
        let Some(each) = &part.each else {
            add(&mut parts, part, scope)?;
            continue;
        };
        let entries = match each.eval(scope).map_err(unusable)? {
            Some(Json::Array(entries)) => entries,
            None | Some(Json::Null) => Vec::new(),
            Some(_) => return Err(refused("`each` of a part needs a list")),
        };
        for (index, entry) in entries.into_iter().enumerate() {
            add(&mut parts, part, &scope.with_item(entry, index))?;
        }
    }
    if parts.len() > MAX_PARTS {
        return Err(refused("the body has more than 100 parts"));
    }
    let (bytes, boundary) = multipart::write(&parts);
    let content_type = Cow::Owned(format!("multipart/{}; boundary={boundary}", multipart.kind));
    Ok(Encoded { bytes: bytes.into(), content_type })
}

/// A part as often as it is there: not at all without a value, and once for each entry of a list.
fn add(parts: &mut Vec<Part>, part: &spec::Part, scope: &Scope) -> Result<(), SendError> {
    if let Some(when) = &part.when
        && !when.test(scope).map_err(unusable)?
    {
        return Ok(());
    }
    for content in contents(&part.content, scope)? {
        let text = |text: &Option<Text>| match text {
            Some(text) => header(text, scope).map_err(unusable),
            None => Ok(None),
        };
        let mut headers = Vec::new();
        if part.in_form {
            let name = text(&part.name)?.ok_or_else(|| refused("a part of the form has no name"))?;
            let filename = text(&part.filename)?.or(content.filename);
            headers.push(multipart::form_data(&name, filename.as_deref()).map_err(unwritable)?);
        }
        if let Some(value) = text(&part.content_type)?.map(Cow::Owned).or(content.content_type) {
            headers.push(("Content-Type".to_owned(), value.into_owned()));
        }
        for (name, value) in &part.headers {
            headers.extend(header(value, scope).map_err(unusable)?.map(|value| (name.clone(), value)));
        }
        parts.push(Part { headers, content: content.bytes });
    }
    Ok(())
}

fn contents(content: &PartContent, scope: &Scope) -> Result<Vec<Content>, SendError> {
    let of = |bytes: Vec<u8>, content_type| Content { bytes, content_type, filename: None };
    Ok(match content {
        PartContent::Value(shape) => match shape.eval(scope).map_err(unusable)? {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(list)) => {
                list.into_iter().map(|it| Ok(of(scalar(it)?, None))).collect::<Result<_, SendError>>()?
            }
            Some(one) => vec![of(scalar(one)?, None)],
        },
        PartContent::Json(shape) => match shape.eval(scope).map_err(unusable)? {
            None => Vec::new(),
            Some(json) => vec![of(json.to_string().into_bytes(), Some("application/json; charset=utf-8".into()))],
        },
        PartContent::Text(text) => {
            let text = text.render(scope, Sink::Plain).map_err(unusable)?;
            vec![of(text.into_bytes(), Some("text/plain; charset=utf-8".into()))]
        }
        PartContent::Base64(text) => {
            let bytes = bytes(&text.render(scope, Sink::Plain).map_err(unusable)?)?;
            vec![of(bytes, Some("application/octet-stream".into()))]
        }
        PartContent::File(shape) => match shape.eval(scope).map_err(unusable)? {
            None | Some(Json::Null) => Vec::new(),
            Some(Json::Array(files)) => files.iter().map(file).collect::<Result<_, _>>()?,
            Some(one) => vec![file(&one)?],
        },
    })
}

/// A file as an input of `format: file` is one.
fn file(file: &Json) -> Result<Content, SendError> {
    let text = |key: &str| file[key].as_str();
    let (bytes, usual) = match (text("data"), text("text")) {
        (Some(data), _) => (bytes(data)?, "application/octet-stream"),
        (None, Some(text)) => (text.as_bytes().to_vec(), "text/plain; charset=utf-8"),
        (None, None) => return Err(refused("a file has neither `data` nor `text`")),
    };
    let content_type = text("content_type").unwrap_or(usual);
    if content_type.chars().any(char::is_control) {
        return Err(refused("the content type of a file holds control characters"));
    }
    let filename = text("name").map(str::to_owned);
    Ok(Content { bytes, content_type: Some(Cow::Owned(content_type.to_owned())), filename })
}

fn scalar(value: Json) -> Result<Vec<u8>, SendError> {
    match value {
        Json::String(text) => Ok(text.into_bytes()),
        Json::Number(_) | Json::Bool(_) => Ok(value.to_string().into_bytes()),
        _ => Err(refused("a field of a form is text, a number or a boolean")),
    }
}

/// What base64 text means.
pub(super) fn bytes(text: &str) -> Result<Vec<u8>, SendError> {
    body::from_base64(text).ok_or_else(|| refused("what should be sent as bytes is not base64"))
}

fn refused(why: &str) -> SendError {
    SendError::not_sent(Code::InvalidInput, format!("the request can't be made: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transport::{
        fixtures::{expr, shape, text},
        received,
    };

    fn part(content: PartContent) -> spec::Part {
        spec::Part {
            in_form: true,
            name: Some(text("field")),
            filename: None,
            content_type: None,
            headers: Vec::new(),
            when: None,
            each: None,
            content,
        }
    }

    fn sent(kind: &str, parts: Vec<spec::Part>, input: Json) -> Result<Json, Code> {
        let mut scope = Scope::new();
        scope.set("input", input);
        let body = encoded(&spec::Multipart { kind: kind.to_owned(), parts }, &scope).map_err(|it| it.code)?;
        assert!(body.content_type.starts_with(&format!("multipart/{kind}; boundary=")));
        Ok(received::parts(&body.content_type, &body.bytes).expect("it can be read back"))
    }

    #[test]
    fn a_form_has_fields_and_files_as_far_as_they_are_given() {
        let input = json!({
            "names": ["Ana", 5], "missing": null, "text": "a\r\n--b",
            "files": [{"name": "a \"1\".pdf", "content_type": "application/pdf", "data": "AP8="}, {"name": "b", "text": "é"}],
        });
        let parts = vec![
            part(PartContent::Value(shape(json!("{{ input.names }}")))),
            part(PartContent::Value(shape(json!("{{ input.missing }}")))),
            spec::Part { when: Some(expr("input.missing")), ..part(PartContent::Text(text("never"))) },
            spec::Part {
                each: Some(shape(json!("{{ input.files }}"))),
                name: Some(text("file{{ index }}")),
                ..part(PartContent::File(shape(json!("{{ item }}"))))
            },
            spec::Part { filename: Some(text("x.txt")), ..part(PartContent::Text(text("{{ input.text }}"))) },
        ];
        let expected = json!([
            {"name": "field", "body": "Ana"},
            {"name": "field", "body": "5"},
            {"name": "file0", "filename": "a \"1\".pdf", "content_type": "application/pdf", "base64": "AP8="},
            {"name": "file1", "filename": "b", "content_type": "text/plain; charset=utf-8", "body": "é"},
            {"name": "field", "filename": "x.txt", "content_type": "text/plain; charset=utf-8", "body": "a\r\n--b"},
        ]);
        assert_eq!(sent("form-data", parts, input), Ok(expected));
    }

    #[test]
    fn related_parts_have_no_names_and_their_own_types() {
        let related = |content| spec::Part { in_form: false, name: None, ..part(content) };
        let parts = vec![
            related(PartContent::Json(shape(json!({"name": "{{ input.name }}"})))),
            spec::Part {
                content_type: Some(text("image/png")),
                headers: vec![("content-id".to_owned(), text("<1>"))],
                ..related(PartContent::Base64(text("AP8=")))
            },
        ];
        let expected = json!([
            {"content_type": "application/json; charset=utf-8", "body": {"name": "x"}},
            {"content_type": "image/png", "content-id": "<1>", "base64": "AP8="},
        ]);
        assert_eq!(sent("related", parts, json!({"name": "x"})), Ok(expected));
    }

    #[test]
    fn what_can_not_be_a_part_is_refused() {
        let input = json!({"name": "a\r\nX: y", "map": {}, "file": {"name": "x"}});
        for wrong in [
            spec::Part { name: Some(text("{{ input.name }}")), ..part(PartContent::Text(text("a"))) },
            spec::Part { filename: Some(text("{{ input.name }}")), ..part(PartContent::Text(text("a"))) },
            spec::Part { name: Some(text("{{ input.none }}")), ..part(PartContent::Text(text("a"))) },
            part(PartContent::Value(shape(json!("{{ input.map }}")))),
            part(PartContent::File(shape(json!("{{ input.file }}")))),
            part(PartContent::Base64(text("{{ '*' }}"))),
            spec::Part { each: Some(shape(json!("{{ input.name }}"))), ..part(PartContent::Text(text("a"))) },
        ] {
            assert_eq!(sent("form-data", vec![wrong], input.clone()), Err(Code::InvalidInput));
        }
    }
}
