//! What an action gives, as it is written and as it comes out of an answer.

use serde_json::{Map as JsonMap, Value as Json};

use super::emit::{Map, Yaml};

/// A path into an answer: names only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(pub(super) Vec<String>);

/// A value that comes out.
#[derive(Debug, Clone)]
pub(super) enum Out {
    /// What stands there.
    At(Path),
    /// A list made of the list that stands there.
    Each(Path, Vec<(String, Out)>),
    /// Names and values.
    Map(Vec<(String, Out)>),
    /// The same whatever the answer.
    Always(Json),
}

impl Path {
    /// One name further.
    pub(super) fn then(&self, name: &str) -> Self {
        Self(self.0.iter().cloned().chain([name.to_owned()]).collect())
    }

    /// `$.a['b c']`
    pub(super) fn written(&self) -> String {
        self.0.iter().fold("$".to_owned(), |path, name| {
            let is_plain = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
                && !name.starts_with(|it: char| it.is_ascii_digit());
            match is_plain && !name.is_empty() {
                true => format!("{path}.{name}"),
                false => format!("{path}['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")),
            }
        })
    }

    /// What stands there.
    pub(super) fn find<'j>(&self, value: &'j Json) -> Option<&'j Json> {
        self.0.iter().try_fold(value, |value, name| value.get(name))
    }

    /// Puts a value there, as far as there are objects on the way.
    pub(super) fn set(&self, value: &mut Json, new: Option<Json>) {
        let Some((last, way)) = self.0.split_last() else { return };
        let mut at = value;
        for name in way {
            match at.get_mut(name) {
                Some(next) => at = next,
                None => return,
            }
        }
        if let Json::Object(entries) = at {
            match new {
                Some(new) => drop(entries.insert(last.clone(), new)),
                None => drop(entries.shift_remove(last)),
            }
        }
    }
}

impl Out {
    /// As it is written.
    pub(super) fn yaml(&self) -> Yaml {
        match self {
            Self::At(path) => path.written().into(),
            Self::Each(path, entries) => {
                let each = format!("{}[*]", path.written());
                Map::default().set("each", each).set("as", named(entries)).into()
            }
            Self::Map(entries) => named(entries).into(),
            Self::Always(value) => value.clone().into(),
        }
    }

    /// What comes out of an answer; nothing where nothing stands there.
    pub(super) fn of(&self, answer: &Json) -> Option<Json> {
        match self {
            Self::At(path) => path.find(answer).cloned(),
            Self::Each(path, entries) => {
                let items = path.find(answer).and_then(Json::as_array);
                Some(items.into_iter().flatten().map(|it| Json::Object(all(entries, it))).collect())
            }
            Self::Map(entries) => Some(Json::Object(all(entries, answer))),
            Self::Always(value) => Some(value.clone()),
        }
    }
}

fn named(entries: &[(String, Out)]) -> Map {
    entries.iter().fold(Map::default(), |map, (name, out)| map.own(name, out.yaml()))
}

fn all(entries: &[(String, Out)], answer: &Json) -> JsonMap<String, Json> {
    entries.iter().filter_map(|(name, out)| Some((name.clone(), out.of(answer)?))).collect()
}
