//! Calendars that behave alike: an agent is moved from one to another by enabling the same functions there.

use serde_json::{Map, Value as Json, json};

use crate::harness::{Client, TestApp};

/// The four actions, in the order in which an appointment lives.
const ACTIONS: [&str; 4] = ["check_availability", "book_appointment", "reschedule_appointment", "cancel_appointment"];

/// What an output may have beside what all of them have: where the customer has to go, and where the meeting is.
const MAY_HAVE: [&str; 2] = ["link", "join_url"];

/// A calendar, and what its builder fixes.
struct Calendar {
    connector: &'static str,
    /// The name of the config that a lookup fills, which is required, and the lookup.
    chosen: (&'static str, &'static str),
    fields: Json,
    config: Json,
}

fn calendars() -> Vec<Calendar> {
    let calendar = ("calendar", "calendars");
    let apple = json!({"username": "anna@example.com", "password": "abcd-efgh-ijkl-mnop"});
    vec![
        Calendar { connector: "google-calendar", chosen: calendar, fields: json!({}), config: json!({}) },
        Calendar { connector: "outlook", chosen: calendar, fields: json!({}), config: json!({}) },
        Calendar { connector: "apple-calendar", chosen: calendar, fields: apple, config: json!({}) },
        Calendar {
            connector: "calendly",
            chosen: ("event_type", "event_types"),
            fields: json!({}),
            config: json!({"booking": "api"}),
        },
    ]
}

/// What of a schema decides whether an argument is accepted: not its words, nor how long a provider's ids are.
fn shape(schema: &Json) -> Json {
    let Json::Object(schema) = schema else { return schema.clone() };
    let kept = schema.iter().filter(|(key, _)| matches!(key.as_str(), "type" | "format" | "properties" | "required"));
    kept.map(|(key, value)| match value {
        Json::Object(properties) if key == "properties" => {
            let shapes: Map<_, _> = properties.iter().map(|(name, schema)| (name.clone(), shape(schema))).collect();
            (key.clone(), shapes.into())
        }
        other => (key.clone(), other.clone()),
    })
    .collect::<Map<_, _>>()
    .into()
}

/// The types of an output, by name; of a list, those of its first entry.
fn types(output: &Json) -> Json {
    match output {
        Json::Null => "null".into(),
        Json::Bool(_) => "boolean".into(),
        Json::Number(_) => "number".into(),
        Json::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "date-time".into(),
        Json::String(_) => "string".into(),
        Json::Array(entries) => json!([entries.first().map(types)]),
        Json::Object(parts) => {
            let common = parts.iter().filter(|(name, _)| !MAY_HAVE.contains(&name.as_str()));
            common.map(|(name, value)| (name.clone(), types(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// Connects in the sandbox and enables the four actions for the agent `a`.
async fn enable(client: &Client, calendar: &Calendar) {
    let connection = client.connect(calendar.connector, "sandbox", calendar.fields.clone()).await;
    let (name, lookup) = calendar.chosen;
    let connector = format!("/v1/connectors/{}", calendar.connector);
    let options = client.get(&format!("{connector}/lookups/{lookup}?connection={connection}")).await;
    let detail = client.get(&connector).await;
    for action in ACTIONS {
        let known = detail["actions"].as_array().unwrap().iter().find(|it| it["name"] == action).unwrap();
        let known = &known["config"]["properties"];
        let mut config = calendar.config.clone();
        config[name] = options["data"][0]["value"].clone();
        config.as_object_mut().unwrap().retain(|name, _| known.get(name).is_some());
        client.enable(calendar.connector, &connection, action, config).await;
    }
}

/// Makes an appointment, moves and cancels it; gives what each action took and gave.
async fn live_through(calendar: &Calendar) -> Json {
    let app = TestApp::start().await;
    let client = &app.client;
    enable(client, calendar).await;
    let functions = client.get("/v1/agents/a/functions").await;
    let taken = functions["data"].as_array().unwrap().iter().map(|it| {
        let function = it.get("function").unwrap_or(it);
        let schema = ["parameters", "input_schema"].iter().find_map(|key| function.get(*key));
        (function["name"].as_str().unwrap().to_owned(), shape(schema.unwrap()))
    });
    let taken: Map<_, _> = taken.collect();

    let window = json!({"from": "2030-01-14T00:00:00+07:00", "to": "2030-01-17T00:00:00+07:00"});
    let free = client.output("check_availability", window).await;
    let start = &free["slots"][0]["start"];
    let customer = json!({"start": start, "name": "Ana Ruiz", "email": "ana@example.com", "phone": "+628120000001", "notes": "First visit"});
    let booked = client.output("book_appointment", customer).await;
    assert_eq!((&booked["start"], &booked["status"]), (start, &json!("booked")), "{}", calendar.connector);
    let later = json!({"event_id": booked["event_id"], "start": "2030-01-16T11:00:00+07:00"});
    let moved = client.output("reschedule_appointment", later).await;
    assert_eq!((&moved["start"], &moved["status"]), (&json!("2030-01-16T11:00:00+07:00"), &json!("moved")));
    let cancelled = client.output("cancel_appointment", json!({"event_id": moved["event_id"]})).await;
    assert_eq!(cancelled, json!({"event_id": moved["event_id"], "cancelled": true}), "{}", calendar.connector);
    let given = [free, booked, moved, cancelled].map(|it| types(&it));
    json!({"taken": taken, "given": given})
}

#[tokio::test]
async fn calendars_take_and_give_the_same() {
    let calendars = calendars();
    let norm = live_through(&calendars[0]).await;
    assert_eq!(norm["taken"].as_object().unwrap().len(), ACTIONS.len());
    for calendar in &calendars[1..] {
        let other = live_through(calendar).await;
        assert_eq!(other, norm, "{} is unlike {}:\n{other:#}", calendar.connector, calendars[0].connector);
    }
}
