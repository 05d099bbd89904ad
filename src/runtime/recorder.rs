//! Keeps the executions of reads: in batches, behind the answers.
//!
//! A read changes nothing, so its execution may be written after it was answered, many in one transaction. A write is
//! journaled before it is sent and never comes here. Nothing is dropped: while too many wait to be written, because the
//! database is slow or away, no further read is begun.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::{sleep, timeout},
};

use super::{Error, Result};
use crate::store::{self, Record, Store};

/// No read is begun while more executions than this wait to be written.
const MOST: usize = 1024;

/// Executions in one transaction.
const BATCH: usize = 512;

/// So long the first of a batch waits for others: one transaction for many costs a tenth of one for each. The writer sleeps
/// meanwhile, so that handing an execution over wakes nobody.
const LINGER: Duration = Duration::from_millis(20);

/// So long a read waits until it may begin, and somebody who asks for executions until those of reads are kept.
const PATIENCE: Duration = Duration::from_secs(2);

/// So long after the database was away it is tried again.
const AWAY: Duration = Duration::from_millis(500);

enum Message {
    Keep(Record),
    Flush(oneshot::Sender<()>),
}

/// How many executions wait to be written.
#[derive(Debug, Default)]
struct Waiting {
    executions: AtomicUsize,
    fewer: Notify,
}

impl Waiting {
    fn are_too_many(&self) -> bool {
        self.executions.load(Ordering::Relaxed) >= MOST
    }
}

/// The way in. The writer ends when this is dropped and everything is written.
#[derive(Debug)]
pub(super) struct Recorder {
    queue: mpsc::UnboundedSender<Message>,
    waiting: Arc<Waiting>,
    /// Somebody waits to see it written.
    hurry: Arc<Notify>,
}

impl Recorder {
    /// Starts the writer; needs a tokio runtime.
    pub(super) fn start(store: Store) -> Self {
        let (queue, messages) = mpsc::unbounded_channel();
        let (waiting, hurry) = (Arc::<Waiting>::default(), Arc::new(Notify::new()));
        let writer = Writer { store, waiting: Arc::clone(&waiting), hurry: Arc::clone(&hurry) };
        tokio::spawn(writer.run(messages));
        Self { queue, waiting, hurry }
    }

    /// Completes when a read may begin, since its execution will find room.
    ///
    /// # Errors
    /// [`Error::DatabaseAway`] if that takes too long.
    pub(super) async fn room(&self) -> Result<()> {
        let room = async {
            loop {
                let fewer = self.waiting.fewer.notified();
                if !self.waiting.are_too_many() {
                    return;
                }
                fewer.await;
            }
        };
        if self.waiting.are_too_many() {
            timeout(PATIENCE, room).await.map_err(|_| Error::DatabaseAway)
        } else {
            Ok(())
        }
    }

    /// Takes an ended execution over.
    pub(super) fn record(&self, record: Record) {
        self.waiting.executions.fetch_add(1, Ordering::Relaxed);
        if self.queue.send(Message::Keep(record)).is_err() {
            tracing::error!("the recorder has stopped; an execution was not kept");
        }
    }

    /// Completes when everything taken over so far is in the store.
    ///
    /// # Errors
    /// [`Error::DatabaseAway`] if that takes too long; it is kept later then.
    pub(super) async fn flush(&self) -> Result<()> {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).is_err() {
            return Ok(());
        }
        self.hurry.notify_one();
        timeout(PATIENCE, written).await.map(drop).map_err(|_| Error::DatabaseAway)
    }
}

struct Writer {
    store: Store,
    waiting: Arc<Waiting>,
    hurry: Arc<Notify>,
}

impl Writer {
    async fn run(self, mut messages: mpsc::UnboundedReceiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH);
        while messages.recv_many(&mut batch, BATCH).await > 0 {
            if batch.len() < BATCH {
                let _ = timeout(LINGER, self.hurry.notified()).await;
                while batch.len() < BATCH
                    && let Ok(message) = messages.try_recv()
                {
                    batch.push(message);
                }
            }
            let mut records = Vec::with_capacity(batch.len());
            let mut flushed = Vec::new();
            for message in batch.drain(..) {
                match message {
                    Message::Keep(record) => records.push(record),
                    Message::Flush(done) => flushed.push(done),
                }
            }
            self.keep(&records).await;
            self.waiting.executions.fetch_sub(records.len(), Ordering::Relaxed);
            self.waiting.fewer.notify_waiters();
            for done in flushed {
                let _ = done.send(());
            }
        }
    }

    async fn keep(&self, records: &[Record]) {
        if records.is_empty() || self.try_to_keep(records).await.is_ok() {
            return;
        }
        // one that can't be kept must not take the others with it
        for record in records {
            if let Err(error) = self.try_to_keep(std::slice::from_ref(record)).await {
                tracing::error!(%error, "the execution of a read could not be kept");
            }
        }
    }

    /// However long the database is away: what was kept although no answer came is not kept twice.
    async fn try_to_keep(&self, records: &[Record]) -> std::result::Result<(), store::Error> {
        loop {
            match self.store.executions().keep(records).await {
                Err(error @ store::Error::Unavailable(_)) => {
                    tracing::warn!(%error, executions = records.len(), "executions of reads wait for the database");
                    sleep(AWAY).await;
                }
                done => return done,
            }
        }
    }
}
