//! A request.

use super::{ACTION, HTTP, STEP};
use crate::yaml::{Key, Section, Type};

/// The kinds of answer.
pub(super) const ANSWERS: &[&str] = &["auto", "json", "xml", "multistatus", "text", "csv", "bytes", "empty"];

/// The keys of a request, also of `verify`.
pub(super) static KEYS: [Key; 16] = [
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
    Key::new("base64", Type::Template, "Sent as the bytes that base64 text means."),
    Key::new("multipart", Type::Section(&MULTIPART), "Sent as several parts."),
    Key::new("content_type", Type::Text, "Overrides the kind's own.").example("application/merge-patch+json"),
    Key::new("answer", Type::Word(ANSWERS), "How the answer is read.").default("auto"),
];

/// A request.
pub static REQUEST: Section =
    Section { name: "request", doc: "One request to the provider.", keys: &KEYS, near: &[&STEP, &ACTION, &HTTP] };

static A_PART: Type = Type::Section(&PART);

/// `multipart`
pub static MULTIPART: Section = Section {
    name: "multipart",
    doc: "A body of several parts.",
    keys: &[
        Key::new("type", Type::Word(&["form-data", "related", "mixed"]), "What the parts are together.")
            .default("form-data"),
        Key::new("parts", Type::List(&A_PART), "In order.").required(),
    ],
    near: &[&PART],
};

/// An entry of `parts`.
pub static PART: Section = Section {
    name: "part",
    doc: "A part of a body: a field of a form, a file, JSON or text.",
    keys: &[
        Key::new("name", Type::Template, "The field's name, in a form."),
        Key::new("filename", Type::Template, "The file's name, in a form."),
        Key::new("content_type", Type::Template, "Overrides the content's own.").example("application/pdf"),
        Key::new("headers", Type::Mapping(&Type::Template), "Further headers of the part."),
        Key::new("when", Type::Expression, "Left out if false."),
        Key::new("each", Type::Expression, "Once per entry of this list, as `item`.").example("\"{{ input.files }}\""),
        Key::new("value", Type::Value, "Text, a number or a boolean; a list repeats the part."),
        Key::new("json", Type::Value, "JSON."),
        Key::new("text", Type::Template, "Text."),
        Key::new("base64", Type::Template, "The bytes that base64 text means."),
        Key::new("file", Type::Value, "A file as `format: file` has it, or a list of them.")
            .example("\"{{ input.file }}\""),
    ],
    near: &[&MULTIPART, &REQUEST],
};
