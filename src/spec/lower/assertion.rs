//! How a client shows who it is by a JSON Web Token (RFC 7523 §2.2).

use super::{
    Lower,
    written::{Params, literal, merge},
};
use crate::{
    diag::{Diagnostic, Span, codes},
    expr::Shape,
    signing::Algorithm,
    spec::{Assertion, Url, keys::CLIENT_ASSERTION},
    yaml::Reader,
};

impl Lower<'_> {
    /// `client_assertion`, for the `client_auth`s that need one.
    pub(super) fn assertion(
        &mut self,
        reader: &Reader<'_>,
        client_auth: &str,
        token_url: Option<&Url>,
    ) -> Option<Assertion> {
        let shared = client_auth == "client_secret_jwt";
        if !shared && client_auth != "private_key_jwt" {
            let why = "means nothing without `client_auth: private_key_jwt` or `client_secret_jwt`";
            self.misplaced(reader, &["client_assertion"], why);
            return None;
        }
        let at = reader.at();
        let inner = reader.section("client_assertion", &CLIENT_ASSERTION, self.diagnostics);
        let given = inner.as_ref().and_then(|it| it.word("algorithm", self.diagnostics));
        let algorithm = Algorithm::of(given.unwrap_or(if shared { "HS256" } else { "RS256" }))?;
        if algorithm.hmac().is_some() != shared
            && let Some(node) = inner.as_ref().and_then(|it| it.node("algorithm"))
        {
            let message = format!("`{client_auth}` can't sign by `{}`", algorithm.word());
            let help = if shared { "HS256, HS384 or HS512" } else { "RS…, PS…, ES… or EdDSA" };
            self.report(Diagnostic::error(codes::BAD_VALUE, node.span, message).help(format!("it signs by {help}")));
        }
        let key = match inner.as_ref().and_then(|it| self.text_at(it, "key")) {
            Some(key) => key,
            None if shared => self.own_text("auth.client_secret", at),
            None => {
                let message = "`private_key_jwt` needs a key to sign with";
                let help = "add `client_assertion: {key: \"{{ auth.private_key }}\"}`";
                self.report(Diagnostic::error(codes::MISSING_KEY, at, message).help(help));
                return None;
            }
        };
        let mut header = Params::new();
        let mut claims = self.usual_claims(token_url, at);
        if let Some(inner) = &inner {
            header.extend(self.text_at(inner, "key_id").map(|it| ("kid".to_owned(), Shape::Text(it))));
            merge(&mut header, &self.params(inner, "header"));
            merge(&mut claims, &self.params(inner, "claims"));
        }
        if !claims.iter().any(|(name, _)| name == "aud") {
            let message = "the assertion does not say whom it is for";
            let help = "add `claims: {aud: https://…}`, most often the token URL";
            self.report(Diagnostic::error(codes::MISSING_KEY, at, message).help(help));
        }
        Some(Assertion { algorithm, key, claims, header })
    }

    /// RFC 7523 §3; for whom it is can't be told where a value picks the token URL.
    fn usual_claims(&mut self, token_url: Option<&Url>, at: Span) -> Params {
        let mut claims = Params::new();
        for (name, source) in [
            ("iss", "auth.client_id"),
            ("sub", "auth.client_id"),
            ("jti", "auth.nonce"),
            ("iat", "now | epoch"),
            ("exp", "(now | epoch) + 300"),
        ] {
            claims.push((name.to_owned(), self.own_shape(source, at)));
        }
        if let Some(Url::Text(url)) = token_url {
            claims.push(("aud".to_owned(), url.as_literal().map_or_else(|| Shape::Text(url.clone()), literal)));
        }
        claims
    }
}
