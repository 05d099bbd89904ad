//! Adds versions to the registry.

use std::{cmp::Ordering, sync::Arc};

use serde_json::json;
use similar::TextDiff;

use super::{Engine, Error, Operator, Result, changed_meanwhile, checked_id, compared};
use crate::{
    catalog::{
        compare::{Change, changes, may_break},
        files::Files,
        mistake::{Mistake, has_errors},
    },
    runtime::own_connectors::with_cases,
    spec::Connector,
    store::{self, CanaryEnd, ConnectorVersion, EndedCanary, Live, Release},
};

/// So many versions of a connector are kept.
const MOST_VERSIONS: usize = 1000;

/// So many earlier active versions are remembered to go back to.
const MOST_PREVIOUS: usize = 20;

/// So many lines beside a change are shown.
const CONTEXT: usize = 3;

/// A version that is in the registry.
#[derive(Debug)]
pub struct Put {
    /// Which.
    pub release: Release,
    /// Whether it is the active one.
    pub active: bool,
    /// Whether it was there already, as it is.
    pub known: bool,
    /// What was noticed and forbids nothing.
    pub warnings: Vec<Mistake>,
    /// What changes for orgs.
    pub changes: Vec<Change>,
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
    /// The files line by line, as far as those of both are known.
    pub text: String,
}

impl Engine {
    /// Adds a version, and makes it the active one unless it is only staged. The same files again change nothing.
    ///
    /// # Errors
    /// When it has mistakes, is there already with other files, is not higher than the active one, or breaks what that one
    /// promised and its number does not say so.
    pub async fn put(self: &Arc<Self>, by: &Operator, id: &str, files: Files, stage: bool) -> Result<Put> {
        checked_id(id)?;
        let (connector, warnings) = checked(id, files.clone()).await?;
        let version = &connector.version;
        let registry = self.store.registry();
        let entry = self.looked_up(id).await?;
        let current = self.current(id);
        let found = current.as_ref().map_or_else(Vec::new, |it| changes(it, &connector));
        if let Some(release) = registry.release(id, version).await? {
            self.must_be_same(&release, &files).await?;
            if !stage {
                self.promote(id, Some(version)).await?;
            }
            let active = registry.entry(id).await?.live.active.as_ref() == Some(version);
            return Ok(Put { release, active, known: true, warnings, changes: found });
        }
        match stage {
            // it is compared when it goes live
            true => self.must_follow_lower(id, &connector).await?,
            false => self.may_go_live(id, current.as_deref(), &connector)?,
        }
        let releases = registry.releases(id).await?.len();
        if releases >= MOST_VERSIONS {
            let detail = format!("a connector has at most {MOST_VERSIONS} versions in the registry");
            return Err(Error::conflict(detail, "Put it into the folder, under another id."));
        }
        let mut live = entry.live;
        if !stage {
            go_live(&mut live, version, CanaryEnd::TakenBack, self.now());
        }
        let now = self.now();
        let source = ConnectorVersion {
            digest: connector.digest.clone(),
            id: id.to_owned(),
            version: version.clone(),
            files: json!(files.behaving()),
            created_at: now,
        };
        let release = Release {
            connector: id.to_owned(),
            version: version.clone(),
            digest: connector.digest.clone(),
            tests: files.tests,
            logo: files.logo,
            published_at: now,
            published_by: by.name.clone(),
        };
        let engine = Arc::clone(self);
        let release = self
            .to_its_end(async move {
                let added = engine.store.registry().add(&release, &source, &live, entry.revision).await;
                if !added.map_err(taken)? {
                    return Err(changed_meanwhile());
                }
                engine.registry_changed().await?;
                Ok(release)
            })
            .await?;
        tracing::info!(connector = id, release.version, by = by.name, stage, "a connector was published");
        Ok(Put { release, active: !stage, known: false, warnings, changes: found })
    }

    /// How two versions of a connector differ.
    ///
    /// # Errors
    /// When one of them isn't there, or has mistakes.
    pub async fn difference(&self, id: &str, from: Side, to: Side) -> Result<Difference> {
        let to = self.side(id, to).await?.ok_or(Error::NotFound("connector"))?;
        let Some(from) = self.side(id, from).await? else {
            return Ok(Difference { from: None, to: to.0.version.clone(), changes: Vec::new(), text: String::new() });
        };
        let text = match (&from.1, &to.1) {
            (Some(from), Some(to)) => text(from, to),
            _ => String::new(),
        };
        let (from, to) = (from.0, to.0);
        let changes = changes(&from, &to);
        Ok(Difference { from: Some(from.version.clone()), to: to.version.clone(), changes, text })
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
                    let found = crate::catalog::mistake::mistakes(&checked.sources, checked.diagnostics);
                    checked.connector.ok_or(found)
                });
                let connector = checked.await.unwrap_or(Err(Vec::new())).map_err(Error::Connector)?;
                Ok(Some((connector, Some(*files))))
            }
        }
    }

    /// A version never changes: not a word in any of its files.
    async fn must_be_same(&self, release: &Release, files: &Files) -> Result<()> {
        let (id, version) = (&release.connector, &release.version);
        let kept = self.catalog.released(id, version).await?.ok_or(Error::NotFound("version"))?;
        let others = [
            ("connector.yaml", kept.connector != files.connector),
            ("the file of its account", kept.account != files.account),
            ("tests.yaml", kept.tests != files.tests),
            ("logo.svg", kept.logo != files.logo),
        ];
        let others: Vec<_> = others.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        if others.is_empty() {
            return Ok(());
        }
        let detail = format!(
            "version {version} of `{id}` is in the registry already, with another {}: a version never changes",
            others.join(", ")
        );
        Err(Error::conflict(detail, "Raise `version` in the connector, then publish it again."))
    }

    /// It may take the place of what orgs have.
    pub(super) fn may_go_live(&self, id: &str, current: Option<&Connector>, next: &Connector) -> Result<()> {
        let Some(current) = current else { return Ok(()) };
        let from_registry = self.catalog.snapshot().registry.get(id).is_some_and(|it| it.active.is_some());
        let is_lower = match compared(&next.version, &current.version) {
            Ordering::Less => true,
            // the folder's version may be published as it is
            Ordering::Equal => from_registry,
            Ordering::Greater => false,
        };
        if is_lower {
            let (next, current) = (&next.version, &current.version);
            let detail = format!("version {next} of `{id}` is not higher than {current}, which orgs have");
            return Err(Error::conflict(
                detail,
                "Raise `version` in the connector; or stage it, and pin to it; or roll back to go to an earlier one.",
            ));
        }
        must_promise_as_much(current, next)
    }

    /// It promises what the next lower one in the registry does, if there is one.
    async fn must_follow_lower(&self, id: &str, next: &Connector) -> Result<()> {
        let releases = self.store.registry().releases(id).await?;
        let lower = releases.iter().filter(|it| compared(&it.version, &next.version) == Ordering::Less);
        let lower = lower.max_by(|a, b| compared(&a.version, &b.version));
        let before = match lower {
            Some(lower) => Some(self.released(id, &lower.version).await?),
            None => self.current(id).filter(|it| compared(&it.version, &next.version) == Ordering::Less),
        };
        before.map_or(Ok(()), |before| must_promise_as_much(&before, next))
    }
}

/// Makes a version the active one.
pub(super) fn go_live(live: &mut Live, version: &str, end: CanaryEnd, now: jiff::Timestamp) {
    live.previous.push(live.active.replace(version.to_owned()));
    let more = live.previous.len().saturating_sub(MOST_PREVIOUS);
    live.previous.drain(..more);
    if let Some(canary) = live.canary.take() {
        live.ended = Some(EndedCanary { canary, end, why: None, at: now });
    }
}

/// What breaks something needs a version that says so.
pub(super) fn must_promise_as_much(from: &Connector, to: &Connector) -> Result<()> {
    if may_break(&from.version, &to.version) {
        return Ok(());
    }
    let breaking: Vec<_> = changes(from, to).into_iter().filter(|it| it.breaks).map(|it| it.message).collect();
    if breaking.is_empty() {
        return Ok(());
    }
    Err(Error::Breaking { from: from.version.clone(), to: to.version.clone(), changes: breaking })
}

/// The connector, and what was noticed; its cases come out as they say.
async fn checked(id: &str, files: Files) -> Result<(Arc<Connector>, Vec<Mistake>)> {
    let of = id.to_owned();
    let checked = tokio::task::spawn_blocking(move || files.check(&of)).await.unwrap_or_default();
    let (connector, found) = with_cases(checked).await;
    match connector.filter(|_| !has_errors(&found)) {
        Some(connector) => Ok((connector, found)),
        None => Err(Error::Connector(found)),
    }
}

fn taken(error: store::Error) -> Error {
    match error {
        store::Error::Taken => changed_meanwhile(),
        error => error.into(),
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
