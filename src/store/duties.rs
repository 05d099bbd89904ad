//! What one replica does for all, now and then. Whoever comes first when it is due takes it on; if that one dies, the next does
//! once that is known, or its time is over.

use jiff::Timestamp;

use super::{Error, db::Db};

/// What one replica does for all.
pub struct Duties<'a> {
    pub(super) db: &'a Db,
}

impl Duties<'_> {
    /// Those that are not to be done now: somebody does them, or they were done.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn not_due(&self, now: Timestamp) -> Result<Vec<String>, Error> {
        let sql = "SELECT name FROM duties WHERE next_at > $1 OR (until > $1 AND NOT EXISTS ( \
                       SELECT 1 FROM replicas r WHERE r.id = duties.owner AND r.dead_at IS NOT NULL)) ORDER BY name";
        self.db.all(sql, [now.into()]).await?.iter().map(|row| row.text("name")).collect()
    }

    /// Takes a duty on until `until`. `false`: it is not to be done now.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take(&self, name: &str, owner: &str, now: Timestamp, until: Timestamp) -> Result<bool, Error> {
        let sql = "INSERT INTO duties (name, owner, until, next_at) VALUES ($1, $2, $4, 0) \
                   ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until \
                   WHERE duties.next_at <= $3 AND (duties.until <= $3 OR EXISTS ( \
                       SELECT 1 FROM replicas r WHERE r.id = duties.owner AND r.dead_at IS NOT NULL))";
        Ok(self.db.write(sql, [name.into(), owner.into(), now.into(), until.into()]).await? == 1)
    }

    /// Whoever took it on has done it; it is to be done again at `next`. `false`: it has taken too long, and is another one's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn done(&self, name: &str, owner: &str, next: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE duties SET until = 0, next_at = $3 WHERE name = $1 AND owner = $2 AND until > 0";
        Ok(self.db.write(sql, [name.into(), owner.into(), next.into()]).await? == 1)
    }
}
