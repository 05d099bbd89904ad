//! What a builder does with an org's mappings: look at the org's fields, map, check, save.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::{Engine, Error, Result};
use crate::{
    base::{ConnectionId, OrgId, pointer},
    spec::{
        Connector, FieldError, Mapping, Object, OrgSchema,
        mapping::{Checked, Document, Suggestion, suggest},
    },
    store::{Mode, OrgObject, SavedMapping},
};

/// A builder who looks again so soon sees what was described a moment ago.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// What an object's fields depend on is a key of the store's, which keeps no longer ones.
const LONGEST_CONFIG: usize = 1000;

/// An object at a connection, as a builder names it.
#[derive(Debug, Clone)]
pub struct ObjectAt {
    /// At which account.
    pub connection: ConnectionId,
    /// Of which connector; the one that the account was connected for by default.
    pub connector: Option<String>,
    /// Which object.
    pub object: String,
    /// What the org's fields depend on.
    pub config: Json,
}

/// An object that was found.
pub(super) struct Found {
    pub(super) connector: Arc<Connector>,
    index: usize,
    mode: Mode,
    /// With defaults.
    pub(super) config: Json,
    pub(super) of: OrgObject,
}

/// The org's own fields.
#[derive(Debug)]
pub struct OrgFields {
    /// In the provider's order.
    pub fields: Arc<OrgSchema>,
    /// When the provider told.
    pub described_at: Timestamp,
}

/// A mapping in use.
#[derive(Debug)]
pub struct InUse {
    /// Of what.
    pub of: OrgObject,
    /// As it is written; the connector's own if nobody saved one.
    pub document: Document,
    /// The saved one: it may be one that was saved without config.
    pub saved: Option<SavedMapping>,
}

impl Found {
    pub(super) fn object(&self) -> &Object {
        &self.connector.objects[self.index]
    }

    /// Whether any action makes new records of it.
    fn creates(&self) -> bool {
        let of_object = self.connector.actions.values().filter_map(|it| it.plan.object.as_ref());
        of_object.filter(|it| it.object == self.of.object).any(|it| !it.partial)
    }
}

impl Engine {
    /// The connector whose objects are meant, and whether the connection is live.
    ///
    /// # Errors
    /// When either isn't there, or they don't belong together.
    pub async fn connector_at(
        &self,
        org: OrgId,
        connection: ConnectionId,
        connector: Option<&str>,
    ) -> Result<(Arc<Connector>, Mode)> {
        let id = match connector {
            Some(id) => id.to_owned(),
            None => self.connections.get(org, connection).await?.connector,
        };
        let connector = self.connector(org, &id).await?;
        let mode = self.connection_for(org, connection, &connector).await?.connection.mode;
        Ok((connector, mode))
    }

    pub(super) async fn find(&self, org: OrgId, at: &ObjectAt) -> Result<Found> {
        let (connector, mode) = self.connector_at(org, at.connection, at.connector.as_deref()).await?;
        let index = connector.objects.get_index_of(&at.object).ok_or(Error::NotFound("object"))?;
        let object = &connector.objects[index];
        let config = object.config.accept(at.config.clone())?;
        config_of(object, &config)?;
        let of = of_org(object, &connector, org, at.connection, &config);
        Ok(Found { index, mode, config, of, connector })
    }

    /// The mappings that are saved for a connection.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn saved_mappings(&self, org: OrgId, connection: ConnectionId) -> Result<Vec<SavedMapping>> {
        Ok(self.store.mappings().of_connection(org, connection).await?)
    }

    /// The org's own fields, asked of the provider unless that was a moment ago.
    ///
    /// # Errors
    /// When the object can't be described, or the provider fails.
    pub async fn org_fields(&self, org: OrgId, at: &ObjectAt, fresh: bool) -> Result<OrgFields> {
        let found = self.find(org, at).await?;
        self.fields_of(&found, fresh).await
    }

    async fn fields_of(&self, found: &Found, fresh: bool) -> Result<OrgFields> {
        let now = self.now();
        if !fresh && let Some(row) = self.store.mappings().described(&found.of).await? {
            let recent = row.described_at.filter(|it| now.duration_since(*it) < FRESH && row.due_at > now);
            if let (Some(described_at), Some(fields)) = (recent, &row.fields) {
                return Ok(OrgFields { fields: Arc::new(OrgSchema::read(fields)), described_at });
            }
        }
        Ok(OrgFields { fields: self.describe(found).await?, described_at: now })
    }

    /// The mapping in use: the saved one, or the connector's own.
    ///
    /// # Errors
    /// When there is no such object.
    pub async fn mapping(&self, org: OrgId, at: &ObjectAt) -> Result<InUse> {
        let found = self.find(org, at).await?;
        let saved = self.store.mappings().get(&found.of).await?;
        let document = match &saved {
            Some(saved) => Document::read(&saved.document).map_err(Error::Invalid)?,
            None => found.object().default.document(),
        };
        Ok(InUse { of: found.of, document, saved })
    }

    /// Saves a mapping that fits the org's fields as they are now; gives it back with what somebody should look at.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that doesn't fit; or the provider can't be asked.
    pub async fn save_mapping(&self, org: OrgId, at: &ObjectAt, document: &Json) -> Result<(InUse, Vec<FieldError>)> {
        let found = self.find(org, at).await?;
        let (document, checked) = self.checked(&found, document, true).await?;
        if !checked.errors.is_empty() {
            return Err(Error::Invalid(checked.errors));
        }
        self.store.mappings().save(&found.of, &as_json(&document), self.now()).await?;
        self.mapping_changed(&found).await?;
        let saved = self.store.mappings().get(&found.of).await?;
        Ok((InUse { of: found.of, document, saved }, checked.warnings))
    }

    /// Forgets a saved mapping.
    ///
    /// # Errors
    /// When there is none for exactly this config.
    pub async fn remove_mapping(&self, org: OrgId, at: &ObjectAt) -> Result<()> {
        let found = self.find(org, at).await?;
        if !self.store.mappings().remove(&found.of).await? {
            return Err(Error::NotFound("mapping"));
        }
        self.mapping_changed(&found).await
    }

    /// Checks a mapping, the one in use by default, without saving anything.
    ///
    /// # Errors
    /// When the object can't be described, or the provider fails.
    pub async fn check_mapping(&self, org: OrgId, at: &ObjectAt, document: Option<&Json>) -> Result<Checked> {
        let found = self.find(org, at).await?;
        if let Some(document) = document {
            return Ok(self.checked(&found, document, false).await?.1);
        }
        match self.store.mappings().get(&found.of).await? {
            Some(saved) => Ok(self.checked(&found, &saved.document, false).await?.1),
            None => {
                let schema = self.fields_of(&found, false).await?.fields;
                Ok(found.object().default.check(found.object(), &schema, found.creates(), true))
            }
        }
    }

    /// Suggests a mapping by what the org's fields are called, and checks it.
    ///
    /// # Errors
    /// When the object can't be described, or the provider fails.
    pub async fn suggest_mapping(&self, org: OrgId, at: &ObjectAt) -> Result<(Suggestion, Checked)> {
        let found = self.find(org, at).await?;
        let schema = self.fields_of(&found, false).await?.fields;
        let suggestion = suggest(found.object(), &schema);
        let checked = match Mapping::read(&suggestion.mapping, found.object()) {
            Ok(mapping) => mapping.check(found.object(), &schema, found.creates(), false),
            Err(errors) => Checked { errors, warnings: Vec::new() },
        };
        Ok((suggestion, checked))
    }

    /// Reads a document and checks it against the org. A sandbox can't always tell the fields of an org; then only the form is
    /// checked.
    async fn checked(&self, found: &Found, written: &Json, fresh: bool) -> Result<(Document, Checked)> {
        let document = match Document::read(written) {
            Ok(document) => document,
            Err(errors) => return Ok((Document::default(), Checked { errors, warnings: Vec::new() })),
        };
        let mut errors = taken(&document, found);
        let mapping = match Mapping::read(&document, found.object()) {
            Ok(mapping) => mapping,
            Err(more) => {
                errors.extend(more);
                return Ok((document, Checked { errors, warnings: Vec::new() }));
            }
        };
        let schema = match self.fields_of(found, fresh).await {
            Ok(described) => described.fields,
            Err(Error::Provider(_) | Error::Conflict { .. }) if self.needs_no_schema(found) => {
                return Ok((document, Checked { errors, warnings: Vec::new() }));
            }
            Err(error) => return Err(error),
        };
        let mut checked = mapping.check(found.object(), &schema, found.creates(), false);
        errors.append(&mut checked.errors);
        Ok((document, Checked { errors, warnings: checked.warnings }))
    }

    fn needs_no_schema(&self, found: &Found) -> bool {
        found.mode == Mode::Sandbox || found.object().describe.is_none()
    }

    /// What is remembered of functions is no longer true, and what needed attention may need none any more.
    async fn mapping_changed(&self, found: &Found) -> Result<()> {
        self.forget_org(found.of.org);
        self.attend_to(&found.of, false).await
    }
}

/// An object as an org has it: what its fields depend on, of a config that may hold more.
pub(super) fn of_org(
    object: &Object,
    connector: &Connector,
    org: OrgId,
    connection: ConnectionId,
    config: &Json,
) -> OrgObject {
    OrgObject {
        org,
        connection,
        connector: connector.id.clone(),
        object: object.name.clone(),
        config: depends_on(object, config),
    }
}

/// The part of a config that an object's fields depend on, always written the same.
fn depends_on(object: &Object, config: &Json) -> String {
    let values: BTreeMap<&str, &Json> = object
        .config
        .iter()
        .filter_map(|(name, _)| Some((name, config.get(name).filter(|it| !it.is_null())?)))
        .collect();
    json!(values).to_string()
}

/// The same, unless it is too long to be a key.
pub(super) fn config_of(object: &Object, config: &Json) -> Result<String> {
    let text = depends_on(object, config);
    if text.len() > LONGEST_CONFIG {
        let (name, bytes) = (&object.name, text.len());
        let why = format!("the config that `{name}` depends on has {bytes} bytes; {LONGEST_CONFIG} are allowed");
        return Err(Error::BadRequest(why));
    }
    Ok(text)
}

pub(super) fn as_json(document: &Document) -> Json {
    serde_json::to_value(document).unwrap_or_else(|_| Json::Object(Map::new()))
}

/// Extra inputs that an action has already under the same name.
fn taken(document: &Document, found: &Found) -> Vec<FieldError> {
    let actions = found.connector.actions.values();
    let actions: Vec<_> =
        actions.filter(|it| it.plan.object.as_ref().is_some_and(|of| of.object == found.of.object)).collect();
    let mut errors = Vec::new();
    for name in document.extra.keys().filter(|it| found.object().fields.get(it).is_none()) {
        if let Some(action) = actions.iter().find(|it| it.input.get(name).is_some()) {
            errors.push(FieldError {
                path: format!("/extra/{}", pointer::token(name)),
                expected: "another name".to_owned(),
                got: format!("`{name}`"),
                message: format!("`{name}` is an input of `{}` already", action.name),
            });
        }
    }
    errors
}
