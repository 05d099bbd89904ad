//! Keeps executions in SQLite: those of reads in batches behind their answers, those of writes before and after they are sent.

use std::{path::Path, time::Duration};

use sqlx::{
    QueryBuilder, Sqlite, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::mpsc;

use super::Execution;

const SCHEMA: &str = "
CREATE TABLE executions (
    org TEXT NOT NULL, id TEXT NOT NULL, agent TEXT NOT NULL, function TEXT NOT NULL, connection TEXT NOT NULL,
    status TEXT NOT NULL, input TEXT NOT NULL, output TEXT, error TEXT, trace TEXT,
    started_at INTEGER NOT NULL, ended_at INTEGER, PRIMARY KEY (org, id)
) STRICT;
CREATE INDEX executions_by_agent ON executions (org, agent, id);
CREATE TABLE writes (
    org TEXT NOT NULL, execution TEXT NOT NULL, request TEXT NOT NULL, sent_at INTEGER NOT NULL, outcome TEXT,
    PRIMARY KEY (org, execution)
) STRICT;";

/// Executions that wait to be written; when there are more, calls wait.
const QUEUE: usize = 1024;
const BATCH: usize = 256;
const LINGER: Duration = Duration::from_millis(20);
/// Rows in one statement.
const ROWS: usize = 32;

pub(super) struct Journal {
    writer: SqlitePool,
    queue: mpsc::Sender<Row>,
}

/// An execution as it is kept.
struct Row {
    org: String,
    id: String,
    agent: String,
    function: String,
    connection: String,
    status: &'static str,
    input: String,
    output: Option<String>,
    error: Option<String>,
    trace: Option<String>,
    started_at: i64,
    ended_at: Option<i64>,
}

impl Row {
    fn of(it: &Execution, trace: Option<String>) -> Self {
        Self {
            org: it.org.to_string(),
            id: it.id.clone(),
            agent: it.agent.clone(),
            function: it.function.clone(),
            connection: it.connection.clone(),
            status: it.status,
            input: serde_json::to_string(&it.input).expect("JSON"),
            output: it.output.as_ref().map(|it| serde_json::to_string(it).expect("JSON")),
            error: it.error.as_ref().map(|it| serde_json::to_string(it).expect("JSON")),
            trace,
            started_at: it.started_at.as_microsecond(),
            ended_at: it.ended_at.map(|it| it.as_microsecond()),
        }
    }
}

impl Journal {
    pub(super) async fn open(path: &Path) -> Self {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal);
        let pool = SqlitePoolOptions::new().max_connections(1).test_before_acquire(false);
        let writer = pool.connect_with(options).await.expect("a database");
        sqlx::raw_sql(SCHEMA).execute(&writer).await.expect("a schema");
        let (queue, rows) = mpsc::channel(QUEUE);
        tokio::spawn(write_behind(writer.clone(), rows));
        Self { writer, queue }
    }

    /// Hands an execution that has ended over to be written soon.
    pub(super) async fn keep(&self, execution: &Execution, trace: String) -> Result<(), sqlx::Error> {
        self.queue.send(Row::of(execution, Some(trace))).await.map_err(|_| sqlx::Error::WorkerCrashed)
    }

    /// Notes an execution and the write that it is about to send.
    pub(super) async fn begin(&self, execution: &Execution, request: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        insert(&mut tx, &[Row::of(execution, None)]).await?;
        sqlx::query("INSERT INTO writes (org, execution, request, sent_at) VALUES (?, ?, ?, ?)")
            .bind(execution.org.to_string())
            .bind(execution.id.clone())
            .bind(request.to_owned())
            .bind(execution.started_at.as_microsecond())
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// Notes how an execution ended, and what became of its write.
    pub(super) async fn end(&self, execution: &Execution, trace: String) -> Result<(), sqlx::Error> {
        let row = Row::of(execution, Some(trace));
        let outcome = if execution.error.as_ref().is_some_and(|it| it.unsure) { "lost" } else { "answered" };
        let mut tx = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("UPDATE writes SET outcome = ? WHERE org = ? AND execution = ?")
            .bind(outcome)
            .bind(row.org.clone())
            .bind(row.id.clone())
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE executions SET status = ?, output = ?, error = ?, trace = ?, ended_at = ? WHERE org = ? AND id = ?",
        )
        .bind(row.status)
        .bind(row.output)
        .bind(row.error)
        .bind(row.trace)
        .bind(row.ended_at)
        .bind(row.org)
        .bind(row.id)
        .execute(&mut *tx)
        .await?;
        tx.commit().await
    }
}

async fn write_behind(writer: SqlitePool, mut queue: mpsc::Receiver<Row>) {
    let mut batch = Vec::with_capacity(BATCH);
    while queue.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < BATCH {
            tokio::time::sleep(LINGER).await;
            while batch.len() < BATCH
                && let Ok(row) = queue.try_recv()
            {
                batch.push(row);
            }
        }
        if let Err(error) = write(&writer, &batch).await {
            tracing::error!(%error, rows = batch.len(), "executions were not kept");
        }
        batch.clear();
    }
}

async fn write(writer: &SqlitePool, rows: &[Row]) -> Result<(), sqlx::Error> {
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await?;
    for rows in rows.chunks(ROWS) {
        insert(&mut tx, rows).await?;
    }
    tx.commit().await
}

async fn insert(tx: &mut sqlx::Transaction<'_, Sqlite>, rows: &[Row]) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO executions (org, id, agent, function, connection, status, input, output, error, trace, \
               started_at, ended_at) ";
    let mut query = QueryBuilder::new(sql);
    query.push_values(rows, |mut it, row| {
        it.push_bind(row.org.clone())
            .push_bind(row.id.clone())
            .push_bind(row.agent.clone())
            .push_bind(row.function.clone())
            .push_bind(row.connection.clone())
            .push_bind(row.status)
            .push_bind(row.input.clone())
            .push_bind(row.output.clone())
            .push_bind(row.error.clone())
            .push_bind(row.trace.clone())
            .push_bind(row.started_at)
            .push_bind(row.ended_at);
    });
    query.build().execute(&mut **tx).await.map(drop)
}
