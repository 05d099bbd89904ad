//! One object, three orgs that have nothing in common but the code that maps them.

use serde_json::json;

use super::*;
use crate::spec::{
    Connector, Object,
    tests::{load_with, shop},
};

const LEAD: &str = "
  lead:
    fields:
      last_name: {type: string, maxLength: 80, to: LastName}
      company: {type: string, required: false, to: Company}
      phone: {type: string, required: false, to: Phone}
      source: {type: string, required: false, to: LeadSource}
      topics: {type: array, items: {type: string}, required: false, to: Topics__c}
      when: {type: string, format: date-time, required: false, to: CallAt__c}
    write: {multi_picklist: \"{{ value | join(';') }}\"}
";

const ACTIONS: &str = "
  create_lead:
    title: Create a lead
    describe: Writes down who is interested.
    effect: write
    object: lead
    input: {note: {type: string, required: false}}
    request: {method: POST, path: /leads, body: \"{{ record }}\", query: {note: \"{{ input.note }}\", q: \"{{ input.company }}\"}}
  update_lead:
    title: Update a lead
    describe: Changes what is known of a lead.
    effect: write
    object: lead
    partial: true
    input: {id: {type: string}}
    request: {method: PATCH, path: \"/leads/{{ input.id }}\", body: \"{{ record }}\"}
";

fn connector() -> Arc<Connector> {
    let loaded = load_with(&shop(&[("objects", LEAD), ("actions", ACTIONS)]), &[]);
    let errors: Vec<_> = loaded.lines().into_iter().filter(|it| !it.starts_with("C804")).collect();
    assert_eq!(errors, Vec::<String>::new());
    Arc::clone(&loaded.connectors[0])
}

fn mapping(object: &Object, document: impl Into<Json>) -> Arc<Mapping> {
    Arc::new(Mapping::read(&Document::read(&document.into()).unwrap(), object).unwrap())
}

/// A field that is writable, with whatever `more` says.
fn field(name: &str, kind: &str, more: impl Into<Json>) -> Json {
    let mut field = json!({"name": name, "label": format!("Label of {name}"), "type": kind});
    field.as_object_mut().unwrap().extend(more.into().as_object().unwrap().clone());
    field
}

fn org(fields: &[Json]) -> Option<Arc<OrgSchema>> {
    Some(Arc::new(OrgSchema::read(&Json::Array(fields.to_vec()))))
}

/// The record of a new lead, or code and detail of why there is none.
fn record(mapped: &Mapped, input: impl Into<Json>) -> Result<Json, String> {
    let connector = connector();
    let made = mapped.record(&connector.objects["lead"], false, &input.into());
    made.map_err(|it| format!("{}: {}", it.code, it.detail))
}

#[test]
fn without_a_mapping_each_field_lands_where_the_connector_says() {
    let connector = connector();
    let object = &connector.objects["lead"];
    let mapped = Mapped { mapping: Arc::clone(&object.default), schema: None };
    let input = json!({"last_name": "Ferreira", "topics": ["a", "b"], "note": "x", "company": null});
    assert_eq!(record(&mapped, input), Ok(json!({"LastName": "Ferreira", "Topics__c": "a;b"})));
}

#[test]
fn a_mapping_transforms_renames_fills_in_and_adds() {
    let object = &connector().objects["lead"];
    let mapping = mapping(
        object,
        json!({
            "fields": {
                "last_name": {"to": "Surname"},
                "company": {"to": "Org", "default": "Unknown"},
                "phone": {"to": "Mobile", "transform": "{{ value | digits }}"},
                "source": {"to": "Channel", "values": {"whatsapp": "Chat"}, "otherwise": "Other"},
            },
            "constants": {"Owner": "005"},
            "extra": {"budget": {"to": "Budget__c", "required": false}},
        }),
    );
    let mapped = Mapped { mapping, schema: None };
    let input = json!({"last_name": "Ng", "phone": "+62 812-3456", "source": "whatsapp", "budget": 5, "topics": ["a"]});
    let expected = json!({"Surname": "Ng", "Org": "Unknown", "Mobile": "628123456", "Channel": "Chat", "Budget__c": 5, "Owner": "005"});
    assert_eq!(record(&mapped, input), Ok(expected));
    let other = record(&mapped, json!({"last_name": "Ng", "source": "fax", "company": "Acme"})).unwrap();
    assert_eq!((&other["Channel"], &other["Org"]), (&json!("Other"), &json!("Acme")));

    let partial = mapped.record(object, true, &json!({"phone": "1-2"})).unwrap();
    assert_eq!(partial, json!({"Mobile": "12"}), "an update has what was given and nothing else");
}

#[test]
fn what_lands_nowhere_is_not_asked_for_unless_somebody_reads_it() {
    let connector = connector();
    let object = &connector.objects["lead"];
    let mapping = mapping(object, json!({"fields": {"last_name": {"to": "Name", "default": "?"}}}));
    let mapped = Mapped { mapping, schema: None };
    let action = connector.action("create_lead").unwrap();
    let fields = mapped.input(object, action.plan.object.as_ref().unwrap(), &action.input);
    let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["note", "last_name", "company"]);
    assert!(!fields.is_required("last_name"), "there is a default");

    let update = connector.action("update_lead").unwrap();
    assert!(update.input.is_required("id") && !update.input.is_required("last_name"));
}

#[test]
fn the_org_says_what_it_takes_and_the_closest_of_it_first() {
    let connector = connector();
    let object = &connector.objects["lead"];
    let schema = org(&[
        field("LastName", "string", json!({"length": 5, "required": true})),
        field("LeadSource", "picklist", json!({"options": ["Web", {"value": "LC", "label": "Live Chat"}, "Chat"]})),
        field("Topics__c", "multi_picklist", json!({"options": ["a", "b"]})),
        field("CallAt__c", "date", json!({})),
        field("Region__c", "picklist", json!({"required": true, "options": ["EU", "US"]})),
        field("Company", "string", json!({"writable": false})),
    ]);
    let extra = json!({"region": {"to": "Region__c", "description": "Where they are."}});
    let fields: Map<String, Json> =
        object.default.fields.iter().map(|(name, it)| (name.clone(), json!({"to": it.to}))).collect();
    let mapped = Mapped { mapping: mapping(object, json!({"fields": fields, "extra": extra})), schema };

    let action = connector.action("create_lead").unwrap();
    let input = mapped.input(object, action.plan.object.as_ref().unwrap(), &action.input);
    assert_eq!(input.get("last_name").unwrap()["maxLength"], 5);
    assert_eq!(input.get("source").unwrap()["enum"], json!(["Web", "LC", "Chat"]));
    assert_eq!(input.get("topics").unwrap()["items"]["enum"], json!(["a", "b"]));
    let region = json!({"type": "string", "enum": ["EU", "US"], "title": "Label of Region__c", "description": "Where they are."});
    assert_eq!(input.get("region"), Some(&region));
    assert!(input.is_required("region"), "the org requires it");
    assert!(input.get("phone").is_none(), "the org has no such field");

    let good = json!({"last_name": "Ng", "company": "Acme", "source": "live chat", "topics": ["A"], "region": "EU",
                      "when": "2026-12-01T23:30:00+07:00"});
    let expected =
        json!({"LastName": "Ng", "LeadSource": "LC", "Topics__c": "a", "CallAt__c": "2026-12-01", "Region__c": "EU"});
    assert_eq!(record(&mapped, good), Ok(expected));

    let wrong = json!({"last_name": "Ferreira", "source": "chatt"});
    let expected = "invalid_input: `last_name` lands in `LastName` (Label of LastName), which must be text of at most 5 \
                    characters, not \"Ferreira\"; `source` lands in `LeadSource` (Label of LeadSource), which must be one of \
                    \"Chat\", \"LC\" or \"Web\", not \"chatt\"; `region` is missing: the org requires `Region__c` \
                    (Label of Region__c)";
    assert_eq!(record(&mapped, wrong), Err(expected.to_owned()));
}

#[test]
fn what_only_the_builder_can_put_right_is_said_so() {
    let connector = connector();
    let object = &connector.objects["lead"];
    let schema = org(&[field("Region__c", "string", json!({"required": true}))]);
    let mapped = Mapped { mapping: Arc::clone(&object.default), schema };
    let expected = "precondition_failed: `last_name` is mapped to `LastName`, which is not there any more; the org requires \
                    `Region__c` (Label of Region__c), and the mapping gives it no value";
    assert_eq!(record(&mapped, json!({"last_name": "Ng"})), Err(expected.to_owned()));

    let nothing = Mapped { mapping: Arc::default(), schema: None };
    let refused = record(&nothing, json!({"last_name": "Ng"})).unwrap_err();
    assert!(refused.starts_with("precondition_failed: nothing says yet where the fields of `lead` land"), "{refused}");
}

#[test]
fn a_builders_transform_is_bounded_and_sees_the_value_only() {
    let object = &connector().objects["lead"];
    let refused = |transform: &str| {
        let document = json!({"fields": {"phone": {"to": "Phone", "transform": transform}}});
        let read = Document::read(&document).and_then(|it| Mapping::read(&it, object).map(drop));
        read.unwrap_err().remove(0).message
    };
    assert_eq!(refused("{{ input.phone }}"), "`input` is not known here: a transform sees `value` only");
    assert_eq!(refused("{{ auth.token }}"), "`auth` is not known here: a transform sees `value` only");
    assert_eq!(refused("value"), "this must be one expression: `{{ … }}`");
    assert!(refused(&format!("{{{{ '{}' }}}}", "x".repeat(600))).contains("text of 1 to 500 characters"));

    let fails = |transform: &str| {
        let document = json!({"fields": {"phone": {"to": "Phone", "transform": transform}}});
        let mapped = Mapped { mapping: mapping(object, document), schema: None };
        record(&mapped, json!({"phone": "1", "last_name": "Ng"})).unwrap_err()
    };
    let huge = fails("{{ value | pad_left(100000000) }}");
    assert!(huge.starts_with("invalid_input: the transform of `phone` fails"), "{huge}");
    let huge = fails("{{ (value * 100000000) * 100000000 }}");
    assert!(huge.starts_with("invalid_input: the transform of `phone` fails"), "{huge}");
}

#[test]
fn a_description_is_read_leniently() {
    let described = json!([
        {"name": "A", "label": null, "type": "hologram", "length": "255", "required": "true"},
        {"name": ""},
        {"name": "B", "writable": false, "options": [1, {"value": "x", "label": "X"}, {"label": "no value"}]},
    ]);
    let read = OrgSchema::read(&described);
    assert_eq!(OrgSchema::read(&read.to_json()), read);
    let expected = json!([
        {"name": "A", "label": "A", "type": "other", "length": 255, "required": true, "writable": true},
        {"name": "B", "label": "B", "type": "other", "required": false, "writable": false,
         "options": [{"value": 1, "label": "1"}, {"value": "x", "label": "X"}]},
    ]);
    assert_eq!(read.to_json(), expected);
}

#[test]
fn a_mapping_is_suggested_by_name_label_and_what_else_a_field_may_be_called() {
    let objects = "
  guest:
    fields:
      last_name: {type: string, also: [Surname]}
      email: {type: string, format: email}
      channel: {type: string, enum: [whatsapp, web], required: false, to: Lead_Source}
      budget: {type: number, required: false}
      notes: {type: string, required: false}
";
    let loaded = load_with(&shop(&[("objects", objects)]), &[]);
    let object = &loaded.connectors[0].objects["guest"];
    let schema = OrgSchema::read(&json!([
        {"name": "f1", "label": "Sur-name", "type": "string"},
        {"name": "E_mail", "label": "Address", "type": "email"},
        {"name": "Email_2", "label": "Email", "type": "boolean"},
        {"name": "lead source", "label": "Where from", "type": "picklist", "options": ["Web", "Whats App"]},
        {"name": "budget", "label": "Budget", "type": "number", "writable": false},
        {"name": "Notes", "label": "Notes", "type": "multi_picklist", "required": true},
        {"name": "x", "label": "Land / Region", "type": "string", "required": true},
        {"name": "y", "label": "Email", "type": "string", "required": true},
    ]));
    let suggestion = suggest(object, &schema);
    let mapping = serde_json::to_value(&suggestion.mapping).unwrap();
    let expected = json!({
        "fields": {
            "last_name": {"to": "f1"},
            "email": {"to": "E_mail"},
            "channel": {"to": "lead source", "values": {"whatsapp": "Whats App"}},
            "notes": {"to": "Notes"},
        },
        "extra": {
            "land_region": {"to": "x", "required": true, "description": "Land / Region."},
            "email_2": {"to": "y", "required": true, "description": "Email."},
        },
    });
    assert_eq!(mapping, expected);
    assert_eq!(suggestion.unmatched, ["budget"], "what can't be written is no place");
    let by = |field: &str| suggestion.matches.iter().find(|it| it.field == field).map(|it| (it.by, it.score));
    assert_eq!((by("last_name"), by("channel")), (Some(("label", 1.0)), Some(("name", 1.0))));
    let read = Mapping::read(&suggestion.mapping, object).unwrap();
    assert_eq!(read.check(object, &schema, true, false).errors, []);
    assert_eq!(read.document(), suggestion.mapping, "it comes back as it was written");
}

#[test]
fn what_types_fit_each_other_is_told_when_a_mapping_is_saved() {
    let connector = connector();
    let object = &connector.objects["lead"];
    let check = |kind: &str, landing: Json| {
        let schema = OrgSchema::read(&json!([{"name": "X", "type": kind, "options": ["a", "b"]}]));
        let document = json!({"fields": {"phone": landing}});
        let found = mapping(object, document).check(object, &schema, false, false);
        found.errors.into_iter().map(|it| it.path).collect::<Vec<_>>()
    };
    for (kind, fits) in [("string", true), ("phone", true), ("picklist", true), ("number", false), ("date", false)] {
        assert_eq!(check(kind, json!({"to": "X"})).is_empty(), fits, "{kind}");
        assert_eq!(check(kind, json!({"to": "X", "transform": "{{ value | digits }}"})), [""; 0], "{kind}");
    }
    assert_eq!(
        check("picklist", json!({"to": "X", "values": {"1": "c"}, "otherwise": "a"})),
        ["/fields/phone/values/1"]
    );
    assert_eq!(
        check("integer", json!({"to": "X", "transform": "{{ value }}", "default": "many"})),
        ["/fields/phone/default"]
    );
}
