//! What an editor asks while a connector is being written: what can stand here, what does this mean, where is it written.
//!
//! Texts in, answers out: no files, no protocol. Everything is read from the language's tables and from trees of texts
//! that may be half typed (`outline`). What is wrong with a text is not said here, but by `spec::load`.

mod complete;
mod definition;
mod expression;
mod hover;
mod names;
pub mod outline;
mod place;
mod position;
mod sign_in;
mod symbols;
#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

pub use complete::{Item, ItemKind, complete};
pub use definition::definition;
pub use hover::{Hover, hover};
pub use position::{Lines, Position};
pub use symbols::{Symbol, SymbolKind, symbols};

use crate::{
    spec::keys,
    yaml::{Section, Type},
};

/// Which of the language's files a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `connector.yaml`
    Connector,
    /// `_accounts/*.yaml`
    Account,
    /// `tests.yaml`
    Tests,
}

impl FileKind {
    /// By its path; `None` if it is none of them.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let folder = path.parent().and_then(Path::file_name)?;
        match name {
            _ if folder == "_accounts" => name.ends_with(".yaml").then_some(Self::Account),
            "connector.yaml" => Some(Self::Connector),
            "tests.yaml" => Some(Self::Tests),
            _ => None,
        }
    }

    /// What the whole file is.
    fn root(self) -> &'static Type {
        static CONNECTOR: Type = Type::Section(&keys::CONNECTOR);
        static TESTS: Type = Type::Section(&keys::TESTS);
        match self {
            Self::Connector => &CONNECTOR,
            Self::Account => &keys::ACCOUNT,
            Self::Tests => &TESTS,
        }
    }
}

/// A file as it stands in the editor.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// Its text, saved or not.
    pub text: String,
    /// Where its lines begin.
    pub lines: Lines,
    kind: FileKind,
    root: outline::Node,
}

impl File {
    /// `None` if it is none of the language's files.
    pub fn new(path: PathBuf, text: String) -> Option<Self> {
        let kind = FileKind::of(&path)?;
        Some(Self { path, lines: Lines::of(&text), root: outline::read(&text), kind, text })
    }

    /// The account that a connector's file shares, if it does.
    pub fn shared_account(&self) -> Option<&str> {
        self.root.at(&["auth", "account"])?.text(&self.text)
    }
}

/// The file that is asked about, and those that belong to it.
#[derive(Debug)]
pub struct Project {
    /// The file that is asked about.
    pub file: File,
    /// Its connector, if it is the tests; its account, if it is a connector with a shared one; of tests both.
    pub others: Vec<File>,
    /// The ids of the accounts that can be shared.
    pub accounts: Vec<String>,
}

impl Project {
    /// The connector, the account or the tests, whichever file that is.
    fn of(&self, kind: FileKind) -> Option<&File> {
        std::iter::once(&self.file).chain(&self.others).find(|it| it.kind == kind)
    }
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Which file.
    pub path: PathBuf,
    /// Which bytes of it.
    pub range: Range<usize>,
}

/// A key of a section, as an author reads about it.
fn described(section: &Section, key: &crate::yaml::Key) -> String {
    let mut text = format!("`{}` of `{}`: {}\n\n{}", key.name, section.name, key.kind.expected(), key.doc);
    if key.required {
        text.push_str("\n\nRequired.");
    }
    if let Some(default) = key.default {
        text.push_str(&format!("\n\nDefault: `{default}`"));
    }
    if let Some(example) = key.example.map(str::to_owned).or_else(|| key.kind.example()) {
        text.push_str(&format!("\n\n```yaml\n{}: {example}\n```", key.name));
    }
    text
}
