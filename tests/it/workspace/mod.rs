//! Sheets, mail, files and documents of one account, through the API and over real sockets.

mod documents;
mod files;
mod mail;
mod sheets;

use serde_json::json;

use crate::harness::{
    Workspace,
    calendar::{Calendar, that_day},
    scope,
};

/// One consent for one connector; later ones for others keep the connection and what it was allowed before.
#[tokio::test]
async fn one_connection_serves_all_connectors_scope_by_scope() {
    let bench = Workspace::start().await;
    let client = &bench.app.client;
    let connection = bench.connect("google-calendar", &["calendar.freebusy"]).await;
    let config = json!({"calendar": Calendar::ID});
    client.enable("google-calendar", &connection, "check_availability", config).await;

    bench.google.world().spreadsheet(sheets::ID).add_tab(0, "Leads", json!([["Name"]]));
    let config = json!({"spreadsheet": sheets::ID});
    client.enable("google-sheets", &connection, "append_row", config).await;
    let call = json!({"function": "append_row", "arguments": {"values": {"Name": "Ana"}}});
    let (status, problem) = client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("missing_scopes")), "{problem:#}");

    for (connector, wanted) in [("google-sheets", "spreadsheets"), ("gmail", "gmail.send")] {
        assert_eq!(bench.ask_more(&connection, connector, &[wanted]).await, connection);
    }
    let seen = client.get(&format!("/v1/connections/{connection}")).await;
    for short in ["calendar.freebusy", "spreadsheets", "gmail.send"] {
        assert!(seen["scopes"].as_array().unwrap().contains(&json!(scope(short))), "{seen:#}");
    }
    assert_eq!(client.get("/v1/connections").await["data"].as_array().map(Vec::len), Some(1));

    client.output("append_row", json!({"values": {"Name": "Ana"}})).await;
    client.output("check_availability", that_day()).await;
    client.enable("gmail", &connection, "send_email", json!({})).await;
    client.output("send_email", json!({"to": ["ana@example.com"], "subject": "Hi", "body": "Hi"})).await;
}
