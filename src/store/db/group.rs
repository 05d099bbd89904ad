//! SQLite's one writer. What several callers want changed at the same time goes into one transaction, since a commit costs more
//! than what is in it: those that come while one is being made are in the next.
//!
//! Each of them stands in a savepoint of its own, so that one that fails undoes nothing of the others, and none is answered
//! before the commit. The connection is the writer's for good: nobody has to be asked whether it is still there.

use std::{
    io,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Either, Executor as _, SqliteConnection, error::ErrorKind,
    sqlite::SqliteConnectOptions,
};
use tokio::sync::{mpsc, oneshot};

use super::{Change, sqlite::query};
use crate::{
    base::lock,
    store::{
        Error,
        value::{Arg, Row},
    },
};

/// So many wait to be made; further callers wait before they hand theirs over.
const QUEUE: usize = 1024;

/// So many at most share a transaction: the first of them waits for the last.
const MOST: usize = 64;

/// The way to the writer.
#[derive(Debug, Clone)]
pub(super) struct Writer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SqliteConnectOptions,
    /// Absent once it is closed.
    queue: Mutex<Option<mpsc::Sender<Message>>>,
}

enum Message {
    Make(Vec<Statement>, oneshot::Sender<Result<Done, Error>>),
    Close(oneshot::Sender<()>),
}

/// One of several statements that are made together. Its parameters stand in the order of its `?`: they have no names, since
/// SQLite would search through all names of a statement for each of them.
pub(super) struct Statement {
    sql: String,
    args: Vec<Arg>,
    or_nothing: bool,
    /// It goes in by itself. The others of a job are one text, so that they cost one way to SQLite's thread and back.
    alone: bool,
}

/// What came of what one caller wanted.
#[derive(Default)]
pub(super) struct Done {
    /// How many rows the last statement changed; 0 if nothing was made.
    pub(super) changed: u64,
    /// What the statements return.
    pub(super) rows: Vec<Row>,
}

impl Statement {
    /// With parameters that are numbered (`$1`), or in order (`?`).
    pub(super) fn new(sql: &str, args: Vec<Arg>) -> Self {
        let (sql, args) = in_order(sql, args);
        Self { sql, args, or_nothing: false, alone: false }
    }

    /// A long one, of a text of its own, which is prepared once whatever stands beside it.
    pub(super) fn alone(self) -> Self {
        Self { alone: true, ..self }
    }
}

impl From<Change> for Statement {
    fn from(it: Change) -> Self {
        Self { or_nothing: it.or_nothing, ..Self::new(it.sql, it.args) }
    }
}

impl Writer {
    /// Starts it; needs a tokio runtime. It ends when it is closed, or when nobody can hand anything over any more.
    pub(super) fn start(connection: SqliteConnection, options: SqliteConnectOptions) -> Self {
        let queue = spawn(Some(connection), options.clone());
        Self(Arc::new(Inner { options, queue: Mutex::new(Some(queue)) }))
    }

    /// Makes all of it, or nothing.
    pub(super) async fn make(&self, statements: Vec<Statement>) -> Result<Done, Error> {
        let (answer, done) = oneshot::channel();
        let queue = self.queue().ok_or(sqlx::Error::PoolClosed)?;
        queue.send(Message::Make(statements, answer)).await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        done.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// A writer lives in the runtime that it was started in. Whoever comes when that has ended starts another.
    fn queue(&self) -> Option<mpsc::Sender<Message>> {
        let mut queue = lock(&self.0.queue);
        let queue = queue.as_mut()?;
        if queue.is_closed() {
            *queue = spawn(None, self.0.options.clone());
        }
        Some(queue.clone())
    }

    /// Makes what was handed over so far, and closes.
    pub(super) async fn close(&self) {
        let queue = lock(&self.0.queue).take();
        let (answer, closed) = oneshot::channel();
        if let Some(queue) = queue
            && queue.send(Message::Close(answer)).await.is_ok()
        {
            let _ = closed.await;
        }
    }
}

fn spawn(connection: Option<SqliteConnection>, options: SqliteConnectOptions) -> mpsc::Sender<Message> {
    let (queue, messages) = mpsc::channel(QUEUE);
    tokio::spawn(write(connection, options, messages));
    queue
}

async fn write(
    mut connection: Option<SqliteConnection>,
    options: SqliteConnectOptions,
    mut messages: mpsc::Receiver<Message>,
) {
    let mut received = Vec::with_capacity(MOST);
    while messages.recv_many(&mut received, MOST).await > 0 {
        let (mut jobs, mut answers, mut closing) = (Vec::new(), Vec::new(), None);
        for message in received.drain(..) {
            match message {
                Message::Make(statements, answer) => {
                    jobs.push(statements);
                    answers.push(answer);
                }
                Message::Close(answer) => closing = Some(answer),
            }
        }
        let made = together(&mut connection, &options, jobs).await;
        if let Err(error) = &made {
            tracing::error!(%error, changes = answers.len(), "the database could not be written");
        }
        // whoever does not wait any more has hung up
        match made {
            Ok(made) => answers.into_iter().zip(made).for_each(|(answer, made)| drop(answer.send(made))),
            Err(error) => answers.into_iter().for_each(|answer| drop(answer.send(Err(again(&error).into())))),
        }
        if let Some(answer) = closing {
            if let Some(connection) = connection {
                let _ = connection.close().await;
            }
            let _ = answer.send(());
            return;
        }
    }
}

/// What happened to all of them, for one of them.
fn again(error: &sqlx::Error) -> sqlx::Error {
    sqlx::Error::Io(io::Error::other(error.to_string()))
}

/// What came of each, after the commit. An error is about all of them: then nothing is made, and the next ones get a new
/// connection.
async fn together(
    connection: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    jobs: Vec<Vec<Statement>>,
) -> Result<Vec<Result<Done, Error>>, sqlx::Error> {
    let mut current = match connection.take() {
        Some(current) => current,
        None => SqliteConnection::connect_with(options).await?,
    };
    let made = Transaction { connection: &mut current, begun: false, saved: false }.make(jobs).await;
    match made {
        Ok(_) => *connection = Some(current),
        // what was begun ends with its connection
        Err(_) => drop(current.close().await),
    }
    made
}

struct Transaction<'a> {
    connection: &'a mut SqliteConnection,
    begun: bool,
    /// Whether a savepoint is open.
    saved: bool,
}

impl Transaction<'_> {
    async fn make(mut self, jobs: Vec<Vec<Statement>>) -> Result<Vec<Result<Done, Error>>, sqlx::Error> {
        // A statement alone is a transaction by itself.
        let alone = jobs.len() == 1 && jobs[0].len() == 1;
        let mut made = Vec::with_capacity(jobs.len());
        for statements in jobs {
            made.push(self.job(statements, alone).await?);
        }
        if self.begun {
            sqlx::query("COMMIT").execute(&mut *self.connection).await?;
        }
        Ok(made)
    }

    /// An outer error is about the whole transaction.
    async fn job(&mut self, statements: Vec<Statement>, alone: bool) -> Result<Result<Done, Error>, sqlx::Error> {
        let mut texts = vec![Text::default()];
        if !alone && !std::mem::replace(&mut self.begun, true) {
            // At once, since a transaction that reads first could be refused at its first write.
            texts[0].add(Statement::new("BEGIN IMMEDIATE", Vec::new()));
        }
        // One statement alone is made whole or not at all.
        let saves = statements.len() > 1;
        if std::mem::replace(&mut self.saved, saves) {
            texts[0].add(Statement::new("RELEASE job", Vec::new()));
        }
        if saves {
            texts[0].add(Statement::new("SAVEPOINT job", Vec::new()));
        }
        let mut apart = false;
        for it in statements {
            if std::mem::replace(&mut apart, it.alone) || it.alone {
                texts.push(Text::default());
            }
            if let Some(text) = texts.last_mut() {
                text.add(it);
            }
        }
        let mut made = Ok(None);
        for text in texts.into_iter().filter(|it| !it.sql.is_empty()) {
            made = self.run(text).await?;
            if !matches!(made, Ok(Some(_))) {
                break;
            }
        }
        if saves && !matches!(made, Ok(Some(_))) {
            sqlx::query("ROLLBACK TO job").execute(&mut *self.connection).await?;
        }
        Ok(made.map(Option::unwrap_or_default))
    }

    /// Nothing: a statement that must change a row did not.
    async fn run(&mut self, text: Text) -> Result<Result<Option<Done>, Error>, sqlx::Error> {
        let Text { sql, args, or_nothing } = text;
        let mut done = Done::default();
        let mut or_nothing = or_nothing.into_iter();
        let mut results = self.connection.fetch_many(query(AssertSqlSafe(sql), args)?);
        while let Some(result) = results.next().await {
            match result {
                Ok(Either::Right(row)) => done.rows.push(Row::Sqlite(row)),
                Ok(Either::Left(result)) => {
                    done.changed = result.rows_affected();
                    if or_nothing.next() == Some(true) && done.changed == 0 {
                        return Ok(Ok(None));
                    }
                }
                Err(error) if is_refused(&error) => return Ok(Err(error.into())),
                Err(error) => return Err(error),
            }
        }
        Ok(Ok(Some(done)))
    }
}

/// Statements that are run in one go.
#[derive(Default)]
struct Text {
    sql: String,
    args: Vec<Arg>,
    /// For each statement, whether it must change a row.
    or_nothing: Vec<bool>,
}

impl Text {
    fn add(&mut self, it: Statement) {
        self.sql.push_str(&it.sql);
        self.sql.push_str("; ");
        self.args.extend(it.args);
        self.or_nothing.push(it.or_nothing);
    }
}

/// Whether a statement was refused for what is in it. Of anything else the transaction may be gone.
fn is_refused(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|it| !matches!(it.kind(), ErrorKind::Other))
}

/// A statement with `?` in the places of `$1`, and its parameters in the order of those.
fn in_order(sql: &str, mut args: Vec<Arg>) -> (String, Vec<Arg>) {
    let mut text = String::with_capacity(sql.len());
    let mut numbers = Vec::with_capacity(args.len());
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let rest = part.trim_start_matches(|it: char| it.is_ascii_digit());
        match part[..part.len() - rest.len()].parse::<usize>() {
            Ok(number) => {
                numbers.push(number - 1);
                text.push('?');
            }
            Err(_) => text.push('$'),
        }
        text.push_str(rest);
    }
    if numbers.is_empty() {
        return (text, args);
    }
    let last = |at: usize| !numbers[at + 1..].contains(&numbers[at]);
    let take = |at: usize| match last(at) {
        true => std::mem::replace(&mut args[numbers[at]], Arg::Null),
        false => args[numbers[at]].clone(),
    };
    let args = (0..numbers.len()).map(take).collect();
    (text, args)
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
