//! The registry: versions of the connectors that are everybody's, and which of them is live.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    ConnectorVersion, Error, Live, Tally,
    db::{Change, Db},
    value::{Arg, Row},
};
use crate::base::OrgId;

/// A version that was published. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The connector's id.
    pub connector: String,
    /// As its source says.
    pub version: String,
    /// Of what it was made of: leads to that among the connector versions.
    pub digest: String,
    /// `tests.yaml`, if there is one.
    pub tests: Option<String>,
    /// `logo.svg`, if there is one.
    pub logo: Option<String>,
    /// When.
    pub published_at: Timestamp,
    /// The operator whose key it was published with.
    pub published_by: String,
}

/// What the registry says of one connector.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Which versions are live.
    pub live: Live,
    /// Counts the changes; 0: there was none.
    pub revision: i64,
}

/// An org that stays with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Which org.
    pub org: OrgId,
    /// The connector's id.
    pub connector: String,
    /// Which version.
    pub version: String,
}

/// The registry.
pub struct Registry<'a> {
    pub(super) db: &'a Db,
}

impl Registry<'_> {
    /// Adds a version, and changes what is live, as long as nobody else did since `revision`. `false`: somebody did, and nothing
    /// was added.
    ///
    /// # Errors
    /// [`Error::Taken`] if there is that version already.
    pub async fn add(
        &self,
        release: &Release,
        source: &ConnectorVersion,
        live: &Live,
        revision: i64,
    ) -> Result<bool, Error> {
        let sql = "INSERT INTO connector_versions (digest, id, version, files, created_at) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (digest) DO NOTHING";
        let args: [Arg; 5] = [
            (&source.digest).into(),
            (&source.id).into(),
            (&source.version).into(),
            (&source.files).into(),
            source.created_at.into(),
        ];
        let source = Change::new(sql, args);
        let sql = "INSERT INTO registry_versions (connector, version, digest, tests, logo, published_at, published_by) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let args: [Arg; 7] = [
            (&release.connector).into(),
            (&release.version).into(),
            (&release.digest).into(),
            release.tests.as_ref().into(),
            release.logo.as_ref().into(),
            release.published_at.into(),
            (&release.published_by).into(),
        ];
        let changes = vec![source, Change::new(sql, args), set(&release.connector, live, revision)];
        Ok(self.db.write_all(changes).await? > 0)
    }

    /// The versions of a connector, the latest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn releases(&self, connector: &str) -> Result<Vec<Release>, Error> {
        let sql = "SELECT connector, version, digest, tests, logo, published_at, published_by FROM registry_versions \
                   WHERE connector = $1 ORDER BY published_at DESC, version DESC";
        self.db.all(sql, [connector.into()]).await?.iter().map(release).collect()
    }

    /// One version of a connector.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release(&self, connector: &str, version: &str) -> Result<Option<Release>, Error> {
        let sql = "SELECT connector, version, digest, tests, logo, published_at, published_by FROM registry_versions \
                   WHERE connector = $1 AND version = $2";
        self.db.one(sql, [connector.into(), version.into()]).await?.as_ref().map(release).transpose()
    }

    /// What is said of each connector that is in the registry, by id.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn entries(&self) -> Result<Vec<(String, Entry)>, Error> {
        let sql = "SELECT connector, live, revision FROM registry ORDER BY connector";
        let rows = self.db.all(sql, []).await?;
        rows.iter().map(|row| Ok((row.text("connector")?, entry(row)?))).collect()
    }

    /// What is said of one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn entry(&self, connector: &str) -> Result<Entry, Error> {
        let sql = "SELECT live, revision FROM registry WHERE connector = $1";
        let row = self.db.one(sql, [connector.into()]).await?;
        row.as_ref().map_or(Ok(Entry { live: Live::default(), revision: 0 }), entry)
    }

    /// Changes what is live, as long as nobody else did since `revision`. `false`: somebody did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set(&self, connector: &str, live: &Live, revision: i64) -> Result<bool, Error> {
        Ok(self.db.write_all(vec![set(connector, live, revision)]).await? > 0)
    }

    /// A number that grows with every change of what is live.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revision(&self) -> Result<i64, Error> {
        let sql = "SELECT CAST(COALESCE(SUM(revision), 0) AS BIGINT) AS revision FROM registry";
        self.db.one(sql, []).await?.map_or(Ok(0), |row| row.int("revision"))
    }

    /// Lets an org stay with a version of a connector that is in the registry.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such org.
    pub async fn pin(&self, pin: &Pin) -> Result<(), Error> {
        let sql = "INSERT INTO connector_pins (org, connector, version) VALUES ($1, $2, $3) \
                   ON CONFLICT (org, connector) DO UPDATE SET version = excluded.version";
        let args: [Arg; 3] = [pin.org.into(), (&pin.connector).into(), (&pin.version).into()];
        self.db.write_all(vec![Change::new(sql, args), count(&pin.connector)]).await.map(drop)
    }

    /// Lets an org go with what is live again. `false`: it did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn unpin(&self, org: OrgId, connector: &str) -> Result<bool, Error> {
        let sql = "DELETE FROM connector_pins WHERE org = $1 AND connector = $2";
        let args: [Arg; 2] = [org.into(), connector.into()];
        Ok(self.db.write_all(vec![Change::new(sql, args).or_nothing(), count(connector)]).await? > 0)
    }

    /// All orgs that stay with a version.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn pins(&self) -> Result<Vec<Pin>, Error> {
        let sql = "SELECT org, connector, version FROM connector_pins ORDER BY connector, org";
        let rows = self.db.all(sql, []).await?;
        let pin = |row: &Row| {
            Ok(Pin { org: row.parsed("org")?, connector: row.text("connector")?, version: row.text("version")? })
        };
        rows.iter().map(pin).collect()
    }

    /// Adds to how the calls of a version went since a canary began.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn count(&self, connector: &str, begun_at: Timestamp, version: &str, tally: &Tally) -> Result<(), Error> {
        let sql = "INSERT INTO registry_counts (connector, begun_at, version, calls, failed, timed, logs, squares) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (connector, begun_at, version) DO UPDATE SET \
                   calls = registry_counts.calls + excluded.calls, failed = registry_counts.failed + excluded.failed, \
                   timed = registry_counts.timed + excluded.timed, logs = registry_counts.logs + excluded.logs, \
                   squares = registry_counts.squares + excluded.squares";
        let Tally { calls, failed, timed, logs, squares } = *tally;
        let args: [Arg; 8] = [
            connector.into(),
            begun_at.into(),
            version.into(),
            calls.into(),
            failed.into(),
            timed.into(),
            logs.into(),
            squares.into(),
        ];
        self.db.write(sql, args).await.map(drop)
    }

    /// How the calls of each version went since a canary began.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn counts(&self, connector: &str, begun_at: Timestamp) -> Result<HashMap<String, Tally>, Error> {
        let sql = "SELECT version, calls, failed, timed, logs, squares FROM registry_counts \
                   WHERE connector = $1 AND begun_at = $2";
        let rows = self.db.all(sql, [connector.into(), begun_at.into()]).await?;
        let counted = |row: &Row| {
            let [calls, failed, timed, logs, squares] =
                ["calls", "failed", "timed", "logs", "squares"].map(|it| row.int(it));
            let tally = Tally { calls: calls?, failed: failed?, timed: timed?, logs: logs?, squares: squares? };
            Ok((row.text("version")?, tally))
        };
        rows.iter().map(counted).collect()
    }

    /// Forgets how the calls of a connector went since canaries that began before `before`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn forget_counts(&self, connector: &str, before: Timestamp) -> Result<(), Error> {
        let sql = "DELETE FROM registry_counts WHERE connector = $1 AND begun_at < $2";
        self.db.write(sql, [connector.into(), before.into()]).await.map(drop)
    }
}

fn set(connector: &str, live: &Live, revision: i64) -> Change {
    let sql = "INSERT INTO registry (connector, live, revision) VALUES ($1, $2, 1) \
               ON CONFLICT (connector) DO UPDATE SET live = excluded.live, revision = registry.revision + 1 \
               WHERE registry.revision = $3";
    let args: [Arg; 3] = [connector.into(), (&json!(live)).into(), revision.into()];
    Change::new(sql, args).or_nothing()
}

/// A change that is not of what is live.
fn count(connector: &str) -> Change {
    Change::new("UPDATE registry SET revision = revision + 1 WHERE connector = $1", [connector.into()])
}

fn entry(row: &Row) -> Result<Entry, Error> {
    let live: Json = row.json("live")?;
    let live = serde_json::from_value(live).map_err(|_| Error::Corrupt("live"))?;
    Ok(Entry { live, revision: row.int("revision")? })
}

fn release(row: &Row) -> Result<Release, Error> {
    Ok(Release {
        connector: row.text("connector")?,
        version: row.text("version")?,
        digest: row.text("digest")?,
        tests: row.maybe_text("tests")?,
        logo: row.maybe_text("logo")?,
        published_at: row.time("published_at")?,
        published_by: row.text("published_by")?,
    })
}
