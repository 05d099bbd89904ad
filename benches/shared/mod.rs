//! What benchmarks share: a client, and processes whose costs are read.

#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use closeloop::base::Secret;
use serde_json::Value;

/// A keep-alive client.
#[derive(Clone)]
pub struct Load {
    client: reqwest::Client,
    base: String,
    key: Secret,
}

impl Load {
    pub fn new(base: &str, key: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { client, base: base.to_owned(), key: Secret::new(key) }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(self.key.expose());
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let body = answer.bytes().await.expect("a body");
        assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).expect("JSON")
    }
}

/// A child process that is killed with its parent's measurement.
pub struct Process {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Process {
    /// Starts this program in another role, and gives its first line.
    pub fn start(role: &[&str]) -> (Self, String) {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new(program).args(role).stdout(Stdio::piped()).spawn().expect("a process");
        let mut it = Self { output: BufReader::new(child.stdout.take().expect("its output")), child };
        let line = it.line();
        (it, line)
    }

    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    /// Seconds of CPU so far.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: f64 = [11, 12].iter().map(|it| fields[*it].parse::<f64>().expect("ticks")).sum();
        ticks / 100.0
    }

    /// Resident megabytes.
    pub fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let line = status.lines().find(|it| it.starts_with("VmRSS")).expect("VmRSS");
        line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("kB") / 1024.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The parent reads one line to know where its child listens.
pub fn announce(line: &str) {
    println!("{line}");
    std::io::stdout().flush().expect("flushed");
}
