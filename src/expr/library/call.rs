//! A call's arguments, bound to the parameters of its entry.

use std::borrow::Cow;

use minijinja::value::{Kwargs, Value};

use super::{Entry, Kind};
use crate::expr::adapter;

/// One call of a filter, a test or a function.
pub(crate) struct Call {
    entry: &'static Entry,
    /// What a filter or a test stands behind.
    pub(crate) input: Value,
    /// One for each parameter; undefined when not given.
    args: Vec<Value>,
}

impl Call {
    /// Binds positions and names to parameters, and sees that the required ones have values.
    pub(crate) fn new(entry: &'static Entry, input: Value, mut given: Vec<Value>) -> Result<Self, String> {
        let named = if given.last().is_some_and(Value::is_kwargs) { given.pop() } else { None };
        if given.len() > entry.params.len() {
            return Err(format!("`{}` takes {} arguments at most", entry.name, entry.params.len()));
        }
        let mut args = given;
        args.resize(entry.params.len(), Value::UNDEFINED);
        if let Some(named) = named {
            let named = Kwargs::try_from(named).map_err(|_| "its arguments cannot be read")?;
            for name in named.args() {
                let at = entry.params.iter().position(|it| it.name == name);
                let at = at.ok_or_else(|| format!("`{}` has no argument `{name}`", entry.name))?;
                args[at] = named.peek(name).unwrap_or_default();
            }
        }
        let call = Self { entry, input, args };
        for param in entry.params.iter().filter(|it| it.required && it.kind != Kind::Any) {
            if call.arg(param.name).is_none() {
                return Err(format!("`{}` needs `{}`, which has no value", entry.name, param.name));
            }
        }
        Ok(call)
    }

    /// The argument, if it was given and isn't undefined or null.
    pub(crate) fn arg(&self, name: &str) -> Option<&Value> {
        self.raw(name).filter(|it| !it.is_undefined() && !it.is_none())
    }

    /// The argument as it was given.
    pub(crate) fn raw(&self, name: &str) -> Option<&Value> {
        let at = self.entry.params.iter().position(|it| it.name == name)?;
        self.args.get(at)
    }

    /// The input as text; missing is an error.
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, String> {
        text(&self.input)
            .map_err(|_| self.unfit("text"))?
            .ok_or_else(|| format!("`{}` has nothing to work on: the value is missing", self.entry.name))
    }

    /// An argument as text.
    pub(crate) fn text_arg(&self, name: &str) -> Result<Option<Cow<'_, str>>, String> {
        let Some(value) = self.arg(name) else { return Ok(None) };
        text(value).map_err(|_| self.wrong(name, "text", value))
    }

    /// An argument as a whole number.
    pub(crate) fn integer_arg(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(value) = self.arg(name) else { return Ok(None) };
        value.as_i64().filter(|_| value.is_number()).map(Some).ok_or_else(|| self.wrong(name, "a whole number", value))
    }

    /// An argument as a boolean.
    pub(crate) fn boolean_arg(&self, name: &str) -> Result<Option<bool>, String> {
        let Some(value) = self.arg(name) else { return Ok(None) };
        bool::try_from(value.clone()).map(Some).map_err(|_| self.wrong(name, "true or false", value))
    }

    /// The entries of the input, which must be a list.
    pub(crate) fn list(&self) -> Result<Vec<Value>, String> {
        list(&self.input).ok_or_else(|| self.unfit("a list"))
    }

    /// "`name` works on a list, and was given text"
    pub(crate) fn unfit(&self, needs: &str) -> String {
        format!("`{}` works on {needs}, and was given {}", self.entry.name, adapter::name(self.input.kind()))
    }

    /// "`name`: the text does not fit the pattern"
    pub(crate) fn about(&self, message: &str) -> String {
        format!("`{}`: {message}", self.entry.name)
    }

    fn wrong(&self, name: &str, needs: &str, value: &Value) -> String {
        format!("`{name}` of `{}` must be {needs}, and is {}", self.entry.name, adapter::name(value.kind()))
    }
}

/// Text as it is, numbers and booleans as they look.
pub(crate) fn text(value: &Value) -> Result<Option<Cow<'_, str>>, String> {
    match value.as_str() {
        Some(text) => Ok(Some(Cow::Borrowed(text))),
        None => adapter::text(value).map(|it| it.map(Cow::Owned)),
    }
}

/// The entries of a list.
pub(crate) fn list(value: &Value) -> Option<Vec<Value>> {
    use minijinja::value::ValueKind::{Iterable, Seq};
    if !matches!(value.kind(), Seq | Iterable) {
        return None;
    }
    Some(value.try_iter().ok()?.collect())
}
