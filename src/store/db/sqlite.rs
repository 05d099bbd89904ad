//! SQLite: one file, one engine.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, SqlSafeStr, SqlitePool,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};

use super::Change;
use crate::store::{
    Error, migrations,
    value::{Arg, Row},
};

/// SQLite runs one statement of a connection at a time; so many may read at once.
const READERS: u32 = 8;

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// At once, since a transaction that reads first could be refused at its first write.
const BEGIN: &str = "BEGIN IMMEDIATE";

/// Rows that go into one statement, if there are so many: what a statement costs, whatever is in it, is most of what a row
/// costs.
const ROWS: usize = 32;

/// An open file: one writer, since SQLite has only one, and readers that it doesn't block.
#[derive(Debug, Clone)]
pub(in crate::store) struct Sqlite {
    writer: SqlitePool,
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
            .foreign_keys(true)
            .disable_statement_logging();
        // There is no network between us and the file that could have broken a connection meanwhile.
        let pool = || SqlitePoolOptions::new().test_before_acquire(false);
        let writer = pool().max_connections(1).connect_with(options.clone()).await?;
        migrations::sqlite().run(&writer).await.map_err(Error::Migrate)?;
        let readers = pool().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    pub(super) async fn all<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Vec<Row>, Error> {
        Ok(rows(query(sql, args).fetch_all(&self.readers).await?))
    }

    pub(super) async fn write<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<u64, Error> {
        Ok(query(sql, args).execute(&self.writer).await?.rows_affected())
    }

    pub(super) async fn write_returning<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>, Error> {
        Ok(rows(query(sql, args).fetch_all(&self.writer).await?))
    }

    pub(super) async fn write_all(&self, changes: Vec<Change>) -> Result<u64, Error> {
        let mut changed = 0;
        if let [_] = &changes[..] {
            // A statement alone is a transaction by itself.
            for Change { sql, args, .. } in changes {
                changed = query(sql, args).execute(&self.writer).await?.rows_affected();
            }
            return Ok(changed);
        }
        let mut tx = self.writer.begin_with(BEGIN).await?;
        for Change { sql, args, or_nothing } in changes {
            changed = query(sql, args).execute(&mut *tx).await?.rows_affected();
            if or_nothing && changed == 0 {
                tx.rollback().await?;
                return Ok(0);
            }
        }
        tx.commit().await?;
        Ok(changed)
    }

    /// Its placeholders have no names, since SQLite would search through all names of a statement for each of them.
    pub(super) async fn insert(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: &[&[Arg]],
    ) -> Result<(), Error> {
        let mut tx = self.writer.begin_with(BEGIN).await?;
        let mut rows = rows.iter();
        // Of so few different lengths that the statements stay prepared.
        let mut many = ROWS;
        while rows.len() > 0 {
            if rows.len() < many {
                many /= 2;
                continue;
            }
            let row = format!("({})", vec!["?"; columns.len()].join(", "));
            let (columns, values) = (columns.join(", "), vec![row; many].join(", "));
            let sql = format!("INSERT INTO {table} ({columns}) VALUES {values} ON CONFLICT DO NOTHING");
            query(AssertSqlSafe(sql), rows.by_ref().take(many).copied().flatten().cloned()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

fn rows(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn query(sql: impl SqlSafeStr, args: impl IntoIterator<Item = Arg>) -> Query<'static, sqlx::Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Null => query.bind(None::<String>),
        Arg::Int(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::Bytes(value) => query.bind(value),
    })
}
