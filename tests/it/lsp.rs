//! `closeloop lsp` as an editor speaks to it: the real program, over its stdin and stdout.

use std::{fs, process::Command};

use serde_json::{Value as Json, json};

use crate::harness::language_client::LanguageClient;

const CONNECTOR: &str = r#"id: shop
version: 1.0.0
title: Läden 😀
summary: Sells things.
catalog: {group: other_integration, phase: closed_beta}
auth: {account: market}
http: {base_url: "https://api.example.com"}
actions:
  find:
    title: Find an order
    describe: Finds an order by its number. Call it before anything is said about orders.
    effect: read
    input: {number: {type: string, description: As it stands on the receipt.}}
    request: {method: GET, path: "/orders/{{ input.number }}"}
"#;

const ACCOUNT: &str =
    "id: market\ntitle: Market\nscheme: bearer\ntoken: \"{{ auth.key }}\"\nfields: {key: {type: string}}\n";

const TESTS: &str = r#"cases:
  - name: finds an order
    action: find
    input: {number: "7"}
    exchanges: [{request: {method: GET, path: /orders/7}, answer: {body: {id: "7"}}}]
    output: {id: "7"}
  - name: says that there is none
    action: find
    input: {number: "7"}
    exchanges: [{request: {method: GET, path: /orders/7}, answer: {status: 404}}]
    error: {code: not_found}
"#;

/// An editor with a folder of one connector.
struct Editor {
    client: LanguageClient,
    folder: tempfile::TempDir,
}

impl Editor {
    /// Started, and past `initialize`.
    fn start() -> Self {
        let mut editor = Self::start_raw();
        let answer = editor.client.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
        editor.client.tell("initialized", json!({}));
        editor
    }

    fn start_raw() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in
            [("shop/connector.yaml", CONNECTOR), ("shop/tests.yaml", TESTS), ("_accounts/market.yaml", ACCOUNT)]
        {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_closeloop"));
        command.arg("lsp");
        Self { client: LanguageClient::start(command, Json::Null), folder }
    }

    fn uri(&self, name: &str) -> String {
        let path = fs::canonicalize(self.folder.path()).unwrap().join(name);
        url::Url::from_file_path(path).unwrap().to_string()
    }

    fn open(&mut self, name: &str, text: &str) {
        self.client.open(&self.uri(name), text);
    }

    fn change(&mut self, name: &str, version: i64, text: &str) {
        self.client.change(&self.uri(name), version, text);
    }

    /// The codes and places of what is wrong with a file, in that version of it, if it matters.
    fn mistakes(&mut self, name: &str, version: Option<i64>) -> Vec<(String, Json)> {
        let found = self.client.mistakes(&self.uri(name), version);
        found.iter().map(|it| (it["code"].as_str().unwrap().to_owned(), it["range"].clone())).collect()
    }

    /// What is asked at `^` of a text, which becomes the file's.
    fn at(&mut self, method: &str, name: &str, version: i64, text: &str) -> Json {
        self.client.at(method, &self.uri(name), version, text)
    }

    fn labels(&mut self, version: i64, text: &str) -> Vec<String> {
        let answer = self.at("textDocument/completion", "shop/connector.yaml", version, text);
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|it| it["label"].as_str().unwrap().to_owned()).collect()
    }

    fn end(self) {
        assert!(self.client.end().success());
    }
}

fn place(line: usize, start: usize, end: usize) -> Json {
    json!({"start": {"line": line, "character": start}, "end": {"line": line, "character": end}})
}

#[test]
fn mistakes_are_told_of_what_stands_in_the_editor() {
    let mut editor = Editor::start();
    editor.open("shop/connector.yaml", CONNECTOR);
    assert_eq!(editor.mistakes("shop/connector.yaml", Some(1)), []);
    assert_eq!(editor.mistakes("shop/tests.yaml", None), []);
    // The file on the disk stays right; columns are UTF-16, in which the face counts two.
    editor.change("shop/connector.yaml", 2, &CONNECTOR.replace("title: Läden 😀", "\"title\": Läden 😀\ntitel: x"));
    assert_eq!(editor.mistakes("shop/connector.yaml", Some(2)), [("C101".to_owned(), place(3, 0, 5))]);
    editor.change(
        "shop/connector.yaml",
        3,
        &CONNECTOR.replace("auth: {account: market}", "auth: {account: marke} # 😀"),
    );
    assert_eq!(editor.mistakes("shop/connector.yaml", Some(3)), [("C205".to_owned(), place(5, 16, 21))]);
    let faces =
        CONNECTOR.replace("path: \"/orders/{{ input.number }}\"", "query: {\"😀\": \"{{ input.numbr }}\"}, path: /x");
    editor.change("shop/connector.yaml", 4, &faces);
    let found = editor.mistakes("shop/connector.yaml", Some(4));
    let column = |word: &str| {
        let line = faces.lines().nth(13).unwrap();
        line[..line.find(word).unwrap()].encode_utf16().count()
    };
    assert_eq!(found[0], ("C203".to_owned(), place(13, column("numbr"), column("numbr") + 5)));
    // A part of the text that is changed, and the tests with it.
    editor.change("shop/connector.yaml", 5, CONNECTOR);
    assert_eq!(editor.mistakes("shop/connector.yaml", Some(5)), []);
    let edit = json!({"range": place(8, 2, 6), "text": "search"});
    let document = json!({"uri": editor.uri("shop/connector.yaml"), "version": 6});
    editor.client.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [edit]}));
    // The tests' own are told right after those of the connector, and what was told of them before doesn't matter.
    editor.mistakes("shop/connector.yaml", Some(6));
    editor.client.forget();
    let codes: Vec<_> = editor.mistakes("shop/tests.yaml", None).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["C205", "C205"]);
    // An account that is not saved counts for the connector that shares it.
    editor.change("shop/connector.yaml", 7, CONNECTOR);
    assert_eq!(editor.mistakes("shop/connector.yaml", Some(7)), []);
    editor.open("_accounts/market.yaml", &ACCOUNT.replace("scheme: bearer", "scheme: beare"));
    assert_eq!(editor.mistakes("_accounts/market.yaml", Some(1)), [("C104".to_owned(), place(2, 8, 13))]);
    let document = json!({"uri": editor.uri("_accounts/market.yaml")});
    editor.client.tell("textDocument/didClose", json!({"textDocument": document}));
    editor.end();
}

#[test]
fn half_typed_files_are_completed() {
    let mut editor = Editor::start();
    editor.open("shop/connector.yaml", CONNECTOR);
    let found = editor.labels(2, &CONNECTOR.replace("    effect: read\n", "    effect: read\n    time^\n"));
    assert!(found.contains(&"timeout".to_owned()) && !found.contains(&"effect".to_owned()), "{found:?}");
    let found = editor.labels(3, &CONNECTOR.replace("input.number }}\"}", "input.^"));
    assert_eq!(found, ["number"]);
    let found = editor.labels(4, &CONNECTOR.replace("effect: read", "effect: ^"));
    assert_eq!(found, ["read", "write", "delete", "money"]);
    let found = editor.labels(5, &CONNECTOR.replace("account: market", "account: ^"));
    assert_eq!(found, ["market"]);
    let text = CONNECTOR.replace("{method: GET, path: \"/orders/{{ input.number }}\"}", "{me^");
    let answer = editor.at("textDocument/completion", "shop/connector.yaml", 6, &text);
    let method = answer["items"].as_array().unwrap().iter().find(|it| it["label"] == "method").unwrap().clone();
    assert_eq!(method["textEdit"]["newText"], "method: ");
    assert_eq!(method["textEdit"]["range"], place(13, 14, 16));
    assert!(method["documentation"]["value"].as_str().unwrap().contains("Any HTTP method."));
    editor.end();
}

#[test]
fn keys_names_and_codes_are_explained_and_lead_to_their_declaration() {
    let mut editor = Editor::start();
    editor.open("shop/connector.yaml", CONNECTOR);
    let hover = |editor: &mut Editor, version, text: &str| {
        let answer = editor.at("textDocument/hover", "shop/connector.yaml", version, text);
        answer["contents"]["value"].as_str().unwrap_or_default().to_owned()
    };
    assert!(hover(&mut editor, 2, &CONNECTOR.replace("effect:", "eff^ect:")).contains("What it does to the world."));
    assert!(
        hover(&mut editor, 3, &CONNECTOR.replace("input.number", "input.num^ber"))
            .contains("As it stands on the receipt.")
    );
    let wrong = hover(&mut editor, 4, &CONNECTOR.replace("effect:", "effe^kt:"));
    assert!(wrong.contains("**C101**: unknown key"), "{wrong}");
    let answer = editor.at(
        "textDocument/definition",
        "shop/connector.yaml",
        5,
        &CONNECTOR.replace("input.number", "input.num^ber"),
    );
    assert_eq!(answer, json!({"uri": editor.uri("shop/connector.yaml"), "range": place(12, 12, 18)}));
    let answer = editor.at(
        "textDocument/definition",
        "shop/connector.yaml",
        6,
        &CONNECTOR.replace("account: market", "account: mar^ket"),
    );
    assert_eq!(answer["uri"], editor.uri("_accounts/market.yaml"));
    editor.open("shop/tests.yaml", TESTS);
    let answer =
        editor.at("textDocument/definition", "shop/tests.yaml", 2, &TESTS.replacen("action: find", "action: fi^nd", 1));
    assert_eq!(answer, json!({"uri": editor.uri("shop/connector.yaml"), "range": place(8, 2, 6)}));
    let document = json!({"uri": editor.uri("shop/connector.yaml")});
    let symbols = editor.client.ask("textDocument/documentSymbol", json!({"textDocument": document}));
    let actions = symbols.as_array().unwrap().iter().find(|it| it["name"] == "actions").unwrap();
    assert_eq!(actions["children"][0]["name"], "find");
    assert_eq!(actions["children"][0]["detail"], "Find an order");
    editor.end();
}

#[test]
fn what_a_token_call_sees_and_keeps_is_offered_explained_and_found() {
    const LOGIN: &str = "id: market\ntitle: Market\nfields: {key: {type: string}}\nscheme: token_exchange\nsteps:\n  \
                         - request: {method: POST, path: /login, form: {key: \"{{ auth.key }}\"}}\n    \
                         keep: {session: $.session}\n  \
                         - request: {method: POST, path: /token, headers: {X-Session: \"{{ auth.HERE }}\"}}\n\
                         token: $.token\nlifetime: 1h\n";
    let name = "_accounts/market.yaml";
    let mut editor = Editor::start();
    editor.open(name, LOGIN);
    let answer = editor.at("textDocument/completion", name, 2, &LOGIN.replace("HERE", "^"));
    let labels: Vec<_> = answer["items"].as_array().unwrap().iter().map(|it| it["label"].as_str().unwrap()).collect();
    for wanted in ["key", "client_id", "client_secret", "session"] {
        assert!(labels.contains(&wanted), "{wanted}: {labels:?}");
    }
    let answer = editor.at("textDocument/hover", name, 3, &LOGIN.replace("HERE", "client^_id"));
    let said = answer["contents"]["value"].as_str().unwrap();
    assert_eq!(said, "`client_id`: of the app that is registered at the provider");
    let answer = editor.at("textDocument/definition", name, 4, &LOGIN.replace("HERE", "sess^ion"));
    assert_eq!(answer, json!({"uri": editor.uri(name), "range": place(6, 11, 18)}));
    editor.end();
}

#[test]
fn a_fix_is_offered_and_takes_the_mistake_away() {
    let mut editor = Editor::start();
    let wrong = CONNECTOR.replace("method: GET", "mehtod: get").replace("title: Find", "titel: Find");
    editor.open("shop/connector.yaml", &wrong);
    let uri = editor.uri("shop/connector.yaml");
    let actions = |editor: &mut Editor, line: usize, context: Json| {
        let params = json!({"textDocument": {"uri": uri.as_str()}, "range": place(line, 0, 30), "context": context});
        editor.client.ask("textDocument/codeAction", params).as_array().unwrap().clone()
    };
    let offered = actions(&mut editor, 13, json!({"diagnostics": []}));
    assert_eq!(offered.len(), 1, "{offered:#?}");
    assert_eq!(offered[0]["title"], "write `method`");
    assert_eq!(offered[0]["isPreferred"], true);
    let change = &offered[0]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({"uri": uri.as_str(), "version": 1}));
    assert_eq!(change["edits"], json!([{"range": place(13, 14, 20), "newText": "method"}]));
    let all = actions(&mut editor, 0, json!({"diagnostics": [], "only": ["source.fixAll"]}));
    assert_eq!(all[0]["edit"]["documentChanges"][0]["edits"].as_array().unwrap().len(), 2, "{all:#?}");
    assert_eq!(actions(&mut editor, 0, json!({"diagnostics": []})), [] as [Json; 0]);
    editor.end();
}

#[test]
fn what_is_malformed_or_unknown_does_not_end_it() {
    let mut editor = Editor::start_raw();
    assert_eq!(editor.client.respond("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.client.ask("initialize", json!({"capabilities": {}}));
    for bytes in [
        "nonsense\r\n",
        "Content-Length: 1\r\n\r\n{",
        "Content-Length: x\r\n\r\n",
        "Content-Length: 4\r\n\r\n[{}]",
        "\r\n\r\n",
    ] {
        editor.client.send_bytes(bytes.as_bytes());
    }
    assert_eq!(editor.client.respond("textDocument/hover", json!({"position": 1}))["error"]["code"], -32602);
    assert_eq!(editor.client.respond("textDocument/rename", json!({}))["error"]["code"], -32601);
    editor.client.tell("textDocument/didOpen", json!([1, 2]));
    editor.client.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": "untitled:1", "version": 1}, "contentChanges": []}),
    );
    editor.client.tell("$/unknown", Json::Null);
    let outside =
        json!({"textDocument": {"uri": "file:///tmp/notes.txt"}, "position": {"line": 999, "character": 999}});
    assert_eq!(editor.client.ask("textDocument/completion", outside), Json::Null);
    editor.open("shop/connector.yaml", "\u{feff}{{[\"");
    assert!(!editor.mistakes("shop/connector.yaml", Some(1)).is_empty());
    let beyond = json!({"textDocument": {"uri": editor.uri("shop/connector.yaml")}, "position": {"line": 999, "character": 999}});
    editor.client.ask("textDocument/completion", beyond);
    editor.end();
}

#[test]
fn an_editor_that_goes_away_takes_the_server_with_it() {
    assert_eq!(Editor::start().client.hang_up().code(), Some(1));
}

#[test]
fn after_shutdown_nothing_is_answered() {
    let mut editor = Editor::start();
    assert_eq!(editor.client.respond("shutdown", Json::Null)["result"], Json::Null);
    assert_eq!(editor.client.respond("textDocument/hover", json!({}))["error"]["code"], -32600);
    assert_eq!(editor.client.hang_up().code(), Some(0));
}
