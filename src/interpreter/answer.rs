//! From an answer's bytes to what it means.

use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;

use super::{Context, Event, Failure, Way, exchange::Exchange, retry, unsure};
use crate::{
    base::{Code, Effect, shortened},
    expr::{Scope, Sink},
    format,
    spec::ErrorRule,
    transport::{
        ReadAnswer,
        allowance::renewed_in,
        rules::{self, text, with_answer},
    },
    wire,
};

/// The provider's own words are cut after so many characters.
const LONGEST_MESSAGE: usize = 300;

/// A successful answer.
pub(super) struct Reply {
    /// Its body, read.
    pub(super) body: Arc<Json>,
    /// The request's scope with `answer` and `$`.
    pub(super) scope: Scope,
    /// As it came.
    pub(super) answer: Arc<wire::Answer>,
}

impl Reply {
    /// The same answer with another body, as pages have.
    pub(super) fn with_body(mut self, body: Json) -> Self {
        self.body = Arc::new(body);
        self.scope = with_answer(&self.scope, &self.answer, &self.body);
        self
    }
}

/// An answer that is a failure.
pub(super) struct Refusal {
    pub(super) failure: Failure,
    /// What the provider asked to be left alone for.
    pub(super) retry_after: Option<Duration>,
    /// Whether a write may have taken effect all the same.
    pub(super) unsure: bool,
}

/// Reads `answer` and finds out what it means: by the step's rules, the connector's, the account's, then by status.
pub(super) fn read(
    context: &Context<'_>,
    exchange: &Exchange<'_>,
    answer: Arc<wire::Answer>,
) -> Result<Reply, Refusal> {
    let http = &context.connector.http;
    let body = match format::answer::read_parts(&answer, exchange.answer, &http.xml, exchange.looked_at) {
        Ok(body) => body,
        Err(error) => return Err(unreadable(exchange, &answer, &error)),
    };
    let read = ReadAnswer::new(&answer, body, http, exchange.scope);

    let general = http.errors.iter().chain(&context.connector.account.errors);
    let mut rules = exchange.rules.iter().map(|it| (it, true)).chain(general.map(|it| (it, false)));
    let rule = rules.find(|(it, _)| read.matches(it));
    let (code, by_step) = match rule {
        Some((rule, by_step)) => (rule.is, by_step),
        None => (rules::by_status(answer.status), false),
    };
    let rule = rule.map(|(it, _)| it);
    rule.iter().for_each(|it| context.observer.passed(it.span, Way::Matched));
    let Some(code) = code else { return Ok(Reply { body: read.body, scope: read.scope, answer }) };

    if rule.is_some_and(|it| it.schema_changed) {
        context.observer.event(Event::SchemaChanged);
    }
    let say = rule.and_then(|it| it.say.as_ref()).and_then(|it| it.render(&read.scope, Sink::Plain).ok());
    let now = context.clock.now();
    // what the connector's header says is about the limit only
    let renewed = || renewed_in(http.allowance.as_ref().filter(|_| code == Code::RateLimited)?, &answer, now);
    let retry_after =
        rule.and_then(|it| asked_by_rule(it, &read.scope)).or_else(|| answer.retry_after(now)).or_else(renewed);
    let mut failure = Failure::new(code, described(exchange, &read));
    failure.say = say.filter(|it| !it.is_empty()).unwrap_or(failure.say);
    failure.retry_after_seconds = retry_after.map(retry::whole_seconds);
    let unsure = unsure::is_unsure(exchange.effect, answer.status, code, by_step);
    Err(Refusal { failure, retry_after, unsure })
}

/// The provider said yes, but in a way that can't be read: a write has happened, or so it seems.
fn unreadable(exchange: &Exchange<'_>, answer: &wire::Answer, error: &format::FormatError) -> Refusal {
    let detail = format!("{} answered {}, but not as it should: {error}", exchange.request.line(), answer.status);
    Refusal {
        failure: Failure::new(Code::ProviderError, detail),
        retry_after: None,
        unsure: exchange.effect != Effect::Read,
    }
}

fn asked_by_rule(rule: &ErrorRule, scope: &Scope) -> Option<Duration> {
    let seconds = text(&rule.retry_after.as_ref()?.eval(scope).ok()??)?;
    Duration::try_from_secs_f64(seconds.trim().parse().ok()?).ok()
}

/// `POST https://api.example.com/orders answered 409 (duplicate): There is such an order.`
fn described(exchange: &Exchange<'_>, answer: &ReadAnswer) -> String {
    let mut text = format!("{} answered {}", exchange.request.line(), answer.status);
    if let Some(reason) = &answer.reason {
        text.push_str(&format!(" ({})", shortened(reason, LONGEST_MESSAGE)));
    }
    if let Some(message) = &answer.message {
        text.push_str(&format!(": {}", shortened(message, LONGEST_MESSAGE)));
    }
    text
}
