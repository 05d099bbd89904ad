//! The folder of connectors, looked at again and again: what has changed is read, all or nothing of each connector, and whatever
//! is wrong, or refused by a [`Guard`], leaves the last one that was right in place.
//!
//! What has changed is told by comparing what the files look like (their lengths, and when they were written). The system's events
//! only say when to look; since they don't come from everywhere (network drives, a link that leads elsewhere), it is also looked
//! every few seconds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use jiff::Timestamp;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use super::{
    Catalog, Snapshot,
    folder::{self, ACCOUNTS, Loaded},
    mistake::{Mistake, mistakes},
    own,
};
use crate::{
    base::lock,
    diag::{Diagnostics, Severity, Sources, render},
    spec::Connector,
    store,
};

/// Nothing is read before the folder has been quiet for so long: a file may be half written.
const QUIET: Duration = Duration::from_millis(100);

/// But it is not waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// It is looked so often where no events come from.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// So many connectors are read together when a folder is opened: what they were made of is in memory until it is kept.
const PART: usize = 100;

/// A directory that is gone for so long is gone for good: some put another one in its place.
const GONE: Duration = Duration::from_secs(1);

/// What files look like, by their paths in the folder: how long they are, and when they were written.
type Looks = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Says why a connector that has changed is not taken over, if it isn't: it, and the one whose place it would take.
pub type Guard = dyn Fn(&Connector, Option<&Connector>) -> Option<String> + Send + Sync;

/// Why what has changed could not be read. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The folder, or a file in it.
    #[error("the folder can't be read: {0}")]
    Folder(#[from] io::Error),
    /// What was read could not be kept.
    #[error("what was read can't be kept: {0}")]
    Store(#[from] store::Error),
}

/// A folder of connectors as it was last read.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    looks: Looks,
    /// Directories that are not there any more, and may come back.
    missing: BTreeSet<String>,
}

/// What was read of a folder.
#[derive(Debug, Default)]
pub struct Read {
    /// Those without mistakes, and what they were made of.
    pub loaded: Loaded,
    /// What is wrong with the others, by directory.
    pub mistakes: BTreeMap<String, Vec<Mistake>>,
    /// Why those without mistakes that are not among them are refused, by id.
    pub refused: BTreeMap<String, String>,
    /// Directories that were there and are not any more.
    pub gone: BTreeSet<String>,
}

impl Folder {
    /// All of a folder, and its connectors, which are read one part after another. Mistakes in files are not errors.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn open(root: &Path) -> io::Result<(Self, impl Iterator<Item = io::Result<Read>>)> {
        let looks = looks(root, &folder::directories(root)?);
        let directories: Vec<_> = directories(&looks).into_iter().collect();
        let parts: Vec<BTreeSet<_>> = directories.chunks(PART).map(|it| it.iter().cloned().collect()).collect();
        let folder = Self { root: root.to_owned(), looks, missing: BTreeSet::new() };
        let root = folder.root.clone();
        Ok((folder, parts.into_iter().map(move |it| read(&root, &it, &|_| None))))
    }

    /// What has changed since, and the folder as it is now. Whatever changes while it is read is left for the next time.
    fn changes(&self, snapshot: &Snapshot, guard: &Guard) -> io::Result<(Read, Self)> {
        let mut looks = looks(&self.root, &folder::directories(&self.root)?);
        if looks.is_empty() {
            return Err(io::Error::other("there is nothing in it any more"));
        }
        let changed = differing(&self.looks, &looks);
        let accounts: BTreeSet<_> =
            changed.iter().filter(|it| it.starts_with(ACCOUNTS)).filter_map(|it| stem(it)).collect();
        let mut directories: BTreeSet<String> = changed.iter().filter_map(directory).collect();
        if !accounts.is_empty() {
            let uses = |it: &String| snapshot.folder.get(it).is_none_or(|it| accounts.contains(&it.account.id));
            directories.extend(self::directories(&looks).into_iter().filter(uses));
        }
        let (there, away): (BTreeSet<_>, BTreeSet<_>) =
            directories.into_iter().partition(|it| self.root.join(it).is_dir());
        let mut read =
            read(&self.root, &there, &|it| guard(it, snapshot.folder.get(&it.id).map(|current| &**current)))?;

        let again: Vec<_> = there.iter().map(String::as_str).chain([ACCOUNTS]).map(|it| self.root.join(it)).collect();
        let before = |path: &Path| path.starts_with(ACCOUNTS) || directory(path).is_some_and(|it| there.contains(&it));
        let before: Looks =
            looks.iter().filter(|(path, _)| before(path)).map(|(path, it)| (path.clone(), *it)).collect();
        let meanwhile = differing(&before, &self::looks(&self.root, &again));
        let unsettled: BTreeSet<_> = match meanwhile.iter().any(|it| it.starts_with(ACCOUNTS)) {
            true => there,
            false => meanwhile.iter().filter_map(directory).collect(),
        };
        let (gone, missing): (BTreeSet<_>, BTreeSet<_>) = away.into_iter().partition(|it| self.missing.contains(it));
        // what is left for the next time looks as it did before
        let left = |path: &Path| directory(path).is_some_and(|it| unsettled.contains(&it) || missing.contains(&it));
        looks.retain(|path, _| !left(path));
        looks.extend(self.looks.iter().filter(|(path, _)| left(path)).map(|(path, look)| (path.clone(), *look)));
        read.loaded.connectors.retain(|it| !unsettled.contains(&it.id));
        read.mistakes.retain(|it, _| !unsettled.contains(it));
        read.refused.retain(|it, _| !unsettled.contains(it));
        read.gone = gone;
        Ok((read, Self { root: self.root.clone(), looks, missing }))
    }
}

impl Catalog {
    /// Puts what has changed in a folder, and is not refused, in place of what was there. Gives the ids of the connectors that are
    /// others now.
    ///
    /// # Errors
    /// If the folder can't be read or the store fails; then nothing is changed, and the next time it is the same again.
    pub async fn look_again(
        &self,
        folder: &mut Folder,
        guard: &Arc<Guard>,
        now: Timestamp,
    ) -> Result<Vec<String>, Trouble> {
        let (before, snapshot, guard) = (folder.clone(), self.snapshot(), Arc::clone(guard));
        let reading = tokio::task::spawn_blocking(move || before.changes(&snapshot, &*guard));
        let (read, folder_now) = reading.await.map_err(io::Error::other)??;
        let others = self.take(read, now).await?;
        *folder = folder_now;
        Ok(others)
    }

    /// Keeps what was read of a folder, so that what begins with it can go on with it, and puts it in place of what was there. Gives
    /// the ids of the connectors that are others now.
    ///
    /// # Errors
    /// If the store fails; then nothing is changed.
    pub async fn take(&self, read: Read, now: Timestamp) -> Result<Vec<String>, store::Error> {
        let Read { loaded, mistakes, refused, gone } = read;
        if !loaded.connectors.is_empty() {
            self.keep(&loaded, now).await?;
        }
        let mut others = Vec::new();
        self.change(|it| {
            let before = it.folder.len();
            for connector in loaded.connectors {
                let id = connector.id.clone();
                it.mistakes.shift_remove(&id);
                it.refused.shift_remove(&id);
                it.folder.insert(id.clone(), connector);
                others.push(id);
            }
            if it.folder.len() > before {
                it.folder.sort_keys();
            }
            for (directory, mistakes) in mistakes {
                it.refused.shift_remove(&directory);
                it.mistakes.insert(directory, Arc::new(mistakes));
            }
            for (id, why) in refused {
                it.mistakes.shift_remove(&id);
                it.refused.insert(id, why.into());
            }
            for directory in gone {
                it.mistakes.shift_remove(&directory);
                it.refused.shift_remove(&directory);
                others.extend(it.folder.shift_remove(&directory).map(|it| it.id.clone()));
            }
        });
        Ok(others)
    }
}

/// Tells when to look at a folder.
#[derive(Debug)]
pub struct Watch {
    told: Arc<Notify>,
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Of a folder. Without the system's events it is looked now and then.
    pub fn of(folder: &Folder) -> Self {
        let told = Arc::new(Notify::new());
        let watcher = watcher(&folder.root, Arc::clone(&told));
        if let Err(error) = &watcher {
            tracing::warn!(%error, "no events of the folder of connectors: it is looked at every few seconds");
        }
        Self { told, _watcher: watcher.ok() }
    }

    /// Waits until there may be something new in the folder, and it has settled.
    pub async fn next(&self, folder: &Folder) {
        let patience = if folder.missing.is_empty() { LOOK_EVERY } else { GONE };
        if timeout(patience, self.told.notified()).await.is_err() {
            return;
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && timeout(QUIET, self.told.notified()).await.is_ok() {}
    }
}

fn watcher(root: &Path, told: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let heard = move |event: notify::Result<notify::Event>| {
        // whoever reads a file changes nothing; that includes us
        if !event.is_ok_and(|it| it.kind.is_access()) {
            told.notify_one();
        }
    };
    let mut watcher = notify::recommended_watcher(heard)?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}

/// What all files in directories of a folder look like.
fn looks(root: &Path, directories: &[PathBuf]) -> Looks {
    let mut looks = Looks::new();
    for path in directories.iter().flat_map(|it| folder::files(it)) {
        let Ok(metadata) = fs::metadata(&path) else { continue };
        let inside = path.strip_prefix(root).unwrap_or(&path).to_owned();
        looks.insert(inside, (metadata.len(), metadata.modified().ok()));
    }
    looks
}

/// The paths that are in one only, or look different in both.
fn differing(a: &Looks, b: &Looks) -> BTreeSet<PathBuf> {
    let all: BTreeSet<_> = a.keys().chain(b.keys()).collect();
    all.into_iter().filter(|it| a.get(*it) != b.get(*it)).cloned().collect()
}

/// The directory of a connector's file.
fn directory(path: impl AsRef<Path>) -> Option<String> {
    let first = path.as_ref().components().next()?.as_os_str().to_string_lossy().into_owned();
    (first != ACCOUNTS).then_some(first)
}

/// The directories of connectors.
fn directories(looks: &Looks) -> BTreeSet<String> {
    looks.keys().filter_map(directory).collect()
}

fn stem(path: &Path) -> Option<String> {
    Some(path.file_stem()?.to_string_lossy().into_owned())
}

/// Reads directories of a folder; what is wrong or refused is also told in the log.
fn read(
    root: &Path,
    directories: &BTreeSet<String>,
    guard: &(dyn Fn(&Connector) -> Option<String> + Sync),
) -> io::Result<Read> {
    if directories.is_empty() {
        return Ok(Read::default());
    }
    let refused = Mutex::new(BTreeMap::new());
    let mut loaded = folder::load_to_serve(root, directories, &|it| {
        if let Some(why) = guard(it) {
            lock(&refused).insert(it.id.clone(), why);
        }
    })?;
    let found = std::mem::take(&mut loaded.diagnostics);
    say(&loaded.sources, found);
    let right: BTreeSet<_> = loaded.connectors.iter().map(|it| it.id.clone()).collect();
    let mut all = BTreeMap::new();
    for directory in directories.difference(&right) {
        let one = folder::load_one(&root.join(directory))?;
        let mut found = mistakes(&one.sources, one.diagnostics);
        found.retain(|it| it.severity == Severity::Error.as_str());
        all.insert(directory.clone(), found);
    }
    let mut refused = std::mem::take(&mut *lock(&refused));
    refused.retain(|it, _| right.contains(it) && !own::is_own(it));
    for (connector, why) in &refused {
        tracing::error!(connector, why, "a connector that has changed is not taken over");
    }
    loaded.connectors.retain(|it| {
        let is_own = own::is_own(&it.id);
        if is_own {
            tracing::error!(connector = it.id, "a connector is left out: ids like its are for the orgs' own");
        }
        !is_own && !refused.contains_key(&it.id)
    });
    Ok(Read { loaded, mistakes: all, refused, gone: BTreeSet::new() })
}

fn say(sources: &Sources, found: Diagnostics) {
    let errors: Vec<_> = found.sorted().into_iter().filter(|it| it.severity == Severity::Error).collect();
    if !errors.is_empty() {
        tracing::error!(
            "connectors with mistakes are left out, or stay as they were:\n{}",
            render::text(sources, &errors, false)
        );
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
