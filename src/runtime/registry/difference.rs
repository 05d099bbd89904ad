//! How two versions of a connector differ, and what that means for what is enabled.

use std::sync::Arc;

use similar::TextDiff;

use super::{Engine, Error, Result};
use crate::{
    base::OrgId,
    catalog::{
        compare::{Change, changes},
        files::Files,
        mistake::mistakes,
    },
    runtime::unfit::misfit,
    spec::Connector,
    store::EnabledAction,
};

/// So many enabled actions are looked at …
const MOST_ENABLED: u32 = 10_000;

/// … and so many of those that do not fit are told.
const MOST_UNFIT: usize = 50;

/// So many lines beside a change are shown.
const CONTEXT: usize = 3;

/// Something that a builder enabled and that does not work with a version.
#[derive(Debug)]
pub struct Misfit {
    /// What.
    pub row: EnabledAction,
    /// What its org is called.
    pub org_name: String,
    /// What the version does not have or wants otherwise.
    pub problem: String,
}

/// One of two versions that are compared.
#[derive(Debug)]
pub enum Side {
    /// What orgs have now.
    Current,
    /// A version of the registry.
    Version(String),
    /// Files that are not published.
    Files(Box<Files>),
}

/// How two versions differ.
#[derive(Debug)]
pub struct Difference {
    /// The version of the first; `None` if there is no such connector yet.
    pub from: Option<String>,
    /// The version of the second.
    pub to: String,
    /// What changes for orgs.
    pub changes: Vec<Change>,
    /// What is enabled and does not work with the second.
    pub unfit: Vec<Misfit>,
    /// The files line by line, as far as those of both are known.
    pub text: String,
}

impl Engine {
    /// How two versions of a connector differ.
    ///
    /// # Errors
    /// When one of them isn't there, or has mistakes.
    pub async fn difference(&self, id: &str, from: Side, to: Side) -> Result<Difference> {
        let to = self.side(id, to).await?.ok_or(Error::NotFound("connector"))?;
        let Some(from) = self.side(id, from).await? else {
            let (to, changes) = (to.0.version.clone(), Vec::new());
            return Ok(Difference { from: None, to, changes, unfit: Vec::new(), text: String::new() });
        };
        let text = match (&from.1, &to.1) {
            (Some(from), Some(to)) => text(from, to),
            _ => String::new(),
        };
        let (from, to) = (from.0, to.0);
        let changes = changes(&from, &to);
        let unfit = self.unfit(&to, &changes).await?;
        Ok(Difference { from: Some(from.version.clone()), to: to.version.clone(), changes, unfit, text })
    }

    /// What is enabled and does not work with a version, if that breaks anything.
    pub(super) async fn unfit(&self, connector: &Connector, changes: &[Change]) -> Result<Vec<Misfit>> {
        if !changes.iter().any(|it| it.breaks) {
            return Ok(Vec::new());
        }
        let enabled = self.store.enabled_actions().of_connector(&connector.id, MOST_ENABLED).await?;
        let unfit = enabled.into_iter().filter_map(|row| Some((misfit(&row, connector)?, row)));
        let mut told = Vec::new();
        for (problem, row) in unfit.take(MOST_UNFIT) {
            told.push(Misfit { problem, org_name: self.name_of(row.org).await?, row });
        }
        Ok(told)
    }

    /// What an org is called.
    pub(super) async fn name_of(&self, org: OrgId) -> Result<String> {
        Ok(self.store.orgs().get(org).await?.map(|it| it.name).unwrap_or_default())
    }

    /// A side with its files, as far as they are known.
    async fn side(&self, id: &str, side: Side) -> Result<Option<(Arc<Connector>, Option<Files>)>> {
        match side {
            Side::Current => {
                let Some(current) = self.current(id) else { return Ok(None) };
                let files = self.catalog.files_of(&current).await?;
                Ok(Some((current, files)))
            }
            Side::Version(version) => {
                let files = self.catalog.released(id, &version).await?;
                Ok(Some((self.released(id, &version).await?, files)))
            }
            Side::Files(files) => {
                let (of, read) = (id.to_owned(), files.clone());
                let checked = tokio::task::spawn_blocking(move || {
                    let checked = read.check(&of);
                    let found = mistakes(&checked.sources, checked.diagnostics);
                    checked.connector.ok_or(found)
                });
                let connector = checked.await.unwrap_or(Err(Vec::new())).map_err(Error::Connector)?;
                Ok(Some((connector, Some(*files))))
            }
        }
    }
}

/// The files that differ, line by line.
fn text(from: &Files, to: &Files) -> String {
    let account = |it: &Files| it.account.as_ref().map(|it| it.text.clone());
    let files = [
        ("connector.yaml", Some(from.connector.clone()), Some(to.connector.clone())),
        ("the account", account(from), account(to)),
        // of a version of the folder nobody knows any more what its cases were
        (
            "tests.yaml",
            from.tests.clone().filter(|_| to.tests.is_some()),
            to.tests.clone().filter(|_| from.tests.is_some()),
        ),
    ];
    let mut text = String::new();
    for (name, old, new) in files {
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        if old != new {
            let diff = TextDiff::from_lines(&old, &new);
            text.push_str(&diff.unified_diff().context_radius(CONTEXT).header(name, name).to_string());
        }
    }
    text
}
