//! Puts everything together: the one place that knows all of it.

pub mod logging;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    api,
    auth::oauth2,
    base::Clock,
    catalog::{Catalog, folder, own},
    config::{self, Config},
    connections::{Connections, Setup},
    coordination::{self, Coordination},
    crypto::{KeyRing, random_token},
    diag::{Severity, render},
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
        let engine = Self::engine_by(&config, clock).await?;
        engine.start_recovery().await?;
        engine.start_duties();
        engine.start_waker();
        engine.start_listening();
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("can't listen at {}; is something else there?", config.listen))?;
        let address = listener.local_addr()?;
        say_what_it_is_made_of(&config, &engine);
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
        Self::engine_by(config, Arc::new(SystemClock)).await
    }

    async fn engine_by(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<Engine>> {
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
        let loaded = load_connectors(config)?;
        let catalog = Arc::new(Catalog::new(loaded.connectors.iter().cloned(), store.clone()));
        catalog.keep(&loaded, clock.now()).await.context("the connectors can't be kept")?;
        drop(loaded);
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
        Ok(Engine::new(Parts {
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
        }))
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
        connectors = engine.catalog().shipped().count(),
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

/// The connectors that have no mistakes. Those that have some are shown in the log and left out; they stop nobody else.
fn load_connectors(config: &Config) -> Result<folder::Loaded> {
    let mut loaded = folder::load(&config.connectors).context("the connectors can't be read")?;
    let diagnostics = std::mem::take(&mut loaded.diagnostics).sorted();
    let errors: Vec<_> = diagnostics.into_iter().filter(|it| it.severity == Severity::Error).collect();
    if !errors.is_empty() {
        let left_out = loaded.found - loaded.connectors.len();
        tracing::error!(
            left_out,
            "connectors with mistakes are left out:\n{}",
            render::text(&loaded.sources, &errors, false)
        );
    }
    if loaded.found == 0 {
        bail!("there are no connectors in {}", config.connectors.display());
    }
    loaded.connectors.retain(|it| {
        let is_own = own::is_own(&it.id);
        if is_own {
            tracing::error!(connector = it.id, "a connector is left out: ids like its are for the orgs' own");
        }
        !is_own
    });
    // The cases are for their authors: nobody runs them here.
    for connector in loaded.connectors.iter_mut().filter_map(Arc::get_mut) {
        connector.cases = Vec::new();
    }
    Ok(loaded)
}

fn client(app: &config::AccountApp) -> oauth2::Client {
    oauth2::Client { id: app.client_id.clone(), secret: app.client_secret.clone() }
}
