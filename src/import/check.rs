//! Whether an answer of `new` will do; where it won't, what would.

use url::Url;

use super::{Refusal, name, new};
use crate::{
    diag::did_you_mean,
    spec::{METHODS, hosts, keys::SCHEMES},
};

/// Some text.
///
/// # Errors
/// If there is none.
pub fn text(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() { Err(Refusal::new("this is needed")) } else { Ok(()) }
}

/// The connector's id.
///
/// # Errors
/// If it is none.
pub fn id(text: &str) -> Result<(), Refusal> {
    let is_id = !text.is_empty() && name::kebab(text, "") == text;
    let refusal = || Refusal::new(format!("`{text}` is no id: write it as `lower-case-with-dashes`"));
    is_id.then_some(()).ok_or_else(refusal)
}

/// Where paths begin.
///
/// # Errors
/// If it is no https URL, has a query, or names no host.
pub fn base_url(text: &str) -> Result<(), Refusal> {
    let url = Url::parse(text).ok().filter(|it| {
        let is_plain = it.query().is_none() && it.fragment().is_none() && it.username().is_empty();
        it.scheme() == "https" && is_plain && it.host_str().is_some_and(|it| hosts::refuse(it).is_none())
    });
    url.map(drop).ok_or_else(|| Refusal::new(format!("`{text}` is no base URL: `https://api.example.com/v1`")))
}

/// A URL of sign-in.
///
/// # Errors
/// If it is no https URL.
pub fn url(text: &str) -> Result<(), Refusal> {
    let url = Url::parse(text).ok().filter(|it| it.scheme() == "https" && it.has_host());
    url.map(drop).ok_or_else(|| Refusal::new(format!("`{text}` is no https URL: `https://login.example.com/token`")))
}

/// One of the language's schemes.
///
/// # Errors
/// Names them all if it is none.
pub fn scheme(text: &str) -> Result<(), Refusal> {
    if SCHEMES.contains(&text) {
        return Ok(());
    }
    // the second is what everybody means who names none
    let near =
        if text.eq_ignore_ascii_case("oauth") { Some("oauth2") } else { did_you_mean(text, SCHEMES.iter().copied()) };
    let near = near.map(|it| format!("; did you mean `{it}`?"));
    let all = SCHEMES.join(", ");
    Err(Refusal::new(format!("there is no scheme `{text}`: it is one of {all}{}", near.unwrap_or_default())))
}

/// An action's name.
///
/// # Errors
/// If it is none.
pub fn action(text: &str) -> Result<(), Refusal> {
    let is_name = !text.is_empty() && name::snake(text, "") == text;
    let refusal =
        || Refusal::new(format!("`{text}` is no name of an action: write it as `lower_case_with_underscores`"));
    is_name.then_some(()).ok_or_else(refusal)
}

/// A method, in capitals or not.
///
/// # Errors
/// Names the usual ones if it is none.
pub fn method(text: &str) -> Result<(), Refusal> {
    let is_method = METHODS.contains(&text.to_ascii_uppercase().as_str());
    let refusal = || Refusal::new(format!("`{text}` is no method: it is GET, POST, PUT, PATCH, DELETE or the like"));
    is_method.then_some(()).ok_or_else(refusal)
}

/// A header's name, or `none`.
///
/// # Errors
/// If it is no name.
pub fn header(text: &str) -> Result<(), Refusal> {
    let is_name = !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'));
    let refusal = || Refusal::new(format!("`{text}` is no name of a header: names have letters, digits and dashes"));
    is_name.then_some(()).ok_or_else(refusal)
}

/// A path with names in braces.
///
/// # Errors
/// If it doesn't begin with a slash, or what stands in braces is no name.
pub fn path(text: &str) -> Result<(), Refusal> {
    if !text.starts_with('/') {
        return Err(Refusal::new(format!("the path `{text}` begins with `/`")));
    }
    new::path(text).map(drop)
}
