//! Goes through plans in the order in which they run, so that what a step gives is known to those after it.

use std::sync::Arc;

use super::{
    names::Names,
    samples,
    types::{self, Place, Types, decided, misplaced, not_a_list, of_fields, of_path, raw, with_facts},
    view::View,
};
use crate::{
    diag::{Diagnostic, Span, codes},
    expr::{
        Each, Expr, Marker, Shape, Text,
        types::{Fact, Kinds, Type, may_be_missing, of_json},
    },
    spec::{Action, Body, ErrorRule, Part, PartContent, Plan, Request, RequestStep, Step, StepKind, Target, Url, Wait},
};

/// What a step comes to, once.
struct Round {
    output: Type,
    /// What `$` and `answer.body` are to the output of an action that is one request.
    answer: Option<Type>,
    /// What an event may make of an action that is one request.
    told: Option<Type>,
}

impl Names<'_> {
    /// What an action's inputs are. Those that an object brings are as each org maps them.
    pub(super) fn inputs(&self, action: &Action) -> Type {
        let of = action.plan.object.as_ref().and_then(|it| self.context.connector?.objects.get(&it.object));
        let Some(object) = of else { return of_fields(&action.input) };
        let whole = of_fields(&action.input);
        let members = action.input.iter().map(|(name, _)| match object.fields.get(name) {
            Some(_) => (name, Type::ANY),
            None => (name, whole.member(name).unwrap_or(Type::ANY)),
        });
        Type::mapping(members.collect::<Vec<_>>())
    }

    pub(super) fn plan(&mut self, plan: &Plan, view: View<'_>) {
        self.of_plan(plan, view);
    }

    /// What a plan comes to.
    pub(super) fn of_plan(&mut self, plan: &Plan, view: View<'_>) -> Type {
        let mut outputs: Vec<Type> = Vec::with_capacity(plan.steps.len());
        let mut facts = view.types.facts.to_vec();
        let (mut answer, mut whole) = (None, None);
        for (at, step) in plan.steps.iter().enumerate() {
            let known = Types { steps: &outputs, facts: &facts, ..view.types };
            let round = self.step(step, View { steps: Some((&plan.steps, at)), types: known, ..view }, at);
            let output = match &step.each {
                Some(_) => Type::list(round.output),
                None => round.output,
            };
            // What comes after a failure knows that it didn't come to it.
            if matches!(step.kind, StepKind::Fail { .. }) && step.each.is_none() {
                facts = with_facts(&facts, step.when.as_deref(), false);
            }
            outputs.push(if step.when.is_some() { output.or_undefined() } else { output });
            answer = round.answer;
            whole = round.told;
        }
        let single = plan.steps.len() == 1
            && plan.steps.iter().all(|it| matches!(it.kind, StepKind::Request(_)) && it.each.is_none());
        let answer = answer.as_ref().filter(|_| single);
        let types = Types { steps: &outputs, facts: &facts, answer, document: answer, ..view.types };
        let view = View { steps: Some((&plan.steps, plan.steps.len())), answer: single, types, ..view };
        let output = self.of_shape(&plan.output, view);
        match whole {
            Some(told) => output.or(told),
            None => output,
        }
    }

    fn step(&mut self, step: &Step, view: View<'_>, at: usize) -> Round {
        if let Some(when) = &step.when {
            self.test(when, view, "this step always runs", "this step never runs");
        }
        let facts = with_facts(view.types.facts, step.when.as_deref(), true);
        let view = view.knowing(&facts);
        let item = match &step.each {
            Some(each) => {
                let over = self.of_shape(&each.over, view);
                self.diagnostics.extend(not_a_list(&each.over, &over));
                Some(over.entry())
            }
            None => None,
        };
        let view = match &item {
            Some(item) => view.with_item(item),
            None => view,
        };
        match &step.kind {
            StepKind::Request(request) => self.request_round(step, request, view, at),
            kind => {
                let output = match kind {
                    StepKind::Set(shape) => self.of_shape(shape, view),
                    StepKind::Call { action, input } => self.called(step, action, input, view),
                    StepKind::Wait(wait) => self.wait(wait, view),
                    StepKind::Fail { say, .. } => {
                        say.iter().for_each(|it| self.text(it, view));
                        Type::ANY
                    }
                    StepKind::Request(_) => Type::ANY,
                };
                let output = match &step.output {
                    Some(shape) => self.of_shape(shape, View { answer: false, ..view }),
                    None => output,
                };
                Round { output, answer: None, told: None }
            }
        }
    }

    fn request_round(&mut self, step: &Step, request: &RequestStep, view: View<'_>, at: usize) -> Round {
        let answer = self.answered(request);
        let answered = View {
            answer: true,
            types: Types { answer: answer.as_ref(), document: answer.as_ref(), ..view.types },
            ..view
        };
        let output = match &step.output {
            Some(shape) => self.of_shape(shape, answered),
            None => answer.clone().unwrap_or(match request.pages {
                Some(_) => samples::joined(Type::LIST),
                None => Type::ANY,
            }),
        };
        self.request_step(request, view);
        let told = self.told(request, view);
        let (output, told) = match told {
            Some(told) if !request.told_by.as_ref().is_some_and(|it| it.whole) => (output.or(told), None),
            told => (output, told),
        };
        if let Some(undo) = &request.undo {
            let steps: Vec<Type> = view.types.steps.iter().chain([&output]).cloned().collect();
            let types = Types { steps: &steps, ..view.types };
            self.request(undo, View { steps: view.steps.map(|(steps, _)| (steps, at + 1)), types, ..view });
        }
        Round { output, answer, told }
    }

    /// What an event gives that tells later whether a write happened.
    fn told(&mut self, step: &RequestStep, view: View<'_>) -> Option<Type> {
        let it = step.told_by.as_ref()?;
        self.text(&it.of, view);
        let event = self.context.of_event(&it.event);
        let view = View { event: true, types: Types { event: Some(&event), ..view.types }, ..view };
        for test in it.holds.iter().chain(&it.absent) {
            self.test(test, view, "every event tells that", "no event tells that");
        }
        Some(match &it.output {
            Some(shape) => self.of_shape(shape, view),
            None => event.clone(),
        })
    }

    /// What a request is answered; where it is verified, that may be the answer to `verify`.
    fn answered(&self, step: &RequestStep) -> Option<Type> {
        let own = self.context.samples.of(&step.request, step.pages.as_ref())?;
        let other = step.verify.as_ref().and_then(|it| self.context.samples.of(&it.request, None));
        Some(match other {
            Some(other) => own.or(other),
            None => own,
        })
    }

    /// An action that another one calls.
    fn called(&mut self, step: &Step, name: &str, input: &Shape, view: View<'_>) -> Type {
        let given = self.of_shape(input, view);
        if let Some(action) = self.context.connector.and_then(|it| it.action(name)) {
            let wanted = of_fields(&action.input);
            let entries = if let Shape::Map(entries) = input { entries.as_slice() } else { &[] };
            for (field, shape) in entries {
                let (Ok(given), Ok(wanted)) = (given.member(field), wanted.member(field)) else { continue };
                let span = types::place(shape).unwrap_or(step.span);
                self.diagnostics.extend(types::unfit(field, name, &given, &wanted, span));
                if !wanted.kinds.has(Kinds::UNDEFINED)
                    && let Shape::Expr(expr) = shape
                    && let Some(path) = expr.name()
                {
                    let why = format!("the action `{name}` needs `{field}`");
                    self.diagnostics.extend(may_be_missing(&view, &[], path, &given, &why, expr.span));
                }
            }
        }
        self.context.of_action(name)
    }

    fn wait(&mut self, wait: &Wait, view: View<'_>) -> Type {
        let mut output = Type::NEVER;
        if let Some(event) = &wait.event {
            self.text(&event.of, view);
            let told = self.context.of_event(&event.name);
            let types = Types { event: Some(&told), ..view.types };
            if let Some(until) = &event.until {
                self.test(
                    until,
                    View { event: true, types, ..view },
                    "any event ends this wait",
                    "no event ends this wait",
                );
            }
            output = output.or(told);
        }
        if let Some(poll) = &wait.poll {
            self.request_step(&poll.step, view);
            let answer = self.answered(&poll.step);
            let types = Types { answer: answer.as_ref(), document: answer.as_ref(), ..view.types };
            let answered = View { answer: true, types, ..view };
            self.test(&poll.until, answered, "the first answer ends this wait", "no answer ends this wait");
            output = output.or(match &poll.output {
                Some(shape) => self.of_shape(shape, answered),
                None => answer.clone().unwrap_or(Type::ANY),
            });
        }
        match &wait.on_timeout {
            Some(shape) => output.or(self.of_shape(shape, view)),
            None => output,
        }
    }

    fn request_step(&mut self, step: &RequestStep, view: View<'_>) {
        self.request(&step.request, view);
        self.rules(&step.errors, view);
        if let Some(verify) = &step.verify {
            self.request(&verify.request, view);
            let answer = self.context.samples.of(&verify.request, None);
            let types = Types { answer: answer.as_ref(), document: answer.as_ref(), ..view.types };
            let answered = View { answer: true, types, ..view };
            for test in verify.holds.iter().chain(&verify.absent) {
                self.test(test, answered, "every answer counts", "no answer counts");
            }
        }
    }

    pub(super) fn request(&mut self, request: &Request, view: View<'_>) {
        match &request.target {
            Target::Path { path, .. } => self.text_in(path, view, Place::Url),
            Target::Url(url) => self.text_in(url, view, Place::Url),
            Target::SignIn(url) => self.sign_in_url(url, view),
        }
        request.query.iter().for_each(|(_, it)| self.shape(it, view));
        request.headers.iter().for_each(|(_, it)| self.text(it, view));
        match &request.body {
            Body::None => {}
            Body::Json(shape) | Body::Form(shape) => self.shape(shape, view),
            Body::Text(text) | Body::Base64(text) => self.text(text, view),
            Body::Multipart(multipart) => multipart.parts.iter().for_each(|it| self.part(it, view)),
            Body::Xml(text) | Body::Ics(text) => self.escaped_text(text, view, &[Marker::Raw], Place::Text),
        }
    }

    fn part(&mut self, part: &Part, view: View<'_>) {
        let item = part.each.as_ref().map(|each| {
            let over = self.of_shape(each, view);
            self.diagnostics.extend(not_a_list(each, &over));
            over.entry()
        });
        let view = item.as_ref().map_or(view, |it| view.with_item(it));
        if let Some(when) = &part.when {
            self.test(when, view, "this part is always sent", "this part is never sent");
        }
        let facts = with_facts(view.types.facts, part.when.as_deref(), true);
        let view = view.knowing(&facts);
        let texts = [&part.name, &part.filename, &part.content_type].into_iter().flatten();
        texts.chain(part.headers.iter().map(|(_, it)| it)).for_each(|it| self.text(it, view));
        match &part.content {
            PartContent::Value(shape) | PartContent::Json(shape) | PartContent::File(shape) => self.shape(shape, view),
            PartContent::Text(text) | PartContent::Base64(text) => self.text(text, view),
        }
    }

    pub(super) fn rules(&mut self, rules: &[ErrorRule], view: View<'_>) {
        // Which answers a rule is tried on, only its status tells.
        let view = View { answer: true, types: Types { answer: None, document: None, ..view.types }, ..view };
        for rule in rules {
            if let Some(when) = &rule.when {
                self.test(when, view, "this rule asks nothing of an answer", "this rule never matches");
            }
            rule.say.iter().for_each(|it| self.text(it, view));
            rule.retry_after.iter().for_each(|it| self.shape(it, view));
        }
    }

    pub(super) fn url(&mut self, url: &Url, view: View<'_>) {
        if let Url::Choice { by, of } = url {
            let found = self.of_expr(by, view);
            self.choices(by, &found, of.iter().map(|(name, text)| (name.as_str(), text.span)));
        }
        url.texts().for_each(|it| self.text_in(it, view, Place::Url));
    }

    /// The words that a value is chosen by: each must be one that it can be.
    fn choices<'t>(&mut self, by: &Expr, found: &Type, of: impl Iterator<Item = (&'t str, Span)>) {
        let Some(words) = found.only_words() else { return };
        let mut left: Vec<&str> = words.iter().map(|it| &**it).collect();
        let mut never = Vec::new();
        for (name, span) in of {
            match left.iter().position(|it| *it == name) {
                Some(at) => drop(left.remove(at)),
                None => never.push((name.to_owned(), span)),
            }
        }
        for (name, span) in never {
            let message = format!("this is never chosen: `{}` is never `{name}`", by.shown());
            let diagnostic = Diagnostic::warning(codes::NEVER_EQUAL, span, message);
            let near = crate::diag::did_you_mean(&name, left.iter().copied());
            self.diagnostics.push(diagnostic.help(near.map_or_else(
                || "remove it, or add the word to `enum` of the field".to_owned(),
                |near| format!("did you mean `{near}`?"),
            )));
        }
        if let [first, ..] = left.as_slice() {
            let message = format!("there is nothing to choose where `{}` is `{first}`", by.shown());
            let diagnostic = Diagnostic::warning(codes::NEVER_EQUAL, by.span, message);
            self.diagnostics.push(diagnostic.help(format!("add `{first}` to `of`")));
        }
    }

    pub(super) fn text(&mut self, text: &Text, view: View<'_>) {
        self.text_in(text, view, Place::Text);
    }

    fn text_in(&mut self, text: &Text, view: View<'_>, place: Place) {
        text.for_each_expr(&mut |it| {
            let found = self.of_expr(it, view);
            self.diagnostics.extend(misplaced(it, &found, place, &view));
        });
    }

    /// Text that escapes what is put into it, but for what one of the `known` markers puts in otherwise.
    fn escaped_text(&mut self, text: &Text, view: View<'_>, known: &[Marker], place: Place) {
        text.for_each_expr(&mut |it| {
            let found = match it.marker {
                Some(marker) if known.contains(&marker) => {
                    let found = self.checked(it, view, false);
                    if marker == Marker::Raw {
                        self.diagnostics.push(raw(it, &found));
                    }
                    found
                }
                _ => self.of_expr(it, view),
            };
            self.diagnostics.extend(misplaced(it, &found, place, &view));
        });
    }

    pub(super) fn shape(&mut self, shape: &Shape, view: View<'_>) {
        self.of_shape(shape, view);
    }

    /// What a shape comes to.
    pub(super) fn of_shape(&mut self, shape: &Shape, view: View<'_>) -> Type {
        match shape {
            Shape::Literal(json) => of_json(json),
            Shape::Path(path) => {
                let Some(document) = view.types.document else {
                    return if path.singular { Type::ANY } else { Type::LIST };
                };
                let (found, diagnostic) = of_path(path, document);
                self.diagnostics.extend(diagnostic);
                found
            }
            Shape::Expr(expr) => self.of_expr(expr, view),
            Shape::Text(text) => {
                self.text(text, view);
                Type::TEXT
            }
            Shape::Query(text, language) => {
                let known = [Marker::Raw, Marker::Identifier, Marker::Time];
                self.escaped_text(text, view, &known, Place::Query(*language));
                Type::TEXT
            }
            Shape::List(entries) => {
                let entries: Vec<Type> = entries.iter().map(|it| self.of_shape(it, view)).collect();
                let entries = entries.into_iter().fold(Type::NEVER, Type::or);
                Type::list(if entries.is_any() { entries } else { entries.without(Kinds::UNDEFINED) })
            }
            Shape::Map(entries) => {
                let members: Vec<_> = entries.iter().map(|(key, it)| (key.as_str(), self.of_shape(it, view))).collect();
                Type::mapping(members)
            }
            Shape::When(test, inner) => {
                self.test(test, view, "this is always there", "this is never there");
                let facts = with_facts(view.types.facts, Some(test), true);
                self.of_shape(inner, view.knowing(&facts)).or_undefined()
            }
            Shape::Each(each) => self.each(each, view),
        }
    }

    fn each(&mut self, each: &Each, view: View<'_>) -> Type {
        let over = self.of_shape(&each.over, view);
        self.diagnostics.extend(not_a_list(&each.over, &over));
        let item = over.entry();
        let types = Types { document: Some(&item), ..view.types };
        let view = View { types, ..view }.with_item(&item);
        if let Some(when) = &each.when {
            self.test(when, view, "every entry is taken", "no entry is taken");
        }
        let facts: Vec<Fact> = with_facts(view.types.facts, each.when.as_deref(), true);
        let entry = self.of_shape(&each.shape, view.knowing(&facts));
        Type::list(if entry.is_any() { entry } else { entry.without(Kinds::UNDEFINED) })
    }

    /// An expression that is only asked whether it is true.
    pub(super) fn test(&mut self, test: &Arc<Expr>, view: View<'_>, always: &str, never: &str) {
        let found = self.marked(test, view, true);
        self.diagnostics.extend(decided(test, &found, always, never));
    }

    pub(super) fn expr(&mut self, expr: &Arc<Expr>, view: View<'_>) {
        self.of_expr(expr, view);
    }

    /// What an expression comes to.
    fn of_expr(&mut self, expr: &Arc<Expr>, view: View<'_>) -> Type {
        self.marked(expr, view, false)
    }

    /// An expression whose last filter can say nothing where it stands.
    fn marked(&mut self, expr: &Expr, view: View<'_>, tested: bool) -> Type {
        let message = match expr.marker {
            Some(Marker::Raw) => {
                Some("`raw` means nothing here: only `xml`, `ics` and queries escape what is put into their text")
            }
            Some(Marker::Identifier) => Some("`identifier` means nothing here: only queries have names"),
            Some(Marker::Time) => Some("`time_literal` means nothing here: only queries have literals"),
            None => None,
        };
        if let Some(message) = message {
            self.diagnostics.push(Diagnostic::error(codes::RAW, expr.span, message).help("remove it"));
        }
        self.checked(expr, view, tested)
    }

    /// Where a name is wrong, what comes of it says nothing more.
    fn checked(&mut self, expr: &Expr, view: View<'_>, tested: bool) -> Type {
        if view.check(expr, &mut self.seen, self.diagnostics) {
            return Type::ANY;
        }
        let mut found = Vec::new();
        let known = expr.infer(&view, tested, &mut found);
        self.diagnostics.extend(found);
        known
    }
}
