//! Types in words, as authors read them.

use super::{Kinds, Text, Type};

const WORDS: &[(Kinds, &str)] = &[
    (Kinds::TEXT, "text"),
    (Kinds::NUMBER, "a number"),
    (Kinds::INTEGER, "a whole number"),
    (Kinds::FRACTION, "a number"),
    (Kinds::BOOLEAN, "true or false"),
    (Kinds::TRUE, "true"),
    (Kinds::FALSE, "false"),
    (Kinds::LIST, "a list"),
    (Kinds::MAPPING, "a mapping"),
    (Kinds::NULL, "null"),
    (Kinds::UNDEFINED, "missing"),
];

/// As in "`input.tags` is …": `a list`, `text or a number`.
pub(super) fn kinds(kinds: Kinds) -> String {
    if kinds == Kinds::ALL {
        return "anything".to_owned();
    }
    let mut rest = kinds;
    let mut words = Vec::new();
    for (kind, word) in WORDS {
        if kind.is_within(rest) {
            words.push(*word);
            rest = rest.without(*kind);
        }
    }
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl Type {
    /// As in "`input.tags` is …", without saying that it may be missing.
    pub fn words(&self) -> String {
        let there = self.kinds.without(Kinds::ABSENT);
        match &self.text {
            _ if there.is_none() => kinds(self.kinds),
            Text::Format("date-time") if there == Kinds::TEXT => "a date-time".to_owned(),
            Text::Format("date") if there == Kinds::TEXT => "a date".to_owned(),
            Text::Format(format) if there == Kinds::TEXT && *format != "pattern" => {
                format!("text of the format `{format}`")
            }
            _ => kinds(there),
        }
    }
}

/// "is a list", or "is a list in the sample answers".
pub fn article(it: &Type) -> String {
    let place = if it.sampled { " in the sample answers" } else { "" };
    format!("is {}{place}", it.words())
}
