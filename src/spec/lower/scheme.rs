//! Sign-in schemes.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use super::{
    Lower,
    errors::{of_reason, of_status},
    http::HeadersOf,
};
use crate::{
    diag::{Diagnostic, Span, codes},
    expr::{Expr, Path, Piece, Text},
    spec::{
        Apply, ErrorRule, OAuth2, Scheme, SchemeKind, TokenExchange, TokenPaths,
        facts::Part,
        keys::{self, DEAD, EXPIRED, Place, SCHEME_WORD, TOKEN},
    },
    yaml::{Entry, Reader, typed},
};

impl Lower<'_> {
    /// The schemes of `auth` or of an account file: one directly, or several by name.
    pub(super) fn schemes(&mut self, reader: &Reader<'_>) -> IndexMap<String, Scheme> {
        if !reader.has("schemes") {
            let scheme = self.scheme(reader, "default");
            return scheme.map(|it| (it.name.clone(), it)).into_iter().collect();
        }
        let mut schemes = IndexMap::new();
        for entry in reader.named("schemes", self.diagnostics) {
            if entry.key == "none" {
                let diagnostic =
                    Diagnostic::error(codes::RESERVED_NAME, entry.key_span, "`none` always means: without sign-in");
                self.report(diagnostic.help("give the scheme another name"));
            }
            self.facts.parts.push((Part::Scheme, entry.key.clone()));
            let Some(reader) = self.open_scheme(entry) else { continue };
            if let Some(scheme) = self.scheme(&reader, &entry.key) {
                schemes.insert(entry.key.clone(), scheme);
            }
        }
        schemes
    }

    fn open_scheme<'n>(&mut self, entry: &'n Entry) -> Option<Reader<'n>> {
        let section = self.scheme_section(&entry.value, entry.key_span, Place::Named)?;
        Reader::open_entry(entry, section, self.diagnostics)
    }

    /// The table for the scheme that a mapping names.
    pub(super) fn scheme_section(
        &mut self,
        node: &crate::yaml::Node,
        at: Span,
        place: Place,
    ) -> Option<&'static crate::yaml::Section> {
        let Some(scheme) = node.get("scheme") else {
            if node.as_map().is_some() {
                let message = match place {
                    Place::Named => "this scheme lacks the key `scheme`",
                    Place::Connector => "`auth` needs `account`, `scheme` or `schemes`",
                    Place::Account => "an account needs `scheme` or `schemes`",
                };
                let help = "for example `scheme: basic`";
                self.report(Diagnostic::error(codes::MISSING_KEY, at, message).help(help));
            } else {
                typed::refuse(node, "`auth`", &keys::AUTH, Some("auth: {scheme: none}"), self.diagnostics);
            }
            return None;
        };
        let word = typed::word(scheme, &typed::Wanted::new("scheme", SCHEME_WORD), self.diagnostics)?;
        keys::sign_in(place, word)
    }

    fn scheme(&mut self, reader: &Reader<'_>, name: &str) -> Option<Scheme> {
        let word = reader.word("scheme", self.diagnostics)?;
        let span = reader.at();
        let (kind, apply) = match word {
            "none" => (SchemeKind::None, Apply::None),
            "basic" => (SchemeKind::Static, self.basic(reader, span)),
            "bearer" => (SchemeKind::Static, self.bearer(reader)?),
            "api_key" => (SchemeKind::Static, self.api_key(reader)),
            "oauth2" => (SchemeKind::OAuth2(Box::new(self.oauth2(reader)?)), self.with_token(reader)),
            _ => (SchemeKind::TokenExchange(Box::new(self.token_exchange(reader)?)), self.with_token(reader)),
        };
        let expired = match kind {
            SchemeKind::OAuth2(_) | SchemeKind::TokenExchange(_) => {
                self.matches(reader, "expired", &EXPIRED, |span| of_status(span, 401))
            }
            SchemeKind::None | SchemeKind::Static => Vec::<ErrorRule>::new(),
        };
        let fill = self.fill(reader);
        Some(Scheme { name: name.to_owned(), kind, apply, expired, fill })
    }

    fn fill(&mut self, reader: &Reader<'_>) -> Vec<(String, Text)> {
        // only the schemes that get a token have the key
        if !reader.has("fill") {
            return Vec::new();
        }
        let mut filled = Vec::new();
        for entry in reader.mapping("fill", self.diagnostics) {
            if !is_empty_element(&entry.key) {
                let message = format!("`{}` is no empty element of XML", entry.key);
                let diagnostic = Diagnostic::error(codes::BAD_VALUE, entry.key_span, message);
                self.report(diagnostic.help("write it as it stands in the bodies, such as `<s:session/>`"));
            }
            filled.push((entry.key.clone(), self.text(&entry.value, "fill")));
        }
        filled
    }

    fn basic(&mut self, reader: &Reader<'_>, span: Span) -> Apply {
        let empty = || Text::literal(span, "");
        Apply::Basic {
            username: self.text_at(reader, "username").unwrap_or_else(empty),
            password: self.text_at(reader, "password").unwrap_or_else(empty),
        }
    }

    fn bearer(&mut self, reader: &Reader<'_>) -> Option<Apply> {
        let mut token = self.text_at(reader, "token")?;
        token.pieces.insert(0, Piece::Literal("Bearer ".to_owned()));
        Some(Apply::Fields { headers: vec![("authorization".to_owned(), token)], query: Vec::new() })
    }

    fn api_key(&mut self, reader: &Reader<'_>) -> Apply {
        if !reader.has("headers") && !reader.has("query") {
            let message = "`api_key` needs `headers` or `query`: where the key is put";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `headers: {X-Api-Key: \"{{ auth.key }}\"}`"));
        }
        self.own_fields(reader)
    }

    /// The scheme's own headers and query, or a bearer token.
    fn with_token(&mut self, reader: &Reader<'_>) -> Apply {
        if reader.has("headers") || reader.has("query") {
            return self.own_fields(reader);
        }
        let span = reader.at();
        let token = Expr::compile("auth.token", &|_| span, self.diagnostics);
        let token = token.expect("the expressions that the language itself uses are right");
        let pieces = vec![Piece::Literal("Bearer ".to_owned()), Piece::Expr(Arc::new(token))];
        Apply::Fields { headers: vec![("authorization".to_owned(), Text { span, pieces })], query: Vec::new() }
    }

    fn own_fields(&mut self, reader: &Reader<'_>) -> Apply {
        let headers = self.headers(reader, HeadersOf::SignIn);
        let query = reader.mapping("query", self.diagnostics).iter();
        let query = query.map(|it| (it.key.clone(), self.text(&it.value, &it.key))).collect();
        Apply::Fields { headers, query }
    }

    fn oauth2(&mut self, reader: &Reader<'_>) -> Option<OAuth2> {
        let authorize_url = reader.node("authorize_url").and_then(|it| self.url(it, "authorize_url"));
        let token_url = reader.node("token_url").and_then(|it| self.url(it, "token_url"));
        let revoke_url = reader.node("revoke_url").and_then(|it| self.url(it, "revoke_url"));
        Some(OAuth2 {
            pkce: reader.bool("pkce", self.diagnostics).unwrap_or(true),
            client_in_body: reader.word("client_auth", self.diagnostics) != Some("basic"),
            params: self.literals(reader, "params"),
            token_params: self.literals(reader, "token_params"),
            scope_separator: reader.text("scope_separator", self.diagnostics).unwrap_or(" ").to_owned(),
            lifetime: reader.duration("lifetime", self.diagnostics),
            idle: reader.duration("idle", self.diagnostics),
            token: self.token_paths(reader),
            callback: self.callback(reader),
            capture: self.captured_paths(reader),
            token_errors: self.token_errors(reader),
            dead: self.matches(reader, "dead", &DEAD, |span| of_reason(span, "invalid_grant")),
            authorize_url: authorize_url?,
            token_url: token_url?,
            revoke_url,
        })
    }

    fn token_paths(&mut self, reader: &Reader<'_>) -> TokenPaths {
        let inner = reader.section("token", &TOKEN, self.diagnostics);
        let mut path = |key: &str| -> Arc<Path> {
            let given = inner.as_ref().and_then(|it| self.path_at(it, key));
            given.unwrap_or_else(|| self.own_path(&format!("$.{key}"), reader.at()))
        };
        TokenPaths {
            access_token: path("access_token"),
            refresh_token: path("refresh_token"),
            expires_in: path("expires_in"),
            scope: path("scope"),
        }
    }

    fn callback(&mut self, reader: &Reader<'_>) -> Vec<(String, String)> {
        const OWN: &[&str] = &["code", "state", "error", "error_description"];
        let mut captured = Vec::new();
        for entry in reader.named("callback", self.diagnostics) {
            self.captured_name(entry);
            let Some(parameter) = entry.value.as_text() else { continue };
            if OWN.contains(&parameter) {
                let message = format!("`{parameter}` is a part of the sign-in itself and not kept");
                self.error(codes::RESERVED_NAME, entry.value.span, message);
            }
            captured.push((entry.key.clone(), parameter.to_owned()));
        }
        captured
    }

    fn captured_paths(&mut self, reader: &Reader<'_>) -> Vec<(String, Arc<Path>)> {
        let mut captured = Vec::new();
        for entry in reader.named("capture", self.diagnostics) {
            self.captured_name(entry);
            captured.extend(self.path(&entry.value, &entry.key).map(|path| (entry.key.clone(), path)));
        }
        captured
    }

    /// Captured values stand beside what every connection has.
    pub(super) fn captured_name(&mut self, entry: &Entry) {
        if matches!(entry.key.as_str(), "id" | "label" | "webhook_url") {
            let message = format!("every connection has a `{}` already", entry.key);
            let diagnostic = Diagnostic::error(codes::RESERVED_NAME, entry.key_span, message);
            self.report(diagnostic.help("give the captured value another name"));
        }
    }

    fn token_exchange(&mut self, reader: &Reader<'_>) -> Option<TokenExchange> {
        let request = self.request_at(reader, "request");
        let token = self.path_at(reader, "token");
        let expires_in = self.path_at(reader, "expires_in");
        let lifetime = reader.duration("lifetime", self.diagnostics);
        if lifetime.is_none() && !reader.has("lifetime") && !reader.has("expires_in") {
            let message = "how long the token lives is not told";
            let help = "add `expires_in: $.expires_in` if the answer says it, or `lifetime: 1h`";
            self.report(Diagnostic::error(codes::MISSING_KEY, reader.at(), message).help(help));
        }
        Some(TokenExchange {
            // Where only the answer tells and it does not: soon enough to be noticed, late enough not to storm.
            lifetime: lifetime.unwrap_or(Duration::from_secs(300)),
            margin: reader.duration("margin", self.diagnostics).unwrap_or(Duration::from_secs(60)),
            // In an account file they are the account's, which are tried for every request.
            errors: if reader.name() == "account" { Vec::new() } else { self.rules(reader, "errors") },
            request: request?,
            token: token?,
            expires_in,
        })
    }
}

/// `<name/>` or `<prefix:name/>`: what no escaped text can hold.
fn is_empty_element(text: &str) -> bool {
    let is_name = |it: &str| {
        it.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"._-".contains(&it))
    };
    let name = text.strip_prefix('<').and_then(|it| it.strip_suffix("/>"));
    name.is_some_and(|it| it.split(':').count() <= 2 && it.split(':').all(is_name))
}
