//! Goes on with a write that was noted before it was sent, by a run that ended there: nobody knows whether it arrived.

use std::time::Duration;

use jiff::SignedDuration;

use super::{
    Context, Failure,
    answer::Reply,
    checkpoint::Sent,
    exchange::{self, Exchange, Trouble},
    retry,
    verify::{self, Found},
};
use crate::{base::Code, spec::RequestStep};

/// So long after it was first sent an idempotent write is repeated. A provider that knows a repetition by a key forgets the key
/// some day, and then a repetition is a second write; the soonest of those that tell do so after three minutes.
pub(super) const REMEMBERED: Duration = Duration::from_secs(120);

/// Finds out what became of the write, or does it: by the provider's own idempotency, else by asking the provider.
pub(super) async fn write(
    context: &Context<'_>,
    step: &RequestStep,
    exchange: &Exchange<'_>,
    sent: &Sent,
) -> Result<Reply, Failure> {
    if step.idempotent && step.pages.is_none() && is_remembered(context, exchange, sent) {
        // the answer also tells what became of the first
        return match exchange::send_after(context, exchange, true).await {
            Ok(reply) => Ok(reply),
            Err(trouble) => verify::settle(context, step, exchange.scope, exchange.name, trouble).await,
        };
    }
    let Some(verify) = &step.verify else {
        return Err(verify::unknown(lost(exchange), "and it can't be verified"));
    };
    // what was sent long ago need not be waited for as though it were sent now
    let age = Duration::try_from(context.clock.now().duration_since(sent.last)).unwrap_or_default();
    match verify::look(context, verify, exchange.scope, exchange.name, age).await {
        Found::Happened(reply) => Ok(reply),
        // nothing was done, so it is done now
        Found::Absent => match exchange::send(context, exchange).await {
            Ok(reply) => Ok(reply),
            Err(trouble) => verify::settle(context, step, exchange.scope, exchange.name, trouble).await,
        },
        Found::Foreign => Err(verify::unknown(
            lost(exchange),
            "and what the provider has does not tell whether it is of this request",
        )),
        Found::Unknown { why, .. } => Err(verify::unknown(lost(exchange), &format!("and verifying failed: {why}"))),
    }
}

/// Settles a failed write. One whose time was over before it could be repeated is repeated all the same, if its provider knows
/// repetitions and there is no other way to ask: to know is worth being late.
pub(super) async fn late(
    context: &Context<'_>,
    step: &RequestStep,
    exchange: &Exchange<'_>,
    trouble: Trouble,
) -> Result<Reply, Failure> {
    let is_unknown = trouble.unsure && step.idempotent && step.verify.is_none() && step.pages.is_none();
    let is_over = exchange.deadline < context.after(retry::FIRST_PAUSE);
    let sent = context.state().sent(exchange.name).cloned();
    match sent.filter(|it| is_unknown && is_over && is_remembered(context, exchange, it)) {
        None => verify::settle(context, step, exchange.scope, exchange.name, trouble).await,
        Some(sent) => {
            let deadline = context.after(context.connector.http.timeout);
            write(context, step, &Exchange { deadline, ..exchange.clone() }, &sent).await
        }
    }
}

/// Takes a step back by a request that may have been sent before.
pub(super) async fn undo(context: &Context<'_>, exchange: &Exchange<'_>) -> Result<Reply, Trouble> {
    if exchange.idempotent {
        return exchange::send_after(context, exchange, true).await;
    }
    Err(Trouble { failure: verify::unknown(lost(exchange), "and it can't be verified"), unsure: true })
}

/// Whether the provider takes the request for the one that it may have had.
fn is_remembered(context: &Context<'_>, exchange: &Exchange<'_>, sent: &Sent) -> bool {
    let since = context.clock.now().duration_since(sent.at);
    sent.is(&exchange.request) && since <= SignedDuration::try_from(REMEMBERED).unwrap_or(SignedDuration::ZERO)
}

fn lost(exchange: &Exchange<'_>) -> Failure {
    let detail = format!("{}: the engine stopped while it was on its way", exchange.request.line());
    Failure::new(Code::Unavailable, detail)
}
