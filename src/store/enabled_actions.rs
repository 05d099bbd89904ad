//! Actions that builders switched on for their agents.

use jiff::Timestamp;
use serde_json::Value as Json;

use super::{
    Error, Event,
    db::{Change, Db},
    events::added,
    value::{Arg, Row},
};
use crate::base::{ConnectionId, EnabledActionId, OrgId};

/// An action switched on for an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct EnabledAction {
    /// Whose.
    pub org: OrgId,
    /// Ours.
    pub id: EnabledActionId,
    /// The chatbot's own name of the agent.
    pub agent: String,
    /// Which connector …
    pub connector: String,
    /// … and which of its actions.
    pub action: String,
    /// The account that it is done with.
    pub connection: ConnectionId,
    /// Fixed by the builder, as they gave it.
    pub config: Json,
    /// The name that the model calls it by, unique for the agent.
    pub function: String,
    /// What the model reads instead of the action's own description.
    pub description: Option<String>,
    /// Why it can't work as it should, in sentences; empty when it can.
    pub attention: Vec<String>,
    /// When.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// What builders switched on.
pub struct EnabledActions<'a> {
    pub(super) db: &'a Db,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT org, id, agent, connector, action, connection, config, function, description, attention, created_at, ",
            "updated_at FROM enabled_actions WHERE ",
            $rest
        )
    };
}

impl EnabledActions<'_> {
    /// Adds one.
    ///
    /// # Errors
    /// [`Error::Taken`] if the agent has a function of that name, [`Error::Missing`] if there is no such connection.
    pub async fn insert(&self, enabled: &EnabledAction) -> Result<(), Error> {
        let it = enabled;
        let sql = "INSERT INTO enabled_actions (org, id, agent, connector, action, connection, config, function, \
                   description, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        let args: [Arg; 11] = [
            it.org.into(),
            it.id.into(),
            (&it.agent).into(),
            (&it.connector).into(),
            (&it.action).into(),
            it.connection.into(),
            (&it.config).into(),
            (&it.function).into(),
            it.description.as_ref().into(),
            it.created_at.into(),
            it.updated_at.into(),
        ];
        self.db.write(sql, args).await?;
        Ok(())
    }

    /// Changes connection, config, function name and description. `false`: there is no such one.
    ///
    /// # Errors
    /// As [`EnabledActions::insert`].
    pub async fn update(&self, enabled: &EnabledAction) -> Result<bool, Error> {
        let it = enabled;
        let sql = "UPDATE enabled_actions SET connection = $3, config = $4, function = $5, description = $6, \
                   updated_at = $7 WHERE org = $1 AND id = $2";
        let args: [Arg; 7] = [
            it.org.into(),
            it.id.into(),
            it.connection.into(),
            (&it.config).into(),
            (&it.function).into(),
            it.description.as_ref().into(),
            it.updated_at.into(),
        ];
        Ok(self.db.write(sql, args).await? == 1)
    }

    /// One of them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn get(&self, org: OrgId, id: EnabledActionId) -> Result<Option<EnabledAction>, Error> {
        let sql = select!("org = $1 AND id = $2");
        self.db.one(sql, [org.into(), id.into()]).await?.as_ref().map(enabled).transpose()
    }

    /// All of a connector, over all orgs: at most `limit`. It goes through the whole table, so it is asked when somebody publishes.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of_connector(&self, connector: &str, limit: u32) -> Result<Vec<EnabledAction>, Error> {
        let sql = select!("connector = $1 ORDER BY org, id LIMIT $2");
        self.db.all(sql, [connector.into(), limit.into()]).await?.iter().map(enabled).collect()
    }

    /// The one that an agent's model calls by that name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn by_function(&self, org: OrgId, agent: &str, function: &str) -> Result<Option<EnabledAction>, Error> {
        let sql = select!("org = $1 AND agent = $2 AND function = $3");
        self.db.one(sql, [org.into(), agent.into(), function.into()]).await?.as_ref().map(enabled).transpose()
    }

    /// An agent's, the oldest first; without an agent the whole org's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list(&self, org: OrgId, agent: Option<&str>) -> Result<Vec<EnabledAction>, Error> {
        let sql = select!("org = $1 AND (CAST($2 AS TEXT) IS NULL OR agent = $2) ORDER BY id");
        self.db.all(sql, [org.into(), agent.into()]).await?.iter().map(enabled).collect()
    }

    /// Those that use a connection, the oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of_connection(&self, org: OrgId, connection: ConnectionId) -> Result<Vec<EnabledAction>, Error> {
        let sql = select!("org = $1 AND connection = $2 ORDER BY id");
        self.db.all(sql, [org.into(), connection.into()]).await?.iter().map(enabled).collect()
    }

    /// Notes why one can't work as it should, or that it can, and tells `event` of it. `false`: that was known already, or
    /// there is none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note(
        &self,
        org: OrgId,
        id: EnabledActionId,
        problems: &[String],
        event: Option<&Event>,
    ) -> Result<bool, Error> {
        let sql = "UPDATE enabled_actions SET attention = $3 \
                   WHERE org = $1 AND id = $2 AND attention IS DISTINCT FROM $3";
        let problems = (!problems.is_empty()).then(|| Json::from(problems));
        let noted = Change::new(sql, [org.into(), id.into(), problems.as_ref().into()]).or_nothing();
        let told = event.map(added).into_iter().flatten();
        Ok(self.db.write_all([noted].into_iter().chain(told).collect()).await? == 1)
    }

    /// Switches one off. `false`: there was none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove(&self, org: OrgId, id: EnabledActionId) -> Result<bool, Error> {
        let sql = "DELETE FROM enabled_actions WHERE org = $1 AND id = $2";
        Ok(self.db.write(sql, [org.into(), id.into()]).await? == 1)
    }
}

fn enabled(row: &Row) -> Result<EnabledAction, Error> {
    Ok(EnabledAction {
        org: row.parsed("org")?,
        id: row.parsed("id")?,
        agent: row.text("agent")?,
        connector: row.text("connector")?,
        action: row.text("action")?,
        connection: row.parsed("connection")?,
        config: row.json("config")?,
        function: row.text("function")?,
        description: row.maybe_text("description")?,
        attention: row.maybe_json("attention")?.unwrap_or_default(),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}
