//! Sign-in schemes.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Lower, errors::of_status, http::HeadersOf, token::Known};
use crate::{
    diag::{Diagnostic, Fix, Span, codes},
    expr::{Expr, Piece, Text},
    spec::{
        Apply, ErrorRule, Introduction, Placed, Scheme, SchemeKind,
        facts::Part,
        keys::{self, EXPIRED, Place, SCHEME_WORD},
    },
    yaml::{Entry, Reader, typed},
};

/// Where a credential may stand in a request.
const PLACES: &[&str] = &["headers", "query", "body", "path"];

impl Lower<'_> {
    /// The schemes of `auth` or of an account file: one directly, or several by name.
    pub(super) fn schemes(&mut self, reader: &Reader<'_>) -> IndexMap<String, Scheme> {
        let mut known = Known::default();
        if !reader.has("schemes") {
            let scheme = self.scheme(reader, "default", &mut known);
            return scheme.map(|it| (it.name.clone(), it)).into_iter().collect();
        }
        for entry in reader.named("schemes", self.diagnostics) {
            if entry.key == "none" {
                let diagnostic =
                    Diagnostic::error(codes::RESERVED_NAME, entry.key_span, "`none` always means: without sign-in");
                self.report(diagnostic.help("give the scheme another name"));
            }
            self.facts.parts.push((Part::Scheme, entry.key.clone()));
            let Some(reader) = self.open_scheme(entry) else { continue };
            if let Some(scheme) = self.scheme(&reader, &entry.key, &mut known) {
                known.schemes.insert(entry.key.clone(), scheme);
            }
        }
        known.schemes
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
        if scheme.as_text() == Some("oauth") {
            let diagnostic = Diagnostic::error(codes::BAD_VALUE, scheme.span, "`oauth` is not a value of `scheme`");
            let fix = Fix::respell(scheme.span, "oauth", "oauth2").guess();
            self.report(diagnostic.help("did you mean `oauth2`? `oauth1` is what came before it").fix(fix));
            return None;
        }
        let word = typed::word(scheme, &typed::Wanted::new("scheme", SCHEME_WORD), self.diagnostics)?;
        keys::sign_in(place, word)
    }

    fn scheme(&mut self, reader: &Reader<'_>, name: &str, known: &mut Known) -> Option<Scheme> {
        let word = reader.word("scheme", self.diagnostics)?;
        let span = reader.at();
        let mut introduction = Introduction::default();
        let (kind, apply) = match word {
            "none" => (SchemeKind::None, Apply::None),
            "basic" => (SchemeKind::Static, self.basic(reader, span)),
            "bearer" => (SchemeKind::Static, self.bearer(reader)?),
            "api_key" => (SchemeKind::Static, self.api_key(reader)),
            "oauth2" => (self.oauth2(reader, name, known, &mut introduction)?, self.with_token(reader)),
            "sigv4" => (SchemeKind::Static, Apply::SigV4(Box::new(self.sigv4(reader)?))),
            "oauth1" => self.oauth1(reader, known)?,
            _ => (self.token_exchange(reader, known)?, self.with_token(reader)),
        };
        let expired = match kind {
            SchemeKind::OAuth2(_) | SchemeKind::TokenExchange(_) => {
                self.matches(reader, "expired", &EXPIRED, |span| of_status(span, 401))
            }
            SchemeKind::None | SchemeKind::Static => Vec::<ErrorRule>::new(),
        };
        let fill = self.fill(reader);
        Some(Scheme { name: name.to_owned(), kind, apply, expired, certificate: None, fill, introduction })
    }

    fn fill(&mut self, reader: &Reader<'_>) -> Vec<(String, Text)> {
        // not all schemes have the key
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
        let begins = |it: &str| it.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("bearer "));
        if matches!(token.pieces.first(), Some(Piece::Literal(it)) if begins(it)) {
            let message = "`bearer` writes `Bearer ` itself, so it would be sent twice";
            let diagnostic = Diagnostic::warning(codes::SCHEME_TWICE, token.span, message);
            self.report(diagnostic.help("give the token alone"));
        }
        token.pieces.insert(0, Piece::Literal("Bearer ".to_owned()));
        Some(Apply::Fields(Box::new(Placed {
            headers: vec![("authorization".to_owned(), token)],
            ..Placed::default()
        })))
    }

    fn api_key(&mut self, reader: &Reader<'_>) -> Apply {
        if !PLACES.iter().chain(&["fill"]).any(|it| reader.has(it)) {
            let message = "`api_key` needs `headers`, `query`, `body` or `path`: where the key is put";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("for example `headers: {X-Api-Key: \"{{ auth.key }}\"}`"));
        }
        self.own_places(reader)
    }

    /// Wherever the scheme says, or a bearer token.
    fn with_token(&mut self, reader: &Reader<'_>) -> Apply {
        if PLACES.iter().any(|it| reader.has(it)) {
            return self.own_places(reader);
        }
        let span = reader.at();
        let pieces = vec![Piece::Literal("Bearer ".to_owned()), Piece::Expr(self.own_expr("auth.token", span))];
        let headers = vec![("authorization".to_owned(), Text { span, pieces })];
        Apply::Fields(Box::new(Placed { headers, ..Placed::default() }))
    }

    fn own_places(&mut self, reader: &Reader<'_>) -> Apply {
        let mut texts = |key: &str| {
            let entries = reader.mapping(key, self.diagnostics).iter();
            entries.map(|it| (it.key.clone(), self.text(&it.value, &it.key))).collect()
        };
        let (query, body) = (texts("query"), texts("body"));
        let path = reader.node("path").map(|it| self.path_text(it));
        Apply::Fields(Box::new(Placed { headers: self.headers(reader, HeadersOf::SignIn), query, body, path }))
    }

    /// An expression of ours, at the place of what it stands for.
    pub(super) fn own_expr(&mut self, source: &str, span: Span) -> Arc<Expr> {
        let expr = Expr::compile(source, &|_| span, self.diagnostics);
        Arc::new(expr.expect("the expressions that the language itself uses are right"))
    }

    /// Captured values stand beside what every connection has.
    pub(super) fn captured_name(&mut self, entry: &Entry) {
        if matches!(entry.key.as_str(), "id" | "label" | "webhook_url") {
            let message = format!("every connection has a `{}` already", entry.key);
            let diagnostic = Diagnostic::error(codes::RESERVED_NAME, entry.key_span, message);
            self.report(diagnostic.help("give the captured value another name"));
        }
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
