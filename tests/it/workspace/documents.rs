//! Documents: from a template, added to, read.

use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, google::exhausted},
    harness::Workspace,
};

const CONNECTOR: &str = "google-docs";
const TEMPLATE: &str = "1TemplateOfContractsAbCd";
const NOTES: &str = "1DocumentOfNotesAbCdEfGh";

async fn start(scopes: &[&str]) -> (Workspace, String) {
    let bench = Workspace::start().await;
    {
        let mut world = bench.google.world();
        world.add_document(TEMPLATE, "Dear {{name}},\nyour price is {{price}}. {{name}}!");
        world.add_document(NOTES, "First");
        world.file(NOTES).name = "Notes".to_owned();
    }
    let connection = bench.connect(CONNECTOR, scopes).await;
    let client = &bench.app.client;
    client.enable(CONNECTOR, &connection, "create_document", json!({"template": TEMPLATE})).await;
    for action in ["append_text", "read_document"] {
        client.enable(CONNECTOR, &connection, action, json!({"document": NOTES})).await;
    }
    (bench, connection)
}

fn contract() -> Json {
    json!({"title": "Contract for Ana", "values": {"name": "Ana \"{{price}}\" $1", "town": "Köln"}})
}

#[tokio::test]
async fn a_template_is_filled_in_and_notes_are_kept() {
    let (bench, connection) = start(&["drive"]).await;
    let client = &bench.app.client;
    let documents = client.get(&format!("/v1/connectors/{CONNECTOR}/lookups/documents?connection={connection}")).await;
    assert_eq!(documents["data"][0]["label"], "Notes", "{documents:#}");
    let made = client.output("create_document", contract()).await;
    let id = made["document_id"].as_str().unwrap();
    assert_eq!(
        bench.google.world().text(id),
        "Dear Ana \"{{price}}\" $1,\nyour price is {{price}}. Ana \"{{price}}\" $1!\n"
    );
    assert_eq!((&made["title"], &made["unused"]), (&json!("Contract for Ana"), &json!(["town"])));
    assert!(bench.google.world().text(TEMPLATE).contains("{{name}}"), "the template stays");

    client.output("append_text", json!({"text": "Second\nthird"})).await;
    let read = client.output("read_document", json!({})).await;
    assert_eq!(read, json!({"title": "Notes", "text": "First\nSecond\nthird", "truncated": false}));
}

#[tokio::test]
async fn lost_answers_make_and_add_nothing_twice() {
    let (bench, _) = start(&["drive"]).await;
    let client = &bench.app.client;
    bench.google.server.fail_next("POST", "/copy", Fault::AnswerLost);
    let made = client.output("create_document", contract()).await;
    assert_eq!(bench.google.world().latest_file().0, made["document_id"].as_str().unwrap());
    assert_eq!(bench.google.server.count("POST", "/copy"), 1);

    bench.google.server.fail_next("POST", ":batchUpdate", Fault::AnswerLost);
    client.output("append_text", json!({"text": "Second"})).await;
    bench.google.server.fail_next("POST", ":batchUpdate", Fault::Instead(503, json!({})));
    let error = client.failure("append_text", json!({"text": "Third"})).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("unavailable"), &json!("later")), "{error:#}");
    assert_eq!(bench.google.world().text(NOTES), "First\nSecond\n");
}

#[tokio::test]
async fn a_document_that_can_not_be_filled_in_is_thrown_away() {
    let (bench, _) = start(&["drive"]).await;
    bench.google.server.fail_next("POST", ":batchUpdate", Fault::Instead(429, exhausted()));
    for _ in 0..2 {
        bench.google.server.fail_next("POST", ":batchUpdate", Fault::Instead(429, exhausted()));
    }
    let error = bench.app.client.failure("create_document", contract()).await;
    assert_eq!(error["code"], "rate_limited", "{error:#}");
    assert!(bench.google.world().latest_file().1.trashed);
}

#[tokio::test]
async fn the_narrow_consent_reaches_only_what_was_made_here() {
    let (bench, _) = start(&["drive.file"]).await;
    let client = &bench.app.client;
    let error = client.failure("create_document", contract()).await;
    assert_eq!(error["code"], "permission_denied");
    assert!(error["say"].as_str().unwrap().contains("only files that were made here"), "{error:#}");
    bench.google.world().file(TEMPLATE).ours = true;
    client.output("create_document", contract()).await;
}

#[tokio::test]
async fn what_google_refuses_or_garbles_is_told() {
    let (bench, _) = start(&["documents"]).await;
    let client = &bench.app.client;
    bench.google.server.fail_next("GET", "/documents/", Fault::Page(200));
    assert_eq!(client.failure("read_document", json!({})).await["code"], "provider_error");
    bench.google.server.fail_next("GET", "/documents/", Fault::Instead(429, exhausted()));
    client.output("read_document", json!({})).await;
    bench.google.world().add_document(NOTES, "First").read_only = true;
    assert_eq!(client.failure("append_text", json!({"text": "x"})).await["code"], "permission_denied");
    assert_eq!(bench.google.world().text(NOTES), "First\n");
}

#[tokio::test]
async fn tokens_live_and_end() {
    let (bench, connection) = start(&["documents"]).await;
    bench.tokens_live_and_end(&connection, "read_document", json!({})).await;
}
