//! SQLite: one file, one engine.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Arguments as _, ConnectOptions, SqlSafeStr, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{
    Change,
    group::{Statement, Writer},
};
use crate::store::{
    Error, migrations,
    value::{Arg, Row},
};

/// SQLite runs one statement of a connection at a time; so many may read at once.
const READERS: u32 = 8;

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What each reader keeps of the file, in KiB (SQLite's default is four times that): it fills up slowly, so that a server under
/// load seems to lose memory for an hour, and the system keeps the file in memory anyway.
const READER_CACHE: &str = "-512";

/// Rows that go into one statement, if there are so many: what a statement costs, whatever is in it, is most of what a row
/// costs.
const ROWS: usize = 32;

/// An open file: one writer, since SQLite has only one, and readers that it doesn't block.
#[derive(Debug, Clone)]
pub(in crate::store) struct Sqlite {
    writer: Writer,
    readers: SqlitePool,
}

impl Sqlite {
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        if url.contains(":memory:") {
            return Err(Error::Url);
        }
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| Error::Url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT)
            // where a statement of many rows keeps what it needs to undo itself; else that is a file, made and removed each time
            .pragma("temp_store", "memory")
            .foreign_keys(true)
            .disable_statement_logging();
        let first = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrations::sqlite().run(&first).await.map_err(Error::Migrate)?;
        let writer = first.acquire().await?.detach();
        // There is no network between us and the file that could have broken a connection meanwhile.
        let readers = SqlitePoolOptions::new().test_before_acquire(false).max_connections(READERS);
        let readers = readers.connect_with(options.clone().read_only(true).pragma("cache_size", READER_CACHE)).await?;
        Ok(Self { writer: Writer::start(writer, options), readers })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(super) async fn all<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Vec<Row>, Error> {
        Ok(query(sql, args)?.fetch_all(&self.readers).await?.into_iter().map(Row::Sqlite).collect())
    }

    pub(super) async fn write<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<u64, Error> {
        Ok(self.writer.make(vec![Statement::new(sql, args.into())]).await?.changed)
    }

    pub(super) async fn write_returning<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>, Error> {
        Ok(self.writer.make(vec![Statement::new(sql, args.into())]).await?.rows)
    }

    pub(super) async fn write_all(&self, changes: Vec<Change>) -> Result<u64, Error> {
        Ok(self.writer.make(changes.into_iter().map(Statement::from).collect()).await?.changed)
    }

    pub(super) async fn insert(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: &[[&[Arg]; 2]],
    ) -> Result<(), Error> {
        let mut statements = Vec::new();
        let mut rows = rows.iter();
        // Of so few different lengths that the statements stay prepared.
        let mut many = ROWS;
        while rows.len() > 0 {
            if rows.len() < many {
                many /= 2;
                continue;
            }
            let row = format!("({})", vec!["?"; columns.len()].join(", "));
            let (names, values) = (columns.join(", "), vec![row; many].join(", "));
            let sql = format!("INSERT INTO {table} ({names}) VALUES {values} ON CONFLICT DO NOTHING");
            let mut args = Vec::with_capacity(many * columns.len());
            rows.by_ref().take(many).flatten().for_each(|it| args.extend_from_slice(it));
            statements.push(Statement::new(&sql, args).alone());
        }
        self.writer.make(statements).await?;
        Ok(())
    }
}

pub(super) fn query(
    sql: impl SqlSafeStr,
    args: impl IntoIterator<Item = Arg>,
) -> Result<Query<'static, sqlx::Sqlite, SqliteArguments>, sqlx::Error> {
    let mut all = SqliteArguments::default();
    for arg in args {
        match arg {
            Arg::Null => all.add(None::<String>),
            Arg::Int(value) => all.add(value),
            Arg::Text(value) => all.add(value),
            Arg::Word(value) => all.add(value),
            Arg::Bytes(value) => all.add(value),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, all))
}
