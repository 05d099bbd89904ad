//! What stands in a case in place of what is secret or somebody's.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde_json::{Map as JsonMap, Value as Json};

use super::{
    Exchanged, Observed, Wanted,
    found::{self, Found},
    leaves::{self, PARAMETER, is_phone, is_words},
    places::{Places, SHORTEST},
};
use crate::{base::credentials::may_be_credential, spec::Connector};

/// What is replaced, in the order in which it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Credential,
    SignIn,
    Named,
    Random,
    Mail,
    Phone,
    Card,
}

/// What stands in a case in place of what is secret or somebody's.
#[derive(Debug, Default)]
pub struct Replacements {
    /// What the case gives in place of each credential.
    credentials: JsonMap<String, Json>,
    places: Places,
    /// Numbers by their last digits: one number stays one, in whatever form.
    numbers: IndexMap<String, usize>,
    counts: BTreeMap<Kind, usize>,
}

/// What stands for random characters has no more.
const MOST_RANDOM: usize = 64;
/// Numbers with the same last digits are the same.
const LAST: usize = 8;

impl Replacements {
    /// Of the credentials of `wanted`, of what was signed with and what the sign-in gave, of what answers call a credential, and of
    /// whatever looks like a secret, an address of mail, a telephone number or a card anywhere.
    pub fn of(connector: &Connector, wanted: &Wanted, observed: &Observed) -> Self {
        let mut all = Self::default();
        for (name, value) in &wanted.credentials {
            all.credential(connector, name, value);
        }
        for secret in &observed.used {
            all.numbered(Kind::SignIn, secret.expose(), "test-token");
        }
        let mut texts = Vec::new();
        for (answer, is_sign_in) in observed.answers() {
            let leaves = leaves::of_answer(answer);
            leaves.iter().for_each(|(name, value)| all.secret(name.as_deref(), value, is_sign_in));
            texts.extend(leaves);
        }
        for given in [&wanted.input, &wanted.config, &wanted.connection] {
            given.iter().for_each(|(name, value)| leaves::of_json(Some(name), value, &mut texts));
        }
        texts.iter().for_each(|(name, value)| all.by_form(name.as_deref(), value));
        all.places.compile();
        all
    }

    /// A field of `auth`, or its token. Of a public one with listed values, and of a public address, nobody is to be protected.
    fn credential(&mut self, connector: &Connector, name: &str, value: &Json) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let account = &connector.account;
        let public = account.fields.get(name).filter(|_| !account.secret_fields.iter().any(|it| it == name));
        let is_kept = |schema: &Json| {
            schema.get("enum").is_some()
                || schema["default"] == *value
                || schema["type"].as_str().is_some_and(|it| it != "string")
                || value.starts_with("https://")
        };
        if value.is_empty() || public.is_some_and(is_kept) {
            self.credentials.insert(name.to_owned(), Json::from(value));
            return;
        }
        let mut with = format!("test-{}", name.replace('_', "-"));
        found::each(&value, |found, it| {
            if found == Found::Mail && it == value {
                with.push_str("@example.com");
            }
        });
        self.credentials.insert(name.to_owned(), Json::from(with.as_str()));
        self.add(Kind::Credential, &value, &with);
    }

    /// What an answer calls a credential; of the answers of a sign-in, whatever is more than words.
    fn secret(&mut self, name: Option<&str>, value: &Json, is_sign_in: bool) {
        let is_credential = name.is_some_and(may_be_credential);
        let text = match value {
            Json::String(text) => text,
            Json::Number(number) => {
                let number = number.to_string();
                if is_credential && number.len() >= SHORTEST && found::digits(&number) == number {
                    let with = self.in_digits(&number, 1);
                    self.add(Kind::Named, &number, &with);
                }
                return;
            }
            _ => return,
        };
        for parameter in PARAMETER.captures_iter(text).filter(|it| may_be_credential(&it[1])) {
            self.numbered(Kind::Named, &parameter[2], "test-secret");
        }
        if is_credential {
            self.numbered(Kind::Named, text, "test-secret");
        } else if is_sign_in && name.is_some() && !is_words(text) {
            self.numbered(Kind::SignIn, text, "test-given");
        }
    }

    /// What is known by its form, or by a name that only telephone numbers have.
    fn by_form(&mut self, name: Option<&str>, value: &Json) {
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            _ => return,
        };
        let is_number = text.bytes().all(|it| it.is_ascii_digit() || b"+() -./".contains(&it));
        if name.is_some_and(is_phone) && is_number && (7..=15).contains(&found::digits(&text).len()) {
            return self.phone(&text);
        }
        found::each(&text, |found, it| match found {
            Found::Mail => {
                let with = format!("person{}@example.com", self.next(Kind::Mail));
                self.add(Kind::Mail, it, &with);
            }
            // as long, and of characters that hex and base64 have as well
            Found::Random => {
                let with = format!("{:0>width$}", self.next(Kind::Random), width = it.len().min(MOST_RANDOM));
                self.add(Kind::Random, it, &with);
            }
            Found::Phone => self.phone(it),
            Found::Card => self.card(it),
        });
    }

    /// With its form, and its country or the zero before it; and the same without marks, as programs write it.
    fn phone(&mut self, text: &str) {
        let digits = found::digits(text);
        let is_local = digits.starts_with('0') || (digits.len() < 11 && !text.starts_with('+'));
        let with = self.in_digits(&digits, if is_local { 1 } else { 2 });
        self.add(Kind::Phone, text, &written(text, &with));
        self.places.plain(&digits, &with);
    }

    fn card(&mut self, text: &str) {
        let digits = found::digits(text);
        let number = self.number_of(&digits);
        let body = format!("4{number:0>width$}", width = digits.len() - 2);
        let check = (10 - found::luhn(&format!("{body}0")) % 10) % 10;
        self.add(Kind::Card, text, &written(text, &format!("{body}{check}")));
    }

    /// As many digits, the first of them as they are.
    fn in_digits(&mut self, digits: &str, kept: usize) -> String {
        let number = self.number_of(digits);
        format!("{}8{number:0>width$}", &digits[..kept], width = digits.len() - kept - 1)
    }

    fn number_of(&mut self, digits: &str) -> usize {
        let next = self.numbers.len() + 1;
        *self.numbers.entry(digits[digits.len().saturating_sub(LAST)..].to_owned()).or_insert(next)
    }

    fn next(&self, kind: Kind) -> usize {
        self.counts.get(&kind).copied().unwrap_or_default() + 1
    }

    fn numbered(&mut self, kind: Kind, value: &str, with: &str) {
        let with = format!("{with}-{}", self.next(kind));
        self.add(kind, value, &with);
    }

    fn add(&mut self, kind: Kind, value: &str, with: &str) {
        if value.is_empty() || self.places.has(value) {
            return;
        }
        *self.counts.entry(kind).or_default() += 1;
        match kind {
            Kind::Credential | Kind::SignIn | Kind::Named | Kind::Random => self.places.secret(value, with),
            Kind::Mail | Kind::Phone | Kind::Card => self.places.plain(value, with),
        }
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        self.places.text(text)
    }

    /// The same with the replacements.
    pub fn wanted(&self, it: &Wanted) -> Wanted {
        Wanted {
            connection: self.places.values(&it.connection),
            credentials: self.credentials.clone(),
            config: self.places.values(&it.config),
            input: self.places.values(&it.input),
            ..it.clone()
        }
    }

    /// The same with the replacements in the answers.
    pub fn observed(&self, it: Observed) -> Observed {
        let answered = |it: Exchanged| Exchanged { answer: it.answer.map(|it| self.places.answer(it)), ..it };
        Observed { exchanges: it.exchanges.into_iter().map(answered).collect(), ..it }
    }

    /// What was replaced: `2 credentials, 1 telephone number`.
    pub fn told(&self) -> String {
        let one = |(kind, count): (&Kind, &usize)| {
            let (one, more) = match kind {
                Kind::Credential => ("credential", "credentials"),
                Kind::SignIn => ("secret of the sign-in", "secrets of the sign-in"),
                Kind::Named => ("secret by its name", "secrets by their names"),
                Kind::Random => ("text that looks random", "texts that look random"),
                Kind::Mail => ("address of mail", "addresses of mail"),
                Kind::Phone => ("telephone number", "telephone numbers"),
                Kind::Card => ("card number", "card numbers"),
            };
            format!("{count} {}", if *count == 1 { one } else { more })
        };
        match self.counts.is_empty() {
            true => "nothing".to_owned(),
            false => self.counts.iter().map(one).collect::<Vec<_>>().join(", "),
        }
    }
}

/// `written("+62 812", "62800")` → `+62 800`
fn written(text: &str, digits: &str) -> String {
    let mut digits = digits.chars();
    text.chars().map(|it| if it.is_ascii_digit() { digits.next().unwrap_or(it) } else { it }).collect()
}

#[cfg(test)]
#[path = "replacement_tests.rs"]
mod tests;
