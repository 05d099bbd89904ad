//! Where a byte stands in a file, and what the language's tables say of that place.

use super::{
    File,
    outline::{Entry, Kind, Node},
};
use crate::{
    spec::keys,
    yaml::{Key, Section, Type},
};

/// A node on the way from the whole file to a place.
#[derive(Debug)]
pub(super) struct Level<'a> {
    /// The node.
    pub(super) node: &'a Node,
    /// The entry whose value it is; `None` of the whole file and of a list's entries.
    pub(super) entry: Option<&'a Entry>,
    /// What the key means that it stands at, and in which section.
    pub(super) key: Option<(&'static Section, &'static Key)>,
    /// What may stand there.
    pub(super) types: Vec<&'static Type>,
}

/// A place: the way to it, and whether it is a key of the last mapping on it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// From the whole file on; never empty.
    pub(super) levels: Vec<Level<'a>>,
    /// The key that the byte stands in; otherwise it stands in the last node.
    pub(super) key: Option<&'a Entry>,
}

impl<'a> Place<'a> {
    /// The place of a byte.
    pub(super) fn of(file: &'a File, byte: usize) -> Self {
        let types = expanded(file.kind.root(), &file.root);
        let mut levels = vec![Level { node: &file.root, entry: None, key: None, types }];
        let mut place = Self { levels: Vec::new(), key: None };
        while let Some(next) = inside(&levels[levels.len() - 1], &file.text, byte) {
            match next {
                Inside::Key(entry) => {
                    place.key = Some(entry);
                    break;
                }
                Inside::Value(level) => levels.push(level),
            }
        }
        place.levels = levels;
        place
    }

    /// The innermost node.
    pub(super) fn last(&self) -> &Level<'a> {
        &self.levels[self.levels.len() - 1]
    }

    /// The keys on the way, from the whole file on.
    pub(super) fn path(&self) -> Vec<&'a str> {
        self.levels.iter().filter_map(|it| it.entry).map(|it| it.key.as_str()).collect()
    }

    /// The node that the path's first `depth` keys lead to.
    pub(super) fn owner(&self, depth: usize) -> Option<&'a Node> {
        let mut levels = self.levels.iter().filter(|it| it.entry.is_some());
        levels.nth(depth.checked_sub(1)?).map(|it| it.node)
    }

    /// The innermost level on the way that satisfies a test, and how far from the whole file it is.
    pub(super) fn innermost(&self, test: impl Fn(&Level<'a>) -> bool) -> Option<(usize, &Level<'a>)> {
        self.levels.iter().enumerate().rev().find(|(_, it)| test(it))
    }
}

enum Inside<'a> {
    Key(&'a Entry),
    Value(Level<'a>),
}

fn inside<'a>(level: &Level<'a>, text: &str, byte: usize) -> Option<Inside<'a>> {
    let holds = |start: usize, end: usize| (start..=end).contains(&byte);
    match &level.node.kind {
        Kind::Map(entries) => {
            if let Some(entry) = entries.iter().find(|it| holds(it.key_range.start, it.key_range.end)) {
                return Some(Inside::Key(entry));
            }
            let entry = entries.iter().find(|it| holds(it.value.range.start, it.value.range.end))?;
            let (key, types) = at_key(level, text, entry);
            Some(Inside::Value(Level { node: &entry.value, entry: Some(entry), key, types }))
        }
        Kind::List(items) => {
            let node = items.iter().find(|it| holds(it.range.start, it.range.end))?;
            let types = level.types.iter().flat_map(|it| match it {
                Type::List(one) | Type::OneOrMany(one) => expanded(one, node),
                Type::Value | Type::Json => expanded(it, node),
                _ => Vec::new(),
            });
            let types = types.collect();
            Some(Inside::Value(Level { node, entry: None, key: level.key, types }))
        }
        Kind::Scalar(_) | Kind::Nothing => None,
    }
}

/// What may stand at a key of a mapping.
fn at_key(
    level: &Level<'_>,
    text: &str,
    entry: &Entry,
) -> (Option<(&'static Section, &'static Key)>, Vec<&'static Type>) {
    let mut known = None;
    let mut types = Vec::new();
    for section in sections(level, text) {
        if let Some(key) = section.key(&entry.key) {
            known.get_or_insert((section, key));
            types.extend(expanded(&key.kind, &entry.value));
        }
    }
    for kind in &level.types {
        match kind {
            Type::Named(one) | Type::Mapping(one) => types.extend(expanded(one, &entry.value)),
            Type::Value | Type::Json if known.is_none() => types.extend(expanded(kind, &entry.value)),
            _ => {}
        }
    }
    (known, types)
}

/// The alternatives of a type, and what a value with keys of its own is.
fn expanded(kind: &'static Type, node: &Node) -> Vec<&'static Type> {
    static EACH: Type = Type::Section(&keys::EACH);
    static LITERALS: Type = Type::Section(&keys::LITERALS);
    match kind {
        Type::Either(types) => types.iter().flat_map(|it| expanded(it, node)).collect(),
        Type::OneOrMany(one) if !matches!(node.kind, Kind::List(_)) => expanded(one, node),
        Type::Value if node.entry("each").is_some() => vec![&EACH],
        Type::Value if node.entry("literals").is_some() => vec![&LITERALS],
        kind => vec![kind],
    }
}

/// The sections that a mapping may be: of several those that its `scheme` names, and that know most of its keys.
pub(super) fn sections(level: &Level<'_>, text: &str) -> Vec<&'static Section> {
    let all = level.types.iter().filter_map(|it| match it {
        Type::Section(section) => Some(*section),
        _ => None,
    });
    let scheme = level.node.get("scheme").and_then(|it| it.text(text));
    let fits = |section: &&Section| match (scheme, section.key("scheme").map(|it| it.kind)) {
        (Some(given), Some(Type::Word([word]))) => given == *word,
        _ => true,
    };
    let all: Vec<_> = all.filter(fits).collect();
    let known = |section: &Section| level.node.entries().iter().filter(|it| section.key(&it.key).is_some()).count();
    let most = all.iter().map(|it| known(it)).max().unwrap_or(0);
    all.into_iter().filter(|it| known(it) == most).collect()
}
