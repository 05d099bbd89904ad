//! What the provider holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::clock::ManualClock;
use closeloop::base::Clock as _;

/// A field of an object.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// `string`, `email`, `picklist`, …
    pub(crate) kind: &'static str,
    /// Of text; 0 for none.
    pub(crate) length: usize,
    pub(crate) required: bool,
    /// Of a picklist.
    pub(crate) options: &'static [&'static str],
    /// Whether no other value is taken.
    pub(crate) restricted: bool,
    pub(crate) external_id: bool,
}

impl Field {
    /// Text that may be left out.
    pub(crate) const fn new(name: &'static str, label: &'static str, kind: &'static str, length: usize) -> Self {
        Self { name, label, kind, length, required: false, options: &[], restricted: false, external_id: false }
    }

    /// One that must have a value.
    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// A key of the org's own.
    pub(crate) const fn external_id(self) -> Self {
        Self { external_id: true, ..self }
    }

    /// A picklist; a restricted one takes nothing else.
    pub(crate) const fn picklist(
        name: &'static str,
        label: &'static str,
        options: &'static [&'static str],
        restricted: bool,
    ) -> Self {
        Self { options, restricted, ..Self::new(name, label, "picklist", 255) }
    }

    /// As describe shows it.
    pub(super) fn described(&self) -> Json {
        let option = |value: &&str| json!({"active": true, "defaultValue": false, "label": value, "value": value});
        json!({
            "name": self.name, "label": self.label, "type": self.kind, "length": self.length, "nillable": !self.required,
            "createable": true, "updateable": true, "defaultedOnCreate": false, "restrictedPicklist": self.restricted,
            "externalId": self.external_id, "idLookup": self.external_id || self.kind == "email", "unique": self.external_id,
            "referenceTo": [], "precision": 0, "scale": 0, "picklistValues": self.options.iter().map(option).collect::<Vec<_>>(),
        })
    }
}

/// A code of the consent.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) used: bool,
}

/// The provider's state.
pub(crate) struct World {
    pub(super) client_id: String,
    pub(super) client_secret: String,
    pub(crate) redirect_uris: Vec<String>,
    /// Whether each refresh ends the token that it was made with.
    pub(crate) rotates: bool,
    /// Whether a second person with the same address is refused.
    pub(crate) duplicate_rule: bool,
    /// Requests so far, and a day's limit, which is only told.
    pub(crate) used: u32,
    pub(crate) limit: u32,
    pub(super) codes: BTreeMap<String, Code>,
    pub(super) refresh_token: Option<String>,
    /// Refresh tokens that were rotated away. Whoever shows one is a thief.
    pub(super) spent: BTreeSet<String>,
    pub(super) access_tokens: BTreeSet<String>,
    objects: BTreeMap<&'static str, Vec<Field>>,
    records: BTreeMap<String, Vec<Map<String, Json>>>,
    made: u64,
    clock: ManualClock,
}

impl World {
    pub(super) fn new(clock: ManualClock) -> Self {
        let person = |more: Vec<Field>| {
            let name = [
                Field::new("FirstName", "First Name", "string", 40),
                Field::new("LastName", "Last Name", "string", 80).required(),
            ];
            let reach = [Field::new("Email", "Email", "email", 80), Field::new("Phone", "Phone", "phone", 40)];
            let own = [
                Field::new("Description", "Description", "textarea", 32_000),
                Field::new("Chat_Id__c", "Chat id", "string", 64).external_id(),
            ];
            let owner = [Field::new("OwnerId", "Owner ID", "reference", 18)];
            name.into_iter().chain(reach).chain(own).chain(owner).chain(more).collect::<Vec<_>>()
        };
        let lead = person(vec![
            Field::new("Company", "Company", "string", 255).required(),
            Field::picklist("LeadSource", "Lead Source", &["Web", "Chat"], false),
        ]);
        let objects = BTreeMap::from([("Lead", lead), ("Contact", person(Vec::new()))]);
        Self {
            client_id: "3MVG9acme.CK".to_owned(),
            client_secret: "S3cret".to_owned(),
            redirect_uris: vec!["http://127.0.0.1:8080/oauth/callback".to_owned()],
            rotates: true,
            duplicate_rule: false,
            used: 54,
            limit: 15_000,
            codes: BTreeMap::new(),
            refresh_token: None,
            spent: BTreeSet::new(),
            access_tokens: BTreeSet::new(),
            objects,
            records: BTreeMap::new(),
            made: 0,
            clock,
        }
    }

    /// The registered client's id and secret.
    pub(crate) fn client(&self) -> (String, String) {
        (self.client_id.clone(), self.client_secret.clone())
    }

    /// A field of the org's own.
    pub(crate) fn add_field(&mut self, object: &str, field: Field) {
        self.objects.get_mut(object).expect("the org has the object").push(field);
    }

    /// Deletes a field, as an administrator may at any time.
    pub(crate) fn drop_field(&mut self, object: &str, name: &str) {
        self.objects.get_mut(object).expect("the org has the object").retain(|it| it.name != name);
    }

    pub(super) fn fields(&self, object: &str) -> Option<&[Field]> {
        self.objects.get(object).map(Vec::as_slice)
    }

    /// The records of an object, in the order in which they came.
    pub(crate) fn records(&self, object: &str) -> &[Map<String, Json>] {
        self.records.get(object).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn records_mut(&mut self, object: &str) -> &mut Vec<Map<String, Json>> {
        self.records.entry(object.to_owned()).or_default()
    }

    /// All sessions end, as they do after hours without use.
    pub(crate) fn end_sessions(&mut self) {
        self.access_tokens.clear();
    }

    /// The user takes the grant back.
    pub(crate) fn revoke_everything(&mut self) {
        self.access_tokens.clear();
        self.refresh_token = None;
    }

    /// A number that was not there before.
    pub(super) fn next(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
