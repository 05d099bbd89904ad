//! Actions switched on for an agent: checked when they are set, looked up from memory when they are called.

use std::sync::{Arc, OnceLock};

use indexmap::Equivalent;
use serde_json::Value as Json;

use super::{
    Engine, Error, Result,
    attention::OfOrg,
    call::Call,
    functions, mappings,
    unfit::{in_version, misfit},
};
use crate::{
    base::{ConnectionId, EnabledActionId, ExecutionId, OrgId},
    connections,
    coordination::News,
    spec::{Action, Connector, Fields},
    store::{self, Common, Connection, EnabledAction, Mode, NewExecution, Status},
};

/// Whose function: of an org's agent, its name, and whether for calls that try another version.
pub(super) type FunctionKey = (OrgId, String, String, bool);

/// One to be looked up: it hashes as the key does.
#[derive(Hash)]
struct FunctionName<'a>(OrgId, &'a str, &'a str, bool);

impl Equivalent<FunctionKey> for FunctionName<'_> {
    fn equivalent(&self, (org, agent, name, tried): &FunctionKey) -> bool {
        (self.0, self.1, self.2, self.3) == (*org, agent, name, *tried)
    }
}

/// An enabled action with the connector that it is of.
#[derive(Debug)]
pub(super) struct Enabled {
    pub(super) row: EnabledAction,
    /// With defaults filled in.
    pub(super) config: Arc<Json>,
    pub(super) connector: Arc<Connector>,
    /// What the org's mappings make of it.
    pub(super) of_org: OfOrg,
    /// Why it can't be called: the connector is not as it was when it was enabled.
    pub(super) unfit: Option<String>,
    /// Its place in the connector, so that a call need not look for it.
    index: usize,
    /// What is the same in the rows of all its executions.
    common: OnceLock<Arc<Common>>,
}

impl Enabled {
    pub(super) fn action(&self) -> &Action {
        &self.connector.actions[self.index]
    }

    /// What is the same in the rows of all its executions, of which `one` is one.
    pub(super) fn common(&self, one: &NewExecution) -> Arc<Common> {
        Arc::clone(self.common.get_or_init(|| Common::of(one).into()))
    }

    /// What the agent fills in.
    pub(super) fn input(&self) -> &Fields {
        self.of_org.input.as_ref().unwrap_or(&self.action().input)
    }

    /// Arguments in which an option that is named by its label, or in another case, is the one that the org has: a model says
    /// what people say.
    pub(super) fn meant(&self, mut arguments: Json) -> Json {
        let action = self.action();
        let mapped = action.plan.object.as_ref().and_then(|of| self.of_org.mappings.0.as_ref()?.get(&of.object));
        if let Some(mapped) = mapped {
            mapped.name_options(&action.input, &mut arguments);
        }
        arguments
    }
}

/// A connection as it was last read.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) connection: Connection,
    /// As `connection` in expressions.
    pub(super) scope: Arc<Json>,
}

impl Seen {
    pub(super) fn new(connection: Connection) -> Self {
        Self { scope: connections::as_scope(&connection), connection }
    }
}

/// What to switch on.
#[derive(Debug)]
pub struct Enable {
    /// For whom.
    pub agent: String,
    /// Of which connector.
    pub connector: String,
    /// Which action.
    pub action: String,
    /// With whose account.
    pub connection: ConnectionId,
    /// Fixed by the builder.
    pub config: Json,
    /// The function's name; the action's by default.
    pub name: Option<String>,
    /// The function's description; the action's by default.
    pub description: Option<String>,
}

/// What to change; `None` stays.
#[derive(Debug, Default)]
pub struct Change {
    /// Another account.
    pub connection: Option<ConnectionId>,
    /// Another config.
    pub config: Option<Json>,
    /// Another name.
    pub name: Option<String>,
    /// Another description.
    pub description: Option<String>,
}

impl Engine {
    /// Switches an action on for an agent.
    ///
    /// # Errors
    /// When connector, action or connection aren't there, the config does not fit, or the name is taken.
    pub async fn enable(&self, org: OrgId, enable: Enable) -> Result<EnabledAction> {
        let connector = self.connector(org, &enable.connector).await?;
        let action = connector.actions.get(&enable.action).ok_or(Error::NotFound("action"))?;
        self.connection_for(org, enable.connection, &connector).await?;
        configured(&connector, action, &enable.config)?;
        let now = self.now();
        let row = EnabledAction {
            id: EnabledActionId::new(now, self.random.as_ref()),
            org,
            agent: checked_agent(enable.agent)?,
            connector: enable.connector,
            action: enable.action,
            connection: enable.connection,
            config: enable.config,
            function: checked_name(enable.name.unwrap_or_else(|| action.name.clone()))?,
            description: enable.description,
            attention: Vec::new(),
            created_at: now,
            updated_at: now,
        };
        self.store.enabled_actions().insert(&row).await.map_err(|error| taken(error, &row.function))?;
        self.forget_functions(org, &row.agent);
        self.want_subscriptions_later(org, row.connection).await;
        self.looked_after(row, &connector).await
    }

    /// Changes an enabled action.
    ///
    /// # Errors
    /// As [`Engine::enable`].
    pub async fn change(&self, org: OrgId, agent: &str, id: EnabledActionId, change: Change) -> Result<EnabledAction> {
        let mut row = self.enabled_action(org, agent, id).await?;
        let connector = self.connector(org, &row.connector).await?;
        let action = connector.actions.get(&row.action).ok_or(Error::NotFound("action"))?;
        if let Some(connection) = change.connection {
            self.connection_for(org, connection, &connector).await?;
            row.connection = connection;
        }
        if let Some(config) = change.config {
            configured(&connector, action, &config)?;
            row.config = config;
        }
        if let Some(name) = change.name {
            row.function = checked_name(name)?;
        }
        row.description = change.description.or(row.description);
        row.updated_at = self.now();
        if !self.store.enabled_actions().update(&row).await.map_err(|error| taken(error, &row.function))? {
            return Err(Error::NotFound("enabled action"));
        }
        self.forget_functions(org, agent);
        self.looked_after(row, &connector).await
    }

    /// The row with what the builder should look at, as far as the org's fields are known or can be told now.
    async fn looked_after(&self, row: EnabledAction, connector: &Arc<Connector>) -> Result<EnabledAction> {
        let Some(action) = connector.actions.get(&row.action) else { return Ok(row) };
        if connector.objects_of(action).is_empty() && row.attention.is_empty() {
            return Ok(row);
        }
        let config = action.config.with_defaults(row.config.clone());
        Box::pin(self.of_org(row.org, connector, action, row.connection, &config)).await?;
        self.attend(&row, connector, false).await?;
        Ok(self.store.enabled_actions().get(row.org, row.id).await?.unwrap_or(row))
    }

    /// Switches an action off.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn disable(&self, org: OrgId, agent: &str, id: EnabledActionId) -> Result<()> {
        self.enabled_action(org, agent, id).await?;
        if !self.store.enabled_actions().remove(org, id).await? {
            return Err(Error::NotFound("enabled action"));
        }
        self.forget_functions(org, agent);
        Ok(())
    }

    /// One enabled action.
    ///
    /// # Errors
    /// When it isn't there.
    pub async fn enabled_action(&self, org: OrgId, agent: &str, id: EnabledActionId) -> Result<EnabledAction> {
        let row = self.store.enabled_actions().get(org, id).await?;
        row.filter(|it| it.agent == agent).ok_or(Error::NotFound("enabled action"))
    }

    /// All of an agent's, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn enabled_actions(&self, org: OrgId, agent: &str) -> Result<Vec<EnabledAction>> {
        Ok(self.store.enabled_actions().list(org, Some(agent)).await?)
    }

    /// An agent's functions, without those that don't fit what the org has now, whose connection can't be used, or whose mapping
    /// has to be set up first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn functions(&self, org: OrgId, agent: &str, format: functions::Format) -> Result<Vec<Json>> {
        let mut all = Vec::new();
        for row in self.store.enabled_actions().list(org, Some(agent)).await? {
            let Some(connector) = self.catalog.connector(org, &row.connector).await? else { continue };
            let Some(action) = connector.actions.get(&row.action).filter(|_| misfit(&row, &connector).is_none()) else {
                continue;
            };
            if self.usable_connection(org, row.connection, &action.scopes, &connector).await.is_err() {
                continue;
            }
            let config = action.config.with_defaults(row.config.clone());
            let of_org = Box::pin(self.of_org(org, &connector, action, row.connection, &config)).await?;
            if of_org.blocked.is_some() {
                continue;
            }
            let description = row.description.as_deref().unwrap_or(&action.describe);
            let input = of_org.input.as_ref().unwrap_or(&action.input);
            all.push(functions::describe(&row.function, description, action, input, format));
        }
        Ok(all)
    }

    /// What a function's name stands for.
    pub(super) async fn function(&self, org: OrgId, agent: &str, name: &str) -> Result<Arc<Enabled>> {
        match self.enabled.get(&FunctionName(org, agent, name, false)) {
            Some(enabled) => Ok(enabled),
            // boxed, since every call's future has room for what it awaits
            None => Box::pin(self.found_function((org, agent.to_owned(), name.to_owned(), false))).await,
        }
    }

    async fn found_function(&self, key: FunctionKey) -> Result<Arc<Enabled>> {
        let (org, agent, name, _) = &key;
        let mark = self.enabled.mark();
        let missing = || Error::NotFound("function");
        let row = self.store.enabled_actions().by_function(*org, agent, name).await?.ok_or_else(missing)?;
        let connector = self.catalog.connector(*org, &row.connector).await?.ok_or_else(missing)?;
        let enabled = self.enabled_with(row, connector).await?.ok_or_else(missing)?;
        self.enabled.keep(mark, key, Arc::clone(&enabled));
        Ok(enabled)
    }

    /// The same by the version that this call tries, if it is one of those that do and the version has the action.
    pub(super) async fn tried(&self, org: OrgId, call: &Call, enabled: Arc<Enabled>) -> Result<Arc<Enabled>> {
        let connector = &enabled.row.connector;
        if !self.catalog.snapshot().has_canary(connector) {
            return Ok(enabled);
        }
        let (mark, snapshot) = (self.enabled.mark(), self.catalog.snapshot());
        let part = call.conversation.as_deref().or(call.customer.as_deref()).or(call.idempotency_key.as_deref());
        let part = part.map_or_else(|| ExecutionId::new(self.now(), self.random.as_ref()).text(), str::to_owned);
        let Some(connector) = snapshot.tried(org, connector, &part) else { return Ok(enabled) };
        let key = (org, call.agent.clone(), call.function.clone(), true);
        if let Some(known) = self.enabled.get(&key).filter(|it| Arc::ptr_eq(&it.connector, connector)) {
            return Ok(known);
        }
        let tried = Box::pin(self.enabled_with(enabled.row.clone(), Arc::clone(connector))).await?;
        let Some(tried) = tried.filter(|it| it.unfit.is_none()) else { return Ok(enabled) };
        self.enabled.keep(mark, key, Arc::clone(&tried));
        Ok(tried)
    }

    /// Nothing, if the connector has no such action.
    async fn enabled_with(&self, row: EnabledAction, connector: Arc<Connector>) -> Result<Option<Arc<Enabled>>> {
        let Some(index) = connector.actions.get_index_of(&row.action) else { return Ok(None) };
        let action = &connector.actions[index];
        let config = Arc::new(action.config.with_defaults(row.config.clone()));
        let of_org = Box::pin(self.of_org(row.org, &connector, action, row.connection, &config)).await?;
        let unfit = misfit(&row, &connector).map(|it| in_version(&connector, &it));
        Ok(Some(Arc::new(Enabled { row, config, of_org, connector, unfit, index, common: OnceLock::new() })))
    }

    /// The connection, if it can be used now for something that needs `scopes`.
    pub(super) async fn usable_connection(
        &self,
        org: OrgId,
        id: ConnectionId,
        scopes: &[String],
        connector: &Connector,
    ) -> Result<Arc<Seen>> {
        let seen = self.connection_for(org, id, connector).await?;
        let connection = &seen.connection;
        if connection.status != Status::Connected {
            return Err(Error::NotConnected(connection.status.as_str()));
        }
        let missing = match connection.mode {
            Mode::Live => connector.account.missing_scopes(&connection.scopes, scopes),
            // a sandbox grants everything
            Mode::Sandbox => Vec::new(),
        };
        if missing.is_empty() { Ok(seen) } else { Err(Error::MissingScopes(missing)) }
    }

    /// The org's connection, if it is to the connector's account.
    pub(super) async fn connection_for(
        &self,
        org: OrgId,
        id: ConnectionId,
        connector: &Connector,
    ) -> Result<Arc<Seen>> {
        let key = (org, id);
        let seen = match self.seen.get(&key) {
            Some(seen) => seen,
            None => {
                let mark = self.seen.mark();
                let connection = Box::pin(self.connections.get(org, id)).await?;
                let seen = Arc::new(Seen::new(connection));
                self.seen.keep(mark, key, Arc::clone(&seen));
                seen
            }
        };
        if seen.connection.account != connector.account.id {
            return Err(Error::NotFound("connection"));
        }
        Ok(seen)
    }

    fn forget_functions(&self, org: OrgId, agent: &str) {
        let agent = agent.to_owned();
        self.enabled.forget_all(move |(of, to, ..)| *of == org && *to == agent);
        self.coordination.tell(News::Functions(org));
    }
}

/// Refuses a config that does not fit, or is too long for what an object's fields depend on.
fn configured(connector: &Connector, action: &Action, config: &Json) -> Result<()> {
    let config = action.config.accept(config.clone())?;
    let objects = connector.objects_of(action).into_iter().filter_map(|it| connector.objects.get(&it.object));
    objects.into_iter().try_for_each(|it| mappings::config_of(it, &config).map(drop))
}

/// The chatbot's own id of an agent: printable, and short enough for a key.
fn checked_agent(agent: String) -> Result<String> {
    if (1..=128).contains(&agent.len()) && agent.chars().all(|c| c.is_ascii_graphic()) {
        return Ok(agent);
    }
    Err(Error::BadRequest("an agent's id has 1 to 128 printable ASCII characters".to_owned()))
}

/// What every vendor takes as a function's name.
fn checked_name(name: String) -> Result<String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if (1..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(name);
    }
    Err(Error::BadRequest(format!("`{name}` is no function name: 1 to 64 letters, digits, `_` or `-`")))
}

fn taken(error: store::Error, function: &str) -> Error {
    match error {
        store::Error::Taken => {
            let detail = format!("the agent has a function `{function}` already");
            Error::conflict(detail, "Give this one another `name`, or change the one that is there by PATCH.")
        }
        error => error.into(),
    }
}
