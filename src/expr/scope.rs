//! What an expression can see, and the document that paths look into.

use std::{collections::BTreeSet, fmt, sync::Arc};

use jiff::Timestamp;
use minijinja::value::{Enumerator, Object, Value};
use serde_json::Value as Json;
use smallvec::SmallVec;

use super::adapter;

/// Names and the current document. Cheap to clone: a clone shares every value and can be given names of its own.
#[derive(Clone, Default)]
pub struct Scope {
    names: Arc<Names>,
    document: Option<Arc<Json>>,
}

/// More names than these are seldom given in one place.
const USUAL: usize = 4;

/// Names that were given here, and those that were there already. What is shared is never copied.
#[derive(Default)]
struct Names {
    own: SmallVec<[(&'static str, Slot); USUAL]>,
    outer: Option<Arc<Names>>,
}

/// What a name means. What an expression sees of it is made when one asks for it, since most names are asked for by none.
#[derive(Clone)]
enum Slot {
    Undefined,
    Whole(Arc<Json>),
    /// As text.
    Instant(Timestamp),
    Parts(Arc<Parts>),
    Lazy(Arc<dyn Lazy>),
}

#[derive(Clone, Default)]
struct Parts(Vec<(String, Arc<Json>)>);

/// What a name means, part by part, each made when an expression asks for it.
pub trait Lazy: Send + Sync + 'static {
    /// The names of all parts.
    fn names(&self) -> Vec<&str>;

    /// One of them.
    fn part(&self, name: &str) -> Option<Arc<Json>>;
}

struct Asked(Arc<dyn Lazy>);

impl Scope {
    /// Nothing is known and there is no document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes `name` mean `value`.
    pub fn set(&mut self, name: &'static str, value: impl Into<Arc<Json>>) {
        *self.slot(name) = Slot::Whole(value.into());
    }

    /// Makes `name` mean the instant `at`, as text.
    pub fn set_instant(&mut self, name: &'static str, at: Timestamp) {
        *self.slot(name) = Slot::Instant(at);
    }

    /// Makes `name` mean what `lazy` makes of its parts.
    pub fn set_lazy(&mut self, name: &'static str, lazy: Arc<dyn Lazy>) {
        *self.slot(name) = Slot::Lazy(lazy);
    }

    /// Makes `name.part` mean `value`; the other parts stay. For `steps`, which grows.
    pub fn set_part(&mut self, name: &'static str, part: impl Into<String>, value: impl Into<Arc<Json>>) {
        let (part, value) = (part.into(), value.into());
        let slot = self.slot(name);
        if !matches!(slot, Slot::Parts(_)) {
            *slot = Slot::Parts(Arc::default());
        }
        if let Slot::Parts(parts) = slot {
            let parts = &mut Arc::make_mut(parts).0;
            match parts.iter_mut().find(|(name, _)| *name == part) {
                Some((_, old)) => *old = value,
                None => parts.push((part, value)),
            }
        }
    }

    /// Makes `$` mean `document`.
    pub fn set_document(&mut self, document: impl Into<Arc<Json>>) {
        self.document = Some(document.into());
    }

    /// The same scope with another document.
    #[must_use]
    pub fn with_document(&self, document: impl Into<Arc<Json>>) -> Self {
        Self { names: Arc::clone(&self.names), document: Some(document.into()) }
    }

    /// The scope of one entry of an `each`: `item`, `index` and `$`.
    #[must_use]
    pub fn with_item(&self, item: impl Into<Arc<Json>>, index: usize) -> Self {
        let item = item.into();
        let mut scope = self.with_document(Arc::clone(&item));
        scope.set("item", item);
        scope.set("index", Json::from(index));
        scope
    }

    /// What `$` means.
    pub fn document(&self) -> Option<&Arc<Json>> {
        self.document.as_ref()
    }

    /// The place of a name, to be changed for this scope alone. What it holds is what it meant so far.
    fn slot(&mut self, name: &'static str) -> &mut Slot {
        if Arc::strong_count(&self.names) > 1 {
            self.names = Arc::new(Names { own: SmallVec::new(), outer: Some(Arc::clone(&self.names)) });
        }
        let names = Arc::get_mut(&mut self.names).expect("nobody else has what was just made, or is held once");
        let at = names.own.iter().position(|(it, _)| *it == name).unwrap_or_else(|| {
            let so_far = names.outer.as_ref().and_then(|it| it.find(name)).cloned();
            names.own.push((name, so_far.unwrap_or(Slot::Undefined)));
            names.own.len() - 1
        });
        &mut names.own[at].1
    }

    /// What a dotted name means; undefined where a part of it is missing.
    pub(super) fn look_up(&self, path: &[String]) -> Value {
        let Some((first, rest)) = path.split_first() else { return Value::UNDEFINED };
        let Some(slot) = self.names.find(first) else { return Value::UNDEFINED };
        if let [part] = rest
            && let Some(value) = slot.part(part)
        {
            return value;
        }
        let value = slot.value();
        // Of what is undefined it is an error to ask for more, of all else it gives undefined.
        rest.iter().fold(value, |value, part| value.get_attr(part).unwrap_or_default())
    }

    /// The root of what the expression engine looks names up in.
    pub(super) fn root(&self) -> Value {
        Value::from_dyn_object(Arc::clone(&self.names))
    }
}

/// Names only: values may be anybody's.
impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = std::iter::successors(Some(&self.names), |it| it.outer.as_ref());
        let names: BTreeSet<_> = layers.flat_map(|it| it.own.iter().map(|(name, _)| name)).collect();
        f.debug_set().entries(names).finish()
    }
}

impl Slot {
    fn value(&self) -> Value {
        match self {
            Self::Undefined => Value::UNDEFINED,
            Self::Whole(json) => adapter::to_value(json),
            Self::Instant(at) => Value::from(at.to_string()),
            Self::Parts(parts) => Value::from_dyn_object(Arc::clone(parts)),
            Self::Lazy(lazy) => Value::from_object(Asked(Arc::clone(lazy))),
        }
    }

    /// A part, where that can be had without making the whole first.
    fn part(&self, name: &str) -> Option<Value> {
        match self {
            Self::Whole(json) => adapter::scalar(json.as_object()?.get(name)?),
            Self::Parts(parts) => parts.get(name).map(adapter::to_value),
            Self::Lazy(lazy) => lazy.part(name).as_ref().map(adapter::to_value),
            Self::Undefined | Self::Instant(_) => None,
        }
    }
}

impl Parts {
    fn get(&self, name: &str) -> Option<&Arc<Json>> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value)
    }
}

impl Names {
    fn find(&self, name: &str) -> Option<&Slot> {
        let own = self.own.iter().find(|(it, _)| *it == name).map(|(_, slot)| slot);
        own.or_else(|| self.outer.as_ref()?.find(name))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names")
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parts")
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.find(key).map(Slot::value)
    }
}

impl Object for Parts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.get(key).map(adapter::to_value)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.iter().map(|(name, _)| Value::from(name.as_str())).collect())
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parts")
    }
}

impl Object for Asked {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.0.part(key).map(|it| adapter::to_value(&it))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.names().into_iter().map(Value::from).collect())
    }
}
