//! HTTP messages as the lower layers see them: plain data, no client, no server.

use std::time::Duration;

use bytes::Bytes;
use jiff::{Timestamp, fmt::rfc2822};
use url::{Position, Url};

/// A request as a plan rendered it, before anything is signed: it never holds a credential.
#[derive(Debug, Clone)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Absolute, with its query.
    pub url: Url,
    /// In the order they are sent; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The exact bytes that are sent, and signed.
    pub body: Bytes,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// At most the transport's limit.
    pub body: Bytes,
    /// Where it finally came from, after redirects.
    pub url: Url,
}

impl Answer {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// What `Retry-After` asks for (RFC 9110 §10.2.3): seconds, or a date, of which it is the time from `now`.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        retry_after(self.header("retry-after")?, now)
    }
}

impl Request {
    /// Asks for what is at `url`, in one of the media types that `accept` names.
    pub fn get(url: Url, accept: &str) -> Self {
        let headers = vec![("accept".to_owned(), accept.to_owned())];
        Self { method: "GET".to_owned(), url, headers, body: Bytes::new() }
    }

    /// `POST https://api.example.com/orders`: without the query, which may hold what a person typed.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, &self.url[..Position::AfterPath])
    }

    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|it| it.is_ascii_digit()) {
        return header.parse().ok().map(Duration::from_secs);
    }
    let date = rfc2822::parse(header).ok()?.timestamp();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-25T09:00:00Z".parse().unwrap();
        let check = |header, seconds: Option<u64>| {
            assert_eq!(retry_after(header, now), seconds.map(Duration::from_secs), "{header}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Wed, 25 Nov 2026 09:00:30 GMT", Some(30));
        check("Wed, 25 Nov 2026 08:59:00 GMT", Some(0));
        check("", None);
        check("soon", None);
        check("-5", None);
        check("99999999999999999999", None);
    }
}
