//! How orgs map objects to their own fields, and what those fields are.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Error,
    db::Db,
    value::{Arg, Row},
};
use crate::base::{ConnectionId, OrgId};

/// An object as one org has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrgObject {
    /// Whose.
    pub org: OrgId,
    /// At which account.
    pub connection: ConnectionId,
    /// Of which connector.
    pub connector: String,
    /// Its name.
    pub object: String,
    /// What the org's fields depend on: a JSON object with sorted keys.
    pub config: String,
}

/// A mapping that was saved.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedMapping {
    /// Of what.
    pub of: OrgObject,
    /// As it was written.
    pub document: Json,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An org's fields as they were last described.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Of what.
    pub of: OrgObject,
    /// The fields; `None` as long as nobody could tell.
    pub fields: Option<Json>,
    /// When they were told.
    pub described_at: Option<Timestamp>,
    /// When they are to be told again.
    pub due_at: Timestamp,
}

/// Mappings, and descriptions of orgs' fields.
pub struct Mappings<'a> {
    pub(super) db: &'a Db,
}

impl Mappings<'_> {
    /// Saves a mapping, in place of the one that was there.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such connection.
    pub async fn save(&self, of: &OrgObject, document: &Json, at: Timestamp) -> Result<(), Error> {
        let sql = "INSERT INTO mappings (org, connection, connector, object, config, document, created_at, updated_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
                   ON CONFLICT (org, connection, connector, object, config) \
                   DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at";
        let [org, connection, connector, object, config] = key(of);
        self.db.write(sql, [org, connection, connector, object, config, document.into(), at.into()]).await?;
        Ok(())
    }

    /// The mapping of an object; without one for its config, the one that was saved without config.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, of: &OrgObject) -> Result<Option<SavedMapping>, Error> {
        let sql = "SELECT org, connection, connector, object, config, document, created_at, updated_at FROM mappings \
                   WHERE org = $1 AND connection = $2 AND connector = $3 AND object = $4 \
                   AND config IN ($5, '{}') ORDER BY config = '{}' DESC";
        self.db.all(sql, key(of)).await?.last().map(mapping).transpose()
    }

    /// All mappings of a connection.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of_connection(&self, org: OrgId, connection: ConnectionId) -> Result<Vec<SavedMapping>, Error> {
        let sql = "SELECT org, connection, connector, object, config, document, created_at, updated_at FROM mappings \
                   WHERE org = $1 AND connection = $2 ORDER BY connector, object, config";
        self.db.all(sql, [org.into(), connection.into()]).await?.iter().map(mapping).collect()
    }

    /// Forgets the mapping of exactly this config. `false`: there was none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove(&self, of: &OrgObject) -> Result<bool, Error> {
        let sql = "DELETE FROM mappings WHERE org = $1 AND connection = $2 AND connector = $3 AND object = $4 \
                   AND config = $5";
        Ok(self.db.write(sql, key(of)).await? == 1)
    }

    /// What is known of an org's fields.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn described(&self, of: &OrgObject) -> Result<Option<Described>, Error> {
        let sql = "SELECT org, connection, connector, object, config, fields, described_at, due_at FROM org_schemas \
                   WHERE org = $1 AND connection = $2 AND connector = $3 AND object = $4 \
                   AND config = $5";
        self.db.one(sql, key(of)).await?.as_ref().map(described).transpose()
    }

    /// Takes it upon the caller to describe what is due: `false` if somebody else has, or it isn't due. If nothing comes of
    /// it, it is due again at `again`.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such connection.
    pub async fn claim(&self, of: &OrgObject, now: Timestamp, again: Timestamp) -> Result<bool, Error> {
        let sql = "INSERT INTO org_schemas (org, connection, connector, object, config, due_at) \
                   VALUES ($1, $2, $3, $4, $5, $7) \
                   ON CONFLICT (org, connection, connector, object, config) DO UPDATE SET due_at = $7 \
                   WHERE org_schemas.due_at <= $6";
        let [org, connection, connector, object, config] = key(of);
        Ok(self.db.write(sql, [org, connection, connector, object, config, now.into(), again.into()]).await? == 1)
    }

    /// Keeps what was told at `now`, until `due`.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such connection.
    pub async fn describe(&self, of: &OrgObject, fields: &Json, now: Timestamp, due: Timestamp) -> Result<(), Error> {
        let sql = "INSERT INTO org_schemas (org, connection, connector, object, config, fields, described_at, due_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                   ON CONFLICT (org, connection, connector, object, config) DO UPDATE SET fields = excluded.fields, \
                   described_at = excluded.described_at, due_at = excluded.due_at";
        let [org, connection, connector, object, config] = key(of);
        let args = [org, connection, connector, object, config, fields.into(), now.into(), due.into()];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// The org's fields are not what they were: they are due at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn expire(&self, of: &OrgObject) -> Result<(), Error> {
        let sql = "UPDATE org_schemas SET due_at = 0 \
                   WHERE org = $1 AND connection = $2 AND connector = $3 AND object = $4 AND config = $5";
        self.db.write(sql, key(of)).await?;
        Ok(())
    }

    /// At most `limit` of what is due, the longest due first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Described>, Error> {
        let sql = "SELECT org, connection, connector, object, config, fields, described_at, due_at FROM org_schemas \
                   WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
        self.db.all(sql, [now.into(), limit.into()]).await?.iter().map(described).collect()
    }

    /// Forgets what nobody uses any more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget(&self, of: &OrgObject) -> Result<(), Error> {
        let sql = "DELETE FROM org_schemas \
                   WHERE org = $1 AND connection = $2 AND connector = $3 AND object = $4 AND config = $5";
        self.db.write(sql, key(of)).await?;
        Ok(())
    }
}

fn key(of: &OrgObject) -> [Arg; 5] {
    [of.org.into(), of.connection.into(), (&of.connector).into(), (&of.object).into(), (&of.config).into()]
}

fn object(row: &Row) -> Result<OrgObject, Error> {
    Ok(OrgObject {
        org: row.parsed("org")?,
        connection: row.parsed("connection")?,
        connector: row.text("connector")?,
        object: row.text("object")?,
        config: row.text("config")?,
    })
}

fn mapping(row: &Row) -> Result<SavedMapping, Error> {
    Ok(SavedMapping {
        of: object(row)?,
        document: row.json("document")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn described(row: &Row) -> Result<Described, Error> {
    Ok(Described {
        of: object(row)?,
        fields: row.maybe_json("fields")?,
        described_at: row.maybe_time("described_at")?,
        due_at: row.time("due_at")?,
    })
}
