//! The one place that evaluates: minijinja, with our own filters and tests and nothing else.

use std::{
    fmt,
    ops::Range,
    sync::{LazyLock, OnceLock},
};

use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value, value::ValueKind};

use super::{EvalError, Expr, Scope, adapter, library};
use crate::base::shortened;

/// Instructions that one evaluation may take. The longest expression has fewer; it is a guard against a mistake of ours.
const FUEL: u64 = 20_000;

/// Longer expressions are cut in messages.
const SHOWN_CHARS: usize = 80;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    // Missing things are undefined however deep one asks: what is undefined is dropped.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    // Debug information would hold values.
    environment.set_debug(false);
    environment.set_fuel(Some(FUEL));
    library::register(&mut environment);
    environment.add_filter(FACTOR, |value: Value| match value.kind() {
        ValueKind::Number => Ok(value),
        kind => Err(raise(format!("it multiplies {}, and only numbers can be multiplied", adapter::name(kind)))),
    });
    environment
});

/// A filter that connectors can't name: minijinja would make texts and lists of any length by multiplying them.
const FACTOR: &str = "__factor";

/// How an expression is evaluated.
pub(super) enum Compiled {
    /// As most are, it is a dotted name, which is looked up.
    Name,
    /// By minijinja's instructions, kept from the first evaluation on: they take 12 KB an expression, and most expressions
    /// of a large catalog are never evaluated.
    Program {
        /// What is compiled, if it is not the expression as written.
        source: Option<Box<str>>,
        /// What came of it.
        program: OnceLock<Expression<'static, 'static>>,
    },
}

/// Compiles what `names` has already checked, with what it found to be multiplied. What is parsed can be compiled, and that is left
/// for its first use; only what is written differently for its factors has to be tried.
pub(super) fn compile(source: &str, factors: &[Range<usize>]) -> Result<Compiled, Error> {
    let guarded = (!factors.is_empty()).then(|| guarded(source, factors));
    if let Some(guarded) = &guarded {
        expression(guarded)?;
    }
    Ok(Compiled::Program { source: guarded.map(String::into_boxed_str), program: OnceLock::new() })
}

/// The expression with each factor in brackets and looked at. Ranges are nested or apart, so the inner ones come last at a start and
/// first at an end.
fn guarded(source: &str, factors: &[Range<usize>]) -> String {
    let mut guarded = String::with_capacity(source.len() + factors.len() * (FACTOR.len() + 3));
    for at in 0..=source.len() {
        for _ in factors.iter().filter(|it| it.end == at) {
            guarded.extend([")|", FACTOR]);
        }
        for _ in factors.iter().filter(|it| it.start == at) {
            guarded.push('(');
        }
        if let Some(char) = source.get(at..).and_then(|it| it.chars().next()) {
            guarded.push(char);
        }
    }
    guarded
}

fn expression(source: &str) -> Result<Expression<'static, 'static>, Error> {
    ENVIRONMENT.compile_expression_owned(source.to_owned())
}

impl Expr {
    pub(super) fn value(&self, scope: &Scope) -> Result<Value, EvalError> {
        let program = match &self.compiled {
            Compiled::Name => return Ok(self.names.first().map(|it| scope.look_up(&it.path)).unwrap_or_default()),
            Compiled::Program { source, program } => program.get_or_init(|| {
                let source = source.as_deref().unwrap_or(&self.source);
                expression(source).expect("it was parsed once already, when the connector was loaded")
            }),
        };
        program.eval(scope.root()).map_err(|error| self.error(&explain(&error)))
    }

    /// An error of this expression.
    pub(super) fn error(&self, message: &str) -> EvalError {
        let source = shortened(&self.source.split_whitespace().collect::<Vec<_>>().join(" "), SHOWN_CHARS);
        EvalError { span: self.span, message: format!("`{{{{ {source} }}}}`: {message}") }
    }
}

/// Marks an error whose detail is a sentence of ours, which holds no value.
#[derive(Debug)]
struct Ours;

impl fmt::Display for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("said by a filter")
    }
}

impl std::error::Error for Ours {}

/// An error that a filter of ours raises.
pub(super) fn raise(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message).with_source(Ours)
}

/// A sentence about the error. minijinja's own texts may quote values, so only ours are passed on.
fn explain(error: &Error) -> String {
    let ours = std::error::Error::source(error).is_some_and(|it| it.is::<Ours>());
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        _ if ours => detail.to_owned(),
        ErrorKind::OutOfFuel => "it takes too many operations".into(),
        ErrorKind::InvalidOperation if detail.starts_with("tried to use") => {
            // "tried to use + operator on unsupported types string and number": kinds, no values.
            format!("it {}", detail.replace("string", "text").replace("sequence", "list"))
        }
        _ => "it cannot be computed from the values that it was given".into(),
    }
}
