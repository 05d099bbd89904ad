//! As much of SOQL as it takes to find records: `SELECT … FROM … [WHERE a = b AND c IN (…) AND d >= e]`.

use serde_json::{Map, Value as Json};

/// A word, a sign, or the text of a string.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
}

/// What is asked for: the object, and what its records must fulfil. `None` for a query that can't be read.
pub(super) fn read(text: &str) -> Option<(String, Vec<Condition>)> {
    let tokens = tokens(text)?;
    let from = tokens.iter().position(|it| is(it, "FROM"))?;
    let Some(Token::Word(object)) = tokens.get(from + 1) else { return None };
    let mut rest = tokens.get(from + 2..)?;
    let mut conditions = Vec::new();
    while let Some(first) = rest.first() {
        if is(first, "ORDER") || is(first, "LIMIT") {
            break;
        }
        if !is(first, if conditions.is_empty() { "WHERE" } else { "AND" }) {
            return None;
        }
        let (condition, after) = Condition::read(&rest[1..])?;
        conditions.push(condition);
        rest = after;
    }
    Some((object.clone(), conditions))
}

/// `field operator value`
#[derive(Debug)]
pub(super) struct Condition {
    field: String,
    operator: String,
    values: Vec<Json>,
}

impl Condition {
    fn read(tokens: &[Token]) -> Option<(Self, &[Token])> {
        let [Token::Word(field), Token::Word(operator), rest @ ..] = tokens else { return None };
        let (values, rest) = match operator.as_str() {
            "IN" => {
                let end = rest.iter().position(|it| is(it, ")"))?;
                let listed = rest.get(1..end)?.iter().filter(|it| !is(it, ",")).map(value).collect::<Option<_>>()?;
                (listed, &rest[end + 1..])
            }
            _ => (vec![value(rest.first()?)?], &rest[1..]),
        };
        Some((Self { field: field.clone(), operator: operator.clone(), values }, rest))
    }

    pub(super) fn holds(&self, record: &Map<String, Json>) -> bool {
        let found = record.get(&self.field).unwrap_or(&Json::Null);
        match self.operator.as_str() {
            "=" | "IN" => self.values.contains(found),
            // instants in UTC without fractions, which compare as text
            ">=" => found.as_str() >= self.values[0].as_str(),
            _ => false,
        }
    }
}

fn is(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(it) if it == word)
}

fn value(token: &Token) -> Option<Json> {
    Some(match token {
        Token::Text(text) => Json::from(text.as_str()),
        Token::Word(word) => match word.as_str() {
            "null" => Json::Null,
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            number if number.parse::<f64>().is_ok() => serde_json::from_str(number).ok()?,
            instant if instant.starts_with(|it: char| it.is_ascii_digit()) => Json::from(instant),
            _ => return None,
        },
    })
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(&first) = chars.peek() {
        if first.is_whitespace() {
            chars.next();
        } else if first == '\'' {
            chars.next();
            found.push(Token::Text(string(&mut chars)?));
        } else if "(),".contains(first) {
            chars.next();
            found.push(Token::Word(first.to_string()));
        } else {
            let mut word = String::new();
            while let Some(char) = chars.next_if(|it| !it.is_whitespace() && !"(),'".contains(*it)) {
                word.push(char);
            }
            found.push(Token::Word(word));
        }
    }
    Some(found)
}

/// Up to the closing quote; any escape that the language does not have is a mistake.
fn string(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '\'' => return Some(text),
            '\\' => text.push(match chars.next()? {
                it @ ('\'' | '"' | '\\') => it,
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                _ => return None,
            }),
            other => text.push(other),
        }
    }
}
