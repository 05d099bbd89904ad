//! A database behind a door, for simulations: each operation is a step of a schedule, done whole or not at all.

use std::io;

use super::{Change, sqlite::Sqlite};
use crate::{
    store::{
        Error,
        value::{Arg, Row},
    },
    system::simulation::{Came, Door},
};

/// A database, as a replica of a simulated world reaches it.
#[derive(Debug, Clone)]
pub(in crate::store) struct Gated {
    pub(super) db: Sqlite,
    pub(super) door: Door,
}

impl Gated {
    pub(super) async fn all<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<Vec<Row>, Error> {
        let sql = self.door.statement(sql);
        self.door.pass(sql, lost, self.db.all(sql, args)).await
    }

    pub(super) async fn write<const N: usize>(&self, sql: &'static str, args: [Arg; N]) -> Result<u64, Error> {
        let sql = self.door.statement(sql);
        self.door.pass(sql, lost, self.db.write(sql, args)).await
    }

    pub(super) async fn write_returning<const N: usize>(
        &self,
        sql: &'static str,
        args: [Arg; N],
    ) -> Result<Vec<Row>, Error> {
        let sql = self.door.statement(sql);
        // an answer that tells of nothing is not one that a simulation would want to lose
        let learns = |rows: &Result<Vec<Row>, Error>| match rows {
            Ok(rows) if rows.is_empty() => "of nothing",
            _ => sql,
        };
        self.door.pass_telling(sql, learns, lost, self.db.write_returning(sql, args)).await
    }

    pub(super) async fn write_all(&self, mut changes: Vec<Change>) -> Result<u64, Error> {
        changes.iter_mut().for_each(|it| it.sql = self.door.statement(it.sql));
        let first = changes.first().map_or("nothing", |it| it.sql);
        self.door.pass(first, lost, self.db.write_all(changes)).await
    }

    pub(super) async fn insert(
        &self,
        table: &'static str,
        columns: &'static [&'static str],
        rows: &[[&[Arg]; 2]],
    ) -> Result<(), Error> {
        self.door.pass(table, lost, self.db.insert(table, columns, rows)).await
    }
}

/// Nobody can tell whether it was done.
fn lost<T>(_: Came) -> Result<T, Error> {
    Err(Error::Unavailable(sqlx::Error::Io(io::Error::other("the answer was lost"))))
}
