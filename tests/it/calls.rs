//! A call and its caller: what was begun is ended, or told as what it is.

use closeloop::{
    base::{Clock as _, ConnectionId, EnabledActionId, ExecutionId, OrgId},
    crypto::Sealed,
    store::{Begun, NewExecution, Store, Write},
    system::{SystemClock, SystemRandom},
};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, Hold},
    harness::{Calendar, TestApp, calendar::booking},
};

/// A booking whose request has reached the provider, and which waits there for its answer.
async fn held(bench: &Calendar) -> (Hold, tokio::task::JoinHandle<Json>) {
    let hold = Hold::default();
    bench.google.server.fail_next("POST", "/events", Fault::Held(hold.clone()));
    let client = bench.app.client.clone();
    let call = tokio::spawn(async move { client.call("book_appointment", booking("10:00")).await });
    hold.reached().await;
    (hold, call)
}

#[tokio::test]
async fn a_caller_that_hangs_up_does_not_stop_a_write() {
    let (mut bench, _) = Calendar::connected().await;
    let (hold, call) = held(&bench).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled(), "its connection is closed with it");
    let running = bench.app.client.get("/v1/executions?status=running").await;
    assert_eq!(running["data"].as_array().unwrap().len(), 1);
    hold.release();
    // a stop waits for whatever runs
    bench.app.restart().await;
    let executions = bench.app.client.get("/v1/executions").await;
    assert_eq!(executions["data"].as_array().unwrap().len(), 1);
    assert_eq!(executions["data"][0]["status"], "succeeded", "{executions:#}");
    assert_eq!((bench.events(), bench.google.server.count("POST", "/events")), (1, 1));
}

#[tokio::test]
async fn a_repeated_call_finds_the_first_one_whatever_has_changed_since() {
    let (bench, connection) = Calendar::connected().await;
    let client = &bench.app.client;
    let call = json!({"function": "book_appointment", "arguments": booking("10:00")});
    let repeat = async || client.send("POST", "/v1/agents/a/calls", Some(&call), Some("turn-1")).await;
    let first = repeat().await;
    assert_eq!((first.0, &first.1["status"]), (200, &json!("succeeded")), "{:#}", first.1);
    client.send("DELETE", &format!("/v1/connections/{connection}"), None, None).await;
    assert_eq!(repeat().await, first, "a caller that got no answer must not learn that nothing ran");
    let (status, problem) = client.send("POST", "/v1/agents/a/calls", Some(&call), Some("turn-2")).await;
    assert_eq!((status, &problem["code"]), (409, &json!("not_connected")), "the connection is off at once");
    let other = json!({"function": "book_appointment", "arguments": booking("11:00")});
    let (_, problem) = client.send("POST", "/v1/agents/a/calls", Some(&other), Some("turn-1")).await;
    assert_eq!(problem["code"], "not_connected", "another call with the same key did not run, and can't");
}

#[tokio::test]
async fn a_stop_waits_for_a_running_call_and_answers_it() {
    let (mut bench, _) = Calendar::connected().await;
    let (hold, call) = held(&bench).await;
    let engine = bench.app.app().engine().clone();
    let stopping = tokio::spawn(async move {
        bench.app.restart().await;
        bench
    });
    while !engine.is_stopping() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished() && !call.is_finished());
    hold.release();
    let execution = call.await.unwrap();
    assert_eq!(execution["status"], "succeeded", "{execution:#}");
    let bench = stopping.await.unwrap();
    let kept = bench.app.client.get(&format!("/v1/executions/{}", execution["id"].as_str().unwrap())).await;
    assert_eq!((&kept["output"], bench.events()), (&execution["output"], 1));
}

/// Begins an execution as another process did; with a write that it was about to send, or without.
async fn begun_elsewhere(store: &Store, org: OrgId, writes: bool) -> ExecutionId {
    let now = SystemClock.now();
    let id = ExecutionId::new(now, &SystemRandom);
    let new = NewExecution {
        org,
        id,
        agent: "a".to_owned(),
        enabled_action: EnabledActionId::new(now, &SystemRandom),
        connector: "midtrans".to_owned(),
        connector_version: "1.0.0".to_owned(),
        action: "refund_payment".to_owned(),
        connection: ConnectionId::new(now, &SystemRandom),
        conversation: None,
        customer: None,
        input: json!({"order_id": "INV-1"}),
        owner: "a process that died".into(),
        deadline: now + SignedDuration::from_mins(1),
        connector_digest: None,
        provider_key: None,
        beginning: None,
        started_at: now,
    };
    // known to live, so that nobody takes over what is still being written here
    store.replicas().join(&new.owner, false, now).await.unwrap();
    assert_eq!(store.executions().begin(&new, None).await.unwrap(), Begun::New);
    if writes {
        let (step, request) = ("request".to_owned(), "POST https://api.example.com/refund".to_owned());
        let write = Write { number: 0, step, request, sent_at: now, outcome: None };
        let nothing = Sealed::from_bytes(Vec::new());
        assert!(store.running().intend(&new.owned(), &write, 1, &nothing, &[]).await.unwrap());
    }
    id
}

#[tokio::test]
async fn what_a_dead_process_left_behind_is_told_as_what_it_is() {
    let mut app = TestApp::start().await;
    let engine = app.app().engine().clone();
    let org = engine.org_of_key(&app.client.key).await.unwrap().unwrap();
    let sent = begun_elsewhere(engine.store(), org, true).await;
    let unsent = begun_elsewhere(engine.store(), org, false).await;
    drop(engine);
    app.restart().await;
    for (id, code, retry) in [(sent, "unknown_outcome", "never"), (unsent, "unavailable", "later")] {
        let path = format!("/v1/executions/{id}");
        let execution = app.client.until(&path, |it| it["status"] == "failed").await;
        let error = &execution["error"];
        assert_eq!((&execution["status"], &error["code"]), (&json!("failed"), &json!(code)), "{execution:#}");
        assert_eq!(error["retry"], retry, "{execution:#}");
        assert_eq!(execution["writes"].is_array(), id == sent, "ops see what may have arrived: {execution:#}");
    }
}
