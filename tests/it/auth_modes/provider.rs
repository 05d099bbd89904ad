//! A provider that refuses what is not exactly as it wants it.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::Request,
    http::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};

use crate::fakes::{Server, pairs};

/// A request as it came.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// As sent.
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    /// The query as it was sent.
    pub(crate) raw_query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// What is answered.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// An answer, or why the request is refused.
pub(crate) type Answer = Result<Reply, String>;

impl Reply {
    pub(crate) fn json(body: &Json) -> Self {
        Self::of(200, "application/json", body.to_string())
    }

    pub(crate) fn of(status: u16, content_type: &str, body: String) -> Self {
        Self { status, headers: vec![("content-type", content_type.to_owned())], body }
    }

    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Where the browser goes next.
    pub(crate) fn redirect(to: &str, parameters: &[(&str, &str)]) -> Self {
        let to = reqwest::Url::parse_with_params(to, parameters).unwrap();
        Self { status: 302, headers: vec![("location", to.into())], body: String::new() }
    }
}

/// Whether two are the same, and else which is wanted.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted { Ok(()) } else { Err(format!("{what} is {got:?}, not {wanted:?}")) }
}

fn map(list: &[(&str, &str)]) -> BTreeMap<String, String> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A token answer by the book.
pub(crate) fn token(access: &str) -> Answer {
    Ok(Reply::json(&json!({"access_token": access, "token_type": "Bearer", "expires_in": 3600})))
}

/// Who is signed in.
pub(crate) fn me() -> Answer {
    Ok(Reply::json(&json!({"name": "Ana"})))
}

/// The same for whoever shows the usual token.
pub(crate) fn signed_in(asked: &Asked) -> Answer {
    asked.bearer("t-12345")?;
    me()
}

impl Asked {
    /// `METHOD /path`
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The header has this value.
    pub(crate) fn has(&self, name: &str, value: &str) -> Result<(), String> {
        same(name, &self.header(name), &value)
    }

    pub(crate) fn bearer(&self, token: &str) -> Result<(), String> {
        self.has("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn basic(&self, name: &str, password: &str) -> Result<(), String> {
        self.has("authorization", &format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
    }

    /// The body is this form and nothing else.
    pub(crate) fn form(&self, wanted: &[(&str, &str)]) -> Result<(), String> {
        let content_type = self.header("content-type");
        same("content-type", &content_type, &"application/x-www-form-urlencoded")?;
        let got: BTreeMap<_, _> = pairs(&self.body).into_iter().collect();
        same("form", &got, &map(wanted))
    }

    /// One value of the form.
    pub(crate) fn in_form(&self, name: &str) -> String {
        pairs(&self.body).into_iter().find(|(it, _)| it == name).map(|(_, value)| value).unwrap_or_default()
    }

    /// The body is this JSON.
    pub(crate) fn json(&self, wanted: &Json) -> Result<(), String> {
        same("content-type", &self.header("content-type"), &"application/json")?;
        same("body", &serde_json::from_str(&self.body).unwrap_or(Json::Null), wanted)
    }

    /// The query is this and nothing else, and there is no body.
    pub(crate) fn only_query(&self, wanted: &[(&str, &str)]) -> Result<(), String> {
        same("body", &self.body.as_str(), &"")?;
        same("query", &self.query, &map(wanted))
    }

    /// One parameter of the query.
    pub(crate) fn in_query(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    /// The authorize URL has these parameters; state, challenge and redirect address are as they come.
    pub(crate) fn consent(&self, wanted: &[(&str, &str)]) -> Result<(), String> {
        let own = ["state", "code_challenge", "redirect_uri"];
        let got = self.query.iter().filter(|(name, _)| !own.contains(&name.as_str()));
        same("query", &got.map(|(name, value)| (name.clone(), value.clone())).collect(), &map(wanted))
    }

    /// Back to where the consent came from, with the state and these.
    pub(crate) fn back(&self, with: &[(&str, &str)]) -> Answer {
        let state = self.in_query("state");
        let redirect = Some(self.in_query("redirect_uri")).filter(|it| !it.is_empty());
        let to = redirect.unwrap_or("http://127.0.0.1:8080/oauth/callback");
        Ok(Reply::redirect(to, &[&[("state", state)], with].concat()))
    }
}

/// Serves by `answer`; a refusal is a 400 in the words of RFC 6749, also to what is no request for a token.
pub(super) async fn serve(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(answering(answer)).await
}

/// What answers so.
pub(super) fn answering(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Router {
    let answer = Arc::new(answer);
    Router::new().fallback(move |request: Request| {
        let answer = Arc::clone(&answer);
        async move {
            let asked = read(request).await;
            let reply = answer(&asked).unwrap_or_else(|why| {
                let refusal =
                    json!({"error": "invalid_request", "error_description": format!("{}: {why}", asked.line())});
                Reply::json(&refusal).status(400)
            });
            let mut response = Response::builder().status(reply.status);
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            response.body(Body::from(reply.body)).unwrap()
        }
    })
}

async fn read(request: Request) -> Asked {
    let (head, body) = request.into_parts();
    let header = |name: &axum::http::HeaderName| name.as_str().to_owned();
    let raw_query = head.uri.query().unwrap_or_default().to_owned();
    Asked {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs(&raw_query).into_iter().collect(),
        raw_query,
        headers: head.headers.iter().map(|(name, it)| (header(name), it.to_str().unwrap_or("?").to_owned())).collect(),
        body: String::from_utf8_lossy(&to_bytes(body, 1 << 20).await.unwrap()).into_owned(),
    }
}
