//! What a provider is answered.

use bytes::Bytes;

use crate::{
    expr::{EvalError, Scope, Sink},
    spec::{Receive, Reply},
};

/// An answer of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replied {
    /// The status code.
    pub status: u16,
    /// Names in lower case; the content type is among them if there is a body.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Bytes,
}

/// The answer to a delivery that only wants one.
///
/// # Errors
/// If it can't be made.
pub fn handshake(receive: &Receive, scope: &Scope) -> Result<Option<Replied>, EvalError> {
    let Some(handshake) = &receive.handshake else { return Ok(None) };
    // A test that this delivery has no place for is not about it.
    if !handshake.when.test(scope).unwrap_or(false) {
        return Ok(None);
    }
    reply(&handshake.answer, scope).map(Some)
}

/// An answer as it is sent.
///
/// # Errors
/// If one of its expressions fails.
pub fn reply(reply: &Reply, scope: &Scope) -> Result<Replied, EvalError> {
    let mut headers = Vec::with_capacity(reply.headers.len() + 1);
    for (name, text) in &reply.headers {
        headers.push((name.clone(), text.render(scope, Sink::Header)?));
    }
    let (body, content_type) = match (&reply.body, &reply.text) {
        (Some(shape), _) => (shape.eval(scope)?.unwrap_or_default().to_string(), "application/json"),
        (None, Some(text)) => (text.render(scope, Sink::Plain)?, "text/plain; charset=utf-8"),
        (None, None) => (String::new(), ""),
    };
    if !body.is_empty() && !headers.iter().any(|(name, _)| name == "content-type") {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    Ok(Replied { status: if reply.status == 0 { 200 } else { reply.status }, headers, body: body.into() })
}
