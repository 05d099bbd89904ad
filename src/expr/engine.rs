//! The one place that evaluates: minijinja, with our own filters and tests and nothing else.

use std::{
    fmt,
    sync::{LazyLock, OnceLock},
};

use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};

use super::{EvalError, Expr, Scope, library};
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
    environment
});

/// How an expression is evaluated.
pub(super) enum Compiled {
    /// As most are, it is a dotted name, which is looked up.
    Name,
    /// By minijinja's instructions, kept from the first evaluation on: they take 12 KB an expression, and most expressions
    /// of a large catalog are never evaluated.
    Program(OnceLock<Expression<'static, 'static>>),
}

/// Compiles what `names` has already checked; what comes of it is only to know that it can be done.
pub(super) fn compile(source: &str) -> Result<Compiled, Error> {
    expression(source).map(|_| Compiled::Program(OnceLock::new()))
}

fn expression(source: &str) -> Result<Expression<'static, 'static>, Error> {
    ENVIRONMENT.compile_expression_owned(source.to_owned())
}

impl Expr {
    pub(super) fn value(&self, scope: &Scope) -> Result<Value, EvalError> {
        let program = match &self.compiled {
            Compiled::Name => return Ok(self.names.first().map(|it| scope.look_up(&it.path)).unwrap_or_default()),
            Compiled::Program(program) => program,
        };
        let program = program.get_or_init(|| {
            expression(&self.source).expect("it was compiled once already, when the connector was loaded")
        });
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
