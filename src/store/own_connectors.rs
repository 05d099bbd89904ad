//! Connectors that orgs have of their own, version by version.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Error,
    db::Db,
    value::{Arg, Row},
};
use crate::base::OrgId;

/// One version of a connector that belongs to an org. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OwnVersion {
    /// Whose.
    pub org: OrgId,
    /// The connector's.
    pub id: String,
    /// Counts the versions from 1; the highest is the active one.
    pub number: i64,
    /// As its source says.
    pub version: String,
    /// When it came.
    pub created_at: Timestamp,
}

/// What a version was made of.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnSource {
    /// `connector.yaml`
    pub connector: String,
    /// `tests.yaml`, if there is one.
    pub tests: Option<String>,
    /// The builder's form that both were made from, if nobody wrote them.
    pub form: Option<Json>,
}

/// Connectors that orgs have of their own.
pub struct OwnConnectors<'a> {
    pub(super) db: &'a Db,
}

impl OwnConnectors<'_> {
    /// Adds a version.
    ///
    /// # Errors
    /// [`Error::Taken`] if the connector has that number or version already, [`Error::Missing`] if there is no such org.
    pub async fn insert(&self, version: &OwnVersion, source: &OwnSource) -> Result<(), Error> {
        let sql = "INSERT INTO own_connectors (org, id, number, version, source, tests, form, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let args: [Arg; 8] = [
            version.org.into(),
            (&version.id).into(),
            version.number.into(),
            (&version.version).into(),
            (&source.connector).into(),
            source.tests.as_ref().into(),
            source.form.as_ref().into(),
            version.created_at.into(),
        ];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// The active version of a connector.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn active(&self, org: OrgId, id: &str) -> Result<Option<OwnVersion>, Error> {
        let sql = "SELECT org, id, number, version, created_at FROM own_connectors \
                   WHERE org = $1 AND id = $2 ORDER BY number DESC LIMIT 1";
        self.db.one(sql, [org.into(), id.into()]).await?.as_ref().map(version).transpose()
    }

    /// The active versions of all of an org's connectors, by id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn all_active(&self, org: OrgId) -> Result<Vec<OwnVersion>, Error> {
        let sql = "SELECT org, id, number, version, created_at FROM own_connectors AS it WHERE org = $1 AND number = \
                   (SELECT MAX(number) FROM own_connectors WHERE org = $1 AND id = it.id) ORDER BY id";
        self.db.all(sql, [org.into()]).await?.iter().map(version).collect()
    }

    /// The versions of a connector that are kept, the active one first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn versions(&self, org: OrgId, id: &str) -> Result<Vec<OwnVersion>, Error> {
        let sql = "SELECT org, id, number, version, created_at FROM own_connectors \
                   WHERE org = $1 AND id = $2 ORDER BY number DESC";
        self.db.all(sql, [org.into(), id.into()]).await?.iter().map(version).collect()
    }

    /// What a version was made of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn source(&self, org: OrgId, id: &str, number: i64) -> Result<Option<OwnSource>, Error> {
        let sql = "SELECT source, tests, form FROM own_connectors WHERE org = $1 AND id = $2 AND number = $3";
        self.db.one(sql, [org.into(), id.into(), number.into()]).await?.as_ref().map(source).transpose()
    }

    /// Forgets all versions up to that number. Tells how many there were.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn prune(&self, org: OrgId, id: &str, up_to: i64) -> Result<u64, Error> {
        let sql = "DELETE FROM own_connectors WHERE org = $1 AND id = $2 AND number <= $3";
        self.db.write(sql, [org.into(), id.into(), up_to.into()]).await
    }

    /// Removes a connector with all its versions, unless an enabled action is of it or an account is connected by it.
    /// `false`: there is none, or it is in use.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove_unused(&self, org: OrgId, id: &str) -> Result<bool, Error> {
        let sql = "DELETE FROM own_connectors WHERE org = $1 AND id = $2 \
                   AND NOT EXISTS (SELECT 1 FROM enabled_actions WHERE org = $1 AND connector = $2) \
                   AND NOT EXISTS (SELECT 1 FROM connections WHERE org = $1 AND connector = $2 \
                                   AND status NOT IN ('failed', 'disconnected'))";
        Ok(self.db.write(sql, [org.into(), id.into()]).await? > 0)
    }
}

fn version(row: &Row) -> Result<OwnVersion, Error> {
    Ok(OwnVersion {
        org: row.parsed("org")?,
        id: row.text("id")?,
        number: row.int("number")?,
        version: row.text("version")?,
        created_at: row.time("created_at")?,
    })
}

fn source(row: &Row) -> Result<OwnSource, Error> {
    Ok(OwnSource { connector: row.text("source")?, tests: row.maybe_text("tests")?, form: row.maybe_json("form")? })
}
