//! Which parts of a JSON document somebody looks at, and a reader that keeps no others.

use std::fmt;

use serde::{
    Deserialize as _,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value as Json};

/// Parts of a document, as a tree like the document's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts {
    /// This, with all that is in it.
    All,
    /// Of a mapping these members. Of a list these parts of each entry; without any, a list is kept whole, and so is a mapping
    /// where entries are looked for.
    Some {
        /// By name.
        members: Vec<(String, Parts)>,
        /// Of every entry the same.
        entries: Option<Box<Parts>>,
    },
}

impl Parts {
    /// Nothing yet.
    pub const fn none() -> Self {
        Self::Some { members: Vec::new(), entries: None }
    }

    /// And all that lies at the end of `way`: names of members, or `None` for the entries of a list.
    pub fn add<'a>(&mut self, way: impl IntoIterator<Item = Option<&'a str>>) {
        let mut at = self;
        for step in way {
            let Self::Some { members, entries } = at else { return };
            at = match step {
                None => entries.get_or_insert_with(|| Box::new(Self::none())),
                Some(name) => {
                    let known = members.iter().position(|(it, _)| it == name);
                    let index = known.unwrap_or_else(|| {
                        members.push((name.to_owned(), Self::none()));
                        members.len() - 1
                    });
                    &mut members[index].1
                }
            };
        }
        *at = Self::All;
    }

    /// Those that these paths lead to.
    #[cfg(test)]
    pub(super) fn of(paths: &[&str]) -> Self {
        let mut parts = Self::none();
        for path in paths {
            let way = path.split(['.', '[']).skip(1).map(|it| (!it.ends_with(']')).then_some(it));
            parts.add(way);
        }
        parts
    }
}

/// `{id, start: {time}, guests: [{mail}]}`
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Some { members, entries } = self else { return f.write_str("all") };
        if let Some(entries) = entries {
            write!(f, "[{entries}]")?;
        }
        if members.is_empty() && entries.is_some() {
            return Ok(());
        }
        f.write_str("{")?;
        for (index, (name, parts)) in members.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{name}")?;
            if *parts != Self::All {
                write!(f, ": {parts}")?;
            }
        }
        f.write_str("}")
    }
}

/// Reads a value without what nobody looks at.
impl<'de> DeserializeSeed<'de> for &Parts {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Json, D::Error> {
        match self {
            Parts::All => Json::deserialize(value),
            Parts::Some { members, entries } => value.deserialize_any(Reader { members, entries: entries.as_deref() }),
        }
    }
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    members: &'a [(String, Parts)],
    entries: Option<&'a Parts>,
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Json, M::Error> {
        let mut object = Map::with_capacity(self.members.len());
        if self.entries.is_some() {
            // a wildcard looks at all members
            while let Some((name, value)) = members.next_entry()? {
                object.insert(name, value);
            }
            return Ok(Json::Object(object));
        }
        while let Some(known) = members.next_key_seed(Known(self.members))? {
            match known {
                Some((name, parts)) => drop(object.insert(name.clone(), members.next_value_seed(parts)?)),
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Json::Object(object))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Json, S::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = list.next_element_seed(self.entries.unwrap_or(&Parts::All))? {
            entries.push(entry);
        }
        Ok(Json::Array(entries))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.to_owned()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Json, E> {
        Number::from_f64(number).map(Json::Number).ok_or_else(|| E::custom("a number without an end"))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
}

/// Reads a name, and finds it among those that are known.
struct Known<'a>(&'a [(String, Parts)]);

impl<'de, 'a> DeserializeSeed<'de> for Known<'a> {
    type Value = Option<&'a (String, Parts)>;

    fn deserialize<D: Deserializer<'de>>(self, name: D) -> Result<Self::Value, D::Error> {
        name.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Known<'a> {
    type Value = Option<&'a (String, Parts)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().find(|(it, _)| it == name))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(parts: &Parts, text: &str) -> Json {
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = parts.deserialize(&mut reader).expect(text);
        reader.end().expect(text);
        value
    }

    #[test]
    fn only_what_is_looked_at_is_kept() {
        let check = |paths: &[&str], document: Json, expected: Json| {
            assert_eq!(read(&Parts::of(paths), &document.to_string()), expected, "{paths:?}");
        };
        let event = json!({"id": 1, "start": {"at": "x", "zone": "y"}, "guests": [{"mail": "a", "ok": true}, 2, null]});
        check(&["$.id"], event.clone(), json!({"id": 1}));
        check(&["$.start.at", "$.none.more"], event.clone(), json!({"start": {"at": "x"}}));
        check(&["$.guests[0].mail"], event.clone(), json!({"guests": [{"mail": "a"}, 2, null]}));
        check(&["$.guests[*]"], event.clone(), json!({"guests": event["guests"]}));
        check(&["$.start[*]"], event.clone(), json!({"start": event["start"]}));
        check(&["$.start.at", "$.start"], event.clone(), json!({"start": event["start"]}));
        check(&["$.guests.mail"], event.clone(), json!({"guests": event["guests"]}));
        check(&[], event.clone(), json!({}));
        check(&["$"], event.clone(), event);
        for other in [json!(1.5), json!(-1), json!("x"), json!(true), json!(null), json!([1])] {
            check(&["$.a"], other.clone(), other);
        }
    }

    /// Documents with few names, so that paths find something.
    fn document() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![Just(json!(null)), any::<i32>().prop_map(Json::from), "[a-c]{0,2}".prop_map(Json::from)];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::hash_map("[a-c]", inner, 0..4)
                    .prop_map(|it| Json::Object(it.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_path_finds_in_what_is_kept_what_it_finds_in_all(
            document in document(),
            paths in prop::collection::vec(prop::collection::vec(prop_oneof![Just(".a"), Just(".b"), Just("[0]"), Just("[*]")], 0..4), 1..4),
        ) {
            let paths: Vec<_> = paths.iter().map(|it| format!("${}", it.concat())).collect();
            let texts: Vec<_> = paths.iter().map(String::as_str).collect();
            let kept = read(&Parts::of(&texts), &document.to_string());
            for path in texts {
                let query = jsonpath_rust::parser::parse_json_path(path).unwrap();
                let found = |json: &Json| -> Vec<Json> {
                    let found = jsonpath_rust::query::js_path_process(&query, json).unwrap();
                    found.into_iter().map(|it| it.val.clone()).collect()
                };
                prop_assert_eq!(found(&kept), found(&document), "{}", path);
            }
        }
    }
}
