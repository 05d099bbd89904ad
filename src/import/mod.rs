//! Connectors made from what there is already: a few answers, a description of an API, a command that somebody pasted.
//!
//! Text in, files out: nothing here reads a disk or a network. What is made validates and its cases pass; what could not be
//! known is a comment `# TODO: …`, which `closeloop validate` shows until somebody has done it.

mod call;
pub mod check;
pub mod curl;
pub mod draft;
mod effect;
pub mod emit;
#[cfg(test)]
mod emit_tests;
mod logo;
mod name;
pub mod new;
pub mod openapi;
mod output;
mod scheme;

pub use draft::{Draft, Files};
pub use name::{kebab, snake};

use std::fmt;

/// Why nothing could be made: where, and what is wrong there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A line and column, or a JSON Pointer such as `#/paths/~1pets/get`; empty where it is about the whole.
    pub place: String,
    /// One sentence.
    pub message: String,
}

impl Refusal {
    /// About the whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { place: String::new(), message: message.into() }
    }

    /// At a place.
    pub fn at(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.as_str() {
            "" => f.write_str(&self.message),
            place => write!(f, "{place}: {}", self.message),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests;
