//! Secrets where others would see them: in what is kept in the open, handed on to a model, or asked of one.

use super::requests;
use crate::{
    base::credentials::is_credential,
    diag::{Diagnostic, Diagnostics, Span, codes},
    expr::{Shape, Text},
    spec::{
        Connector, Plan, Step, StepKind, Target,
        check::{context::Context, rules::of_plan},
        facts::{Facts, Owner},
    },
};

/// Reports them.
pub(super) fn check(
    connector: &Connector,
    own_account: bool,
    facts: &Facts,
    context: &Context<'_>,
    found: &mut Diagnostics,
) {
    asked(facts, found);
    if own_account {
        for scheme in connector.account.schemes.values() {
            for (_, shape) in scheme.answers().into_iter().flat_map(|it| &it.capture) {
                each_credential(shape, &[], &mut |name, span| found.push(kept(name, span)));
            }
        }
        let captured = connector.after_connect.iter().filter_map(|it| match &it.plan.output {
            Shape::Map(output) => output.iter().find(|(key, _)| key == "capture").map(|(_, shape)| (shape, &it.plan)),
            _ => None,
        });
        for (shape, plan) in captured {
            each_credential(shape, &plan.steps, &mut |name, span| found.push(kept(name, span)));
        }
    }
    let events = connector.events.iter().flat_map(|it| it.types.values());
    let events =
        events.filter_map(|it| Some((it.output()?, &it.plan, "whoever waits for it, and to whom it is forwarded")));
    let actions = connector.actions.values().map(|it| (&it.plan.output, &it.plan, "whoever called"));
    let lookups = connector.lookups.values().map(|it| (&it.plan.output, &it.plan, "whoever picks from the list"));
    for (output, plan, whom) in actions.chain(events).chain(lookups) {
        let handed_on = |name: &str, span: Span| {
            let message = format!("`{name}` would be handed on to {whom}, and kept in the open");
            let diagnostic = Diagnostic::warning(codes::SECRET_HANDED_ON, span, message);
            diagnostic.help("leave it out: what signs requests belongs to `auth`")
        };
        each_credential(output, &plan.steps, &mut |name, span| found.push(handed_on(name, span)));
        if let Some((name, span)) = whole_answer(output, plan, context) {
            found.push(handed_on(&name, span));
        }
    }
    let plans = connector.plans();
    let plans = plans.chain(connector.events.iter().flat_map(|it| it.types.values()).map(|it| &it.plan));
    plans.for_each(|it| in_addresses(it, found));
    said(connector, own_account, found);
}

/// Credentials in what customers are told.
fn said(connector: &Connector, own_account: bool, found: &mut Diagnostics) {
    let mut report = |say: &Text, steps: &[Step]| {
        say.for_each_expr(&mut |it| {
            if let Some(name) = it.names.iter().find_map(|it| followed(&it.path, steps)) {
                let message = format!("`{name}` would be said to the customer");
                found.push(Diagnostic::warning(codes::SECRET_HANDED_ON, it.span, message).help("leave it out"));
            }
        });
    };
    for step in connector.actions.values().map(|it| &it.plan.steps) {
        for it in step {
            if let StepKind::Fail { say: Some(say), .. } = &it.kind {
                report(say, step);
            }
        }
    }
    let plans = connector.plans();
    let of_account = connector.account.errors.iter().filter(|_| own_account);
    let rules = connector.http.errors.iter().chain(of_account).map(|it| (it, &[][..]));
    let of_plans = plans.flat_map(|plan| of_plan(plan).map(|it| (it, plan.steps.as_slice())));
    for (rule, steps) in rules.chain(of_plans) {
        rule.say.iter().for_each(|it| report(it, steps));
    }
}

/// Credentials of steps in addresses, which stand in the logs of whoever sees them go by.
fn in_addresses(plan: &Plan, found: &mut Diagnostics) {
    for (_, step) in requests(plan) {
        let verify = step.verify.as_ref().map(|it| &it.request);
        for request in [Some(&step.request), verify, step.undo.as_ref()].into_iter().flatten() {
            let (Target::Path { path, .. } | Target::Url(path)) = &request.target else { continue };
            path.for_each_expr(&mut |it| {
                let names = it.names.iter().filter(|it| it.path.first().is_none_or(|it| it != "connection"));
                if let Some(name) = names.filter_map(|it| followed(&it.path, &plan.steps)).next() {
                    let message =
                        format!("`{name}` is a credential, and addresses stand in the logs of whoever sees them go by");
                    let diagnostic = Diagnostic::warning(codes::SECRET_IN_URL, it.span, message);
                    found.push(diagnostic.help("let a scheme of `auth` get it and put it into a header"));
                }
            });
        }
    }
}

/// The credential that is handed on with an answer as a whole, by the samples.
fn whole_answer(output: &Shape, plan: &Plan, context: &Context<'_>) -> Option<(String, Span)> {
    let [Step { kind: StepKind::Request(request), .. }] = plan.steps.as_slice() else { return None };
    let Shape::Path(path) = output else { return None };
    if path.source != "$" || request.pages.is_some() {
        return None;
    }
    let answer = context.samples.surely_of(&request.request)?;
    let name = answer.members.as_ref()?.iter().map(|(name, _)| name.to_owned()).find(|it| is_credential(it))?;
    Some((name, request.request.span))
}

fn kept(name: &str, span: Span) -> Diagnostic {
    let message = format!("`{name}` would be kept in `connection`, which is neither sealed nor hidden");
    let diagnostic = Diagnostic::warning(codes::SECRET_HANDED_ON, span, message);
    diagnostic.help("leave it out: the token of a scheme is kept sealed, and renewed, without that")
}

/// Fields that ask an agent, or whoever sets one up, for a credential.
fn asked(facts: &Facts, found: &mut Diagnostics) {
    for field in facts.fields.iter().filter(|it| is_credential(&it.name)) {
        let (who, help) = match field.owner {
            Owner::Input(_) | Owner::ObjectField(_) => {
                ("a model would have to know it, and it stands in every trace", "let people sign in with it")
            }
            Owner::Config(_) | Owner::Lookup(_) | Owner::Object(_) => {
                ("what a builder fixes is neither sealed nor hidden", "let people sign in with it")
            }
            Owner::SignIn | Owner::Shared => continue,
        };
        let message = format!("`{}` is a credential: {who}", field.name);
        let diagnostic = Diagnostic::warning(codes::SECRET_ASKED, field.span, message);
        found.push(diagnostic.help(format!("{help}: declare it in `fields` of `auth`")));
    }
}

/// Every value in a shape that is a credential by its name, or is taken from where one is; through the outputs of `steps`.
fn each_credential(shape: &Shape, steps: &[Step], report: &mut dyn FnMut(&str, Span)) {
    match shape {
        Shape::Map(entries) => entries.iter().for_each(|(_, it)| each_credential(it, steps, report)),
        Shape::List(entries) => entries.iter().for_each(|it| each_credential(it, steps, report)),
        Shape::When(_, inner) => each_credential(inner, steps, report),
        Shape::Each(each) => each_credential(&each.shape, steps, report),
        Shape::Path(path) => {
            if let Some(name) = last_name(&path.source).filter(|it| is_credential(it)) {
                report(name, path.span);
            }
        }
        Shape::Expr(_) | Shape::Text(_) | Shape::Query(..) => shape.for_each_expr(&mut |it| {
            // What a token says of somebody lets nobody in.
            if it.source.contains("| claims") {
                return;
            }
            if let Some(name) = it.names.iter().find_map(|it| followed(&it.path, steps)) {
                report(&name, it.span);
            }
        }),
        Shape::Literal(_) => {}
    }
}

/// The credential that a dotted name means: by its own last part, or by what the output of a step took from one.
fn followed(path: &[String], steps: &[Step]) -> Option<String> {
    if let Some(name) = credential(path) {
        return Some(name.to_owned());
    }
    let [root, id, rest @ ..] = path else { return None };
    let at = steps.iter().position(|it| root == "steps" && it.id == *id)?;
    let mut shape = match &steps[at].kind {
        StepKind::Set(shape) => shape,
        _ => steps[at].output.as_ref()?,
    };
    for part in rest {
        let Shape::Map(entries) = shape else { return None };
        shape = &entries.iter().find(|(name, _)| name == part)?.1;
    }
    let mut found = None;
    // What stands before it can't read what comes later: this ends.
    each_credential(shape, &steps[..at], &mut |name, _| found = Some(name.to_owned()));
    found
}

/// The last part of a dotted name, if that is a credential's; our own address holds one too.
fn credential(path: &[String]) -> Option<&str> {
    let [root, .., last] = path else { return None };
    let is_ours = root == "connection" && last == "webhook_url";
    (is_ours || root != "auth" && is_credential(last)).then_some(last)
}

/// `$.token.access_token` → `access_token`
fn last_name(path: &str) -> Option<&str> {
    path.trim_end_matches(['\'', '"', ']']).rsplit(['.', '\'', '"']).next().filter(|it| !it.is_empty())
}
