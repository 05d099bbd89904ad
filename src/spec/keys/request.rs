//! A request.

use super::{ACTION, HTTP, STEP};
use crate::yaml::{Key, Section, Type};

/// The kinds of answer.
pub(super) const ANSWERS: &[&str] = &["auto", "json", "xml", "multistatus", "text", "empty"];

/// The keys of a request, also of `verify`.
pub(super) static KEYS: [Key; 14] = [
    Key::new("method", Type::Text, "Any HTTP method.").required().example("GET"),
    Key::new("path", Type::Template, "After the server's base URL; each placeholder is one segment.")
        .example("/calendars/{{ config.calendar }}/events"),
    Key::new("url", Type::Template, "An address that the provider gave, then segments.")
        .example("\"{{ connection.home }}\""),
    Key::new("server", Type::Name, "Which of `http.servers`."),
    Key::new("auth", Type::Name, "Which of `auth.schemes`, or `none`."),
    Key::new("query", Type::Mapping(&Type::Value), "Name → value; a list repeats the key.").mistaken(&["params"]),
    Key::new("headers", Type::Mapping(&Type::Template), "Name → text."),
    Key::new("body", Type::Value, "Sent as JSON.").mistaken(&["json", "data"]),
    Key::new("form", Type::Value, "Sent urlencoded, nested as `a[b]`."),
    Key::new("xml", Type::Template, "Sent as XML."),
    Key::new("ics", Type::Template, "Sent as iCalendar."),
    Key::new("text", Type::Template, "Sent as it is."),
    Key::new("content_type", Type::Text, "Overrides the kind's own.").example("application/merge-patch+json"),
    Key::new("answer", Type::Word(ANSWERS), "How the answer is read.").default("auto"),
];

/// A request.
pub static REQUEST: Section =
    Section { name: "request", doc: "One request to the provider.", keys: &KEYS, near: &[&STEP, &ACTION, &HTTP] };
