//! What a provider tells without being asked.

use std::time::Duration;

use indexmap::IndexMap;

use super::{
    Lower,
    http::HeadersOf,
    plan::{TIMEOUT, only_step},
    value::Paths,
};
use crate::{
    base::Effect,
    diag::{Diagnostic, codes},
    expr::Shape,
    spec::{
        Events, Handshake, Plan, ProviderEvent, Receive, Reply, RequestStep, StepKind, Subscribe,
        facts::Part,
        keys::{CONFIRM, EVENT_TYPE, EVENTS, HANDSHAKE, RECEIVE, RENEW, REPLY, SUBSCRIBE},
    },
    yaml::{Entry, Reader},
};

/// How long before its end a subscription is renewed.
const BEFORE: Duration = Duration::from_hours(12);

impl Lower<'_> {
    /// `events`
    pub(super) fn events(&mut self, entry: &Entry, scopes: &[String]) -> Option<Events> {
        let reader = Reader::open_entry(entry, &EVENTS, self.diagnostics)?;
        let receive = reader.section("receive", &RECEIVE, self.diagnostics).map(|it| self.receive(&it));
        let mut types = IndexMap::new();
        for entry in reader.named("types", self.diagnostics) {
            self.facts.parts.push((Part::Event, entry.key.clone()));
            let Some(event) = self.event_type(entry) else { continue };
            if receive.as_ref().is_some_and(|it| it.verify.is_empty()) && event.plan.steps.is_empty() {
                let message = format!("anybody who finds the address could make up the event `{}`", event.name);
                self.report(
                    Diagnostic::error(codes::FORGEABLE, entry.key_span, message)
                        .help("give `receive` a `verify`, or the event a `confirm` that asks the provider"),
                );
            }
            types.insert(event.name.clone(), event);
        }
        let subscribe = reader.section("subscribe", &SUBSCRIBE, self.diagnostics);
        let subscribe = subscribe.and_then(|it| self.subscribe(&it, scopes));
        Some(Events { receive: receive?, types, subscribe })
    }

    fn receive(&mut self, reader: &Reader<'_>) -> Receive {
        let handshake = reader.section("handshake", &HANDSHAKE, self.diagnostics);
        let answer = reader.section("answer", &REPLY, self.diagnostics);
        Receive {
            handshake: handshake.and_then(|it| {
                let when = self.expr_at(&it, "when");
                let answer = self.reply(&it);
                Some(Handshake { when: when?, answer })
            }),
            verify: self.verifications(reader.one_or_many("verify")),
            each: reader.node("each").map(|it| self.shape(it, Paths::Allowed)),
            answer: answer.map(|it| self.reply(&it)).unwrap_or_default(),
        }
    }

    fn reply(&mut self, reader: &Reader<'_>) -> Reply {
        reader.at_most_one(&["body", "text"], self.diagnostics);
        Reply {
            status: reader.integer("status", self.diagnostics).unwrap_or(200),
            headers: self.headers(reader, HeadersOf::Answers),
            body: self.shape_at(reader, "body", Paths::Literal),
            text: self.text_at(reader, "text"),
        }
    }

    fn event_type(&mut self, entry: &Entry) -> Option<ProviderEvent> {
        let reader = Reader::open_entry(entry, &EVENT_TYPE, self.diagnostics)?;
        let title = reader.text("title", self.diagnostics).unwrap_or_default().to_owned();
        let describe = reader.text("describe", self.diagnostics).unwrap_or_default().to_owned();
        let when = self.expr_at(&reader, "when");
        let id = self.text_at(&reader, "id");
        let confirm = reader.section("confirm", &CONFIRM, self.diagnostics).map(|confirm| {
            let request = self.request(&confirm);
            RequestStep::reading(request, self.rules(&confirm, "errors"))
        });
        let correlate = self.text_at(&reader, "correlate").map(Shape::Text);
        let correlates = correlate.is_some();
        let output = self.shape_at(&reader, "output", Paths::Allowed);
        let mut known = Vec::new();
        known.extend(correlate.map(|it| ("correlate".to_owned(), it)));
        known.extend(output.map(|it| ("output".to_owned(), it)));
        let steps = confirm.flatten().map(|it| only_step(entry, StepKind::Request(Box::new(it))));
        Some(ProviderEvent {
            name: entry.key.clone(),
            span: entry.key_span,
            title,
            describe,
            when,
            id: id?,
            plan: Plan {
                steps: steps.into_iter().collect(),
                output: Shape::Map(known),
                timeout: TIMEOUT,
                object: None,
            },
            correlates,
        })
    }

    fn subscribe(&mut self, reader: &Reader<'_>, scopes: &[String]) -> Option<Subscribe> {
        let scopes = self.scopes(reader, scopes);
        let errors = self.rules(reader, "errors");
        let output = self.shape_at(reader, "output", Paths::Allowed);
        let subscribe = self.changing(reader, "request", errors, output);
        let renew = reader.section("renew", &RENEW, self.diagnostics).map(|renew| {
            let errors = self.rules(&renew, "errors");
            let output = self.shape_at(&renew, "output", Paths::Allowed);
            let request = self.request(&renew);
            self.one_request(reader.entry("renew")?, request?, errors, output)
        });
        let remove = self.changing(reader, "remove", Vec::new(), Some(Shape::Map(Vec::new())));
        let before = reader.duration("before", self.diagnostics).unwrap_or(BEFORE);
        Some(Subscribe { scopes, subscribe: subscribe?, renew: renew.flatten(), before, remove })
    }

    fn changing(
        &mut self,
        reader: &Reader<'_>,
        key: &str,
        errors: Vec<crate::spec::ErrorRule>,
        output: Option<Shape>,
    ) -> Option<Plan> {
        let request = self.request_at(reader, key)?;
        self.one_request(reader.entry(key)?, request, errors, output)
    }

    fn one_request(
        &mut self,
        entry: &Entry,
        request: crate::spec::Request,
        errors: Vec<crate::spec::ErrorRule>,
        output: Option<Shape>,
    ) -> Option<Plan> {
        let step = RequestStep { effect: Effect::Write, ..RequestStep::reading(Some(request), errors)? };
        let output = output.unwrap_or_else(|| Shape::Map(Vec::new()));
        Some(Plan {
            steps: vec![only_step(entry, StepKind::Request(Box::new(step)))],
            output,
            timeout: TIMEOUT,
            object: None,
        })
    }
}
