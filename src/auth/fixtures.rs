//! What the tests of auth share.

use std::{
    collections::VecDeque,
    str::from_utf8,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    auth::Credentials,
    base::{BoxFuture, Secret},
    spec::{Apply, Http, Introduction, OAuth2, Scheme, SchemeKind, TokenAnswers, TokenCall},
    transport::{SendError, Sender, Signed, fixtures::rule},
    wire::Answer,
};

/// A connection's fields, and a token.
pub(crate) fn credentials(fields: &[(&str, &str)], token: Option<&str>) -> Credentials {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
    let fields = Arc::new(fields);
    Credentials { fields, token: token.map(Secret::new), nonce: String::new() }
}

/// A scheme with the default of `expired`.
pub(crate) fn scheme(kind: SchemeKind, apply: Apply) -> Scheme {
    Scheme {
        name: "default".to_owned(),
        kind,
        apply,
        expired: vec![rule(&[(401, 401)], &[], None)],
        certificate: None,
        fill: Vec::new(),
        introduction: Introduction::default(),
    }
}

/// A grant that is never asked for or renewed.
pub(crate) fn oauth2() -> OAuth2 {
    OAuth2 {
        consent: None,
        from: None,
        exchange: TokenCall::default(),
        refresh: None,
        revoke: None,
        idle: None,
        answers: TokenAnswers {
            places: Vec::new(),
            capture: Vec::new(),
            lifetime: None,
            margin: Duration::from_secs(60),
            by_the_book: true,
            own_client: false,
            errors: Vec::new(),
            dead: Vec::new(),
        },
    }
}

/// A provider that answers what it was told to, in order, and notes what came.
#[derive(Default)]
pub(crate) struct Answers {
    answers: Mutex<VecDeque<Result<Answer, SendError>>>,
    seen: Mutex<Vec<Signed>>,
}

impl Answers {
    /// Answers so next, after what it answers already.
    pub(crate) fn then(self, status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let url = url::Url::parse("https://accounts.example.com/").unwrap();
        self.push(Ok(Answer { status, headers, body: body.to_owned().into(), url }))
    }

    /// Gives no answer next.
    pub(crate) fn then_fails(self, error: SendError) -> Self {
        self.push(Err(error))
    }

    fn push(self, answer: Result<Answer, SendError>) -> Self {
        self.answers.lock().unwrap().push_back(answer);
        self
    }

    /// What came: `METHOD url header=value… body`, of the headers only those that sign.
    pub(crate) fn seen(&self) -> Vec<String> {
        let line = |signed: &Signed| {
            let headers: Vec<_> = signed.headers.iter().map(|(name, it)| format!("{name}={}", it.expose())).collect();
            let Signed { request, .. } = signed;
            let parts = [&request.method, request.url.as_str(), &headers.join(" "), from_utf8(&request.body).unwrap()];
            parts.into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ")
        };
        self.seen.lock().unwrap().iter().map(line).collect()
    }
}

impl Sender for Answers {
    fn send_signed<'a>(&'a self, signed: Signed, _: &'a Http, _: Duration) -> BoxFuture<'a, Result<Answer, SendError>> {
        self.seen.lock().unwrap().push(signed);
        let answer = self.answers.lock().unwrap().pop_front().expect("no more requests than answers");
        Box::pin(std::future::ready(answer))
    }
}
