//! Radicale, a CalDAV server that others use too, with one user, on loopback.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
};

use serde_json::Value as Json;
use tempfile::TempDir;

use super::python::{SCRIPTS, python, run};

/// Answers until it is dropped; its calendars are gone then.
pub(crate) struct Radicale {
    process: Child,
    url: String,
    client: reqwest::Client,
    /// Configuration and calendars.
    _folder: TempDir,
}

impl Radicale {
    /// Its only user's name.
    pub(crate) const USER: &str = "anna@example.test";
    /// In the form of an app-specific password.
    pub(crate) const PASSWORD: &str = "abcd-efgh-ijkl-mnop";
    /// Where the user's calendars are.
    pub(crate) const HOME: &str = "/anna%40example.test/";

    /// Starts it and waits until it says that it is ready.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("users"), format!("{}:{}\n", Self::USER, Self::PASSWORD)).expect("a file");
        // another program may take the port before Radicale does: then it ends, and gets another
        let (process, url) = (0..5)
            .find_map(|_| {
                let port = free_port();
                Some((serve(folder.path(), port)?, format!("http://127.0.0.1:{port}")))
            })
            .expect("Radicale starts on one of five free ports");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client needs nothing");
        Self { process, url, client, _folder: folder }
    }

    /// `http://127.0.0.1:<port>`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request as the user.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Response {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("tests use real methods");
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.basic_auth(Self::USER, Some(Self::PASSWORD)).body(body);
        request.send().await.expect("Radicale answers")
    }

    /// Makes a calendar and gives its path.
    pub(crate) async fn make_calendar(&self, name: &str, title: &str) -> String {
        let path = format!("{}{name}/", Self::HOME);
        let title = title.replace('&', "&amp;").replace('<', "&lt;");
        let body = format!(
            r#"<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><displayname>{title}</displayname>
            <C:supported-calendar-component-set><C:comp name="VEVENT"/></C:supported-calendar-component-set></prop></set></C:mkcalendar>"#
        );
        let answer = self.send("MKCALENDAR", &path, &[("content-type", "application/xml; charset=utf-8")], body).await;
        assert_eq!(answer.status(), 201);
        path
    }

    /// The events of a calendar, as another client reads them: `tests/python/read_back.py`.
    pub(crate) fn read_back(&self, calendar: &str) -> Json {
        let script = format!("{SCRIPTS}/read_back.py");
        let printed = run(python(), &[&script, &self.url, Self::USER, Self::PASSWORD, calendar]);
        serde_json::from_str(&printed).expect("the script prints JSON")
    }
}

impl Drop for Radicale {
    fn drop(&mut self) {
        // it may have ended by itself, which the test has noticed then
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound listener has an address").port()
}

/// A server that is ready; none if it ended before, as it does when the port is taken.
fn serve(folder: &Path, port: u16) -> Option<Child> {
    let config = format!(
        "[server]\nhosts = 127.0.0.1:{port}\n\
         [auth]\ntype = htpasswd\nhtpasswd_filename = ./users\nhtpasswd_encryption = plain\ndelay = 0\n\
         [rights]\ntype = owner_only\n\
         [storage]\nfilesystem_folder = ./store\n"
    );
    fs::write(folder.join("config"), config).expect("the temporary folder can be written");
    let mut process = Command::new(python())
        .args(["-m", "radicale", "-C", "config"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let log = BufReader::new(process.stderr.take().expect("its log is piped"));
    let (ready, told) = mpsc::channel();
    // reads to the end, so that the server never waits for room in the pipe
    thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            if line.contains("server ready") {
                // nobody listens any more after the first time
                let _ = ready.send(());
            }
        }
    });
    if told.recv().is_ok() {
        return Some(process);
    }
    process.wait().expect("a program that ended can be waited for");
    None
}
