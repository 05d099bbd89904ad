//! CRM: the verdict on each record stands in the body, whatever the status.

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Response},
};
use serde_json::{Map, Value as Json, json};

use super::{Refusal, Shared, World, answer, crm_error, is_authorised, no_content};
use crate::fakes;

type Record = Map<String, Json>;

pub(super) fn authorise(world: &World, headers: &HeaderMap) -> Result<(), Refusal> {
    is_authorised(world, headers).then_some(()).ok_or_else(|| crm_error(401, "INVALID_TOKEN", "invalid oauth token"))
}

pub(super) async fn users(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        let user = json!({"id": "5550100000000123", "full_name": "Asha Rao", "email": "asha@nordwind.example"});
        fakes::json(200, &json!({"users": [user]}))
    }))
}

pub(super) async fn fields(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).map(|()| fakes::json(200, &json!({"fields": world.fields}))))
}

pub(super) async fn layouts(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        let fields: Vec<Json> = world.required.iter().map(|it| json!({"api_name": it, "required": true})).collect();
        let layout = json!({"id": "5550100000091055", "name": "Standard", "sections": [{"fields": fields}]});
        fakes::json(200, &json!({"layouts": [layout]}))
    }))
}

/// The newest first; nothing is an empty answer.
pub(super) async fn list(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        let newest: Vec<_> = world.leads.iter().rev().take(50).collect();
        if newest.is_empty() { no_content() } else { fakes::json(200, &json!({"data": newest})) }
    }))
}

/// `… where Email = '…' limit 20`
pub(super) async fn coql(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let body: Json = serde_json::from_str(&body).unwrap_or_default();
        let query = body["select_query"].as_str().unwrap_or_default();
        let email = asked_email(query).ok_or_else(|| crm_error(400, "SYNTAX_ERROR", "syntax error"))?;
        let found: Vec<_> =
            world.leads.iter().filter(|it| it.get("Email") == Some(&Json::from(email.as_str()))).collect();
        Ok(if found.is_empty() { no_content() } else { fakes::json(200, &json!({"data": found})) })
    }))
}

/// The text of the only string, in which a quote is written twice.
fn asked_email(query: &str) -> Option<String> {
    let rest = query.strip_prefix("select ")?.split_once(" where Email = '")?.1;
    let (mut text, mut chars) = (String::new(), rest.chars().peekable());
    while let Some(char) = chars.next() {
        match char {
            '\'' if chars.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return (chars.collect::<String>() == " limit 20").then_some(text),
            '\\' => return None,
            other => text.push(other),
        }
    }
    None
}

pub(super) async fn insert(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        let body: Json = serde_json::from_str(&body).unwrap_or_default();
        let record = body["data"][0].as_object().cloned().unwrap_or_default();
        match faulty(&world, &record) {
            Some(error) => fakes::json(world.failed, &json!({"data": [error]})),
            None => {
                let id = store(&mut world, record);
                world.tell("Leads", "insert", &id);
                fakes::json(201, &json!({"data": [success(&id, "record added")]}))
            }
        }
    }))
}

pub(super) async fn upsert(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).map(|()| {
        let body: Json = serde_json::from_str(&body).unwrap_or_default();
        let record = body["data"][0].as_object().cloned().unwrap_or_default();
        if let Some(error) = faulty(&world, &record) {
            return fakes::json(world.failed, &json!({"data": [error]}));
        }
        let key = body["duplicate_check_fields"][0].as_str().unwrap_or("Email").to_owned();
        let same = |it: &&mut Record| record.contains_key(&key) && it.get(&key) == record.get(&key);
        let there = world.leads.iter_mut().find(same).map(|there| {
            there.extend(record.clone());
            there["id"].as_str().expect("an id").to_owned()
        });
        let (mut verdict, action) = match there {
            Some(id) => (success(&id, "record updated"), "update"),
            None => (success(&store(&mut world, record), "record added"), "insert"),
        };
        verdict["action"] = action.into();
        let id = verdict["details"]["id"].as_str().expect("an id").to_owned();
        world.tell("Leads", action, &id);
        fakes::json(200, &json!({"data": [verdict]}))
    }))
}

pub(super) async fn update(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let body: Json = serde_json::from_str(&body).unwrap_or_default();
        let changes = body["data"][0].as_object().cloned().unwrap_or_default();
        let there = world.leads.iter_mut().find(|it| it["id"] == id.as_str());
        let there = there.ok_or_else(|| crm_error(400, "INVALID_DATA", "the id given seems to be invalid"))?;
        there.extend(changes);
        world.tell("Leads", "update", &id);
        Ok(fakes::json(200, &json!({"data": [success(&id, "record updated")]})))
    }))
}

/// Why a record is not taken.
fn faulty(world: &World, record: &Record) -> Option<Json> {
    let error = |code: &str, details: Json, message: &str| {
        Some(json!({"code": code, "details": details, "message": message, "status": "error"}))
    };
    let is_missing = |name: &&str| record.get(*name).is_none_or(Json::is_null);
    if let Some(name) = ["Last_Name"].iter().chain(&world.required).find(|it| is_missing(it)) {
        let details = json!({"api_name": name, "json_path": format!("$.data[0].{name}")});
        return error("MANDATORY_NOT_FOUND", details, "required field not found");
    }
    for (name, value) in record.iter().filter(|(name, _)| !matches!(name.as_str(), "Layout" | "Owner")) {
        let field = world.fields.iter().find(|it| it["api_name"] == name.as_str());
        let Some(field) = field else { return error("INVALID_DATA", json!({"api_name": name}), "invalid data") };
        let options = field["pick_list_values"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !options.is_empty() && !options.iter().any(|it| it["actual_value"] == *value) {
            let values: Vec<&Json> = options.iter().map(|it| &it["actual_value"]).collect();
            return error("INVALID_DATA", json!({"api_name": name, "supported_values": values}), "invalid data");
        }
    }
    None
}

fn store(world: &mut World, mut record: Record) -> String {
    let id = world.next();
    record.insert("id".to_owned(), id.as_str().into());
    record.insert("Created_Time".to_owned(), world.now().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into());
    record.entry("Email").or_insert(Json::Null);
    world.leads.push(record);
    id
}

fn success(id: &str, message: &str) -> Json {
    json!({"code": "SUCCESS", "details": {"id": id}, "message": message, "status": "success"})
}
