//! Compile, evaluate, look at the outcome.

mod compiling;
mod evaluating;
mod library;
mod signatures;

use std::ops::Range;

use serde_json::{Value as Json, json};

use super::{Expr, Scope};
use crate::diag::{Diagnostics, FileId, Span};

/// The scalar is the whole file.
fn locate(at: Range<usize>) -> Span {
    Span::new(FileId(0), at.start, at.end)
}

/// What is wrong with an expression: code, underlined text, message, help.
fn problems(compile: impl FnOnce(&mut Diagnostics), source: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    compile(&mut diagnostics);
    let show = |it: &crate::diag::Diagnostic| {
        let help = it.help.as_ref().map(|it| format!(" [{it}]")).unwrap_or_default();
        format!("{} `{}`: {}{help}", it.code, &source[it.span.start..it.span.end], it.message)
    };
    diagnostics.sorted().iter().map(show).collect()
}

fn expr(source: &str) -> Expr {
    let mut diagnostics = Diagnostics::default();
    let compiled = Expr::compile(source, &locate, &mut diagnostics);
    let found: Vec<_> = diagnostics.iter().map(|it| it.message.clone()).collect();
    compiled.unwrap_or_else(|| panic!("{source}: {found:?}"))
}

fn eval(source: &str, scope: &Scope) -> Result<Option<Json>, String> {
    expr(source).eval(scope).map_err(|it| it.message)
}

/// A scope such as an action has.
fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.set("input", json!({"name": "Ana", "start": "2026-12-01T09:30:00+07:00", "email": null, "amount": 150000}));
    scope.set("config", json!({"calendar": "a b@group", "minutes": 30, "flag": true}));
    scope.set_part("steps", "busy", json!({"conflicts": [], "total": 9_007_199_254_740_993_u64, "rate": 0.1}));
    scope.set_part(
        "answer",
        "body",
        json!({"items": [{"id": 1, "at": {"t": "x"}}, {"id": 2}], "big": 18_446_744_073_709_551_615_u64, "html": "<b>&\"a\""}),
    );
    scope.set_part("answer", "headers", json!({"etag": "\"1\""}));
    scope.set_document(json!({"items": [{"id": 1, "n": null}, {"id": 2}], "next": "t"}));
    scope
}
