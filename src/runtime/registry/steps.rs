//! Pins, tries, promotes and takes back.

use std::sync::Arc;

use super::{Engine, Error, Result, publish::go_live};
use crate::{
    base::OrgId,
    catalog::compare::changes,
    store::{Canary, CanaryEnd, EndedCanary, Limits, Pin},
};

/// A version to be tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Try {
    /// Which.
    pub version: String,
    /// By all calls of these orgs …
    pub orgs: Vec<OrgId>,
    /// … and by so many of a hundred conversations of the others.
    pub share: u32,
    /// When it is taken back.
    pub limits: Limits,
}

impl Engine {
    /// The org of that id or name.
    ///
    /// # Errors
    /// When there is none, or several have the name.
    pub async fn org_named(&self, text: &str) -> Result<OrgId> {
        if let Ok(id) = text.parse() {
            return self.store.orgs().get(id).await?.map(|it| it.id).ok_or(Error::NotFound("org"));
        }
        let named: Vec<_> = self.store.orgs().list().await?.into_iter().filter(|it| it.name == text).collect();
        match &named[..] {
            [] => Err(Error::NotFound("org")),
            [one] => Ok(one.id),
            _ => Err(Error::BadRequest(format!("several orgs are called `{text}`: name one by its id"))),
        }
    }

    /// Lets an org stay with a version, whichever is live.
    ///
    /// # Errors
    /// When the version isn't there, or can't be read any more.
    pub async fn pin(self: &Arc<Self>, id: &str, org: OrgId, version: &str) -> Result<()> {
        self.released(id, version).await?;
        let pin = Pin { org, connector: id.to_owned(), version: version.to_owned() };
        let engine = Arc::clone(self);
        self.to_its_end(async move {
            engine.store.registry().pin(&pin).await?;
            engine.registry_changed(&pin.connector).await
        })
        .await
    }

    /// Lets an org go with what is live again.
    ///
    /// # Errors
    /// When it was not pinned.
    pub async fn unpin(self: &Arc<Self>, id: &str, org: OrgId) -> Result<()> {
        let (engine, id) = (Arc::clone(self), id.to_owned());
        self.to_its_end(async move {
            if !engine.store.registry().unpin(org, &id).await? {
                return Err(Error::NotFound("pin"));
            }
            engine.registry_changed(&id).await
        })
        .await
    }

    /// Lets some calls try a version. Said again of the version that is tried, it changes who tries it, and goes on counting.
    ///
    /// # Errors
    /// When the version isn't there or is the active one, another is tried, or it breaks something and is to be tried by a share
    /// of calls.
    pub async fn try_out(self: &Arc<Self>, id: &str, it: Try) -> Result<()> {
        let entry = self.looked_up(id).await?;
        let next = self.released(id, &it.version).await?;
        let current = self.current(id).ok_or(Error::NotFound("connector"))?;
        if current.version == next.version {
            let detail = format!("orgs have version {} already", next.version);
            return Err(Error::conflict(detail, "Publish another version, staged, and try that one."));
        }
        if it.share > 0 && changes(&current, &next).iter().any(|it| it.breaks) {
            // whoever calls has one description of a function, which must be right for every call
            let detail = format!(
                "version {} breaks what {} promises: only whole orgs can try it, not a share of calls",
                next.version, current.version
            );
            return Err(Error::conflict(detail, "Name the orgs that try it."));
        }
        let now = self.now();
        // the counts of the last one are shown until the next has ended
        let kept = entry.live.ended.as_ref().map_or(now, |it| it.canary.begun_at);
        self.change_live(id, entry, |live| {
            let earlier = live.canary.take();
            if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.version != it.version) {
                let detail = format!("version {} is being tried", earlier.version);
                return Err(Error::conflict(detail, "Promote it or roll it back first."));
            }
            let begun_at = earlier.map_or(now, |it| it.begun_at);
            let Try { version, orgs, share, limits } = it;
            live.canary = Some(Canary { version, orgs, share, limits, begun_at });
            Ok(())
        })
        .await?;
        Ok(self.store.registry().forget_counts(id, kept).await?)
    }

    /// Makes a version that was published the active one; without one, that which is tried.
    ///
    /// # Errors
    /// When it isn't there, is lower than the active one, or breaks what that one promised and its number does not say so.
    pub async fn promote(self: &Arc<Self>, id: &str, version: Option<&str>) -> Result<()> {
        let entry = self.looked_up(id).await?;
        let tried = entry.live.canary.as_ref().map(|it| it.version.clone());
        let version = version.map(str::to_owned).or(tried).ok_or_else(|| {
            Error::conflict("no version of it is being tried", "Name the version that is to be the active one.")
        })?;
        let next = self.released(id, &version).await?;
        let current = self.current(id);
        let from_registry = self.catalog.snapshot().registry.get(id).is_some_and(|it| it.active.is_some());
        if from_registry && current.as_ref().is_some_and(|it| it.version == version) {
            return Ok(());
        }
        self.may_go_live(id, current.as_deref(), &next)?;
        let now = self.now();
        self.change_live(id, entry, |live| {
            let is_tried = live.canary.as_ref().is_some_and(|it| it.version == version);
            let end = if is_tried { CanaryEnd::Promoted } else { CanaryEnd::TakenBack };
            go_live(live, &version, end, now);
            Ok(())
        })
        .await?;
        tracing::info!(connector = id, version, "another version is live");
        Ok(())
    }

    /// Takes the last step back: a version that is tried, or else the active one, in whose place the one before comes.
    ///
    /// # Errors
    /// When there is nothing to go back to.
    pub async fn roll_back(self: &Arc<Self>, id: &str) -> Result<()> {
        let (now, entry) = (self.now(), self.looked_up(id).await?);
        let in_folder = self.catalog.snapshot().folder.get(id).map(|it| it.version.clone());
        if entry.live.canary.is_none() && entry.live.active.is_none() {
            return Err(self.nothing_to_take_back(id, in_folder).await?);
        }
        self.change_live(id, entry, |live| {
            if let Some(canary) = live.canary.take() {
                live.ended = Some(EndedCanary { canary, end: CanaryEnd::TakenBack, why: None, at: now });
                return Ok(());
            }
            let before = live.previous.pop().filter(|it| it.is_some() || in_folder.is_some());
            live.active = before.ok_or_else(|| {
                let detail = "there was no version before this one, and there is none in the folder";
                Error::conflict(detail, "Publish a version that is to take its place.")
            })?;
            Ok(())
        })
        .await?;
        tracing::warn!(connector = id, "the last step of a connector was taken back");
        Ok(())
    }

    /// Nothing is tried of a connector, and nothing of the registry is live.
    async fn nothing_to_take_back(&self, id: &str, in_folder: Option<String>) -> Result<Error> {
        let detail = match in_folder {
            Some(version) => {
                format!("nothing is tried, and the folder's {version} is live: there is nothing to take back")
            }
            None if self.store.registry().releases(id).await?.is_empty() => return Ok(Error::NotFound("connector")),
            None => "nothing is tried, and nothing of it is live: there is nothing to take back".to_owned(),
        };
        Ok(Error::conflict(detail, "To have another version live, promote one that was published."))
    }

    /// Takes back a version that is worse than its limits allow, unless somebody was first.
    pub(super) async fn give_up(self: &Arc<Self>, id: &str, judged: &Canary, why: String) -> Result<()> {
        let (version, now, entry) = (judged.version.clone(), self.now(), self.looked_up(id).await?);
        let taken = self.change_live(id, entry, |live| {
            let canary = live.canary.take().filter(|it| it == judged);
            let canary = canary.ok_or_else(super::changed_meanwhile)?;
            live.ended = Some(EndedCanary { canary, end: CanaryEnd::RolledBack, why: Some(why.clone()), at: now });
            Ok(())
        });
        match taken.await {
            Ok(()) => tracing::error!(connector = id, version, why, "a version that was tried is rolled back"),
            Err(Error::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
