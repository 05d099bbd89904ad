//! Filters, tests and functions: one table, from which they are registered, checked, suggested and documented.

mod call;
mod list;
mod number;
mod predicates;
mod text;

use minijinja::{Environment, Error, value::Rest, value::Value};

pub(crate) use call::Call;

use super::engine;
use crate::diag::did_you_mean;

/// A filter, a test or a function.
pub struct Entry {
    /// How expressions call it.
    pub name: &'static str,
    /// What it is.
    pub role: Role,
    /// What a filter or a test stands behind.
    pub takes: Kind,
    /// In order; all may be given by name as well.
    pub params: &'static [Param],
    /// One sentence for the reference.
    pub doc: &'static str,
    /// An expression and what it gives, as JSON (or `undefined`). The expression is tested.
    pub example: (&'static str, &'static str),
    /// What it does.
    pub(crate) run: Run,
}

/// How an entry is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `value | name`
    Filter,
    /// `value is name`
    Test,
    /// `name(…)`
    Function,
}

/// A parameter.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What may be given.
    pub kind: Kind,
    /// Whether it must be.
    pub required: bool,
}

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Anything, missing values too.
    Any,
    /// Text; numbers and booleans count as what they look like.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// The name of a test.
    Test,
    /// The name of a filter.
    Filter,
}

/// What a call comes to: a value, or a sentence without values.
pub(crate) type Outcome = Result<Value, String>;

/// Who computes it.
pub(crate) enum Run {
    /// A function of ours. A filter whose `takes` isn't `Any` is not asked about missing values: it gives them back.
    Own(fn(&Call<'_>) -> Outcome),
    /// One of minijinja's own.
    Builtin(fn(&mut Environment<'static>, &'static str)),
}

/// A parameter that must be given.
pub(crate) const fn required(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: true }
}

/// A parameter that may be left out.
pub(crate) const fn optional(name: &'static str, kind: Kind) -> Param {
    Param { name, kind, required: false }
}

/// The families, as the reference lists them.
pub const FAMILIES: &[(&str, &[Entry])] = &[
    ("Text", text::ENTRIES),
    ("Numbers and booleans", number::ENTRIES),
    ("Lists and mappings", list::ENTRIES),
    ("Tests", predicates::ENTRIES),
];

/// All entries of a role.
pub fn entries(role: Role) -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().flat_map(|(_, entries)| *entries).filter(move |it| it.role == role)
}

/// The entry of that name.
pub fn find(role: Role, name: &str) -> Option<&'static Entry> {
    entries(role).find(|it| it.name == name)
}

pub(super) fn register(environment: &mut Environment<'static>) {
    for entry in FAMILIES.iter().flat_map(|(_, entries)| *entries) {
        match (&entry.run, entry.role) {
            (Run::Builtin(add), _) => add(environment, entry.name),
            (Run::Own(run), Role::Filter) => {
                let run = *run;
                environment
                    .add_filter(entry.name, move |input: Value, args: Rest<Value>| filter(entry, run, input, &args));
            }
            (Run::Own(run), Role::Function) => {
                let run = *run;
                environment.add_function(entry.name, move |args: Rest<Value>| {
                    Call::new(entry, Value::UNDEFINED, &args).and_then(|call| run(&call)).map_err(engine::raise)
                });
            }
            (Run::Own(run), Role::Test) => {
                let run = *run;
                environment.add_test(entry.name, move |input: Value, args: Rest<Value>| -> Result<bool, Error> {
                    let outcome = Call::new(entry, input, &args).and_then(|call| run(&call));
                    outcome.map(|it| it.is_true()).map_err(engine::raise)
                });
            }
        }
    }
}

fn filter(entry: &'static Entry, run: fn(&Call<'_>) -> Outcome, input: Value, args: &[Value]) -> Result<Value, Error> {
    if entry.takes != Kind::Any && (input.is_undefined() || input.is_none()) {
        return Ok(input);
    }
    Call::new(entry, input, args).and_then(|call| run(&call)).map_err(engine::raise)
}

impl Entry {
    /// How it is written: `value | pad_left(length, with=…)`.
    pub fn usage(&self) -> String {
        let params: Vec<String> = self
            .params
            .iter()
            .map(|it| if it.required { it.name.to_owned() } else { format!("{}=…", it.name) })
            .collect();
        let params = params.join(", ");
        match (self.role, params.is_empty()) {
            (Role::Filter, true) => format!("value | {}", self.name),
            (Role::Filter, false) => format!("value | {}({params})", self.name),
            (Role::Test, true) => format!("value is {}", self.name),
            (Role::Test, false) => format!("value is {}({params})", self.name),
            (Role::Function, _) => format!("{}({params})", self.name),
        }
    }
}

impl Kind {
    /// What authors read.
    pub fn words(self) -> String {
        match self {
            Self::Any => "anything".into(),
            Self::Text => "text".into(),
            Self::Integer => "a whole number".into(),
            Self::Number => "a number".into(),
            Self::Boolean => "true or false".into(),
            Self::List => "a list".into(),
            Self::Mapping => "a mapping".into(),
            Self::OneOf(words) => words.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(" or "),
            Self::Test => "the name of a test".into(),
            Self::Filter => "the name of a filter".into(),
        }
    }

    /// Whether a constant may be given; if not, perhaps with what was meant.
    pub(super) fn check(self, value: &Value) -> Result<(), Option<String>> {
        use minijinja::value::ValueKind;
        let named = |role: Role| {
            let name = value.as_str().ok_or(None)?;
            if find(role, name).is_some() {
                return Ok(());
            }
            Err(did_you_mean(name, entries(role).map(|it| it.name)).map(|it| format!("did you mean `{it}`?")))
        };
        let fits = match self {
            Self::Any => true,
            Self::Text => matches!(value.kind(), ValueKind::String | ValueKind::Number | ValueKind::Bool),
            Self::Integer => value.is_integer(),
            Self::Number => value.is_number(),
            Self::Boolean => value.kind() == ValueKind::Bool,
            Self::List => value.kind() == ValueKind::Seq,
            Self::Mapping => value.kind() == ValueKind::Map,
            Self::OneOf(words) => {
                let word = value.as_str().ok_or(None)?;
                return if words.contains(&word) {
                    Ok(())
                } else {
                    Err(did_you_mean(word, words.iter().copied()).map(|it| format!("did you mean `{it}`?")))
                };
            }
            Self::Test => return named(Role::Test),
            Self::Filter => return named(Role::Filter),
        };
        if fits { Ok(()) } else { Err(None) }
    }
}
