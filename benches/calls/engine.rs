//! Closeloop itself with one connector of a read and a write.

use closeloop::{
    app::{App, logging},
    config::Config,
};
use serde_json::json;

use super::shared::Load;

const CONNECTOR: &str = r#"
id: bench
version: 1.0.0
title: Bench
summary: One read, one write.
catalog: {group: other_integration, phase: ga}
auth:
  fields: {key: {type: string}}
  scheme: bearer
  token: "{{ auth.key }}"
http: {base_url: "https://api.bench.example/v1"}
actions:
  event:
    title: Read an event
    describe: Read one event of a calendar by its id.
    effect: read
    input: {id: {type: string, maxLength: 64}}
    request: {method: GET, path: "/events/{{ input.id }}"}
    output: {id: $.id, title: $.summary, start: $.start.dateTime, guest: "$.attendees[0].email"}
  book:
    title: Book an event
    describe: Book one event of a calendar under an id of its own.
    effect: write
    input: {id: {type: string, maxLength: 64}}
    request: {method: POST, path: /events, body: {id: "{{ input.id }}"}}
    output: {id: $.id, title: $.summary, start: $.start.dateTime, guest: "$.attendees[0].email"}
"#;

pub async fn run(provider: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let connector = folder.path().join("connectors/bench");
    std::fs::create_dir_all(&connector).expect("a folder");
    std::fs::write(connector.join("connector.yaml"), CONNECTOR).expect("written");
    let settings = format!(
        "listen: 127.0.0.1:0\ndatabase_url: sqlite://{0}/bench.sqlite\nconnectors: {0}/connectors\n\
         endpoint_overrides: {{\"https://api.bench.example\": \"{provider}\"}}\n",
        folder.path().display()
    );
    let mut config = Config::from_text(&settings, &|_| None).expect("settings");
    let random = closeloop::system::SystemRandom;
    config.encryption_keys = Some(closeloop::crypto::KeyRing::generate("bench", &random));
    logging::start(&config);
    let app = App::start(config).await.expect("an engine");
    let key = app.engine().new_api_key("bench").await.expect("a key");
    let base = format!("http://{}", app.address());
    let client = Load::new(&base, key.expose());
    let connection =
        client.post("/v1/connections", &json!({"connector": "bench", "fields": {"key": "k"}})).await["id"].clone();
    for action in [super::READ, super::WRITE] {
        let enable = json!({"connector": "bench", "action": action, "connection": connection});
        client.post("/v1/agents/a/actions", &enable).await;
    }
    super::shared::announce(&format!("{base} {}", key.expose()));
    std::future::pending::<()>().await;
}
