//! The language's tables: which keys a section has and what each takes.
//!
//! One table serves three readers: [`super::Reader`] refuses what is not in it, the JSON Schema for editors is printed
//! from it, and so is the reference.

use super::{Kind, Node, typed};

/// A mapping with known keys.
#[derive(Debug)]
pub struct Section {
    /// As an author would call it: `http`, `request`, `step`.
    pub name: &'static str,
    /// One sentence for editors.
    pub doc: &'static str,
    /// In the order of the reference.
    pub keys: &'static [Key],
    /// Sections that a misplaced key may belong to.
    pub near: &'static [&'static Section],
}

/// A key of a [`Section`].
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What it takes.
    pub kind: Type,
    /// One sentence for editors.
    pub doc: &'static str,
    /// Missing is an error.
    pub required: bool,
    /// What holds when it is missing, as it would be written.
    pub default: Option<&'static str>,
    /// Shown when what is written is of the wrong type; the type has one of its own.
    pub example: Option<&'static str>,
    /// Names that people try instead, and that mean the same.
    pub mistaken: &'static [&'static str],
    /// Names that people try instead and that mean something else, and what is to be said of them.
    pub confused: (&'static [&'static str], &'static str),
}

/// What a key takes.
#[derive(Debug, Clone, Copy)]
pub enum Type {
    /// Literal text.
    Text,
    /// Text that may have placeholders.
    Template,
    /// One `{{ … }}`.
    Expression,
    /// JSONPath.
    Path,
    /// JSONPath or one `{{ … }}`.
    PathOrExpression,
    /// Any tree, with placeholders and, where an answer is at hand, paths.
    Value,
    /// Any tree, taken as it is.
    Json,
    /// A JSON Schema for one field, with our additions.
    Schema,
    /// `true` or `false`.
    Bool,
    /// A whole number in a range.
    Integer {
        /// The smallest.
        min: i64,
        /// The largest.
        max: i64,
    },
    /// `500ms`, `10s`, `5m`, `1h`, `7d`.
    Duration,
    /// An instant, RFC 3339.
    Instant,
    /// One of these.
    Word(&'static [&'static str]),
    /// `lower-case-with-dashes`.
    Id,
    /// `lower_case_with_underscores`.
    Name,
    /// `1.2.3`.
    Version,
    /// `#RRGGBB`.
    Color,
    /// A list.
    List(&'static Type),
    /// One, or a list.
    OneOrMany(&'static Type),
    /// Names of the author's choice (`lower_case_with_underscores`) → values.
    Named(&'static Type),
    /// Names of the provider's choice → values.
    Mapping(&'static Type),
    /// A section.
    Section(&'static Section),
    /// One of these.
    Either(&'static [Type]),
}

impl Section {
    /// The key of that name.
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|it| it.name == name)
    }
}

impl Type {
    /// Calls `visit` with each section that may stand there, not with those inside them.
    pub fn for_each_section(&self, visit: &mut dyn FnMut(&'static Section)) {
        match self {
            Self::Section(section) => visit(section),
            Self::List(one) | Self::OneOrMany(one) | Self::Named(one) | Self::Mapping(one) => {
                one.for_each_section(visit);
            }
            Self::Either(types) => types.iter().for_each(|it| it.for_each_section(visit)),
            _ => {}
        }
    }
}

impl Key {
    /// An optional key.
    pub const fn new(name: &'static str, kind: Type, doc: &'static str) -> Self {
        Self { name, kind, doc, required: false, default: None, example: None, mistaken: &[], confused: (&[], "") }
    }

    /// It has to be there.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What holds without it.
    #[must_use]
    pub const fn default(mut self, written: &'static str) -> Self {
        self.default = Some(written);
        self
    }

    /// A better example than the type's own, such as `timeout: 10s`.
    #[must_use]
    pub const fn example(mut self, written: &'static str) -> Self {
        self.example = Some(written);
        self
    }

    /// Names that people try instead of this one and that mean something else: they are told so, and nothing is put right.
    #[must_use]
    pub const fn confused(mut self, names: &'static [&'static str], said: &'static str) -> Self {
        self.confused = (names, said);
        self
    }

    /// Names that people try instead of this one, and by which they can mean nothing else.
    #[must_use]
    pub const fn mistaken(mut self, names: &'static [&'static str]) -> Self {
        self.mistaken = names;
        self
    }
}

impl Type {
    /// Whether a value may be of this type, as far as can be seen without reading it: what a key is given under another name
    /// is moved there without asking only then.
    pub fn may_be(&self, node: &Node) -> bool {
        let is_scalar = matches!(node.kind, Kind::Scalar(..));
        match self {
            Type::Text | Type::Template => is_scalar && !node.is_nothing(),
            Type::Expression => node.as_text().is_some_and(|it| it.contains("{{")),
            Type::Path => node.as_text().is_some_and(|it| it.starts_with('$')),
            Type::PathOrExpression => node.as_text().is_some_and(|it| it.starts_with('$') || it.contains("{{")),
            Type::Value | Type::Json => true,
            Type::Bool => node.as_bool().is_some(),
            Type::Integer { min, max } => node.as_i64().is_some_and(|it| (*min..=*max).contains(&it)),
            Type::Duration => node.as_text().is_some_and(|it| typed::parse_duration(it).is_some()),
            Type::Word(words) => node.as_text().is_some_and(|it| words.contains(&it)),
            Type::Id => node.as_text().is_some_and(typed::is_id),
            Type::Name => node.as_text().is_some_and(typed::is_name),
            Type::Version => node.as_text().is_some_and(typed::is_version),
            Type::Instant | Type::Color => is_scalar,
            Type::List(one) => node.as_list().is_some_and(|it| it.iter().all(|it| one.may_be(it))),
            Type::OneOrMany(one) => match node.as_list() {
                Some(items) => items.iter().all(|it| one.may_be(it)),
                None => one.may_be(node),
            },
            Type::Schema | Type::Named(_) | Type::Mapping(_) => node.as_map().is_some(),
            Type::Section(section) => {
                node.as_map().is_some_and(|it| it.iter().all(|it| section.key(&it.key).is_some()))
            }
            Type::Either(types) => types.iter().any(|it| it.may_be(node)),
        }
    }

    /// As in "expected a duration".
    pub fn expected(&self) -> String {
        match self {
            Type::Text | Type::Template => "text".to_owned(),
            Type::Expression => "an expression".to_owned(),
            Type::Path => "a JSONPath".to_owned(),
            Type::PathOrExpression => "a JSONPath or an expression".to_owned(),
            Type::Value | Type::Json => "a value".to_owned(),
            Type::Schema => "a JSON Schema".to_owned(),
            Type::Bool => "`true` or `false`".to_owned(),
            Type::Integer { min, max: i64::MAX } => format!("a whole number from {min}"),
            Type::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Type::Duration => "a duration".to_owned(),
            Type::Instant => "an instant".to_owned(),
            Type::Word(words) => one_of(words),
            Type::Id => "an id in lower-case-with-dashes".to_owned(),
            Type::Name => "a name in lower_case_with_underscores".to_owned(),
            Type::Version => "a semantic version".to_owned(),
            Type::Color => "a colour".to_owned(),
            Type::List(_) => "a list".to_owned(),
            Type::OneOrMany(one) => format!("{}, or a list of them", one.expected()),
            Type::Named(_) | Type::Mapping(_) => "a mapping from name to value".to_owned(),
            Type::Section(section) => format!("a mapping (`{}`)", section.name),
            Type::Either(types) => types.iter().map(Type::expected).collect::<Vec<_>>().join(", or "),
        }
    }

    /// Something that would be accepted, as it would be written.
    pub fn example(&self) -> Option<String> {
        Some(match self {
            Type::Text | Type::Template | Type::Value | Type::Json => return None,
            Type::Expression => "\"{{ input.name }}\"".to_owned(),
            Type::Path => "$.items[0].id".to_owned(),
            Type::PathOrExpression => "$.items[*]".to_owned(),
            Type::Schema => "{type: string}".to_owned(),
            Type::Bool => "true".to_owned(),
            Type::Integer { min, .. } => min.to_string(),
            Type::Duration => "10s".to_owned(),
            Type::Instant => "2026-11-25T09:00:00Z".to_owned(),
            Type::Word(words) => (*words.first()?).to_owned(),
            Type::Id => "my-connector".to_owned(),
            Type::Name => "my_name".to_owned(),
            Type::Version => "1.0.0".to_owned(),
            Type::Color => "\"#1A73E8\"".to_owned(),
            Type::List(one) => format!("[{}]", one.example()?),
            Type::OneOrMany(one) => one.example()?,
            Type::Named(one) | Type::Mapping(one) => format!("{{name: {}}}", one.example()?),
            Type::Section(section) => {
                let key = section.keys.iter().find(|it| it.required).or(section.keys.first())?;
                format!("{{{}: {}}}", key.name, key.example.map(str::to_owned).or_else(|| key.kind.example())?)
            }
            Type::Either(types) => types.iter().find_map(Type::example)?,
        })
    }
}

/// `` `a`, `b` or `c` ``.
pub fn one_of<S: AsRef<str>>(words: &[S]) -> String {
    listed(words, "or")
}

/// `` `a`, `b` and `c` ``.
pub fn all_of<S: AsRef<str>>(words: &[S]) -> String {
    listed(words, "and")
}

fn listed<S: AsRef<str>>(words: &[S], last_by: &str) -> String {
    let quoted: Vec<_> = words.iter().map(|it| format!("`{}`", it.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} {last_by} {last}", rest.join(", ")),
    }
}
