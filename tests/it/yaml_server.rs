//! The schemas, as authors meet them who have no language server of ours: by the `yaml-language-server` that editors bring.

use std::process::Command;

use closeloop::spec::schema;
use serde_json::{Value as Json, json};

use crate::harness::{language_client::LanguageClient, npm};

const SERVER: (&str, &str) = ("yaml-language-server", "2.0.0");

const HEAD: &str = "\
id: shop
version: 1.0.0
title: Shop
summary: Sells things.
catalog: {group: other_integration, phase: ga}
http: {base_url: https://api.example.com}
";

const ACTIONS: &str = "\
actions:
  find:
    title: Find
    describe: Finds things.
    effect: read
    request: {method: GET, path: /things}
";

struct Editor {
    client: LanguageClient,
    /// Keeps the schema's file.
    _folder: tempfile::TempDir,
    files: usize,
}

impl Editor {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("connector.schema.json");
        std::fs::write(&file, schema::connector().to_string()).unwrap();
        let mut command = Command::new("node");
        command.arg(npm::package(SERVER.0, SERVER.1).join("bin/yaml-language-server")).arg("--stdio");
        let schemas = json!({url::Url::from_file_path(&file).unwrap().as_str(): ["/*"]});
        let settings = json!({"yaml": {
            "schemas": schemas, "validate": true, "hover": true, "completion": true, "schemaStore": {"enable": false},
        }});
        let mut client = LanguageClient::start(command, settings.clone());
        let capabilities = json!({
            "workspace": {"configuration": true},
            "textDocument": {"hover": {"contentFormat": ["markdown"]}},
        });
        client.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": capabilities}));
        client.tell("initialized", json!({}));
        client.tell("workspace/didChangeConfiguration", json!({"settings": settings}));
        let mut editor = Self { client, _folder: folder, files: 0 };
        // Only once it has read its settings does it say anything of a file.
        while editor.mistakes("title: [1]\n").is_empty() {}
        editor
    }

    fn open(&mut self, text: &str) -> String {
        self.files += 1;
        let uri = format!("file:///shop/{}.yaml", self.files);
        self.client.open(&uri, text);
        uri
    }

    fn mistakes(&mut self, text: &str) -> Vec<String> {
        let uri = self.open(text);
        let found = self.client.mistakes(&uri, None);
        found.iter().map(|it| it["message"].as_str().unwrap().to_owned()).collect()
    }

    fn labels(&mut self, text: &str) -> Vec<String> {
        let uri = self.open(&text.replace('^', ""));
        let answer = self.client.at("textDocument/completion", &uri, 2, text);
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|it| it["label"].as_str().unwrap().to_owned()).collect()
    }

    fn hover(&mut self, text: &str) -> String {
        let uri = self.open(&text.replace('^', ""));
        let answer: Json = self.client.at("textDocument/hover", &uri, 2, text);
        answer["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn the_schema_completes_explains_and_refuses_in_the_usual_yaml_server() {
    let mut editor = Editor::start();
    for (text, wanted, unwanted) in [
        ("auth:\n  scheme: ^", vec!["none", "basic", "bearer", "api_key", "oauth2", "token_exchange"], vec![]),
        ("auth:\n  scheme: basic\n  ^", vec!["username", "password", "fields"], vec!["token_url"]),
        ("auth:\n  scheme: oauth2\n  ^", vec!["authorize_url", "token_url"], vec!["username"]),
        ("auth:\n  schemes:\n    a:\n      scheme: bearer\n      ^", vec!["token"], vec!["username"]),
        ("actions:\n  find:\n    ^", vec!["title", "effect", "request"], vec!["method"]),
        ("actions:\n  find:\n    effect: ^", vec!["read", "write", "delete", "money"], vec![]),
        ("actions:\n  find:\n    request:\n      ^", vec!["method", "path", "query"], vec!["effect"]),
        ("actions:\n  find:\n    steps:\n      - ^", vec!["id", "request", "when"], vec!["title"]),
        ("actions:\n  find:\n    errors:\n      - is: ^", vec!["not_found", "conflict"], vec![]),
        ("actions:\n  find:\n    input:\n      a:\n        type: ^", vec!["string", "integer"], vec![]),
    ] {
        let found = editor.labels(&format!("{HEAD}{text}"));
        for it in wanted {
            assert!(found.iter().any(|label| label == it), "{text}: {it} is missing: {found:?}");
        }
        for it in unwanted {
            assert!(!found.iter().any(|label| label == it), "{text}: {it} is there: {found:?}");
        }
    }
    let said = editor.hover(&format!("{HEAD}actions:\n  find:\n    eff^ect: read\n"));
    assert!(said.contains("What it does to the world.") && said.contains("`money`"), "{said}");
    let said = editor.hover(&format!("{HEAD}auth:\n  scheme: basic\n  user^name: a\n"));
    assert!(said.contains("May be empty."), "{said}");
    for (auth, expected) in [
        ("{scheme: none}", None),
        ("{account: market}", None),
        ("{scheme: basic, username: a, usrname: b}", Some("Property usrname is not allowed.")),
        ("{scheme: nne}", Some("\"api_key\"")),
    ] {
        let found = editor.mistakes(&format!("{HEAD}auth: {auth}\n{ACTIONS}"));
        match expected {
            None => assert_eq!(found, [] as [&str; 0], "{auth}"),
            Some(it) => assert!(found.iter().any(|found| found.contains(it)), "{auth}: {found:?}"),
        }
    }
    editor.client.end();
}
