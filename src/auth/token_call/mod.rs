//! Token calls: the requests that get a token, renew it, or give it back.
//!
//! | module | does |
//! | --- | --- |
//! | `verdict` | what an answer means, however a provider says it |
//! | `results` | what the answers of a call come to |
//!
//! Half of all providers answer a token request in ways of their own (failures with status 200, lifetimes as text, tokens inside
//! an envelope). Which way is said by each connector; here is only what is done with it.

mod results;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use self::results::Results;
use super::{Token, Used, discovery, sign};
use crate::{
    base::{Code, Secret},
    expr::{EvalError, Scope},
    spec::{FOUND, Http, OAuth1, Target, TokenAnswers, TokenCall, TokenRequest},
    transport::{SendError, Sender, Signed, render},
    wire::Request,
};

/// What is given to a token call: `auth.<name>`.
pub type Given = IndexMap<String, Secret>;

/// Names of [`Given`] that are no secrets.
const KNOWN: &[&str] = &["client_id", "redirect_uri", "scope", "nonce", "code_challenge"];

/// In the place of the current instant where two calls are compared that may be made at any time.
const ANY_TIME: Timestamp = Timestamp::UNIX_EPOCH;

/// All that a token call needs beside itself.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// Of the account: for the requests that the loader writes.
    pub account: &'a Http,
    /// Of the connector: for those that its author wrote.
    pub connector: &'a Http,
    /// `connection`
    pub connection: &'a Arc<Json>,
    /// To the provider.
    pub sender: &'a dyn Sender,
    /// The current instant: lifetimes count from it.
    pub now: Timestamp,
    /// Whether the client registered itself: nobody can put it right, but a new sign-in brings another.
    pub registered: bool,
}

/// What a token call got.
#[derive(Debug)]
pub struct Got {
    /// The scheme's own token.
    pub token: Token,
    /// Those of the schemes that are `from` it, if they came.
    pub beside: Vec<(String, Token)>,
}

/// Why there is no token.
#[derive(Debug)]
pub struct Failed {
    /// The reason; no secrets.
    pub error: SendError,
    /// The refresh token that had come already when a later request of the call failed: the one before may be dead.
    pub refresh: Option<Secret>,
    /// The provider does not know the client, or not any more.
    pub of_client: bool,
}

impl From<Failed> for SendError {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl Caller<'_> {
    /// Gets a token.
    ///
    /// # Errors
    /// What the scheme's rules say; `reauthorize` if the grant or the credentials are dead, `permission_denied` if the provider
    /// does not know our app, `rate_limited` and `unavailable` if it may work later, `provider_error` when no answer has a
    /// token. Whatever waits for the token was not sent.
    pub async fn get(&self, call: &TokenCall, answers: &TokenAnswers, given: Given) -> Result<Got, Failed> {
        let mut run = Run::new(*self, answers, &given);
        let done = match run.all(call).await {
            Ok(()) => run.results.token(answers, self.now).map_err(|error| run.masked(error)),
            Err(error) => Err(error),
        };
        match done {
            Ok(token) => Ok(Got { token, beside: run.results.beside(answers, self.now) }),
            Err(error) => Err(Failed { error, refresh: run.results.refresh(), of_client: run.refused_client }),
        }
    }

    /// Makes a call for what it keeps: before a consent, or for a client.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn ask(&self, call: &TokenCall, answers: &TokenAnswers, given: Given) -> Result<Given, SendError> {
        let mut run = Run::new(*self, answers, &given);
        run.all(call).await?;
        Ok(run.results.kept())
    }

    /// All that the first request of a call would say, and where: nothing is sent. Calls that say the same come to the same.
    ///
    /// # Errors
    /// When it can't be made of what is given.
    pub fn preview(&self, call: &TokenCall, answers: &TokenAnswers, given: &Given) -> Result<Secret, SendError> {
        let run = Run::new(Self { now: ANY_TIME, ..*self }, answers, given);
        let mut said = String::new();
        if let Some(first) = call.requests.first() {
            let request = render(&first.request, run.http(first), &run.scope()).map_err(|error| run.masked(error))?;
            said = format!("{} {}\n{:?}\n", request.method, request.url, request.headers);
            said.push_str(&String::from_utf8_lossy(&request.body));
        }
        Ok(Secret::new(said))
    }

    /// Gives back what `given` holds. That the provider does not know it any more is as good.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn give_back(&self, call: &TokenCall, answers: &TokenAnswers, given: Given) -> Result<(), SendError> {
        let mut run = Run::new(*self, answers, &given);
        run.gives_back = true;
        run.all(call).await
    }
}

/// Whoever gave the key can help.
#[expect(clippy::needless_pass_by_value, reason = "taken by `map_err`")]
fn unsignable(error: EvalError) -> SendError {
    SendError::not_sent(Code::Reauthorize, format!("the request can't be signed: {error}"))
}

/// A call on its way.
struct Run<'a> {
    caller: Caller<'a>,
    answers: &'a TokenAnswers,
    gives_back: bool,
    /// `auth`, which grows.
    auth: Map<String, Json>,
    results: Results,
    refused_client: bool,
    /// What no message may repeat.
    used: Used,
}

impl<'a> Run<'a> {
    fn new(caller: Caller<'a>, answers: &'a TokenAnswers, given: &Given) -> Self {
        let used = Used::default();
        let is_shown = |name: &str, value: &Secret| {
            let is_found = FOUND.contains(&name) && discovery::is_told(value.expose());
            KNOWN.contains(&name) || is_found || caller.connection.get(name).is_some()
        };
        given.iter().filter(|(name, it)| !is_shown(name, it)).for_each(|(_, it)| used.add(it));
        let auth = given.iter().map(|(name, value)| (name.clone(), Json::from(value.expose()))).collect();
        Self { caller, answers, gives_back: false, auth, results: Results::default(), refused_client: false, used }
    }

    async fn all(&mut self, call: &TokenCall) -> Result<(), SendError> {
        for request in &call.requests {
            self.ask(request).await.map_err(|error| self.masked(error))?;
        }
        Ok(())
    }

    async fn ask(&mut self, asked: &TokenRequest) -> Result<(), SendError> {
        if let Some(assertion) = &asked.assertion {
            let made = sign::assertion(assertion, &self.scope()).map_err(unsignable)?;
            self.used.add(&made);
            self.auth.insert("client_assertion".to_owned(), Json::from(made.expose()));
        }
        let (scope, request, http) = (self.scope(), &asked.request, self.http(asked));
        let mut rendered = render(request, http, &scope)?;
        verdict::check_address(&rendered.url)?;
        let mut signing = Vec::new();
        if !asked.signing.is_empty() {
            let mut scope = scope.clone();
            scope.set("request", sign::described(&rendered));
            for (name, text) in &asked.signing {
                let value = render::header(text, &scope).map_err(render::unusable)?;
                signing.extend(value.map(|it| (name.clone(), Secret::new(it))));
            }
        }
        let authorization = match &asked.sign {
            Some(sign) => Some(self.authorization(sign, &rendered, &scope).map_err(unsignable)?),
            None => None,
        };
        // Any of them may hold a credential.
        let headers = std::mem::take(&mut rendered.headers);
        let headers = headers.into_iter().map(|(name, value)| (name, Secret::new(value)));
        let headers = headers.chain(signing).chain(authorization.map(|it| ("authorization".to_owned(), it))).collect();
        let identity = self.caller.account.certificate.as_deref().map(|it| sign::identity(it, &scope));
        let identity = identity.transpose().map_err(unsignable)?;
        let signed = Signed { headers, identity, ..Signed::unsigned(rendered) };
        let answer = Arc::new(self.caller.sender.send_signed(signed, http, http.timeout).await?);
        let body = verdict::read(&answer, request.answer, http, self.answers.by_the_book)?;
        let read = verdict::judge(self.answers, &answer, body, http, &scope, self.caller.now, self.gives_back);
        let read = read.map_err(|refusal| {
            self.refused_client = refusal.of_client;
            refusal.into_error(self.answers.own_client || self.caller.registered)
        })?;
        self.take(asked, &read.scope);
        Ok(())
    }

    fn http(&self, asked: &TokenRequest) -> &'a Http {
        match asked.request.target {
            Target::SignIn(_) => self.caller.account,
            Target::Path { .. } | Target::Url(_) => self.caller.connector,
        }
    }

    /// Keeps what the answer that `scope` sees has of what is wanted. What can't be found, or made of it, is not there.
    fn take(&mut self, asked: &TokenRequest, scope: &Scope) {
        self.results.take(self.answers, scope);
        for name in ["token", "refresh_token"] {
            if let Some(value) = self.results.own(name) {
                self.auth.insert(name.to_owned(), value.clone());
            }
        }
        for (name, shape) in &asked.keep {
            let Some(value) = shape.eval(scope).ok().flatten().filter(|it| !it.is_null()) else { continue };
            self.results.keep(name, &value);
            self.auth.insert(name.clone(), value);
        }
    }

    fn authorization(&self, sign: &OAuth1, request: &Request, scope: &Scope) -> Result<Secret, EvalError> {
        let nonce = self.auth.get("nonce").and_then(Json::as_str).unwrap_or_default();
        sign::oauth1::authorization(sign, request, scope, self.caller.now, nonce)
    }

    fn scope(&self) -> Scope {
        let mut scope = Scope::new();
        scope.set("auth", Json::Object(self.auth.clone()));
        scope.set("connection", Arc::clone(self.caller.connection));
        scope.set_instant("now", self.caller.now);
        scope
    }

    /// Without what we sent, or got, in case the provider repeated it.
    fn masked(&self, mut error: SendError) -> SendError {
        self.results.secrets().for_each(|it| self.used.add(&Secret::new(it)));
        error.message = self.used.mask(error.message);
        error
    }
}
