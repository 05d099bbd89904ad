//! Where each part of a request, and of an output, comes from: what a dry run shows beside it.

use std::fmt;

use serde_json::Value as Json;

use crate::{
    expr::{Expr, Piece, Shape, Text},
    spec::{Action, Body, Fields, Part, PartContent, Request, Target},
};

/// A place and what its value is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `path`, `query.maxResults`, `body.items[0].id`, `output.link`; `[]` stands for every entry of an `each`.
    pub place: String,
    /// At least one, each once, in the order in which they are read.
    pub from: Vec<Source>,
}

/// What a value is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Written in the connector.
    Literal,
    /// A name that was given, or computed: `input.start`, `steps.busy.conflicts`, `now`.
    Name(String),
    /// A field that wasn't given: its default.
    Default(String),
    /// A field that wasn't given and has no default: the place stays empty.
    NotGiven(String),
    /// A path into the answer.
    Answer(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal => f.write_str("literal"),
            Self::Name(name) => f.write_str(name),
            Self::Default(name) => write!(f, "default of {name}"),
            Self::NotGiven(name) => write!(f, "{name} (not given)"),
            Self::Answer(path) => write!(f, "{path} of the answer"),
        }
    }
}

/// What came before defaults were filled in.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    input: (&'a Json, &'a Fields),
    config: (&'a Json, &'a Fields),
}

impl<'a> Given<'a> {
    /// For a run of `action`.
    pub fn new(action: &'a Action, input: &'a Json, config: &'a Json) -> Self {
        Self { input: (input, &action.input), config: (config, &action.config) }
    }

    /// Every part of a request, in the order: address, query, headers, body.
    pub fn request(self, request: &Request) -> Vec<Origin> {
        let mut found = Found { given: self, origins: Vec::new() };
        match &request.target {
            Target::Path { path, .. } => found.text("path".to_owned(), path),
            Target::Url(url) => found.text("url".to_owned(), url),
            Target::SignIn(url) => url.texts().for_each(|it| found.text("url".to_owned(), it)),
        }
        for (name, shape) in &request.query {
            found.shape(format!("query.{name}"), shape);
        }
        for (name, text) in &request.headers {
            found.text(format!("headers.{name}"), text);
        }
        let body = || "body".to_owned();
        match &request.body {
            Body::None => {}
            Body::Json(shape) | Body::Form(shape) => found.shape(body(), shape),
            Body::Xml(text) | Body::Ics(text) | Body::Text(text) | Body::Base64(text) => found.text(body(), text),
            Body::Multipart(multipart) => {
                for (index, part) in multipart.parts.iter().enumerate() {
                    found.part(format!("body.parts[{index}]"), part);
                }
            }
        }
        found.origins
    }

    /// Every part of an output.
    pub fn output(self, shape: &Shape) -> Vec<Origin> {
        let mut found = Found { given: self, origins: Vec::new() };
        found.shape("output".to_owned(), shape);
        found.origins
    }

    fn source(self, name: &str) -> Source {
        let fields = match name.split('.').next() {
            Some("input") => self.input,
            Some("config") => self.config,
            _ => return Source::Name(name.to_owned()),
        };
        let (given, fields) = fields;
        let Some(field) = name.split('.').nth(1) else { return Source::Name(name.to_owned()) };
        if given.get(field).is_some() {
            Source::Name(name.to_owned())
        } else if fields.get(field).is_some_and(|it| it.get("default").is_some()) {
            Source::Default(name.to_owned())
        } else {
            Source::NotGiven(name.to_owned())
        }
    }
}

struct Found<'a> {
    given: Given<'a>,
    origins: Vec<Origin>,
}

impl Found<'_> {
    fn shape(&mut self, place: String, shape: &Shape) {
        match shape {
            Shape::Literal(_) => self.add(place, vec![Source::Literal]),
            Shape::Expr(expr) => self.exprs(place, &[expr]),
            Shape::Text(text) | Shape::Query(text, _) => self.text(place, text),
            Shape::Path(path) => self.add(place, vec![Source::Answer(path.source.clone())]),
            Shape::List(entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    self.shape(format!("{place}[{index}]"), entry);
                }
            }
            Shape::Map(entries) => {
                for (key, entry) in entries {
                    self.shape(format!("{place}.{key}"), entry);
                }
            }
            // The test decides whether the value is there, not what it is.
            Shape::When(_, shape) => self.shape(place, shape),
            Shape::Each(each) => {
                self.shape(place.clone(), &each.over);
                self.shape(format!("{place}[]"), &each.shape);
            }
        }
    }

    fn part(&mut self, place: String, part: &Part) {
        match &part.content {
            PartContent::Value(shape) | PartContent::Json(shape) | PartContent::File(shape) => self.shape(place, shape),
            PartContent::Text(text) | PartContent::Base64(text) => self.text(place, text),
        }
    }

    fn text(&mut self, place: String, text: &Text) {
        let exprs: Vec<&Expr> = text
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Literal(_) => None,
                Piece::Expr(expr) => Some(expr.as_ref()),
            })
            .collect();
        self.exprs(place, &exprs);
    }

    fn exprs(&mut self, place: String, exprs: &[&Expr]) {
        let mut sources: Vec<Source> = Vec::new();
        for name in exprs.iter().flat_map(|it| &it.names) {
            let source = self.given.source(&name.path.join("."));
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        if sources.is_empty() {
            sources.push(Source::Literal);
        }
        self.add(place, sources);
    }

    fn add(&mut self, place: String, from: Vec<Source>) {
        self.origins.push(Origin { place, from });
    }
}
