//! JSON as the expression engine sees it, and back.
//!
//! Documents are shared, never copied: a mapping or list inside one is a [`Node`], which knows its document and the way
//! to itself, and looks there when it is asked for something.

use std::{fmt, fmt::Write as _, sync::Arc};

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use serde_json::{Map, Number, Value as Json};

/// Nothing that an expression gives may be longer, in bytes.
pub(super) const MAX_TEXT: usize = 8 << 20;
/// Nothing that an expression gives may have more values in it.
const MAX_VALUES: usize = 200_000;
/// Nothing that an expression gives may be nested deeper; the depth of JSON documents is limited by their reader.
const MAX_DEPTH: usize = 64;

/// A mapping or a list somewhere in a document.
struct Node {
    root: Arc<Json>,
    /// The node around it and the step from there; `None` for the document itself.
    way: Option<(Arc<Node>, Step)>,
}

enum Step {
    Key(Box<str>),
    Index(usize),
}

impl Node {
    fn json(&self) -> Option<&Json> {
        match &self.way {
            None => Some(&self.root),
            Some((parent, Step::Key(key))) => parent.json()?.get(&**key),
            Some((parent, Step::Index(index))) => parent.json()?.get(index),
        }
    }

    fn child(self: &Arc<Self>, json: &Json, step: impl FnOnce() -> Step) -> Value {
        scalar(json).unwrap_or_else(|| {
            Value::from_object(Node { root: Arc::clone(&self.root), way: Some((Arc::clone(self), step())) })
        })
    }
}

/// Values never show: not in a log, not in an error.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
}

impl Object for Node {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match self.json() {
            Some(Json::Array(_)) => ObjectRepr::Seq,
            _ => ObjectRepr::Map,
        }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if let Some(key) = key.as_str() {
            return self.get_value_by_str(key);
        }
        let index = key.as_usize()?;
        Some(self.child(self.json()?.as_array()?.get(index)?, || Step::Index(index)))
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        Some(self.child(self.json()?.as_object()?.get(key)?, || Step::Key(key.into())))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.json() {
            Some(Json::Array(list)) => Enumerator::Seq(list.len()),
            Some(Json::Object(map)) => Enumerator::Values(map.keys().map(Value::from).collect()),
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        match self.json()? {
            Json::Array(list) => Some(list.len()),
            Json::Object(map) => Some(map.len()),
            _ => None,
        }
    }

    /// As JSON text, should somebody join it to a string.
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.json() {
            Some(json) => write!(f, "{json}"),
            None => Ok(()),
        }
    }
}

/// A value that holds no others.
pub(super) fn scalar(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::from(()),
        Json::Bool(it) => Value::from(*it),
        Json::String(it) => Value::from(it.as_str()),
        Json::Number(it) => {
            if let Some(it) = it.as_i64() {
                Value::from(it)
            } else if let Some(it) = it.as_u64() {
                Value::from(it)
            } else {
                Value::from(it.as_f64()?)
            }
        }
        Json::Array(_) | Json::Object(_) => return None,
    })
}

/// A document as a value, shared.
pub(super) fn to_value(json: &Arc<Json>) -> Value {
    scalar(json).unwrap_or_else(|| Value::from_object(Node { root: Arc::clone(json), way: None }))
}

/// What an expression gave, as JSON; `None` if undefined. Undefined entries and values inside are dropped.
///
/// Errors are sentences without values: too much of it, a number that JSON doesn't have, a function.
pub(super) fn to_json(value: &Value) -> Result<Option<Json>, String> {
    let mut budget = Budget { values: MAX_VALUES, bytes: MAX_TEXT };
    budget.convert(value, 0)
}

struct Budget {
    values: usize,
    bytes: usize,
}

impl Budget {
    fn convert(&mut self, value: &Value, depth: usize) -> Result<Option<Json>, String> {
        if depth > MAX_DEPTH {
            return Err(format!("it gives something nested deeper than {MAX_DEPTH} levels"));
        }
        self.values = self.values.checked_sub(1).ok_or("it gives too many values")?;
        Ok(Some(match value.kind() {
            ValueKind::Undefined => return Ok(None),
            ValueKind::None => Json::Null,
            ValueKind::Bool => Json::Bool(value.is_true()),
            ValueKind::Number => Json::Number(number(value)?),
            ValueKind::String => {
                let text = value.as_str().unwrap_or_default();
                self.bytes = self.bytes.checked_sub(text.len()).ok_or("it gives too much text")?;
                Json::String(text.to_owned())
            }
            ValueKind::Seq | ValueKind::Iterable => match shared(value) {
                Some(json) => json,
                None => Json::Array(self.list(value, depth)?),
            },
            ValueKind::Map => match shared(value) {
                Some(json) => json,
                None => Json::Object(self.map(value, depth)?),
            },
            other => return Err(format!("it gives {}, which is no JSON value", name(other))),
        }))
    }

    fn list(&mut self, value: &Value, depth: usize) -> Result<Vec<Json>, String> {
        let mut list = Vec::with_capacity(value.len().unwrap_or_default().min(1024));
        for entry in value.try_iter().map_err(|_| "it gives a list that cannot be read")? {
            list.extend(self.convert(&entry, depth + 1)?);
        }
        Ok(list)
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<Map<String, Json>, String> {
        let mut map = Map::new();
        for key in value.try_iter().map_err(|_| "it gives a mapping that cannot be read")? {
            let entry = value.get_item(&key).unwrap_or_default();
            if let Some(entry) = self.convert(&entry, depth + 1)? {
                map.insert(text(&key)?.ok_or("it gives a mapping with a key that has no value")?, entry);
            }
        }
        Ok(map)
    }
}

/// A copy of the part of a document that the value is.
fn shared(value: &Value) -> Option<Json> {
    value.downcast_object_ref::<Node>()?.json().cloned()
}

fn number(value: &Value) -> Result<Number, String> {
    if value.is_integer() {
        if let Ok(it) = i64::try_from(value.clone()) {
            return Ok(it.into());
        }
        return u64::try_from(value.clone())
            .map(Number::from)
            .map_err(|_| "it gives an integer of more than 64 bits".into());
    }
    f64::try_from(value.clone())
        .ok()
        .and_then(Number::from_f64)
        .ok_or_else(|| "it gives a number that JSON does not have".into())
}

/// How a value stands in text: `None` for undefined and null, `true`/`false`, digits without exponent.
///
/// Lists and mappings are an error.
pub(super) fn text(value: &Value) -> Result<Option<String>, String> {
    Ok(Some(match value.kind() {
        ValueKind::Undefined | ValueKind::None => return Ok(None),
        ValueKind::String => match value.as_str().unwrap_or_default() {
            text if text.len() > MAX_TEXT => return Err("the text becomes too long".into()),
            text => text.to_owned(),
        },
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::Number if value.is_integer() => value.to_string(),
        ValueKind::Number => {
            let number = f64::try_from(value.clone()).unwrap_or(f64::NAN);
            if !number.is_finite() {
                return Err("it gives a number that JSON does not have".into());
            }
            let mut text = String::new();
            // A whole number is written without `.0`, however it was computed.
            write!(text, "{number}").map_err(|_| "the number cannot be written")?;
            text
        }
        other => {
            return Err(format!("it gives {}, and only text, numbers and booleans can stand in text", name(other)));
        }
    }))
}

/// What authors call a kind of value.
pub(super) fn name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Undefined => "nothing",
        ValueKind::None => "null",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "a function",
    }
}
