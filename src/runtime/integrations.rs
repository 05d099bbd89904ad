//! API integrations: an org's own connectors, each made from a builder's form for one request.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{
    Engine, Error, Published, Result,
    run::{Inputs, Watch},
    trace::{Detail, Trace},
};
use crate::{
    auth::Used,
    base::{ConnectionId, ExecutionId, Failure, OrgId},
    catalog::{
        form::{Files, Form},
        mistake::Mistake,
        own::{self, Checked},
    },
    expr::Scope,
    interpreter::{self, Event, ExecutionNames, Observer, Run},
    spec::{Action, Connector, Mappings},
    store::{OwnSource, OwnVersion},
    transport::{
        dry::{Dry, DryRequest},
        sandbox::Sandbox,
    },
    yaml::typed::is_id,
};

/// Stands for an execution's id and key where nothing is executed.
const DRY: &str = "00000000-0000-7000-8000-000000000000";

/// An example whose answer can't be used is called so, among the diagnostics.
const SAMPLE_FAILED: &str = "sample_failed";

/// A form, and the version that was made from it.
#[derive(Debug)]
pub struct Integration {
    /// The form's.
    pub name: String,
    /// Of the connector.
    pub version: OwnVersion,
    /// As it was given.
    pub form: Form,
}

/// What would be sent, and what would come of it.
#[derive(Debug)]
pub struct DryRun {
    /// With `•••` for what signing adds.
    pub requests: Vec<DryRequest>,
    /// What the example's answer comes to; `None` if there is none.
    pub outcome: Option<std::result::Result<Json, Failure>>,
}

/// What came of sending it.
#[derive(Debug)]
pub struct LiveRun {
    /// What the agent would get.
    pub outcome: std::result::Result<Json, Failure>,
    /// What went out and what came back.
    pub trace: Json,
}

impl Engine {
    /// Makes the form the active version of the integration of that name. The same form again changes nothing.
    ///
    /// # Errors
    /// When something in it can't be used, or what is enabled would not work with it.
    pub async fn put_integration(
        self: &Arc<Self>,
        org: OrgId,
        name: &str,
        form: Form,
    ) -> Result<(Integration, Published)> {
        let id = connector_id(name).ok_or_else(|| {
            Error::BadRequest(format!(
                "`{name}` is no name of an API integration: it is written in lower-case-with-dashes"
            ))
        })?;
        let active = self.store.own_connectors().active(org, &id).await?;
        if let Some(active) = &active {
            let kept = self.integration_of(active.clone()).await?;
            if kept.form == form {
                let published = Published { version: active.clone(), warnings: Vec::new(), is_first: false };
                return Ok((kept, published));
            }
        }
        let version = format!("1.{}.0", active.map_or(0, |it| it.number));
        let Files { connector, tests } = form.files(&id, name, &version).map_err(Error::Invalid)?;
        let source = OwnSource { connector, tests: Some(tests), form: serde_json::to_value(&form).ok() };
        self.must_take_the_sample(&id, name, &form, &source).await?;
        let published = self.publish(org, id, source).await;
        let mut published = published.map_err(|error| in_the_form(error, name, &form))?;
        published.warnings = published.warnings.into_iter().filter_map(|it| form.mistake(name, it)).collect();
        let version = published.version.clone();
        Ok((Integration { name: name.to_owned(), version, form }, published))
    }

    /// The integration of that name.
    ///
    /// # Errors
    /// When there is none.
    pub async fn integration(&self, org: OrgId, name: &str) -> Result<Integration> {
        let missing = Error::NotFound("API integration");
        let Some(id) = connector_id(name) else { return Err(missing) };
        let Some(active) = self.store.own_connectors().active(org, &id).await? else { return Err(missing) };
        self.integration_of(active).await
    }

    /// An org's integrations, by name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn integrations(&self, org: OrgId) -> Result<Vec<Integration>> {
        let mut all = Vec::new();
        for version in self.store.own_connectors().all_active(org).await? {
            if version.id.starts_with(own::FROM_A_FORM) {
                all.push(self.integration_of(version).await?);
            }
        }
        Ok(all)
    }

    /// Takes an integration back.
    ///
    /// # Errors
    /// When there is none, or something uses it: then that is named.
    pub async fn remove_integration(&self, org: OrgId, name: &str) -> Result<()> {
        let integration = self.integration(org, name).await?;
        self.unpublish(org, &integration.version.id).await
    }

    /// What the integration would send, and what would come of it. Nothing is sent.
    ///
    /// # Errors
    /// When there is none, or it can't take the input.
    pub async fn dry_run(&self, org: OrgId, name: &str, input: Option<Json>) -> Result<DryRun> {
        let (connector, input) = self.to_be_tried(org, name, input).await?;
        Ok(self.dry(&connector, action_of(&connector)?, input).await)
    }

    /// Sends it through a connection, as an agent's call would.
    ///
    /// # Errors
    /// When integration or connection aren't there or can't be used, or the input does not fit.
    pub async fn live_run(
        self: &Arc<Self>,
        org: OrgId,
        name: &str,
        connection: ConnectionId,
        input: Option<Json>,
    ) -> Result<LiveRun> {
        let (connector, input) = self.to_be_tried(org, name, input).await?;
        let scopes = &action_of(&connector)?.scopes;
        let connection = self.usable_connection(org, connection, scopes, &connector).await?;
        let engine = Arc::clone(self);
        let id = ExecutionId::new(self.now(), self.random.as_ref());
        self.to_its_end(async move {
            let (watched, used) = (Watched::default(), Used::default());
            let execution = ExecutionNames::called(id, id.uuid(), org, "test");
            let inputs = Inputs {
                input: input.into(),
                config: json!({}).into(),
                execution: execution.into(),
                mappings: Mappings::default(),
            };
            let watch = Watch { observer: &watched, used: &used };
            let plan = &action_of(&connector)?.plan;
            let outcome = engine.run_plan(&connector, plan, &connection, inputs, watch).await;
            let trace = watched.0.finish(Detail::Full, &used.secrets());
            Ok(LiveRun { outcome, trace: serde_json::from_str(&trace).map_err(anyhow::Error::from)? })
        })
        .await
    }

    /// An integration's connector, and the input to try it with: the form's own example if none is given.
    async fn to_be_tried(&self, org: OrgId, name: &str, input: Option<Json>) -> Result<(Arc<Connector>, Json)> {
        let Integration { form, version, .. } = self.integration(org, name).await?;
        let connector = self.connector(org, &version.id).await?;
        let input = action_of(&connector)?.input.accept(input.unwrap_or_else(|| sample_input(&form)))?;
        Ok((connector, input))
    }

    async fn integration_of(&self, version: OwnVersion) -> Result<Integration> {
        let source = self.store.own_connectors().source(version.org, &version.id, version.number).await?;
        let form = source.and_then(|it| it.form).ok_or(Error::NotFound("API integration"))?;
        let form = serde_json::from_value(form).map_err(anyhow::Error::from)?;
        Ok(Integration { name: name_of(&version.id).to_owned(), version, form })
    }

    /// The example of a form must fit the form: its input, and what its answer comes to.
    async fn must_take_the_sample(&self, id: &str, name: &str, form: &Form, source: &OwnSource) -> Result<()> {
        let Some(sample) = &form.test else { return Ok(()) };
        let Checked { connector, .. } = own::check_apart(id.to_owned(), source.clone()).await;
        // mistakes are told by publishing it
        let Some(connector) = connector else { return Ok(()) };
        let action = action_of(&connector)?;
        let input = action.input.accept(sample.input.clone().into());
        let input =
            input.map_err(|all| Error::Invalid(all.into_iter().map(|it| it.inside("/test/input")).collect()))?;
        if let Some(Err(failure)) = self.dry(&connector, action, input).await.outcome {
            let message = format!("`{name}` fails with the answer of the example: {}", failure.detail);
            return Err(Error::Connector(vec![Mistake::of_form(SAMPLE_FAILED, "/test/answer", message)]));
        }
        Ok(())
    }

    async fn dry(&self, connector: &Connector, action: &Action, input: Json) -> DryRun {
        let connection = Arc::new(shown_connection(connector));
        let dry = Dry::new(Sandbox::new(&connector.sandbox, Arc::clone(&connection), self.clock.as_ref(), DRY));
        let ran = Box::pin(interpreter::run(Run {
            connector,
            plan: &action.plan,
            input: input.into(),
            config: json!({}).into(),
            connection,
            execution: ExecutionNames::new(DRY, DRY, "org", "test").into(),
            mappings: Mappings::default(),
            beside: Scope::new(),
            transport: &dry,
            clock: self.clock.as_ref(),
            observer: &interpreter::Unobserved,
        }))
        .await;
        let requests = dry.requests();
        // a request that could not even be made fails too
        let is_known = ran.is_err() && requests.is_empty() || requests.iter().any(|it| it.answered);
        DryRun { requests, outcome: is_known.then_some(ran) }
    }
}

/// The connector's id, if that can be a form's name.
fn connector_id(name: &str) -> Option<String> {
    let id = format!("{}{name}", own::FROM_A_FORM);
    (is_id(name) && is_id(&id)).then_some(id)
}

/// The form's name, of its connector's id. It may begin as the id does.
fn name_of(id: &str) -> &str {
    id.strip_prefix(own::FROM_A_FORM).unwrap_or(id)
}

/// The only one.
fn action_of(connector: &Connector) -> Result<&Action> {
    connector.actions.first().map(|(_, action)| action).ok_or(Error::NotFound("action"))
}

fn sample_input(form: &Form) -> Json {
    form.test.as_ref().map(|it| it.input.clone()).unwrap_or_default().into()
}

/// What is known of a connection before there is one.
fn shown_connection(connector: &Connector) -> Json {
    let mut all: Map<String, Json> = Map::new();
    for (name, _) in connector
        .account
        .fields
        .iter()
        .filter(|(name, _)| !connector.account.secret_fields.contains(&(*name).to_owned()))
    {
        all.insert(name.to_owned(), json!(format!("<{name}>")));
    }
    all.insert("id".to_owned(), json!("con_dry"));
    all.insert("label".to_owned(), json!("dry run"));
    all.into()
}

fn in_the_form(error: Error, name: &str, form: &Form) -> Error {
    match error {
        Error::Connector(found) => {
            let mut found: Vec<_> = found.into_iter().filter_map(|it| form.mistake(name, it)).collect();
            // a title stands in two places of the connector
            found.dedup_by(|a, b| a.code == b.code && a.pointer == b.pointer);
            Error::Connector(found)
        }
        other => other,
    }
}

/// Keeps what happened, for the builder who watches.
#[derive(Default)]
struct Watched(Trace);

impl Observer for Watched {
    fn event(&self, event: Event<'_>) {
        self.0.record(&event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back_whatever_it_begins_with() {
        for name in ["stock", "api-stock", "api-api-stock", "own-stock"] {
            assert_eq!(name_of(&connector_id(name).unwrap()), name);
        }
    }
}
