//! Which places of a connector its cases come along: steps, both ways of each `when`, error rules, pages.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::{
    base::lock,
    diag::Span,
    interpreter::{Observer, Way},
    spec::{Connector, ErrorRule, Plan, StepKind},
};

/// Notes where the runs of the cases come along.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<HashSet<(Span, Way)>>);

impl Observer for Seen {
    fn passed(&self, at: Span, way: Way) {
        lock(&self.0).insert((at, way));
    }
}

impl Seen {
    /// What of `connector` was seen and what was not.
    pub(super) fn of(self, connector: &Connector) -> Coverage {
        let seen = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut coverage = Coverage::default();
        for place in places(connector) {
            coverage.of += 1;
            if !seen.contains(&(place.at, place.way)) {
                coverage.missing.push(place);
            }
        }
        coverage.missing.sort_by_key(|it| (it.at.file, it.at.start));
        coverage
    }
}

/// How much of a connector its cases show.
#[derive(Debug, Default)]
pub struct Coverage {
    /// How many places there are.
    pub of: usize,
    /// Those that no case comes along, in the order of the file.
    pub missing: Vec<Place>,
}

impl Coverage {
    /// How many places some case comes along.
    pub fn covered(&self) -> usize {
        self.of - self.missing.len()
    }
}

/// A place of a connector that a case may come along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where.
    pub at: Span,
    /// In which way.
    pub way: Way,
    /// What is wanted, as a sentence: ``no case skips the step `taken` ``.
    pub missing: String,
}

/// All places of a connector. What an account says is for all of its connectors, so none of them has to show it.
fn places(connector: &Connector) -> Vec<Place> {
    let mut places = Vec::new();
    let actions = connector.actions.values().map(|it| &it.plan);
    let lookups = connector.lookups.values().map(|it| &it.plan);
    let objects = connector.objects.values().filter_map(|it| it.describe.as_ref());
    for plan in actions.chain(lookups).chain(objects) {
        of_plan(plan, &mut places);
    }
    rules(&connector.http.errors, &mut places);
    places
}

fn of_plan(plan: &Plan, places: &mut Vec<Place>) {
    for step in &plan.steps {
        let id = &step.id;
        let reached = match step.when {
            Some(_) => format!("in no case is `when` of the step `{id}` true"),
            None => format!("no case comes to the step `{id}`"),
        };
        places.push(Place { at: step.span, way: Way::Reached, missing: reached });
        if step.when.is_some() {
            let missing = format!("no case skips the step `{id}`: its `when` is never false");
            places.push(Place { at: step.span, way: Way::Skipped, missing });
        }
        let StepKind::Request(request) = &step.kind else { continue };
        rules(&request.errors, places);
        if let Some(pages) = &request.pages {
            let missing = format!("no case goes on to a second page of the step `{id}`");
            places.push(Place { at: pages.items.span, way: Way::NextPage, missing });
        }
    }
}

fn rules(rules: &[ErrorRule], places: &mut Vec<Place>) {
    places.extend(rules.iter().map(|it| {
        let means = it.is.map_or_else(|| "success".to_owned(), |it| format!("`{it}`"));
        Place { at: it.span, way: Way::Matched, missing: format!("in no case does this rule tell {means}") }
    }));
}
