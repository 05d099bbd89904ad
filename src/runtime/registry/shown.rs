//! How things stand, for whoever runs the engine.

use std::collections::BTreeSet;

use super::{Engine, Error, Result, changed_meanwhile};
use crate::{
    base::OrgId,
    catalog::{files::Files, mistake::Mistake},
    store::{Canary, EndedCanary, Release, Tally},
};

/// One connector in short.
#[derive(Debug)]
pub struct Line {
    /// Its id.
    pub connector: String,
    /// What orgs have that are not pinned and try nothing; `None`: nothing.
    pub version: Option<String>,
    /// Whether that is from the registry.
    pub published: bool,
    /// What the folder has, as it was when it was right last.
    pub in_folder: Option<String>,
    /// What is wrong with what the folder has now.
    pub mistakes: Vec<Mistake>,
    /// Why what the folder has now is not taken over, though it has no mistakes.
    pub problem: Option<String>,
    /// The version that is tried.
    pub canary: Option<String>,
    /// How many orgs are pinned.
    pub pins: usize,
    /// Versions that should be there and can't be read.
    pub unreadable: Vec<String>,
}

/// One connector with all that is known.
#[derive(Debug)]
pub struct Standing {
    /// In short.
    pub line: Line,
    /// Its versions in the registry, the latest first.
    pub releases: Vec<ReleaseLine>,
    /// To which versions it can be rolled back, the next one first; `None`: to the folder's.
    pub previous: Vec<Option<String>>,
    /// Which orgs, and what they are called, stay with which version.
    pub pins: Vec<(OrgId, String, String)>,
    /// What is tried.
    pub canary: Option<(Canary, Counted)>,
    /// How the last that was tried ended.
    pub ended: Option<(EndedCanary, Counted)>,
}

/// A version of the registry.
#[derive(Debug)]
pub struct ReleaseLine {
    /// The version.
    pub release: Release,
    /// Whether it is the active one.
    pub active: bool,
}

/// How calls went since a canary began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// Of the version that is tried.
    pub canary: Tally,
    /// Of all other versions that are compared with it.
    pub active: Tally,
}

impl Engine {
    /// All connectors that are everybody's, by id.
    pub fn standings(&self) -> Vec<Line> {
        let snapshot = self.catalog.snapshot();
        let others = snapshot.mistakes.keys().chain(snapshot.refused.keys()).map(String::as_str);
        let ids: BTreeSet<&str> = snapshot.ids().into_iter().chain(others).collect();
        ids.into_iter().map(|id| self.line(id)).collect()
    }

    fn line(&self, id: &str) -> Line {
        let snapshot = self.catalog.snapshot();
        let published = snapshot.registry.get(id);
        let active = published.and_then(|it| it.active.as_ref());
        let in_folder = snapshot.folder.get(id);
        Line {
            connector: id.to_owned(),
            version: active.or(in_folder).map(|it| it.version.clone()),
            published: active.is_some(),
            in_folder: in_folder.map(|it| it.version.clone()),
            mistakes: snapshot.mistakes.get(id).map_or_else(Vec::new, |it| it.to_vec()),
            problem: snapshot.refused.get(id).map(|it| it.to_string()),
            canary: published.and_then(|it| it.live.canary.as_ref()).map(|it| it.version.clone()),
            pins: published.map_or(0, |it| it.pinned.len()),
            unreadable: published.map_or_else(Vec::new, |it| it.unreadable.clone()),
        }
    }

    /// One connector.
    ///
    /// # Errors
    /// When it is neither in the folder nor in the registry.
    pub async fn standing(&self, id: &str) -> Result<Standing> {
        self.read_registry().await?;
        let line = self.line(id);
        let registry = self.store.registry();
        let releases = registry.releases(id).await?;
        let is_known = line.version.is_some() || !line.mistakes.is_empty() || line.problem.is_some();
        if !is_known && releases.is_empty() {
            return Err(Error::NotFound("connector"));
        }
        let live = registry.entry(id).await?.live;
        let release =
            |release: Release| ReleaseLine { active: live.active.as_ref() == Some(&release.version), release };
        let mut pins = Vec::new();
        for pin in registry.pins().await?.into_iter().filter(|it| it.connector == id) {
            pins.push((pin.org, self.name_of(pin.org).await?, pin.version));
        }
        let canary = match live.canary.clone() {
            Some(canary) => Some((self.how(id, &canary).await?, canary)),
            None => None,
        };
        let ended = match live.ended.clone() {
            Some(ended) => Some((self.how(id, &ended.canary).await?, ended)),
            None => None,
        };
        Ok(Standing {
            releases: releases.into_iter().map(release).collect(),
            previous: live.previous.iter().rev().cloned().collect(),
            pins,
            canary: canary.map(|(counted, it)| (it, counted)),
            ended: ended.map(|(counted, it)| (it, counted)),
            line,
        })
    }

    async fn how(&self, id: &str, canary: &Canary) -> Result<Counted> {
        let counts = self.store.registry().counts(id, canary.begun_at).await?;
        let mut counted = Counted::default();
        for (version, tally) in counts {
            let sum = if version == canary.version { &mut counted.canary } else { &mut counted.active };
            *sum = sum.and(tally);
        }
        Ok(counted)
    }

    /// A version of the registry with all of its files.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn release_files(&self, id: &str, version: &str) -> Result<(ReleaseLine, Files)> {
        let release = self.release(id, version).await?;
        let active = self.store.registry().entry(id).await?.live.active.as_deref() == Some(version);
        let files = self.catalog.released(id, version).await?.ok_or_else(changed_meanwhile)?;
        Ok((ReleaseLine { release, active }, files))
    }
}
