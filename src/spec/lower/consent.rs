//! Consents in the browser: the address, its parameters, and what comes back.

use super::{
    Lower,
    token::Known,
    written::{Params, literal, merge},
};
use crate::{
    diag::{Diagnostic, codes},
    spec::{Consent, Discovery, TokenCall, Told, Url},
    yaml::Reader,
};

/// What only a consent has.
const OF_CONSENTS: &[&str] = &[
    "before",
    "params",
    "unencoded",
    "callback",
    "pkce",
    "scope_separator",
    "register_url",
    "register_params",
    "register",
];

/// Parameters of a redirect that belong to the sign-in itself.
const OF_REDIRECTS: &[&str] = &["code", "state", "error", "error_description"];

impl Lower<'_> {
    /// The consent of `oauth2`. With `asks` there must be one, and it ends with a code.
    pub(super) fn oauth2_consent(
        &mut self,
        reader: &Reader<'_>,
        asks: bool,
        known: &Known,
        discovery: Option<&Discovery>,
    ) -> Option<Consent> {
        if asks && !reader.has("authorize_url") && discovery.is_none() {
            let message = "`oauth2` needs `authorize_url`, where the consent is given";
            let help = "or say which `grant` needs none, such as `grant: client_credentials`";
            self.report(Diagnostic::error(codes::MISSING_KEY, reader.at(), message).help(help));
            return None;
        }
        let at = reader.at();
        let own = |lower: &mut Self, name: &str| (name.to_owned(), lower.own_shape(&format!("auth.{name}"), at));
        let mut params = Params::new();
        if asks {
            params.push(("response_type".to_owned(), literal("code")));
        }
        params.extend(["client_id", "state"].map(|it| own(self, it)));
        if asks && reader.bool("pkce", self.diagnostics).unwrap_or(true) {
            params.push(own(self, "code_challenge"));
            params.push(("code_challenge_method".to_owned(), literal("S256")));
        }
        params.extend(["redirect_uri", "scope"].map(|it| own(self, it)));
        if discovery.is_some_and(|it| it.of == Told::Resource) {
            params.push(own(self, "resource"));
        }
        let found = discovery.filter(|_| asks).map(|_| Url::Text(self.own_text("auth.authorization_endpoint", at)));
        self.consent(reader, params, asks, known, found)
    }

    /// A consent that is none of OAuth's: nothing but the state is sent along.
    pub(super) fn bare_consent(&mut self, reader: &Reader<'_>, known: &Known) -> Option<Consent> {
        let state = self.own_shape("auth.state", reader.at());
        self.consent(reader, vec![("state".to_owned(), state)], false, known, None)
    }

    /// A consent at `authorize_url`, or else where it is `found`.
    pub(super) fn consent(
        &mut self,
        reader: &Reader<'_>,
        mut params: Params,
        with_code: bool,
        known: &Known,
        found: Option<Url>,
    ) -> Option<Consent> {
        let entry = reader.entry("authorize_url");
        if entry.is_none() && found.is_none() {
            self.misplaced(reader, OF_CONSENTS, "means nothing without `authorize_url`");
            return None;
        }
        if known.schemes.values().any(|it| it.consent().is_some()) {
            let message = "another scheme asks for a consent already, and a connection has one";
            let at = entry.map_or(reader.at(), |it| it.key_span);
            let diagnostic = Diagnostic::error(codes::MISPLACED_KEY, at, message);
            self.report(diagnostic.help("make this scheme's token `from` that one"));
        }
        let authorize_url = match entry {
            Some(entry) => self.address(&entry.value, "authorize_url", true),
            None => found,
        };
        merge(&mut params, &self.params(reader, "params"));
        let unencoded = self.unencoded(reader, &params);
        let (code, callback) = self.callback(reader, with_code);
        let separator = match reader.source().get("scope_separator") {
            Some(_) => reader.text("scope_separator", self.diagnostics).unwrap_or(" "),
            None => " ",
        };
        let before = self.token_steps(reader, "before");
        Some(Consent {
            before: (!before.is_empty()).then_some(TokenCall { requests: before }),
            authorize_url: authorize_url?,
            params,
            unencoded,
            scope_separator: separator.to_owned(),
            code: with_code.then(|| code.unwrap_or_else(|| "code".to_owned())),
            callback,
        })
    }

    fn unencoded(&mut self, reader: &Reader<'_>, params: &Params) -> Vec<String> {
        let mut unencoded = Vec::new();
        for (name, span) in reader.texts("unencoded", self.diagnostics) {
            if !params.iter().any(|(it, _)| it == name) {
                let message = format!("the authorize URL has no parameter `{name}`");
                let names = params.iter().map(|(it, _)| it.as_str());
                let diagnostic = Diagnostic::error(codes::UNKNOWN_NAME, span, message);
                self.report(diagnostic.did_you_mean(name, names).or_help(|| "give it in `params`"));
            }
            unencoded.push(name.to_owned());
        }
        unencoded
    }

    /// The parameter that holds the code, if it is another than usual, and those that are kept.
    fn callback(&mut self, reader: &Reader<'_>, with_code: bool) -> (Option<String>, Vec<(String, String)>) {
        let (mut code, mut kept) = (None, Vec::new());
        for entry in reader.named("callback", self.diagnostics) {
            let Some(parameter) = entry.value.as_text() else { continue };
            if entry.key == "code" {
                if !with_code {
                    let message = "this consent ends without a code";
                    self.error(codes::MISPLACED_KEY, entry.key_span, message);
                }
                code = Some(parameter.to_owned());
                continue;
            }
            self.captured_name(entry);
            if OF_REDIRECTS.contains(&parameter) {
                let message = format!("`{parameter}` is a part of the sign-in itself and not kept");
                self.error(codes::RESERVED_NAME, entry.value.span, message);
            }
            kept.push((entry.key.clone(), parameter.to_owned()));
        }
        (code, kept)
    }
}
