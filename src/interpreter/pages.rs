//! Goes on to the next page, as often as the connector allows.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use url::Url;

use super::{
    Context, Failure, Way,
    answer::Reply,
    exchange::{self, Exchange, Trouble},
    link,
};
use crate::{
    base::Code,
    format::query,
    spec::{PageBy, Pages, TokenPlace},
    wire,
};

/// Sends the request of every page. The answer is the last one's, with the body `{items, truncated}`.
pub(super) async fn all(context: &Context<'_>, mut exchange: Exchange<'_>, pages: &Pages) -> Result<Reply, Trouble> {
    let mut items = Vec::new();
    if let Some(first) = first(&pages.by) {
        set(&mut Arc::make_mut(&mut exchange.request).url, first);
    }
    let mut number = 1;
    loop {
        let reply = exchange::send(context, &exchange).await?;
        let found = found(pages, &reply).map_err(Trouble::sure)?;
        let next = next(&exchange, pages, &reply, number, found.len()).map_err(Trouble::sure)?;
        items.extend(found);
        match next {
            Some(next) if number < pages.max => {
                context.observer.passed(pages.items.span, Way::NextPage);
                exchange.request = next.into();
            }
            next => return Ok(reply.with_body(json!({"items": items, "truncated": next.is_some()}))),
        }
        number += 1;
    }
}

/// The items of one page.
fn found(pages: &Pages, reply: &Reply) -> Result<Vec<Json>, Failure> {
    let items = pages.items.eval(&reply.body).map_err(|error| Failure::new(Code::ProviderError, error.to_string()))?;
    match items {
        Some(Json::Array(items)) => Ok(items),
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(_) => Err(Failure::new(Code::ProviderError, format!("`{}` is not a list", pages.items.source))),
    }
}

/// What the request of the first page says.
fn first(by: &PageBy) -> Option<(&str, String)> {
    match by {
        PageBy::Token { .. } | PageBy::Next(_) | PageBy::Link => None,
        PageBy::Offset { query, .. } => Some((query, "0".to_owned())),
        PageBy::Page { query, start } => Some((query, start.to_string())),
    }
}

/// What asks for the page after page `number` (from 1), which had `found` items; `None` after the last one.
fn next(
    exchange: &Exchange<'_>,
    pages: &Pages,
    reply: &Reply,
    number: usize,
    found: usize,
) -> Result<Option<wire::Request>, Failure> {
    let at = |url: Url| wire::Request { url, ..wire::Request::clone(&exchange.request) };
    let with = |name: &str, value: String| {
        let mut next = wire::Request::clone(&exchange.request);
        set(&mut next.url, (name, value));
        Some(next)
    };
    let value = |path: &crate::expr::Path| {
        let found = path.one(&reply.body).ok().flatten();
        found.filter(|it| it.is_number() || it.as_str().is_some_and(|it| !it.is_empty())).cloned()
    };
    let text = |path| value(path).map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned));
    let done = u64::try_from(number).unwrap_or(u64::MAX);
    let next = match &pages.by {
        PageBy::Token { token, into: TokenPlace::Query(name) } => text(token).and_then(|token| with(name, token)),
        PageBy::Token { token, into: TokenPlace::Body(names) } => match value(token) {
            Some(token) => Some(wire::Request {
                body: with_member(&exchange.request.body, names, token)?.into(),
                ..wire::Request::clone(&exchange.request)
            }),
            None => None,
        },
        PageBy::Next(path) => text(path).map(|it| address(reply, &it)).transpose()?.map(at),
        PageBy::Link => {
            let headers =
                reply.answer.headers.iter().filter(|(name, _)| name == "link").map(|(_, value)| value.as_str());
            link::target(headers, "next").map(|it| address(reply, it)).transpose()?.map(at)
        }
        // A page that isn't full is the last one.
        PageBy::Offset { size, .. } if (found as u64) < *size => None,
        PageBy::Offset { query, size } => with(query, done.saturating_mul(*size).to_string()),
        PageBy::Page { .. } if found == 0 => None,
        PageBy::Page { query, start } => with(query, start.saturating_add(done).to_string()),
    };
    match next {
        Some(next) if next.url == exchange.request.url && next.body == exchange.request.body => {
            Err(Failure::new(Code::ProviderError, "the provider names the same page as the next one"))
        }
        next => Ok(next),
    }
}

/// An address that the provider gave, perhaps relative to its answer's. The transport checks its host, as that of any other.
fn address(reply: &Reply, text: &str) -> Result<Url, Failure> {
    let broken = |error| Failure::new(Code::ProviderError, format!("the next page's address is not a URL: {error}"));
    reply.answer.url.join(text).map_err(broken)
}

/// A JSON body with a value at the member that `names` lead to. What is missing on the way is made.
fn with_member(body: &[u8], names: &[String], value: Json) -> Result<Vec<u8>, Failure> {
    let unusable =
        |why: String| Failure::new(Code::Unsupported, format!("the body can't take the next page's token: {why}"));
    let mut body: Json = serde_json::from_slice(body).map_err(|error| unusable(error.to_string()))?;
    let mut member = &mut body;
    for name in names {
        if member.is_null() {
            *member = Map::new().into();
        }
        let Json::Object(members) = member else { return Err(unusable(format!("`{name}` stands in no object"))) };
        member = members.entry(name.as_str()).or_insert(Json::Null);
    }
    *member = value;
    Ok(body.to_string().into_bytes())
}

/// Sets a query parameter, and leaves the others exactly as they are.
fn set(url: &mut Url, (name, value): (&str, String)) {
    query::remove(url, &[name]);
    query::append(url, &[(name.to_owned(), value)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_parameter_is_set() {
        let check = |url: &str, expected: &str| {
            let mut url = Url::parse(url).unwrap();
            set(&mut url, ("page[after]", "a b".to_owned()));
            assert_eq!(url.query(), Some(expected));
        };
        check("https://api.example.com/x", "page%5Bafter%5D=a%20b");
        check("https://api.example.com/x?q=1%2B1+2&q=3", "q=1%2B1+2&q=3&page%5Bafter%5D=a%20b");
        check("https://api.example.com/x?page[after]=1&q=2&page%5Bafter%5D=3", "q=2&page%5Bafter%5D=a%20b");
    }
}
