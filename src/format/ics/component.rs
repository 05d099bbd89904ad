//! Components (RFC 5545 §3.6): `BEGIN:X` … `END:X`, inside one another.

use super::{
    fault,
    line::{Line, unfold},
    text::unescape,
};
use crate::format::FormatError;

/// A calendar, an event and its alarms are three.
const MAX_DEPTH: usize = 8;

/// A component with all that it contains.
#[derive(Debug, Default)]
pub(super) struct Component {
    /// Upper case.
    pub(super) name: String,
    /// Its own, in order.
    pub(super) lines: Vec<Line>,
    /// In order.
    pub(super) components: Vec<Component>,
}

impl Component {
    /// The first line of that name.
    pub(super) fn line(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|it| it.name == name)
    }

    /// All lines of that name.
    pub(super) fn lines<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |it| it.name == name)
    }

    /// A TEXT property.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.line(name).map(|it| unescape(&it.value))
    }

    /// All components of that name.
    pub(super) fn components<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Component> {
        self.components.iter().filter(move |it| it.name == name)
    }
}

/// The calendars of a stream (§3.4). What is no content line is passed over.
pub(super) fn calendars(text: &str) -> Result<Vec<Component>, FormatError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut open: Vec<Component> = Vec::new();
    let mut calendars = Vec::new();
    for line in unfold(text).filter_map(|it| Line::parse(&it.text)) {
        match line.name.as_str() {
            "BEGIN" => {
                if open.len() == MAX_DEPTH {
                    return Err(fault(format!("components are nested more than {MAX_DEPTH} deep")));
                }
                let name = line.value.trim().to_ascii_uppercase();
                open.push(Component { name, ..Component::default() });
            }
            "END" => {
                let closed = open.pop().filter(|it| it.name.eq_ignore_ascii_case(line.value.trim()));
                let closed = closed.ok_or_else(|| fault("an END is not that of the component which is open"))?;
                match open.last_mut() {
                    Some(parent) => parent.components.push(closed),
                    None if closed.name == "VCALENDAR" => calendars.push(closed),
                    None => {}
                }
            }
            _ => {
                if let Some(component) = open.last_mut() {
                    component.lines.push(line);
                }
            }
        }
    }
    if !open.is_empty() {
        return Err(fault("the text ends inside a component"));
    }
    if calendars.is_empty() {
        return Err(fault("there is no VCALENDAR in the text"));
    }
    Ok(calendars)
}
