//! An engine whose database is a server that goes away and comes back.

use std::time::Duration;

use serde_json::json;

use crate::{
    harness::{
        Options, TestApp,
        calendar::{booking, that_day},
    },
    servers::Postgres,
};

#[tokio::test]
async fn while_the_database_is_away_nothing_is_begun_and_nothing_is_lost() {
    let server = Postgres::durable();
    let app = TestApp::with(Options { database_url: Some(server.database()), ..Options::default() }).await;
    let client = &app.client;
    let connection = client.connect("google-calendar", "sandbox", json!({})).await;
    for action in ["check_availability", "book_appointment"] {
        client.enable("google-calendar", &connection, action, json!({"calendar": "primary"})).await;
    }
    let call = |function: &str| {
        let arguments = if function == "check_availability" { that_day() } else { booking("10:00") };
        json!({"function": function, "arguments": arguments})
    };
    let (read, write) = (call("check_availability"), call("book_appointment"));
    let mut answered = 0;
    for body in [&read, &write] {
        let (status, execution) = client.send("POST", "/v1/agents/a/calls", Some(body), None).await;
        assert_eq!((status, &execution["status"]), (200, &json!("succeeded")), "{execution:#}");
        answered += 1;
    }

    server.kill();
    for _ in 0..3 {
        let (status, headers, problem) = client.prefer("POST", "/v1/agents/a/calls", Some(&write), "wait=30").await;
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{problem:#}");
        assert_eq!((&headers["retry-after"], &problem["retry_after_seconds"]), (&"2".parse().unwrap(), &json!(2)));
        // what it takes is remembered for some seconds; what it gave is written down when that can be done
        let (status, answer) = client.send("POST", "/v1/agents/a/calls", Some(&read), None).await;
        assert!(matches!(status, 200 | 503), "{status} {answer:#}");
        answered += usize::from(status == 200);
    }
    assert_eq!(client.send("GET", "/readyz", None, None).await.0, 503);
    assert_eq!(client.send("GET", "/healthz", None, None).await.0, 200, "it need not be started again");

    server.again();
    // it serves as soon as it has told again that it lives
    for _ in 0..600 {
        if client.send("GET", "/readyz", None, None).await.0 == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(client.send("GET", "/readyz", None, None).await.0, 200);
    let kept = client.until("/v1/executions", |it| it["data"].as_array().unwrap().len() == answered).await;
    assert!(kept["data"].as_array().unwrap().iter().all(|it| it["status"] == "succeeded"), "{kept:#}");
    let (status, execution) = client.send("POST", "/v1/agents/a/calls", Some(&write), None).await;
    assert_eq!((status, &execution["status"]), (200, &json!("succeeded")), "{execution:#}");
}
