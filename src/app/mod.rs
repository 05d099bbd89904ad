//! Puts everything together: the one place that knows all of it.

pub mod logging;
mod unused;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    api,
    auth::Client,
    base::Clock,
    catalog::{Catalog, watch::Folder},
    config::{self, Config},
    connections::{Connections, Setup},
    coordination::{self, Coordination},
    crypto::{KeyRing, random_token},
    runtime::{Engine, Parts},
    store::{Hold, Store},
    system::{SystemClock, SystemRandom},
    transport::{
        Isolation,
        http::{ClientConfig, EndpointOverrides, HttpClient},
    },
};

/// An engine that serves.
pub struct App {
    engine: Arc<Engine>,
    address: SocketAddr,
    patience: Duration,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    /// Nobody else is at the database meanwhile, if only one may be.
    _hold: Hold,
}

impl App {
    /// Builds the engine and serves its API at `config.listen`.
    ///
    /// # Errors
    /// Says which part could not be built, and what to do.
    pub async fn start(config: Config) -> Result<Self> {
        Self::start_by(config, Arc::new(SystemClock)).await
    }

    /// The same, by another clock than the machine's.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_by(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let hold = Store::hold(config.database_url.expose()).context("the database can't be used")?;
        let (engine, folder) = Self::engine_by(&config, clock).await?;
        engine.start_recovery().await?;
        engine.start_duties();
        engine.start_waker();
        engine.start_listening();
        engine.start_following();
        engine.start_looking_after();
        if config.watch_connectors {
            engine.start_watching(folder, config.guard_connectors);
        }
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("can't listen at {}; is something else there?", config.listen))?;
        let address = listener.local_addr()?;
        say_what_it_is_made_of(&config, &engine);
        for setting in unused::settings(&config, &engine.catalog().snapshot()) {
            tracing::warn!("no connector of the folder or the registry uses {setting}: is it misspelt?");
        }
        let (stop, stopped) = oneshot::channel::<()>();
        let service = api::router(Arc::clone(&engine));
        let server = tokio::spawn(api::serve(listener, service, api::Patience::default(), async {
            let _ = stopped.await;
        }));
        Ok(Self { engine, address, patience: config.stop_timeout, stop, server, _hold: hold })
    }

    /// The engine of these settings, without a server.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn engine_of(config: &Config) -> Result<Arc<Engine>> {
        Ok(Self::engine_by(config, Arc::new(SystemClock)).await?.0)
    }

    async fn engine_by(config: &Config, clock: Arc<dyn Clock>) -> Result<(Arc<Engine>, Folder)> {
        let random = Arc::new(SystemRandom);
        let keys = match &config.encryption_keys {
            Some(keys) => Some(KeyRing::parse(keys).context("encryption_keys can't be used")?),
            None => {
                tracing::warn!(
                    "no encryption_keys: no credential can be stored; `closeloop keys encryption` makes a key"
                );
                None
            }
        };
        let store = Store::open_with(config.database_url.expose(), config.database_pool).await;
        let store = store.context("the database can't be opened")?;
        let overrides = config.endpoint_overrides.iter().map(|(from, to)| (from.as_str(), to.as_str()));
        let overrides = EndpointOverrides::new(overrides)?;
        let sender = Arc::new(HttpClient::new(&ClientConfig {
            overrides: overrides.clone(),
            proxy: config.proxy.clone(),
            extra_ca: config.extra_ca.clone(),
            ..ClientConfig::default()
        })?);
        let (folder, catalog) = connectors(config, &store, clock.now()).await?;
        let process = random_token(random.as_ref()).expose().to_owned();
        let coordination = coordination(config, &process)?;
        let connections = Connections::new(Setup {
            store: store.clone(),
            keys,
            clients: config.accounts.iter().map(|(id, app)| (id.clone(), client(app))).collect(),
            redirect_uri: config.public_url.join("oauth/callback").context("public_url")?,
            webhooks: webhooks(&config.public_url)?,
            connectors: catalog.clone(),
            sender: sender.clone(),
            coordination: coordination.clone(),
            overrides,
            clock: clock.clone(),
            random: random.clone(),
            replica: process.clone(),
        });
        let isolation = Isolation::new(config.bounds, clock.clone(), random.clone());
        let isolation = Arc::new(isolation.with_herald(Arc::new(coordination.clone())));
        let lease = config.lease;
        let retention = config.retention;
        let org_rate = config.org_rate;
        let engine = Engine::new(Parts {
            store,
            catalog,
            connections,
            sender,
            coordination,
            isolation,
            org_rate,
            clock,
            random,
            process,
            lease,
            retention,
        });
        Ok((engine, folder))
    }

    /// The engine itself.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says to load balancers that it is about to stop, and goes on taking calls: those that are on their way here already.
    pub fn begin_stop(&self) {
        self.engine.begin_stop();
    }

    /// Takes no new requests, lets running ones end, and closes the store.
    ///
    /// # Errors
    /// When the server broke.
    pub async fn stop(self) -> Result<()> {
        self.engine.begin_stop();
        let _ = self.stop.send(());
        let deadline = tokio::time::Instant::now() + self.patience;
        let ended = tokio::time::timeout_at(deadline, self.server).await;
        self.engine.stop(deadline.saturating_duration_since(tokio::time::Instant::now())).await;
        // a client that keeps its connection open must not keep the process alive: then there is no end to look at
        ended.map_or(Ok(()), |ended| ended.context("the server broke"))
    }
}

/// One line for whoever looks whether a replica is what it should be. No address: they may hold passwords.
fn say_what_it_is_made_of(config: &Config, engine: &Engine) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        replica = %engine.replica(),
        database = config.database_url.expose().split(':').next().unwrap_or_default(),
        redis = if config.redis.is_some() { "yes" } else { "no" },
        encryption_keys = if config.encryption_keys.is_some() { "yes" } else { "no" },
        connectors = engine.catalog().snapshot().count(),
        public_url = %config.public_url,
        "an engine starts"
    );
}

/// How long a call waits for Redis.
const REDIS_PATIENCE: Duration = Duration::from_millis(50);

fn coordination(config: &Config, process: &str) -> Result<Coordination> {
    let Some(redis) = &config.redis else { return Ok(Coordination::in_memory(process, &Arc::default())) };
    let config::Redis { url, prefix, ca } = redis.clone();
    let settings = coordination::Settings { url, prefix, ca, patience: REDIS_PATIENCE };
    Coordination::over_redis(process, &settings).context("redis_url or redis_ca_file can't be used")
}

/// Where providers send to: only where they could, which is https.
fn webhooks(public_url: &url::Url) -> Result<Option<url::Url>> {
    let is_public = public_url.scheme() == "https";
    is_public.then(|| public_url.join("webhooks/").context("public_url")).transpose()
}

/// The connectors of the folder, without those that have mistakes, and what the registry says.
async fn connectors(config: &Config, store: &Store, now: Timestamp) -> Result<(Folder, Arc<Catalog>)> {
    let (folder, parts) = Folder::open(&config.connectors).context("the connectors can't be read")?;
    let catalog = Catalog::new([], store.clone());
    for part in parts {
        let read = part.context("the connectors can't be read")?;
        catalog.take(read, now).await.context("the connectors can't be kept")?;
    }
    catalog.read_registry().await.context("the registry can't be read")?;
    let snapshot = catalog.snapshot();
    if snapshot.count() == 0 && snapshot.mistakes.is_empty() {
        bail!("there are no connectors in {}, and none in the registry", config.connectors.display());
    }
    Ok((folder, Arc::new(catalog)))
}

fn client(app: &config::AccountApp) -> Client {
    Client { id: app.client_id.clone(), secret: app.client_secret.clone() }
}
