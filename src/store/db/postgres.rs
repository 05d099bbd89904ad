//! PostgreSQL, or what speaks its protocol: many engines, one database.
//!
//! Nothing here needs a session: no advisory locks, no `LISTEN`, no settings. Prepared statements belong to a connection,
//! and whatever hands us another connection prepares them again. Behind a pooler that gives each transaction another
//! connection even a statement alone is in a transaction: it is prepared, and then run, by two requests.

use std::{
    borrow::Cow,
    future::Future,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions, Connection as _, Encode, Executor as _, PgPool, SqlSafeStr, SqlStr,
    Type,
    encode::IsNull,
    error::BoxDynError,
    pool::PoolConnection,
    postgres::{PgArgumentBuffer, PgArguments, PgConnectOptions, PgPoolOptions, PgRow, PgTypeInfo, types::Oid},
    query::Query,
};

use super::{Change, Pool};
use crate::{
    base::lock,
    store::{
        Error, migrations,
        value::{Arg, Row},
    },
};

/// A statement that takes longer has lost its database; the connection is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that lay idle for so long, or since another one broke, is asked whether it is still there.
const IDLE: Duration = Duration::from_secs(1);

/// More than there are statements, so that each is prepared once.
const PREPARED: usize = 512;

/// So often a transaction is made that the database refused for what others do at the same time.
const ATTEMPTS: u32 = 8;

/// So often the schema is tried: another replica may be bringing it up to date just now.
const MIGRATION_ATTEMPTS: u32 = 10;

/// Rows that go into one statement, if there are so many: a round trip for many.
const ROWS: usize = 256;

/// A pool of connections.
#[derive(Debug, Clone)]
pub(in crate::store) struct Postgres {
    pool: PgPool,
    broken: Broken,
    away: Arc<Away>,
    /// Behind a pooler that keeps no prepared statements.
    pooled: bool,
}

/// Whether the database is known to be away: then one at a time finds out whether it is back, and nobody else waits for it.
#[derive(Debug, Default)]
struct Away {
    is: AtomicBool,
    finding_out: AtomicBool,
}

/// Whoever finds out whether the database is back.
struct FindsOut<'a>(&'a Away);

impl Away {
    fn find_out(&self) -> Option<FindsOut<'_>> {
        (!self.finding_out.swap(true, Ordering::AcqRel)).then(|| FindsOut(self))
    }
}

impl Drop for FindsOut<'_> {
    fn drop(&mut self) {
        self.0.finding_out.store(false, Ordering::Release);
    }
}

/// When a connection broke last: the others have probably broken too.
#[derive(Debug, Clone, Default)]
struct Broken(Arc<Mutex<Option<Instant>>>);

impl Broken {
    fn note(&self) {
        *lock(&self.0) = Some(Instant::now());
    }

    fn is_since(&self, idle: Duration) -> bool {
        lock(&self.0).is_some_and(|at| at.elapsed() <= idle)
    }
}

/// One statement with its parameters.
struct Statement<'a> {
    sql: SqlStr,
    args: Args<'a>,
    or_nothing: bool,
}

/// Parameters: of one row, or of several.
#[derive(Clone, Copy)]
enum Args<'a> {
    Row(&'a [Arg]),
    Rows(&'a [[&'a [Arg]; 2]]),
}

impl<'a> From<&'a Change> for Statement<'a> {
    fn from(it: &'a Change) -> Self {
        Self { sql: it.sql.into_sql_str(), args: Args::Row(&it.args), or_nothing: it.or_nothing }
    }
}

impl Postgres {
    pub(super) async fn open(url: &str, pool: Pool) -> Result<Self, Error> {
        let mut options = PgConnectOptions::from_str(url).map_err(|_| Error::Url)?.disable_statement_logging();
        // Whoever has a pooler that can't prepare says so in the address.
        let pooled = url.contains("statement-cache-capacity=0");
        if !url.contains("statement-cache-capacity") {
            options = options.statement_cache_capacity(PREPARED);
        }
        let broken = Broken::default();
        let has_broken = broken.clone();
        let pool = PgPoolOptions::new()
            .max_connections(pool.connections)
            .acquire_timeout(pool.wait)
            .test_before_acquire(false)
            .before_acquire(move |connection, about| {
                let doubtful = about.idle_for > IDLE || has_broken.is_since(about.idle_for);
                Box::pin(async move { if doubtful { connection.ping().await.map(|()| true) } else { Ok(true) } })
            })
            .connect_with(options)
            .await?;
        let opened = Self { pool, broken, away: Arc::default(), pooled };
        opened.migrate().await?;
        Ok(opened)
    }

    /// Replicas may start together: of two that apply the same migration the second fails, and finds it applied then.
    async fn migrate(&self) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            match self.try_to_migrate().await {
                Err(sqlx::migrate::MigrateError::Execute(_) | sqlx::migrate::MigrateError::ExecuteMigration(..))
                    if attempt < MIGRATION_ATTEMPTS =>
                {
                    pause(attempt).await;
                    attempt += 1;
                }
                done => return done.map_err(Error::Migrate),
            }
        }
    }

    async fn try_to_migrate(&self) -> Result<(), sqlx::migrate::MigrateError> {
        if !self.pooled {
            return migrations::postgres().run(&self.pool).await;
        }
        // The migrator prepares by name, and the connection behind the pooler may know that name of another one of ours.
        const FORGET: &str = "DEALLOCATE ALL";
        let mut tx = self.pool.begin().await?;
        tx.execute(FORGET).await?;
        migrations::postgres().run_direct(None, &mut *tx, false).await?;
        tx.execute(FORGET).await?;
        Ok(tx.commit().await?)
    }

    /// A connection, for as long as the database is not known to be away; then only whoever finds out waits for one.
    async fn acquire(&self) -> Result<PoolConnection<sqlx::Postgres>, sqlx::Error> {
        let _finds_out = match self.away.is.load(Ordering::Acquire) {
            false => None,
            true => Some(self.away.find_out().ok_or(sqlx::Error::PoolTimedOut)?),
        };
        let acquired = self.pool.acquire().await;
        // where all are open, and used by others, it is there
        let all_open = self.pool.size() >= self.pool.options().get_max_connections();
        self.away.is.store(acquired.is_err() && !all_open, Ordering::Release);
        acquired
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Reading twice does no harm: what broke a connection is tried once more on another.
    pub(super) async fn all(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<Row>, Error> {
        match self.rows(sql, args).await {
            Err(sqlx::Error::Io(_)) => Ok(self.rows(sql, args).await?),
            done => Ok(done?),
        }
    }

    pub(super) async fn write_returning(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<Row>, Error> {
        Ok(self.rows(sql, args).await?)
    }

    pub(super) async fn write(&self, sql: &'static str, args: &[Arg]) -> Result<u64, Error> {
        self.make(&[Statement { sql: sql.into_sql_str(), args: Args::Row(args), or_nothing: false }]).await
    }

    pub(super) async fn write_all(&self, changes: &[Change]) -> Result<u64, Error> {
        self.make(&changes.iter().map(Statement::from).collect::<Vec<_>>()).await
    }

    pub(super) async fn insert(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: &[[&[Arg]; 2]],
    ) -> Result<(), Error> {
        let mut statements = Vec::new();
        let mut rest = rows;
        // Of so few different lengths that the statements stay prepared.
        let mut many = ROWS;
        while !rest.is_empty() {
            let Some((first, behind)) = rest.split_at_checked(many) else {
                many /= 2;
                continue;
            };
            let sql = AssertSqlSafe(insertion(table, columns, many)).into_sql_str();
            statements.push(Statement { sql, args: Args::Rows(first), or_nothing: false });
            rest = behind;
        }
        self.make(&statements).await?;
        Ok(())
    }

    /// The rows of a statement.
    async fn rows(&self, sql: &'static str, args: &[Arg]) -> Result<Vec<Row>, sqlx::Error> {
        let mut attempt = 1;
        loop {
            let mut connection = self.acquire().await?;
            match bounded(rows(&mut connection, sql, args, self.pooled)).await {
                Err(error) if attempt < ATTEMPTS && is_undone(&error) => self.settle(connection, Some(&error)),
                done => {
                    self.settle(connection, done.as_ref().err());
                    return done.map(|rows| rows.into_iter().map(Row::Postgres).collect());
                }
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// Makes all of them in one transaction, or none; tells how many rows the last one changed.
    async fn make(&self, statements: &[Statement<'_>]) -> Result<u64, Error> {
        let mut attempt = 1;
        loop {
            let mut connection = self.acquire().await?;
            match bounded(make(&mut connection, statements, self.pooled)).await {
                Err(error) if attempt < ATTEMPTS && is_undone(&error) => self.settle(connection, Some(&error)),
                done => {
                    self.settle(connection, done.as_ref().err());
                    return Ok(done?);
                }
            }
            pause(attempt).await;
            attempt += 1;
        }
    }

    /// Gives a connection back, unless it is broken.
    fn settle(&self, mut connection: PoolConnection<sqlx::Postgres>, error: Option<&sqlx::Error>) {
        let is_broken = match error {
            Some(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => true,
            Some(error) => code(error).as_deref() == Some("57P01"),
            None => false,
        };
        if is_broken {
            self.broken.note();
            connection.close_on_drop();
        }
    }
}

async fn rows(
    connection: &mut PoolConnection<sqlx::Postgres>,
    sql: &'static str,
    args: &[Arg],
    pooled: bool,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let query = query(sql.into_sql_str(), Args::Row(args), pooled)?;
    if !pooled {
        return query.fetch_all(&mut **connection).await;
    }
    let mut tx = connection.begin().await?;
    let rows = query.fetch_all(&mut *tx).await?;
    tx.commit().await?;
    Ok(rows)
}

async fn make(
    connection: &mut PoolConnection<sqlx::Postgres>,
    statements: &[Statement<'_>],
    pooled: bool,
) -> Result<u64, sqlx::Error> {
    if let ([Statement { sql, args, .. }], false) = (statements, pooled) {
        // A statement alone is a transaction by itself.
        return Ok(query(sql.clone(), *args, pooled)?.execute(&mut **connection).await?.rows_affected());
    }
    let mut tx = connection.begin().await?;
    let mut changed = 0;
    for Statement { sql, args, or_nothing } in statements {
        changed = query(sql.clone(), *args, pooled)?.execute(&mut *tx).await?.rows_affected();
        if *or_nothing && changed == 0 {
            tx.rollback().await?;
            return Ok(0);
        }
    }
    tx.commit().await?;
    Ok(changed)
}

/// A network that swallows everything must not hold whoever waits for an answer.
async fn bounded<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let late = |_| Err(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "no answer came in time")));
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(late)
}

/// Whether the database says that nothing of it was done and that it may be tried again: for what others do at the same time
/// (40001, 40P01), or since it sends everybody away just now (57P01).
fn is_undone(error: &sqlx::Error) -> bool {
    matches!(code(error).as_deref(), Some("40001" | "40P01" | "57P01"))
}

fn code(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code)
}

/// Up to twice as long each time, at random, so that those that are in each other's way go apart.
async fn pause(attempt: u32) {
    let most = 4_u64 << attempt.min(8);
    tokio::time::sleep(Duration::from_millis(RandomState::new().build_hasher().finish() % most)).await;
}

fn insertion(table: &str, columns: &[&str], rows: usize) -> String {
    let row = |row: usize| {
        let first = row * columns.len() + 1;
        let names: Vec<_> = (first..first + columns.len()).map(|it| format!("${it}")).collect();
        format!("({})", names.join(", "))
    };
    let values: Vec<_> = (0..rows).map(row).collect();
    format!("INSERT INTO {table} ({}) VALUES {} ON CONFLICT DO NOTHING", columns.join(", "), values.join(", "))
}

/// What is not to be prepared by a name leaves nothing on a connection that the next transaction of another process gets.
fn query(
    sql: SqlStr,
    args: Args<'_>,
    pooled: bool,
) -> Result<Query<'static, sqlx::Postgres, PgArguments>, sqlx::Error> {
    let mut all = PgArguments::default();
    let alone;
    let rows = match args {
        Args::Row(row) => {
            alone = [row, &[]];
            std::slice::from_ref(&alone)
        }
        Args::Rows(rows) => rows,
    };
    for arg in rows.iter().flatten().copied().flatten() {
        match arg {
            Arg::Null => all.add(Nothing),
            Arg::Int(value) => all.add(*value),
            Arg::Text(value) => all.add(&*without_nul(value)),
            Arg::Word(value) => all.add(*value),
            Arg::Bytes(value) => all.add(&value[..]),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(sqlx::query_with(sql, all).persistent(!pooled))
}

/// PostgreSQL keeps every character but this one; JSON has it escaped already.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}

/// A null of the type that its place in the statement has.
struct Nothing;

impl Type<sqlx::Postgres> for Nothing {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(Oid(0))
    }
}

impl Encode<'_, sqlx::Postgres> for Nothing {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}
