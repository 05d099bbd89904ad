//! Steps.

use serde_json::Value as Json;

use super::{Lower, value::Paths};
use crate::{
    base::{Code, Effect},
    diag::{Diagnostic, codes},
    expr::Shape,
    spec::{
        RequestStep, Step, StepEach, StepKind, ToldBy, Verify,
        facts::Part,
        keys::{self, CALL, FAIL, PAGES, STEP, TOLD_BY, VERIFY},
    },
    yaml::{Entry, Reader, typed},
};

/// Methods that only look (RFC 9110 §9.2.1, RFC 4918 §9.1, RFC 3253 §3.6).
const READING: &[&str] = &["GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"];

/// Methods whose very purpose is to change something.
const CHANGING: &[&str] = &["PUT", "PATCH", "DELETE", "MOVE", "COPY", "MKCOL", "MKCALENDAR", "PROPPATCH"];

/// Keys that have a meaning only beside `request`.
const BESIDE_REQUEST: &[&str] = &["errors", "pages", "verify", "told_by", "undo", "idempotent", "effect"];

impl Lower<'_> {
    /// The steps at `steps`; one that can't be lowered leaves its id.
    pub(super) fn steps(&mut self, reader: &Reader<'_>, effect: Effect) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for node in reader.list("steps", self.diagnostics) {
            let Some(reader) = Reader::open(node, &STEP, self.diagnostics) else { continue };
            let Some(step) = self.step(&reader, effect) else { continue };
            if let Some(first) = steps.iter().find(|it| it.id == step.id) {
                let message = format!("the step id `{}` is used twice", step.id);
                self.report(
                    Diagnostic::error(codes::DUPLICATE_STEP, step.span, message)
                        .note(first.span, "first used here")
                        .help("give each step an id of its own"),
                );
            }
            steps.push(step);
        }
        steps
    }

    fn step(&mut self, reader: &Reader<'_>, effect: Effect) -> Option<Step> {
        let id = reader.formed("id", self.diagnostics)?;
        let span = reader.node("id")?.span;
        let when = self.expr_at(reader, "when");
        let each = self.step_each(reader);
        let entry = reader.exactly_one(&["request", "set", "fail", "call", "wait"], self.diagnostics);
        let kind = entry.and_then(|it| self.step_kind(reader, it, effect));
        let output = match entry.map(|it| it.key.as_str()) {
            Some("request" | "call") | None => self.shape_at(reader, "output", Paths::Allowed),
            Some(_) => None,
        };
        // A hole: whoever reads `steps.<id>` is not told that it does not exist.
        let kind = kind.unwrap_or(StepKind::Set(Shape::Literal(Json::Null)));
        Some(Step { id: id.to_owned(), span, when, each, kind, output })
    }

    fn step_kind(&mut self, reader: &Reader<'_>, entry: &Entry, effect: Effect) -> Option<StepKind> {
        let kind = entry.key.as_str();
        if kind != "request" {
            self.misplaced(
                reader,
                BESIDE_REQUEST,
                &format!("means nothing beside `{kind}`: it belongs to a `request`"),
            );
        }
        if matches!(kind, "set" | "fail" | "wait") {
            self.misplaced(reader, &["output"], &format!("means nothing beside `{kind}`"));
        }
        if kind == "wait" {
            self.misplaced(reader, &["each"], "can't stand beside `wait`: an execution waits for one thing at a time");
        }
        match kind {
            "request" => Some(StepKind::Request(Box::new(self.request_step(reader, effect)?))),
            "wait" => self.wait(entry),
            "set" => Some(StepKind::Set(self.shape(&entry.value, Paths::Refused))),
            "fail" => {
                let reader = Reader::open_entry(entry, &FAIL, self.diagnostics)?;
                let say = self.text_at(&reader, "say");
                let code = reader.word("as", self.diagnostics)?.parse::<Code>().ok()?;
                Some(StepKind::Fail { code, say })
            }
            _ => {
                let reader = Reader::open_entry(entry, &CALL, self.diagnostics)?;
                let input = self.shape_at(&reader, "input", Paths::Literal).unwrap_or(Shape::Map(Vec::new()));
                let action = reader.formed("action", self.diagnostics)?;
                self.refer(Part::Action, reader.node("action")?, action);
                Some(StepKind::Call { action: action.to_owned(), input })
            }
        }
    }

    pub(super) fn misplaced(&mut self, reader: &Reader<'_>, keys: &[&str], why: &str) {
        for entry in reader.source().as_map().into_iter().flatten().filter(|it| keys.contains(&it.key.as_str())) {
            self.error(codes::MISPLACED_KEY, entry.key_span, format!("`{}` {why}", entry.key));
        }
    }

    fn step_each(&mut self, reader: &Reader<'_>) -> Option<StepEach> {
        let Some(node) = reader.node("each") else {
            self.misplaced(reader, &["max", "concurrency"], "means nothing without `each`");
            return None;
        };
        // A text is no list: somebody left the braces out.
        let over = match node.as_text().filter(|it| !it.contains("{{") && !it.starts_with('$')) {
            Some(_) => self.expr(node, "each").map_or(Shape::Literal(Json::Null), Shape::Expr),
            None => self.shape(node, Paths::Refused),
        };
        Some(StepEach {
            over,
            max: reader.integer("max", self.diagnostics).unwrap_or(50),
            concurrency: reader.integer("concurrency", self.diagnostics).unwrap_or(1),
        })
    }

    /// A request with what stands beside it, in a step.
    fn request_step(&mut self, reader: &Reader<'_>, effect: Effect) -> Option<RequestStep> {
        let mut step = self.single_request(reader, effect)?;
        step.undo = self.request_at(reader, "undo");
        if let Some(given) = reader.word("effect", self.diagnostics).and_then(|it| it.parse::<Effect>().ok()) {
            let method = step.request.method.as_str();
            let node = reader.node("effect")?;
            if given != Effect::Read && effect == Effect::Read {
                let message = format!("a request of effect `{given}` in an action that only reads");
                self.report(
                    Diagnostic::error(codes::EFFECT_MISMATCH, node.span, message)
                        .help(format!("give the action `effect: {given}`")),
                );
            } else if given != Effect::Read && READING.contains(&method) {
                let message = format!("`{method}` only looks: its effect can't be `{given}`");
                self.error(codes::EFFECT_MISMATCH, node.span, message);
            }
            step.effect = given;
        } else {
            self.method_fits(&step, effect);
        }
        self.known_again(reader, &step);
        Some(step)
    }

    /// A request with what stands beside it, in a step or directly in an action.
    pub(super) fn single_request(&mut self, reader: &Reader<'_>, effect: Effect) -> Option<RequestStep> {
        let request = self.request_at(reader, "request");
        let verify = reader.entry("verify").and_then(|it| self.verify(it));
        let told_by = reader.entry("told_by").and_then(|it| self.told_by(it));
        let mut step = self.looking_request(reader, request)?;
        step.effect = derived(&step.request.method, effect);
        step.idempotent = self.idempotent(reader, &step);
        step.verify = verify;
        step.told_by = told_by;
        if step.effect == Effect::Read {
            self.misplaced(
                reader,
                &["verify", "told_by", "idempotent", "undo"],
                "means nothing beside a request that only reads",
            );
        }
        Some(step)
    }

    /// A request that only looks, in a lookup or after connecting.
    pub(super) fn looking_request(
        &mut self,
        reader: &Reader<'_>,
        request: Option<crate::spec::Request>,
    ) -> Option<RequestStep> {
        let errors = self.rules(reader, "errors");
        let body = request.as_ref().map(|it| &it.body);
        let pages = reader.section("pages", &PAGES, self.diagnostics).and_then(|it| self.pages(&it, body));
        Some(RequestStep { pages, ..RequestStep::reading(request, errors)? })
    }

    /// An action that only reads can't send what changes something.
    pub(super) fn method_fits(&mut self, step: &RequestStep, effect: Effect) {
        let method = step.request.method.as_str();
        if effect == Effect::Read && CHANGING.contains(&method) {
            let message = format!("`{method}` changes something, but only reading is allowed here");
            self.report(Diagnostic::error(codes::EFFECT_MISMATCH, step.request.span, message).help(
                "give the action `effect: write`; if the provider uses the method to read, the step `effect: read`",
            ));
        }
    }

    fn verify(&mut self, entry: &Entry) -> Option<Verify> {
        let reader = Reader::open_entry(entry, &VERIFY, self.diagnostics)?;
        let request = self.request(&reader);
        let holds = self.expr_at(&reader, "holds");
        let absent = self.expr_at(&reader, "absent");
        let on = if reader.has("on") {
            let wanted = typed::Wanted::new("on", keys::CODE);
            let nodes = reader.list("on", self.diagnostics).iter();
            nodes.filter_map(|it| typed::word(it, &wanted, self.diagnostics)?.parse().ok()).collect()
        } else if holds.is_some() {
            vec![Code::Conflict]
        } else {
            Vec::new()
        };
        let settle = reader.duration("settle", self.diagnostics);
        Some(Verify { request: request?, holds, absent, on, settle })
    }

    fn told_by(&mut self, entry: &Entry) -> Option<ToldBy> {
        let reader = Reader::open_entry(entry, &TOLD_BY, self.diagnostics)?;
        let event = self.reference(&reader, "event", Part::Event);
        let of = self.text_at(&reader, "for");
        let holds = self.expr_at(&reader, "holds");
        let absent = self.expr_at(&reader, "absent");
        let output = self.shape_at(&reader, "output", Paths::Refused);
        Some(ToldBy { event: event?, of: of?, holds, absent, output, whole: false })
    }
}

/// What a request does, when nobody says: by its method, or as much as its action.
fn derived(method: &str, of_action: Effect) -> Effect {
    if READING.contains(&method) { Effect::Read } else { of_action }
}
