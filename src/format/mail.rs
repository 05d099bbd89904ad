//! E-mail messages (RFC 5322, MIME): always the same text for the same parts, so that what is sent twice is one message.

use std::borrow::Cow;

use aws_lc_rs::digest::{Context, SHA256};
use mail_builder::{
    MessageBuilder,
    headers::{
        HeaderType,
        address::{Address as BuilderAddress, EmailAddress},
        content_type::ContentType,
        date::Date,
        message_id::MessageId,
    },
    mime::{BodyPart, MimePart},
};

use super::FormatError;

/// A message.
#[derive(Debug, Default)]
pub struct Mail {
    /// Whose it is; the provider's account if it is missing.
    pub from: Option<Address>,
    /// To whom.
    pub to: Vec<Address>,
    /// Copies.
    pub cc: Vec<Address>,
    /// Copies that the others don't see: the provider takes them out.
    pub bcc: Vec<Address>,
    /// Where answers go.
    pub reply_to: Vec<Address>,
    /// One line.
    pub subject: String,
    /// Seconds since 1970.
    pub date: i64,
    /// Without angle brackets; made of the message's content if it is missing.
    pub message_id: Option<String>,
    /// The message that it answers.
    pub in_reply_to: Option<String>,
    /// The messages before it, the oldest first.
    pub references: Vec<String>,
    /// Plain text.
    pub text: Option<String>,
    /// The same as HTML.
    pub html: Option<String>,
    /// Files.
    pub attachments: Vec<Attachment>,
}

/// An address, perhaps with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Of the person.
    pub name: Option<String>,
    /// `ana@example.com`
    pub email: String,
}

/// A file in a message.
#[derive(Debug)]
pub struct Attachment {
    /// The file's name.
    pub name: String,
    /// `application/pdf`, perhaps with parameters.
    pub content_type: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Address {
    /// Reads `ana@example.com`, `Ana Ruiz <ana@example.com>` or `"Ruiz, Ana" <ana@example.com>`.
    ///
    /// # Errors
    /// If there is no address in it.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let text = text.trim();
        let Some(rest) = text.strip_suffix('>') else { return Self::new(None, text) };
        let Some((name, email)) = rest.rsplit_once('<') else { return Err(no_address()) };
        let name = name.trim();
        let name = match name.strip_prefix('"').and_then(|it| it.strip_suffix('"')) {
            Some(quoted) => unescaped(quoted),
            None => name.to_owned(),
        };
        Self::new(Some(name), email)
    }

    /// # Errors
    /// If the address could not stand in a header, or would be more than one.
    pub fn new(name: Option<String>, email: &str) -> Result<Self, FormatError> {
        let email = email.trim();
        let is_part = |it: &str| {
            !it.is_empty()
                && !it.contains(|it: char| it.is_whitespace() || it.is_control() || "<>()[],;:\"\\".contains(it))
        };
        let (local, domain) = email.rsplit_once('@').ok_or_else(no_address)?;
        if !is_part(local) || local.contains('@') || !is_part(domain) {
            return Err(no_address());
        }
        let name = name.filter(|it| !it.is_empty());
        name.iter().try_for_each(|it| one_line("a name", it))?;
        Ok(Self { name, email: email.to_owned() })
    }

    fn built(&self) -> BuilderAddress<'_> {
        let name = self.name.as_deref().map(Cow::Borrowed);
        BuilderAddress::Address(EmailAddress { name, email: Cow::Borrowed(&self.email) })
    }
}

fn no_address() -> FormatError {
    FormatError::new("mail", "an address is not as `ana@example.com` or `Ana Ruiz <ana@example.com>`")
}

/// What the backslashes of a quoted string mean (RFC 5322 §3.2.4).
fn unescaped(quoted: &str) -> String {
    let mut chars = quoted.chars();
    let mut text = String::new();
    while let Some(char) = chars.next() {
        text.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    text
}

/// A line break would begin another header.
fn one_line(what: &str, text: &str) -> Result<(), FormatError> {
    if text.chars().any(char::is_control) {
        return Err(FormatError::new("mail", format!("{what} holds line breaks or control characters")));
    }
    Ok(())
}

/// A message's id without its angle brackets.
///
/// # Errors
/// If it could not stand in a header.
pub fn message_id(text: &str) -> Result<String, FormatError> {
    let id = text.trim().trim_start_matches('<').trim_end_matches('>');
    let fits = !id.is_empty() && !id.contains(|it: char| it.is_whitespace() || it.is_control() || "<>".contains(it));
    let wrong = || FormatError::new("mail", "a message id is not as `<id@example.com>`");
    fits.then(|| id.to_owned()).ok_or_else(wrong)
}

/// The message as text, with CRLF at every line's end.
///
/// # Errors
/// If a part could not stand where it should, or there is nobody to send it to.
pub fn write(mail: &Mail) -> Result<String, FormatError> {
    if mail.to.is_empty() && mail.cc.is_empty() && mail.bcc.is_empty() {
        return Err(FormatError::new("mail", "there is nobody to send it to"));
    }
    one_line("the subject", &mail.subject)?;
    let fingerprint = fingerprint(mail);
    let mut message = MessageBuilder::new();
    if let Some(from) = &mail.from {
        message = message.from(from.built());
    }
    for (name, addresses) in [("To", &mail.to), ("Cc", &mail.cc), ("Bcc", &mail.bcc), ("Reply-To", &mail.reply_to)] {
        if !addresses.is_empty() {
            let list = addresses.iter().map(Address::built).collect();
            message = message.header(name, HeaderType::Address(BuilderAddress::List(list)));
        }
    }
    let id = mail.message_id.clone().unwrap_or_else(|| format!("{fingerprint}@localhost"));
    message = message.subject(mail.subject.as_str()).date(Date::new(mail.date)).message_id(id);
    if let Some(id) = &mail.in_reply_to {
        message = message.in_reply_to(id.as_str());
    }
    if !mail.references.is_empty() {
        message = message.references(MessageId::new_list(mail.references.iter().map(String::as_str)));
    }
    let bytes = message.body(body(mail, &fingerprint)?).write_to_vec();
    let bytes = bytes.map_err(|_| FormatError::new("mail", "the message can't be written"))?;
    String::from_utf8(bytes).map_err(|_| FormatError::new("mail", "the message is not text"))
}

/// Text, HTML or both as alternatives, and the files beside it.
fn body<'m>(mail: &'m Mail, fingerprint: &str) -> Result<MimePart<'m>, FormatError> {
    let text = mail.text.as_deref().map(|it| MimePart::new("text/plain", it));
    let html = mail.html.as_deref().map(|it| MimePart::new("text/html", it));
    let content = match (text, html) {
        (Some(text), Some(html)) => multipart("alternative", "a", fingerprint, vec![text, html]),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Err(FormatError::new("mail", "it has neither `text` nor `html`")),
    };
    if mail.attachments.is_empty() {
        return Ok(content);
    }
    let mut parts = vec![content];
    for file in &mail.attachments {
        one_line("the name of an attachment", &file.name)?;
        let contents = BodyPart::Binary(Cow::Borrowed(&file.data));
        let part =
            MimePart { headers: vec![("Content-Type".into(), content_type(&file.content_type)?.into())], contents };
        let part = part.attachment(file.name.as_str());
        parts.push(part);
    }
    Ok(multipart("mixed", "m", fingerprint, parts))
}

/// The boundary is made of what it separates, so that it can't stand in it.
fn multipart<'m>(kind: &str, level: &str, fingerprint: &str, parts: Vec<MimePart<'m>>) -> MimePart<'m> {
    let content_type =
        ContentType::new(format!("multipart/{kind}")).attribute("boundary", format!("={level}{fingerprint}"));
    MimePart { headers: vec![("Content-Type".into(), content_type.into())], contents: BodyPart::Multipart(parts) }
}

/// `text/calendar; method=REQUEST`
fn content_type(text: &str) -> Result<ContentType<'static>, FormatError> {
    let wrong = || FormatError::new("mail", "a content type is not as `application/pdf`");
    let is_token =
        |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&it));
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let (kind, subtype) = media_type.split_once('/').ok_or_else(wrong)?;
    if !is_token(kind) || !is_token(subtype) {
        return Err(wrong());
    }
    let mut content_type = ContentType::new(media_type.to_owned());
    for part in parts.filter(|it| !it.is_empty()) {
        let (name, value) = part.split_once('=').ok_or_else(wrong)?;
        let value = value.trim_matches('"');
        if !is_token(name) || value.chars().any(char::is_control) {
            return Err(wrong());
        }
        content_type = content_type.attribute(name.to_owned(), value.to_owned());
    }
    Ok(content_type)
}

/// Half of a hash of all that is in it, in hex: 128 bits.
fn fingerprint(mail: &Mail) -> String {
    let mut hash = Context::new(&SHA256);
    let mut add = |bytes: &[u8]| {
        hash.update(&u64::try_from(bytes.len()).unwrap_or_default().to_be_bytes());
        hash.update(bytes);
    };
    let all = [&mail.to, &mail.cc, &mail.bcc, &mail.reply_to];
    for address in all.into_iter().flatten().chain(&mail.from) {
        add(address.email.as_bytes());
    }
    add(&mail.date.to_be_bytes());
    for text in [Some(&mail.subject), mail.message_id.as_ref(), mail.text.as_ref(), mail.html.as_ref()] {
        add(text.map_or(&[], |it| it.as_bytes()));
    }
    for file in &mail.attachments {
        add(file.name.as_bytes());
        add(&file.data);
    }
    hash.finish().as_ref().iter().take(16).map(|it| format!("{it:02x}")).collect()
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
