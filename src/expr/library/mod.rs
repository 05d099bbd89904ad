//! Filters, tests and functions: one table, from which they are registered, checked, suggested and documented.

mod calendar;
mod call;
mod encoding;
mod gives;
mod ics;
mod kind;
mod list;
mod mail;
mod moment;
mod number;
mod opening;
mod pattern;
mod places;
mod predicates;
mod query;
mod signatures;
mod slots;
mod table;
mod text;
mod time;

use minijinja::{
    Environment, Error, State,
    value::{Rest, Value, ValueOrKwargs},
};

pub(crate) use call::{Call, list};
pub use gives::{Given, Gives};
pub use kind::Kind;

use super::{engine, types::Kinds};

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
    /// What comes of it.
    pub gives: Gives,
    /// What it works on, where `takes` says less: it sees missing values itself.
    pub on: Option<Kinds>,
    /// What it leaves as it is.
    pub idle_on: Kinds,
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

/// A filter of ours, on values of that kind.
const fn filter(
    name: &'static str,
    takes: Kind,
    params: &'static [Param],
    doc: &'static str,
    example: (&'static str, &'static str),
    run: fn(&Call) -> Outcome,
) -> Entry {
    Entry {
        name,
        role: Role::Filter,
        takes,
        params,
        gives: Gives::Any,
        on: None,
        idle_on: Kinds::NONE,
        doc,
        example,
        run: Run::Own(run),
    }
}

/// A function of ours.
const fn function(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    example: (&'static str, &'static str),
    run: fn(&Call) -> Outcome,
) -> Entry {
    Entry {
        name,
        role: Role::Function,
        takes: Kind::Any,
        params,
        gives: Gives::Any,
        on: None,
        idle_on: Kinds::NONE,
        doc,
        example,
        run: Run::Own(run),
    }
}

/// The families, as the reference lists them.
pub const FAMILIES: &[(&str, &[Entry])] = &[
    ("Text", text::ENTRIES),
    ("Patterns", pattern::ENTRIES),
    ("Numbers and booleans", number::ENTRIES),
    ("Lists and mappings", list::ENTRIES),
    ("Tables", table::ENTRIES),
    ("Dates and times", time::ENTRIES),
    ("Availability", calendar::ENTRIES),
    ("Places", places::ENTRIES),
    ("iCalendar", ics::ENTRIES),
    ("Queries", query::ENTRIES),
    ("Mail", mail::ENTRIES),
    ("Encodings", encoding::ENTRIES),
    ("Digests and signatures", signatures::ENTRIES),
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
    const fn gives(mut self, gives: Gives) -> Self {
        self.gives = gives;
        self
    }

    const fn on(mut self, kinds: Kinds) -> Self {
        self.on = Some(kinds);
        self
    }

    const fn idle_on(mut self, kinds: Kinds) -> Self {
        self.idle_on = kinds;
        self
    }

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
