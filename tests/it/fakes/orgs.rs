//! Orgs of three providers that have nothing in common: what their fields are is the test's to say.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Router,
    extract::{Path, State},
    http::Response,
    routing::{get, patch, post},
};
use serde_json::{Value as Json, json};

use super::{Server, json};

/// What the orgs' fields are now, by provider.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// `describe` of Acre's lead.
    pub(crate) acre: Json,
    /// Fields of Bexo's leads.
    pub(crate) bexo: Json,
    /// The first row of Tabula's sheet.
    pub(crate) header: Json,
}

/// The three providers at one address.
pub(crate) struct Orgs {
    server: Server,
    world: Arc<Mutex<World>>,
}

type Shared = Arc<Mutex<World>>;
type Answer = Response<axum::body::Body>;

impl Orgs {
    pub(crate) async fn start() -> Self {
        let world = Arc::new(Mutex::new(World {
            acre: acre(),
            bexo: bexo(),
            header: json!(["Surname", "", "Telephone", "Channel"]),
        }));
        let router = Router::new()
            .route("/v1/objects/Lead/describe", get(describe))
            .route("/v1/objects/Lead/values/{record_type}", get(values))
            .route("/v1/objects/Lead", post(create))
            .route("/v1/objects/Lead/{id}", patch(|| async { json(204, &Json::Null) }))
            .route("/crm/v8/settings/fields", get(fields))
            .route("/crm/v8/Leads", post(insert))
            .route("/v4/sheets/{sheet}/header", get(header))
            .route("/v4/sheets/{sheet}/rows", post(|| async { json(200, &json!({"row": 8})) }))
            .with_state(Arc::clone(&world));
        Self { server: Server::start(router).await, world }
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    /// Somebody in an org changes its fields.
    pub(crate) fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The body of the last write.
    pub(crate) fn written(&self) -> Json {
        self.server.seen().into_iter().rfind(|it| it.method != "GET").map(|it| it.json()).unwrap_or_default()
    }
}

fn lock(world: &Shared) -> std::sync::MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn describe(State(world): State<Shared>) -> Answer {
    json(200, &lock(&world).acre)
}

async fn values(Path(record_type): Path<String>) -> Answer {
    let values = if record_type == "012in" { json!([{"value": "Chat", "label": "Live chat"}]) } else { json!([]) };
    json(200, &json!({"fields": {"LeadSource": {"values": values}}}))
}

/// A field that the org doesn't have fails the whole record, and so does one that is missing.
async fn create(State(world): State<Shared>, body: String) -> Answer {
    let record: Json = serde_json::from_str(&body).unwrap_or_default();
    let world = lock(&world);
    let fields = world.acre["fields"].as_array().cloned().unwrap_or_default();
    let unknown =
        record.as_object().into_iter().flatten().find(|(name, _)| !fields.iter().any(|it| it["name"] == **name));
    if let Some((name, _)) = unknown {
        let message = format!("No such column '{name}' on sobject of type Lead");
        return json(400, &json!([{"errorCode": "INVALID_FIELD", "message": message}]));
    }
    let needed = |it: &&Json| it["createable"] == true && it["nillable"] == false && it["defaultedOnCreate"] == false;
    if let Some(missing) =
        fields.iter().filter(needed).find(|it| record.get(it["name"].as_str().unwrap_or_default()).is_none())
    {
        let message = format!("Required fields are missing: [{}]", missing["name"].as_str().unwrap_or_default());
        return json(400, &json!([{"errorCode": "REQUIRED_FIELD_MISSING", "message": message}]));
    }
    json(201, &json!({"id": "00Q1", "success": true, "errors": []}))
}

async fn fields(State(world): State<Shared>) -> Answer {
    json(200, &json!({"fields": lock(&world).bexo}))
}

async fn insert() -> Answer {
    json(201, &json!({"data": [{"code": "SUCCESS", "details": {"id": "5550"}}]}))
}

async fn header(State(world): State<Shared>) -> Answer {
    json(200, &json!({"values": [lock(&world).header]}))
}

/// A field of Acre's.
pub(crate) fn acre_field(name: &str, label: &str, kind: &str, more: &[(&str, Json)]) -> Json {
    let mut field = json!({
        "name": name, "label": label, "type": kind, "length": 255, "createable": true, "nillable": true,
        "defaultedOnCreate": false, "picklistValues": [],
    });
    for (key, value) in more {
        field[*key] = value.clone();
    }
    field
}

fn acre() -> Json {
    let value = |it: &str, active: bool| json!({"value": it, "label": it, "active": active});
    let sources =
        json!([value("Web", true), value("Chat", true), value("Partner Referral", true), value("Fax", false)]);
    json!({
        "recordTypeInfos": [{"recordTypeId": "012in", "name": "Inbound"}],
        "fields": [
            acre_field("Id", "Lead ID", "id", &[("createable", json!(false)), ("nillable", json!(false))]),
            acre_field("LastName", "Last Name", "string", &[("nillable", json!(false)), ("length", json!(40))]),
            acre_field("Company", "Company", "string", &[]),
            acre_field("Phone", "Phone", "phone", &[("length", json!(40))]),
            acre_field("LeadSource", "Lead Source", "picklist", &[("picklistValues", sources)]),
            acre_field("Interests__c", "Interests", "multipicklist",
                &[("picklistValues", json!([value("Rent", true), value("Buy", true)]))]),
            acre_field("Budget__c", "Budget (EUR)", "double", &[("nillable", json!(false))]),
            acre_field("OwnerId", "Owner", "reference", &[("nillable", json!(false)), ("defaultedOnCreate", json!(true))]),
        ],
    })
}

fn bexo() -> Json {
    let field = |name: &str, label: &str, kind: &str| {
        json!({
            "api_name": name, "field_label": label, "data_type": kind, "length": 120, "system_mandatory": name == "Last_Name",
            "visible": true, "read_only": false, "operation_type": {"api_create": true}, "pick_list_values": [],
        })
    };
    let value = |it: &str, kind: &str| json!({"actual_value": it, "display_value": format!("{it}!"), "type": kind});
    let mut source = field("Lead_Source", "Lead Source", "picklist");
    source["pick_list_values"] = json!([value("Chat", "used"), value("Trade Show", "unused")]);
    let mut topics = field("Topics1", "Topics", "multiselectpicklist");
    topics["pick_list_values"] = json!([value("Rent", "used"), value("Buy", "used")]);
    let mut hidden = field("Company", "Company", "text");
    hidden["visible"] = json!(false);
    json!([
        field("Last_Name", "Last Name", "text"),
        hidden,
        field("Firm", "Company", "text"),
        field("Phone", "Phone", "phone"),
        source,
        topics,
        field("Campaign", "Campaign", "lookup"),
    ])
}
