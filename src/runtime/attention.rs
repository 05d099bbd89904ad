//! Orgs change their fields. What is known of them is described anew in time, and enabled actions whose mapping no longer
//! fits are marked before a customer meets the difference.

use std::{collections::HashMap, sync::Arc};

use futures_util::{StreamExt, stream};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{
    About, Engine, Error, Result,
    mappings::{Found, ObjectAt, of_org},
    run::{Inputs, Watch},
    unfit::{in_version, misfit},
};
use crate::{
    auth::Used,
    base::{Code, ConnectionId, Failure, OrgId},
    coordination::News,
    interpreter::{ExecutionNames, Unobserved},
    spec::{Action, Connector, FieldError, Fields, Mapped, Mapping, Mappings, Object, OrgSchema, mapping::Document},
    store::{EnabledAction, EventType, OrgObject, SavedMapping},
};

/// Described so often, also when nobody has reason to.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Tried again after so long when it failed.
const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// At most so many at a time, so that upkeep has an end.
const MOST_DUE: u32 = 20;

/// Providers asked at once.
const AT_ONCE: usize = 4;

/// What an org's mappings make of an action.
#[derive(Debug, Default)]
pub(super) struct OfOrg {
    /// Of all objects that it writes, itself or through an action that it calls.
    pub(super) mappings: Mappings,
    /// What the agent fills in, where the org has a say in it.
    pub(super) input: Option<Fields>,
    /// The objects.
    pub(super) objects: Vec<OrgObject>,
    /// Why it would fail whatever the agent gave.
    pub(super) blocked: Option<String>,
}

impl Engine {
    /// What the org that a connection belongs to makes of an action. The org's fields are asked for when nobody knows them; if
    /// they can't be told, nothing is checked against them.
    pub(super) async fn of_org(
        &self,
        org: OrgId,
        connector: &Arc<Connector>,
        action: &Action,
        connection: ConnectionId,
        config: &Json,
    ) -> Result<OfOrg> {
        let uses = connector.objects_of(action);
        if uses.is_empty() {
            return Ok(OfOrg::default());
        }
        let mut found = OfOrg::default();
        let mut mappings = HashMap::new();
        for of in uses {
            let Some(object) = connector.objects.get(&of.object) else { continue };
            let key = of_org(object, connector, org, connection, config);
            let mapping = self.saved(object, &key).await?.unwrap_or_else(|| Arc::clone(&object.default));
            let schema = self.known(org, connector, &key, config).await?;
            let mapped = Mapped { mapping, schema };
            if found.blocked.is_none() {
                found.blocked = mapped.blocked(object, of.partial);
            }
            if action.plan.object.as_ref().is_some_and(|own| std::ptr::eq(own, of)) {
                found.input = Some(mapped.input(object, of, &action.input));
            }
            mappings.insert(of.object.clone(), mapped);
            found.objects.push(key);
        }
        found.mappings = Mappings(Some(Arc::new(mappings)));
        Ok(found)
    }

    /// The saved mapping, compiled. One that no longer fits the connector maps nothing: it has to be saved anew.
    async fn saved(&self, object: &Object, key: &OrgObject) -> Result<Option<Arc<Mapping>>> {
        let saved = self.store.mappings().get(key).await?;
        Ok(saved.map(|it| Arc::new(compiled(&it, object).unwrap_or_default())))
    }

    /// The org's fields as they were last described; asked of the provider if that is due and nobody else is about to.
    async fn known(
        &self,
        org: OrgId,
        connector: &Connector,
        key: &OrgObject,
        config: &Json,
    ) -> Result<Option<Arc<OrgSchema>>> {
        let object = &connector.objects[key.object.as_str()];
        if object.describe.is_none() {
            return Ok(None);
        }
        let now = self.now();
        let row = self.store.mappings().described(key).await?;
        let due = row.as_ref().is_none_or(|it| it.due_at <= now);
        if due && self.store.mappings().claim(key, now, now + AGAIN).await? {
            let at = object_at(key, config);
            match self.find(org, &at).await {
                Ok(found) => match Box::pin(self.describe(&found)).await {
                    Ok(schema) => return Ok(Some(schema)),
                    Err(error) => tracing::warn!(%error, object = key.object, "an org's fields could not be described"),
                },
                Err(error) => tracing::warn!(%error, object = key.object, "an object is not there any more"),
            }
        }
        Ok(row.and_then(|it| it.fields).map(|it| Arc::new(OrgSchema::read(&it))))
    }

    /// Asks the provider for the org's fields, keeps them, and looks after the enabled actions that write them.
    pub(super) async fn describe(&self, found: &Found) -> Result<Arc<OrgSchema>> {
        let object = found.object();
        let Some(plan) = &object.describe else {
            let detail = format!("nobody can tell which fields an org has for `{}`", object.name);
            return Err(Error::conflict(detail, "Save a mapping without asking: this provider describes no fields."));
        };
        let of = &found.of;
        let connection = self.usable_connection(of.org, of.connection, &object.scopes, &found.connector).await?;
        let inputs = Inputs::without_arguments(found.config.clone(), ExecutionNames::of_org(of.org));
        let watch = Watch { observer: &Unobserved, used: &Used::default() };
        let told = self.run_plan(&found.connector, plan, &connection, inputs, watch).await.map_err(Error::Provider)?;
        let schema = OrgSchema::read(&told);
        if schema.is_empty() {
            let detail = format!("the provider told no field of `{}`", object.name);
            return Err(Error::Provider(Failure::new(Code::ProviderError, detail)));
        }
        let now = self.now();
        self.store.mappings().describe(of, &schema.to_json(), now, now + LIFE).await?;
        self.forget_org(of.org);
        self.attend_to(of, true).await?;
        Ok(Arc::new(schema))
    }

    /// An answer said that the org's fields are not what they were: they are described before the next call, or by upkeep.
    pub(super) async fn schema_changed(&self, org: OrgId, objects: &[OrgObject]) {
        for of in objects {
            if let Err(error) = self.store.mappings().expire(of).await {
                tracing::warn!(%error, object = of.object, "an org's fields could not be called stale");
            }
        }
        self.forget_org(org);
    }

    /// Describes what is due: at most a few at a time, each for whoever uses it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn describe_due(&self) -> Result<()> {
        let due = self.store.mappings().due(self.now(), MOST_DUE).await?;
        let one = async |of: OrgObject| {
            if let Err(error) = self.describe_again(&of).await {
                tracing::info!(%error, org.id = %of.org, object = of.object, "an org's fields could not be described");
            }
        };
        stream::iter(due).map(|it| one(it.of)).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
        Ok(())
    }

    async fn describe_again(&self, of: &OrgObject) -> Result<()> {
        let now = self.now();
        if !self.store.mappings().claim(of, now, now + AGAIN).await? {
            return Ok(());
        }
        if self.writers(of).await?.is_empty() {
            return Ok(self.store.mappings().forget(of).await?);
        }
        let config = serde_json::from_str(&of.config).unwrap_or_default();
        let found = self.find(of.org, &object_at(of, &config)).await?;
        Box::pin(self.describe(&found)).await.map(drop)
    }

    /// The enabled actions that write an object of an org, with their connector.
    async fn writers(&self, of: &OrgObject) -> Result<Vec<(EnabledAction, Arc<Connector>)>> {
        let mut users = self.neighbours(of).await?;
        users.retain(|(row, connector)| {
            connector.actions.get(&row.action).is_some_and(|action| {
                let config = action.config.with_defaults(row.config.clone());
                let objects = connector.objects_of(action).into_iter();
                let objects = objects.filter_map(|it| connector.objects.get(&it.object));
                objects.map(|it| of_org(it, connector, of.org, of.connection, &config)).any(|it| it == *of)
            })
        });
        Ok(users)
    }

    /// The enabled actions of the connector and connection that an object belongs to.
    async fn neighbours(&self, of: &OrgObject) -> Result<Vec<(EnabledAction, Arc<Connector>)>> {
        let Some(connector) = self.catalog.connector(of.org, &of.connector).await? else { return Ok(Vec::new()) };
        let rows = self.store.enabled_actions().of_connection(of.org, of.connection).await?;
        let rows = rows.into_iter().filter(|it| it.connector == of.connector);
        Ok(rows.map(|row| (row, Arc::clone(&connector))).collect())
    }

    /// Looks after all enabled actions that write an object. A mapping that was saved without config may be in use with any.
    pub(super) async fn attend_to(&self, of: &OrgObject, tell: bool) -> Result<()> {
        let rows = match of.config.as_str() {
            "{}" => self.neighbours(of).await?,
            _ => self.writers(of).await?,
        };
        for (row, connector) in rows {
            self.attend(&row, &connector, tell).await?;
        }
        Ok(())
    }

    /// Notes whether an enabled action can work with the version that its org has, and with what is known of the org now; with
    /// `tell` its chatbot hears of it.
    pub(super) async fn attend(&self, row: &EnabledAction, connector: &Arc<Connector>, tell: bool) -> Result<()> {
        if let Some(problem) = misfit(row, connector) {
            return self.note(row, &[in_version(connector, &problem)], tell).await;
        }
        let Some(action) = connector.actions.get(&row.action) else { return Ok(()) };
        let config = action.config.with_defaults(row.config.clone());
        let mut problems = Vec::new();
        for of in connector.objects_of(action) {
            let Some(object) = connector.objects.get(&of.object) else { continue };
            let key = of_org(object, connector, row.org, row.connection, &config);
            let mappings = self.store.mappings();
            let (saved, described) = (mappings.get(&key).await?, mappings.described(&key).await?);
            let mapping = match &saved {
                None => Ok(Arc::clone(&object.default)),
                Some(saved) => compiled(saved, object).map(Arc::new),
            };
            match (mapping, described.and_then(|it| it.fields)) {
                (Err(errors), _) => problems.extend(errors.into_iter().map(|it| it.message)),
                (Ok(mapping), _) if mapping.is_empty() => {
                    problems.extend(Mapped { mapping, schema: None }.blocked(object, of.partial));
                }
                (Ok(mapping), Some(fields)) => {
                    let schema = OrgSchema::read(&fields);
                    let checked = mapping.check(object, &schema, !of.partial, saved.is_none());
                    problems.extend(checked.errors.into_iter().map(|it| it.message));
                }
                (Ok(_), None) => {}
            }
        }
        problems.dedup();
        self.note(row, &problems, tell).await
    }

    /// Notes why an enabled action can't work, or that it can.
    pub(super) async fn note(&self, row: &EnabledAction, problems: &[String], tell: bool) -> Result<()> {
        let event = (tell && !problems.is_empty()).then(|| {
            let data = json!({
                "enabled_action": row.id, "agent": row.agent, "name": row.function,
                "connector": row.connector, "action": row.action, "problems": problems,
            });
            let about = About { connection: Some(row.connection), execution: None };
            self.event(row.org, EventType::ActionNeedsAttention, about, data)
        });
        if self.store.enabled_actions().note(row.org, row.id, problems, event.as_ref()).await? {
            self.forget_org(row.org);
        }
        Ok(())
    }

    /// Nothing that is remembered of an org's functions is used again.
    pub(super) fn forget_org(&self, org: OrgId) {
        self.enabled.forget_all(move |(of, ..)| *of == org);
        self.coordination.tell(News::Functions(org));
    }
}

fn object_at(of: &OrgObject, config: &Json) -> ObjectAt {
    let own = serde_json::from_str(&of.config).unwrap_or_else(|_| config.clone());
    ObjectAt {
        connection: of.connection,
        connector: Some(of.connector.clone()),
        object: of.object.clone(),
        config: own,
    }
}

/// A mapping as it was saved; one that no longer fits the connector is told by what of it doesn't.
fn compiled(saved: &SavedMapping, object: &Object) -> std::result::Result<Mapping, Vec<FieldError>> {
    Mapping::read(&Document::read(&saved.document)?, object)
}
