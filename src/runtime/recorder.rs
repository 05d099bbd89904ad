//! Keeps the executions of reads: in batches, behind the answers.
//!
//! A read changes nothing, so its execution may be written after it was answered, many in one transaction. A write is
//! journaled before it is sent and never comes here. When the queue is full, calls wait: nothing is dropped.

use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};

use crate::store::{Ended, Execution, NewExecution, Store};

/// Executions waiting to be written.
const QUEUE: usize = 1024;

/// Executions in one transaction.
const BATCH: usize = 512;

/// So long the first of a batch waits for others: one transaction for many costs a tenth of one for each.
const LINGER: Duration = Duration::from_millis(20);

/// An execution with its trace.
struct Record {
    new: NewExecution,
    execution: Execution,
    trace: Json,
}

enum Message {
    Keep(Box<Record>),
    Flush(oneshot::Sender<()>),
}

/// The way in. The writer ends when this is dropped and everything is written.
#[derive(Debug)]
pub(super) struct Recorder {
    queue: mpsc::Sender<Message>,
}

impl Recorder {
    /// Starts the writer; needs a tokio runtime.
    pub(super) fn start(store: Store) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        tokio::spawn(write(store, messages));
        Self { queue }
    }

    /// Takes an ended execution over.
    pub(super) async fn record(&self, new: NewExecution, execution: Execution, trace: Json) {
        let record = Box::new(Record { new, execution, trace });
        if self.queue.send(Message::Keep(record)).await.is_err() {
            tracing::error!("the recorder has stopped; an execution was not kept");
        }
    }

    /// Completes when everything taken over so far is in the store.
    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            let _ = written.await;
        }
    }
}

async fn write(store: Store, mut messages: mpsc::Receiver<Message>) {
    let mut batch = Vec::with_capacity(BATCH);
    while messages.recv_many(&mut batch, BATCH).await > 0 {
        gather(&mut messages, &mut batch).await;
        let mut records = Vec::with_capacity(batch.len());
        let mut flushed = Vec::new();
        for message in batch.drain(..) {
            match message {
                Message::Keep(record) => records.push(*record),
                Message::Flush(done) => flushed.push(done),
            }
        }
        keep(&store, records).await;
        for done in flushed {
            let _ = done.send(());
        }
    }
}

/// Adds what comes while the batch may still wait: until it is full, or somebody wants to see it written.
async fn gather(messages: &mut mpsc::Receiver<Message>, batch: &mut Vec<Message>) {
    let linger = tokio::time::sleep(LINGER);
    tokio::pin!(linger);
    while batch.len() < BATCH && !batch.iter().any(|it| matches!(it, Message::Flush(_))) {
        let room = BATCH - batch.len();
        tokio::select! {
            () = &mut linger => return,
            received = messages.recv_many(batch, room) => if received == 0 { return },
        }
    }
}

async fn keep(store: &Store, records: Vec<Record>) {
    if records.is_empty() {
        return;
    }
    let rows = records.iter().map(|it| {
        let Record { new, execution, trace } = it;
        let at = execution.ended_at.unwrap_or(execution.started_at);
        (new.clone(), Ended { result: execution.result(), trace, writes: &[], at })
    });
    if let Err(error) = store.executions().keep(&rows.collect::<Vec<_>>()).await {
        tracing::error!(%error, executions = records.len(), "executions of reads could not be kept");
    }
}
