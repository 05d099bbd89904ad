//! One engine, three providers, and orgs whose fields are their own.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::{
    fakes::orgs::{Orgs, acre_field},
    harness::{Options, TestApp},
};

async fn start(orgs: &Orgs) -> TestApp {
    let hosts = ["https://api.acre.example", "https://api.bexo.example", "https://api.tabula.example"];
    TestApp::with(Options {
        overrides: hosts.map(|it| (it, orgs.server().url().to_owned())).into(),
        connectors: Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/orgs")),
        ..Options::default()
    })
    .await
}

/// The schema of the function's arguments, if the model sees the function.
async fn parameters(app: &TestApp, function: &str) -> Option<Json> {
    let all = app.client.get("/v1/agents/a/functions?format=openai").await;
    let mut all = all.as_array().or(all["data"].as_array()).cloned().unwrap_or_default().into_iter();
    all.find(|it| it["function"]["name"] == function).map(|mut it| it["function"]["parameters"].take())
}

async fn put(app: &TestApp, path: &str, body: Json) -> (u16, Json) {
    app.client.send("PUT", path, Some(&body), None).await
}

/// What a refused mapping is told, as `pointer: sentence`.
fn told(body: &Json) -> Vec<String> {
    let errors = body["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|it| format!("{}: {}", it["path"].as_str().unwrap(), it["message"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn one_engine_maps_orgs_that_have_nothing_in_common() {
    let orgs = Orgs::start().await;
    let app = start(&orgs).await;
    let who = json!({"last_name": "Ferreira", "phone": "+62 812", "source": "Chat", "interests": ["Buy", "Rent"], "budget_eur": 5});
    for (connector, config, mapped, extra, sent) in [
        (
            "acre",
            json!({}),
            json!({"last_name": "LastName", "company": "Company", "phone": "Phone", "source": "LeadSource", "interests": "Interests__c"}),
            json!({"budget_eur": {"to": "Budget__c", "required": true, "description": "Budget (EUR)."}}),
            json!({"LastName": "Ferreira", "Phone": "+62 812", "LeadSource": "Chat", "Interests__c": "Buy;Rent", "Budget__c": 5}),
        ),
        (
            "bexo",
            json!({}),
            json!({"last_name": "Last_Name", "company": "Firm", "phone": "Phone", "source": "Lead_Source", "interests": "Topics1"}),
            json!({}),
            json!({"data": [{"Last_Name": "Ferreira", "Phone": "+62 812", "Lead_Source": "Chat", "Topics1": ["Buy", "Rent"]}], "trigger": []}),
        ),
        (
            "tabula",
            json!({"sheet": "1a"}),
            json!({"last_name": "Surname", "phone": "Telephone", "source": "Channel"}),
            json!({}),
            json!({"values": ["Ferreira", null, "+62 812", "Chat"]}),
        ),
    ] {
        let connection = app.client.connect(connector, "live", json!({"key": "k-1"})).await;
        let path = format!("/v1/connections/{connection}/mappings/lead");
        let query = format!("?config={}", config.to_string().replace('"', "%22"));
        let suggested = app.client.post(&format!("{path}/suggest{query}"), json!({})).await;
        let found: Json = suggested["mapping"]["fields"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, it)| (name.clone(), it["to"].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert_eq!(found, mapped, "{connector}: {suggested:#}");
        assert_eq!(suggested["mapping"].get("extra").cloned().unwrap_or_else(|| json!({})), extra, "{connector}");
        assert_eq!(suggested["check"]["fits"], true, "{suggested:#}");

        let (status, saved) = put(&app, &format!("{path}{query}"), suggested["mapping"].clone()).await;
        assert_eq!((status, &saved["saved"], &saved["config"]), (200, &json!(true), &config), "{saved:#}");
        let enabled = app.client.enable(connector, &connection, "create_lead", config).await;
        assert_eq!(enabled["status"], "ready", "{enabled:#}");
        let parameters = parameters(&app, "create_lead").await.unwrap();
        let mut given = who.clone();
        given.as_object_mut().unwrap().retain(|name, _| parameters["properties"].get(name).is_some());
        app.client.output("create_lead", given).await;
        assert_eq!(orgs.written(), sent, "{connector}");
        let id = enabled["id"].as_str().unwrap();
        app.client.send("DELETE", &format!("/v1/agents/a/actions/{id}"), None, None).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_an_org_is_told_before_it_is_saved() {
    let orgs = Orgs::start().await;
    let app = start(&orgs).await;
    let connection = app.client.connect("acre", "live", json!({"key": "k-1"})).await;
    let path = format!("/v1/connections/{connection}/mappings/lead");
    let wrong = json!({
        "fields": {
            "last_name": {"to": "Lastname"},
            "company": {"to": "Id"},
            "phone": {"to": "Budget__c"},
            "source": {"to": "LeadSource", "values": {"whatsapp": "Chatt"}, "default": "Fax"},
        },
        "constants": {"Interests__c": ["Rent", "Sell"]},
        "extra": {"lead_id": {"to": "Company"}},
    });
    let (status, refused) = put(&app, &path, wrong).await;
    assert_eq!(status, 422, "{refused:#}");
    let expected = [
        "/extra/lead_id: `lead_id` is an input of `update_lead` already",
        "/fields/last_name/to: the org has no field `Lastname`; the closest are `LastName` (Last Name), `LeadSource` (Lead Source), `Phone`",
        "/fields/company/to: `Id` (Lead ID) can't be written",
        "/fields/phone/to: `phone` is no number, which is what `Budget__c` (Budget (EUR)) holds: give it a `transform`",
        "/fields/source/values/whatsapp: `LeadSource` (Lead Source) must be one of \"Chat\", \"Partner Referral\" or \"Web\", not \"Chatt\"",
        "/fields/source/default: `LeadSource` (Lead Source) must be one of \"Chat\", \"Partner Referral\" or \"Web\", not \"Fax\"",
        "/constants/Interests__c: `Interests__c` (Interests) must be one of \"Rent\" or \"Buy\", not [\"Rent\",\"Sell\"]",
        ": the org requires `LastName` (Last Name): map a field to it, give it a constant, or let the agent fill it in under `extra`",
    ];
    assert_eq!(told(&refused), expected);
    assert_eq!(app.client.get(&path).await["saved"], false);

    let (status, refused) =
        put(&app, &path, json!({"fields": {"last_name": {"to": "LastName", "transform": "{{ input.x }}"}}})).await;
    assert_eq!(
        (status, told(&refused).remove(0)),
        (422, "/fields/last_name/transform: `input` is not known here: a transform sees `value` only".to_owned())
    );
    let unknown = json!({"object": "task", "fields": {}});
    assert_eq!(put(&app, &path, unknown).await.0, 400);
    assert_eq!(app.client.send("GET", &format!("/v1/connections/{connection}/mappings/task"), None, None).await.0, 404);
}

#[tokio::test]
async fn a_record_type_decides_what_the_model_may_choose() {
    let orgs = Orgs::start().await;
    let app = start(&orgs).await;
    let connection = app.client.connect("acre", "live", json!({"key": "k-1"})).await;
    let path = format!("/v1/connections/{connection}/mappings/lead");
    let mapping = json!({
        "fields": {"last_name": {"to": "LastName"}, "source": {"to": "LeadSource"}},
        "constants": {"Budget__c": 100},
    });
    let (status, saved) = put(&app, &path, mapping).await;
    assert_eq!(status, 200, "{saved:#}");
    assert_eq!(saved["warnings"][0]["path"], "/fields/last_name/to", "the org takes 40 characters: {saved:#}");
    app.client.enable("acre", &connection, "create_lead", json!({"record_type": "012in"})).await;
    let of_type = parameters(&app, "create_lead").await.unwrap();
    assert_eq!(of_type["properties"]["source"]["enum"], json!(["Chat"]));
    assert_eq!(of_type["properties"]["last_name"]["maxLength"], 40);
    assert!(of_type["properties"].get("company").is_none(), "it lands nowhere: {of_type:#}");

    let body = json!({"function": "create_lead", "arguments": {"last_name": "Ng", "source": "chats"}});
    let (status, refused) = app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
    assert_eq!((status, &refused["errors"][0]["expected"]), (422, &json!("\"Chat\"")), "{refused:#}");
    for said in ["Chat", "chat", " CHAT "] {
        app.client.output("create_lead", json!({"last_name": "Ng", "source": said})).await;
        assert_eq!(orgs.written(), json!({"LastName": "Ng", "LeadSource": "Chat", "Budget__c": 100}), "{said}");
    }

    app.client.enable("acre", &connection, "update_lead", json!({})).await;
    app.client.output("update_lead", json!({"lead_id": "00Q1", "source": "Web"})).await;
    assert_eq!(orgs.written(), json!({"LeadSource": "Web"}), "an update has what was given and nothing else");
    let fields = app.client.get(&format!("/v1/connections/{connection}/objects/lead/fields")).await;
    let source = fields["data"].as_array().unwrap().iter().find(|it| it["name"] == "LeadSource").unwrap().clone();
    assert_eq!(source["options"].as_array().unwrap().len(), 3, "inactive ones are left out: {source:#}");
}

#[tokio::test]
async fn an_org_that_loses_a_field_fails_one_call_at_most() {
    let orgs = Orgs::start().await;
    let app = start(&orgs).await;
    let connection = app.client.connect("acre", "live", json!({"key": "k-1"})).await;
    let path = format!("/v1/connections/{connection}/mappings/lead");
    let mapping = json!({
        "fields": {"last_name": {"to": "LastName"}, "company": {"to": "Company"}},
        "constants": {"Budget__c": 1},
    });
    assert_eq!(put(&app, &path, mapping).await.0, 200);
    let enabled = app.client.enable("acre", &connection, "create_lead", json!({})).await;
    orgs.change(|world| world.acre["fields"].as_array_mut().unwrap().retain(|it| it["name"] != "Company"));

    let who = json!({"last_name": "Ng", "company": "Acme"});
    let error = app.client.failure("create_lead", who.clone()).await;
    assert_eq!(error["code"], "precondition_failed", "the provider refused the whole record: {error:#}");
    // the next one knows
    let body = json!({"function": "create_lead", "arguments": {"last_name": "Ng"}});
    let (status, execution) = app.client.send("POST", "/v1/agents/a/calls", Some(&body), None).await;
    assert_eq!((status, &execution["status"]), (200, &json!("succeeded")), "{execution:#}");
    assert_eq!(orgs.written(), json!({"LastName": "Ng", "Budget__c": 1}));

    let id = enabled["id"].as_str().unwrap();
    let row = app.client.get(&format!("/v1/agents/a/actions/{id}")).await;
    assert_eq!(row["status"], "needs_attention", "{row:#}");
    assert!(row["problems"][0].as_str().unwrap().starts_with("the org has no field `Company`"), "{row:#}");
    let events = app.client.get("/v1/events?type=action.needs_attention").await;
    let events = events["data"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((&events[0]["data"]["enabled_action"], &events[0]["connection"]), (&json!(id), &json!(connection)));
    let check = app.client.post(&format!("{path}/check"), json!({})).await;
    assert_eq!((check["fits"].clone(), told(&check).len()), (json!(false), 1));

    let mapping = json!({"fields": {"last_name": {"to": "LastName"}}, "constants": {"Budget__c": 1}});
    assert_eq!(put(&app, &path, mapping).await.0, 200);
    let row = app.client.get(&format!("/v1/agents/a/actions/{id}")).await;
    assert_eq!((&row["status"], row.get("problems")), (&json!("ready"), None));
}

#[tokio::test]
async fn a_new_requirement_is_found_by_upkeep_before_a_customer_meets_it() {
    let orgs = Orgs::start().await;
    let mut app = start(&orgs).await;
    let connection = app.client.connect("acre", "live", json!({"key": "k-1"})).await;
    let path = format!("/v1/connections/{connection}/mappings/lead");
    let mapping = json!({"fields": {"last_name": {"to": "LastName"}}, "constants": {"Budget__c": 1}});
    assert_eq!(put(&app, &path, mapping).await.0, 200);
    let enabled = app.client.enable("acre", &connection, "create_lead", json!({})).await;
    orgs.change(|world| {
        let region = acre_field("Region__c", "Region", "string", &[("nillable", json!(false))]);
        world.acre["fields"].as_array_mut().unwrap().push(region);
    });
    let engine = app.app().engine();
    let due = engine.store().mappings().due("2100-01-01T00:00:00Z".parse().unwrap(), 10).await.unwrap();
    assert_eq!(due.len(), 1);
    engine.describe_due().await.unwrap();
    assert!(parameters(&app, "create_lead").await.is_some(), "a day has not passed");
    engine.store().mappings().expire(&due[0].of).await.unwrap();
    engine.describe_due().await.unwrap();

    let id = enabled["id"].as_str().unwrap().to_owned();
    let row = app.client.get(&format!("/v1/agents/a/actions/{id}")).await;
    let expected = "the org requires `Region__c` (Region): map a field to it, give it a constant, or let the agent fill it in under `extra`";
    assert_eq!((&row["status"], &row["problems"]), (&json!("needs_attention"), &json!([expected])));
    assert_eq!(parameters(&app, "create_lead").await, None, "the model is not offered what can't be done");
    let writes = orgs.server().count("POST", "/objects/Lead");
    let error = app.client.failure("create_lead", json!({"last_name": "Ng"})).await;
    assert_eq!(error["code"], "precondition_failed", "{error:#}");
    assert!(error["detail"].as_str().unwrap().contains("the org requires `Region__c` (Region)"), "{error:#}");
    assert_eq!(orgs.server().count("POST", "/objects/Lead"), writes, "nothing was sent");

    let mapping = json!({
        "fields": {"last_name": {"to": "LastName"}}, "constants": {"Budget__c": 1},
        "extra": {"region": {"to": "Region__c", "description": "Where they live."}},
    });
    assert_eq!(put(&app, &path, mapping).await.0, 200);
    app.restart().await;
    let parameters = parameters(&app, "create_lead").await.unwrap();
    assert_eq!(parameters["required"], json!(["last_name", "region"]), "{parameters:#}");
    app.client.output("create_lead", json!({"last_name": "Ng", "region": "Bali"})).await;
    assert_eq!(orgs.written(), json!({"LastName": "Ng", "Region__c": "Bali", "Budget__c": 1}));
}

#[tokio::test]
async fn rows_go_nowhere_until_somebody_says_where() {
    let orgs = Orgs::start().await;
    let app = start(&orgs).await;
    let connection = app.client.connect("tabula", "live", json!({"key": "k-1"})).await;
    let enabled = app.client.enable("tabula", &connection, "create_lead", json!({"sheet": "1a"})).await;
    let expected = "nothing says yet where the fields of `lead` land: save a mapping for it";
    assert_eq!((&enabled["status"], &enabled["problems"][0]), (&json!("needs_attention"), &json!(expected)));
    assert_eq!(parameters(&app, "create_lead").await, None);
    let error = app.client.failure("create_lead", json!({})).await;
    assert_eq!((&error["code"], &error["detail"]), (&json!("precondition_failed"), &json!(expected)));

    let path = format!("/v1/connections/{connection}/mappings/lead");
    let mapping = json!({"config": {"sheet": "1a"}, "fields": {"last_name": {"to": "Surname"}}});
    assert_eq!(put(&app, &path, mapping).await.0, 200);
    app.client.output("create_lead", json!({"last_name": "Ng"})).await;
    assert_eq!(orgs.written(), json!({"values": ["Ng", null, null, null]}));
    let query = "?config=%7B%22sheet%22%3A%221a%22%7D";
    assert_eq!(app.client.send("DELETE", &format!("{path}{query}"), None, None).await.0, 204);
    assert_eq!(app.client.send("DELETE", &format!("{path}{query}"), None, None).await.0, 404);
}

#[tokio::test]
async fn an_org_that_can_not_be_described_is_served_all_the_same() {
    let orgs = Orgs::start().await;
    let app = start(&orgs).await;
    let connection = app.client.connect("bexo", "live", json!({"key": "k-1"})).await;
    for _ in 0..9 {
        orgs.server().fail_next("GET", "/settings/fields", crate::fakes::Fault::Instead(403, json!({})));
    }
    app.client.enable("bexo", &connection, "create_lead", json!({})).await;
    app.client.output("create_lead", json!({"last_name": "Ng", "company": "Acme"})).await;
    assert_eq!(orgs.written()["data"][0], json!({"Last_Name": "Ng", "Company": "Acme"}));
    assert_eq!(orgs.server().count("GET", "/settings/fields"), 1, "asked once, not at every call");
    let path = format!("/v1/connections/{connection}/mappings/lead");
    let (status, refused) = put(&app, &path, json!({"fields": {"last_name": {"to": "Last_Name"}}})).await;
    assert_eq!((status, &refused["code"]), (502, &json!("provider_failed")), "{refused:#}");
    let other = app.client_of("other").await;
    assert_eq!(other.send("GET", &path, None, None).await.0, 404, "another org's connection is not there");
}
