//! The query of a URL (RFC 3986 §3.4).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use serde_json::Value as Json;
use url::{Url, form_urlencoded};

use super::{FormatError, form};

/// All but RFC 3986 §2.3's unreserved characters, so that every reader of the query, and every signature over it, sees the
/// same text: a space is `%20`, never `+`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name may hold a `$` as well: the names of OData's own parameters begin with one, and RFC 3986 §3.4 leaves it as it is.
const ENCODED_NAME: &AsciiSet = &ENCODED.remove(b'$');

/// The pairs that a parameter becomes: a list repeats the name, booleans are lower case, null is nothing, a mapping is
/// nested as `name[key]`.
///
/// # Errors
/// When it is nested more than 16 deep.
pub fn pairs(name: &str, value: &Json) -> Result<Vec<(String, String)>, FormatError> {
    let mut pairs = Vec::new();
    form::flatten(name, value, &mut pairs)?;
    Ok(pairs)
}

/// Percent-encoded but for the unreserved characters of RFC 3986 §2.3, as signatures over requests want it.
pub fn unreserved(bytes: &[u8]) -> String {
    percent_encode(bytes, ENCODED).to_string()
}

/// Pairs as text: `a=1&b=x%20y`.
pub fn encode(pairs: &[(String, String)]) -> String {
    fn encoded<'t>(text: &'t str, set: &'static AsciiSet) -> impl std::fmt::Display + 't {
        utf8_percent_encode(text, set)
    }
    let pair =
        |(name, value): &(String, String)| format!("{}={}", encoded(name, ENCODED_NAME), encoded(value, ENCODED));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Takes the parameters of these names out of a URL; the others stay byte for byte as they are.
pub fn remove(url: &mut Url, names: &[&str]) {
    let Some(query) = url.query() else { return };
    let is_named = |pair: &&str| {
        let decoded = form_urlencoded::parse(pair.as_bytes()).next();
        decoded.is_some_and(|(name, _)| names.contains(&&*name))
    };
    if query.split('&').any(|it| is_named(&it)) {
        let kept = query.split('&').filter(|it| !is_named(it)).collect::<Vec<_>>().join("&");
        url.set_query(Some(kept.as_str()).filter(|it| !it.is_empty()));
    }
}

/// Adds pairs to a URL, after those that it has.
pub fn append(url: &mut Url, pairs: &[(String, String)]) {
    if pairs.is_empty() {
        return;
    }
    let added = encode(pairs);
    let query = match url.query() {
        Some(old) if !old.is_empty() => format!("{old}&{added}"),
        _ => added,
    };
    url.set_query(Some(&query));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(name: &str, value: &Json, expected: &str) {
        assert_eq!(encode(&pairs(name, value).expect("pairs")), expected);
    }

    #[test]
    fn values_become_text() {
        check("q", &json!("a b+c&d=e/ü"), "q=a%20b%2Bc%26d%3De%2F%C3%BC");
        check("q", &json!(""), "q=");
        check("q", &json!(true), "q=true");
        check("q", &json!(12), "q=12");
        check("q", &json!(null), "");
        check("$filter", &json!("price gt $5"), "$filter=price%20gt%20%245");
    }

    #[test]
    fn a_list_repeats_the_name() {
        check("id", &json!(["a", null, 2, false]), "id=a&id=2&id=false");
        check("id[]", &json!(["a"]), "id%5B%5D=a");
        check("id", &json!([]), "");
        check("filter", &json!({"name": "x"}), "filter%5Bname%5D=x");
    }

    #[test]
    fn pairs_are_added_to_what_is_there() {
        let check = |url: &str, expected: &str| {
            let mut url = Url::parse(url).expect("a URL");
            append(&mut url, &[("b".to_owned(), "2 3".to_owned())]);
            assert_eq!(url.as_str(), expected);
        };
        check("https://api.example.com/x", "https://api.example.com/x?b=2%203");
        check("https://api.example.com/x?", "https://api.example.com/x?b=2%203");
        check("https://api.example.com/x?a=%2B+1#y", "https://api.example.com/x?a=%2B+1&b=2%203#y");
        let mut url = Url::parse("https://api.example.com/x?").expect("a URL");
        append(&mut url, &[]);
        assert_eq!(url.as_str(), "https://api.example.com/x?");
    }

    #[test]
    fn named_parameters_are_taken_out_and_the_rest_is_left() {
        let check = |query: &str, expected: &str| {
            let mut url = Url::parse(&format!("https://api.example.com/{query}")).expect("a URL");
            remove(&mut url, &["key", "a b"]);
            assert_eq!(url.as_str(), format!("https://api.example.com/{expected}"));
        };
        check("", "");
        check("?x=%2f+%20&y", "?x=%2f+%20&y");
        check("?key=s&x=%2f+%20&k%65y=s&y", "?x=%2f+%20&y");
        check("?key", "");
        check("?a+b=1&monkey=2", "?monkey=2");
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_is_read_back(pairs: Vec<(String, String)>) {
            let mut url = Url::parse("https://api.example.com/").expect("a URL");
            append(&mut url, &pairs);
            proptest::prop_assert_eq!(url.query_pairs().into_owned().collect::<Vec<_>>(), pairs);
        }
    }
}
