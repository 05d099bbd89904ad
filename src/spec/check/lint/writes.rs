//! Writes of which a part could stay, happen twice, or not happen.

use super::requests;
use crate::{
    base::Effect,
    diag::{Diagnostic, Diagnostics, codes},
    expr::{Expr, Shape, Text},
    spec::{Action, Body, Connector, Request, RequestStep, Step, StepKind},
};

/// Reports them.
pub(super) fn check(connector: &Connector, action: &Action, found: &mut Diagnostics) {
    left_behind(connector, action, found);
    for (step, request) in requests(&action.plan).filter(|(_, it)| it.effect != Effect::Read) {
        if step.each.is_some() {
            same_key(&request.request, found);
        }
        verified_blindly(request, found);
        undone_blindly(request, found);
        keys(&request.request, found);
    }
}

/// A write that stays when a later one fails.
fn left_behind(connector: &Connector, action: &Action, found: &mut Diagnostics) {
    let writes = |step: &Step| match &step.kind {
        StepKind::Request(request) => request.effect != Effect::Read,
        StepKind::Call { action, .. } => connector.action(action).is_some_and(|it| it.effect != Effect::Read),
        _ => false,
    };
    let Some(last) = action.plan.steps.iter().rposition(writes) else { return };
    for step in &action.plan.steps[..last] {
        let StepKind::Request(request) = &step.kind else { continue };
        // Of two with a `when`, only one may ever run.
        let is_told_apart = step.when.is_some() && action.plan.steps[last].when.is_some();
        if request.effect == Effect::Read || request.idempotent || request.undo.is_some() || is_told_apart {
            continue;
        }
        let message = format!("if a later step fails, what `{}` did stays, and calling again does it twice", step.id);
        found.push(
            Diagnostic::warning(codes::NO_UNDO, step.span, message)
                .note(action.plan.steps[last].span, "this may fail")
                .help("give it `undo`, or make it `idempotent`; or do it last"),
        );
    }
}

/// Rounds whose key is that of the execution: to the provider they are one.
fn same_key(request: &Request, found: &mut Diagnostics) {
    let mut report = |exprs: &[&Expr]| {
        let reads = |roots: &[(&str, &[&str])]| {
            exprs.iter().find(|it| {
                it.names.iter().any(|name| {
                    let second = name.path.get(1).map(String::as_str);
                    roots.iter().any(|(root, parts)| {
                        name.path[0] == *root && (parts.is_empty() || second.is_some_and(|it| parts.contains(&it)))
                    })
                })
            })
        };
        if let Some(key) = reads(&[("execution", &["key", "id"])])
            && reads(&[("item", &[]), ("index", &[])]).is_none()
        {
            let message = "each round sends the same key: to the provider they are all one";
            let diagnostic = Diagnostic::warning(codes::ROUNDS_SHARE_KEY, key.span, message);
            found.push(diagnostic.help("add what tells the rounds apart: `{{ execution.key ~ '-' ~ index }}`"));
        }
    };
    let of_text = |text: &Text, report: &mut dyn FnMut(&[&Expr])| {
        let mut exprs: Vec<&Expr> = Vec::new();
        text.for_each_expr(&mut |it| exprs.push(it));
        report(&exprs);
    };
    request.headers.iter().for_each(|(_, it)| of_text(it, &mut report));
    request.query.iter().for_each(|(_, it)| each_scalar(it, &mut report));
    match &request.body {
        Body::Json(shape) | Body::Form(shape) => each_scalar(shape, &mut report),
        _ => {}
    }
}

/// The expressions of each scalar.
fn each_scalar(shape: &Shape, report: &mut dyn FnMut(&[&Expr])) {
    match shape {
        Shape::Map(entries) => entries.iter().for_each(|(_, it)| each_scalar(it, report)),
        Shape::List(entries) => entries.iter().for_each(|it| each_scalar(it, report)),
        Shape::When(_, inner) => each_scalar(inner, report),
        Shape::Each(_) | Shape::Literal(_) | Shape::Path(_) => {}
        Shape::Expr(_) | Shape::Text(_) | Shape::Query(..) => {
            let mut exprs: Vec<&Expr> = Vec::new();
            shape.for_each_expr(&mut |it| exprs.push(it));
            report(&exprs);
        }
    }
}

/// Whether an expression reads what this call is about.
fn is_of_the_call(expr: &Expr) -> bool {
    let roots = ["input", "steps", "item", "index", "record", "execution"];
    expr.names.iter().any(|it| roots.contains(&it.path[0].as_str()))
}

fn reads_the_call(request: &Request) -> bool {
    let mut reads = false;
    request.for_each_expr(&mut |it| reads |= is_of_the_call(it));
    reads
}

/// `verify` that asks the same whatever was written.
fn verified_blindly(step: &RequestStep, found: &mut Diagnostics) {
    let Some(verify) = &step.verify else { return };
    let compares = verify.holds.iter().chain(&verify.absent).any(|it| is_of_the_call(it));
    if reads_the_call(&step.request) && !compares && !reads_the_call(&verify.request) {
        let message = "this asks the same whatever was written, so it can't tell whether this write happened";
        let diagnostic = Diagnostic::warning(codes::BLIND_VERIFY, verify.request.span, message);
        found.push(diagnostic.help(
            "ask for what was written, or compare with it in `holds`: by `input`, `execution.key` or an earlier step",
        ));
    }
}

/// `undo` that takes back the same whatever was written.
fn undone_blindly(step: &RequestStep, found: &mut Diagnostics) {
    let Some(undo) = step.undo.as_ref().filter(|it| reads_the_call(&step.request) && !reads_the_call(it)) else {
        return;
    };
    let message = "this takes back the same whatever was written: everything, perhaps";
    let diagnostic = Diagnostic::warning(codes::BLIND_VERIFY, undo.span, message);
    found.push(diagnostic.help("name what was written: by this step's own output, `steps.<id>`, or by `input`"));
}

/// Keys by which a provider is to know a repetition, and that are others each time, or the same for several calls.
fn keys(request: &Request, found: &mut Diagnostics) {
    let is_key = |name: &str| name.replace(['-', '_'], "").contains("idempotency");
    for (_, text) in request.headers.iter().filter(|(name, _)| is_key(name)) {
        let mut names = Vec::new();
        text.for_each_expr(&mut |it| names.extend(it.names.iter().map(|it| it.path[0].clone())));
        let message = if names.iter().any(|it| it == "now") {
            "this key is another one each time: the provider never knows a repetition by it"
        } else if names.is_empty() {
            "this key is always the same: the provider takes every call for a repetition of the first"
        } else if names.iter().all(|it| it == "input") {
            "two calls that are given the same have one key: the provider does the first only"
        } else {
            continue;
        };
        let diagnostic = Diagnostic::warning(codes::ROUNDS_SHARE_KEY, text.span, message);
        found.push(
            diagnostic
                .help("send `{{ execution.key }}`, which is the same for repetitions of a call and for nothing else"),
        );
    }
}
