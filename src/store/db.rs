//! The database behind the store: which one it is, is known here and nowhere else.
//!
//! One SQL text serves every database: `$1` parameters, `RETURNING`, `ON CONFLICT`, and the four types of [`Arg`].
//! A further database is a variant of [`Db`], [`Tx`] and [`Row`].

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, SqlSafeStr, Sqlite, SqlitePool, Transaction,
    query::Query,
    sqlite::{
        SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteQueryResult, SqliteRow,
        SqliteSynchronous,
    },
};

use super::{
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

/// An open database.
#[derive(Debug, Clone)]
pub(super) enum Db {
    /// One writer, since SQLite has only one, and readers that it doesn't block.
    Sqlite { writer: SqlitePool, readers: SqlitePool },
}

/// One of several changes that are made together.
pub(super) struct Change {
    pub(super) sql: &'static str,
    pub(super) args: Vec<Arg>,
}

/// A transaction that writes; dropped without `commit` it leaves no trace.
pub(super) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
}

impl Db {
    /// Opens the database at `url`, makes it if it isn't there, and brings its schema up to date.
    pub(super) async fn open(url: &str) -> Result<Self, Error> {
        if !url.starts_with("sqlite:") || url.contains(":memory:") {
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
        Ok(Self::Sqlite { writer, readers })
    }

    /// Waits for what runs, and closes.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
        }
    }

    /// Every row of a query.
    pub(super) async fn all<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite { readers, .. } => Ok(rows(sqlite(sql, args).fetch_all(readers).await?)),
        }
    }

    /// The only row of a query, if there is one.
    pub(super) async fn one<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Option<Row>, Error> {
        Ok(self.all(sql, args).await?.pop())
    }

    /// Changes rows, and tells how many.
    pub(super) async fn write<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<u64, Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(sqlite(sql, args).execute(writer).await?.rows_affected()),
        }
    }

    /// Changes rows, and gives what `RETURNING` asks for.
    pub(super) async fn write_returning<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(rows(sqlite(sql, args).fetch_all(writer).await?)),
        }
    }

    /// Makes all of the changes, or none; tells how many rows the last one changed.
    pub(super) async fn write_all(&self, changes: Vec<Change>) -> Result<u64, Error> {
        let Self::Sqlite { writer, .. } = self;
        let mut changed = 0;
        if let [_] = &changes[..] {
            // A statement alone is a transaction by itself.
            for Change { sql, args } in changes {
                changed = sqlite(sql, args).execute(writer).await?.rows_affected();
            }
            return Ok(changed);
        }
        let mut tx = writer.begin_with(BEGIN).await?;
        for Change { sql, args } in changes {
            changed = sqlite(sql, args).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(changed)
    }

    /// Adds rows to `table`, all of them or none; each has an argument for each of the `columns`.
    ///
    /// Its placeholders have no names, since SQLite would search through all names of a statement for each of them.
    pub(super) async fn insert(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: Vec<Vec<Arg>>,
    ) -> Result<(), Error> {
        let Self::Sqlite { writer, .. } = self;
        let mut tx = writer.begin_with(BEGIN).await?;
        let mut rows = rows.into_iter();
        // Of so few different lengths that the statements stay prepared.
        let mut many = ROWS;
        while rows.len() > 0 {
            if rows.len() < many {
                many /= 2;
                continue;
            }
            let row = format!("({})", vec!["?"; columns.len()].join(", "));
            let sql = format!("INSERT INTO {table} ({}) VALUES {}", columns.join(", "), vec![row; many].join(", "));
            sqlite(AssertSqlSafe(sql), rows.by_ref().take(many).flatten()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Begins to write.
    pub(super) async fn begin(&self) -> Result<Tx, Error> {
        match self {
            Self::Sqlite { writer, .. } => Ok(Tx::Sqlite(writer.begin_with(BEGIN).await?)),
        }
    }
}

impl Tx {
    /// Changes rows, and tells how many.
    pub(super) async fn write<const N: usize>(&mut self, sql: &'static str, args: [Arg; N]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(tx) => Ok(SqliteQueryResult::rows_affected(&sqlite(sql, args).execute(&mut **tx).await?)),
        }
    }

    /// The same with parameters of any number.
    pub(super) async fn write_vec(&mut self, sql: &'static str, args: Vec<Arg>) -> Result<u64, Error> {
        match self {
            Self::Sqlite(tx) => Ok(SqliteQueryResult::rows_affected(&sqlite(sql, args).execute(&mut **tx).await?)),
        }
    }

    /// The rows of a query, or of `RETURNING`.
    pub(super) async fn all<const N: usize>(&mut self, sql: &'static str, args: [Arg; N]) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(tx) => Ok(rows(sqlite(sql, args).fetch_all(&mut **tx).await?)),
        }
    }

    /// Makes one change among others, and tells how many rows.
    pub(super) async fn make(&mut self, change: Change) -> Result<u64, Error> {
        match self {
            Self::Sqlite(tx) => {
                let done = sqlite(change.sql, change.args).execute(&mut **tx).await?;
                Ok(SqliteQueryResult::rows_affected(&done))
            }
        }
    }

    /// Makes it last.
    pub(super) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => Ok(tx.commit().await?),
        }
    }
}

fn rows(rows: Vec<SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

fn sqlite(sql: impl SqlSafeStr, args: impl IntoIterator<Item = Arg>) -> Query<'static, Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, arg| match arg {
        Arg::Null => query.bind(None::<String>),
        Arg::Int(value) => query.bind(value),
        Arg::Text(value) => query.bind(value),
        Arg::Bytes(value) => query.bind(value),
    })
}
