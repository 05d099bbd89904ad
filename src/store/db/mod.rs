//! The database behind the store: which one it is, is known here and nowhere else.
//!
//! One SQL text serves every database: `$1` parameters, `RETURNING`, `ON CONFLICT`, and the four types of [`Arg`]. A
//! transaction is a list of [`Change`]s, not code that runs in the middle of one: so a database may ask to repeat it, and
//! nobody holds a connection while they wait for something else.

#[cfg(test)]
mod gated;
mod group;
mod postgres;
mod sqlite;

use std::time::Duration;

use self::{postgres::Postgres, sqlite::Sqlite};
use super::{
    Error,
    value::{Arg, Row},
};

/// How an engine uses a database that is a server.
#[derive(Debug, Clone, Copy)]
pub struct Pool {
    /// At most so many connections are open.
    pub connections: u32,
    /// So long a statement waits for one: then the database counts as away.
    pub wait: Duration,
}

impl Default for Pool {
    fn default() -> Self {
        Self { connections: 16, wait: Duration::from_secs(3) }
    }
}

/// An open database.
#[derive(Debug, Clone)]
pub(super) enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
    /// A file again, for several replicas that a simulation has in one process.
    #[cfg(test)]
    Gated(gated::Gated),
}

/// One of several changes that are made together.
#[derive(Debug)]
pub(super) struct Change {
    sql: &'static str,
    args: Vec<Arg>,
    or_nothing: bool,
}

impl Change {
    pub(super) fn new(sql: &'static str, args: impl Into<Vec<Arg>>) -> Self {
        Self { sql, args: args.into(), or_nothing: false }
    }

    /// Unless this one changes a row, none of them is made.
    pub(super) fn or_nothing(self) -> Self {
        Self { or_nothing: true, ..self }
    }
}

impl Db {
    /// Opens the database at `url`, makes it if it is a file that isn't there, and brings its schema up to date.
    pub(super) async fn open(url: &str, pool: Pool) -> Result<Self, Error> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite(Sqlite::open(url).await?)),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(Postgres::open(url, pool).await?)),
            _ => Err(Error::Url),
        }
    }

    /// Whether several processes can be at it at the same time.
    pub(super) fn is_shared(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// The same file, as a replica of a simulated world reaches it.
    #[cfg(test)]
    pub(super) fn through(&self, door: crate::system::simulation::Door) -> Self {
        match self {
            Self::Sqlite(db) => Self::Gated(gated::Gated { db: db.clone(), door }),
            _ => unreachable!("simulations keep everything in a file"),
        }
    }

    /// Waits for what runs, and closes.
    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(it) => it.close().await,
            Self::Postgres(it) => it.close().await,
            #[cfg(test)]
            Self::Gated(_) => {}
        }
    }

    // What waits for an answer of a database is large, and stands in everything that may wait for one: so it is boxed.

    /// Every row of a query.
    pub(super) async fn all<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(it) => Box::pin(it.all(sql, args)).await,
            Self::Postgres(it) => Box::pin(it.all(sql, &args)).await,
            #[cfg(test)]
            Self::Gated(it) => it.all(sql, args).await,
        }
    }

    /// The only row of a query, if there is one.
    pub(super) async fn one<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Option<Row>, Error> {
        Ok(self.all(sql, args).await?.pop())
    }

    /// Changes rows, and tells how many.
    pub(super) async fn write<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<u64, Error> {
        match self {
            Self::Sqlite(it) => it.write(sql, args).await,
            Self::Postgres(it) => Box::pin(it.write(sql, &args)).await,
            #[cfg(test)]
            Self::Gated(it) => it.write(sql, args).await,
        }
    }

    /// Changes rows, and gives what `RETURNING` asks for.
    pub(super) async fn write_returning<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>, Error> {
        match self {
            Self::Sqlite(it) => it.write_returning(sql, args).await,
            Self::Postgres(it) => Box::pin(it.write_returning(sql, &args)).await,
            #[cfg(test)]
            Self::Gated(it) => it.write_returning(sql, args).await,
        }
    }

    /// Makes all of the changes, or none. Tells how many rows the last one changed: 0 also if one of those that are made
    /// [`Change::or_nothing`] changed none, and so nothing was made.
    pub(super) async fn write_all(&self, changes: Vec<Change>) -> Result<u64, Error> {
        match self {
            Self::Sqlite(it) => it.write_all(changes).await,
            Self::Postgres(it) => Box::pin(it.write_all(&changes)).await,
            #[cfg(test)]
            Self::Gated(it) => it.write_all(changes).await,
        }
    }

    /// Adds rows to `table`, all of them or none; each has an argument for each of the `columns`. One that is there already
    /// stays: whoever does not know whether rows were added may add them again.
    pub(super) async fn insert(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: &[[&[Arg]; 2]],
    ) -> Result<(), Error> {
        match self {
            Self::Sqlite(it) => it.insert(table, columns, rows).await,
            Self::Postgres(it) => Box::pin(it.insert(table, columns, rows)).await,
            #[cfg(test)]
            Self::Gated(it) => it.insert(table, columns, rows).await,
        }
    }
}
