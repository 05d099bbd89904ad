//! Spreadsheets: a row lands under its header and only once.

use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, google::exhausted},
    harness::Workspace,
};

pub(super) const ID: &str = "1AbCdEfGhIjKlMnOpQrStUvWxYz";
const CONNECTOR: &str = "google-sheets";

/// Connected with what writing needs, and every action enabled on one tab.
async fn start(cells: Json, config: Json) -> (Workspace, String) {
    let bench = Workspace::start().await;
    bench.google.world().spreadsheet(ID).add_tab(7, "Jon's leads", cells);
    let connection = bench.connect(CONNECTOR, &["spreadsheets"]).await;
    for (action, field) in
        [("append_row", "id_column"), ("find_row", "column"), ("update_row", "column"), ("read_rows", "")]
    {
        let mut own = sheet();
        match &config[field] {
            Json::Null if field == "column" => continue,
            Json::Null => {}
            given => own[field] = given.clone(),
        }
        bench.app.client.enable(CONNECTOR, &connection, action, own).await;
    }
    (bench, connection)
}

/// The tab by its link and number.
fn sheet() -> Json {
    json!({"spreadsheet": format!("https://docs.google.com/spreadsheets/d/{ID}/edit#gid=7"), "tab": "7"})
}

/// What a lookup gives for this config.
async fn look_up(bench: &Workspace, connection: &str, lookup: &str, config: &Json) -> (u16, Json) {
    let config: String = url::form_urlencoded::byte_serialize(config.to_string().as_bytes()).collect();
    let path = format!("/v1/connectors/{CONNECTOR}/lookups/{lookup}?connection={connection}&config={config}");
    bench.app.client.send("GET", &path, None, None).await
}

fn cells(bench: &Workspace) -> Json {
    bench.google.world().spreadsheet(ID).cells("Jon's leads")
}

#[tokio::test]
async fn rows_are_added_found_read_and_changed_by_the_names_of_their_columns() {
    let header = json!([["Created", "Name", "Phone", "Status"], ["2026-11-20", "Ben", "+447700900123", "new"]]);
    let (bench, connection) = start(header, json!({"column": "Phone"})).await;
    let client = &bench.app.client;
    let only = json!({"spreadsheet": ID});
    let (_, tabs) = look_up(&bench, &connection, "tabs", &only).await;
    assert_eq!(tabs["data"], json!([{"value": "7", "label": "Jon's leads"}]), "{tabs:#}");
    let (_, columns) = look_up(&bench, &connection, "columns", &sheet()).await;
    assert_eq!(columns["data"][2], json!({"value": "Phone", "label": "Phone", "hint": "C"}), "{columns:#}");

    let lead = json!({"values": {"phone": "+62812", "Name": "=1+1", "Status": "new"}});
    assert_eq!(client.output("append_row", lead).await["row"], 3);
    assert_eq!(cells(&bench)[2], json!([null, "=1+1", "+62812", "new"]), "text stays text");
    // the tab gets another name, and the columns other places
    {
        let mut world = bench.google.world();
        let sheet = world.spreadsheet(ID);
        sheet.replace("Jon's leads", "CRM26", json!([["Status", "Phone", "Name"], ["new", "+62812", "Ana"]]));
    }
    let found = client.output("find_row", json!({"key": "+62812"})).await;
    assert_eq!(found, json!({"row": 2, "values": {"Status": "new", "Phone": "+62812", "Name": "Ana"}, "matches": 1}));
    client.output("update_row", json!({"key": "+62812", "values": {"status": "called", "Name": ""}})).await;
    client.output("append_row", json!({"values": {"Name": "Cara", "Phone": 62813}})).await;
    let read = client.output("read_rows", json!({})).await;
    assert_eq!(read["rows"][0]["values"], json!({"Status": "called", "Phone": "+62812", "Name": ""}));
    assert_eq!(read["rows"][1], json!({"row": 3, "values": {"Status": "", "Phone": 62813, "Name": "Cara"}}));
    assert_eq!(read["more"], false);
}

#[tokio::test]
async fn a_row_goes_below_its_own_table() {
    let apart =
        json!([["Name", "Phone"], ["Ben", "1"], [], [null, null, null, "Notes"], [null, null, null, "of somebody"]]);
    let (bench, _) = start(apart, json!({})).await;
    assert_eq!(bench.app.client.output("append_row", json!({"values": {"Name": "Ana"}})).await["row"], 3);
    assert_eq!(cells(&bench)[4], json!([null, null, null, "Notes"]), "it was moved down, not written over");
}

#[tokio::test]
async fn a_row_with_an_id_is_added_once_whatever_happens_to_its_answer() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::After(503, json!({})), Fault::Instead(503, json!({}))] {
        let (bench, _) = start(json!([["Id", "Name"]]), json!({"id_column": "Id"})).await;
        let added = matches!(fault, Fault::AnswerLost | Fault::After(..));
        bench.google.server.fail_next("POST", ":append", fault.clone());
        let call = json!({"values": {"Name": "Ana"}});
        if added {
            let output = bench.app.client.output("append_row", call).await;
            assert_eq!((&output["row"], &output["id"]), (&json!(2), &cells(&bench)[1][0]), "{fault:?}");
        } else {
            let error = bench.app.client.failure("append_row", call).await;
            assert_eq!(
                (&error["code"], &error["retry"]),
                (&json!("unavailable"), &json!("later")),
                "{fault:?} {error:#}"
            );
        }
        assert_eq!(cells(&bench).as_array().map(Vec::len), Some(if added { 2 } else { 1 }), "{fault:?}");
    }
}

#[tokio::test]
async fn a_row_without_an_id_may_have_been_added() {
    let (bench, _) = start(json!([["Name"]]), json!({})).await;
    bench.google.server.fail_next("POST", ":append", Fault::AnswerLost);
    let error = bench.app.client.failure("append_row", json!({"values": {"Name": "Ana"}})).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("unknown_outcome"), &json!("never")), "{error:#}");
    assert_eq!(bench.google.server.count("POST", ":append"), 1);
}

#[tokio::test]
async fn what_google_refuses_is_told_and_changes_nothing() {
    let (bench, connection) = start(json!([["Name"], ["Ana"]]), json!({"column": "Name"})).await;
    let client = &bench.app.client;
    let long = json!({"key": "Ana", "values": {"Name": "x".repeat(50_001)}});
    assert_eq!(client.failure("update_row", long).await["code"], "invalid_input");
    let unknown = client.failure("append_row", json!({"values": {"Nmae": "x"}})).await;
    assert_eq!(unknown["say"], "There is no column Nmae. The columns are Name.", "{unknown:#}");
    bench.google.world().spreadsheet(ID).read_only = true;
    assert_eq!(client.failure("append_row", json!({"values": {"Name": "x"}})).await["code"], "permission_denied");
    bench.google.world().spreadsheet(ID).foreign = true;
    assert_eq!(client.failure("find_row", json!({"key": "Ana"})).await["code"], "unsupported");
    *bench.google.world().spreadsheet(ID) = Default::default();
    assert_eq!(client.failure("read_rows", json!({})).await["code"], "precondition_failed");
    let gone = json!({"spreadsheet": "1ZzCdEfGhIjKlMnOpQrStUvWxYz"});
    let (status, problem) = look_up(&bench, &connection, "tabs", &gone).await;
    assert!(status >= 400 && problem.to_string().contains("does not exist"), "{status} {problem:#}");
}

#[tokio::test]
async fn a_quota_is_waited_for_by_reads_and_told_of_writes() {
    let (bench, _) = start(json!([["Name"], ["Ana"]]), json!({"column": "Name"})).await;
    bench.google.server.fail_next("GET", "/values/", Fault::Instead(429, exhausted()));
    bench.app.client.output("find_row", json!({"key": "Ana"})).await;
    bench.google.server.fail_next("POST", ":append", Fault::Instead(429, exhausted()));
    let error = bench.app.client.failure("append_row", json!({"values": {"Name": "x"}})).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("rate_limited"), &json!("later")), "{error:#}");
    assert_eq!(bench.google.server.count("POST", ":append"), 1);
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_no_answer() {
    let (bench, _) = start(json!([["Name"], ["Ana"]]), json!({"column": "Name"})).await;
    bench.google.server.fail_next("GET", "/values/", Fault::Page(200));
    assert_eq!(bench.app.client.failure("find_row", json!({"key": "Ana"})).await["code"], "provider_error");
    for body in [json!([]), json!({"sheets": "none"}), json!(null)] {
        bench.google.server.fail_next("GET", "/spreadsheets/", Fault::Instead(200, body));
        let error = bench.app.client.failure("append_row", json!({"values": {"Name": "x"}})).await;
        assert!(["provider_error", "precondition_failed"].contains(&error["code"].as_str().unwrap()), "{error:#}");
    }
    assert_eq!(bench.google.server.count("POST", ":append"), 0);
}

#[tokio::test]
async fn tokens_live_and_end() {
    let (bench, connection) = start(json!([["Name"], ["Ana"]]), json!({"column": "Name"})).await;
    bench.tokens_live_and_end(&connection, "find_row", json!({"key": "Ana"})).await;
}
