//! One request and its answer, repeated where that is safe.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use jiff::Timestamp;

use super::{
    Context, Event, Failure, Unsent,
    answer::{self, Refusal, Reply},
    retry::{self, Attempt},
};
use crate::{
    base::{Code, Effect},
    expr::Scope,
    format::Parts,
    spec::{AnswerKind, ErrorRule, Scheme},
    transport::{Outgoing, SendError},
    wire,
};

/// A rendered request with all that decides how it is sent and how its answer is read.
#[derive(Clone)]
pub(super) struct Exchange<'e> {
    /// The step's name, for traces.
    pub(super) name: &'e str,
    /// The sign-in that it names; `None` is the first.
    pub(super) auth: Option<&'e str>,
    /// How its answer is read.
    pub(super) answer: AnswerKind,
    /// What of it is looked at.
    pub(super) looked_at: &'e Parts,
    pub(super) request: Arc<wire::Request>,
    pub(super) effect: Effect,
    pub(super) idempotent: bool,
    /// Tried first.
    pub(super) rules: &'e [ErrorRule],
    /// What the request saw; the answer's expressions see it too.
    pub(super) scope: &'e Scope,
    /// Nothing is sent after it.
    pub(super) deadline: Timestamp,
    /// It finds out, or takes back, what may have happened.
    pub(super) settles: bool,
}

/// Why there is no success.
pub(super) struct Trouble {
    pub(super) failure: Failure,
    /// Whether a write may have taken effect, by this or by an earlier attempt.
    pub(super) unsure: bool,
}

impl Trouble {
    /// Nothing was sent.
    pub(super) fn sure(failure: Failure) -> Self {
        Self { failure, unsure: false }
    }
}

/// One attempt's failure.
struct Failed {
    failure: Failure,
    unsure: bool,
    repeatable: bool,
    retry_after: Option<Duration>,
}

/// Sends the request, the same bytes up to three times, until an answer is a success or repeating is not safe or no use.
pub(super) async fn send(context: &Context<'_>, exchange: &Exchange<'_>) -> Result<Reply, Trouble> {
    send_after(context, exchange, false).await
}

/// The same after attempts of which it is `unsure` whether they took effect.
pub(super) async fn send_after(
    context: &Context<'_>,
    exchange: &Exchange<'_>,
    mut unsure: bool,
) -> Result<Reply, Trouble> {
    // Once an attempt may have taken effect, no later refusal proves that it did not.
    let mut attempt = 0;
    loop {
        // what is sent to know what became of an earlier one is never held back
        let failed = match once(context, exchange, exchange.settles || unsure).await {
            Ok(reply) => return Ok(reply),
            Err(failed) => failed,
        };
        unsure |= failed.unsure;
        if exchange.idempotent && !failed.unsure && failed.failure.code == Code::Declined {
            // Had an earlier attempt been taken, the provider would say so now: who knows repetitions declines none.
            unsure = false;
        }
        let pause = retry::pause(&context.key(), exchange.name, attempt, failed.retry_after);
        let in_time = left(exchange, context.clock.now()).is_some_and(|left| pause < left);
        if !failed.repeatable || attempt == retry::REPETITIONS || !in_time {
            return Err(Trouble { failure: failed.failure, unsure });
        }
        context.clock.sleep(pause).await;
        attempt += 1;
    }
}

/// The time until the deadline; `None` if it has passed.
fn left(exchange: &Exchange<'_>, now: Timestamp) -> Option<Duration> {
    let left = Duration::try_from(exchange.deadline.duration_since(now)).ok()?;
    (!left.is_zero()).then_some(left)
}

async fn once(context: &Context<'_>, exchange: &Exchange<'_>, settles: bool) -> Result<Reply, Failed> {
    let not_sent = |code, detail: String| Failed {
        failure: Failure::new(code, detail),
        unsure: false,
        repeatable: false,
        retry_after: None,
    };
    let mut started = context.clock.now();
    let Some(left) = left(exchange, started) else {
        return Err(not_sent(Code::Timeout, format!("no time was left for {}", exchange.request.line())));
    };
    let scheme = scheme(context, exchange.auth).map_err(|detail| not_sent(Code::Unsupported, detail))?;
    if exchange.effect != Effect::Read {
        // What isn't on record is not sent: after a crash nobody would know of it.
        let checkpoint = context.intends(exchange.name, &exchange.request);
        match context.observer.before_write(exchange.name, &exchange.request, checkpoint).await {
            Ok(()) => {}
            Err(Unsent::NotNoted(error)) => {
                return Err(not_sent(Code::Unavailable, format!("the write could not be recorded: {error}")));
            }
            Err(Unsent::Lost) => {
                context.lost.store(true, Ordering::Relaxed);
                return Err(not_sent(Code::Unavailable, "another process goes on with it".to_owned()));
            }
        }
        started = context.clock.now();
    }
    let outgoing = Outgoing {
        request: Arc::clone(&exchange.request),
        scheme,
        http: &context.connector.http,
        step: exchange.name,
        effect: exchange.effect,
        timeout: context.connector.http.timeout.min(left),
        settles,
    };
    let result = context.transport.send(outgoing).await.map(Arc::new);
    let took = Duration::try_from(context.clock.now().duration_since(started)).unwrap_or_default();
    context.observer.event(Event::Exchanged {
        step: exchange.name,
        request: &exchange.request,
        answer: result.as_ref(),
        duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    });
    match result {
        Ok(answer) => answer::read(context, exchange, answer).map_err(|refusal| refused(exchange, refusal)),
        Err(error) => Err(unanswered(exchange, error)),
    }
}

fn refused(exchange: &Exchange<'_>, refusal: Refusal) -> Failed {
    let Refusal { failure, retry_after, unsure } = refusal;
    Failed { repeatable: repeatable(exchange, failure.code, true, unsure), failure, unsure, retry_after }
}

fn unanswered(exchange: &Exchange<'_>, error: SendError) -> Failed {
    let SendError { code, may_have_arrived, message, retry_after, held_back } = error;
    let unsure = may_have_arrived && exchange.effect != Effect::Read;
    let mut failure = Failure::new(code, format!("{}: {message}", exchange.request.line()));
    failure.retry_after_seconds = retry_after.map(retry::whole_seconds);
    let repeatable = !held_back && repeatable(exchange, code, may_have_arrived, unsure);
    Failed { repeatable, failure, unsure, retry_after }
}

fn repeatable(exchange: &Exchange<'_>, code: Code, arrived: bool, unsure: bool) -> bool {
    let Exchange { effect, idempotent, .. } = *exchange;
    retry::may_repeat(Attempt { effect, idempotent, code, arrived, unsure })
}

/// The scheme that a request names, or the first one.
fn scheme<'c>(context: &Context<'c>, name: Option<&str>) -> Result<Option<&'c Scheme>, String> {
    let schemes = &context.connector.account.schemes;
    match name {
        None => Ok(schemes.first().map(|(_, scheme)| scheme)),
        Some("none") => Ok(None),
        Some(name) => schemes.get(name).map(Some).ok_or_else(|| format!("there is no sign-in `{name}`")),
    }
}
