//! Mail: a message is sent once or it is said that nobody knows.

use mail_parser::{MessageParser, MimeHeaders};
use serde_json::{Value as Json, json};

use crate::{
    fakes::{Fault, google::rate_limited},
    harness::Workspace,
};

const CONNECTOR: &str = "gmail";

async fn start(scopes: &[&str]) -> (Workspace, String) {
    let bench = Workspace::start().await;
    let connection = bench.connect(CONNECTOR, scopes).await;
    for action in ["send_email", "reply_email", "create_draft", "search_emails", "read_email", "read_thread"] {
        bench.app.client.enable(CONNECTOR, &connection, action, json!({})).await;
    }
    (bench, connection)
}

fn hello() -> Json {
    json!({"to": ["ana@example.com"], "bcc": ["books@example.com"], "subject": "Grüße – 10%", "body": "Hallo Ana,\nبكرا؟ 🎉\n"})
}

fn sent(bench: &Workspace) -> usize {
    bench.google.world().mailbox.iter().filter(|it| it.labels == ["SENT"]).count()
}

#[tokio::test]
async fn a_conversation_goes_back_and_forth() {
    let (bench, connection) = start(&["gmail.readonly", "gmail.send", "gmail.compose"]).await;
    let client = &bench.app.client;
    let labels = client.get(&format!("/v1/connectors/{CONNECTOR}/lookups/labels?connection={connection}")).await;
    assert_eq!(labels["data"][1]["label"], "Leads");

    let first = client.output("send_email", hello()).await;
    let text = bench.google.world().mailbox[0].text.clone();
    let message = MessageParser::new().parse(text.as_bytes()).unwrap();
    assert_eq!(message.subject(), Some("Grüße – 10%"));
    assert_eq!(
        message.body_text(0).as_deref().map(|it| it.replace("\r\n", "\n")),
        Some("Hallo Ana,\nبكرا؟ 🎉\n".into())
    );
    let own = message.message_id().unwrap().to_owned();

    let answer = format!(
        "From: \"Ruiz, Ana\" <ana@example.com>\nTo: owner@example.com\nSubject: Re: Hello\nMessage-ID: <2@example.com>\n\
         In-Reply-To: <{own}>\nReferences: <{own}>\n\nYes, please. from:me\n"
    );
    let conversation = first["conversation_id"].as_str().unwrap();
    let received = bench.google.world().receive(Some(conversation), &answer);
    bench.google.world().receive(None, "From: spam@example.com\nTo: owner@example.com\nSubject: Win\n\nMoney\n");
    let found = client.output("search_emails", json!({"from": "ana@example.com", "unread": true})).await;
    assert_eq!(found["emails"].as_array().map(Vec::len), Some(1), "{found:#}");
    assert_eq!(found["emails"][0]["message_id"], received);
    assert_eq!(
        (&found["emails"][0]["from"], &found["emails"][0]["name"]),
        (&json!("ana@example.com"), &json!("Ruiz, Ana"))
    );
    let nothing = client.output("search_emails", json!({"text": "\" OR in:anywhere \"nothing like it"})).await;
    assert_eq!(nothing, json!({"emails": [], "more": false}));
    assert_eq!(client.output("read_email", json!({"message_id": received})).await["text"], "Yes, please. from:me");

    let reply = json!({"conversation_id": conversation, "body": "See you then."});
    assert_eq!(client.output("reply_email", reply).await["conversation_id"], conversation);
    let text = bench.google.world().mailbox.last().unwrap().text.clone();
    for line in ["In-Reply-To: <2@example.com>", &format!("References: <{own}> <2@example.com>"), "Subject: Re: Hello"]
    {
        assert!(
            text.contains(&format!("\r\n{line}\r\n")) || text.replace("\r\n ", " ").contains(line),
            "{line}\n{text}"
        );
    }
    let thread = client.output("read_thread", json!({"conversation_id": conversation})).await;
    assert_eq!(thread["emails"].as_array().map(Vec::len), Some(3), "{thread:#}");
    assert_eq!(thread["emails"][2]["text"], "See you then.");

    let draft = client.output("create_draft", hello()).await;
    assert!(draft["draft_id"].as_str().unwrap().starts_with("r-") && sent(&bench) == 2, "{draft:#}");
}

#[tokio::test]
async fn files_are_sent_along_byte_by_byte() {
    let (bench, _) = start(&["gmail.send"]).await;
    let mut mail = hello();
    mail["attachments"] = json!([
        {"name": "Plan \"é\".pdf", "content_type": "application/pdf", "data": "JVBERi0xLjcgAP8="},
        {"name": "notes.txt", "text": "Grüße\r\n.\r\n--x--"},
    ]);
    bench.app.client.output("send_email", mail).await;
    let text = bench.google.world().mailbox[0].text.clone();
    let message = MessageParser::new().parse(text.as_bytes()).unwrap();
    let files: Vec<_> =
        message.attachments().map(|it| (it.attachment_name().unwrap_or_default(), it.contents())).collect();
    assert_eq!(files, [("Plan \"é\".pdf", &b"%PDF-1.7 \x00\xff"[..]), ("notes.txt", "Grüße\r\n.\r\n--x--".as_bytes())]);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_and_nothing_is_sent_twice() {
    let (bench, _) = start(&["gmail.readonly", "gmail.send"]).await;
    let client = &bench.app.client;
    bench.google.server.fail_next("POST", "/messages/send", Fault::AnswerLost);
    let output = client.output("send_email", hello()).await;
    assert_eq!((sent(&bench), &output["message_id"]), (1, &json!(bench.google.world().mailbox[0].id)));
    // what is not found may be on its way all the same
    bench.google.server.fail_next("POST", "/messages/send", Fault::RequestLost);
    let error = client.failure("send_email", hello()).await;
    assert_eq!((&error["code"], sent(&bench)), (&json!("unknown_outcome"), 1), "{error:#}");
}

#[tokio::test]
async fn an_account_that_lets_nothing_be_read_can_send() {
    let (bench, _) = start(&["gmail.send"]).await;
    let client = &bench.app.client;
    client.output("send_email", hello()).await;
    bench.google.server.fail_next("POST", "/messages/send", Fault::AnswerLost);
    assert_eq!(client.failure("send_email", hello()).await["code"], "unknown_outcome");
    assert_eq!(sent(&bench), 2);
    let call = json!({"function": "search_emails", "arguments": {}});
    let (_, problem) = client.send("POST", "/v1/agents/a/calls", Some(&call), None).await;
    assert_eq!(problem["code"], "missing_scopes", "{problem:#}");
}

#[tokio::test]
async fn what_gmail_refuses_is_told() {
    let (bench, _) = start(&["gmail.readonly", "gmail.send"]).await;
    let client = &bench.app.client;
    bench.google.server.fail_next("POST", "/messages/send", Fault::Instead(403, rate_limited()));
    let error = client.failure("send_email", hello()).await;
    assert_eq!((&error["code"], sent(&bench)), (&json!("rate_limited"), 0), "{error:#}");
    assert_eq!(client.failure("read_thread", json!({"conversation_id": "gone"})).await["code"], "not_found");
    bench.google.server.fail_next("GET", "/messages", Fault::Page(200));
    assert_eq!(client.failure("search_emails", json!({})).await["code"], "provider_error");
    bench.google.server.fail_next("GET", "/messages", Fault::Instead(403, rate_limited()));
    client.output("search_emails", json!({})).await;
}

#[tokio::test]
async fn tokens_live_and_end() {
    let (bench, connection) = start(&["gmail.readonly"]).await;
    bench.tokens_live_and_end(&connection, "search_emails", json!({})).await;
}
