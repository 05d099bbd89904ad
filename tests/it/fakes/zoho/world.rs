//! What the provider holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use closeloop::base::Clock as _;

use super::DataCentre;
use crate::{clock::ManualClock, fakes::Courier};

/// Tokens that a grant may get in ten minutes.
const BUDGET: usize = 10;

/// The provider's state.
pub(crate) struct World {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(crate) redirect_uris: Vec<String>,
    /// The status of a write that failed for its only record: documents and users name several.
    pub(crate) failed: u16,
    /// Secrets that were shown to a data centre.
    pub(crate) shown_secrets: Vec<(DataCentre, String)>,
    /// Code → its redirect address, once.
    pub(super) codes: BTreeMap<String, String>,
    pub(super) consented: bool,
    pub(super) refresh_tokens: BTreeSet<String>,
    pub(super) access_tokens: BTreeSet<String>,
    pub(super) issued: Vec<Timestamp>,
    /// CRM's leads.
    pub(crate) leads: Vec<Map<String, Json>>,
    /// Who is told of changes in CRM.
    pub(crate) channels: Vec<super::notifications::Channel>,
    /// How it tells them.
    pub(crate) courier: Courier,
    /// Fields of leads, as CRM describes them.
    pub(crate) fields: Vec<Json>,
    /// Names of fields that the layout requires.
    pub(crate) required: Vec<&'static str>,
    /// Books' payments.
    pub(crate) payments: Vec<Json>,
    /// Desk's tickets, the newest first.
    pub(crate) tickets: Vec<Json>,
    made: u64,
    clock: ManualClock,
}

impl World {
    pub(super) fn new(clock: ManualClock) -> Self {
        let fields = [
            field("Last_Name", "Last Name", "text", 80),
            field("First_Name", "First Name", "text", 40),
            field("Company", "Company", "text", 200),
            field("Email", "Email", "email", 100),
            field("Phone", "Phone", "phone", 30),
            field("Description", "Description", "textarea", 32_000),
            field("Chat_Call", "Chat call", "text", 64),
        ];
        Self {
            client_id: "1000.ACME".to_owned(),
            client_secret: "c5ec".to_owned(),
            redirect_uris: vec!["http://127.0.0.1:8080/oauth/callback".to_owned()],
            failed: 202,
            shown_secrets: Vec::new(),
            codes: BTreeMap::new(),
            consented: false,
            refresh_tokens: BTreeSet::new(),
            access_tokens: BTreeSet::new(),
            issued: Vec::new(),
            leads: Vec::new(),
            channels: Vec::new(),
            courier: Courier::default(),
            fields: fields.into(),
            required: Vec::new(),
            payments: Vec::new(),
            tickets: Vec::new(),
            made: 0,
            clock,
        }
    }

    /// The registered client's id and secret.
    pub(crate) fn client(&self) -> (String, String) {
        (self.client_id.clone(), self.client_secret.clone())
    }

    /// All tokens end, as they do after an hour.
    pub(crate) fn end_tokens(&mut self) {
        self.access_tokens.clear();
    }

    /// Whether another token may be had now.
    pub(super) fn spends_token(&mut self) -> bool {
        let now = self.now();
        self.issued.retain(|it| now.duration_since(*it).as_secs() < 600);
        self.issued.push(now);
        self.issued.len() <= BUDGET
    }

    /// An id that was not there before.
    pub(super) fn next(&mut self) -> String {
        self.made += 1;
        format!("5550100000{:06}", 451_000 + self.made)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// A field as CRM describes it.
fn field(name: &str, label: &str, kind: &str, length: usize) -> Json {
    json!({
        "api_name": name, "field_label": label, "data_type": kind, "length": length, "system_mandatory": name == "Last_Name",
        "custom_field": false, "read_only": false, "field_read_only": false, "visible": true,
        "operation_type": {"web_update": true, "api_create": true, "web_create": true, "api_update": true},
        "pick_list_values": [], "unique": if name == "Chat_Call" { json!({"casesensitive": "false"}) } else { json!({}) },
    })
}

/// A picklist.
pub(crate) fn picklist(name: &str, label: &str, options: &[&str]) -> Json {
    let mut field = field(name, label, "picklist", 120);
    let option = |it: &&str| json!({"display_value": it, "actual_value": it, "reference_value": it, "type": "used"});
    field["pick_list_values"] = options.iter().map(option).collect();
    field
}
