//! What a scalar means: the core schema of YAML 1.2 (§10.3.2), for plain scalars only.
//!
//! `yes`, `on` and `12:30` are text, as is everything in quotes.

use serde_json::{Map, Number, Value as Json};

use super::{Kind, Node, Style};
use crate::diag::Span;

impl Node {
    /// An empty plain scalar: what stands where a value is left out.
    pub(super) fn nothing(span: Span) -> Self {
        Self { span, kind: Kind::Scalar(String::new(), Style::Plain) }
    }

    /// The text of a scalar, however it was written.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The text of a plain scalar.
    pub fn as_plain(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text, Style::Plain) => Some(text),
            _ => None,
        }
    }

    /// Whether it is left out, `~` or `null`.
    pub fn is_nothing(&self) -> bool {
        self.as_plain().is_some_and(|it| matches!(it, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_plain()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// A whole number: decimal, `0o17` or `0x1F`.
    pub fn as_i64(&self) -> Option<i64> {
        match self.as_number()? {
            number if number.is_i64() => number.as_i64(),
            _ => None,
        }
    }

    /// Any number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// A number that JSON can hold: not infinite, not `.nan`.
    pub fn as_number(&self) -> Option<Number> {
        number(self.as_plain()?)
    }

    /// The entries of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub fn as_map(&self) -> Option<&[super::Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value at a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|it| it.key == key).map(|it| &it.value)
    }
}

/// The node as JSON.
pub fn to_json(node: &Node) -> Json {
    match &node.kind {
        Kind::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Kind::Map(entries) => {
            let entries = entries.iter().map(|it| (it.key.clone(), to_json(&it.value)));
            Json::Object(entries.collect::<Map<_, _>>())
        }
        Kind::Scalar(text, _) => {
            if node.is_nothing() {
                Json::Null
            } else if let Some(truth) = node.as_bool() {
                Json::Bool(truth)
            } else if let Some(number) = node.as_number() {
                Json::Number(number)
            } else {
                Json::String(text.clone())
            }
        }
    }
}

fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if !is_decimal(text) {
        return None;
    }
    let is_whole = !text.contains(['.', 'e', 'E']);
    if is_whole {
        let text = text.strip_prefix('+').unwrap_or(text);
        if let Ok(whole) = text.parse::<i64>() {
            return Some(whole.into());
        }
        if let Ok(whole) = text.parse::<u64>() {
            return Some(whole.into());
        }
    }
    text.parse().ok().and_then(Number::from_f64)
}

fn radix(digits: &str, radix: u32) -> Option<Number> {
    let are_digits = !digits.is_empty() && digits.chars().all(|it| it.is_digit(radix));
    are_digits.then(|| u64::from_str_radix(digits, radix).ok())?.map(Number::from)
}

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |it: &str| it.bytes().all(|it| it.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let has_digits = !whole.is_empty() || (mantissa.starts_with('.') && !fraction.is_empty());
    let exponent_ok = exponent.is_none_or(|it| {
        let it = it.strip_prefix(['-', '+']).unwrap_or(it);
        !it.is_empty() && digits(it)
    });
    has_digits && digits(whole) && digits(fraction) && exponent_ok
}
