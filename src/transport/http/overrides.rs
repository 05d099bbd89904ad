//! Stand-ins for providers: a declared origin is called somewhere else, such as a fake on this machine.
//!
//! Everything above the client goes on seeing the declared origin: host checks, signatures, the answer's address.

use url::{Origin, Url};

use crate::transport::{hosts::same_origin, render::below};

/// Declared origin → base URL that is called instead. Set by ops; connectors can't.
#[derive(Debug, Clone, Default)]
pub struct EndpointOverrides(Vec<Override>);

#[derive(Debug, Clone)]
struct Override {
    /// `https://api.example.com`, without path.
    declared: Url,
    /// `http://127.0.0.1:4010` or, with a prefix, `http://127.0.0.1:4010/example`.
    base: Url,
}

impl Override {
    /// The path that comes before every other; without a slash at its end.
    fn prefix(&self) -> &str {
        self.base.path().trim_end_matches('/')
    }

    /// What follows the base in `url`: empty, or beginning with `/`, `?` or `#`.
    fn rest<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let rest = url.as_str().strip_prefix(self.base.as_str().trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(rest)
    }
}

/// An override that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// The left side.
    #[error("`{0}` is not an origin such as https://api.example.com")]
    Origin(String),
    /// The right side.
    #[error("`{0}` is not a base URL such as http://127.0.0.1:4010 or http://127.0.0.1:4010/example")]
    Base(String),
    /// An origin given twice.
    #[error("`{0}` is overridden twice")]
    Twice(String),
}

impl EndpointOverrides {
    /// From pairs of origin and base.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, OverrideError> {
        let mut list: Vec<Override> = Vec::new();
        for (origin, base) in pairs {
            let declared = plain(origin).filter(|it| it.path() == "/");
            let declared = declared.ok_or_else(|| OverrideError::Origin(origin.to_owned()))?;
            let base = plain(base).ok_or_else(|| OverrideError::Base(base.to_owned()))?;
            if list.iter().any(|it| it.declared == declared) {
                return Err(OverrideError::Twice(origin.to_owned()));
            }
            list.push(Override { declared, base });
        }
        Ok(Self(list))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where `declared` is called instead, if it is. Browsers have to be sent there too.
    pub fn target(&self, declared: &Url) -> Option<Url> {
        let found = self.0.iter().find(|it| same_origin(&it.declared, declared))?;
        let mut target = below(&found.base, declared.path());
        target.set_query(declared.query());
        Some(target)
    }

    /// The declared address of `url` if it lies on a stand-in, as in a `Location` that a stand-in answers.
    ///
    /// When several origins share one base, that of `near` is preferred, then the longest base.
    pub(crate) fn declared(&self, url: &Url, near: Option<&Url>) -> Option<Url> {
        let found = (self.0.iter())
            .filter(|it| it.rest(url).is_some())
            .max_by_key(|it| (it.prefix().len(), near.is_some_and(|near| same_origin(&it.declared, near))))?;
        let origin = found.declared.origin().ascii_serialization();
        Url::parse(&format!("{origin}{}", found.rest(url)?)).ok()
    }
}

/// An http or https URL with nothing but origin and path.
fn plain(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let clean =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && matches!(url.origin(), Origin::Tuple(..)) && clean).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overrides() -> EndpointOverrides {
        EndpointOverrides::new([
            ("https://api.example.com", "http://127.0.0.1:4010/api/"),
            ("https://accounts.example.com", "http://127.0.0.1:4010"),
            ("https://www.example.com:8443", "http://127.0.0.1:4010"),
        ])
        .unwrap()
    }

    #[test]
    fn a_declared_origin_is_called_at_its_base() {
        let check = |declared: &str, expected: Option<&str>| {
            let target = overrides().target(&Url::parse(declared).unwrap());
            assert_eq!(target.as_ref().map(Url::as_str), expected, "{declared}");
        };
        check("https://api.example.com/v1/a%2Fb?x=%20y", Some("http://127.0.0.1:4010/api/v1/a%2Fb?x=%20y"));
        check("https://api.example.com:443/", Some("http://127.0.0.1:4010/api/"));
        check("https://accounts.example.com/token", Some("http://127.0.0.1:4010/token"));
        check("https://www.example.com:8443/", Some("http://127.0.0.1:4010/"));
        check("https://www.example.com/", None);
        check("http://api.example.com/", None);
        check("https://api.example.com.evil.test/", None);
    }

    #[test]
    fn an_address_on_a_stand_in_counts_as_declared() {
        let check = |url: &str, near: Option<&str>, expected: Option<&str>| {
            let near = near.map(|it| Url::parse(it).unwrap());
            let declared = overrides().declared(&Url::parse(url).unwrap(), near.as_ref());
            assert_eq!(declared.as_ref().map(Url::as_str), expected, "{url}");
        };
        check("http://127.0.0.1:4010/api/v1?x=1", None, Some("https://api.example.com/v1?x=1"));
        check("http://127.0.0.1:4010/api", None, Some("https://api.example.com/"));
        let accounts = Some("https://accounts.example.com/x");
        check("http://127.0.0.1:4010/apis", accounts, Some("https://accounts.example.com/apis"));
        check("http://127.0.0.1:4010/b", Some("https://www.example.com:8443/"), Some("https://www.example.com:8443/b"));
        check("http://127.0.0.1:4011/api/v1", None, None);
        check("http://127.0.0.1:40100/api/v1", None, None);
        check("https://api.example.com/v1", None, None);
    }

    #[test]
    fn what_is_no_origin_or_base_is_refused() {
        let check = |origin: &str, base: &str, expected: &str| {
            assert_eq!(EndpointOverrides::new([(origin, base)]).unwrap_err().to_string(), expected);
        };
        let good = "http://127.0.0.1:1";
        check("api.example.com", good, "`api.example.com` is not an origin such as https://api.example.com");
        check("https://a.test/v1", good, "`https://a.test/v1` is not an origin such as https://api.example.com");
        let base = "is not a base URL such as http://127.0.0.1:4010 or http://127.0.0.1:4010/example";
        check("https://a.test", "ftp://a.test", &format!("`ftp://a.test` {base}"));
        check("https://a.test", "http://a.test/?x", &format!("`http://a.test/?x` {base}"));
        let twice = EndpointOverrides::new([("https://a.test", good), ("https://a.test:443", good)]);
        assert_eq!(twice.unwrap_err(), OverrideError::Twice("https://a.test:443".to_owned()));
    }
}
