//! The live transport: waits its turn, signs, sends, and renews a token that the provider calls expired.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Credentials, Tokens, Used, sign::sign};
use crate::{
    base::{BoxFuture, Clock, Code},
    expr::Scope,
    format,
    spec::{AnswerKind, Http, Scheme},
    transport::{
        Allowances, Isolation, Meter, Outgoing, ReadAnswer, SendError, Sender, Signed, Transport, Turns,
        isolation::{Outcome, Sent},
        limits,
    },
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
    /// What is kept of everybody's requests; `None`: of these alone nothing is.
    pub traffic: Option<Traffic<'a>>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Takes in what is signed with.
    pub used: &'a Used,
}

/// What is kept of all requests that leave, so that none harms another.
#[derive(Clone, Copy)]
pub struct Traffic<'a> {
    /// For whom these are sent.
    pub by: Sent,
    /// Our own limits towards providers.
    pub limiter: &'a dyn Turns,
    /// What answers tell of the providers' limits.
    pub allowances: &'a Allowances,
    /// How much of them is used, to be shown.
    pub meter: &'a Meter,
    /// Bulkheads and breakers.
    pub isolation: &'a Isolation,
}

impl Authenticated<'_> {
    async fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Answer, SendError> {
        let Outgoing { request, scheme, http, timeout, settles, .. } = outgoing;
        // Waiting for a turn, for a token, and sending it twice if need be: all of it within the one time-out.
        let mut now = self.clock.now();
        let end = now.checked_add(timeout).unwrap_or(Timestamp::MAX);
        if let Some(traffic) = &self.traffic
            && (http.allowance.is_some() || http.rate_limit.is_some())
        {
            self.turn(traffic, http, timeout).await?;
            now = self.clock.now();
        }
        let Some(scheme) = scheme else {
            let signed = Signed::unsigned(request);
            return self.deliver(signed, http, now, end, settles).await;
        };
        let credentials = match self.tokens.at_hand(scheme) {
            Some(credentials) => credentials,
            None => {
                let credentials = in_time(left(end, now), self.tokens.credentials(scheme)).await?;
                now = self.clock.now();
                credentials
            }
        };
        let credentials = Arc::new(credentials);
        let signed = self.sign(scheme, &credentials, Arc::clone(&request), now)?;
        let answer = self.deliver(signed, http, now, end, settles).await?;
        // Without a token there is nothing to renew: what the answer means is for the connector's rules to say.
        if !scheme.gets_token() || !is_expired(scheme, &answer, http) {
            return Ok(answer);
        }
        // boxed, since every exchange has room for what it awaits
        let again = async {
            let renewed = in_time(left(end, self.clock.now()), self.tokens.renew(scheme, &credentials)).await?;
            let now = self.clock.now();
            let signed = self.sign(scheme, &renewed.into(), request, now)?;
            let answer = self.deliver(signed, http, now, end, settles).await?;
            if is_expired(scheme, &answer, http) {
                let message = format!("the provider answers {} to a token that is new", answer.status);
                return Err(SendError::not_sent(Code::Reauthorize, message));
            }
            Ok(answer)
        };
        Box::pin(again).await
    }

    /// Waits until the provider's own limit, and ours, let it pass.
    async fn turn(&self, traffic: &Traffic<'_>, http: &Http, patience: Duration) -> Result<(), SendError> {
        if let Some(limit) = &http.allowance {
            traffic.allowances.turn(limit, self.connector, traffic.by.connection, patience, self.clock).await?;
        }
        if let Some(limit) = http.rate_limit {
            limits::turn(traffic.limiter, &self.key(limit.per_connection), limit, patience, self.clock).await?;
        }
        Ok(())
    }

    async fn deliver(
        &self,
        signed: Signed,
        http: &Http,
        now: Timestamp,
        end: Timestamp,
        settles: bool,
    ) -> Result<Answer, SendError> {
        let mut timeout = left(end, now);
        let Some(traffic) = &self.traffic else { return self.sender.send_signed(signed, http, timeout).await };
        let host = signed.request.url.host_str().unwrap_or_default();
        let pass = traffic.isolation.enter(traffic.by, host, timeout, settles).await?;
        if pass.has_waited() {
            timeout = left(end, self.clock.now());
        }
        let result = self.sender.send_signed(signed, http, timeout).await;
        let now = self.clock.now();
        pass.ended(outcome(&result, timeout >= http.timeout / 2, now));
        let answer = result?;
        if let Some(usage) = &http.usage {
            let id = self.connection.get("id").and_then(Json::as_str).unwrap_or_default();
            traffic.meter.note(id, self.connector, usage, &answer, now);
        }
        if let Some(limit) = &http.allowance {
            traffic.allowances.note(limit, self.connector, traffic.by.connection, &answer, now);
        }
        Ok(answer)
    }

    fn sign(
        &self,
        scheme: &Scheme,
        credentials: &Arc<Credentials>,
        request: Arc<Request>,
        now: Timestamp,
    ) -> Result<Signed, SendError> {
        // Only whoever gave the credential can help: a key that isn't one, a line break in a password.
        let signed = sign(scheme, credentials, request, self.connection, now)
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

fn left(end: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or_default()
}

/// What a request tells of whether its provider works. One that had no `time` to speak of tells nothing by running out of it.
fn outcome(result: &Result<Answer, SendError>, time: bool, now: Timestamp) -> Outcome {
    match result {
        // a gateway that can't reach what is behind it, or the provider itself saying that it can't
        Ok(answer) if matches!(answer.status, 502..=504) => Outcome::Failed { asked: answer.retry_after(now) },
        Ok(_) => Outcome::Answered,
        Err(error) if error.code == Code::Unavailable => Outcome::Failed { asked: None },
        Err(error) if error.code == Code::Timeout && time => Outcome::Failed { asked: None },
        Err(_) => Outcome::Unclear,
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
        base::{ConnectionId, Effect, OrgId, clock::FixedClock},
        spec::{Allowance, Apply, Placed, RateLimit, ResetUnit, SchemeKind, Usage},
        system::SystemRandom,
        transport::{
            RateLimiter,
            fixtures::{expr, http, path, rule, text},
            isolation::Bounds,
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
        scheme(kind, Apply::Fields(Box::new(Placed { headers, ..Placed::default() })))
    }

    fn oauth() -> Scheme {
        bearer(SchemeKind::OAuth2(Box::new(oauth2())))
    }

    /// What is kept of the requests of a test.
    struct Kept {
        by: Sent,
        limiter: RateLimiter,
        allowances: Allowances,
        meter: Meter,
        isolation: Isolation,
    }

    impl Default for Kept {
        fn default() -> Self {
            let epoch = Timestamp::UNIX_EPOCH;
            let clock = FixedClock("2026-11-25T09:00:00Z".parse().unwrap());
            Self {
                by: Sent {
                    org: OrgId::new(epoch, &SystemRandom),
                    connection: ConnectionId::new(epoch, &SystemRandom),
                    own: false,
                },
                limiter: RateLimiter::default(),
                allowances: Allowances::default(),
                meter: Meter::default(),
                isolation: Isolation::new(Bounds::default(), Arc::new(clock), Arc::new(SystemRandom)),
            }
        }
    }

    impl Kept {
        fn traffic(&self) -> Traffic<'_> {
            let Self { by, limiter, allowances, meter, isolation } = self;
            Traffic { by: *by, limiter, allowances, meter, isolation }
        }
    }

    /// A POST through `sender` with `scheme`.
    async fn send(
        sender: &Answers,
        tokens: &Counted,
        scheme: Option<&Scheme>,
        http: &Http,
    ) -> Result<Answer, SendError> {
        send_kept(sender, tokens, scheme, http, &Kept::default()).await
    }

    /// The same beside what was kept of others.
    async fn send_kept(
        sender: &Answers,
        tokens: &Counted,
        scheme: Option<&Scheme>,
        http: &Http,
        kept: &Kept,
    ) -> Result<Answer, SendError> {
        let connection = json!({"id": "con_1"}).into();
        let clock = FixedClock("2026-11-25T09:00:00Z".parse().unwrap());
        let (connector, used) = ("example", Used::default());
        let traffic = Some(kept.traffic());
        let live =
            Authenticated { sender, tokens, connection: &connection, connector, traffic, clock: &clock, used: &used };
        let url = Url::parse("https://api.example.com/x").unwrap();
        let request = Request { method: "POST".to_owned(), url, headers: Vec::new(), body: "{}".into() };
        let timeout = Duration::from_secs(10);
        let outgoing = Outgoing {
            request: request.into(),
            scheme,
            http,
            step: "one",
            effect: Effect::Write,
            timeout,
            settles: false,
        };
        let answer = live.send(outgoing).await;
        let told =
            answer.as_ref().ok().filter(|_| http.usage.is_some()).and_then(|it| it.header("x-left")?.parse().ok());
        let kept = kept.meter.of("con_1").first().and_then(|it| it.remaining);
        assert_eq!(kept, told, "what the last answer told is kept");
        answer
    }

    #[tokio::test]
    async fn what_answers_tell_of_the_allowance_is_kept() {
        let left = Some(expr("answer.headers['x-left']"));
        let http = Http { usage: Some(Usage { used: None, limit: None, remaining: left }), ..http() };
        let sender = Answers::default().then(401, &[("x-left", "8")], "").then(200, &[("x-left", "7")], "");
        assert!(send(&sender, &Counted::default(), Some(&oauth()), &http).await.is_ok());
        let sender = Answers::default().then(429, &[("x-left", "0")], "");
        assert!(send(&sender, &Counted::default(), None, &http).await.is_ok());
    }

    fn with(token: &str) -> String {
        format!("POST https://api.example.com/x authorization=Bearer {token} {{}}")
    }

    #[tokio::test]
    async fn a_token_that_works_is_used_as_it_is() {
        let (sender, tokens) = (Answers::default().then(200, &[], "").then(200, &[], ""), Counted::default());
        assert_eq!(send(&sender, &tokens, Some(&oauth()), &http()).await.unwrap().status, 200);
        assert_eq!(send(&sender, &tokens, None, &http()).await.unwrap().status, 200);
        assert_eq!(sender.seen(), [with("t0"), "POST https://api.example.com/x {}".to_owned()]);
    }

    #[tokio::test]
    async fn an_expired_token_is_renewed_once_and_the_same_request_sent_again() {
        let (sender, tokens) = (Answers::default().then(401, &[], "").then(201, &[], ""), Counted::default());
        assert_eq!(send(&sender, &tokens, Some(&oauth()), &http()).await.unwrap().status, 201);
        assert_eq!(sender.seen(), [with("t0"), with("t1")]);

        let sender = Answers::default().then(401, &[], "").then(401, &[], "");
        let error = send(&sender, &tokens, Some(&oauth()), &http()).await.unwrap_err();
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
            let answer = send(&sender, &Counted::default(), Some(&scheme), &http).await.unwrap();
            assert_eq!(answer.status, if renews { 204 } else { status }, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn without_a_token_there_is_nothing_to_renew() {
        for kind in [SchemeKind::Static, SchemeKind::None] {
            let sender = Answers::default().then(401, &[], "");
            assert_eq!(send(&sender, &Counted::default(), Some(&bearer(kind)), &http()).await.unwrap().status, 401);
        }
    }

    #[tokio::test]
    async fn a_renewal_that_fails_says_that_the_request_did_not_happen() {
        let sender = Answers::default().then(401, &[], "");
        let lost = SendError::maybe_sent(Code::Unavailable, "the connection was lost");
        let tokens = Counted { fails: Mutex::new(Some(lost)), ..Counted::default() };
        let error = send(&sender, &tokens, Some(&oauth()), &http()).await.unwrap_err();
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
            traffic: None,
            clock: &clock,
            used: &used,
        };
        let url = Url::parse("https://api.example.com/x").unwrap();
        let request = Request { method: "POST".to_owned(), url, headers: Vec::new(), body: "{}".into() };
        let (http, scheme, timeout) = (http(), oauth(), Duration::from_millis(5));
        let outgoing = Outgoing {
            request: request.into(),
            scheme: Some(&scheme),
            http: &http,
            step: "one",
            effect: Effect::Write,
            timeout,
            settles: false,
        };
        let error = live.send(outgoing).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived, sender.seen().len()), (Code::Timeout, false, 0));
    }

    #[tokio::test]
    async fn what_fails_on_the_way_is_handed_on() {
        let lost = SendError::maybe_sent(Code::Timeout, "no answer");
        let sender = Answers::default().then_fails(lost);
        let error = send(&sender, &Counted::default(), Some(&oauth()), &http()).await.unwrap_err();
        assert_eq!((error.code, error.may_have_arrived), (Code::Timeout, true));
    }

    #[tokio::test]
    async fn our_own_limit_is_kept_per_connection() {
        let (kept, tokens) = (Kept::default(), Counted::default());
        let mut http = http();
        http.rate_limit = Some(RateLimit { per_connection: true, requests: 1, window: Duration::from_secs(60) });
        let sender = Answers::default().then(200, &[], "");
        assert!(send_kept(&sender, &tokens, None, &http, &kept).await.is_ok());
        let error = send_kept(&sender, &tokens, None, &http, &kept).await.unwrap_err();
        assert_eq!((error.code, error.retry_after), (Code::RateLimited, Some(Duration::from_secs(60))));
    }

    #[tokio::test]
    async fn once_the_provider_says_that_nothing_is_left_nothing_is_sent() {
        let (kept, tokens) = (Kept::default(), Counted::default());
        let (remaining, reset) = ("x-left".to_owned(), "x-reset".to_owned());
        let allowance = Allowance { per_connection: true, remaining, reset, unit: ResetUnit::EpochSeconds };
        let http = Http { allowance: Some(allowance), ..http() };
        let ends = "1795597245"; // 2026-11-25T09:00:45Z
        let sender = Answers::default().then(200, &[("x-left", "0"), ("x-reset", ends)], "");
        assert!(send_kept(&sender, &tokens, None, &http, &kept).await.is_ok());
        let error = send_kept(&sender, &tokens, None, &http, &kept).await.unwrap_err();
        assert_eq!((error.code, error.retry_after), (Code::RateLimited, Some(Duration::from_secs(45))));
        assert_eq!(sender.seen().len(), 1);
    }

    #[tokio::test]
    async fn a_provider_that_fails_again_and_again_is_left_alone() {
        let (kept, tokens) = (Kept::default(), Counted::default());
        let lost = || SendError::maybe_sent(Code::Unavailable, "the connection was lost");
        let late = || SendError::maybe_sent(Code::Timeout, "no answer");
        let sender = Answers::default().then(500, &[], "").then(404, &[], "").then(502, &[], "").then(503, &[], "");
        let sender = sender.then_fails(lost()).then_fails(late()).then(504, &[], "");
        for _ in 0..7 {
            let _ = send_kept(&sender, &tokens, None, &http(), &kept).await;
        }
        let error = send_kept(&sender, &tokens, None, &http(), &kept).await.unwrap_err();
        assert_eq!((error.code, error.held_back, sender.seen().len()), (Code::Unavailable, true, 7));
    }

    #[test]
    fn running_out_of_a_time_that_was_none_says_nothing_of_the_provider() {
        let late = || Err(SendError::maybe_sent(Code::Timeout, "no answer"));
        assert_eq!(outcome(&late(), false, Timestamp::UNIX_EPOCH), Outcome::Unclear);
        assert_eq!(outcome(&late(), true, Timestamp::UNIX_EPOCH), Outcome::Failed { asked: None });
    }
}
