//! `closeloop lsp` as an editor speaks to it: the real program, over its stdin and stdout.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde_json::{Value as Json, json};

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

/// An editor and its server, with a folder of one connector.
struct Editor {
    server: Child,
    /// `None` once the editor has gone away.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    folder: tempfile::TempDir,
    last: i64,
    /// What the server said without being asked, and nobody has looked at yet.
    told: Vec<Json>,
}

impl Editor {
    /// Started, and past `initialize`.
    fn start() -> Self {
        let mut editor = Self::start_raw();
        let answer = editor.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
        assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
        editor.tell("initialized", json!({}));
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
        let mut server = Command::new(env!("CARGO_BIN_EXE_closeloop"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (input, output) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        Self { server, input, output, folder, last: 0, told: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.folder.path()).unwrap().join(name)
    }

    fn uri(&self, name: &str) -> String {
        url::Url::from_file_path(self.path(name)).unwrap().to_string()
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    fn send(&mut self, message: &Json) {
        let text = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    fn tell(&mut self, method: &str, params: Json) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// The whole response to a request.
    fn respond(&mut self, method: &str, params: Json) -> Json {
        self.last += 1;
        let id = self.last;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            assert_eq!(message["jsonrpc"], "2.0");
            if message["id"] == id {
                return message;
            }
            self.told.push(message);
        }
    }

    fn ask(&mut self, method: &str, params: Json) -> Json {
        let response = self.respond(method, params);
        assert!(response.get("error").is_none(), "{method}: {response}");
        response["result"].clone()
    }

    fn receive(&mut self) -> Json {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the server is gone");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = value.parse().unwrap(),
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// The next thing of that method that the server says about that file, in that version of it.
    fn mistakes(&mut self, name: &str, version: Option<i64>) -> Vec<(String, Json)> {
        let uri = self.uri(name);
        loop {
            let at = self.told.iter().position(|it| {
                it["method"] == "textDocument/publishDiagnostics"
                    && it["params"]["uri"] == uri.as_str()
                    && version.is_none_or(|version| it["params"]["version"] == version)
            });
            if let Some(at) = at {
                let found = self.told.remove(at);
                let found = found["params"]["diagnostics"].as_array().unwrap();
                return found.iter().map(|it| (it["code"].as_str().unwrap().to_owned(), it["range"].clone())).collect();
            }
            let message = self.receive();
            self.told.push(message);
        }
    }

    fn open(&mut self, name: &str, text: &str) {
        let uri = self.uri(name);
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    fn change(&mut self, name: &str, version: i64, text: &str) {
        let document = json!({"uri": self.uri(name), "version": version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [{"text": text}]}));
    }

    /// What is asked at `^` of a text, which becomes the file's.
    fn at(&mut self, method: &str, name: &str, version: i64, text: &str) -> Json {
        let byte = text.find('^').unwrap();
        let before = &text[..byte];
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        self.change(name, version, &text.replacen('^', "", 1));
        let document = json!({"uri": self.uri(name)});
        self.ask(method, json!({"textDocument": document, "position": {"line": line, "character": character}}))
    }

    fn labels(&mut self, version: i64, text: &str) -> Vec<String> {
        let answer = self.at("textDocument/completion", "shop/connector.yaml", version, text);
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|it| it["label"].as_str().unwrap().to_owned()).collect()
    }

    /// Ends it as the protocol says.
    fn end(mut self) {
        assert_eq!(self.ask("shutdown", Json::Null), Json::Null);
        self.tell("exit", Json::Null);
        assert!(self.server.wait().unwrap().success());
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        // a test that failed leaves nothing behind
        let _ = self.server.kill();
        let _ = self.server.wait();
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
    editor.told.clear();
    editor.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [edit]}));
    let codes: Vec<_> = editor.mistakes("shop/tests.yaml", None).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["C205", "C205"]);
    // An account that is not saved counts for the connector that shares it.
    editor.change("shop/connector.yaml", 7, CONNECTOR);
    assert_eq!(editor.mistakes("shop/connector.yaml", Some(7)), []);
    editor.open("_accounts/market.yaml", &ACCOUNT.replace("scheme: bearer", "scheme: beare"));
    assert_eq!(editor.mistakes("_accounts/market.yaml", Some(1)), [("C104".to_owned(), place(2, 8, 13))]);
    let document = json!({"uri": editor.uri("_accounts/market.yaml")});
    editor.tell("textDocument/didClose", json!({"textDocument": document}));
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
    let symbols = editor.ask("textDocument/documentSymbol", json!({"textDocument": document}));
    let actions = symbols.as_array().unwrap().iter().find(|it| it["name"] == "actions").unwrap();
    assert_eq!(actions["children"][0]["name"], "find");
    assert_eq!(actions["children"][0]["detail"], "Find an order");
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
        editor.ask("textDocument/codeAction", params).as_array().unwrap().clone()
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
    assert_eq!(editor.respond("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.ask("initialize", json!({"capabilities": {}}));
    for bytes in [
        "nonsense\r\n",
        "Content-Length: 1\r\n\r\n{",
        "Content-Length: x\r\n\r\n",
        "Content-Length: 4\r\n\r\n[{}]",
        "\r\n\r\n",
    ] {
        editor.send_bytes(bytes.as_bytes());
    }
    assert_eq!(editor.respond("textDocument/hover", json!({"position": 1}))["error"]["code"], -32602);
    assert_eq!(editor.respond("textDocument/rename", json!({}))["error"]["code"], -32601);
    editor.tell("textDocument/didOpen", json!([1, 2]));
    editor.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": "untitled:1", "version": 1}, "contentChanges": []}),
    );
    editor.tell("$/unknown", Json::Null);
    let outside =
        json!({"textDocument": {"uri": "file:///tmp/notes.txt"}, "position": {"line": 999, "character": 999}});
    assert_eq!(editor.ask("textDocument/completion", outside), Json::Null);
    editor.open("shop/connector.yaml", "\u{feff}{{[\"");
    assert!(!editor.mistakes("shop/connector.yaml", Some(1)).is_empty());
    let beyond = json!({"textDocument": {"uri": editor.uri("shop/connector.yaml")}, "position": {"line": 999, "character": 999}});
    editor.ask("textDocument/completion", beyond);
    assert_eq!(editor.respond("shutdown", Json::Null)["result"], Json::Null);
    assert_eq!(editor.respond("textDocument/hover", json!({}))["error"]["code"], -32600);
    editor.tell("exit", Json::Null);
    assert!(editor.server.wait().unwrap().success());
}

#[test]
fn an_editor_that_goes_away_takes_the_server_with_it() {
    let mut editor = Editor::start();
    editor.input = None;
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));
}
