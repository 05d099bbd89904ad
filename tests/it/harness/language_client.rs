//! An editor's side of the Language Server Protocol.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
};

use serde_json::{Value as Json, json};

/// A running language server. It is gone when this is.
pub(crate) struct LanguageClient {
    server: Child,
    /// `None` once the editor has gone away.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    last: i64,
    /// What the server said without being asked, and nobody has looked at yet.
    told: Vec<Json>,
    /// What the server is told when it asks for the settings of a section.
    settings: Json,
}

impl LanguageClient {
    pub(crate) fn start(mut command: Command, settings: Json) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut server = command.spawn().unwrap();
        let (input, output) = (server.stdin.take(), BufReader::new(server.stdout.take().unwrap()));
        Self { server, input, output, last: 0, told: Vec::new(), settings }
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    fn send(&mut self, mut message: Json) {
        message["jsonrpc"] = json!("2.0");
        let text = message.to_string();
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    pub(crate) fn tell(&mut self, method: &str, params: impl Into<Json>) {
        let params: Json = params.into();
        self.send(json!({"method": method, "params": params}));
    }

    /// The whole response to a request.
    pub(crate) fn respond(&mut self, method: &str, params: impl Into<Json>) -> Json {
        let params: Json = params.into();
        self.last += 1;
        let id = self.last;
        self.send(json!({"id": id, "method": method, "params": params}));
        loop {
            let message = self.receive();
            assert_eq!(message["jsonrpc"], "2.0");
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
            self.take(message);
        }
    }

    /// The result of a request that must have one.
    pub(crate) fn ask(&mut self, method: &str, params: Json) -> Json {
        let response = self.respond(method, params);
        assert!(response.get("error").is_none(), "{method}: {response}");
        response["result"].clone()
    }

    /// Keeps what was told, and answers what was asked.
    fn take(&mut self, message: Json) {
        let Some(id) = message.get("id").cloned() else { return self.told.push(message) };
        let result = match message["method"].as_str() {
            Some("workspace/configuration") => {
                let items = message["params"]["items"].as_array().unwrap().iter();
                items.map(|it| self.settings[it["section"].as_str().unwrap_or_default()].clone()).collect()
            }
            _ => Json::Null,
        };
        self.send(json!({"id": id, "result": result}));
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

    /// The next list of mistakes of a file, in that version of it, if it matters.
    pub(crate) fn mistakes(&mut self, uri: &str, version: Option<i64>) -> Vec<Json> {
        loop {
            let at = self.told.iter().position(|it| {
                it["method"] == "textDocument/publishDiagnostics"
                    && it["params"]["uri"] == uri
                    && version.is_none_or(|version| it["params"]["version"] == version)
            });
            if let Some(at) = at {
                return self.told.remove(at)["params"]["diagnostics"].as_array().unwrap().clone();
            }
            let message = self.receive();
            self.take(message);
        }
    }

    /// Whatever was told so far doesn't matter.
    pub(crate) fn forget(&mut self) {
        self.told.clear();
    }

    pub(crate) fn open(&mut self, uri: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": "yaml", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// What is asked at `^` of a text, which becomes the file's.
    pub(crate) fn at(&mut self, method: &str, uri: &str, version: i64, text: &str) -> Json {
        let byte = text.find('^').unwrap();
        let before = &text[..byte];
        let line = before.matches('\n').count();
        let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
        self.change(uri, version, &text.replacen('^', "", 1));
        let place = json!({"line": line, "character": character});
        self.ask(method, json!({"textDocument": {"uri": uri}, "position": place}))
    }

    pub(crate) fn change(&mut self, uri: &str, version: i64, text: &str) {
        let document = json!({"uri": uri, "version": version});
        self.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [{"text": text}]}));
    }

    /// Ends as the protocol says.
    pub(crate) fn end(mut self) -> ExitStatus {
        self.ask("shutdown", Json::Null);
        self.tell("exit", Json::Null);
        self.server.wait().unwrap()
    }

    /// Goes away without a word.
    pub(crate) fn hang_up(mut self) -> ExitStatus {
        self.input = None;
        self.server.wait().unwrap()
    }
}

impl Drop for LanguageClient {
    fn drop(&mut self) {
        // a test that failed leaves nothing behind; one that is over already can't be ended again
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
