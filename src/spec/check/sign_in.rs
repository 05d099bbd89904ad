//! The names in a scheme: what it puts on requests, its consent, and its token calls.

use std::{collections::HashSet, sync::Arc};

use super::{
    names::Names,
    view::{Connection, Credentials, View},
};
use crate::{
    diag::{Diagnostic, codes},
    expr::Expr,
    spec::{Account, Apply, FOUND, OAuth1, Scheme, SchemeKind, Target, TokenAnswers, TokenCall, Url},
};

/// What the authorize URL may hold beside fields that are not secret.
pub(super) const CONSENT: &[&str] = &["client_id", "redirect_uri", "state", "scope", "code_challenge", "nonce"];
/// In `auth` of every token call.
pub(super) const CLIENT: &[&str] = &["client_id", "client_secret", "nonce"];
/// In a registration.
const REGISTRATION: &[&str] = &["redirect_uri", "scope"];
/// While what a consent gave is exchanged.
pub(super) const GIVEN: &[&str] = &["code", "state", "redirect_uri", "code_verifier"];

impl Names<'_> {
    pub(super) fn scheme(&mut self, account: &Account, scheme: &Scheme, connection: &Connection) {
        let fields = Credentials { fields: &account.fields, secrets: true, token: false, more: &[] };
        let more: Vec<&str> = ["nonce"].into_iter().chain(kept(scheme)).collect();
        let credentials = Credentials { token: scheme.gets_token(), more: &more, ..fields };
        let signing = View { auth: Some(credentials), connection: Some(connection), request: true, ..View::default() };
        let plain = View { request: false, ..signing };
        match &scheme.apply {
            Apply::None => {}
            Apply::Basic { username, password } => [username, password].iter().for_each(|it| self.text(it, plain)),
            Apply::Fields(placed) => {
                placed.headers.iter().chain(&placed.query).for_each(|(_, it)| self.text(it, signing));
                placed.body.iter().for_each(|(_, it)| self.text(it, plain));
                placed.path.iter().for_each(|it| self.text(it, plain));
            }
            Apply::OAuth1(it) => it.texts().for_each(|it| self.text(it, plain)),
            Apply::SigV4(it) => it.texts().for_each(|it| self.text(it, plain)),
        }
        scheme.certificate.iter().flat_map(|it| it.texts()).for_each(|it| self.text(it, plain));
        scheme.fill.iter().for_each(|(_, it)| self.text(it, plain));
        let of_answers = View { connection: Some(connection), ..View::default() };
        self.rules(&scheme.expired, of_answers);
        if let Some(consent) = scheme.consent() {
            let before = consent.before.iter().flat_map(kept_by).chain(found(account).iter().copied());
            let more: Vec<&str> = CONSENT.iter().copied().chain(before).collect();
            let view = View { auth: Some(Credentials { secrets: false, more: &more, ..fields }), ..View::default() };
            self.url(&consent.authorize_url, view);
            consent.params.iter().for_each(|(_, it)| self.shape(it, view));
        }
        if let Some(discovery) = &scheme.introduction.discovery {
            let known = fields_of(account);
            let auth = Some(Credentials { secrets: false, token: false, more: &[], ..fields });
            self.url(&discovery.url, View { auth, connection: Some(&known), ..View::default() });
        }
        self.token_calls(account, scheme, connection);
        if let Some(answers) = scheme.answers() {
            self.rules(&answers.errors, of_answers);
            self.rules(&answers.dead, of_answers);
            let more: Vec<&str> = CLIENT.iter().copied().chain(["refresh_token"]).chain(more.iter().copied()).collect();
            let auth = Some(Credentials { token: true, more: &more, ..fields });
            let view = View { auth, answer: true, ..of_answers };
            self.token_answers(account, answers, view);
        }
    }

    fn token_calls(&mut self, account: &Account, scheme: &Scheme, connection: &Connection) {
        let base: &[&str] = if scheme.from().is_some() { &["refresh_token"] } else { &[] };
        let (exchange, refresh, revoke) = match &scheme.kind {
            SchemeKind::OAuth2(it) => (&it.exchange, it.refresh.as_ref(), it.revoke.as_ref()),
            SchemeKind::TokenExchange(it) => (&it.call, None, it.revoke.as_ref()),
            SchemeKind::None | SchemeKind::Static => return,
        };
        // A code is exchanged before the answer can tell anything.
        let returned = of_redirect(account, scheme);
        let is_code = scheme.consent().is_some_and(|it| it.code.is_some());
        let (given, known) = if is_code { (GIVEN, &returned) } else { (&[][..], connection) };
        let asked = scheme.consent().and_then(|it| it.before.as_ref());
        let kept: Vec<&str> = asked.into_iter().flat_map(kept_by).collect();
        let before = std::mem::take(self.diagnostics);
        let found = found(account);
        if let Some(call) = &scheme.introduction.registration {
            self.token_call(account, call, &[REGISTRATION, found].concat(), false, &fields_of(account));
        }
        let client = &[CLIENT, found].concat();
        if let Some(asked) = asked {
            self.token_call(account, asked, &[client, CONSENT].concat(), false, &fields_of(account));
        }
        self.token_call(account, exchange, &[client, given, base, &kept].concat(), scheme.from().is_some(), known);
        for call in [refresh, revoke].into_iter().flatten() {
            self.token_call(account, call, &[&client[..], &["refresh_token"]].concat(), true, connection);
        }
        for call in scheme.introduction.registration.iter().chain(asked).chain([exchange]).chain(refresh) {
            self.secrets_in_paths(account, call, &["client_secret", "refresh_token"]);
        }
        // what is taken back is no secret any more
        revoke.into_iter().for_each(|it| self.secrets_in_paths(account, it, &["client_secret"]));
        // What the loader writes, and what is asked after it, is the same in an exchange and in a refresh.
        let found = std::mem::replace(self.diagnostics, before);
        let mut told = HashSet::new();
        for diagnostic in found.iter().filter(|it| told.insert((it.span, it.code))) {
            self.diagnostics.push(diagnostic.clone());
        }
    }

    /// The requests of a call, each of which knows what those before it kept.
    fn token_call(
        &mut self,
        account: &Account,
        call: &TokenCall,
        known: &[&str],
        mut token: bool,
        connection: &Connection,
    ) {
        let mut known = known.to_vec();
        for request in &call.requests {
            // What the loader writes once serves the exchange and the refresh: what is not there is left out.
            let written = matches!(request.request.target, Target::SignIn(_));
            let more: &[&str] = &["refresh_token", "client_assertion", "token_endpoint_auth_method"];
            let here = if written { [&known[..], GIVEN, more].concat() } else { known.clone() };
            let fields = &account.fields;
            let auth = |more, token| Some(Credentials { fields, secrets: true, token, more });
            let view = View { connection: Some(connection), ..View::default() };
            let asking = View { auth: auth(&here, token), ..view };
            self.request(&request.request, asking);
            let signing = View { request: true, ..asking };
            request.signing.iter().for_each(|(_, it)| self.text(it, signing));
            if let Some(it) = &request.assertion {
                self.text(&it.key, asking);
                it.claims.iter().chain(&it.header).for_each(|(_, it)| self.shape(it, asking));
            }
            request.sign.iter().flat_map(OAuth1::texts).for_each(|it| self.text(it, asking));
            known.push("refresh_token");
            token = true;
            let answered = View { auth: auth(&known, token), answer: true, ..view };
            request.keep.iter().for_each(|(_, it)| self.shape(it, answered));
            known.extend(request.keep.iter().map(|(name, _)| name.as_str()));
        }
    }

    /// What stays a secret: a field, and what else is one while the call is made.
    fn secrets_in_paths(&mut self, account: &Account, call: &TokenCall, others: &[&str]) {
        for request in &call.requests {
            let (Target::Path { path, .. } | Target::Url(path)) = &request.request.target else { continue };
            path.for_each_expr(&mut |expr| {
                for name in &expr.names {
                    let [root, part, ..] = name.path.as_slice() else { continue };
                    if root != "auth" || !others.contains(&part.as_str()) && !account.secret_fields.contains(part) {
                        continue;
                    }
                    let message = format!("`{part}` is secret, and paths stand in the logs of whoever sees them go by");
                    let span = name.spans.get(1).copied().unwrap_or(expr.span);
                    let diagnostic = Diagnostic::warning(codes::SECRET_IN_URL, span, message);
                    self.diagnostics
                        .push(diagnostic.help("put it into `headers`, `form` or `body`, if the API takes it there"));
                }
            });
        }
    }

    /// Where answers keep things. What is captured is shown: no credential is.
    fn token_answers(&mut self, account: &Account, answers: &TokenAnswers, view: View<'_>) {
        // those of other schemes are looked at there
        for (_, places) in answers.places.iter().filter(|(of, _)| of.is_none()) {
            places.iter().for_each(|(_, it)| self.shape(it, view));
        }
        for (_, shape) in &answers.capture {
            self.shape(shape, view);
            shape.for_each_expr(&mut |it| self.no_credential(account, it));
        }
    }

    fn no_credential(&mut self, account: &Account, expr: &Arc<Expr>) {
        for name in &expr.names {
            let [root, part, ..] = name.path.as_slice() else { continue };
            let is_secret = ["token", "refresh_token", "client_secret"].contains(&part.as_str())
                || account.secret_fields.contains(part);
            if root == "auth" && is_secret {
                let message = format!("`auth.{part}` is a credential, and what is captured is shown to everybody");
                let span = name.spans.get(1).copied().unwrap_or(expr.span);
                let diagnostic = Diagnostic::error(codes::CREDENTIAL_OUTSIDE_AUTH, span, message);
                self.diagnostics.push(diagnostic.help("`keep` it: then it is `auth.<name>`, and never shown"));
            }
        }
    }

    /// An address of a sign-in: browsers and logs may see it.
    pub(super) fn sign_in_url(&mut self, url: &Url, view: View<'_>) {
        let mut more = vec!["client_id"];
        let there = view.auth.map_or(&[][..], |it| it.more);
        more.extend(FOUND.iter().filter(|it| there.contains(it)));
        let auth = view.auth.map(|it| Credentials { secrets: false, token: false, more: &more, ..it });
        self.url(url, View { auth, ..view });
    }
}

/// What the token calls of a scheme keep.
fn kept(scheme: &Scheme) -> impl Iterator<Item = &str> {
    let before = scheme.consent().and_then(|it| it.before.as_ref());
    let first = [before, scheme.introduction.registration.as_ref()];
    let calls = scheme.token_calls().filter(move |call| !first.iter().flatten().any(|it| std::ptr::eq(*it, *call)));
    calls.flat_map(kept_by)
}

/// What is found of the account's provider, whichever scheme looks for it.
fn found(account: &Account) -> &'static [&'static str] {
    account.introduction().map_or(&[], |(_, it)| it.found())
}

fn kept_by(call: &TokenCall) -> impl Iterator<Item = &str> {
    call.requests.iter().flat_map(|it| it.keep.iter().map(|(name, _)| name.as_str()))
}

/// What `connection` holds when the browser has come back from a consent.
fn of_redirect(account: &Account, scheme: &Scheme) -> Connection {
    let mut connection = fields_of(account);
    let callback = scheme.consent().into_iter().flat_map(|it| it.callback.iter().map(|(name, _)| name.clone()));
    connection.names.extend(callback);
    connection
}

/// What it holds before that.
fn fields_of(account: &Account) -> Connection {
    let shown = account.fields.iter().map(|(name, _)| name).filter(|it| !account.secret_fields.iter().any(|s| s == it));
    let names = ["id", "label"].into_iter().chain(shown).map(str::to_owned).collect();
    Connection { names, secrets: account.secret_fields.clone(), ..Connection::default() }
}
