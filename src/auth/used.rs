//! What a run has signed with. Providers repeat it in errors and echoes: wherever their words are shown, it is masked.

use std::sync::{Mutex, MutexGuard};

use serde_json::Value as Json;

use super::Credentials;
use crate::{
    base::{Secret, lock, redact},
    transport::Signed,
};

/// The secrets of one run, the tokens that it has renewed included.
#[derive(Debug, Default)]
pub struct Used(Mutex<Vec<Secret>>);

impl Used {
    /// All of them.
    pub fn secrets(&self) -> Vec<Secret> {
        self.lock().clone()
    }

    /// Masks them in a text.
    pub fn mask(&self, text: String) -> String {
        redact::text(text, &self.lock()).into_owned()
    }

    /// Masks them in every text of a value.
    pub fn mask_json(&self, value: &mut Json) {
        redact::values(value, &self.lock());
    }

    /// Takes in one more.
    pub fn add(&self, secret: &Secret) {
        self.add_text(secret.expose(), || secret.clone());
    }

    /// Takes in `text` as a `secret`, which is made only if it is new.
    fn add_text(&self, text: &str, secret: impl FnOnce() -> Secret) {
        let mut secrets = self.lock();
        if !secrets.iter().any(|it| it.expose() == text) {
            // the longer ones first: one that holds another is masked as a whole
            let at = secrets.partition_point(|it| it.expose().len() > text.len());
            secrets.insert(at, secret());
        }
    }

    /// Takes in the fields that `connection` doesn't show, and the token.
    pub fn note_fields(&self, credentials: &Credentials, connection: &Json) {
        let hidden = credentials.fields.iter().filter(|(name, _)| connection.get(name).is_none());
        hidden.map(|(_, value)| value).chain(&credentials.token).for_each(|it| self.add(it));
    }

    /// Takes in what a request is signed with: the fields that `connection` doesn't show, the token, and what was made of
    /// them for the `Authorization` header, such as the pair of Basic, or for the body, where it stands escaped.
    pub(super) fn note(&self, credentials: &Credentials, connection: &Json, signed: &Signed) {
        self.note_fields(credentials, connection);
        let authorization = signed.headers.iter().find(|(name, _)| name == "authorization");
        if let Some((_, parameters)) = authorization.and_then(|(_, value)| value.expose().split_once(' ')) {
            self.add_text(parameters, || Secret::new(parameters));
        }
        // as it stands in the path: encoded
        signed.path.iter().flat_map(|it| it.expose().split('/')).for_each(|it| self.add(&Secret::new(it)));
        let shown =
            |it: &Secret| connection.as_object().is_some_and(|all| all.values().any(|shown| shown == it.expose()));
        signed.fill.iter().map(|(_, value)| value).filter(|it| !shown(it)).for_each(|it| self.add(it));
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Vec<Secret>> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::{auth::fixtures::credentials, wire::Request};

    fn signed(authorization: &str) -> Signed {
        let url = Url::parse("https://api.example.com/").unwrap();
        let request = Request { method: "GET".into(), url, headers: Vec::new(), body: Bytes::new() };
        let headers = vec![("authorization".to_owned(), Secret::new(authorization))];
        Signed { headers, ..Signed::unsigned(request) }
    }

    #[test]
    fn fields_tokens_and_what_was_made_of_them_are_masked_and_what_is_shown_anyway_is_not() {
        let used = Used::default();
        let connection = json!({"user": "anna@example.com"});
        let fields = [("user", "anna@example.com"), ("password", "hunter22")];
        used.note(&credentials(&fields, None), &connection, &signed("Basic YW5uYTpodW50ZXIyMg=="));
        used.note(&credentials(&fields, Some("token-1")), &connection, &signed("Bearer token-1"));
        used.note(&credentials(&fields, Some("token-2")), &connection, &signed("Bearer token-2"));
        assert_eq!(used.secrets().len(), 4, "each once, the renewed one too");
        let told = "anna@example.com sent hunter22, YW5uYTpodW50ZXIyMg==, token-1, token-2";
        assert_eq!(used.mask(told.to_owned()), "anna@example.com sent •••, •••, •••, •••");
        let mut value = json!({"token": ["a", {"b": "token-1"}]});
        used.mask_json(&mut value);
        assert_eq!(value, json!({"token": ["a", {"b": "•••"}]}));
    }
    #[test]
    fn what_stands_in_the_body_is_masked_as_it_stands_there() {
        let used = Used::default();
        let fill = [("<user/>", "anna@example.com"), ("<key/>", "one&amp;two")];
        let fill = fill.map(|(element, value)| (element.to_owned(), Secret::new(value))).into();
        let signed = Signed { fill, ..signed("Bearer token-1") };
        used.note(&credentials(&[("key", "one&two")], None), &json!({"user": "anna@example.com"}), &signed);
        let told = "<user>anna@example.com</user><key>one&amp;two</key> is not one&two";
        assert_eq!(used.mask(told.to_owned()), "<user>anna@example.com</user><key>•••</key> is not •••");
    }
}
