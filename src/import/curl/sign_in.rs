//! What signs in, taken out of a command: its values are dropped, and become fields that the builder fills in.

use super::{
    command::Command,
    secrets::{self, Fate},
};
use crate::import::{
    emit::Map,
    name,
    scheme::{Auth, Scheme, Seen, basic_header, filled},
};

/// What is left of a command.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: Vec<(String, Fate, String)>,
}

/// What stands before a credential, the same for everybody.
const PREFIXES: &[&str] =
    &["api-key", "apikey", "basic", "bearer", "digest", "jwt", "key", "oauth", "secret", "sso-key", "token"];

/// The sign-in of a command, and what else is in its query and headers.
pub(super) fn take(command: &Command) -> (Auth, Kept) {
    let mut taking = Taking::default();
    for (called, value) in &command.headers {
        match secrets::fate(called, value) {
            Fate::Dropped => {}
            Fate::Field => taking.header(called, value),
            fate => taking.kept.headers.push((called.clone(), fate, value.clone())),
        }
    }
    for (called, value) in &command.query {
        taking.parameter(called, value);
    }
    taking.cookies(&command.cookies);
    let kept = std::mem::take(&mut taking.kept);
    (taking.auth(command.user.is_some()), kept)
}

/// What was found so far.
#[derive(Debug, Default)]
struct Taking {
    auth: Auth,
    kept: Kept,
    headers: Map,
    query: Map,
    /// As a case expects them.
    sent: Vec<(String, String)>,
    sent_query: Vec<(String, String)>,
    /// The field of a bearer token, and what a case gives for it.
    bearer: Option<(String, String)>,
}

impl Taking {
    fn header(&mut self, called: &str, value: &str) {
        if self.sent.iter().any(|(it, _)| it == called) {
            return;
        }
        let known = |word: &str| PREFIXES.iter().any(|it| it.eq_ignore_ascii_case(word));
        let prefix = value.split_once(' ').filter(|(word, rest)| known(word) && !rest.trim().is_empty());
        let prefix = prefix.map(|(word, _)| format!("{word} ")).unwrap_or_default();
        let is_authorization = called == "authorization";
        let field = match is_authorization && !prefix.is_empty() {
            true => "api_token".to_owned(),
            false => self.free(called),
        };
        let title = if is_authorization { "API token".to_owned() } else { name::title(&field) };
        let test = self.auth.field(&field, &title, Seen::Secret);
        if is_authorization && prefix.eq_ignore_ascii_case("bearer ") {
            self.bearer = Some((field, test));
            return;
        }
        self.headers = std::mem::take(&mut self.headers).set(&super::header(called), prefix.clone() + &filled(&field));
        self.sent.push((called.to_owned(), prefix + &test));
    }

    fn parameter(&mut self, called: &str, value: &str) {
        if secrets::is_random(called) && value.is_empty() {
            self.auth
                .todos
                .push("a parameter of the query was left out, since its name looks like a credential".into());
            return;
        }
        let seems = !secrets::is_reference(called) && secrets::is_random(value);
        if !secrets::is_secret(called) && !seems {
            self.kept.query.push((called.to_owned(), value.to_owned()));
            return;
        }
        if self.sent_query.iter().any(|(it, _)| it == called) {
            return;
        }
        let field = self.free(called);
        if !secrets::is_secret(called) {
            self.auth.todos.push(format!(
                "`{called}` looked like a credential, so it is a field of the connect form: if it is none, make it an input"
            ));
        }
        let test = self.auth.field(&field, &name::title(&field), Seen::Secret);
        self.query = std::mem::take(&mut self.query).set(called, filled(&field));
        self.sent_query.push((called.to_owned(), test));
    }

    fn cookies(&mut self, cookies: &[(String, String)]) {
        if cookies.is_empty() {
            return;
        }
        let (mut written, mut shown) = (Vec::new(), Vec::new());
        for (called, _) in cookies {
            let field = self.free(&format!("cookie_{called}"));
            let test = self.auth.field(&field, &format!("Cookie {called}"), Seen::Secret);
            written.push(format!("{called}={{{{ auth.{field} | urlencode }}}}"));
            shown.push(format!("{called}={test}"));
        }
        self.headers = std::mem::take(&mut self.headers).set("Cookie", written.join("; "));
        self.sent.push(("cookie".to_owned(), shown.join("; ")));
    }

    /// The sign-in that does all of it.
    fn auth(mut self, has_user: bool) -> Auth {
        let alone = self.headers.is_empty() && self.query.is_empty();
        match self.bearer.take() {
            _ if has_user && alone => return Auth { todos: self.auth.todos, ..Auth::basic() },
            _ if has_user => {
                let user = self.auth.field("username", "User name", Seen::Public);
                let password = self.auth.field("password", "Password", Seen::Secret);
                self.authorization(
                    "Basic {{ (auth.username ~ ':' ~ auth.password) | base64 }}".to_owned(),
                    basic_header(&user, &password),
                );
            }
            Some((field, test)) if alone => {
                let scheme = Scheme::new("bearer", "bearer").key("token", filled(&field));
                self.auth.schemes.push(scheme.header("authorization", &format!("Bearer {test}")));
                return self.auth;
            }
            Some((field, test)) => {
                self.authorization(format!("Bearer {}", filled(&field)), format!("Bearer {test}"));
            }
            None if alone => return Auth { todos: self.auth.todos, ..Auth::none() },
            None => {}
        }
        let mut scheme = Scheme::new("api_key", "api_key");
        if !self.headers.is_empty() {
            scheme = scheme.key("headers", self.headers);
        }
        if !self.query.is_empty() {
            scheme = scheme.key("query", self.query);
        }
        (scheme.headers, scheme.query) = (self.sent, self.sent_query);
        self.auth.schemes.push(scheme);
        self.auth
    }

    fn authorization(&mut self, written: String, sent: String) {
        if !self.sent.iter().any(|(it, _)| it == "authorization") {
            self.headers = std::mem::take(&mut self.headers).set("Authorization", written);
            self.sent.push(("authorization".to_owned(), sent));
        }
    }

    /// A name for a field that no other has.
    fn free(&self, called: &str) -> String {
        let wanted = name::snake(called, "key");
        let wanted = if matches!(wanted.as_str(), "id" | "label" | "token" | "webhook_url") {
            format!("api_{wanted}")
        } else {
            wanted
        };
        name::free(&wanted, |name| self.auth.fields.iter().any(|(it, _)| it == name))
    }
}
