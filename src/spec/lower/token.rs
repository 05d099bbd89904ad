//! Token calls: what the author writes, and what their answers give and mean.

use std::{collections::HashMap, sync::Arc, time::Duration};

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::{
    Lower,
    errors::of_reason,
    value::Paths,
    written::{Grant, Written},
};
use crate::{
    diag::{Diagnostic, Fix, codes},
    expr::Shape,
    spec::{
        Introduction, OAuth2, RESULTS, Scheme, SchemeKind, TokenAnswers, TokenCall, TokenExchange, TokenRequest,
        keys::{DEAD, TOKEN, TOKEN_CALL, TOKEN_STEP},
    },
    yaml::{Node, Reader},
};

/// Where a token is renewed this long before its end unless the scheme says otherwise.
pub(super) const MARGIN: Duration = Duration::from_secs(60);

/// Where only the answer tells how long a token lives and it does not: soon enough to be noticed, late enough not to storm.
const UNTOLD: Duration = Duration::from_secs(300);

/// Names that mean something in a token call already.
const OWN: &[&str] = &["client_id", "client_secret", "code", "state", "redirect_uri", "code_verifier", "nonce"];

/// The schemes that stand before the one that is lowered.
#[derive(Default)]
pub(super) struct Known {
    pub(super) schemes: IndexMap<String, Scheme>,
    /// What the loader writes for those of `oauth2`.
    pub(super) written: HashMap<String, Written>,
}

/// Result → value, for all of [`RESULTS`] that an answer may hold.
type Places = Vec<(&'static str, Shape)>;

impl Lower<'_> {
    /// `scheme: oauth2`
    pub(super) fn oauth2(
        &mut self,
        reader: &Reader<'_>,
        name: &str,
        known: &mut Known,
        introduction: &mut Introduction,
    ) -> Option<SchemeKind> {
        let from = self.from(reader, known);
        let grant = self.grant(reader);
        let is_sibling = from.is_some() && !reader.has("grant");
        let asks = grant == Grant::Code && !is_sibling;
        introduction.discovery = self.discovery(reader, known);
        let consent = self.oauth2_consent(reader, asks, known, introduction.discovery.as_ref());
        let base = from.as_ref().and_then(|it| known.written.get(it)).cloned();
        let written = self.written(reader, base, introduction.discovery.as_ref());
        if consent.is_some() {
            introduction.registration = self.registration(reader, introduction.discovery.is_some(), &written);
        }
        let steps = self.token_steps(reader, "then");
        let exchange = match self.token_call_at(reader, "exchange") {
            Some(call) => Some(call),
            None if is_sibling || reader.has("exchange") => None,
            None => Some(self.usual(reader, &written, &grant, &steps)?),
        };
        let refresh = self.token_call_at(reader, "refresh");
        let revoke = self.revoke(reader, &written);
        let places = self.token_places(reader, &["access_token", "refresh_token", "expires_in", "scope"]);
        if is_sibling
            && let Some(SchemeKind::OAuth2(base)) =
                from.as_ref().and_then(|it| known.schemes.get_mut(it)).map(|it| &mut it.kind)
        {
            base.answers.places.push((Some(name.to_owned()), places.clone()));
        }
        let answers = self.oauth2_answers(reader, &written, places);
        let mut to_derive = written.clone();
        (to_derive.errors, to_derive.dead) = (answers.errors.clone(), answers.dead.clone());
        known.written.insert(name.to_owned(), to_derive);
        if is_sibling || matches!(grant, Grant::Code | Grant::Refresh) && from.is_none() {
            let refresh = match refresh {
                Some(call) => Some(call),
                None if reader.has("refresh") => None,
                None => written.refresh(self, reader.at(), &steps),
            };
            let idle = reader.duration("idle", self.diagnostics);
            let exchange = exchange.unwrap_or_default();
            return Some(SchemeKind::OAuth2(Box::new(OAuth2 {
                consent,
                from,
                exchange,
                refresh,
                revoke,
                idle,
                answers,
            })));
        }
        let again = "means nothing here: this grant is not refreshed but asked for again";
        self.misplaced(reader, &["refresh", "refresh_url", "refresh_params", "idle"], again);
        Some(SchemeKind::TokenExchange(Box::new(TokenExchange { consent, from, call: exchange?, revoke, answers })))
    }

    /// The exchange that the loader writes, and what is asked after it.
    fn usual(
        &mut self,
        reader: &Reader<'_>,
        written: &Written,
        grant: &Grant,
        steps: &[Arc<TokenRequest>],
    ) -> Option<TokenCall> {
        if written.token_url.is_none() {
            let message = "`oauth2` needs `token_url`, or `exchange` in its place";
            self.report(
                Diagnostic::error(codes::MISSING_KEY, reader.at(), message)
                    .help("for example `token_url: https://api.example.com/oauth/token`"),
            );
            return None;
        }
        written.exchange(self, reader.at(), grant, steps)
    }

    /// What is asked when the account is taken off.
    fn revoke(&mut self, reader: &Reader<'_>, written: &Written) -> Option<TokenCall> {
        let entry = reader.at_most_one(&["revoke_url", "revoke"], self.diagnostics)?;
        if entry.key == "revoke" {
            return self.token_call_at(reader, "revoke");
        }
        let url = self.url(&entry.value, "revoke_url")?;
        written.revoke(self, reader.at(), &url)
    }

    /// `scheme: token_exchange`
    pub(super) fn token_exchange(&mut self, reader: &Reader<'_>, known: &mut Known) -> Option<SchemeKind> {
        let from = self.from(reader, known);
        let consent = self.bare_consent(reader, known);
        let call = self.token_call(reader);
        let revoke = self.token_call_at(reader, "revoke");
        let places = self.token_places(reader, &[]);
        let tells = places.iter().any(|(name, _)| name.starts_with("expires"));
        if !tells && !reader.has("lifetime") {
            let message = "how long the token lives is not told";
            let help = "add `expires_in: $.expires_in` to `token` if the answer says it, or `lifetime: 1h`, or `never`";
            self.report(Diagnostic::error(codes::MISSING_KEY, reader.at(), message).help(help));
        }
        let lifetime = if reader.has("lifetime") { self.lifetime(reader) } else { Some(UNTOLD) };
        let answers = TokenAnswers {
            places: vec![(None, places)],
            capture: self.token_capture(reader),
            lifetime,
            margin: reader.duration("margin", self.diagnostics).unwrap_or(MARGIN),
            by_the_book: false,
            own_client: true,
            // In an account file they are the account's, which are tried for every request.
            errors: if reader.name() == "account" { Vec::new() } else { self.rules(reader, "errors") },
            dead: Vec::new(),
        };
        Some(SchemeKind::TokenExchange(Box::new(TokenExchange { consent, from, call: call?, revoke, answers })))
    }

    fn oauth2_answers(&mut self, reader: &Reader<'_>, written: &Written, places: Places) -> TokenAnswers {
        let (mut errors, mut dead) = (written.errors.clone(), written.dead.clone());
        if reader.has("token_errors") {
            errors = self.token_errors(reader);
        }
        if reader.has("dead") || dead.is_empty() {
            dead = self.matches(reader, "dead", &DEAD, |span| of_reason(span, "invalid_grant"));
        }
        TokenAnswers {
            places: vec![(None, places)],
            capture: self.token_capture(reader),
            lifetime: self.lifetime(reader),
            margin: reader.duration("margin", self.diagnostics).unwrap_or(MARGIN),
            by_the_book: true,
            own_client: false,
            errors,
            dead,
        }
    }

    /// `never` is as good as not told: the provider says when it has ended.
    fn lifetime(&mut self, reader: &Reader<'_>) -> Option<Duration> {
        if reader.node("lifetime").and_then(Node::as_text) == Some("never") {
            return None;
        }
        reader.duration("lifetime", self.diagnostics)
    }

    /// An earlier scheme that gets a token.
    fn from(&mut self, reader: &Reader<'_>, known: &Known) -> Option<String> {
        let name = reader.formed("from", self.diagnostics)?;
        let span = reader.node("from")?.span;
        match known.schemes.get(name) {
            Some(scheme) if scheme.gets_token() => return Some(name.to_owned()),
            Some(_) => {
                let message = format!("`{name}` gets no token from which another could be made");
                self.error(codes::NO_TOKEN, span, message);
            }
            None => {
                let message = format!("no scheme `{name}` stands before this one");
                let diagnostic = Diagnostic::error(codes::UNKNOWN_REFERENCE, span, message);
                let earlier = known.schemes.keys().map(String::as_str);
                let first = || "put the scheme that another is made from first";
                self.report(diagnostic.did_you_mean(name, earlier).or_help(first));
            }
        }
        None
    }

    /// The token call at a key.
    pub(super) fn token_call_at(&mut self, reader: &Reader<'_>, key: &str) -> Option<TokenCall> {
        let reader = reader.section(key, &TOKEN_CALL, self.diagnostics)?;
        self.token_call(&reader)
    }

    /// A token call, from any section that has its keys.
    fn token_call(&mut self, reader: &Reader<'_>) -> Option<TokenCall> {
        let entry = reader.exactly_one(&["request", "steps"], self.diagnostics)?;
        let requests = match entry.key.as_str() {
            "request" => vec![Arc::new(self.token_request(reader)?)],
            _ => self.token_steps(reader, "steps"),
        };
        (!requests.is_empty()).then_some(TokenCall { requests })
    }

    pub(super) fn token_steps(&mut self, reader: &Reader<'_>, key: &str) -> Vec<Arc<TokenRequest>> {
        let mut steps = Vec::new();
        if !reader.has(key) {
            return steps;
        }
        for node in reader.list(key, self.diagnostics) {
            let Some(reader) = Reader::open(node, &TOKEN_STEP, self.diagnostics) else { continue };
            steps.extend(self.token_request(&reader).map(Arc::new));
        }
        steps
    }

    fn token_request(&mut self, reader: &Reader<'_>) -> Option<TokenRequest> {
        // here its headers may carry credentials
        self.signs_in = true;
        let request = self.request_at(reader, "request");
        self.signs_in = false;
        if let Some(inner) = reader.node("request").and_then(|it| it.as_map()) {
            for entry in inner.iter().filter(|it| it.key == "auth" && it.value.as_text() != Some("none")) {
                let message = "a request for a token is signed by nothing but itself";
                let diagnostic = Diagnostic::error(codes::MISPLACED_KEY, entry.key_span, message);
                self.report(diagnostic.help("put the credential into its `headers`, `query` or body"));
            }
        }
        let mut keep = Vec::new();
        // the keys of `token_exchange` itself have no `keep`
        if reader.has("keep") {
            for entry in reader.named("keep", self.diagnostics) {
                let is_client = self.registers && matches!(entry.key.as_str(), "client_id" | "client_secret");
                if OWN.contains(&entry.key.as_str()) && !is_client {
                    let message = format!("`auth.{}` is there already", entry.key);
                    let diagnostic = Diagnostic::error(codes::RESERVED_NAME, entry.key_span, message);
                    self.report(diagnostic.help("give the kept value another name"));
                }
                keep.push((entry.key.clone(), self.shape(&entry.value, Paths::Allowed)));
            }
        }
        Some(TokenRequest::new(request?, keep))
    }

    /// `token`: the place of the token alone, or of all that an answer may hold; `usual` are looked for where RFC 6749 has
    /// them.
    fn token_places(&mut self, reader: &Reader<'_>, usual: &[&str]) -> Places {
        let node = reader.node("token");
        let inner = match node {
            Some(node) if node.as_map().is_some() => reader.section("token", &TOKEN, self.diagnostics),
            _ => None,
        };
        let mut places = Vec::new();
        for (key, result) in TOKEN.keys.iter().map(|it| it.name).zip(RESULTS) {
            let given = match (&inner, node) {
                (Some(inner), _) => inner.node(key),
                (None, node) => node.filter(|_| key == "access_token"),
            };
            match given {
                Some(node) => {
                    let place = self.shape(node, Paths::Allowed);
                    self.written_place(node, key, &place);
                    places.push((result, place));
                }
                None if usual.contains(&key) => {
                    places.push((result, Shape::Path(self.own_path(&format!("$.{key}"), reader.at()))));
                }
                None => {}
            }
        }
        if inner.is_some() && !places.iter().any(|(name, _)| *name == "token") {
            let message = "`token` does not say where the token is";
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, reader.at(), message);
            self.report(diagnostic.help("add `access_token: $.access_token`"));
        }
        places
    }

    /// A place that is a text: all that is ever found there.
    fn written_place(&mut self, node: &Node, key: &str, place: &Shape) {
        let Shape::Literal(Json::String(text)) = place else { return };
        if !matches!(key, "access_token" | "refresh_token") || text.starts_with('.') {
            return;
        }
        let message = format!("every token would be the text `{text}`");
        let diagnostic = Diagnostic::warning(codes::LOOKS_LIKE_PATH, node.span, message);
        let fix = Fix::respell(node.span, text, &format!("$.{text}")).guess();
        self.report(diagnostic.help(format!("say where the answer has it: `$.{text}`")).fix(fix));
    }

    pub(super) fn token_capture(&mut self, reader: &Reader<'_>) -> Vec<(String, Shape)> {
        let mut captured = Vec::new();
        for entry in reader.named("capture", self.diagnostics) {
            self.captured_name(entry);
            captured.push((entry.key.clone(), self.shape(&entry.value, Paths::Allowed)));
        }
        captured
    }
}
