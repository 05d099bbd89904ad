//! Adds versions to the registry.

use std::{cmp::Ordering, sync::Arc};

use serde_json::json;

use super::{Engine, Error, Misfit, Operator, Result, changed_meanwhile, checked_id, compared};
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
    /// What is enabled and does not work with it.
    pub unfit: Vec<Misfit>,
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
        let unfit = self.unfit(&connector, &found).await?;
        if let Some(release) = registry.release(id, version).await? {
            self.must_be_same(&release, &files).await?;
            if !stage {
                self.promote(id, Some(version)).await?;
            }
            let active = registry.entry(id).await?.live.active.as_ref() == Some(version);
            return Ok(Put { release, active, known: true, warnings, changes: found, unfit });
        }
        match stage {
            // it is compared when it goes live
            true => self.must_follow_lower(id, &entry.live, &connector).await?,
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
                engine.registry_changed(&release.connector).await?;
                Ok(release)
            })
            .await?;
        tracing::info!(connector = id, release.version, by = by.name, stage, "a connector was published");
        Ok(Put { release, active: !stage, known: false, warnings, changes: found, unfit })
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

    /// It promises what the highest lower one does that somebody has, or had before the one that is live now. On what was taken
    /// back, and on what was only staged, nobody relies.
    async fn must_follow_lower(&self, id: &str, live: &Live, next: &Connector) -> Result<()> {
        let is_lower = |it: &&str| compared(it, &next.version) == Ordering::Less;
        let pins = self.store.registry().pins().await?.into_iter().filter(|it| it.connector == id);
        let pinned: Vec<String> = pins.map(|it| it.version).collect();
        let tried = live.canary.as_ref().map(|it| it.version.as_str());
        let before = live.previous.iter().flatten().chain(&live.active).chain(&pinned).map(String::as_str);
        let lower = before.chain(tried).filter(is_lower).max_by(|a, b| compared(a, b));
        let was_of_folder = live.active.is_none() || live.previous.contains(&None);
        let folder = self.catalog.snapshot().folder.get(id).filter(|_| was_of_folder).cloned();
        let folder = folder.filter(|it| is_lower(&it.version.as_str()));
        let before = match (lower, folder) {
            (Some(lower), Some(folder)) if compared(lower, &folder.version) == Ordering::Less => Some(folder),
            (Some(lower), _) => Some(self.released(id, lower).await?),
            (None, folder) => folder,
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
    let breaking = breaking(from, to);
    if breaking.is_empty() {
        return Ok(());
    }
    Err(Error::Breaking { from: from.version.clone(), to: to.version.clone(), changes: breaking })
}

/// What breaks something though the version doesn't say so.
pub(super) fn breaking(from: &Connector, to: &Connector) -> Vec<String> {
    if may_break(&from.version, &to.version) {
        return Vec::new();
    }
    changes(from, to).into_iter().filter(|it| it.breaks).map(|it| it.message).collect()
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
