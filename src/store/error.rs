//! Why the store could not do it.

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another row has that name already.
    #[error("there is one of that name already")]
    Taken,
    /// The org or connection that a new row names does not exist.
    #[error("it names something that does not exist")]
    Missing,
    /// A column holds what this version never writes.
    #[error("the column `{0}` holds something unreadable")]
    Corrupt(&'static str),
    /// Neither `sqlite://file` nor `postgres://…`.
    #[error("the database URL must look like `sqlite://path/to/file` or `postgres://user@host/database`")]
    Url,
    /// Another engine uses a database that can't be shared.
    #[error("another engine uses this database (it holds `{0}`): several engines need PostgreSQL")]
    Held(String),
    /// The file beside the database that keeps others away can't be used.
    #[error("the database's lock file can't be used: {0}")]
    File(std::io::Error),
    /// The schema can't be brought up to date.
    #[error("the database's schema can't be brought up to date: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    /// The database is away, or too busy: later it may go. Whether a change was made is unknown if its answer was lost.
    #[error("the database does not answer just now: {0}")]
    Unavailable(sqlx::Error),
    /// Anything else.
    #[error("the database failed: {0}")]
    Database(sqlx::Error),
}

impl Error {
    /// Whether what was to be changed may be changed all the same: the database may have done it, and its answer was lost.
    pub fn may_have_been_done(&self) -> bool {
        match self {
            // without a connection nothing was sent
            Self::Unavailable(error) => !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed),
            Self::Database(_) => true,
            _ => false,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(it) if it.is_unique_violation() => Self::Taken,
            sqlx::Error::Database(it) if it.is_foreign_key_violation() => Self::Missing,
            sqlx::Error::Database(it) if it.code().as_deref().is_some_and(is_passing) => Self::Unavailable(error),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable(error)
            }
            _ => Self::Database(error),
        }
    }
}

/// Whether a database that says this may be asked again later.
///
/// PostgreSQL: connections (08), what others do at the same time (40), resources (53), whoever operates it (57), and a primary
/// that has just become a standby (25006). SQLite, whose codes are shorter: busy (5), its disk full (13).
fn is_passing(code: &str) -> bool {
    match code.len() {
        5 => code == "25006" || ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)),
        _ => code.parse().is_ok_and(|code: u32| matches!(code & 0xff, 5 | 13)),
    }
}
