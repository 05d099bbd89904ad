//! The schemes that sign a whole request by a published recipe.

use std::sync::Arc;

use super::{
    Lower,
    token::{Known, MARGIN},
    written::asked,
};
use crate::{
    diag::{Diagnostic, Span, codes},
    expr::{Piece, Shape, Text},
    spec::{
        Apply, Body, ClientCertificate, OAuth1, OAuth1Method, OAuth2, SchemeKind, SigV4, TokenAnswers, TokenCall,
        TokenRequest, Url, keys::CLIENT_CERTIFICATE,
    },
    yaml::Reader,
};

/// What only a consent has.
const OF_CONSENTS: &[&str] = &["access_token_url", "authorize_url", "params", "unencoded", "callback", "capture"];

impl Lower<'_> {
    /// `sigv4`
    pub(super) fn sigv4(&mut self, reader: &Reader<'_>) -> Option<SigV4> {
        let [access_key, secret_key, region, service] =
            ["access_key", "secret_key", "region", "service"].map(|key| self.text_at(reader, key));
        Some(SigV4 {
            session_token: self.text_at(reader, "session_token"),
            storage: reader.bool("storage", self.diagnostics).unwrap_or(false),
            access_key: access_key?,
            secret_key: secret_key?,
            region: region?,
            service: service?,
        })
    }

    /// `oauth1`: with a consent, or with what the builder fills in.
    pub(super) fn oauth1(&mut self, reader: &Reader<'_>, known: &mut Known) -> Option<(SchemeKind, Apply)> {
        let asks = reader.has("request_token_url");
        let mut signature = self.oauth1_signature(reader, asks)?;
        if !asks {
            self.misplaced(reader, OF_CONSENTS, "means nothing without `request_token_url`, where a consent begins");
            return Some((SchemeKind::Static, Apply::OAuth1(Box::new(signature))));
        }
        let at = reader.at();
        let urls = ["request_token_url", "access_token_url", "authorize_url"].map(|key| {
            if !reader.has(key) {
                let message = format!("a consent needs `{key}`");
                self.report(Diagnostic::error(codes::MISSING_KEY, at, message).help("RFC 5849 §2 has all three"));
            }
            reader.node(key).filter(|_| key != "authorize_url").and_then(|it| self.url(it, key))
        });
        let token = self.own_shape("auth.request_token", at);
        let mut consent = self.consent(reader, vec![("oauth_token".to_owned(), token)], true, known, None)?;
        let [request_url, access_url, _] = urls;
        let path = |lower: &mut Self, name: &str| Shape::Path(lower.own_path(&format!("$.{name}"), at));

        let returns = self.own_text("auth.redirect_uri ~ '?state=' ~ (auth.state | urlencode)", at);
        let first = OAuth1 { token: None, token_secret: None, ..signature.clone() };
        let first = OAuth1 { params: vec![("oauth_callback", returns)], ..first };
        let keep = vec![
            ("request_token".to_owned(), path(self, "oauth_token")),
            ("request_token_secret".to_owned(), path(self, "oauth_token_secret")),
        ];
        consent.before = Some(call(request_url?, first, keep, at));
        // the provider sends back who agreed, and this in place of a code
        consent.code = Some("oauth_verifier".to_owned());

        let second = OAuth1 {
            token: Some(self.own_text("auth.request_token", at)),
            token_secret: Some(self.own_text("auth.request_token_secret", at)),
            params: vec![("oauth_verifier", self.own_text("auth.code", at))],
            ..signature.clone()
        };
        let mut keep = vec![("token_secret".to_owned(), path(self, "oauth_token_secret"))];
        // a token belongs to the app that it was given to, whatever is registered later
        for (key, name) in [("client_key", "client_id"), ("client_secret", "client_secret")] {
            if !reader.has(key) {
                keep.push((name.to_owned(), self.own_shape(&format!("auth.{name}"), at)));
            }
        }
        let exchange = call(access_url?, second, keep, at);
        signature.token = Some(self.own_text("auth.token", at));
        signature.token_secret = Some(self.own_text("auth.token_secret", at));
        let answers = TokenAnswers {
            places: vec![(None, vec![("token", path(self, "oauth_token"))])],
            capture: self.token_capture(reader),
            lifetime: None,
            margin: MARGIN,
            by_the_book: true,
            own_client: reader.has("client_key"),
            errors: Vec::new(),
            dead: Vec::new(),
        };
        let (refresh, revoke, idle, from) = (None, None, None, None);
        let grant = OAuth2 { consent: Some(consent), from, exchange, refresh, revoke, idle, answers };
        Some((SchemeKind::OAuth2(Box::new(grant)), Apply::OAuth1(Box::new(signature))))
    }

    /// How requests are signed; with a consent (`asks`) by our app, unless the connector says otherwise.
    fn oauth1_signature(&mut self, reader: &Reader<'_>, asks: bool) -> Option<OAuth1> {
        let word = reader.word("signature", self.diagnostics).unwrap_or("HMAC-SHA1");
        let method = OAuth1Method::of(word)?;
        let (needed, useless, example) = match method {
            OAuth1Method::RsaSha256 => ("private_key", "client_secret", "{{ auth.private_key }}"),
            _ => ("client_secret", "private_key", "{{ auth.client_secret }}"),
        };
        self.refuse_key(reader, useless, &format!("`{word}` signs with `{needed}`"));
        for (key, example) in [(needed, example), ("client_key", "{{ auth.consumer_key }}")] {
            let is_ours = asks && key != "private_key";
            if !reader.has(key) && !is_ours {
                let message = format!("`oauth1` needs `{key}`: what it signs with");
                let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
                self.report(diagnostic.help(format!("for example `{key}: \"{example}\"`")));
            }
        }
        if asks {
            let why = "is what the consent gives: it is not filled in";
            self.misplaced(reader, &["token", "token_secret"], why);
        }
        let at = reader.at();
        let client_key = self.text_at(reader, "client_key").or_else(|| Some(self.own_text("auth.client_id", at)));
        let client_secret = match self.text_at(reader, "client_secret") {
            None if asks && needed == "client_secret" => Some(self.own_text("auth.client_secret", at)),
            given => given,
        };
        Some(OAuth1 {
            method,
            client_secret,
            private_key: self.text_at(reader, "private_key"),
            token: self.text_at(reader, "token"),
            token_secret: self.text_at(reader, "token_secret"),
            realm: self.text_at(reader, "realm"),
            body_hash: reader.bool("body_hash", self.diagnostics).unwrap_or(false),
            params: Vec::new(),
            client_key: client_key.filter(|_| asks || reader.has("client_key"))?,
        })
    }

    /// `client_certificate`, beside the schemes.
    pub(super) fn client_certificate(&mut self, reader: &Reader<'_>) -> Option<ClientCertificate> {
        let reader = reader.section("client_certificate", &CLIENT_CERTIFICATE, self.diagnostics)?;
        let [certificate, key] = ["certificate", "key"].map(|it| self.text_at(&reader, it));
        Some(ClientCertificate { certificate: certificate?, key: key? })
    }

    /// A text of ours: one expression over `auth`.
    pub(super) fn own_text(&mut self, source: &str, span: Span) -> Text {
        Text { span, pieces: vec![Piece::Expr(self.own_expr(source, span))] }
    }
}

/// A request for a token, signed.
fn call(url: Url, sign: OAuth1, keep: Vec<(String, Shape)>, span: Span) -> TokenCall {
    let request = asked("POST", url, Body::None, span);
    TokenCall { requests: vec![Arc::new(TokenRequest { sign: Some(sign), ..TokenRequest::new(request, keep) })] }
}
