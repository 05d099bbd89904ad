//! A provider that is nothing but its description: it takes what that allows, and answers what that promises.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::Response,
};
use serde_json::{Map, Value as Json, json};

use crate::fakes::{self, Server, header, pairs};

/// The provider, and what it thought of what it was sent.
pub(super) struct Described {
    server: Server,
    seen: Arc<Provider>,
}

#[derive(Debug)]
struct Provider {
    text: String,
    document: Json,
    refused: Mutex<Vec<String>>,
    called: Mutex<BTreeSet<String>>,
}

impl Described {
    pub(super) async fn start(text: &str) -> Self {
        let provider = Provider {
            text: text.to_owned(),
            document: serde_yaml::from_str(text).unwrap(),
            refused: Mutex::default(),
            called: Mutex::default(),
        };
        let seen = Arc::new(provider);
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        Self { server: Server::start(router).await, seen }
    }

    pub(super) fn url(&self) -> &str {
        self.server.url()
    }

    /// What it would not take, and why.
    pub(super) fn refused(&self) -> Vec<String> {
        self.seen.refused.lock().unwrap().clone()
    }

    /// The operations that were called.
    pub(super) fn called(&self) -> BTreeSet<String> {
        self.seen.called.lock().unwrap().clone()
    }

    /// All operations.
    pub(super) fn operations(&self) -> BTreeSet<String> {
        let paths = self.seen.document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys().filter(|it| *it != "parameters");
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        operations.collect()
    }
}

async fn answer(State(provider): State<Arc<Provider>>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    if head.uri.path() == "/openapi.yaml" {
        return Response::new(Body::from(provider.text.clone()));
    }
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let Some((path, item)) = provider.item(head.uri.path()) else {
        return provider.refuse(&format!("there is nothing at {}", head.uri.path()));
    };
    let method = head.method.as_str().to_lowercase();
    let operation = &item[&method];
    if operation.is_null() {
        return provider.refuse(&format!("{method} is not known at {path}"));
    }
    let query = pairs(head.uri.query().unwrap_or_default());
    let parameters = [&item["parameters"], &operation["parameters"]].into_iter().filter_map(Json::as_array).flatten();
    for parameter in parameters.map(|it| provider.follow(it)) {
        let name = parameter["name"].as_str().unwrap();
        let is_there = match parameter["in"].as_str().unwrap() {
            "query" => query.iter().any(|(it, _)| it == name || it.starts_with(&format!("{name}["))),
            "header" => !header(&head.headers, name).is_empty(),
            _ => true,
        };
        if parameter["required"] == true && !is_there {
            return provider.refuse(&format!("{method} {path}: {name} is missing"));
        }
    }
    if let Some(why) = provider.unsigned(&head.headers) {
        return provider.refuse(&format!("{method} {path}: {why}"));
    }
    let content = &operation["requestBody"]["content"];
    if let Some((media_type, media)) = content.as_object().and_then(|it| it.iter().next()) {
        if !header(&head.headers, "content-type").starts_with(media_type.as_str()) {
            return provider.refuse(&format!("{method} {path} is not {media_type}"));
        }
        let value = if media_type.ends_with("json") { serde_json::from_str(&body).unwrap() } else { form(&body) };
        let schema =
            json!({"$ref": "#/schema", "schema": media["schema"], "components": provider.document["components"]});
        // 3.0 has the schemas of an older draft
        let is_old = provider.document["openapi"].as_str().unwrap().starts_with("3.0");
        let draft = if is_old { jsonschema::Draft::Draft4 } else { jsonschema::Draft::Draft202012 };
        let validator = jsonschema::options().with_draft(draft).build(&schema).unwrap();
        if let Some(error) = validator.iter_errors(&value).next() {
            return provider.refuse(&format!("{method} {path}: {error} in {body}"));
        }
    }
    provider.called.lock().unwrap().insert(format!("{} {path}", method.to_uppercase()));
    provider.success(operation, &query)
}

/// A form as the schema of it sees it; amounts are numbers there.
fn form(body: &str) -> Json {
    let mut fields = Map::new();
    for (name, value) in pairs(body).into_iter().filter(|(name, _)| !name.contains('[')) {
        fields.insert(name, value.parse::<i64>().map_or_else(|_| json!(value), Json::from));
    }
    fields.into()
}

impl Provider {
    fn refuse(&self, why: &str) -> Response<Body> {
        self.refused.lock().unwrap().push(why.to_owned());
        fakes::json(400, &json!({"code": "invalid_request", "message": why}))
    }

    /// The path of the description that an address is of, and what stands there.
    fn item(&self, address: &str) -> Option<(&str, &Json)> {
        let paths = self.document["paths"].as_object().unwrap();
        let segments: Vec<_> = address.split('/').filter(|it| !it.is_empty()).collect();
        let fits = |path: &str| {
            let wanted: Vec<_> = path.split('/').filter(|it| !it.is_empty()).collect();
            // the base URL may have a path of its own
            segments.len() >= wanted.len()
                && wanted
                    .iter()
                    .rev()
                    .zip(segments.iter().rev())
                    .all(|(one, other)| one.starts_with('{') || one == other)
        };
        let mut found: Vec<_> = paths.iter().filter(|(path, _)| fits(path)).collect();
        found.sort_by_key(|(path, _)| std::cmp::Reverse(path.split('/').count()));
        found.first().map(|(path, item)| (path.as_str(), *item))
    }

    fn follow<'a>(&'a self, node: &'a Json) -> &'a Json {
        match node["$ref"].as_str() {
            Some(reference) => self.follow(self.document.pointer(&reference[1..]).unwrap()),
            None => node,
        }
    }

    /// Why it isn't signed as it should be.
    fn unsigned(&self, headers: &axum::http::HeaderMap) -> Option<String> {
        let name = self.document["security"][0].as_object()?.keys().next()?;
        let scheme = &self.document["components"]["securitySchemes"][name];
        let (header_name, begins) = match (scheme["type"].as_str()?, scheme["scheme"].as_str()) {
            ("apiKey", _) => (scheme["name"].as_str()?.to_lowercase(), "unmistakable"),
            (_, Some("bearer")) => ("authorization".to_owned(), "Bearer unmistakable"),
            _ => ("authorization".to_owned(), "Basic YW5hOnVubWlzdGFrYWJsZQ=="),
        };
        let given = header(headers, &header_name);
        (given != begins).then(|| format!("{header_name} is {given:?}"))
    }

    /// What it answers when all goes well: of pages, two.
    fn success(&self, operation: &Json, query: &[(String, String)]) -> Response<Body> {
        let responses = operation["responses"].as_object().unwrap();
        let (status, response) = responses.iter().find(|(status, _)| status.starts_with('2')).unwrap();
        let content = self.follow(response)["content"].as_object().and_then(|it| it.values().next());
        let status = status.parse().unwrap();
        let Some(media) = content else {
            return Response::builder().status(status).body(Body::empty()).unwrap();
        };
        let mut body = self.sample(&media["schema"], 0);
        let is_past_first = query.iter().any(|(name, value)| (name == "page" && value != "1") || name == "after");
        if let Some(paging) = body.get_mut("paging") {
            paging["next_cursor"] = if is_past_first { Json::Null } else { json!("2") };
        }
        if is_past_first && let Some(pets) = body.get_mut("pets") {
            *pets = json!([]);
        }
        fakes::json(status, &body)
    }

    /// A value of a schema.
    fn sample(&self, schema: &Json, depth: usize) -> Json {
        let schema = self.follow(schema);
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|it| self.sample(it, depth));
            return parts.filter_map(|it| it.as_object().cloned()).flatten().collect::<Map<_, _>>().into();
        }
        let first = [&schema["oneOf"], &schema["anyOf"]].into_iter().find_map(|it| it.as_array()?.first());
        if let Some(first) = first {
            return self.sample(first, depth + 1);
        }
        if let Some(given) = schema.get("example").or_else(|| schema["enum"].get(0)) {
            return given.clone();
        }
        match schema["type"].as_str() {
            Some("array") if depth < 6 => json!([self.sample(&schema["items"], depth + 1)]),
            Some("array") => json!([]),
            Some("integer" | "number") => json!(7),
            Some("boolean") => json!(false),
            Some("object") => {
                let properties = schema["properties"].as_object().into_iter().flatten();
                properties.map(|(name, it)| (name.clone(), self.sample(it, depth + 1))).collect::<Map<_, _>>().into()
            }
            _ => json!("text"),
        }
    }
}
