//! The connection to Redis: one for commands and news alike, so that whoever can't hear the others knows it.
//!
//! A task of its own connects, tells what is to be told, and looks once a second whether Redis still answers. Calls never wait
//! for it: while there is no connection they go on without.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    AsyncConnectionConfig, Client, IntoConnectionInfo, Msg, ProtocolVersion, PushInfo, PushKind, RedisError,
    RedisResult, TlsCertificates, aio::MultiplexedConnection, cmd, pipe,
};
use tokio::sync::{
    Notify,
    broadcast::{self, Receiver},
    mpsc, watch,
};
use tracing::{info, warn};

use super::{
    news::{KEPT, News, Told},
    redis::Settings,
};
use crate::base::lock;

/// How often Redis is asked whether it is there.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the task itself waits for an answer, or for a connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// So much news goes in one go.
const AT_ONCE: usize = 128;

/// The connection, and who is told of what comes over it.
pub(super) struct Link {
    state: Arc<State>,
    /// What is to be told. Dropping it ends the task.
    queue: mpsc::Sender<Told>,
}

/// A connection, and which one: what is said of an earlier one means nothing.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) connection: MultiplexedConnection,
}

struct State {
    me: String,
    channel: String,
    client: Client,
    current: Mutex<Option<Line>>,
    /// The current connection is of no use any more.
    lost: Notify,
    /// Something could not be told.
    missed: AtomicBool,
    /// So much was put into the queue and is not told yet.
    pending: watch::Sender<usize>,
    told: broadcast::Sender<Told>,
}

impl Link {
    /// Begins to connect. Needs a tokio runtime.
    pub(super) fn start(me: &str, settings: &Settings) -> Result<Self, RedisError> {
        let state = Arc::new(State {
            me: me.to_owned(),
            channel: format!("{}:news", settings.prefix),
            client: client(settings)?,
            current: Mutex::default(),
            lost: Notify::new(),
            missed: AtomicBool::new(false),
            pending: watch::Sender::new(0),
            told: broadcast::Sender::new(KEPT),
        });
        let (queue, to_tell) = mpsc::channel(KEPT);
        tokio::spawn(Arc::clone(&state).keep(to_tell));
        Ok(Self { state, queue })
    }

    /// The connection, if Redis is there.
    pub(super) fn line(&self) -> Option<Line> {
        self.state.current().clone()
    }

    /// Redis did not do what it was asked to: it counts as away until it is reached again.
    pub(super) fn lose(&self, line: u64, why: &str) {
        self.state.lose(line, why);
    }

    pub(super) fn tell(&self, told: Told) {
        self.state.pending.send_modify(|it| *it += 1);
        if self.queue.try_send(told).is_err() {
            self.state.pending.send_modify(|it| *it -= 1);
            self.state.missed.store(true, Ordering::Relaxed);
        }
    }

    /// Waits until all is told that was to be, for a moment at most.
    pub(super) async fn finish(&self) {
        let mut pending = self.state.pending.subscribe();
        if tokio::time::timeout(PATIENCE, pending.wait_for(|it| *it == 0)).await.is_err() {
            warn!("not all news could be told; what others remember is forgotten in a few seconds");
        }
    }

    pub(super) fn listen(&self) -> Receiver<Told> {
        self.state.told.subscribe()
    }
}

impl State {
    fn current(&self) -> std::sync::MutexGuard<'_, Option<Line>> {
        lock(&self.current)
    }

    fn lose(&self, line: u64, why: &str) {
        if self.current().take_if(|it| it.number == line).is_some() {
            warn!(why, "Redis is away: limits are kept by each replica for its part, and news come later");
            self.lost.notify_one();
        }
    }

    /// Connects, again and again, until nobody needs it any more.
    async fn keep(self: Arc<Self>, mut queue: mpsc::Receiver<Told>) {
        let mut told = false;
        for number in 0.. {
            if queue.is_closed() {
                return;
            }
            match self.connect(number).await {
                Ok(connection) => {
                    info!("Redis is there");
                    self.serve(Line { number, connection }, &mut queue).await;
                    told = false;
                }
                Err(error) if !std::mem::replace(&mut told, true) => {
                    warn!(%error, "Redis can't be reached; it is tried again every second");
                }
                Err(_) => {}
            }
            tokio::time::sleep(self.pause(number)).await;
        }
    }

    /// Half a second to one and a half: not all replicas at once.
    fn pause(&self, attempt: u64) -> Duration {
        let mut hasher = DefaultHasher::new();
        (&self.me, attempt).hash(&mut hasher);
        Duration::from_millis(500 + hasher.finish() % 1000)
    }

    async fn connect(self: &Arc<Self>, number: u64) -> RedisResult<MultiplexedConnection> {
        let state = Arc::downgrade(self);
        let heard = move |push: PushInfo| {
            if let Some(state) = state.upgrade() {
                state.hear(number, push);
            }
            Ok::<(), redis::aio::SendError>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_push_sender(heard);
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(&self.channel).await?;
        Ok(connection)
    }

    fn hear(&self, line: u64, push: PushInfo) {
        match push.kind {
            PushKind::Disconnection => self.lose(line, "the connection was lost"),
            PushKind::Message => {
                if let Some(message) = Msg::from_push_info(push) {
                    self.tell_here(Told::from_bytes(message.get_payload_bytes()));
                }
            }
            _ => {}
        }
    }

    /// To those who listen in this process.
    fn tell_here(&self, told: Told) {
        // an error means that nobody listens
        let _ = self.told.send(told);
    }

    /// Tells what is to be told until the connection is lost.
    async fn serve(&self, line: Line, queue: &mut mpsc::Receiver<Told>) {
        *self.current() = Some(line.clone());
        let Line { number, mut connection } = line;
        // whatever was told meanwhile was not heard here
        self.tell_here(Told { from: String::new(), news: News::Everything });
        let mut looks = tokio::time::interval(LOOK_EVERY);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                () = self.lost.notified() => return,
                count = queue.recv_many(&mut batch, AT_ONCE) => if count == 0 { return },
                _ = looks.tick() => {}
            }
            let queued = batch.len();
            if self.missed.swap(false, Ordering::Relaxed) {
                batch.push(Told { from: self.me.clone(), news: News::Everything });
            }
            if let Err(error) = self.publish(&mut connection, &batch).await {
                // somebody may not have heard something
                self.missed.store(true, Ordering::Relaxed);
                self.lose(number, &error.to_string());
            }
            batch.clear();
            self.pending.send_modify(|it| *it -= queued);
        }
    }

    /// Tells all of it; that it can be told nothing is worth knowing too.
    async fn publish(&self, connection: &mut MultiplexedConnection, batch: &[Told]) -> RedisResult<()> {
        if batch.is_empty() {
            return cmd("PING").query_async(connection).await;
        }
        let mut all = pipe();
        for told in batch {
            all.publish(&self.channel, told.to_bytes()).ignore();
        }
        all.query_async(connection).await
    }
}

/// News comes by the third version of the protocol, over the connection that commands go by.
fn client(settings: &Settings) -> Result<Client, RedisError> {
    let info = settings.url.expose().into_connection_info()?;
    let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let info = info.set_redis_settings(redis);
    match &settings.ca {
        Some(ca) => {
            let certificates = TlsCertificates { client_tls: None, root_cert: Some(ca.clone()) };
            Client::build_with_tls(info, certificates)
        }
        _ => Client::open(info),
    }
}
