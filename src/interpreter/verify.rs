//! Finds out whether a write happened, by asking the provider.

use std::{sync::Arc, time::Duration};

use super::{
    Context, Failure,
    answer::Reply,
    exchange::{self, Exchange, Trouble},
};
use crate::{
    base::{Code, Effect},
    expr::{Expr, Scope},
    format::Parts,
    spec::{RequestStep, Verify},
    transport::render,
};

/// Asked at once, a provider would say "no such thing" of something that is there a moment later.
const SOON: Duration = Duration::from_millis(500);

/// So often it is asked, as long as no answer comes in time.
const ATTEMPTS: u32 = 3;

/// What the provider said when it was asked.
pub(super) enum Found {
    /// The write is there: this is the answer to go on with.
    Happened(Reply),
    /// It isn't there.
    Absent,
    /// Something is there, but not what this step would have written.
    Foreign,
    /// There was no usable answer.
    Unknown {
        why: String,
        /// There was none at all, in time.
        timed_out: bool,
    },
}

impl Found {
    fn unknown(why: String) -> Self {
        Self::Unknown { why, timed_out: false }
    }
}

/// Makes of a failed write what is known about it: its answer, its failure, or `unknown_outcome`.
pub(super) async fn settle(
    context: &Context<'_>,
    step: &RequestStep,
    scope: &Scope,
    name: &str,
    trouble: Trouble,
) -> Result<Reply, Failure> {
    let Trouble { failure, unsure } = trouble;
    let asked = step.verify.as_ref().filter(|it| unsure || it.on.contains(&failure.code));
    let Some(verify) = asked else {
        return Err(if unsure { unknown(failure, "and it can't be verified") } else { failure });
    };
    let found = match unsure {
        true => look(context, verify, scope, name, Duration::ZERO).await,
        false => ask(context, verify, scope, name).await,
    };
    match found {
        Found::Happened(reply) => Ok(reply),
        // The failure stands, and as nothing happened it may be reported as one that can be repeated.
        Found::Absent if unsure => Err(did_not_happen(failure)),
        Found::Absent => Err(failure),
        // A definite refusal, explained: what is in the way is somebody else's.
        Found::Foreign if !unsure => Err(failure),
        Found::Foreign => {
            Err(unknown(failure, "and what the provider has does not tell whether it is of this request"))
        }
        // Even a definite refusal may be due to an earlier attempt of the same call, so it can't be believed unseen.
        Found::Unknown { why, .. } => Err(unknown(failure, &format!("and verifying failed: {why}"))),
    }
}

/// Asks the provider what became of a write that was cut off `age` ago: once it can be seen, if it happened.
///
/// Where the connector doesn't say how long that takes, "no such thing" is believed only when it is said twice: soon, and again
/// after as long as a request may take. What was given up here may still be going on there.
pub(super) async fn look(context: &Context<'_>, verify: &Verify, scope: &Scope, name: &str, age: Duration) -> Found {
    context.clock.sleep(verify.settle.unwrap_or(SOON).saturating_sub(age)).await;
    let found = ask(context, verify, scope, name).await;
    let longest = context.connector.http.timeout;
    if verify.settle.is_some() || age >= longest || !matches!(found, Found::Absent) {
        return found;
    }
    context.clock.sleep(longest.saturating_sub(age)).await;
    ask(context, verify, scope, name).await
}

/// Asks again where no answer came in time: it is a read, and to know is worth it.
async fn ask(context: &Context<'_>, verify: &Verify, scope: &Scope, name: &str) -> Found {
    for _ in 1..ATTEMPTS {
        match ask_once(context, verify, scope, name).await {
            Found::Unknown { timed_out: true, .. } => {}
            found => return found,
        }
    }
    ask_once(context, verify, scope, name).await
}

async fn ask_once(context: &Context<'_>, verify: &Verify, scope: &Scope, name: &str) -> Found {
    let name = format!("{name} (verify)");
    let request = match render(&verify.request, &context.connector.http, scope) {
        Ok(request) => request,
        Err(error) => return Found::unknown(error.message),
    };
    let exchange = Exchange {
        name: &name,
        auth: verify.request.auth.as_deref(),
        answer: verify.request.answer,
        looked_at: &Parts::All,
        request: request.into(),
        effect: Effect::Read,
        idempotent: true,
        rules: &[],
        scope,
        // The plan's own deadline may have passed waiting for the write. To know is worth being late.
        deadline: context.after(context.connector.http.timeout),
        settles: true,
    };
    match exchange::send(context, &exchange).await {
        Ok(reply) => judge(verify, reply),
        Err(Trouble { failure, .. }) if failure.code == Code::NotFound => Found::Absent,
        Err(Trouble { failure, .. }) => {
            Found::Unknown { timed_out: failure.code == Code::Timeout, why: failure.detail }
        }
    }
}

/// What an answer shows.
fn judge(verify: &Verify, reply: Reply) -> Found {
    match shown(&verify.holds, &verify.absent, &reply.scope) {
        Err(why) => Found::unknown(why),
        Ok(Some(true)) => Found::Happened(reply),
        Ok(Some(false)) => Found::Absent,
        Ok(None) => Found::Foreign,
    }
}

/// Whether a write happened, by `holds` and `absent`. Nothing: what is seen is not of it.
pub(super) fn shown(
    holds: &Option<Arc<Expr>>,
    absent: &Option<Arc<Expr>>,
    scope: &Scope,
) -> Result<Option<bool>, String> {
    let shows = |name: &str, test: &Option<Arc<Expr>>| {
        let test = test.as_ref().map(|it| it.test(scope)).transpose();
        test.map_err(|error| format!("`{name}`: {error}"))
    };
    match (shows("holds", holds), shows("absent", absent)) {
        (Err(why), _) | (Ok(None | Some(false)), Err(why)) => Err(why),
        (Ok(None | Some(false)), Ok(Some(true))) => Ok(Some(false)),
        (Ok(Some(false)), Ok(_)) => Ok(None),
        (Ok(None | Some(true)), _) => Ok(Some(true)),
    }
}

/// The failure of a write that certainly did not happen. A rule may have called it `unknown_outcome`, or it may have come
/// from an unreadable answer; now more is known.
fn did_not_happen(mut failure: Failure) -> Failure {
    failure.add_detail("the provider was asked: it did not happen");
    match failure.code {
        Code::UnknownOutcome | Code::ProviderError => failure.turned_into(Code::Unavailable),
        _ => failure,
    }
}

/// The failure of a write that may have happened.
pub(super) fn unknown(mut failure: Failure, why: &str) -> Failure {
    failure.add_detail(&format!("it may have taken effect all the same, {why}"));
    failure.retry_after_seconds = None;
    failure.turned_into(Code::UnknownOutcome)
}
