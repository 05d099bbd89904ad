//! How a client and its provider get to know each other: discovery and registration.

use std::sync::Arc;

use super::{
    Lower,
    token::Known,
    written::{Params, Written, asked, literal, merge},
};
use crate::{
    diag::{Diagnostic, Span, codes},
    expr::Shape,
    spec::{Body, Discovery, REGISTERED, TokenCall, TokenRequest, Told, Url},
    yaml::Reader,
};

/// As whom the engine registers itself: people see it where they consent.
const CLIENT_NAME: &str = "Closeloop";

impl Lower<'_> {
    /// `issuer` or `resource`
    pub(super) fn discovery(&mut self, reader: &Reader<'_>, known: &Known) -> Option<Discovery> {
        let entry = reader.at_most_one(&["issuer", "resource"], self.diagnostics)?;
        self.only_one(entry.key_span, known);
        let of = if entry.key == "issuer" { Told::Issuer } else { Told::Resource };
        Some(Discovery { of, url: self.url(&entry.value, &entry.key)? })
    }

    /// The registration that an author writes, or the usual one: at `register_url`, or where the provider is found.
    pub(super) fn registration(
        &mut self,
        reader: &Reader<'_>,
        discovers: bool,
        written: &Written,
    ) -> Option<TokenCall> {
        let entry = reader.at_most_one(&["register_url", "register"], self.diagnostics);
        if let Some(entry) = entry {
            self.facts.registers = Some(entry.key_span);
        }
        let mut call = match entry {
            Some(entry) if entry.key == "register" => {
                self.misplaced(reader, &["register_params"], "means nothing beside `register`, which says it all");
                self.registers = true;
                let call = self.token_call_at(reader, "register");
                self.registers = false;
                call?
            }
            Some(entry) => {
                let url = self.url(&entry.value, "register_url")?;
                self.usual_registration(reader, written, url)
            }
            None if discovers => {
                let url = Url::Text(self.own_text("auth.registration_endpoint", reader.at()));
                self.usual_registration(reader, written, url)
            }
            None => {
                self.misplaced(reader, &["register_params"], "means nothing without `register_url`");
                return None;
            }
        };
        for request in call.requests.iter_mut().filter_map(Arc::get_mut) {
            for name in REGISTERED {
                if !request.keep.iter().any(|(it, _)| it == name) {
                    let path = self.own_path(&format!("$.{name}"), reader.at());
                    request.keep.push(((*name).to_owned(), Shape::Path(path)));
                }
            }
        }
        Some(call)
    }

    /// RFC 7591 §3.1
    fn usual_registration(&mut self, reader: &Reader<'_>, written: &Written, url: Url) -> TokenCall {
        let at = reader.at();
        let words = |words: &[&str]| Shape::List(words.iter().map(|it| literal(it)).collect());
        let mut params: Params = [
            ("client_name", literal(CLIENT_NAME)),
            ("redirect_uris", Shape::List(vec![self.own_shape("auth.redirect_uri", at)])),
            ("grant_types", words(&["authorization_code", "refresh_token"])),
            ("response_types", words(&["code"])),
            ("token_endpoint_auth_method", written.auth_method(self, at)),
        ]
        .map(|(name, it)| (name.to_owned(), it))
        .into();
        merge(&mut params, &self.params(reader, "register_params"));
        let request = asked("POST", url, Body::Json(Shape::Map(params)), at);
        TokenCall { requests: vec![Arc::new(TokenRequest::new(request, Vec::new()))] }
    }

    /// A connection has one provider.
    fn only_one(&mut self, span: Span, known: &Known) {
        if known.schemes.values().any(|it| !it.introduction.is_empty()) {
            let message = "another scheme finds its provider already, and a connection has one";
            let diagnostic = Diagnostic::error(codes::MISPLACED_KEY, span, message);
            self.report(diagnostic.help("make this scheme's token `from` that one"));
        }
    }
}
