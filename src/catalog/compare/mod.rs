//! What changes for orgs from one version of a connector to another, and what of it breaks what they rely on.
//!
//! | module | compares |
//! | --- | --- |
//! | `accepts` | what is taken: input, config, sign-in |
//! | `gives` | what comes out |

mod accepts;
mod gives;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use indexmap::IndexMap;
use semver::Version;

use crate::spec::{Action, Connector};

/// Something that is otherwise in a later version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whether what works with the earlier version may fail with the later one.
    pub breaks: bool,
    /// In a sentence.
    pub message: String,
}

/// The changes that are found.
#[derive(Debug, Default)]
struct Found(Vec<Change>);

impl Found {
    fn breaks(&mut self, message: String) {
        self.0.push(Change { breaks: true, message });
    }

    fn adds(&mut self, message: String) {
        self.0.push(Change { breaks: false, message });
    }
}

/// Whether a version may break what an earlier one promised: by its first number, or by its second while the first is 0.
pub fn may_break(from: &str, to: &str) -> bool {
    let (Ok(from), Ok(to)) = (Version::parse(from), Version::parse(to)) else { return false };
    to.major > from.major || to.major == 0 && from.major == 0 && to.minor > from.minor
}

/// Everything that changes for orgs, what breaks something first. How a connector does its work is its own affair.
pub fn changes(from: &Connector, to: &Connector) -> Vec<Change> {
    let mut found = Found::default();
    sign_in(from, to, &mut found);
    let actions = names("action", &from.actions, &to.actions, &mut found);
    actions.for_each(|(from, to)| action(from, to, &mut found));
    let lookups = names("lookup", &from.lookups, &to.lookups, &mut found);
    for (from, to) in lookups {
        accepts::fields(&from.config, &to.config, &format!("lookup `{}`, config", from.name), &mut found);
        scopes(&format!("lookup `{}`", from.name), &from.scopes, &to.scopes, &mut found);
    }
    let objects = names("object", &from.objects, &to.objects, &mut found);
    for (from, to) in objects {
        accepts::fields(&from.fields, &to.fields, &format!("object `{}`", from.name), &mut found);
        accepts::fields(&from.config, &to.config, &format!("object `{}`, config", from.name), &mut found);
    }
    let none = IndexMap::new();
    let [from_events, to_events] = [from, to].map(|it| it.events.as_ref().map_or(&none, |it| &it.types));
    let events = names("event", from_events, to_events, &mut found);
    for (from, to) in events {
        if let (Some(old), Some(new)) = (from.output(), to.output()) {
            gives::shape(old, new, &format!("event `{}`, output", from.name), &mut found);
        }
    }
    found.0.sort_by_key(|it| !it.breaks);
    found.0
}

/// What is of the same name in both; what is in one only is told.
fn names<'c, T>(
    what: &str,
    from: &'c IndexMap<String, T>,
    to: &'c IndexMap<String, T>,
    found: &mut Found,
) -> impl Iterator<Item = (&'c T, &'c T)> + use<'c, T> {
    for name in from.keys().filter(|it| !to.contains_key(*it)) {
        found.breaks(format!("the {what} `{name}` is gone"));
    }
    for name in to.keys().filter(|it| !from.contains_key(*it)) {
        found.adds(format!("the {what} `{name}` is new"));
    }
    from.iter().filter_map(move |(name, it)| Some((it, to.get(name)?)))
}

fn sign_in(from: &Connector, to: &Connector, found: &mut Found) {
    let (old, new) = (&from.account, &to.account);
    if old.id != new.id {
        found.breaks(format!(
            "it signs in to the account `{}`, before to `{}`: nothing stays connected",
            new.id, old.id
        ));
        return;
    }
    accepts::fields(&old.fields, &new.fields, "sign-in", found);
    if old.oauth2().is_some() != new.oauth2().is_some() {
        let now = if new.oauth2().is_some() { "by a consent" } else { "by fields" };
        found.breaks(format!("accounts are connected {now} now: each has to be connected again"));
    } else if old.introduction().is_none() && new.introduction().is_some() {
        found.breaks(
            "its provider is looked for when an account is connected: each has to be connected again".to_owned(),
        );
    }
}

fn action(from: &Action, to: &Action, found: &mut Found) {
    let at = format!("action `{}`", from.name);
    if from.effect != to.effect {
        found.breaks(format!("{at}: its effect is `{}`, before `{}`", to.effect, from.effect));
    }
    accepts::fields(&from.input, &to.input, &format!("{at}, input"), found);
    accepts::fields(&from.config, &to.config, &format!("{at}, config"), found);
    gives::shape(&from.plan.output, &to.plan.output, &format!("{at}, output"), found);
    scopes(&at, &from.scopes, &to.scopes, found);
    let [old, new] = [from, to].map(|it| it.plan.object.as_ref().map(|it| it.object.as_str()));
    if old != new {
        found.breaks(format!("{at}: it writes {}, before {}", object(new), object(old)));
    }
    if from.describe != to.describe {
        found.adds(format!("{at}: the model is told something else"));
    }
}

fn object(name: Option<&str>) -> String {
    name.map_or("no object".to_owned(), |it| format!("the object `{it}`"))
}

/// A connection was granted what was asked for then.
fn scopes(at: &str, from: &[String], to: &[String], found: &mut Found) {
    let [from, to] = [from, to].map(|it| it.iter().collect::<BTreeSet<_>>());
    for scope in to.difference(&from) {
        found.breaks(format!("{at}: it needs the scope `{scope}`, which connections don't have yet"));
    }
}
