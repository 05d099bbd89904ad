//! A CRM whose sign-in and org are at different hosts, through the API and over real sockets.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    clock::ManualClock,
    fakes::{
        Fault, Hold,
        salesforce::{Field, INSTANCE, Salesforce},
    },
    harness::{Options, TestApp},
};

const CONNECTOR: &str = "salesforce";
const TOKEN: &str = "/services/oauth2/token";

/// The engine with an org connected and actions enabled.
struct Bench {
    app: TestApp,
    crm: Salesforce,
    connection: String,
}

impl Bench {
    async fn start() -> Self {
        let crm = Salesforce::start(ManualClock::at(&SystemClock.now().to_string())).await;
        let account = crm.world().client();
        let overrides =
            vec![("https://login.salesforce.com", crm.login.url().to_owned()), (INSTANCE, crm.org.url().to_owned())];
        let app = TestApp::with(Options {
            overrides,
            accounts: vec![(CONNECTOR, account.0, account.1)],
            ..Options::default()
        })
        .await;
        let begun = app.client.post("/v1/connections", json!({"connector": CONNECTOR})).await;
        let (status, _, page) = app.client.consent(&begun).await;
        assert!(status == 200 && page.contains("ops@acme.example"), "{page}");
        let connection = begun["id"].as_str().unwrap().to_owned();
        for action in ["update_lead", "find_people"] {
            app.client.enable(CONNECTOR, &connection, action, json!({})).await;
        }
        Self { app, crm, connection }
    }

    async fn enable(&self, action: &str, config: Json) {
        self.app.client.enable(CONNECTOR, &self.connection, action, config).await;
    }

    /// With `create_lead` as it is without settings.
    async fn ready() -> Self {
        let bench = Self::start().await;
        bench.enable("create_lead", json!({})).await;
        bench
    }

    async fn create(&self, lead: Json) -> Json {
        self.app.client.output("create_lead", lead).await
    }

    async fn refusal(&self, lead: Json) -> Json {
        self.app.client.failure("create_lead", lead).await
    }

    fn leads(&self) -> usize {
        self.crm.world().records("Lead").len()
    }

    fn token_requests(&self) -> usize {
        self.crm.login.count("POST", TOKEN)
    }
}

fn okafor() -> Json {
    json!({"last_name": "Okafor", "company": "Nordwind GmbH", "email": "ines@nordwind.example"})
}

#[tokio::test]
async fn a_lead_is_written_found_and_changed() {
    let bench = Bench::ready().await;
    // what would end a string, a path or a JSON text, if anything could
    let name = "O'Hara\\ \"x\"\n' OR Name != ' 🙂 مرحبا %00";
    let mut lead = okafor();
    lead["last_name"] = name.into();
    let written = bench.create(lead).await;
    assert_eq!(bench.crm.world().records("Lead")[0]["LastName"], name);

    let found = bench.app.client.output("find_people", json!({"email": "ines@nordwind.example"})).await;
    assert_eq!(found["leads"][0]["lead_id"], written["lead_id"]);
    let change = json!({"lead_id": written["lead_id"], "phone": "+62 812"});
    bench.app.client.output("update_lead", change).await;
    assert_eq!(bench.crm.world().records("Lead")[0]["Phone"], "+62 812");
    assert_eq!(bench.token_requests(), 1);

    let used = bench.crm.world().used;
    let seen = bench.app.client.get(&format!("/v1/connections/{}", bench.connection)).await;
    assert_eq!((&seen["usage"][0]["used"], &seen["usage"][0]["limit"]), (&json!(used), &json!(15_000)), "{seen:#}");
}

#[tokio::test]
async fn an_ended_session_is_renewed_once_and_tokens_that_rotate_are_kept() {
    let bench = Bench::ready().await;
    bench.crm.world().end_sessions();
    let calls = (0..10).map(|_| bench.app.client.output("find_people", json!({"email": "ines@nordwind.example"})));
    futures_util::future::join_all(calls).await;
    assert_eq!(bench.token_requests(), 2, "no answer told how long the token lives, and one renewal serves all");

    // the next renewal shows the refresh token that came with the last one; an older one would end the grant
    bench.crm.world().end_sessions();
    bench.create(okafor()).await;
    assert_eq!((bench.token_requests(), bench.leads()), (3, 1));

    // others keep their refresh token
    bench.crm.world().rotates = false;
    for _ in 0..2 {
        bench.crm.world().end_sessions();
        bench.app.client.output("find_people", json!({"email": "ines@nordwind.example"})).await;
    }
    assert_eq!(bench.token_requests(), 5);
}

#[tokio::test]
async fn a_grant_that_is_dead_asks_for_a_new_consent() {
    let bench = Bench::ready().await;
    bench.crm.world().revoke_everything();
    assert_eq!(bench.refusal(okafor()).await["code"], "reauthorize");
    let path = format!("/v1/connections/{}", bench.connection);
    let seen = bench.app.client.get(&path).await;
    assert_eq!(seen["status"], "reauthorize");
    let again = bench.app.client.post(&format!("{path}/authorize"), json!({"connector": CONNECTOR})).await;
    assert_eq!(bench.app.client.consent(&again).await.0, 200);
    bench.create(okafor()).await;
    assert_eq!(bench.leads(), 1);
}

#[tokio::test]
async fn two_renewals_at_once_elsewhere_are_waited_for() {
    let bench = Bench::ready().await;
    bench.crm.world().end_sessions();
    let busy = json!({"error": "invalid_grant", "error_description": "token request is already being processed"});
    bench.crm.login.fail_next("POST", TOKEN, Fault::Instead(400, busy));
    bench.app.client.output("find_people", json!({"email": "ines@nordwind.example"})).await;
    let seen = bench.app.client.get(&format!("/v1/connections/{}", bench.connection)).await;
    assert_eq!(seen["status"], "connected", "it is no dead grant");
}

#[tokio::test]
async fn a_lost_answer_writes_one_lead() {
    let bench = Bench::ready().await;
    bench.crm.org.fail_next("POST", "/sobjects/Lead", Fault::AnswerLost);
    let written = bench.create(okafor()).await;
    assert_eq!(bench.leads(), 1);
    assert_eq!(written["lead_id"], bench.crm.world().records("Lead")[0]["Id"]);

    // nothing happened, but nobody can be sure: a page in place of an answer
    bench.crm.org.fail_next("POST", "/sobjects/Lead", Fault::Page(200));
    let lead = json!({"last_name": "Rao", "company": "Rao & Co"});
    assert_eq!(bench.refusal(lead).await["code"], "unknown_outcome");
    assert_eq!(bench.leads(), 1);
}

#[tokio::test]
async fn with_a_key_of_its_own_a_call_writes_one_lead_whatever_happens() {
    let bench = Bench::start().await;
    bench.enable("create_lead", json!({"call_field": "Chat_Id__c"})).await;
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::After(503, json!([]))] {
        let before = bench.leads();
        bench.crm.org.fail_next("PATCH", "/sobjects/Lead/Chat_Id__c/", fault.clone());
        bench.create(okafor()).await;
        assert_eq!(bench.leads() - before, 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_key_with_a_slash_stays_a_key() {
    let bench = Bench::start().await;
    bench.enable("upsert_lead", json!({"key_field": "Chat_Id__c"})).await;
    let mut lead = okafor();
    lead["key"] = "u/47 11?x=../..#%2F".into();
    let first = bench.app.client.output("upsert_lead", lead.clone()).await;
    let second = bench.app.client.output("upsert_lead", lead.clone()).await;
    assert_eq!((&first["created"], &second["created"]), (&json!(true), &json!(false)));
    assert_eq!((&first["lead_id"], bench.leads()), (&second["lead_id"], 1));
    assert_eq!(bench.crm.world().records("Lead")[0]["Chat_Id__c"], lead["key"]);
}

#[tokio::test]
async fn a_duplicate_is_named_and_written_only_if_the_builder_says_so() {
    let bench = Bench::ready().await;
    let first = bench.create(okafor()).await;
    bench.crm.world().duplicate_rule = true;
    let refused = bench.refusal(okafor()).await;
    assert_eq!(refused["code"], "conflict");
    assert!(refused["say"].as_str().unwrap().contains(first["lead_id"].as_str().unwrap()), "{refused:#}");
    assert_eq!(bench.leads(), 1);
}

#[tokio::test]
async fn a_used_up_day_and_an_outage_are_told_apart() {
    let bench = Bench::ready().await;
    let used_up = json!([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]);
    bench.crm.org.fail_next("POST", "/sobjects/Lead", Fault::Instead(403, used_up));
    let error = bench.refusal(okafor()).await;
    assert_eq!((&error["code"], &error["retry_after_seconds"]), (&json!("rate_limited"), &json!(3600)), "{error:#}");

    for _ in 0..3 {
        bench.crm.org.fail_next("GET", "/query", Fault::Page(503));
    }
    let error = bench.app.client.failure("find_people", json!({"email": "ines@nordwind.example"})).await;
    assert_eq!(error["code"], "unavailable");
    assert_eq!(bench.leads(), 0);
}

#[tokio::test]
async fn what_the_org_requires_is_asked_for_and_what_it_restricts_is_kept() {
    let bench = Bench::ready().await;
    bench.crm.world().add_field("Lead", Field::picklist("Region__c", "Region", &["JAVA", "BALI"], true).required());
    let error = bench.refusal(okafor()).await;
    assert!(["invalid_input", "precondition_failed"].contains(&error["code"].as_str().unwrap()), "{error:#}");
    assert!(error["say"].as_str().unwrap().contains("Region"), "{error:#}");
    assert_eq!(bench.leads(), 0);
}

#[tokio::test]
async fn a_lead_is_converted_once_with_the_token_where_soap_wants_it() {
    let bench = Bench::ready().await;
    bench.enable("convert_lead", json!({"status": "Qualified"})).await;
    let lead = bench.create(okafor()).await["lead_id"].clone();
    let name = "A & B <p:sessionId/> \"2027\"";
    let wanted = json!({"lead_id": lead, "opportunity_name": name});
    bench.crm.org.fail_next("POST", "/services/Soap/", Fault::AnswerLost);
    let converted = bench.app.client.output("convert_lead", wanted.clone()).await;
    assert_eq!(bench.app.client.output("convert_lead", wanted).await, converted);
    let record = bench.crm.world().records("Lead")[0].clone();
    assert_eq!((&record["OpportunityName"], &record["ConvertedContactId"]), (&json!(name), &converted["contact_id"]));
    assert_eq!(bench.crm.org.count("POST", "/services/Soap/"), 1);

    // a session that ends just before is told by a fault, and renewed
    let mut other = okafor();
    other["email"] = "raj@nordwind.example".into();
    let other = json!({"lead_id": bench.create(other).await["lead_id"]});
    let hold = Hold::default();
    bench.crm.org.fail_next("GET", "/sobjects/Lead/", Fault::Held(hold.clone()));
    let ends = async {
        hold.reached().await;
        bench.crm.world().end_sessions();
        hold.release();
    };
    let (converted, ()) = futures_util::future::join(bench.app.client.output("convert_lead", other), ends).await;
    assert_eq!(converted["opportunity_id"], json!(null));
    assert_eq!((bench.crm.org.count("POST", "/services/Soap/"), bench.token_requests()), (3, 2));
}

#[tokio::test]
async fn a_refused_conversion_says_why() {
    let bench = Bench::ready().await;
    bench.enable("convert_lead", json!({"status": "Closed"})).await;
    let lead = bench.create(okafor()).await["lead_id"].clone();
    let error = bench.app.client.failure("convert_lead", json!({"lead_id": lead})).await;
    assert_eq!((&error["code"], &error["say"]), (&json!("precondition_failed"), &json!("invalid convertedStatus")));
    assert_eq!(bench.crm.world().records("Lead")[0]["IsConverted"], false);
}

#[tokio::test]
async fn an_org_with_fields_of_its_own_is_mapped_and_watched() {
    let bench = Bench::start().await;
    {
        let mut world = bench.crm.world();
        world.add_field("Lead", Field::picklist("Channel__c", "Channel", &["Chat", "Web"], true));
        world.add_field("Lead", Field::new("Budget__c", "Budget", "currency", 0).required());
    }
    let client = &bench.app.client;
    let path = format!("/v1/connections/{}/mappings/lead", bench.connection);
    let suggested = client.post(&format!("{path}/suggest"), json!({})).await;
    assert_eq!(suggested["mapping"]["fields"]["last_name"]["to"], "LastName", "{suggested:#}");
    let mut mapping = json!({
        "fields": {"last_name": {"to": "LastName"}, "company": {"to": "Company"}, "source": {"to": "Channel__c", "values": {"whatsapp": "Chat"}}},
        "constants": {"Description": "From the chat"},
    });
    let (status, refused) = client.send("PUT", &path, Some(&mapping), None).await;
    assert!(status == 422 && refused.to_string().contains("Budget__c"), "the org requires it: {refused:#}");
    mapping["extra"] = json!({"budget": {"to": "Budget__c", "description": "What they want to spend."}});
    let (status, saved) = client.send("PUT", &path, Some(&mapping), None).await;
    assert_eq!(status, 200, "{saved:#}");

    bench.enable("create_lead", json!({})).await;
    let mut lead = json!({"last_name": "Okafor", "company": "Nordwind GmbH", "source": "Fax", "budget": 15000});
    let call = json!({"function": "create_lead", "arguments": lead});
    let (_, refused) = client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert!(refused.to_string().contains("Chat"), "what the org takes is told: {refused:#}");
    assert_eq!(bench.leads(), 0, "and nothing was sent");
    lead["source"] = "whatsapp".into();
    bench.create(lead.clone()).await;
    let written = bench.crm.world().records("Lead")[0].clone();
    assert_eq!((&written["Channel__c"], &written["Budget__c"]), (&json!("Chat"), &json!(15000)));
    assert_eq!(written["Description"], "From the chat");

    // an administrator deletes a field that is mapped
    bench.crm.world().drop_field("Lead", "Channel__c");
    let error = client.failure("create_lead", lead.clone()).await;
    assert_eq!(error["code"], "precondition_failed", "{error:#}");
    // the next call knows, and the builder is told
    lead.as_object_mut().unwrap().remove("source");
    bench.create(lead).await;
    assert_eq!(bench.leads(), 2);
    let actions = client.get("/v1/agents/a/actions").await;
    let row = actions["data"].as_array().unwrap().iter().find(|it| it["action"] == "create_lead").unwrap().clone();
    assert_eq!(row["status"], "needs_attention", "{row:#}");
    assert!(row["problems"].to_string().contains("Channel__c"), "{row:#}");
}
