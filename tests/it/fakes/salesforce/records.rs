//! Records, under the org's own rules.

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{
    Shared, query,
    world::{Field, World},
};
use crate::fakes;

type Record = Map<String, Json>;

/// A refusal; boxed because answers are large.
type Refusal = Box<Response<Body>>;

#[derive(Deserialize)]
pub(super) struct Asked {
    q: String,
}

pub(super) async fn query(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let malformed = || refuse(400, "MALFORMED_QUERY", "unexpected token", &[]);
        let (object, conditions) = query::read(&asked.q).ok_or_else(malformed)?;
        let found = world.records(&object).iter().filter(|record| conditions.iter().all(|it| it.holds(record)));
        let records: Vec<_> = found.map(|it| shown(&object, it)).collect();
        Ok(fakes::json(200, &json!({"totalSize": records.len(), "done": true, "records": records})))
    }))
}

pub(super) async fn describe(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(object): Path<String>,
) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let fields = world.fields(&object).ok_or_else(gone)?;
        let id = json!({"name": "Id", "label": "Record ID", "type": "id", "length": 18, "nillable": false, "createable": false,
            "updateable": false, "defaultedOnCreate": true, "externalId": false, "idLookup": true, "picklistValues": []});
        let fields: Vec<Json> = std::iter::once(id).chain(fields.iter().map(Field::described)).collect();
        let master = json!({"active": true, "available": true, "master": true, "developerName": "Master", "name": "Master",
            "recordTypeId": "012000000000000AAA"});
        Ok(fakes::json(200, &json!({"name": object, "fields": fields, "recordTypeInfos": [master]})))
    }))
}

pub(super) async fn read(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((object, id)): Path<(String, String)>,
) -> Response<Body> {
    let world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        if object == "User" && id == "005Kd000003LmXyIAK" {
            let user = json!({"attributes": {"type": "User"}, "Id": id, "Username": "ops@acme.example", "Name": "Olga Petrova"});
            return Ok(fakes::json(200, &user));
        }
        let found = world.records(&object).iter().find(|it| it["Id"] == id.as_str()).ok_or_else(gone)?;
        Ok(fakes::json(200, &shown(&object, found)))
    }))
}

pub(super) async fn create(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(object): Path<String>,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let record = accept(&world, &object, &body, true)?;
        let allowed = fakes::header(&headers, "sforce-duplicate-rule-header").contains("allowSave=true");
        if !allowed {
            refuse_duplicate(&world, &object, &record)?;
        }
        let id = store(&mut world, &object, record);
        Ok(fakes::json(201, &json!({"id": id, "success": true, "errors": []})))
    }))
}

pub(super) async fn update(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((object, id)): Path<(String, String)>,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let changes = accept(&world, &object, &body, false)?;
        let record = world.records_mut(&object).iter_mut().find(|it| it["Id"] == id.as_str()).ok_or_else(gone)?;
        record.extend(changes);
        Ok(no_content())
    }))
}

/// 201 with `created: true` for a new record, 200 with `created: false` for one that was there, 300 for several.
pub(super) async fn upsert(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((object, field, value)): Path<(String, String, String)>,
    body: String,
) -> Response<Body> {
    let mut world = shared.world();
    answer(authorise(&world, &headers).and_then(|()| {
        let is_key = |it: &&Field| it.name == field && (it.external_id || it.kind == "email");
        if world.fields(&object).ok_or_else(gone)?.iter().find(is_key).is_none() {
            let message = format!("Provided external ID field does not exist or is not accessible: {field}");
            return Err(refuse(404, "NOT_FOUND", &message, &[]));
        }
        let given: Record = serde_json::from_str(&body).map_err(|_| unreadable())?;
        if given.contains_key(&field) || given.contains_key("Id") {
            return Err(refuse(
                400,
                "INVALID_FIELD",
                "The key field should not be specified in the sobject data.",
                &[&field],
            ));
        }
        let found =
            world.records(&object).iter().filter(|it| it.get(&field) == Some(&Json::from(value.as_str()))).count();
        let mut record = accept(&world, &object, &body, found == 0)?;
        match found {
            0 => {
                record.insert(field, Json::from(value));
                let id = store(&mut world, &object, record);
                Ok(fakes::json(201, &json!({"id": id, "success": true, "errors": [], "created": true})))
            }
            1 => {
                let there = world
                    .records_mut(&object)
                    .iter_mut()
                    .find(|it| it.get(&field) == Some(&Json::from(value.as_str())));
                let there = there.expect("one was found");
                there.extend(record);
                Ok(fakes::json(200, &json!({"id": there["Id"], "success": true, "errors": [], "created": false})))
            }
            _ => Err(Box::new(fakes::json(
                300,
                &json!(["/services/data/v66.0/sobjects/Lead/1", "/services/data/v66.0/sobjects/Lead/2"]),
            ))),
        }
    }))
}

fn answer(outcome: Result<Response<Body>, Refusal>) -> Response<Body> {
    outcome.unwrap_or_else(|it| *it)
}

fn authorise(world: &World, headers: &HeaderMap) -> Result<(), Refusal> {
    let token = fakes::header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    if world.access_tokens.contains(token) {
        return Ok(());
    }
    Err(refuse(401, "INVALID_SESSION_ID", "Session expired or invalid", &[]))
}

/// What was given, if the org takes it.
fn accept(world: &World, object: &str, body: &str, is_new: bool) -> Result<Record, Refusal> {
    let given: Record = serde_json::from_str(body).map_err(|_| unreadable())?;
    let fields = world.fields(object).ok_or_else(gone)?;
    for (name, value) in &given {
        let Some(field) = fields.iter().find(|it| it.name == name) else {
            return Err(refuse(
                400,
                "INVALID_FIELD",
                &format!("No such column '{name}' on sobject of type {object}"),
                &[],
            ));
        };
        fits(field, value)?;
    }
    let lacks = |it: &&Field| it.required && given.get(it.name).is_none_or(Json::is_null);
    let missing: Vec<&str> = fields.iter().filter(lacks).map(|it| it.name).collect();
    if is_new && !missing.is_empty() {
        let message = format!("Required fields are missing: [{}]", missing.join(", "));
        return Err(refuse(400, "REQUIRED_FIELD_MISSING", &message, &missing));
    }
    Ok(given)
}

fn fits(field: &Field, value: &Json) -> Result<(), Refusal> {
    let name = field.name;
    let Some(text) = value.as_str() else {
        let is_number = value.is_null() || (value.is_number() && matches!(field.kind, "double" | "int" | "currency"));
        return if is_number { Ok(()) } else { Err(unreadable()) };
    };
    if field.length > 0 && text.chars().count() > field.length {
        let message = format!("{}: data value too large: {text} (max length={})", field.label, field.length);
        return Err(refuse(400, "STRING_TOO_LONG", &message, &[name]));
    }
    if field.restricted && !field.options.contains(&text) {
        let message = format!("{}: bad value for restricted picklist field: {text}", field.label);
        return Err(refuse(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", &message, &[name]));
    }
    if field.kind == "email" && !text.contains('@') {
        return Err(refuse(
            400,
            "INVALID_EMAIL_ADDRESS",
            &format!("{}: invalid email address: {text}", field.label),
            &[name],
        ));
    }
    Ok(())
}

/// The wrapper's name is misspelt in real answers too.
fn refuse_duplicate(world: &World, object: &str, record: &Record) -> Result<(), Refusal> {
    let email = record.get("Email").filter(|it| world.duplicate_rule && !it.is_null());
    let Some(found) = email.and_then(|email| world.records(object).iter().find(|it| it.get("Email") == Some(email)))
    else {
        return Ok(());
    };
    let matched = json!({"matchConfidence": 100.0, "record": {"attributes": {"type": object}, "Id": found["Id"]}});
    let result = json!({"allowSave": true, "duplicateRule": "Standard_Duplicate_Rule", "matchResults": [{"size": 1, "success": true, "matchRecords": [matched]}]});
    let error =
        json!({"duplicateResut": result, "errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?"});
    Err(Box::new(fakes::json(400, &json!([error]))))
}

fn store(world: &mut World, object: &str, mut record: Record) -> String {
    let prefix = if object == "Lead" { "00Q" } else { "003" };
    let id = format!("{prefix}Kd{:010}MAJ", world.next());
    record.insert("Id".to_owned(), Json::from(id.as_str()));
    record.insert("CreatedById".to_owned(), Json::from("005Kd000003LmXyIAK"));
    record.insert("CreatedDate".to_owned(), Json::from(world.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()));
    record.insert("IsConverted".to_owned(), Json::Bool(false));
    world.records_mut(object).push(record);
    id
}

fn shown(object: &str, record: &Record) -> Json {
    let mut shown = record.clone();
    shown.insert("attributes".to_owned(), json!({"type": object}));
    Json::Object(shown)
}

fn refuse(status: u16, code: &str, message: &str, fields: &[&str]) -> Refusal {
    Box::new(fakes::json(status, &json!([{"message": message, "errorCode": code, "fields": fields}])))
}

fn gone() -> Refusal {
    refuse(404, "NOT_FOUND", "The requested resource does not exist", &[])
}

fn unreadable() -> Refusal {
    refuse(400, "JSON_PARSER_ERROR", "Cannot deserialize instance of the field", &[])
}

fn no_content() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = axum::http::StatusCode::NO_CONTENT;
    answer
}
