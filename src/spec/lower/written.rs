//! The requests of OAuth 2 that the loader writes, so that an author says only what is different at a provider.

use std::sync::Arc;

use super::{Lower, http::HeadersOf, value::Paths};
use crate::{
    diag::{Diagnostic, Span, codes, nearest},
    expr::{Piece, Shape, Text},
    spec::{AnswerKind, Assertion, Body, Discovery, ErrorRule, Request, Target, TokenCall, TokenRequest, Told, Url},
    yaml::Reader,
};

/// Name → value, in the order in which they are sent.
pub(super) type Params = Vec<(String, Shape)>;

/// The client shows itself as was agreed when it was registered, or as the provider says that it may.
pub(super) const AGREED: &str = "agreed";

/// RFC 7523 §2.2
const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a token is given for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Grant {
    /// A code of a consent (RFC 6749 §4.1.3).
    Code,
    /// The client's own credentials (§4.4).
    Client,
    /// A person's name and password (§4.3).
    Password,
    /// A refresh token that was filled in (§6).
    Refresh,
    /// An extension (§4.5), or a provider's own.
    Other(String),
}

/// What is the same in all requests to a token URL.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) token_url: Option<Url>,
    refresh_url: Option<Url>,
    client_auth: &'static str,
    method: &'static str,
    body: &'static str,
    headers: Vec<(String, Text)>,
    params: Params,
    refresh_params: Params,
    /// How the client shows who it is, if not by its secret.
    assertion: Option<Arc<Assertion>>,
    /// Whether tokens are for one resource (RFC 8707).
    resource: bool,
    /// What answers mean, for schemes that are `from` this one.
    pub(super) errors: Vec<ErrorRule>,
    pub(super) dead: Vec<ErrorRule>,
}

impl Grant {
    const WORDS: &[(&str, Self)] = &[
        ("authorization_code", Self::Code),
        ("client_credentials", Self::Client),
        ("password", Self::Password),
        ("refresh_token", Self::Refresh),
    ];

    /// As it is sent.
    fn word(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => Self::WORDS.iter().find(|(_, it)| it == known).map_or("", |(word, _)| word),
        }
    }
}

impl Lower<'_> {
    /// The grant that `grant` names; without it a code.
    pub(super) fn grant(&mut self, reader: &Reader<'_>) -> Grant {
        let Some(word) = reader.text("grant", self.diagnostics) else { return Grant::Code };
        if let Some((_, grant)) = Grant::WORDS.iter().find(|(it, _)| *it == word) {
            return grant.clone();
        }
        // Providers have grants of their own: only a slip of the pen is none.
        if let Some(node) = reader.node("grant")
            && nearest(word, Grant::WORDS.iter().map(|(it, _)| *it)).is_some_and(|it| it.certain)
        {
            let diagnostic = Diagnostic::error(codes::BAD_VALUE, node.span, format!("there is no grant `{word}`"));
            self.report(diagnostic.did_you_mean(word, Grant::WORDS.iter().map(|(it, _)| *it)));
        }
        Grant::Other(word.to_owned())
    }

    /// What the scheme says of its token URL; what it does not say is as in its `base`.
    pub(super) fn written(
        &mut self,
        reader: &Reader<'_>,
        base: Option<Written>,
        discovery: Option<&Discovery>,
    ) -> Written {
        let mut written = base.unwrap_or_else(|| Written {
            token_url: None,
            refresh_url: None,
            client_auth: "body",
            method: "POST",
            body: "form",
            headers: Vec::new(),
            params: Vec::new(),
            refresh_params: Vec::new(),
            assertion: None,
            resource: false,
            errors: Vec::new(),
            dead: Vec::new(),
        });
        if let Some(discovery) = discovery {
            written.token_url = Some(Url::Text(self.own_text("auth.token_endpoint", reader.at())));
            written.resource = discovery.of == Told::Resource;
        }
        if discovery.is_some() || reader.has("register_url") || reader.has("register") {
            written.client_auth = AGREED;
        }
        if let Some(node) = reader.node("token_url") {
            written.token_url = self.url(node, "token_url");
            written.refresh_url = None;
        }
        if let Some(node) = reader.node("refresh_url") {
            written.refresh_url = self.url(node, "refresh_url");
        }
        if let Some(word) = reader.word("client_auth", self.diagnostics) {
            written.client_auth = word;
        }
        if reader.has("client_auth") || reader.has("client_assertion") {
            let assertion = self.assertion(reader, written.client_auth, written.token_url.as_ref());
            written.assertion = assertion.map(Arc::new);
        }
        if let Some(word) = reader.word("token_method", self.diagnostics) {
            (written.method, written.body) = (word, if word == "GET" { "query" } else { "form" });
        }
        if let Some(word) = reader.word("token_body", self.diagnostics) {
            if written.method == "GET" && word != "query" {
                let message = "a GET has no body: what the token URL needs stands in its query";
                self.error(codes::MISPLACED_KEY, reader.node("token_body").map_or(reader.at(), |it| it.span), message);
            }
            written.body = word;
        }
        if reader.has("token_headers") {
            written.headers = self.headers_at(reader, "token_headers", HeadersOf::SignIn);
        }
        if reader.has("token_params") {
            written.params = self.params(reader, "token_params");
        }
        if reader.has("refresh_params") {
            written.refresh_params = self.params(reader, "refresh_params");
        }
        written
    }

    /// Name → value at a key.
    pub(super) fn params(&mut self, reader: &Reader<'_>, key: &str) -> Params {
        let entries = reader.mapping(key, self.diagnostics).iter();
        entries.map(|it| (it.key.clone(), self.shape(&it.value, Paths::Literal))).collect()
    }

    /// A value of ours: one expression over `auth`.
    pub(super) fn own_shape(&mut self, source: &str, span: Span) -> Shape {
        Shape::Expr(self.own_expr(source, span))
    }
}

impl Written {
    /// The exchange for a grant, and what is asked after it.
    pub(super) fn exchange(
        &self,
        lower: &mut Lower<'_>,
        span: Span,
        grant: &Grant,
        steps: &[Arc<TokenRequest>],
    ) -> Option<TokenCall> {
        let mut params = vec![("grant_type".to_owned(), literal(grant.word()))];
        let names: &[&str] = match grant {
            Grant::Code => &["code", "redirect_uri", "code_verifier"],
            Grant::Password => &["username", "password"],
            Grant::Refresh => &["refresh_token"],
            Grant::Client | Grant::Other(_) => &[],
        };
        params.extend(names.iter().map(|it| ((*it).to_owned(), lower.own_shape(&format!("auth.{it}"), span))));
        self.call(lower, span, self.token_url.as_ref()?, params, &[&self.params], steps)
    }

    /// The refresh (RFC 6749 §6), and what is asked after it.
    pub(super) fn refresh(&self, lower: &mut Lower<'_>, span: Span, steps: &[Arc<TokenRequest>]) -> Option<TokenCall> {
        let params = vec![
            ("grant_type".to_owned(), literal("refresh_token")),
            ("refresh_token".to_owned(), lower.own_shape("auth.refresh_token", span)),
        ];
        let url = self.refresh_url.as_ref().or(self.token_url.as_ref())?;
        self.call(lower, span, url, params, &[&self.params, &self.refresh_params], steps)
    }

    /// Gives the grant back (RFC 7009), by its refresh token if it has one.
    pub(super) fn revoke(&self, lower: &mut Lower<'_>, span: Span, url: &Url) -> Option<TokenCall> {
        let token = lower.own_shape("auth.refresh_token or auth.token", span);
        let form = Self { method: "POST", body: "form", resource: false, ..self.clone() };
        form.call(lower, span, url, vec![("token".to_owned(), token)], &[], &[])
    }

    fn call(
        &self,
        lower: &mut Lower<'_>,
        span: Span,
        url: &Url,
        mut params: Params,
        more: &[&Params],
        steps: &[Arc<TokenRequest>],
    ) -> Option<TokenCall> {
        let mut headers = self.headers.clone();
        self.client(lower, span, &mut params, &mut headers);
        if self.resource {
            params.push(("resource".to_owned(), lower.own_shape("auth.resource", span)));
        }
        more.iter().for_each(|it| merge(&mut params, it));
        let (query, body) = match self.body {
            "query" => (params, Body::None),
            "json" => (Vec::new(), Body::Json(Shape::Map(params))),
            _ => (Vec::new(), Body::Form(Shape::Map(params))),
        };
        let request = Request { query, headers, ..asked(self.method, url.clone(), body, span) };
        let first =
            Arc::new(TokenRequest { assertion: self.assertion.clone(), ..TokenRequest::new(request, Vec::new()) });
        Some(TokenCall { requests: std::iter::once(first).chain(steps.iter().cloned()).collect() })
    }

    /// How the client shows who it is (RFC 6749 §2.3.1).
    fn client(&self, lower: &mut Lower<'_>, span: Span, params: &mut Params, headers: &mut Vec<(String, Text)>) {
        // Without a secret there is nothing for Basic.
        let by_basic = match self.client_auth {
            "basic" => "auth.client_secret",
            AGREED => "auth.client_secret and auth.token_endpoint_auth_method == 'client_secret_basic'",
            _ => "",
        };
        let id = if by_basic.is_empty() { "auth.client_id" } else { &format!("auth.client_id if not ({by_basic})") };
        params.push(("client_id".to_owned(), lower.own_shape(id, span)));
        if self.assertion.is_some() {
            params.push(("client_assertion_type".to_owned(), literal(CLIENT_ASSERTION_TYPE)));
            params.push(("client_assertion".to_owned(), lower.own_shape("auth.client_assertion", span)));
        }
        let in_body = match self.client_auth {
            "body" => "auth.client_secret",
            AGREED => "auth.client_secret if auth.token_endpoint_auth_method == 'client_secret_post'",
            _ => "",
        };
        if !in_body.is_empty() {
            params.push(("client_secret".to_owned(), lower.own_shape(in_body, span)));
        }
        if !by_basic.is_empty() && !headers.iter().any(|(name, _)| name == "authorization") {
            // Both are encoded first, so that neither a colon nor an odd letter gets in the way.
            let pair = "(auth.client_id | urlencode) ~ ':' ~ (auth.client_secret | urlencode)";
            let value = format!("('Basic ' ~ (({pair}) | base64)) if {by_basic}");
            let value = lower.own_expr(&value, span);
            headers.push(("authorization".to_owned(), Text { span, pieces: vec![Piece::Expr(value)] }));
        }
    }

    /// How it is said when the client is registered (RFC 7591 §2).
    pub(super) fn auth_method(&self, lower: &mut Lower<'_>, span: Span) -> Shape {
        literal(match self.client_auth {
            "body" => "client_secret_post",
            "basic" => "client_secret_basic",
            AGREED => return lower.own_shape("auth.token_endpoint_auth_method", span),
            other => other,
        })
    }
}

/// Puts `more` in: in the place of what has the same name, or at the end. Null leaves the name out.
pub(super) fn merge(params: &mut Params, more: &Params) {
    for (name, shape) in more {
        let is_null = matches!(shape, Shape::Literal(serde_json::Value::Null));
        match params.iter().position(|(it, _)| it == name) {
            Some(at) if is_null => drop(params.remove(at)),
            Some(at) => params[at].1 = shape.clone(),
            None if is_null => {}
            None => params.push((name.clone(), shape.clone())),
        }
    }
}

/// A request of ours to an address of the sign-in.
pub(super) fn asked(method: &str, url: Url, body: Body, span: Span) -> Request {
    Request {
        span,
        method: method.to_owned(),
        target: Target::SignIn(url),
        auth: None,
        query: Vec::new(),
        headers: Vec::new(),
        body,
        content_type: None,
        answer: AnswerKind::Auto,
    }
}

pub(super) fn literal(text: &str) -> Shape {
    Shape::Literal(serde_json::Value::from(text))
}
