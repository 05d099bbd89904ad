//! Where a redirect leads, and with what: followed by hand, so that every hop is checked.

use reqwest::{
    Method, StatusCode,
    header::{HeaderMap, LOCATION},
};
use url::Url;

/// The address that a redirect names, resolved against `from`; `None` for every other answer.
pub(super) fn location(status: StatusCode, headers: &HeaderMap, from: &Url) -> Option<Url> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let mut url = from.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    url.set_fragment(None);
    Some(url)
}

/// Whether a redirect may be followed at all. After a POST, 301 and 302 mean "get what came of it" to some servers and "send
/// it there" to others (RFC 9110 §15.4.2): whoever sends it again may do it twice, so the answer is for the caller to judge.
pub(super) fn is_clear(status: StatusCode, method: &Method) -> bool {
    *method != Method::POST || !matches!(status.as_u16(), 301 | 302)
}

/// Whether the next hop only looks (RFC 9110 §15.4.4: 303 points to *another* resource, which is got). All others keep
/// method and body: a CalDAV server redirects PROPFIND by 301, and a write must not turn into a read by itself.
pub(super) fn becomes_get(status: StatusCode, method: &Method) -> bool {
    status == StatusCode::SEE_OTHER && *method != Method::HEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_redirects_with_a_location_lead_on() {
        let check = |status: u16, to: Option<&str>, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(to) = to {
                headers.insert(LOCATION, to.parse().unwrap());
            }
            let from = Url::parse("https://api.example.com/a/b?c=d").unwrap();
            let found = location(StatusCode::from_u16(status).unwrap(), &headers, &from);
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{status} {to:?}");
        };
        check(301, Some("/x%2Fy"), Some("https://api.example.com/x%2Fy"));
        check(302, Some("x?y#z"), Some("https://api.example.com/a/x?y"));
        check(307, Some("//b.example.com/"), Some("https://b.example.com/"));
        check(308, Some("http://127.0.0.1/"), Some("http://127.0.0.1/"));
        check(308, None, None);
        check(308, Some("http://"), None);
        check(304, Some("/x"), None);
        check(300, Some("/x"), None);
        check(201, Some("/x"), None);
    }
}
