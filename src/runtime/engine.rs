//! The engine: everything that a surface (HTTP, command line) can ask for.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value as Json;
use tokio_util::task::TaskTracker;

use super::{
    Error, Result,
    enabled::{Enabled, FunctionKey, Seen},
    listeners::Listeners,
    outliving::Outliving,
    patience::last_moment,
    rates::Rates,
    recorder::Recorder,
    registry::canary::Counts,
    remembered::Remembered,
    replica::{Replica, Watched},
    under_way::UnderWay,
    unmeant::AllUnmeant,
};
use crate::{
    base::{ApiKeyId, Clock, ConnectionId, ExecutionId, OrgId, Random, Secret},
    catalog::Catalog,
    connections::Connections,
    coordination::{Coordination, News},
    crypto::{Digest, api_key},
    delivery::KeySets,
    spec::Connector,
    store::{ApiKey, Execution, ExecutionStatus, Filter, Org, Owned, Retention, Store, Write},
    transport::{Allowances, Isolation, Meter, Sender},
};

/// A renewal of a token that is under way has so much time at least when the engine stops.
const LAST_RENEWALS: Duration = Duration::from_secs(10);

/// What an engine is made of.
pub struct Parts {
    /// What must survive.
    pub store: Store,
    /// The connectors.
    pub catalog: Arc<Catalog>,
    /// The orgs' accounts.
    pub connections: Connections,
    /// To the providers.
    pub sender: Arc<dyn Sender>,
    /// What replicas share, our limits towards providers among it.
    pub coordination: Coordination,
    /// Bulkheads and breakers.
    pub isolation: Arc<Isolation>,
    /// So many requests an org may send to the API in a second, if there is a limit.
    pub org_rate: Option<NonZeroU32>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For ids and keys.
    pub random: Arc<dyn Random>,
    /// How long things are kept, unless an org says otherwise.
    pub retention: Retention,
    /// This process, among those that share the store.
    pub process: String,
    /// So long others believe that a replica lives which says nothing.
    pub lease: Duration,
}

/// An execution as ops look at it.
#[derive(Debug)]
pub struct Shown {
    /// The run.
    pub execution: Execution,
    /// What happened in it; `None` while it runs, and if the process that ran it died.
    pub trace: Option<Json>,
    /// What it sent to change something.
    pub writes: Vec<Write>,
}

/// One engine; shared by all requests.
pub struct Engine {
    pub(super) store: Store,
    pub(super) catalog: Arc<Catalog>,
    pub(super) connections: Connections,
    pub(super) sender: Arc<dyn Sender>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    /// As which it owns what it runs.
    pub(super) replica: Arc<Replica>,
    /// Executions that this replica is at.
    pub(super) at_work: UnderWay<ExecutionId>,
    /// Executions that this replica has given up and nobody has claimed yet.
    pub(super) abandoned: Mutex<Vec<Owned>>,
    /// Told when there is something to claim.
    pub(super) orphaned: Arc<tokio::sync::Notify>,
    pub(super) coordination: Coordination,
    /// What providers' answers tell of their limits.
    pub(super) allowances: Allowances,
    /// How much of their allowances is used.
    pub(super) meter: Meter,
    /// Keeps providers and orgs from harming each other.
    pub(super) isolation: Arc<Isolation>,
    /// The keys that providers publish.
    pub(super) key_sets: KeySets,
    /// What providers told that meant nothing.
    pub(super) unmeant: AllUnmeant,
    /// What each org sends.
    rates: Rates,
    /// An API key's org and the digest of its secret part.
    pub(super) keys: Remembered<ApiKeyId, (OrgId, Digest)>,
    /// What an agent's function stands for, and what it does for calls that try another version.
    pub(super) enabled: Remembered<FunctionKey, Arc<Enabled>>,
    /// How long things are kept …
    pub(super) keeps: Retention,
    /// … and by orgs.
    pub(super) kept_by: Remembered<OrgId, Retention>,
    /// Connections as they were last read.
    pub(super) seen: Remembered<(OrgId, ConnectionId), Arc<Seen>>,
    /// Writes the executions of reads in batches.
    pub(super) recorder: Recorder,
    /// Wakes whoever waits for an end.
    pub(super) endings: Listeners<ExecutionId>,
    /// Those who wait for what an org is told.
    pub(super) telling: Listeners<OrgId>,
    /// Told when another replica may have changed which versions of connectors are live.
    pub(super) registry_changed: Arc<tokio::sync::Notify>,
    /// How calls of versions went that are tried.
    pub(super) counts: Counts,
    /// Told when something has become due.
    pub(super) waker: Arc<tokio::sync::Notify>,
    /// Whether the database may have given this replica something that it never heard of.
    pub(super) unheard: AtomicBool,
    /// What goes on when its caller hangs up; a stop waits for it.
    pub(super) tasks: TaskTracker,
    stopping: AtomicBool,
    stopped: AtomicBool,
}

impl Engine {
    /// Puts the parts together. Needs a tokio runtime.
    pub fn new(parts: Parts) -> Arc<Self> {
        let recorder = Recorder::start(parts.store.clone());
        let alone = !parts.store.is_shared();
        let replica = Arc::new(Replica::new(&parts.process, parts.lease, alone));
        let watched = Watched { replica: Arc::clone(&replica), clock: Arc::clone(&parts.clock) };
        parts.connections.watched(Arc::new(watched));
        Arc::new(Self {
            store: parts.store,
            catalog: parts.catalog,
            connections: parts.connections,
            sender: parts.sender,
            clock: parts.clock,
            random: parts.random,
            replica,
            at_work: UnderWay::default(),
            abandoned: Mutex::default(),
            orphaned: Arc::default(),
            allowances: Allowances::default().with_crier(Arc::new(parts.coordination.clone())),
            coordination: parts.coordination,
            meter: Meter::default(),
            isolation: parts.isolation,
            key_sets: KeySets::default(),
            unmeant: AllUnmeant::default(),
            rates: Rates::new(parts.org_rate),
            keys: Remembered::new(10_000),
            enabled: Remembered::new(50_000),
            keeps: parts.retention,
            kept_by: Remembered::new(10_000),
            seen: Remembered::new(50_000),
            recorder,
            endings: Listeners::default(),
            telling: Listeners::default(),
            registry_changed: Arc::default(),
            counts: Counts::default(),
            waker: Arc::default(),
            unheard: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            stopping: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        })
    }

    /// The connectors.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The connector of that id.
    ///
    /// # Errors
    /// When the org sees none.
    pub async fn connector(&self, org: OrgId, id: &str) -> Result<Arc<Connector>> {
        self.catalog.connector(org, id).await?.ok_or(Error::NotFound("connector"))
    }

    /// All connectors that an org sees: everybody's, then its own.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn connectors(&self, org: OrgId) -> Result<Vec<Arc<Connector>>> {
        let own = self.catalog.own(org).await?;
        Ok(self.catalog.snapshot().all(org).into_iter().chain(own).collect())
    }

    /// The orgs' accounts.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// As which this replica is known to the others now.
    pub fn replica(&self) -> Arc<str> {
        self.replica.id()
    }

    /// What replicas share.
    pub fn coordination(&self) -> &Coordination {
        &self.coordination
    }

    /// What must survive.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The current instant as the store keeps it, so that an answer looks the same now and when it is read back.
    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Whether a stop has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether a stop has ended, or has no more patience.
    pub(super) fn has_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Counts a request of an org.
    ///
    /// # Errors
    /// [`Error::TooMany`]
    pub fn admit(&self, org: OrgId) -> Result<()> {
        self.rates.admit(org, self.clock.as_ref()).map_err(Error::TooMany)
    }

    /// The org of an API key; `None` for a key that is unknown or revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn org_of_key(&self, key: &Secret) -> Result<Option<OrgId>> {
        let Some((id, given)) = api_key::parse(key.expose()) else { return Ok(None) };
        if let Some((org, digest)) = self.keys.get(&id) {
            return Ok((digest == given).then_some(org));
        }
        let mark = self.keys.mark();
        match self.store.orgs().key(id).await? {
            Some((row, digest)) if row.revoked_at.is_none() && digest == given => {
                self.keys.keep(mark, id, (row.org, digest));
                Ok(Some(row.org))
            }
            _ => Ok(None),
        }
    }

    /// A new API key of the org of that name, which is made if it is new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn new_api_key(&self, org: &str) -> Result<Secret> {
        let now = self.now();
        let known = self.store.orgs().list().await?.into_iter().find(|it| it.name == org);
        let org = match known {
            Some(org) => org,
            None => {
                let org = Org { id: OrgId::new(now, self.random.as_ref()), name: org.to_owned(), created_at: now };
                self.store.orgs().create(&org).await?;
                org
            }
        };
        let id = ApiKeyId::new(now, self.random.as_ref());
        let (key, digest) = api_key::issue(id, self.random.as_ref());
        let row = ApiKey { org: org.id, id, name: "default".to_owned(), created_at: now, revoked_at: None };
        self.store.orgs().add_key(&row, digest).await?;
        Ok(key)
    }

    /// Refuses an API key from now on; other processes notice within seconds. `false`: there is none, or it was revoked before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn revoke_api_key(&self, id: ApiKeyId) -> Result<bool> {
        let Some((key, _)) = self.store.orgs().key(id).await? else { return Ok(false) };
        let revoked = self.store.orgs().revoke_key(key.org, id, self.now()).await?;
        self.keys.forget(&id);
        self.coordination.tell(News::ApiKey(id));
        Ok(revoked)
    }

    /// One execution with all that is known of it; with `patience`, once it is over or that is.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn execution(&self, org: OrgId, id: ExecutionId, patience: Option<Duration>) -> Result<Shown> {
        self.recorder.flush().await?;
        if let Some(patience) = patience {
            self.once(org, id, last_moment(patience), ExecutionStatus::is_over).await?;
        }
        let executions = self.store.executions();
        let execution = executions.get(org, id).await?.ok_or(Error::NotFound("execution"))?;
        Ok(Shown { execution, trace: executions.trace(org, id).await?, writes: executions.writes(org, id).await? })
    }

    /// At most `limit` executions, newest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn executions(&self, org: OrgId, filter: &Filter, limit: u32) -> Result<Vec<Execution>> {
        self.recorder.flush().await?;
        Ok(self.store.executions().list(org, filter, limit).await?)
    }

    /// Does what must not stop halfway, also when whoever asked for it hangs up meanwhile.
    pub(super) async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        if self.tasks.is_closed() {
            return Err(Error::Unavailable("the engine is stopping".to_owned()));
        }
        Outliving::new(&self.tasks, work).await
    }

    /// From now on `/readyz` sends traffic elsewhere.
    pub fn begin_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.waker.notify_one();
        self.orphaned.notify_one();
    }

    /// Lets running calls end, for at most `patience`, and writes down what is not yet written.
    pub async fn stop(&self, patience: Duration) {
        self.begin_stop();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                running = self.tasks.len(),
                "some calls did not end in time; their outcome is in the journal"
            );
        }
        if tokio::time::timeout(patience.max(LAST_RENEWALS), self.connections.finish()).await.is_err() {
            tracing::error!("a renewed token could not be stored and is lost");
        }
        if self.recorder.flush().await.is_err() {
            tracing::error!("the database is away: executions of reads that have just ended are not kept");
        }
        self.coordination.finish().await;
        self.stopped.store(true, Ordering::Relaxed);
        self.leave().await;
        self.store.close().await;
    }
}
