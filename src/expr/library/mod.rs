//! Filters, tests and functions: one table, from which they are registered, checked, suggested and documented.

mod calendar;
mod call;
mod encoding;
mod ics;
mod list;
mod moment;
mod number;
mod predicates;
mod slots;
mod text;
mod time;

use minijinja::{
    Environment, Error, State,
    value::{Rest, Value, ValueOrKwargs},
};

pub(crate) use call::Call;

use self::moment::Moment;
use super::{adapter, engine};
use crate::{
    base::{zone, zone_names},
    diag::did_you_mean,
};

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
    /// A date-time with offset, or a date (RFC 3339).
    Time,
    /// An IANA time zone.
    Zone,
    /// A pattern of strftime.
    TimeFormat,
}

/// What a call comes to: a value, or a sentence without values.
pub(crate) type Outcome = Result<Value, String>;

/// Who computes it.
pub(crate) enum Run {
    /// A function of ours. A filter whose `takes` isn't `Any` is not asked about a missing value: it is given back.
    Own(fn(&Call) -> Outcome),
    /// One of minijinja's own; a missing value is given back as well.
    Builtin(fn() -> Value),
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
    ("Dates and times", time::ENTRIES),
    ("Availability", calendar::ENTRIES),
    ("iCalendar", ics::ENTRIES),
    ("Encodings and signatures", encoding::ENTRIES),
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
        let run = entry.run.resolve();
        // Each role has its own kind of function.
        match entry.role {
            Role::Filter => {
                let filter = move |state: &mut State<'_, '_>, input: Value, args: Rest<ValueOrKwargs>| {
                    if entry.takes != Kind::Any && (input.is_undefined() || input.is_none()) {
                        return Ok(input);
                    }
                    run.call(entry, state, Some(input), args.into_values())
                };
                environment.add_filter(entry.name, filter);
            }
            Role::Test => {
                let test = move |state: &mut State<'_, '_>, input: Value, args: Rest<ValueOrKwargs>| {
                    run.call(entry, state, Some(input), args.into_values()).map(|it| it.is_true())
                };
                environment.add_test(entry.name, test);
            }
            Role::Function => {
                let function = move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                    run.call(entry, state, None, args.into_values())
                };
                environment.add_function(entry.name, function);
            }
        }
    }
}

/// [`Run`], ready to be called.
enum Runner {
    Own(fn(&Call) -> Outcome),
    Builtin(Value),
}

impl Run {
    fn resolve(&self) -> Runner {
        match self {
            Self::Own(run) => Runner::Own(*run),
            Self::Builtin(function) => Runner::Builtin(function()),
        }
    }
}

impl Runner {
    fn call(
        &self,
        entry: &'static Entry,
        state: &mut State<'_, '_>,
        input: Option<Value>,
        mut args: Vec<Value>,
    ) -> Result<Value, Error> {
        match self {
            Self::Own(run) => {
                let call = Call::new(entry, input.unwrap_or_default(), args);
                call.and_then(|call| run(&call)).map_err(engine::raise)
            }
            Self::Builtin(function) => {
                if let Some(input) = input {
                    entry.takes.expect(entry.name, &input).map_err(engine::raise)?;
                    args.insert(0, input);
                }
                function.call(state, &args)
            }
        }
    }
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
    /// Refuses an input that minijinja's own filters would take for something else, such as text for its characters.
    fn expect(self, name: &str, input: &Value) -> Result<(), String> {
        use minijinja::value::ValueKind::{Iterable, Seq};
        if self != Self::List || matches!(input.kind(), Seq | Iterable) {
            return Ok(());
        }
        Err(format!("`{name}` works on a list, and was given {}", adapter::name(input.kind())))
    }

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
            Self::Time => "a date-time with offset or a date, such as `2026-12-01T09:30:00+07:00`".into(),
            Self::Zone => "an IANA time zone such as `Asia/Jakarta`".into(),
            Self::TimeFormat => "a pattern such as `%Y-%m-%d %H:%M`".into(),
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
            Self::Time => value.as_str().is_some_and(|it| Moment::parse(it).is_ok()),
            Self::Zone => {
                let name = value.as_str().ok_or(None)?;
                if zone(name).is_some() {
                    return Ok(());
                }
                return Err(did_you_mean(name, zone_names()).map(|it| format!("did you mean `{it}`?")));
            }
            Self::TimeFormat => value.as_str().is_some_and(time::is_format),
            Self::Test => return named(Role::Test),
            Self::Filter => return named(Role::Filter),
        };
        if fits { Ok(()) } else { Err(None) }
    }
}

/// The tables of the reference's section about filters and functions, in Markdown.
pub fn reference() -> String {
    // A bar would end the cell, even inside backticks.
    let cell = |text: String| text.replace('|', "\\|");
    let row = |entry: &Entry| {
        let (source, gives) = entry.example;
        let example = format!("`{source}` → `{gives}`");
        format!("| {} | {} | {} |\n", cell(format!("`{}`", entry.usage())), cell(entry.doc.into()), cell(example))
    };
    let family = |(name, entries): &(&str, &[Entry])| {
        let rows: String = entries.iter().map(row).collect();
        format!("**{name}**\n\n| written | | example |\n| --- | --- | --- |\n{rows}")
    };
    FAMILIES.iter().map(family).collect::<Vec<_>>().join("\n")
}
