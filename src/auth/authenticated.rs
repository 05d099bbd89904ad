//! The live transport: waits its turn, signs, sends, and renews a token that the provider calls expired.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Credentials, Tokens, Used, sign::sign};
use crate::{
    base::{BoxFuture, Clock, Code},
    expr::Scope,
    format,
    spec::{AnswerKind, Http, Scheme, SchemeKind},
    transport::{Meter, Outgoing, ReadAnswer, SendError, Sender, Signed, Transport, Turns, limits},
    wire::{Answer, Request},
};

/// Sends the requests of one connection.
#[derive(Clone, Copy)]
pub struct Authenticated<'a> {
    /// Into the world, or a connector test's script.
    pub sender: &'a dyn Sender,
    /// The connection's credentials.
    pub tokens: &'a dyn Tokens,
    /// `id`, label, captured values, non-secret fields.
    pub connection: &'a Arc<Json>,
    /// Whose limits are kept.
    pub connector: &'a str,
    /// Our limits towards providers; `None` keeps none.
    pub limiter: Option<&'a dyn Turns>,
    /// Keeps what answers tell of the provider's allowance.
    pub meter: Option<&'a Meter>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Takes in what is signed with.
    pub used: &'a Used,
}

impl Authenticated<'_> {
    async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Answer, SendError> {
        let Outgoing { request, scheme, http, timeout, .. } = outgoing;
        // Waiting for a turn, for a token, and sending it twice if need be: all of it within the one time-out.
        let end = self.clock.now().checked_add(timeout).unwrap_or(Timestamp::MAX);
        let left = || Duration::try_from(end.duration_since(self.clock.now())).unwrap_or_default();
        if let (Some(limiter), Some(limit)) = (self.limiter, http.rate_limit) {
            limits::turn(limiter, &self.key(limit.per_connection), limit, timeout, self.clock).await?;
        }
        let Some(scheme) = scheme else {
            let signed = Signed { request, headers: Vec::new(), query: Vec::new(), fill: Vec::new() };
            return self.deliver(signed, http, left()).await;
        };
        let credentials = in_time(left(), self.tokens.credentials(scheme)).await?;
        let signed = self.sign(scheme, &credentials, request.clone())?;
        let answer = self.deliver(signed, http, left()).await?;
        // Without a token there is nothing to renew: what the answer means is for the connector's rules to say.
        let renewable = matches!(scheme.kind, SchemeKind::OAuth2(_) | SchemeKind::TokenExchange(_));
        if !renewable || !is_expired(scheme, &answer, http) {
            return Ok(answer);
        }
        let renewed = in_time(left(), self.tokens.renew(scheme, &credentials)).await?;
        let signed = self.sign(scheme, &renewed, request)?;
        let answer = self.deliver(signed, http, left()).await?;
        if is_expired(scheme, &answer, http) {
            let message = format!("the provider answers {} to a token that is new", answer.status);
            return Err(SendError::not_sent(Code::Reauthorize, message));
        }
        Ok(answer)
    }

    async fn deliver(&self, signed: Signed, http: &Http, timeout: Duration) -> Result<Answer, SendError> {
        let answer = self.sender.send_signed(signed, http, timeout).await?;
        if let (Some(meter), Some(usage)) = (self.meter, &http.usage) {
            let id = self.connection.get("id").and_then(Json::as_str).unwrap_or_default();
            meter.note(id, self.connector, usage, &answer, self.clock.now());
        }
        Ok(answer)
    }

    fn sign(&self, scheme: &Scheme, credentials: &Credentials, request: Request) -> Result<Signed, SendError> {
        // Only whoever gave the credential can help: a key that isn't one, a line break in a password.
        let signed = sign(scheme, credentials, request, self.connection, self.clock.now())
            .map_err(|error| SendError::not_sent(Code::Reauthorize, format!("the request can't be signed: {error}")))?;
        self.used.note(credentials, self.connection, &signed);
        Ok(signed)
    }

    fn key(&self, per_connection: bool) -> String {
        let id = self.connection.get("id").and_then(Json::as_str).filter(|_| per_connection);
        format!("{}/{}", self.connector, id.unwrap_or_default())
    }
}

impl Transport for Authenticated<'_> {
    fn send<'a>(&'a self, outgoing: Outgoing<'a>) -> BoxFuture<'a, Result<Answer, SendError>> {
        Box::pin(self.exchange(outgoing))
    }
}

/// Credentials, unless they take too long. However asking for them failed, the request that needed them has not left.
async fn in_time(
    left: Duration,
    credentials: BoxFuture<'_, Result<Credentials, SendError>>,
) -> Result<Credentials, SendError> {
    match tokio::time::timeout(left, credentials).await {
        Ok(result) => result.map_err(|error| SendError { may_have_arrived: false, ..error }),
        Err(_) => Err(SendError::not_sent(Code::Timeout, "no token came in time")),
    }
}

/// Whether one of the scheme's `expired` rules matches. The body is read only for rules that look into it.
fn is_expired(scheme: &Scheme, answer: &Answer, http: &Http) -> bool {
    let by_status = |it: &(u16, u16)| (it.0..=it.1).contains(&answer.status);
    let mut rules =
        scheme.expired.iter().filter(|it| it.status.is_empty() || it.status.iter().any(by_status)).peekable();
    if rules.peek().is_none() {
        return false;
    }
    let body = format::answer::read(answer, AnswerKind::Auto, &http.xml).unwrap_or_default();
    let read = ReadAnswer::new(&Arc::new(answer.clone()), body, http, &Scope::new());
    rules.any(|rule| read.matches(rule))
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, atomic::AtomicUsize, atomic::Ordering};

    use serde_json::json;
    use url::Url;

    use super::*;
    use crate::{
        auth::fixtures::{Answers, credentials, oauth2, scheme},
        base::{Effect, clock::FixedClock},
        spec::{Apply, RateLimit, Usage},
        transport::{
            RateLimiter,
            fixtures::{expr, http, path, rule, text},
        },
    };

    /// Gives `t0`, then by renewal `t1`, `t2` …
    #[derive(Default)]
    struct Counted {
        renewals: AtomicUsize,
        fails: Mutex<Option<SendError>>,
    }

    impl Tokens for Counted {
        fn credentials<'a>(&'a self, _: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
            let token = format!("t{}", self.renewals.load(Ordering::Relaxed));
            Box::pin(std::future::ready(Ok(credentials(&[], Some(&token)))))
        }

        fn renew<'a>(
            &'a self,
            scheme: &'a Scheme,
            stale: &'a Credentials,
        ) -> BoxFuture<'a, Result<Credentials, SendError>> {
            if let Some(error) = self.fails.lock().unwrap().take() {
                return Box::pin(std::future::ready(Err(error)));
            }
            let number = self.renewals.fetch_add(1, Ordering::Relaxed);
            assert_eq!(stale.token.as_ref().unwrap().expose(), format!("t{number}"));
            self.credentials(scheme)
        }
    }

    fn bearer(kind: SchemeKind) -> Scheme {
        let headers = vec![("authorization".to_owned(), text("Bearer {{ auth.token }}"))];
        scheme(kind, Apply::Fields { headers, query: Vec::new() })
    }

    fn oauth() -> Scheme {
        bearer(SchemeKind::OAuth2(Box::new(oauth2())))
    }

    /// A POST through `sender` with `scheme`.
    async fn send(
        sender: &Answers,
        tokens: &Counted,
        scheme: Option<&Scheme>,
        http: &Http,
        limiter: Option<&dyn Turns>,
    ) -> Result<Answer, SendError> {
        let connection = json!({"id": "con_1"}).into();
        let clock = FixedClock("2026-11-25T09:00:00Z".parse().unwrap());
        let (connector, used, meter) = ("example", Used::default(), Meter::default());
        let live = Authenticated {
            sender,
            tokens,
            connection: &connection,
            connector,
            limiter,
            meter: Some(&meter),
            clock: &clock,
            used: &used,
        };
        let url = Url::parse("https://api.example.com/x").unwrap();
        let request = Request { method: "POST".to_owned(), url, headers: Vec::new(), body: "{}".into() };
        let timeout = Duration::from_secs(10);
        let answer = live.send(Outgoing { request, scheme, http, step: "one", effect: Effect::Write, timeout }).await;
        let told =
            answer.as_ref().ok().filter(|_| http.usage.is_some()).and_then(|it| it.header("x-left")?.parse().ok());
        assert_eq!(meter.of("con_1").first().and_then(|it| it.remaining), told, "what the last answer told is kept");
        answer
    }

    #[tokio::test]
    async fn what_answers_tell_of_the_allowance_is_kept() {
        let left = Some(expr("answer.headers['x-left']"));
        let http = Http { usage: Some(Usage { used: None, limit: None, remaining: left }), ..http() };
        let sender = Answers::default().then(401, &[("x-left", "8")], "").then(200, &[("x-left", "7")], "");
        assert!(send(&sender, &Counted::default(), Some(&oauth()), &http, None).await.is_ok());
        let sender = Answers::default().then(429, &[("x-left", "0")], "");
        assert!(send(&sender, &Counted::default(), None, &http, None).await.is_ok());
    }

    fn with(token: &str) -> String {
        format!("POST https://api.example.com/x authorization=Bearer {token} {{}}")
    }

    #[tokio::test]
    async fn a_token_that_works_is_used_as_it_is() {
        let (sender, tokens) = (Answers::default().then(200, &[], "").then(200, &[], ""), Counted::default());
        assert_eq!(send(&sender, &tokens, Some(&oauth()), &http(), None).await.unwrap().status, 200);
        assert_eq!(send(&sender, &tokens, None, &http(), None).await.unwrap().status, 200);
        assert_eq!(sender.seen(), [with("t0"), "POST https://api.example.com/x {}".to_owned()]);
    }

    #[tokio::test]
    async fn an_expired_token_is_renewed_once_and_the_same_request_sent_again() {
        let (sender, tokens) = (Answers::default().then(401, &[], "").then(201, &[], ""), Counted::default());
        assert_eq!(send(&sender, &tokens, Some(&oauth()), &http(), None).await.unwrap().status, 201);
        assert_eq!(sender.seen(), [with("t0"), with("t1")]);

        let sender = Answers::default().then(401, &[], "").then(401, &[], "");
        let error = send(&sender, &tokens, Some(&oauth()), &http(), None).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::Reauthorize, false));
        assert_eq!(sender.seen(), [with("t1"), with("t2")]);
    }

    #[tokio::test]
    async fn what_expired_means_is_the_connector_s_to_say() {
        let mut scheme = oauth();
        scheme.expired =
            vec![rule(&[(401, 401)], &["expired"], None), rule(&[(200, 200)], &[], Some("answer.body.code == 7"))];
        let mut http = http();
        http.reason = vec![path("$.error")];
        for (status, body, renews) in [
            (401, r#"{"error":"expired"}"#, true),
            (401, r#"{"error":"blocked"}"#, false),
            (401, "<html>", false),
            (200, r#"{"code":7}"#, true),
            (200, r#"{"code":8}"#, false),
            (403, r#"{"error":"expired"}"#, false),
        ] {
            let sender = Answers::default().then(status, &[], body).then(204, &[], "");
            let answer = send(&sender, &Counted::default(), Some(&scheme), &http, None).await.unwrap();
            assert_eq!(answer.status, if renews { 204 } else { status }, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn without_a_token_there_is_nothing_to_renew() {
        for kind in [SchemeKind::Static, SchemeKind::None] {
            let sender = Answers::default().then(401, &[], "");
            assert_eq!(
                send(&sender, &Counted::default(), Some(&bearer(kind)), &http(), None).await.unwrap().status,
                401
            );
        }
    }

    #[tokio::test]
    async fn a_renewal_that_fails_says_that_the_request_did_not_happen() {
        let sender = Answers::default().then(401, &[], "");
        let lost = SendError::maybe_sent(Code::Unavailable, "the connection was lost");
        let tokens = Counted { fails: Mutex::new(Some(lost)), ..Counted::default() };
        let error = send(&sender, &tokens, Some(&oauth()), &http(), None).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::Unavailable, false));
    }

    /// Never gives any.
    struct Stuck;

    impl Tokens for Stuck {
        fn credentials<'a>(&'a self, _: &'a Scheme) -> BoxFuture<'a, Result<Credentials, SendError>> {
            Box::pin(std::future::pending())
        }

        fn renew<'a>(
            &'a self,
            scheme: &'a Scheme,
            _: &'a Credentials,
        ) -> BoxFuture<'a, Result<Credentials, SendError>> {
            self.credentials(scheme)
        }
    }

    #[tokio::test]
    async fn a_token_that_does_not_come_takes_no_longer_than_the_request_may() {
        let (sender, clock) = (Answers::default(), FixedClock("2026-11-25T09:00:00Z".parse().unwrap()));
        let (connection, used) = (Arc::new(json!({})), Used::default());
        let live = Authenticated {
            sender: &sender,
            tokens: &Stuck,
            connection: &connection,
            connector: "example",
            limiter: None,
            meter: None,
            clock: &clock,
            used: &used,
        };
        let url = Url::parse("https://api.example.com/x").unwrap();
        let request = Request { method: "POST".to_owned(), url, headers: Vec::new(), body: "{}".into() };
        let (http, scheme, timeout) = (http(), oauth(), Duration::from_millis(5));
        let outgoing =
            Outgoing { request, scheme: Some(&scheme), http: &http, step: "one", effect: Effect::Write, timeout };
        let error = live.send(outgoing).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived, sender.seen().len()), (Code::Timeout, false, 0));
    }

    #[tokio::test]
    async fn what_fails_on_the_way_is_handed_on() {
        let lost = SendError::maybe_sent(Code::Timeout, "no answer");
        let sender = Answers::default().then_fails(lost);
        let error = send(&sender, &Counted::default(), Some(&oauth()), &http(), None).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::Timeout, true));
    }

    #[tokio::test]
    async fn our_own_limit_is_kept_per_connection() {
        let limiter = RateLimiter::default();
        let mut http = http();
        http.rate_limit = Some(RateLimit { per_connection: true, requests: 1, window: Duration::from_secs(60) });
        let sender = Answers::default().then(200, &[], "");
        assert!(send(&sender, &Counted::default(), None, &http, Some(&limiter)).await.is_ok());
        let error = send(&sender, &Counted::default(), None, &http, Some(&limiter)).await.unwrap_err();
        assert_eq!((error.code, error.retry_after), (Code::RateLimited, Some(Duration::from_secs(60))));
        assert_eq!(sender.seen().len(), 1);
    }
}
