//! Connections: an org's accounts at providers, with their sealed credentials.
//!
//! `token_version` counts the credentials that a connection has had. Whoever renews one says which it saw, so that of
//! two renewals only the first is kept, and nobody renews what somebody else renewed meanwhile.

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{
    Error, Event,
    db::{Change, Db},
    events::added,
    value::{Arg, Row},
};
use crate::{
    base::{ConnectionId, OrgId, code::word},
    crypto::{Sealed, org_token},
};

/// An org's authorised account at a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Whose.
    pub org: OrgId,
    /// Ours; it stays when the account is connected again.
    pub id: ConnectionId,
    /// Which provider account.
    pub account: String,
    /// The connector that it was connected for: identifies and tests it.
    pub connector: String,
    /// Whether the provider is real.
    pub mode: Mode,
    /// Whether it can be used.
    pub status: Status,
    /// Why it can't.
    pub problem: Option<String>,
    /// How the account is shown.
    pub label: Option<String>,
    /// As granted, sorted.
    pub scopes: Vec<String>,
    /// What `connection.<name>` holds: captured values and non-secret fields.
    pub metadata: Map<String, Json>,
    /// The unguessable part of its webhook address.
    pub webhook: String,
    /// How many credentials it has had.
    pub token_version: i64,
    /// When it was first begun.
    pub created_at: Timestamp,
    /// When anything but its token last changed.
    pub updated_at: Timestamp,
}

/// Whether a connection's provider is real.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is.
    Live,
    /// The connector's own answers.
    Sandbox,
}

impl Mode {
    /// Both.
    pub const ALL: [Mode; 2] = [Mode::Live, Mode::Sandbox];

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Sandbox => "sandbox",
        }
    }
}

/// Whether a connection can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The consent is not given yet.
    Pending,
    /// It can.
    Connected,
    /// The provider wants a new consent.
    Reauthorize,
    /// It never was connected.
    Failed,
    /// It was taken off; its credential is wiped.
    Disconnected,
}

impl Status {
    /// Every status.
    pub const ALL: [Status; 5] =
        [Status::Pending, Status::Connected, Status::Reauthorize, Status::Failed, Status::Disconnected];

    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Pending => "pending",
            Status::Connected => "connected",
            Status::Reauthorize => "reauthorize",
            Status::Failed => "failed",
            Status::Disconnected => "disconnected",
        }
    }
}

word!(Mode);
word!(Status);

/// A sealed credential and what goes with it.
#[derive(Debug, Clone)]
pub struct Credential<'a> {
    /// As granted, sorted.
    pub scopes: &'a [String],
    /// Captured values and non-secret fields.
    pub metadata: &'a Map<String, Json>,
    /// Fields and tokens; `None` in the sandbox.
    pub sealed: Option<&'a Sealed>,
    /// When it is renewed at the latest, so that it does not die unused.
    pub renew_by: Option<Timestamp>,
}

/// Who may renew a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lease {
    /// Whoever asked.
    Taken,
    /// Whoever asked, after another one that came to no end: its replica died, or nobody knows what the provider did.
    TakenOver,
    /// Somebody else; or it was renewed already. Read again.
    Elsewhere,
}

/// Accounts at providers.
pub struct Connections<'a> {
    pub(super) db: &'a Db,
}

/// Everything but the credential.
macro_rules! columns {
    () => {
        "org, id, account, connector, mode, status, problem, label, scopes, metadata, webhook, token_version, created_at, \
         updated_at"
    };
}

impl Connections<'_> {
    /// Adds a connection; its credential comes by [`Connections::connect`].
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such org.
    pub async fn insert(&self, connection: &Connection) -> Result<(), Error> {
        let sql = "INSERT INTO connections (org, id, account, connector, mode, status, problem, label, scopes, \
                   metadata, created_at, updated_at, webhook) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let it = connection;
        let args: [Arg; 13] = [
            it.org.into(),
            it.id.into(),
            (&it.account).into(),
            (&it.connector).into(),
            it.mode.as_str().into(),
            it.status.as_str().into(),
            it.problem.as_ref().into(),
            it.label.as_ref().into(),
            scopes(&it.scopes),
            metadata(&it.metadata),
            it.created_at.into(),
            it.updated_at.into(),
            (&it.webhook).into(),
        ];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// The connection at whose webhook address something came. The address says whose it is; those from before it did are
    /// looked for among all.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn by_webhook(&self, webhook: &str) -> Result<Option<Connection>, Error> {
        let row = if let Some(org) = org_token::org(webhook) {
            let sql = concat!("SELECT ", columns!(), " FROM connections WHERE org = $1 AND webhook = $2");
            self.db.one(sql, [org.into(), webhook.into()]).await?
        } else {
            let sql = concat!("SELECT ", columns!(), " FROM connections WHERE webhook = $1");
            self.db.one(sql, [webhook.into()]).await?
        };
        row.as_ref().map(connection).transpose()
    }

    /// One connection.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, org: OrgId, id: ConnectionId) -> Result<Option<Connection>, Error> {
        Ok(self.get_sealed(org, id).await?.map(|(connection, _)| connection))
    }

    /// One connection with its sealed credential, as they are at one instant.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get_sealed(
        &self,
        org: OrgId,
        id: ConnectionId,
    ) -> Result<Option<(Connection, Option<Sealed>)>, Error> {
        let sql = concat!("SELECT ", columns!(), ", credential FROM connections WHERE org = $1 AND id = $2");
        let row = self.db.one(sql, [org.into(), id.into()]).await?;
        row.map(|row| Ok((connection(&row)?, row.maybe_sealed("credential")?))).transpose()
    }

    /// An org's connections, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, org: OrgId) -> Result<Vec<Connection>, Error> {
        let sql = concat!("SELECT ", columns!(), " FROM connections WHERE org = $1 ORDER BY id");
        self.db.all(sql, [org.into()]).await?.iter().map(connection).collect()
    }

    /// Makes a connection usable with a new credential, whatever it had before. `false`: there is no such connection.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn connect(
        &self,
        org: OrgId,
        id: ConnectionId,
        label: Option<&str>,
        credential: &Credential<'_>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let sql = "UPDATE connections SET status = 'connected', problem = NULL, label = $3, scopes = $4, \
                   metadata = $5, credential = $6, token_version = token_version + 1, lease_owner = NULL, \
                   lease_until = 0, updated_at = $7, renew_by = $8 WHERE org = $1 AND id = $2";
        let args: [Arg; 8] = [
            org.into(),
            id.into(),
            label.into(),
            scopes(credential.scopes),
            metadata(credential.metadata),
            credential.sealed.into(),
            now.into(),
            credential.renew_by.into(),
        ];
        Ok(self.db.write(sql, args).await? == 1)
    }

    /// Keeps a renewed credential, provided that the connection still has the one that was `seen`, and ends the lease.
    /// `false`: it has another one; drop this.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn renew(
        &self,
        org: OrgId,
        id: ConnectionId,
        seen: i64,
        credential: &Credential<'_>,
    ) -> Result<bool, Error> {
        let sql = "UPDATE connections SET scopes = $4, metadata = $5, credential = $6, \
                   token_version = token_version + 1, lease_owner = NULL, lease_until = 0, renew_by = $7 \
                   WHERE org = $1 AND id = $2 AND token_version = $3 AND status = 'connected'";
        let args: [Arg; 7] = [
            org.into(),
            id.into(),
            seen.into(),
            scopes(credential.scopes),
            metadata(credential.metadata),
            credential.sealed.into(),
            credential.renew_by.into(),
        ];
        Ok(self.db.write(sql, args).await? == 1)
    }

    /// Up to `limit` connections, of all orgs, whose grant is to be renewed by now, the longest due first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn to_renew(&self, now: Timestamp, limit: u32) -> Result<Vec<(OrgId, ConnectionId, Timestamp)>, Error> {
        let sql = "SELECT org, id, renew_by FROM connections WHERE renew_by <= $1 AND status = 'connected' \
                   ORDER BY renew_by LIMIT $2";
        let rows = self.db.all(sql, [now.into(), limit.into()]).await?;
        rows.iter().map(|row| Ok((row.parsed("org")?, row.parsed("id")?, row.time("renew_by")?))).collect()
    }

    /// Puts a renewal off that was due at `due`. `false`: somebody did before, or it was renewed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn put_off(&self, org: OrgId, id: ConnectionId, due: Timestamp, until: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE connections SET renew_by = $4 WHERE org = $1 AND id = $2 AND renew_by = $3";
        Ok(self.db.write(sql, [org.into(), id.into(), due.into(), until.into()]).await? == 1)
    }

    /// Says that the credential that was `seen` is dead, and tells the chatbot by `event`, both or neither. `false`: somebody
    /// said so before, or there is a newer one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reauthorize(
        &self,
        org: OrgId,
        id: ConnectionId,
        seen: i64,
        problem: &str,
        event: &Event,
    ) -> Result<bool, Error> {
        let sql = "UPDATE connections SET status = 'reauthorize', problem = $4, lease_owner = NULL, lease_until = 0, \
                   updated_at = $5 WHERE org = $1 AND id = $2 AND token_version = $3 AND status = 'connected'";
        let args: [Arg; 5] = [org.into(), id.into(), seen.into(), problem.into(), event.at.into()];
        let dead = Change::new(sql, args).or_nothing();
        Ok(self.db.write_all([dead].into_iter().chain(added(event)).collect()).await? == 1)
    }

    /// Says that a pending connection came to nothing. One that is in use stays so: only the attempt failed.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn fail(&self, org: OrgId, id: ConnectionId, problem: &str, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE connections SET status = 'failed', problem = $3, updated_at = $4 \
                   WHERE org = $1 AND id = $2 AND status = 'pending'";
        Ok(self.db.write(sql, [org.into(), id.into(), problem.into(), now.into()]).await? == 1)
    }

    /// Fails what has been pending since before `begun_before`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn fail_abandoned(&self, begun_before: Timestamp, problem: &str, now: Timestamp) -> Result<u64, Error> {
        let sql = "UPDATE connections SET status = 'failed', problem = $2, updated_at = $3 \
                   WHERE status = 'pending' AND updated_at < $1";
        self.db.write(sql, [begun_before.into(), problem.into(), now.into()]).await
    }

    /// Takes a connection off and wipes its credential. `false`: there is none, or it was off before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn disconnect(&self, org: OrgId, id: ConnectionId, now: Timestamp) -> Result<bool, Error> {
        let sql = "UPDATE connections SET status = 'disconnected', problem = NULL, credential = NULL, \
                   token_version = token_version + 1, lease_owner = NULL, lease_until = 0, updated_at = $3 \
                   WHERE org = $1 AND id = $2 AND status <> 'disconnected'";
        Ok(self.db.write(sql, [org.into(), id.into(), now.into()]).await? == 1)
    }

    /// Takes the right to renew the credential that was `seen`, until `until`, or until it is known that `owner` is dead.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn take_lease(
        &self,
        org: OrgId,
        id: ConnectionId,
        seen: i64,
        owner: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Lease, Error> {
        let sql = "UPDATE connections SET lease_owner = $4, lease_until = $5 \
                   WHERE org = $1 AND id = $2 AND token_version = $3 AND lease_owner IS NULL";
        let args: [Arg; 5] = [org.into(), id.into(), seen.into(), owner.into(), until.into()];
        if self.db.write(sql, args).await? == 1 {
            return Ok(Lease::Taken);
        }
        // one that the owner has and does not know of: the database did it, and its answer was lost
        let sql = "UPDATE connections SET lease_owner = $4, lease_until = $6 \
                   WHERE org = $1 AND id = $2 AND token_version = $3 AND lease_owner IS NOT NULL \
                   AND (lease_until <= $5 OR lease_owner = $4 OR EXISTS ( \
                       SELECT 1 FROM replicas r WHERE r.id = lease_owner AND r.dead_at IS NOT NULL))";
        let args: [Arg; 6] = [org.into(), id.into(), seen.into(), owner.into(), now.into(), until.into()];
        Ok(if self.db.write(sql, args).await? == 1 { Lease::TakenOver } else { Lease::Elsewhere })
    }

    /// Gives the right back without a new credential. With `cut_off` whoever takes it next takes it over.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn release_lease(&self, org: OrgId, id: ConnectionId, owner: &str, cut_off: bool) -> Result<(), Error> {
        let sql = "UPDATE connections SET lease_owner = CASE WHEN $4 = 1 THEN lease_owner ELSE NULL END, lease_until = 0 \
                   WHERE org = $1 AND id = $2 AND lease_owner = $3";
        self.db.write(sql, [org.into(), id.into(), owner.into(), i64::from(cut_off).into()]).await?;
        Ok(())
    }

    /// Up to `limit` sealed credentials of all orgs after `after`, in order of id: for a change of keys.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sealed(
        &self,
        after: Option<ConnectionId>,
        limit: u32,
    ) -> Result<Vec<(OrgId, ConnectionId, i64, Sealed)>, Error> {
        let sql = "SELECT org, id, token_version, credential FROM connections \
                   WHERE credential IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let rows = self.db.all(sql, [(&after).into(), limit.into()]).await?;
        rows.iter()
            .map(|row| {
                Ok((row.parsed("org")?, row.parsed("id")?, row.int("token_version")?, row.sealed("credential")?))
            })
            .collect()
    }

    /// Replaces what is known of a connection, unless its credential changed since it was `seen`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn describe(
        &self,
        org: OrgId,
        id: ConnectionId,
        seen: i64,
        known: &Map<String, Json>,
    ) -> Result<bool, Error> {
        let sql = "UPDATE connections SET metadata = $4 WHERE org = $1 AND id = $2 AND token_version = $3";
        Ok(self.db.write(sql, [org.into(), id.into(), seen.into(), metadata(known)]).await? == 1)
    }

    /// Replaces a sealed credential by the same one under another key, unless it changed since it was `seen`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reseal(&self, org: OrgId, id: ConnectionId, seen: i64, sealed: &Sealed) -> Result<bool, Error> {
        let sql = "UPDATE connections SET credential = $4 \
                   WHERE org = $1 AND id = $2 AND token_version = $3 AND credential IS NOT NULL";
        Ok(self.db.write(sql, [org.into(), id.into(), seen.into(), sealed.into()]).await? == 1)
    }
}

fn scopes(scopes: &[String]) -> Arg {
    Arg::from(&json!(scopes))
}

fn metadata(metadata: &Map<String, Json>) -> Arg {
    Arg::from(&json!(metadata))
}

fn connection(row: &Row) -> Result<Connection, Error> {
    Ok(Connection {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        account: row.text("account")?,
        connector: row.text("connector")?,
        mode: row.parsed("mode")?,
        status: row.parsed("status")?,
        problem: row.maybe_text("problem")?,
        label: row.maybe_text("label")?,
        scopes: row.json("scopes")?,
        metadata: row.json("metadata")?,
        webhook: row.text("webhook")?,
        token_version: row.int("token_version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
