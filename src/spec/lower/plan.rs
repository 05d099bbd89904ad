//! Lookups and the identification of an account.

use std::time::Duration;

use super::{Lower, value::Paths};
use crate::{
    base::Effect,
    expr::{Each, Shape},
    spec::{
        AfterConnect, Lookup, Plan, Step, StepKind,
        facts::Owner,
        keys::{AFTER_CONNECT, LOOKUP, OPTION},
    },
    yaml::{Entry, Reader},
};

/// For the whole of an action, lookup or identification.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// The only step of a plan without `steps`.
pub(super) const ONLY_STEP: &str = "request";

impl Lower<'_> {
    /// An entry of `lookups`.
    pub(super) fn lookup(&mut self, entry: &Entry, scopes: &[String]) -> Option<Lookup> {
        let reader = Reader::open_entry(entry, &LOOKUP, self.diagnostics)?;
        let (config, _) = self.fields(&reader, "config", &Owner::Lookup(entry.key.clone()));
        let title = reader.text("title", self.diagnostics).map_or_else(|| spoken(&entry.key), str::to_owned);
        let scopes = self.scopes(&reader, scopes);
        let (steps, paths) = self.looking_steps(&reader);
        let each = reader.node("each").map(|it| (it.span, self.shape(it, paths)));
        let when = self.expr_at(&reader, "when");
        let option = self.option(&reader);
        let (span, over) = each?;
        let output = Shape::Each(Box::new(Each { span, over, when, shape: option }));
        let plan = Plan { steps, output, timeout: self.timeout(&reader), object: None };
        Some(Lookup { name: entry.key.clone(), title, scopes, config, plan })
    }

    fn option(&mut self, reader: &Reader<'_>) -> Shape {
        let Some(reader) = reader.section("option", &OPTION, self.diagnostics) else { return Shape::Map(Vec::new()) };
        let parts = ["value", "label", "hint"].into_iter();
        let parts = parts.filter_map(|it| Some((it.to_owned(), self.shape_at(&reader, it, Paths::Allowed)?)));
        Shape::Map(parts.collect())
    }

    /// `after_connect`
    pub(super) fn after_connect(&mut self, entry: &Entry) -> Option<AfterConnect> {
        let reader = Reader::open_entry(entry, &AFTER_CONNECT, self.diagnostics)?;
        let (steps, paths) = self.looking_steps(&reader);
        let label = self.shape_at(&reader, "label", paths);
        let mut captured = Vec::new();
        for entry in reader.named("capture", self.diagnostics) {
            self.captured_name(entry);
            captured.push((entry.key.clone(), self.shape(&entry.value, paths)));
        }
        let mut output = Vec::new();
        output.extend(label.map(|it| ("label".to_owned(), it)));
        output.push(("capture".to_owned(), Shape::Map(captured)));
        let output = Shape::Map(output);
        let plan = Plan { steps, output, timeout: self.timeout(&reader), object: None };
        Some(AfterConnect { plan })
    }

    /// One request, or steps; with one request `$` is its answer.
    pub(super) fn looking_steps(&mut self, reader: &Reader<'_>) -> (Vec<Step>, Paths) {
        match reader.exactly_one(&["request", "steps"], self.diagnostics) {
            Some(entry) if entry.key == "steps" => {
                self.misplaced(reader, &["errors", "pages"], "belongs to one of the `steps`");
                (self.steps(reader, Effect::Read), Paths::Refused)
            }
            Some(entry) => {
                let request = self.request_at(reader, "request");
                let step = self.looking_request(reader, request);
                if let Some(step) = &step {
                    self.method_fits(step, Effect::Read);
                }
                let kind = step.map(|it| StepKind::Request(Box::new(it)));
                (kind.map(|kind| only_step(entry, kind)).into_iter().collect(), Paths::Allowed)
            }
            None => (Vec::new(), Paths::Allowed),
        }
    }

    pub(super) fn timeout(&mut self, reader: &Reader<'_>) -> Duration {
        reader.duration("timeout", self.diagnostics).unwrap_or(TIMEOUT)
    }

    /// The connector's scopes and a part's own.
    pub(super) fn scopes(&mut self, reader: &Reader<'_>, of_connector: &[String]) -> Vec<String> {
        let mut scopes = of_connector.to_vec();
        for (scope, span) in reader.texts("scopes", self.diagnostics) {
            self.facts.scopes.push((scope.to_owned(), span));
            if !scopes.iter().any(|it| it == scope) {
                scopes.push(scope.to_owned());
            }
        }
        scopes
    }
}

/// The step of a plan that is one request.
pub(super) fn only_step(entry: &Entry, kind: StepKind) -> Step {
    Step { id: ONLY_STEP.to_owned(), span: entry.key_span, when: None, each: None, kind, output: None }
}

/// `event_types` → `Event types`.
pub(super) fn spoken(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}
