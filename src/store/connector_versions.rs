//! What connectors that are not an org's own were made of, version by version. The digest of the sources names one: a version that
//! was changed without being counted up is another one.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{Error, db::Db, value::Arg};

/// One version of a connector. It never changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorVersion {
    /// Of its sources.
    pub digest: String,
    /// The connector's.
    pub id: String,
    /// As its source says.
    pub version: String,
    /// The texts of its files by their names, and of its account's.
    pub files: Json,
    /// When a replica had it first.
    pub created_at: Timestamp,
}

/// What connectors were made of.
pub struct ConnectorVersions<'a> {
    pub(super) db: &'a Db,
}

impl ConnectorVersions<'_> {
    /// The digests of all that are kept.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn digests(&self) -> Result<HashSet<String>, Error> {
        let rows = self.db.all("SELECT digest FROM connector_versions", []).await?;
        rows.iter().map(|row| row.text("digest")).collect()
    }

    /// Keeps those that aren't kept yet.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep(&self, all: &[ConnectorVersion]) -> Result<(), Error> {
        let row = |it: &ConnectorVersion| -> Vec<Arg> {
            vec![(&it.digest).into(), (&it.id).into(), (&it.version).into(), (&it.files).into(), it.created_at.into()]
        };
        let rows: Vec<_> = all.iter().map(row).collect();
        let rows: Vec<_> = rows.iter().map(|it| [&it[..], &[]]).collect();
        self.db.insert("connector_versions", &["digest", "id", "version", "files", "created_at"], &rows).await
    }

    /// The version of that digest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, digest: &str) -> Result<Option<ConnectorVersion>, Error> {
        let sql = "SELECT digest, id, version, files, created_at FROM connector_versions WHERE digest = $1";
        let row = self.db.one(sql, [digest.into()]).await?;
        let version = |row: &super::value::Row| {
            Ok(ConnectorVersion {
                digest: row.text("digest")?,
                id: row.text("id")?,
                version: row.text("version")?,
                files: row.json("files")?,
                created_at: row.time("created_at")?,
            })
        };
        row.as_ref().map(version).transpose()
    }
}
