//! The search language of files, as far as it is needed: `name contains 'x' and 'id' in parents and trashed = false`.

use super::drive::File;

/// One condition.
pub(super) enum Condition {
    Trashed(bool),
    Mime(String),
    MimeContains(String),
    /// Some word of the name begins so.
    NameContains(String),
    Parent(String),
    Property(String, String),
}

impl Condition {
    pub(super) fn holds(&self, file: &File) -> bool {
        match self {
            Self::Trashed(it) => file.trashed == *it,
            Self::Mime(it) => file.mime == *it,
            Self::MimeContains(it) => file.mime.contains(it),
            Self::NameContains(it) => {
                let (name, wanted) = (file.name.to_lowercase(), it.to_lowercase());
                name.starts_with(&wanted) || name.contains(&format!(" {wanted}"))
            }
            Self::Parent(it) => file.parent == *it,
            Self::Property(key, value) => file.properties[key].as_str() == Some(value),
        }
    }
}

/// The conditions that are joined by `and`; `None` if it is no query.
pub(super) fn parse(text: &str) -> Option<Vec<Condition>> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Some(Vec::new());
    }
    let words: Vec<(&str, bool)> = tokens.iter().map(|(text, quoted)| (text.as_str(), *quoted)).collect();
    let mut words = words.as_slice();
    let mut conditions = Vec::new();
    loop {
        let (condition, length) = condition(words)?;
        conditions.push(condition);
        match &words[length..] {
            [] => return Some(conditions),
            [("and", false), rest @ ..] => words = rest,
            _ => return None,
        }
    }
}

/// The condition that the words begin with, and how many they are.
fn condition(words: &[(&str, bool)]) -> Option<(Condition, usize)> {
    let text = |it: &str| it.to_owned();
    Some(match words {
        [("trashed", false), ("=", false), (it @ ("true" | "false"), false), ..] => {
            (Condition::Trashed(*it == "true"), 3)
        }
        [("mimeType", false), ("=", false), (it, true), ..] => (Condition::Mime(text(it)), 3),
        [("mimeType", false), ("contains", false), (it, true), ..] => (Condition::MimeContains(text(it)), 3),
        [("name", false), ("contains", false), (it, true), ..] => (Condition::NameContains(text(it)), 3),
        [(it, true), ("in", false), ("parents", false), ..] => (Condition::Parent(text(it)), 3),
        [
            ("appProperties", false),
            ("has", false),
            ("{", false),
            ("key", false),
            ("=", false),
            (key, true),
            ("and", false),
            ("value", false),
            ("=", false),
            (value, true),
            ("}", false),
            ..,
        ] => (Condition::Property(text(key), text(value)), 11),
        _ => return None,
    })
}

/// Words and quoted texts, unescaped, with whether they were quoted.
fn tokens(text: &str) -> Option<Vec<(String, bool)>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            ' ' => {}
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match chars.next()? {
                        '\\' => quoted.push(chars.next()?),
                        '\'' => break,
                        other => quoted.push(other),
                    }
                }
                tokens.push((quoted, true));
            }
            '=' | '{' | '}' => tokens.push((char.to_string(), false)),
            first => {
                let mut word = first.to_string();
                while let Some(next) = chars.next_if(|it| !" '={}".contains(*it)) {
                    word.push(next);
                }
                tokens.push((word, false));
            }
        }
    }
    Some(tokens)
}

#[test]
fn what_is_quoted_can_say_nothing() {
    let named = |text: &str| match parse(text).as_deref() {
        Some([Condition::Trashed(false), Condition::NameContains(name)]) => Some(name.clone()),
        _ => None,
    };
    assert_eq!(named(r"trashed = false and name contains 'O\'Hara\\ or'"), Some(r"O'Hara\ or".to_owned()));
    assert_eq!(named("trashed = false and name contains 'O'Hara'"), None);
    assert!(parse("name contains 'x").is_none() && parse("").is_some_and(|it| it.is_empty()));
    let property = parse("appProperties has { key='a' and value='b' } and trashed = false");
    assert!(matches!(property.as_deref(), Some([Condition::Property(key, value), _]) if key == "a" && value == "b"));
}
