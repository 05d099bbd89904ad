//! `closeloop demo`: one conversation through the HTTP API, against sandbox connections.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use jiff::{Timestamp, ToSpan, civil::Weekday, tz::TimeZone};
use serde_json::{Value as Json, json};

use super::{client::ApiClient, keys, serve::stop_signal};
use crate::{
    app::App,
    base::{Clock, Secret},
    config::{Config, process_environment},
    crypto::KeyRing,
    system::{SystemClock, SystemRandom},
};

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// End after the conversation instead of serving on.
    #[arg(long)]
    once: bool,
    /// Where the demo keeps its database and its encryption key.
    #[arg(long, default_value = ".demo")]
    dir: PathBuf,
    /// The folder of connectors.
    #[arg(long, default_value = "connectors")]
    connectors: PathBuf,
    /// Where it listens; a free port if this one is taken.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
}

/// Where the customer and the business are.
const ZONE: &str = "Asia/Jakarta";

/// Longer answers are cut on screen.
const MOST_LINES: usize = 40;

/// Plays the conversation, then serves until it is interrupted.
pub(super) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let app = App::start(settings(&arguments)?).await?;
    let key = keys::api_key(app.engine(), "demo").await?;
    let base = format!("http://{}", app.address());
    println!("Closeloop demo: no account needed, every provider below is a sandbox.\n");
    let played = Conversation { client: ApiClient::new(&base, Secret::new(key.expose()))?, number: 0 }.play().await;
    if let Err(error) = played {
        app.stop().await?;
        return Err(error);
    }
    println!("The API:            {base}/v1   (Authorization: Bearer {})", key.expose());
    println!("Its documentation:  {base}/docs");
    println!("OpenAPI:            {base}/openapi.json");
    if !arguments.once {
        println!("\nServing until you press Ctrl-C.");
        stop_signal().await;
    }
    app.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Everything of the demo lives in its own folder, its encryption key too.
fn settings(arguments: &Arguments) -> Result<Config> {
    let dir = &arguments.dir;
    fs::create_dir_all(dir).with_context(|| format!("can't make {}", dir.display()))?;
    let mut config = Config::from_text("", &process_environment)?;
    config.listen = match std::net::TcpListener::bind(&arguments.listen) {
        Ok(_) => arguments.listen.parse().context("--listen is not an address")?,
        Err(_) => "127.0.0.1:0".parse().context("an address")?,
    };
    config.database_url = format!("sqlite://{}", dir.join("demo.sqlite").display());
    config.connectors.clone_from(&arguments.connectors);
    config.encryption_keys = Some(demo_key(&dir.join("encryption.key"))?);
    Ok(config)
}

/// The key of the folder's first run; readable by its owner only.
fn demo_key(path: &Path) -> Result<Secret> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Ok(text) = fs::read_to_string(path) {
        return Ok(Secret::new(text.trim()));
    }
    let key = KeyRing::generate("demo", &SystemRandom);
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("can't write {}", path.display()))?;
    std::io::Write::write_all(&mut file, key.expose().as_bytes())?;
    Ok(key)
}

/// One agent of the org `demo`, speaking to the API as the chatbot would.
struct Conversation {
    client: ApiClient,
    number: usize,
}

impl Conversation {
    async fn play(mut self) -> Result<()> {
        let calendar = self.connect("google-calendar").await?;
        let payments = self.connect("midtrans").await?;
        let path = format!("/v1/connectors/google-calendar/lookups/calendars?connection={calendar}");
        let calendars = self.show("The builder picks a calendar from a live list", "GET", &path, None, None).await?;
        let config = json!({"calendar": calendars["data"][0]["value"], "timezone": ZONE});
        for (connector, connection, action, config) in [
            ("google-calendar", &calendar, "check_availability", config.clone()),
            ("google-calendar", &calendar, "book_appointment", config),
            ("midtrans", &payments, "create_payment", json!({})),
            ("midtrans", &payments, "check_payment", json!({})),
        ] {
            self.enable(connector, connection, action, &config).await?;
        }
        let (from, to) = tomorrow_on();
        let free = self
            .call(
                "Customer: “I'd like an appointment.” The agent looks for free slots",
                "check_availability",
                &json!({"from": from, "to": to}),
            )
            .await?;
        let slot = &free["slots"][0];
        let booking = json!({"start": slot["start"], "name": "Sari Wulandari", "email": "sari@example.com"});
        let booked = self.call("“The first one is fine.” The agent books it", "book_appointment", &booking).await?;
        let order =
            format!("INV-{}", booked["event_id"].as_str().unwrap_or("1").chars().rev().take(12).collect::<String>());
        let payment = json!({"order_id": order, "amount": 150_000, "description": "Deposit for the appointment", "name": "Sari Wulandari", "email": "sari@example.com"});
        self.call("The agent asks for the deposit", "create_payment", &payment).await?;
        self.call("“I have paid.” The agent checks", "check_payment", &json!({"order_id": order})).await?;
        println!("Done: booked and paid, without handing over to a person.\n");
        Ok(())
    }

    async fn connect(&mut self, connector: &str) -> Result<String> {
        let body = json!({"connector": connector, "mode": "sandbox"});
        let title = format!("The builder connects {connector}");
        let connection = self.show(&title, "POST", "/v1/connections", Some(&body), None).await?;
        Ok(connection["id"].as_str().context("a connection without id")?.to_owned())
    }

    /// A second start finds the action enabled, and moves it to the new connection.
    async fn enable(&mut self, connector: &str, connection: &str, action: &str, config: &Json) -> Result<()> {
        let list = self.client.send("GET", "/v1/agents/demo/actions", None, None).await?;
        let all = list.body["data"].as_array().cloned().unwrap_or_default();
        let there = all.iter().find(|it| it["name"] == action).and_then(|it| it["id"].as_str());
        let title = format!("The builder enables {action}");
        match there {
            Some(id) => {
                let body = json!({"connection": connection, "config": config});
                self.show(&title, "PATCH", &format!("/v1/agents/demo/actions/{id}"), Some(&body), None).await?;
            }
            None => {
                let body =
                    json!({"connector": connector, "connection": connection, "action": action, "config": config});
                self.show(&title, "POST", "/v1/agents/demo/actions", Some(&body), None).await?;
            }
        }
        Ok(())
    }

    /// Calls a function and gives its output.
    async fn call(&mut self, title: &str, function: &str, arguments: &Json) -> Result<Json> {
        let body = json!({"function": function, "arguments": arguments});
        let key = format!("demo-{}-{}", SystemClock.now().as_nanosecond(), self.number);
        let mut execution = self.show(title, "POST", "/v1/agents/demo/calls", Some(&body), Some(&key)).await?;
        if execution["status"] != "succeeded" {
            bail!("{function} did not succeed: {}", execution["error"]["detail"]);
        }
        Ok(execution["output"].take())
    }

    /// Sends one request and prints it with its answer.
    async fn show(
        &mut self,
        title: &str,
        method: &str,
        path: &str,
        body: Option<&Json>,
        key: Option<&str>,
    ) -> Result<Json> {
        self.number += 1;
        println!("── {}. {title}", self.number);
        println!("{method} {path}");
        if let Some(key) = key {
            println!("Idempotency-Key: {key}");
        }
        if let Some(body) = body {
            print_json(body);
        }
        let reply = self.client.send(method, path, body, key).await?;
        println!("→ {}", reply.status);
        print_json(&reply.body);
        println!();
        if reply.status >= 400 {
            bail!("the engine refused: {}", reply.body["detail"]);
        }
        Ok(reply.body)
    }
}

fn print_json(value: &Json) {
    let text = format!("{value:#}");
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(MOST_LINES) {
        println!("  {line}");
    }
    if lines.len() > MOST_LINES {
        println!("  … {} more lines", lines.len() - MOST_LINES);
    }
}

/// From the next working day's morning, two days long.
fn tomorrow_on() -> (String, String) {
    let now: Timestamp = SystemClock.now();
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let mut day = now.to_zoned(zone.clone()).date().saturating_add(1.day());
    while matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
        day = day.saturating_add(1.day());
    }
    let at = |date: jiff::civil::Date| {
        let zoned = date.at(0, 0, 0, 0).to_zoned(zone.clone());
        zoned.map(|it| it.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()).unwrap_or_default()
    };
    (at(day), at(day.saturating_add(2.days())))
}
