//! Keeps the executions of reads: in batches, behind the answers.
//!
//! A read changes nothing, so its execution may be written after it was answered, many in one transaction. A write is
//! journaled before it is sent and never comes here. When the queue is full, calls wait: nothing is dropped.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc, oneshot};

use crate::store::{Record, Store};

/// Executions waiting to be written.
const QUEUE: usize = 1024;

/// Executions in one transaction.
const BATCH: usize = 512;

/// So long the first of a batch waits for others: one transaction for many costs a tenth of one for each. The writer sleeps
/// meanwhile, so that handing an execution over wakes nobody.
const LINGER: Duration = Duration::from_millis(20);

enum Message {
    Keep(Record),
    Flush(oneshot::Sender<()>),
}

/// The way in. The writer ends when this is dropped and everything is written.
#[derive(Debug)]
pub(super) struct Recorder {
    queue: mpsc::Sender<Message>,
    /// Somebody waits to see it written.
    hurry: Arc<Notify>,
}

impl Recorder {
    /// Starts the writer; needs a tokio runtime.
    pub(super) fn start(store: Store) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let hurry = Arc::new(Notify::new());
        tokio::spawn(write(store, messages, Arc::clone(&hurry)));
        Self { queue, hurry }
    }

    /// Takes an ended execution over.
    pub(super) async fn record(&self, record: Record) {
        if self.queue.send(Message::Keep(record)).await.is_err() {
            tracing::error!("the recorder has stopped; an execution was not kept");
        }
    }

    /// Completes when everything taken over so far is in the store.
    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            self.hurry.notify_one();
            let _ = written.await;
        }
    }
}

async fn write(store: Store, mut messages: mpsc::Receiver<Message>, hurry: Arc<Notify>) {
    let mut batch = Vec::with_capacity(BATCH);
    while messages.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < BATCH {
            let _ = tokio::time::timeout(LINGER, hurry.notified()).await;
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
        keep(&store, records).await;
        for done in flushed {
            let _ = done.send(());
        }
    }
}

async fn keep(store: &Store, records: Vec<Record>) {
    let executions = records.len();
    if executions > 0
        && let Err(error) = store.executions().keep(records).await
    {
        tracing::error!(%error, executions, "executions of reads could not be kept");
    }
}
