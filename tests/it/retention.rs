//! What is kept, for how long, and what is left when somebody wants it erased.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value as Json, json};
use sqlx::{Row as _, SqlitePool};

use crate::{
    clock::ForwardClock,
    fakes::{Fault, Hold},
    harness::{Calendar, Client, Options, TestApp, calendar::booking},
};

const CALLS: &str = "/v1/agents/a/calls";
const DAY: i64 = 24 * 3600;

#[allow(clippy::needless_pass_by_value, reason = "callers make it in place")]
fn call(turn: &str, function: &str, arguments: Json) -> Json {
    json!({"function": function, "arguments": arguments, "conversation": "conversation-7", "turn": turn, "customer": "ana"})
}

/// An engine with sandboxes of a calendar and of payments, and the clock that it goes by.
async fn with_sandboxes() -> (TestApp, ForwardClock) {
    let clock = ForwardClock::default();
    let app = TestApp::with(Options { clock: Some(Arc::new(clock.clone())), ..Options::default() }).await;
    let client = &app.client;
    let calendar = client.connect("google-calendar", "sandbox", json!({})).await;
    for action in ["check_availability", "book_appointment"] {
        client.enable("google-calendar", &calendar, action, json!({"calendar": "primary"})).await;
    }
    let payments = client.connect("midtrans", "sandbox", json!({})).await;
    client.enable("midtrans", &payments, "wait_for_payment", json!({})).await;
    (app, clock)
}

async fn keep(client: &Client, policy: Json) -> Json {
    let (status, retention) = client.send("PUT", "/v1/retention", Some(&policy), None).await;
    assert_eq!(status, 200, "{retention:#}");
    retention
}

async fn tables(pool: &SqlitePool) -> Vec<String> {
    let sql =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx%'";
    let rows = sqlx::query(sql).fetch_all(pool).await.unwrap();
    rows.iter().map(|row| row.get("name")).collect()
}

/// How many rows each table has.
async fn rows(pool: &SqlitePool) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for table in tables(pool).await {
        let sql = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) AS n FROM {table}"));
        counts.insert(table, sqlx::query(sql).fetch_one(pool).await.unwrap().get("n"));
    }
    counts
}

/// The tables that have a text in any of their columns, but for the connectors' own files.
async fn tables_with(pool: &SqlitePool, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for table in tables(pool).await.into_iter().filter(|it| it != "connector_versions") {
        let columns = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')")));
        for column in columns.fetch_all(pool).await.unwrap() {
            let column: String = column.get("name");
            let sql = format!("SELECT COUNT(*) AS n FROM {table} WHERE CAST({column} AS TEXT) LIKE '%{text}%'");
            let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.unwrap();
            if row.get::<i64, _>("n") > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
    }
    found
}

#[tokio::test]
async fn a_month_of_traffic_leaves_no_more_than_retention_says() {
    let (app, clock) = with_sandboxes().await;
    let (client, engine) = (&app.client, app.app().engine());
    keep(
        client,
        json!({"inputs_days": 3, "outputs_days": 4, "traces_days": 2, "executions_days": 7, "events_days": 3}),
    )
    .await;
    let pool = SqlitePool::connect(&app.database_url()).await.unwrap();
    let mut after = BTreeMap::new();
    for day in 1..=35 {
        for turn in 0..2 {
            let window = json!({"from": "2029-01-11T00:00:00+07:00", "to": "2029-01-12T00:00:00+07:00"});
            client.post(CALLS, json!({"function": "check_availability", "arguments": window})).await;
            let arguments = json!({"start": "2029-01-11T10:00:00+07:00", "name": "Ana Ruiz"});
            let booked = client.post(CALLS, call(&format!("{day}-{turn}"), "book_appointment", arguments)).await;
            assert_eq!(booked["status"], "succeeded", "{booked:#}");
        }
        let order = json!({"order_id": format!("pending-{day}")});
        let waiting = client.post(CALLS, call(&format!("{day}"), "wait_for_payment", order)).await;
        clock.advance(60);
        // the waker looks when something else is parked, or when its time has come
        let path = format!("/v1/executions/{}", waiting["id"].as_str().unwrap());
        client.until(&path, |it| it["status"] == "succeeded").await;
        let (_, erased) = client.send("DELETE", &format!("/v1/conversations/of-day-{day}"), None, None).await;
        assert_eq!(erased["executions"], 0, "{erased:#}");
        clock.advance(DAY);
        engine.erase_pending().await.unwrap();
        engine.sweep().await.unwrap();
        after.insert(day, rows(&pool).await);
    }
    for (table, rows) in &after[&35] {
        if table == "erasures" {
            assert_eq!(*rows, 35, "that something was erased is kept for three years");
            continue;
        }
        // a day more or less, by what the waker had done when it was counted
        let steady = after[&14][table];
        assert!(*rows <= steady + 5, "{table} has {rows} rows, and had {steady} three weeks before: {after:#?}");
    }
    let at_end = &after[&35];
    assert!((20..=40).contains(&at_end["executions"]), "five a day, for seven days: {at_end:#?}");
    assert!((1..=20).contains(&at_end["received_events"]) && at_end["events"] <= 20, "{at_end:#?}");
    assert_eq!(at_end["waits"], 0);
    assert!(at_end["idempotency_keys"] <= 3, "{at_end:#?}");
    let listed = client.get("/v1/executions?limit=100").await;
    let expired = |it: &Json| it["expired"].as_array().map_or(0, Vec::len);
    let all = listed["data"].as_array().unwrap();
    assert_eq!((expired(&all[0]), expired(all.last().unwrap())), (0, 3), "{listed:#}");
}

#[tokio::test]
async fn a_key_answers_for_its_whole_life_and_tells_what_is_no_longer_kept() {
    let (app, clock) = with_sandboxes().await;
    let (client, engine) = (&app.client, app.app().engine());
    keep(client, json!({"outputs_days": 1, "executions_days": 1, "keys_hours": 100})).await;
    let arguments = json!({"start": "2029-01-11T10:00:00+07:00", "name": "Ana Ruiz"});
    let body = call("1", "book_appointment", arguments);
    let first = client.post(CALLS, body.clone()).await;
    clock.advance(2 * DAY);
    engine.sweep().await.unwrap();
    let again = client.post(CALLS, body.clone()).await;
    assert_eq!((&again["id"], &again["status"]), (&first["id"], &json!("succeeded")));
    assert_eq!((again.get("output"), &again["expired"]), (None, &json!(["output"])));
    clock.advance(3 * DAY);
    engine.sweep().await.unwrap();
    let (status, _) =
        client.send("GET", &format!("/v1/executions/{}", first["id"].as_str().unwrap()), None, None).await;
    assert_eq!(status, 404, "its key has expired, so it has gone as a whole");
    assert_ne!(client.post(CALLS, body).await["id"], first["id"]);
}

#[tokio::test]
async fn a_conversation_is_erased_also_what_was_still_running() {
    let (bench, _) = Calendar::connected().await;
    let (client, engine) = (&bench.app.client, bench.app.app().engine());
    let done = client.post(CALLS, call("1", "book_appointment", booking("10:00"))).await;
    assert_eq!(done["status"], "succeeded", "{done:#}");
    let refused = client.post(CALLS, call("2", "book_appointment", booking("10:00"))).await;
    assert_eq!(refused["status"], "failed");
    let other =
        json!({"function": "book_appointment", "arguments": booking("13:00"), "conversation": "conversation-8"});
    let other = client.post(CALLS, other).await;
    let hold = Hold::default();
    bench.google.server.fail_next("POST", "/events", Fault::Held(hold.clone()));
    let body = call("3", "book_appointment", booking("11:00"));
    let (_, _, running) = client.prefer("POST", CALLS, Some(&body), "wait=0").await;
    assert_eq!(running["status"], "running", "{running:#}");
    hold.reached().await;

    let erase = async || client.send("DELETE", "/v1/conversations/conversation-7", None, None).await;
    let (status, erased) = erase().await;
    assert_eq!((status, &erased["executions"], &erased["left"]), (200, &json!(2), &json!(1)), "{erased:#}");
    hold.release();
    let path = format!("/v1/executions/{}", running["id"].as_str().unwrap());
    client.until(&path, |it| it["status"] == "succeeded").await;
    engine.erase_pending().await.unwrap();
    let gone = client.get(&path).await;
    assert_eq!((&gone["status"], gone.get("output"), gone.get("conversation")), (&json!("succeeded"), None, None));
    assert!(gone["erased_at"].is_string(), "{gone:#}");
    let events = client.get("/v1/events?type=execution.succeeded").await;
    assert_eq!(events["data"][0]["data"], json!({"erased": true}), "{events:#}");

    let (_, again) = erase().await;
    assert_eq!(
        (&again["executions"], &again["left"], &again["id"]),
        (&json!(3), &json!(0), &erased["id"]),
        "{again:#}"
    );
    assert_eq!(client.get("/v1/executions?conversation=conversation-7").await["data"], json!([]));
    let records = client.get("/v1/erasures").await;
    assert_eq!(records["data"].as_array().unwrap().len(), 1, "{records:#}");
    assert!(!records.to_string().contains("conversation-7"), "{records:#}");
    // whoever repeats a call of it learns that it was done, and nothing else
    let repeated = client.post(CALLS, call("1", "book_appointment", booking("10:00"))).await;
    assert_eq!((&repeated["id"], repeated.get("output")), (&done["id"], None), "{repeated:#}");

    // all that is left of that customer is the other conversation
    let other_id = other["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/executions/{other_id}")).await["output"], other["output"]);
    client.send("DELETE", "/v1/conversations/conversation-8", None, None).await;
    let pool = SqlitePool::connect(&bench.app.database_url()).await.unwrap();
    assert_eq!(tables_with(&pool, "Ana Ruiz").await, Vec::<String>::new());
    assert_eq!(tables_with(&pool, "ana.ruiz").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_customer_is_erased_with_what_they_waited_for() {
    let (app, clock) = with_sandboxes().await;
    let (client, engine) = (&app.client, app.app().engine());
    let order = json!({"order_id": "pending-81"});
    let waiting = client.post(CALLS, call("1", "wait_for_payment", order)).await;
    assert_eq!(waiting["status"], "waiting", "{waiting:#}");
    let erase = async || client.send("DELETE", "/v1/customers/ana", None, None).await.1;
    assert_eq!(erase().await["left"], 1, "it has to be brought to its end first");
    clock.advance(60);
    let path = format!("/v1/executions/{}", waiting["id"].as_str().unwrap());
    client.until(&path, |it| it["status"] == "succeeded").await;
    engine.erase_pending().await.unwrap();
    let record = client.get("/v1/erasures").await["data"][0].take();
    assert_eq!((&record["executions"], &record["received_events"]), (&json!(1), &json!(1)), "{record:#}");
    assert_eq!((&record["of"], record.get("done_at")), (&json!("customer"), None), "{record:#}");
    let pool = SqlitePool::connect(&app.database_url()).await.unwrap();
    // its number stays where nobody but the provider knows what it means: so that what is told again is known
    let left = tables_with(&pool, "pending-81").await;
    assert!(left.iter().all(|it| it == "received_events.event_id"), "{left:?}");
    clock.advance(3601);
    engine.erase_pending().await.unwrap();
    assert!(client.get("/v1/erasures").await["data"][0]["done_at"].is_string());
    assert_eq!(tables_with(&pool, "ana").await, Vec::<String>::new(), "nor who they were");
}

#[tokio::test]
async fn an_export_has_all_of_it_line_by_line() {
    let (app, _) = with_sandboxes().await;
    let client = &app.client;
    let arguments = json!({"start": "2029-01-11T10:00:00+07:00", "name": "Ana Ruiz"});
    let mut ids = Vec::new();
    for turn in 0..60 {
        let execution = client.post(CALLS, call(&turn.to_string(), "book_appointment", arguments.clone())).await;
        ids.push(execution["id"].clone());
    }
    let order = json!({"function": "wait_for_payment", "arguments": {"order_id": "pending-1"}});
    let alone = client.post(CALLS, order).await["id"].clone();
    let lines = async |query: &str| {
        let (status, text) = client.text(&format!("/v1/export?{query}")).await;
        assert_eq!(status, 200, "{text}");
        text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()).collect::<Vec<_>>()
    };
    let all = lines("conversation=conversation-7").await;
    assert_eq!(all.len(), 61);
    let exported: Vec<_> = all[..60].iter().map(|it| it["execution"]["id"].clone()).collect();
    assert_eq!((exported, &all[60]), (ids.clone(), &json!({"end": true})));
    let first = &all[0]["execution"];
    assert_eq!((&first["input"], &first["conversation"]), (&arguments, &json!("conversation-7")));
    assert!(first["trace"].is_array() && first["writes"].is_array() && first["output"].is_object());
    let rest = lines(&format!("customer=ana&after={}", all[49]["cursor"].as_str().unwrap())).await;
    assert_eq!(rest, all[50..]);
    client.until("/v1/events?type=provider.event", |it| !it["data"].as_array().unwrap().is_empty()).await;
    let org = lines("").await;
    assert_eq!(org.iter().filter(|it| it["execution"].is_object()).count(), 61);
    let waited = org.iter().find(|it| it["execution"]["id"] == alone).unwrap();
    assert!(waited["events"].as_array().unwrap().iter().any(|it| it["type"] == "provider.event"), "{waited:#}");
    assert!(org.iter().any(|it| it["event"]["type"] == "provider.event"));
    let other = app.client_of("other").await;
    assert_eq!(other.text("/v1/export").await.1, "{\"end\":true}\n");
    for query in ["conversation=a&customer=b", "after=nothing"] {
        assert_eq!(client.text(&format!("/v1/export?{query}")).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn an_orgs_retention_is_its_own() {
    let app = TestApp::start().await;
    let client = &app.client;
    let default = client.get("/v1/retention").await;
    assert_eq!((&default["traces_days"], &default["own"]), (&json!(30), &json!({})), "{default:#}");
    let set = keep(client, json!({"traces_days": 7})).await;
    assert_eq!(
        (&set["traces_days"], &set["inputs_days"], &set["own"]),
        (&json!(7), &json!(90), &json!({"traces_days": 7}))
    );
    assert_eq!(client.get("/v1/retention").await, set);
    assert_eq!(app.client_of("other").await.get("/v1/retention").await, default);
    for policy in [json!({"traces_days": 0}), json!({"events_days": 2}), json!({"trace_days": 7})] {
        let (status, problem) = client.send("PUT", "/v1/retention", Some(&policy), None).await;
        assert_eq!((status, &problem["code"]), (400, &json!("invalid_request")), "{policy}");
    }
    assert_eq!(keep(client, json!({})).await, default, "what is left out is as the settings say");
}
