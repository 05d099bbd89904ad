//! What is known of a step's output before it has run.

use serde_json::Value as Json;

use crate::{
    expr::Shape,
    spec::{Connector, ProviderEvent, Step, StepKind, Wait},
};

/// How much is known of a value.
#[derive(Debug, Clone)]
pub(super) enum Known<'a> {
    /// Nothing.
    Anything,
    /// These keys, and no others.
    Keys(Vec<(&'a str, Option<&'a Shape>)>),
    /// A list.
    List,
}

impl<'a> Known<'a> {
    /// What is known of a part; if it can't be there, the keys that are, or nothing for a list.
    pub(super) fn part(&self, name: &str) -> Result<Known<'a>, Option<Vec<&'a str>>> {
        match self {
            Self::Anything => Ok(Self::Anything),
            Self::List => Err(None),
            Self::Keys(keys) => match keys.iter().find(|(key, _)| *key == name) {
                Some((_, Some(shape))) => Ok(of(shape)),
                Some((_, None)) => Ok(Self::Anything),
                None => Err(Some(keys.iter().map(|(key, _)| *key).collect())),
            },
        }
    }
}

/// What a step comes to, once: with `each`, the step leaves a list of these in `steps.<id>`.
pub(super) fn of_round<'a>(step: &'a Step, connector: Option<&'a Connector>) -> Known<'a> {
    match (&step.kind, &step.output) {
        (StepKind::Set(shape), _) | (_, Some(shape)) => of(shape),
        (StepKind::Request(request), None) if request.pages.is_some() => {
            Known::Keys(vec![("items", None), ("truncated", None)])
        }
        (StepKind::Call { action, .. }, None) => {
            connector.and_then(|it| it.action(action)).map_or(Known::Anything, |it| of(&it.plan.output))
        }
        (StepKind::Wait(wait), None) => waited(wait, connector),
        _ => Known::Anything,
    }
}

/// What a wait comes to, where that is one thing only.
fn waited<'a>(wait: &'a Wait, connector: Option<&'a Connector>) -> Known<'a> {
    let event = wait.event.as_ref().and_then(|it| connector?.events.as_ref()?.types.get(&it.name));
    match (event.and_then(ProviderEvent::output), &wait.poll, &wait.on_timeout) {
        (Some(output), None, None) => of(output),
        (None, Some(poll), None) if wait.event.is_none() => poll.output.as_ref().map_or(Known::Anything, of),
        _ => Known::Anything,
    }
}

/// What a shape comes to.
pub(super) fn of(shape: &Shape) -> Known<'_> {
    match shape {
        Shape::Map(entries) => Known::Keys(entries.iter().map(|(key, it)| (key.as_str(), Some(it))).collect()),
        Shape::When(_, inner) => of(inner),
        Shape::List(_) | Shape::Each(_) | Shape::Literal(Json::Array(_)) => Known::List,
        Shape::Path(path) if !path.singular => Known::List,
        Shape::Literal(_) | Shape::Expr(_) | Shape::Text(_) | Shape::Query(..) | Shape::Path(_) => Known::Anything,
    }
}
