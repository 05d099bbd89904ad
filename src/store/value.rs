//! What goes into a statement and what comes out of a row: text, integers, bytes, nothing.

use std::{str::FromStr, sync::Arc};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sqlx::{postgres::PgRow, sqlite::SqliteRow};

use super::Error;
use crate::{
    base::id::{Id, Kind},
    crypto::{Digest, Sealed},
};

/// A parameter of a statement. Texts are shared: what is tried again, or waits, is not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arg {
    Null,
    Int(i64),
    Text(Arc<str>),
    /// A text that is in the program.
    Word(&'static str),
    Bytes(Vec<u8>),
}

/// As many connectors may be left out of a claim.
pub const MOST_BUSY: usize = 4;

/// The connectors that a claim leaves out: of those given the first, and for the rest a name that none has.
pub(super) fn but(connectors: &[String]) -> [Arg; MOST_BUSY] {
    std::array::from_fn(|at| connectors.get(at).map_or("", String::as_str).into())
}

/// An entry of an index has at most 2.7 kB in PostgreSQL, and several columns: of a text that others decide it gets so many bytes.
const LONGEST_INDEXED: usize = 512;

/// A text that is only ever compared, and stands in an index: of one that is too long, its digest.
pub(super) fn indexed(text: &str) -> Arg {
    match text.len() {
        0..=LONGEST_INDEXED => text.into(),
        _ => Arg::Text(format!("digest:{:?}", Digest::of(text)).into()),
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<&String> for Arg {
    fn from(value: &String) -> Self {
        Self::Text(value.as_str().into())
    }
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Arg {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<Timestamp> for Arg {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_microsecond())
    }
}

impl<K: Kind> From<Id<K>> for Arg {
    fn from(value: Id<K>) -> Self {
        value.with_text(|text| text.into())
    }
}

impl From<&Json> for Arg {
    fn from(value: &Json) -> Self {
        // Not by `Display`, which takes several times as long.
        Self::Text(serde_json::to_string(value).expect("a JSON value always has a text").into())
    }
}

impl From<&Sealed> for Arg {
    fn from(value: &Sealed) -> Self {
        Self::Bytes(value.as_bytes().to_vec())
    }
}

impl From<Digest> for Arg {
    fn from(value: Digest) -> Self {
        Self::Bytes(value.as_bytes().to_vec())
    }
}

impl<T: Into<Arg>> From<Option<T>> for Arg {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A row that was read.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    pub(super) fn text(&self, column: &'static str) -> Result<String, Error> {
        self.maybe_text(column)?.ok_or(Error::Corrupt(column))
    }

    pub(super) fn maybe_text(&self, column: &'static str) -> Result<Option<String>, Error> {
        match self {
            Self::Sqlite(row) => Ok(sqlx::Row::try_get(row, column)?),
            Self::Postgres(row) => Ok(sqlx::Row::try_get(row, column)?),
        }
    }

    pub(super) fn int(&self, column: &'static str) -> Result<i64, Error> {
        self.maybe_int(column)?.ok_or(Error::Corrupt(column))
    }

    fn maybe_int(&self, column: &'static str) -> Result<Option<i64>, Error> {
        match self {
            Self::Sqlite(row) => Ok(sqlx::Row::try_get(row, column)?),
            Self::Postgres(row) => Ok(sqlx::Row::try_get(row, column)?),
        }
    }

    fn maybe_bytes(&self, column: &'static str) -> Result<Option<Vec<u8>>, Error> {
        match self {
            Self::Sqlite(row) => Ok(sqlx::Row::try_get(row, column)?),
            Self::Postgres(row) => Ok(sqlx::Row::try_get(row, column)?),
        }
    }

    pub(super) fn time(&self, column: &'static str) -> Result<Timestamp, Error> {
        self.maybe_time(column)?.ok_or(Error::Corrupt(column))
    }

    pub(super) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>, Error> {
        let time = |microseconds| Timestamp::from_microsecond(microseconds).map_err(|_| Error::Corrupt(column));
        self.maybe_int(column)?.map(time).transpose()
    }

    /// An id, or a word of a closed set.
    pub(super) fn parsed<T: FromStr>(&self, column: &'static str) -> Result<T, Error> {
        self.text(column)?.parse().map_err(|_| Error::Corrupt(column))
    }

    pub(super) fn maybe_parsed<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, Error> {
        self.maybe_text(column)?.map(|it| it.parse().map_err(|_| Error::Corrupt(column))).transpose()
    }

    /// A JSON column, as JSON or as a type that is kept as JSON.
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, Error> {
        self.maybe_json(column)?.ok_or(Error::Corrupt(column))
    }

    pub(super) fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, Error> {
        let parse = |text: String| serde_json::from_str(&text).map_err(|_| Error::Corrupt(column));
        self.maybe_text(column)?.map(parse).transpose()
    }

    pub(super) fn maybe_sealed(&self, column: &'static str) -> Result<Option<Sealed>, Error> {
        Ok(self.maybe_bytes(column)?.map(Sealed::from_bytes))
    }

    pub(super) fn sealed(&self, column: &'static str) -> Result<Sealed, Error> {
        self.maybe_sealed(column)?.ok_or(Error::Corrupt(column))
    }

    pub(super) fn digest(&self, column: &'static str) -> Result<Digest, Error> {
        self.maybe_bytes(column)?.as_deref().and_then(Digest::from_bytes).ok_or(Error::Corrupt(column))
    }
}
