//! Three products behind one sign-in, in a data centre that only the redirect names, through the API and over real sockets.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    clock::ManualClock,
    fakes::{
        Fault,
        zoho::{DataCentre, Zoho, picklist},
    },
    harness::{Options, TestApp},
};

/// The engine with an account connected.
struct Bench {
    app: TestApp,
    zoho: Zoho,
    connection: String,
}

impl Bench {
    /// Nothing is connected yet.
    async fn begin() -> (TestApp, Zoho, Json) {
        let clock = ManualClock::at(&SystemClock.now().to_string());
        let zoho = Zoho::start(clock).await;
        let account = zoho.world().client();
        let overrides = [
            ("https://accounts.zoho.com", &zoho.accounts_us),
            ("https://accounts.zoho.eu", &zoho.accounts_eu),
            ("https://www.zohoapis.eu", &zoho.api),
            ("https://desk.zoho.eu", &zoho.desk),
        ];
        let overrides = overrides.map(|(origin, server)| (origin, server.url().to_owned())).into();
        let app =
            TestApp::with(Options { overrides, accounts: vec![("zoho", account.0, account.1)], ..Options::default() })
                .await;
        let scopes = [
            "ZohoCRM.modules.leads.ALL",
            "ZohoCRM.coql.READ",
            "ZohoSearch.securesearch.READ",
            "ZohoCRM.settings.fields.READ",
            "ZohoCRM.settings.layouts.READ",
            "ZohoBooks.settings.READ",
            "ZohoBooks.customerpayments.CREATE",
            "ZohoBooks.customerpayments.READ",
            "Desk.basic.READ",
            "Desk.tickets.CREATE",
            "Desk.tickets.READ",
            "Desk.search.READ",
        ];
        let begun = app.client.post("/v1/connections", json!({"connector": "zoho-crm", "scopes": scopes})).await;
        (app, zoho, begun)
    }

    async fn start() -> Self {
        let (app, zoho, begun) = Self::begin().await;
        let (status, _, page) = app.client.consent(&begun).await;
        assert!(status == 200 && page.contains("asha@nordwind.example"), "{page}");
        let bench = Self { app, zoho, connection: begun["id"].as_str().unwrap().to_owned() };
        for action in ["update_lead", "upsert_lead", "find_leads"] {
            bench.enable("zoho-crm", action, json!({})).await;
        }
        bench
    }

    async fn enable(&self, connector: &str, action: &str, config: Json) {
        self.app.client.enable(connector, &self.connection, action, config).await;
    }

    async fn ready() -> Self {
        let bench = Self::start().await;
        bench.enable("zoho-crm", "create_lead", json!({})).await;
        bench
    }

    async fn create(&self, lead: Json) -> Json {
        self.app.client.output("create_lead", lead).await
    }

    fn leads(&self) -> usize {
        self.zoho.world().leads.len()
    }

    fn refreshes(&self) -> usize {
        self.zoho.accounts_eu.count("POST", "/oauth/v2/token") - 1
    }
}

fn okafor() -> Json {
    json!({"last_name": "Okafor", "email": "ines@nordwind.example"})
}

#[tokio::test]
async fn the_redirect_says_where_the_account_is_at_home() {
    let bench = Bench::ready().await;
    let name = "O'Hara\\ \"x\"\n')and(Email:equals:y) 🙂 مرحبا %00";
    let mut lead = okafor();
    lead["last_name"] = name.into();
    let written = bench.create(lead).await;
    assert_eq!(bench.zoho.world().leads[0]["Last_Name"], name);
    let found = bench.app.client.output("find_leads", json!({"email": "ines@nordwind.example"})).await;
    assert_eq!(found["leads"][0]["lead_id"], written["lead_id"]);
    let nobody = bench.app.client.output("find_leads", json!({"email": "o'hara@nordwind.example"})).await;
    assert_eq!(nobody["leads"], json!([]), "an empty answer is nobody");
    assert_eq!(bench.zoho.accounts_us.count("POST", "/token"), 0, "the secret is shown to the home only");
}

#[tokio::test]
async fn a_forged_redirect_gets_no_secret() {
    let (app, zoho, begun) = Bench::begin().await;
    let callback = app.client.callback(&begun).await;
    let forged =
        callback.replace("location=eu", "location=evil").replace("accounts.zoho.eu", "accounts.zoho.evil.example");
    assert_ne!(forged, callback);
    let (status, _, page) = app.client.browse(&forged).await;
    assert_eq!(status, 400, "{page}");
    assert_eq!(zoho.world().shown_secrets, []);

    // another data centre of the provider's is no stranger, but doesn't know the code
    let begun = app.client.post("/v1/connections", json!({"connector": "zoho-crm"})).await;
    let elsewhere = app.client.callback(&begun).await.replace("location=eu", "location=us");
    assert_eq!(app.client.browse(&elsewhere).await.0, 400);
    assert!(zoho.world().shown_secrets.iter().all(|(at, _)| *at == DataCentre("us")));
}

#[tokio::test]
async fn one_token_serves_all_products_and_is_renewed_once() {
    let bench = Bench::ready().await;
    bench.enable("zoho-books", "record_payment", json!({"organization": "600123456"})).await;
    bench
        .enable("zoho-desk", "create_ticket", json!({"organization": "600777888", "department": "132900000000006907"}))
        .await;
    bench.zoho.world().end_tokens();
    bench.create(okafor()).await;
    let payment = json!({"customer_id": "410000000097001", "invoice_id": "410000000124029", "amount": 288.0, "reference": "TX-9"});
    bench.app.client.output("record_payment", payment).await;
    let ticket = json!({"subject": "Cannot log in", "email": "ines@nordwind.example", "last_name": "Okafor"});
    bench.app.client.output("create_ticket", ticket).await;
    assert_eq!((bench.refreshes(), bench.leads()), (1, 1));
    let world = bench.zoho.world();
    assert_eq!((world.payments.len(), world.tickets.len()), (1, 1));
}

#[tokio::test]
async fn tokens_are_not_asked_for_in_a_loop() {
    let bench = Bench::ready().await;
    for _ in 0..10 {
        bench.zoho.world().end_tokens();
        bench.app.client.output("find_leads", json!({"email": "ines@nordwind.example"})).await;
    }
    bench.zoho.world().end_tokens();
    for _ in 0..3 {
        let error = bench.app.client.failure("find_leads", json!({"email": "ines@nordwind.example"})).await;
        assert_eq!((&error["code"], &error["retry_after_seconds"]), (&json!("rate_limited"), &json!(900)), "{error:#}");
    }
    assert_eq!(bench.refreshes(), 11, "to ask again would only make it longer");
    let seen = bench.app.client.get(&format!("/v1/connections/{}", bench.connection)).await;
    assert_eq!(seen["status"], "connected");
}

#[tokio::test]
async fn a_failure_inside_a_success_is_told() {
    for status in [200, 202, 400] {
        let bench = Bench::ready().await;
        // the org has changed behind the engine's back
        bench.zoho.world().failed = status;
        bench.zoho.world().required = vec!["Company"];
        let error = bench.app.client.failure("create_lead", okafor()).await;
        assert!(
            ["invalid_input", "precondition_failed"].contains(&error["code"].as_str().unwrap()),
            "{status}: {error:#}"
        );
        assert!(error["say"].as_str().unwrap().contains("Company"), "{status}: {error:#}");
        assert_eq!(bench.leads(), 0);
    }
}

#[tokio::test]
async fn a_value_that_the_org_does_not_have_is_refused_with_those_that_it_has() {
    let bench = Bench::start().await;
    bench.zoho.world().fields.push(picklist("Lead_Source", "Lead Source", &["Chat", "Web"]));
    bench.app.client.get(&format!("/v1/connections/{}/objects/lead/fields?fresh=true", bench.connection)).await;
    bench.enable("zoho-crm", "create_lead", json!({})).await;
    let mut lead = okafor();
    lead["source"] = "Letter".into();
    let call = json!({"function": "create_lead", "arguments": lead});
    let (_, answer) = bench.app.client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert!(answer.to_string().contains("Chat"), "{answer:#}");
    assert_eq!(bench.leads(), 0);
    lead["source"] = "Chat".into();
    bench.create(lead).await;
    assert_eq!(bench.zoho.world().leads[0]["Lead_Source"], "Chat");
}

#[tokio::test]
async fn lost_answers_write_once() {
    let bench = Bench::ready().await;
    bench.zoho.api.fail_next("POST", "/crm/v8/Leads", Fault::AnswerLost);
    let written = bench.create(okafor()).await;
    assert_eq!((bench.leads(), &written["lead_id"]), (1, &bench.zoho.world().leads[0]["id"].clone()));

    bench.zoho.api.fail_next("POST", "/crm/v8/Leads/upsert", Fault::AnswerLost);
    let again = bench.app.client.output("upsert_lead", okafor()).await;
    assert_eq!((bench.leads(), &again["created"]), (1, &json!(false)));

    bench.enable("zoho-books", "record_payment", json!({"organization": "600123456"})).await;
    let payment = json!({"customer_id": "410000000097001", "invoice_id": "410000000124029", "amount": 288.0, "reference": "TX-9"});
    bench.zoho.api.fail_next("POST", "/customerpayments", Fault::AnswerLost);
    let first = bench.app.client.output("record_payment", payment.clone()).await;
    let second = bench.app.client.output("record_payment", payment).await;
    assert_eq!((&first, bench.zoho.world().payments.len()), (&second, 1));

    bench
        .enable("zoho-desk", "create_ticket", json!({"organization": "600777888", "department": "132900000000006907"}))
        .await;
    bench.zoho.desk.fail_next("POST", "/tickets", Fault::AnswerLost);
    let ticket = json!({"subject": "Cannot log in", "email": "ines@nordwind.example", "last_name": "Okafor"});
    let opened = bench.app.client.output("create_ticket", ticket).await;
    assert_eq!((&opened["number"], bench.zoho.world().tickets.len()), (&json!("101"), 1));
}

#[tokio::test]
async fn a_throttle_and_a_page_in_place_of_an_answer_are_told_apart() {
    let bench = Bench::ready().await;
    let busy = json!({"code": "TOO_MANY_REQUESTS", "details": {}, "message": "too many requests", "status": "error"});
    bench.zoho.api.fail_next("POST", "/crm/v8/Leads", Fault::Instead(429, busy));
    let error = bench.app.client.failure("create_lead", okafor()).await;
    assert_eq!((&error["code"], bench.leads()), (&json!("rate_limited"), 0));

    bench.zoho.api.fail_next("POST", "/crm/v8/Leads", Fault::Page(200));
    let error = bench.app.client.failure("create_lead", okafor()).await;
    assert_eq!((&error["code"], bench.leads()), (&json!("unknown_outcome"), 0));
}

#[tokio::test]
async fn an_org_with_fields_of_its_own_is_mapped() {
    let bench = Bench::start().await;
    {
        let mut world = bench.zoho.world();
        world.fields.push(picklist("Channel", "Channel", &["Chat", "Web"]));
        world.fields.push(picklist("Tier", "Budget tier", &["gold", "silver"]));
        world.required = vec!["Tier"];
    }
    let path = format!("/v1/connections/{}/mappings/lead", bench.connection);
    let suggested = bench.app.client.post(&format!("{path}/suggest"), json!({})).await;
    assert_eq!(suggested["mapping"]["fields"]["email"]["to"], "Email", "{suggested:#}");
    let mut mapping = json!({
        "fields": {"last_name": {"to": "Last_Name"}, "email": {"to": "Email"}, "source": {"to": "Channel", "values": {"whatsapp": "Chat"}}},
    });
    let (status, refused) = bench.app.client.send("PUT", &path, Some(&mapping), None).await;
    assert!(status == 422 && refused.to_string().contains("Tier"), "the layout requires it: {refused:#}");
    mapping["extra"] = json!({"tier": {"to": "Tier", "description": "What they want to spend."}});
    let (status, saved) = bench.app.client.send("PUT", &path, Some(&mapping), None).await;
    assert_eq!(status, 200, "{saved:#}");

    bench.enable("zoho-crm", "create_lead", json!({})).await;
    let mut lead =
        json!({"last_name": "Okafor", "email": "ines@nordwind.example", "source": "whatsapp", "tier": "bronze"});
    let call = json!({"function": "create_lead", "arguments": lead});
    let (_, refused) = bench.app.client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert!(refused.to_string().contains("silver"), "{refused:#}");
    assert_eq!(bench.leads(), 0);
    lead["tier"] = "gold".into();
    bench.create(lead).await;
    let written = bench.zoho.world().leads[0].clone();
    assert_eq!((&written["Channel"], &written["Tier"]), (&json!("Chat"), &json!("gold")));
}
