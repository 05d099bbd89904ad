//! HTTP messages as the lower layers see them: plain data, no client, no server.

use bytes::Bytes;
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
}

impl Request {
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
