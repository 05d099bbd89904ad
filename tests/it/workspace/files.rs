//! Files: found, shared.

use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, google::rate_limited},
    harness::Workspace,
};

const CONNECTOR: &str = "google-drive";

async fn start(scopes: &[&str]) -> (Workspace, String) {
    let bench = Workspace::start().await;
    {
        let mut world = bench.google.world();
        for (id, name, mime) in [
            ("1Brochure", "O'Hara Brochure", "application/pdf"),
            ("1Secret", "Secret", "application/pdf"),
            ("1Notes", "Notes", "application/vnd.google-apps.document"),
        ] {
            let file = world.file(id);
            (file.name, file.mime) = (name.to_owned(), mime.to_owned());
            file.content = b"%PDF-1.7 \x00\xff".to_vec();
            file.ours = id != "1Secret";
        }
        world.file("1Notes").shared_drive = true;
    }
    let connection = bench.connect(CONNECTOR, scopes).await;
    for action in ["find_files", "share_file", "upload_file", "export_file"] {
        bench.app.client.enable(CONNECTOR, &connection, action, json!({})).await;
    }
    (bench, connection)
}

fn names(found: &Json) -> Vec<&str> {
    found["files"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn files_are_found_as_far_as_the_consent_reaches() {
    let (bench, connection) = start(&["drive.file"]).await;
    let client = &bench.app.client;
    assert_eq!(names(&client.output("find_files", json!({})).await), ["Notes", "O'Hara Brochure"]);
    bench.ask_more(&connection, CONNECTOR, &["drive"]).await;
    assert_eq!(names(&client.output("find_files", json!({})).await), ["Notes", "Secret", "O'Hara Brochure"]);
    assert_eq!(names(&client.output("find_files", json!({"name": "broch"})).await), ["O'Hara Brochure"]);
    assert_eq!(names(&client.output("find_files", json!({"name": "O'Hara"})).await), ["O'Hara Brochure"]);
    assert_eq!(
        names(&client.output("find_files", json!({"name": "' or trashed = true or name contains '"})).await),
        [""; 0]
    );
    assert_eq!(names(&client.output("find_files", json!({"kind": "document"})).await), ["Notes"]);
    let folders = format!("/v1/connectors/{CONNECTOR}/lookups/folders?connection={connection}");
    assert_eq!(client.get(&folders).await["data"], json!([]));
}

#[tokio::test]
async fn a_file_is_shared_once_and_with_nobody_else() {
    let (bench, _) = start(&["drive.file"]).await;
    let client = &bench.app.client;
    let share = |id: &str| json!({"file_id": id, "email": "Ana@example.com"});
    bench.google.server.fail_next("POST", "/permissions", Fault::AnswerLost);
    let shared = client.output("share_file", share("1Brochure")).await;
    assert_eq!(shared["link"], "https://drive.google.com/file/d/1Brochure/view", "{shared:#}");
    let permissions = bench.google.world().file("1Brochure").permissions.clone();
    assert_eq!(permissions.len(), 1);
    assert_eq!(
        (&permissions[0]["role"], &permissions[0]["emailAddress"]),
        (&json!("reader"), &json!("Ana@example.com"))
    );
    assert!(bench.google.world().mails.is_empty(), "nobody is written to unless the builder wants it");

    client.output("share_file", share("1Notes")).await;
    assert_eq!(client.failure("share_file", share("1Secret")).await["code"], "permission_denied");
    assert_eq!(client.failure("share_file", share("1Gone")).await["code"], "not_found");
    assert_eq!(client.failure("share_file", json!({"file_id": "1Brochure"})).await["code"], "invalid_input");
    bench.google.server.fail_next("POST", "/permissions", Fault::RequestLost);
    assert_eq!(
        client.failure("share_file", json!({"file_id": "1Notes", "email": "ben@example.com"})).await["code"],
        "unknown_outcome"
    );
}

#[tokio::test]
async fn a_file_is_put_there_once_byte_by_byte_and_comes_back() {
    for fault in [Fault::AnswerLost, Fault::RequestLost, Fault::After(502, json!({}))] {
        let (bench, _) = start(&["drive.file"]).await;
        let client = &bench.app.client;
        let before = bench.google.world().file_count();
        bench.google.server.fail_next("POST", "/upload", fault.clone());
        let file = json!({"name": "Foto \"1\"\r\n.png", "content_type": "image/png", "data": "iVBORw0KGgoA/y0tDQo="});
        let made = client.output("upload_file", json!({"file": file})).await;
        assert_eq!(bench.google.world().file_count() - before, 1, "{fault:?}");
        {
            let world = bench.google.world();
            let (id, file) = world.latest_file();
            assert_eq!(
                (id.as_str(), made["name"].as_str()),
                (made["file_id"].as_str().unwrap(), Some("Foto \"1\" .png"))
            );
            assert_eq!(
                (file.mime.as_str(), file.content.as_slice()),
                ("image/png", &b"\x89PNG\r\n\x1a\n\x00\xff--\r\n"[..])
            );
        }
        let got = client.output("export_file", json!({"file_id": made["file_id"]})).await;
        assert_eq!(got["file"]["data"], "iVBORw0KGgoA/y0tDQo=", "{got:#}");
    }
}

#[tokio::test]
async fn a_document_comes_in_a_format_and_a_big_file_does_not() {
    let (bench, _) = start(&["drive.file"]).await;
    let client = &bench.app.client;
    let got = client.output("export_file", json!({"file_id": "1Notes"})).await;
    let file = json!({"name": "Notes.pdf", "content_type": "application/pdf", "data": "JVBERi0xLjcgAP8="});
    assert_eq!(got["file"], file);
    let other = client.failure("export_file", json!({"file_id": "1Notes", "format": "xlsx"})).await;
    assert_eq!(other["say"], "This document can't be had in this format.", "{other:#}");
    bench.google.world().file("1Brochure").content = vec![0; 3_000_001];
    assert_eq!(client.failure("export_file", json!({"file_id": "1Brochure"})).await["code"], "precondition_failed");
}

#[tokio::test]
async fn a_busy_or_garbled_drive_is_told() {
    let (bench, _) = start(&["drive.file"]).await;
    let client = &bench.app.client;
    bench.google.server.fail_next("GET", "/files", Fault::Instead(403, rate_limited()));
    client.output("find_files", json!({})).await;
    bench.google.server.fail_next("GET", "/files", Fault::Page(200));
    assert_eq!(client.failure("find_files", json!({})).await["code"], "provider_error");
}

#[tokio::test]
async fn tokens_live_and_end() {
    let (bench, connection) = start(&["drive.file"]).await;
    bench.tokens_live_and_end(&connection, "find_files", json!({})).await;
}
