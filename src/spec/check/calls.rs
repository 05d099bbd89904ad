//! Actions that call others: no circles, and the called one gets what it needs and may do what it does.

use std::collections::HashSet;

use crate::{
    base::Effect,
    diag::{Diagnostic, Diagnostics, codes},
    expr::Shape,
    spec::{Action, Connector, Fields, Step, StepKind, facts::Facts},
};

/// Checks every call of every action.
pub(super) fn check(connector: &Connector, diagnostics: &mut Diagnostics) {
    for action in connector.actions.values() {
        for (step, called, input) in calls(connector, action) {
            effect(action, step, called, diagnostics);
            config(action, step, called, diagnostics);
            arguments(step, called, input, diagnostics);
            if let Some(circle) = circle(connector, action, called) {
                let message = format!("`{}` would call itself without end: {circle}", action.name);
                let diagnostic = Diagnostic::error(codes::CALL_CYCLE, step.span, message);
                diagnostics.push(diagnostic.help("put what both need into an action of its own, or into steps"));
            }
        }
    }
    for lookup in connector.lookups.values() {
        no_calls(&lookup.plan.steps, diagnostics);
    }
    for plan in connector.objects.values().filter_map(|it| it.describe.as_ref()) {
        no_calls(&plan.steps, diagnostics);
    }
    if let Some(after) = &connector.after_connect {
        no_calls(&after.plan.steps, diagnostics);
    }
}

/// An action that is declared to change something, and changes nothing.
pub(super) fn needless(connector: &Connector, facts: &Facts, diagnostics: &mut Diagnostics) {
    for (name, span) in &facts.effects {
        let Some(action) = connector.action(name).filter(|it| it.effect != Effect::Read) else { continue };
        let calls_writes = calls(connector, action).any(|(_, called, _)| called.effect != Effect::Read);
        if !calls_writes && !action.plan.steps.iter().any(writes) {
            let message = format!("nothing that this action does is of the effect `{}`", action.effect);
            let diagnostic = Diagnostic::warning(codes::NEEDLESS_EFFECT, *span, message);
            diagnostics.push(diagnostic.help("give it `effect: read`, so that it may run without asking"));
        }
    }
}

fn writes(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Request(request) if request.effect != Effect::Read)
}

/// The calls of an action to actions that exist.
fn calls<'c>(connector: &'c Connector, action: &'c Action) -> impl Iterator<Item = (&'c Step, &'c Action, &'c Shape)> {
    action.plan.steps.iter().filter_map(|step| match &step.kind {
        StepKind::Call { action, input } => Some((step, connector.action(action)?, input)),
        _ => None,
    })
}

/// The names from `called` back to `action`, if they lead there.
fn circle(connector: &Connector, action: &Action, called: &Action) -> Option<String> {
    let mut ways = vec![vec![called]];
    let mut visited = HashSet::new();
    while let Some(way) = ways.pop() {
        let last = *way.last()?;
        if last.name == action.name {
            let names = std::iter::once(action).chain(way).map(|it| format!("`{}`", it.name));
            return Some(names.collect::<Vec<_>>().join(" calls "));
        }
        if visited.insert(last.name.as_str()) {
            ways.extend(calls(connector, last).map(|(_, next, _)| way.iter().copied().chain([next]).collect()));
        }
    }
    None
}

fn effect(action: &Action, step: &Step, called: &Action, diagnostics: &mut Diagnostics) {
    let allowed = match action.effect {
        Effect::Read => called.effect == Effect::Read,
        Effect::Write => matches!(called.effect, Effect::Read | Effect::Write),
        own @ (Effect::Delete | Effect::Money) => {
            called.effect == own || matches!(called.effect, Effect::Read | Effect::Write)
        }
    };
    if !allowed {
        let message = format!(
            "`{}` has the effect `{}`, but calls `{}`, whose effect is `{}`",
            action.name, action.effect, called.name, called.effect
        );
        let diagnostic = Diagnostic::error(codes::EFFECT_MISMATCH, step.span, message);
        diagnostics.push(diagnostic.help(format!("give `{}` the effect `{}`", action.name, called.effect)));
    }
}

fn config(action: &Action, step: &Step, called: &Action, diagnostics: &mut Diagnostics) {
    for missing in missing(&called.config, &action.config) {
        let message = format!("`{}` needs `config.{missing}`, which `{}` does not declare", called.name, action.name);
        let diagnostic = Diagnostic::error(codes::MISSING_CONFIG, step.span, message);
        diagnostics.push(diagnostic.help(format!("add `{missing}` to `config` of `{}`", action.name)));
    }
}

/// The required fields of `needed` that are not among `given`.
pub(super) fn missing<'f>(needed: &'f Fields, given: &Fields) -> Vec<&'f str> {
    needed.iter().map(|(name, _)| name).filter(|it| needed.is_required(it) && given.get(it).is_none()).collect()
}

/// As far as the arguments are written out.
fn arguments(step: &Step, called: &Action, input: &Shape, diagnostics: &mut Diagnostics) {
    let Shape::Map(given) = input else { return };
    for (name, _) in given {
        if called.input.get(name).is_none() {
            let message = format!("the action `{}` has no input `{name}`", called.name);
            let diagnostic = Diagnostic::error(codes::UNKNOWN_FIELD, step.span, message);
            diagnostics.push(diagnostic.did_you_mean(name, called.input.iter().map(|(it, _)| it)));
        }
    }
    for (name, _) in called.input.iter() {
        if called.input.is_required(name) && !given.iter().any(|(it, _)| it == name) {
            let message = format!("the action `{}` needs the input `{name}`", called.name);
            let diagnostic = Diagnostic::error(codes::MISSING_KEY, step.span, message);
            diagnostics.push(diagnostic.help(format!("add `{name}` to `input` of the call")));
        }
    }
}

fn no_calls(steps: &[Step], diagnostics: &mut Diagnostics) {
    for step in steps.iter().filter(|it| matches!(it.kind, StepKind::Call { .. })) {
        let message = "only actions can call actions: here there is neither input nor execution";
        diagnostics.push(Diagnostic::error(codes::MISPLACED_KEY, step.span, message).help("use a `request`"));
    }
}
