//! JSONPath (RFC 9535): parsed once, by jsonpath-rust; what only names, counts and wildcards is walked here.

use jsonpath_rust::{
    parser::{model::JpQuery, parse_json_path},
    query::js_path_process,
};
use serde_json::Value as Json;

use super::{EvalError, Locate, Path};
use crate::diag::{Diagnostic, Diagnostics, codes};

mod check;
#[cfg(test)]
mod tests;

pub(super) use check::Step;

/// Longer paths are refused.
const MAX_PATH: usize = 512;

/// A compiled path.
pub(super) enum Query {
    /// Names, indexes and wildcards: no need for the general machine, which builds the text of each node's path.
    Steps(Vec<Step>),
    /// Anything else.
    General(Box<JpQuery>),
}

impl Path {
    /// Whether a scalar means a path: `$`, `$.…`, `$[…`.
    pub fn is_one(text: &str) -> bool {
        text == "$" || text.starts_with("$.") || text.starts_with("$[")
    }

    /// Compiles a path. Everything wrong goes to `diagnostics`, and then there is no result.
    pub fn compile(source: &str, locate: Locate<'_>, diagnostics: &mut Diagnostics) -> Option<Self> {
        let span = locate(0..source.len());
        if source.len() > MAX_PATH {
            diagnostics.push(Diagnostic::error(
                codes::PATH,
                span,
                format!("this path is longer than {MAX_PATH} bytes"),
            ));
            return None;
        }
        let query = match parse_json_path(source) {
            Ok(query) => query,
            Err(error) => {
                let (at, message) = check::explain(source, &error);
                diagnostics.push(Diagnostic::error(codes::PATH, locate(at), message));
                return None;
            }
        };
        if let Some(at) = check::split_name(source) {
            diagnostics.push(Diagnostic::error(codes::PATH, locate(at), "this is not a JSONPath from here on"));
            return None;
        }
        if let Err(message) = check::unsupported(&query) {
            diagnostics.push(Diagnostic::error(codes::UNSUPPORTED_PATH, span, message));
            return None;
        }
        let steps = check::steps(&query);
        let singular = steps.as_ref().is_some_and(|it| !it.contains(&Step::All));
        let query = steps.map_or_else(|| Query::General(Box::new(query)), Query::Steps);
        Some(Self { span, source: source.to_owned(), singular, query })
    }

    /// Where it leads, as far as that is one way: a name, or `None` for entries of a list (or all members of a mapping). What
    /// lies at the end of it may all be looked at.
    pub fn way(&self) -> impl Iterator<Item = Option<&str>> {
        let steps: &[Step] = match &self.query {
            Query::Steps(steps) => steps,
            Query::General(_) => &[],
        };
        steps.iter().map(|step| match step {
            Step::Name(name) => Some(name.as_str()),
            Step::Index(_) | Step::All => None,
        })
    }

    /// What the path gives: of a singular one the value, or nothing; else a list.
    pub fn eval(&self, document: &Json) -> Result<Option<Json>, EvalError> {
        if self.singular {
            return Ok(self.one(document)?.cloned());
        }
        Ok(Some(Json::Array(self.all(document)?.into_iter().cloned().collect())))
    }

    /// The first value found.
    pub fn one<'a>(&self, document: &'a Json) -> Result<Option<&'a Json>, EvalError> {
        match &self.query {
            Query::Steps(steps) if self.singular => Ok(follow(document, steps)),
            _ => Ok(self.all(document)?.into_iter().next()),
        }
    }

    /// All values found, in order.
    pub fn all<'a>(&self, document: &'a Json) -> Result<Vec<&'a Json>, EvalError> {
        match &self.query {
            Query::Steps(steps) => {
                let mut found = Vec::new();
                walk(document, steps, &mut found);
                Ok(found)
            }
            Query::General(query) => match js_path_process(query, document) {
                Ok(found) => Ok(found.into_iter().map(|it| it.val).collect()),
                Err(_) => Err(EvalError {
                    span: self.span,
                    message: format!("`{}`: the path gives no values of the document", self.source),
                }),
            },
        }
    }
}

/// Where steps lead that each give one value.
fn follow<'a>(document: &'a Json, steps: &[Step]) -> Option<&'a Json> {
    steps.iter().try_fold(document, |json, step| match (step, json) {
        (Step::Name(name), Json::Object(map)) => map.get(name),
        (Step::Index(index), Json::Array(list)) => at(list, *index),
        _ => None,
    })
}

fn walk<'a>(json: &'a Json, steps: &[Step], found: &mut Vec<&'a Json>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(json);
        return;
    };
    match (step, json) {
        (Step::Name(name), Json::Object(map)) => map.get(name).into_iter().for_each(|it| walk(it, rest, found)),
        (Step::Index(index), Json::Array(list)) => at(list, *index).into_iter().for_each(|it| walk(it, rest, found)),
        (Step::All, Json::Array(list)) => list.iter().for_each(|it| walk(it, rest, found)),
        (Step::All, Json::Object(map)) => map.values().for_each(|it| walk(it, rest, found)),
        _ => {}
    }
}

/// Negative indexes count from the end.
fn at(list: &[Json], index: i64) -> Option<&Json> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    if index < 0 { list.len().checked_sub(distance).and_then(|it| list.get(it)) } else { list.get(distance) }
}
