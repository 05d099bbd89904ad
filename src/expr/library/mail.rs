//! `mime`: messages as mail providers take them.

use minijinja::{Value, value::ValueKind};

use super::{Call, Entry, Gives, Kind, Outcome, Role, Run, call, moment::Moment, optional, required};
use crate::expr::types::Kinds;
use crate::format::{
    FormatError, body,
    mail::{self, Address, Attachment, Mail},
};

/// More are refused.
const MAX_ADDRESSES: usize = 500;
const MAX_ATTACHMENTS: usize = 50;

pub(super) const ENTRIES: &[Entry] = &[Entry {
    name: "mime",
    role: Role::Function,
    takes: Kind::Any,
    params: &[
        required("to", Kind::Any),
        required("subject", Kind::Text),
        required("date", Kind::Time),
        optional("from", Kind::Any),
        optional("cc", Kind::Any),
        optional("bcc", Kind::Any),
        optional("reply_to", Kind::Any),
        optional("text", Kind::Text),
        optional("html", Kind::Text),
        optional("attachments", Kind::List),
        optional("message_id", Kind::Text),
        optional("in_reply_to", Kind::Text),
        optional("references", Kind::Any),
    ],
    gives: Gives::Text,
    on: None,
    idle_on: Kinds::NONE,
    doc: "An e-mail message (RFC 5322) as text with CRLF, always the same for the same arguments. Addresses are `a@x`, `Name <a@x>`, `{name, email}` or a list of those; `text`, `html` or both; `attachments` are `[{name, content_type, data}]` with `data` in base64, or with `text`. Ids of messages stand with or without their angle brackets, `references` as a list or apart by spaces. Line breaks in a header are refused.",
    example: (
        "mime(to='Ana <ana@example.com>', subject='Grüße', date='2026-12-01T02:30:00Z', text='Hi', message_id='1@example.com') | split('\\r\\n') | first",
        r#""To: \"Ana\" <ana@example.com>""#,
    ),
    run: Run::Own(mime),
}];

fn mime(call: &Call) -> Outcome {
    let said = |error: FormatError| call.about(&error.why);
    let text = |name: &str| Ok::<_, String>(call.text_arg(name)?.map(|it| it.into_owned()));
    let id = |name: &str| text(name)?.map(|it| mail::message_id(&it).map_err(said)).transpose();
    let date = text("date")?.unwrap_or_default();
    let date = match Moment::parse(&date).map_err(|message| call.about(&message))? {
        Moment::Instant(it) => it.at.as_second(),
        Moment::Date(_) => return Err(call.about("`date` is an instant, not a day")),
    };
    let mut from = addresses(call, "from")?;
    if from.len() > 1 {
        return Err(call.about("`from` is one address"));
    }
    let mail = Mail {
        from: from.pop(),
        to: addresses(call, "to")?,
        cc: addresses(call, "cc")?,
        bcc: addresses(call, "bcc")?,
        reply_to: addresses(call, "reply_to")?,
        subject: text("subject")?.unwrap_or_default(),
        date,
        message_id: id("message_id")?,
        in_reply_to: id("in_reply_to")?,
        references: references(call)?,
        text: text("text")?,
        html: text("html")?,
        attachments: attachments(call)?,
    };
    Ok(mail::write(&mail).map_err(said)?.into())
}

/// One address, or a list of them; entries without a value are left out.
fn addresses(call: &Call, name: &str) -> Result<Vec<Address>, String> {
    let Some(value) = call.arg(name) else { return Ok(Vec::new()) };
    let entries = call::list(value).unwrap_or_else(|| vec![value.clone()]);
    if entries.len() > MAX_ADDRESSES {
        return Err(call.about(&format!("`{name}` has more than {MAX_ADDRESSES} addresses")));
    }
    let there = entries.iter().filter(|it| !it.is_undefined() && !it.is_none() && it.as_str() != Some(""));
    let read = |value: &Value| {
        if let Some(text) = value.as_str() {
            return Address::parse(text);
        }
        let part = |name: &str| value.get_attr(name).ok().and_then(|it| it.as_str().map(str::to_owned));
        Address::new(part("name"), &part("email").unwrap_or_default())
    };
    there.map(|it| read(it).map_err(|error| call.about(&format!("`{name}`: {}", error.why)))).collect()
}

fn references(call: &Call) -> Result<Vec<String>, String> {
    let Some(value) = call.arg("references") else { return Ok(Vec::new()) };
    let texts: Vec<String> = match call::list(value) {
        Some(list) => list.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
        None => value.as_str().unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
    };
    texts.iter().map(|it| mail::message_id(it).map_err(|error| call.about(&error.why))).collect()
}

fn attachments(call: &Call) -> Result<Vec<Attachment>, String> {
    let Some(value) = call.arg("attachments") else { return Ok(Vec::new()) };
    let entries = call::list(value).ok_or_else(|| call.about("`attachments` must be a list"))?;
    if entries.len() > MAX_ATTACHMENTS {
        return Err(call.about(&format!("there are more than {MAX_ATTACHMENTS} attachments")));
    }
    entries.iter().filter(|it| it.kind() == ValueKind::Map).map(|it| attachment(call, it)).collect()
}

fn attachment(call: &Call, file: &Value) -> Result<Attachment, String> {
    let part = |name: &str| file.get_attr(name).ok().and_then(|it| it.as_str().map(str::to_owned));
    let (data, usual) = match (part("data"), part("text")) {
        (Some(data), _) => {
            let bytes =
                body::from_base64(&data).ok_or_else(|| call.about("the `data` of an attachment is not base64"))?;
            (bytes, "application/octet-stream")
        }
        (None, Some(text)) => (text.into_bytes(), "text/plain; charset=utf-8"),
        (None, None) => return Err(call.about("an attachment has neither `data` nor `text`")),
    };
    let content_type = part("content_type").unwrap_or_else(|| usual.to_owned());
    Ok(Attachment { name: part("name").unwrap_or_else(|| "attachment".to_owned()), content_type, data })
}
