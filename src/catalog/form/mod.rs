//! A builder's form for one request to a program of their own, and the connector that it becomes.

mod address;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use utoipa::ToSchema;

use super::mistake::Mistake;
use crate::{base::pointer::token, spec::FieldError};
use address::Address;

/// One request, as a builder describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ApiIntegrationForm)]
pub struct Form {
    /// For people.
    #[schema(example = "Stock")]
    pub title: String,
    /// What the model reads: what it does and when to call it.
    #[schema(example = "Tells how many of an item are left in the shop.")]
    pub describe: String,
    /// `read`, `write`, `delete` or `money`.
    #[serde(default = "read")]
    #[schema(example = "read")]
    pub effect: String,
    /// What the agent fills in: name → JSON Schema. Needed unless it has `required: false` or a `default`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub input: Map<String, Json>,
    /// What is sent.
    pub request: FormRequest,
    /// How it signs in.
    #[serde(default)]
    pub auth: FormAuth,
    /// What the agent gets of the answer, with paths such as `$.items[0].id`; the whole answer if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub output: Option<Json>,
    /// An example, for trying it without sending anything, and for sandbox connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<FormTest>,
}

/// A request. `{{ input.name }}` stands for what the agent filled in, escaped for the place where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormRequest {
    /// In capital letters.
    #[serde(default = "get")]
    #[schema(example = "GET")]
    pub method: String,
    /// https, with the host written out.
    #[schema(example = "https://api.shop.example/v1/stock/{{ input.item }}")]
    pub url: String,
    /// Name → text; credentials belong in `auth`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub headers: Map<String, Json>,
    /// Name → value, beside those in the URL.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub query: Map<String, Json>,
    /// Sent as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub body: Option<Json>,
    /// Sent as a web form, in place of `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub form: Option<Json>,
    /// Sent as it is, in place of `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether sending it twice has the effect of sending it once.
    #[serde(default)]
    pub idempotent: bool,
}

/// How requests are signed. What is secret is filled in when an account is connected, never here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum FormAuth {
    /// Not at all.
    #[default]
    None,
    /// A key in a header or in the query; connecting asks for `api_key`.
    ApiKey {
        /// The header's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        header: Option<String>,
        /// The query parameter's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<String>,
    },
    /// `Authorization: Bearer …`; connecting asks for `token`.
    Bearer {},
    /// `Authorization: Basic …`; connecting asks for `username` and `password`.
    Basic {},
}

/// An example.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormTest {
    /// What an agent might fill in.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub input: Map<String, Json>,
    /// What might be answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<FormAnswer>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormAnswer {
    /// The HTTP status.
    #[serde(default = "ok")]
    #[schema(example = 200)]
    pub status: u16,
    /// A JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub body: Option<Json>,
    /// A body of any other kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

fn read() -> String {
    "read".to_owned()
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

/// The files that a form becomes. JSON is YAML, and its quoted keys mean nothing but themselves, so whatever a builder
/// pasted stays what it is.
#[derive(Debug)]
pub struct Files {
    /// `connector.yaml`
    pub connector: String,
    /// `tests.yaml`
    pub tests: String,
}

/// The action of a connector that was made from the form of that name: `stock_check` of `stock-check`.
pub fn action(name: &str) -> String {
    name.replace('-', "_")
}

impl Form {
    /// The connector `id` for the form of that `name`, at a version.
    ///
    /// # Errors
    /// If the URL or the sign-in can't be taken apart. All else is for the checker to find.
    pub fn files(&self, id: &str, name: &str, version: &str) -> Result<Files, Vec<FieldError>> {
        let address = Address::read(&self.request.url, &self.request.query);
        let auth = self.auth.section();
        let (address, auth) = match (address, auth) {
            (Ok(address), Ok(auth)) => (address, auth),
            (address, auth) => return Err(address.err().into_iter().chain(auth.err()).collect()),
        };
        let connector = json!({
            "id": id,
            "version": version,
            "title": self.title,
            "summary": self.describe,
            "catalog": {"group": "other_integration", "phase": "ga"},
            "auth": auth,
            "http": {"base_url": address.origin},
            "actions": {action(name): self.action_section(&address)},
        });
        let mut tests = json!({"cases": []});
        if let Some(answer) = self.test.as_ref().and_then(|it| it.answer.as_ref()) {
            let request = json!({"method": self.request.method, "path": address.pattern()});
            tests["sandbox"] = json!([{"request": request, "answer": answer}]);
        }
        Ok(Files { connector: format!("{connector:#}"), tests: format!("{tests:#}") })
    }

    fn action_section(&self, address: &Address) -> Json {
        let FormRequest { method, headers, body, form, text, idempotent, .. } = &self.request;
        let mut request = json!({"method": method, "path": address.path, "query": address.query, "headers": headers});
        for (name, value) in [("body", body.clone()), ("form", form.clone()), ("text", text.clone().map(Json::from))] {
            if let Some(value) = value {
                request[name] = value;
            }
        }
        let mut action = json!({
            "title": self.title, "describe": self.describe, "effect": self.effect, "input": self.input,
            "request": request,
        });
        if *idempotent {
            action["idempotent"] = true.into();
        }
        if let Some(output) = &self.output {
            action["output"] = output.clone();
        }
        action
    }

    /// A mistake in the [`Files`], where it stands in the form; `None` if a form can do nothing about it.
    pub fn mistake(&self, name: &str, found: Mistake) -> Option<Mistake> {
        let in_tests = found.place.as_ref().is_some_and(|it| it.file == "tests.yaml");
        let in_action = found.pointer.strip_prefix(&format!("/actions/{}", action(name)));
        let pointer = match (in_action, in_tests) {
            // an example is asked for by the form itself
            _ if found.code == crate::diag::codes::MISSING_CASE => return None,
            (_, true) => found.pointer.strip_prefix("/sandbox/0").map_or("/test".to_owned(), |it| format!("/test{it}")),
            (Some("/request/path"), _) => "/request/url".to_owned(),
            (Some("/idempotent"), _) => "/request/idempotent".to_owned(),
            (Some(rest), _) => self.in_query(rest).unwrap_or_else(|| rest.to_owned()),
            _ if found.pointer.starts_with("/http") => "/request/url".to_owned(),
            _ if found.pointer.starts_with("/auth") => "/auth".to_owned(),
            _ if found.pointer == "/summary" => "/describe".to_owned(),
            _ if found.pointer == "/title" => found.pointer.clone(),
            _ => String::new(),
        };
        Some(Mistake { pointer, place: None, ..found })
    }

    /// A query parameter that stands in the URL.
    fn in_query(&self, pointer: &str) -> Option<String> {
        let name = pointer.strip_prefix("/request/query/")?.split('/').next()?;
        let is_own = self.request.query.keys().any(|it| token(it) == name);
        (!is_own).then(|| "/request/url".to_owned())
    }
}

impl FormAuth {
    fn section(&self) -> Result<Json, FieldError> {
        let field = |title: &str| json!({"type": "string", "title": title});
        Ok(match self {
            Self::None => json!({"scheme": "none"}),
            Self::Bearer {} => {
                json!({"fields": {"token": field("Token")}, "scheme": "bearer", "token": "{{ auth.token }}"})
            }
            Self::Basic {} => json!({
                "fields": {"username": {"type": "string", "title": "User name", "secret": false}, "password": field("Password")},
                "scheme": "basic", "username": "{{ auth.username }}", "password": "{{ auth.password }}",
            }),
            Self::ApiKey { header: None, query: None } => {
                return Err(FieldError::of(
                    "/auth",
                    "`header` or `query`, the name that the key is sent by",
                    "nothing",
                ));
            }
            Self::ApiKey { header, query } => {
                let sent = |name: &Option<String>| {
                    name.iter().map(|it| (it.clone(), "{{ auth.api_key }}".into())).collect::<Map<_, _>>()
                };
                json!({
                    "fields": {"api_key": field("API key")}, "scheme": "api_key", "headers": sent(header), "query": sent(query),
                })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{mistake::mistakes, own};

    fn form(change: impl FnOnce(&mut Json)) -> Form {
        let mut form = json!({
            "title": "Stock", "describe": "Tells how many of an item are left.",
            "input": {"item": {"type": "string"}, "when": {"type": "string", "required": false}},
            "request": {"url": "https://api.shop.example/v1/stock/{{ input.item }}?limit=1&day={{ input.when }}"},
            "auth": {"scheme": "api_key", "header": "X-Key"},
            "output": {"left": "$.left"},
        });
        change(&mut form);
        serde_json::from_value(form).unwrap()
    }

    /// What is wrong with it: code and pointer.
    fn found(form: &Form) -> Vec<(&'static str, String)> {
        let files = form.files("api-stock", "stock", "1.0.0").unwrap();
        let checked = own::check("api-stock", &files.connector, Some(&files.tests));
        let found = mistakes(&checked.sources, checked.diagnostics);
        found.into_iter().filter_map(|it| form.mistake("stock", it)).map(|it| (it.code, it.pointer)).collect()
    }

    #[test]
    fn a_form_becomes_a_connector_without_mistakes() {
        assert_eq!(found(&form(|_| {})), []);
        for auth in [
            json!({"scheme": "none"}),
            json!({"scheme": "bearer"}),
            json!({"scheme": "basic"}),
            json!({"scheme": "api_key", "query": "k"}),
        ] {
            assert_eq!(found(&form(|it| it["auth"] = auth)), []);
        }
        let with_body = form(|it| {
            it["effect"] = json!("write");
            it["request"] = json!({"method": "POST", "url": "https://api.shop.example", "idempotent": true,
                "body": {"when": "{{ input.when }}", "each": 1, "item": "{{ input.item }}"}});
        });
        assert_eq!(found(&with_body), []);
    }

    #[test]
    fn mistakes_are_told_where_they_stand_in_the_form() {
        for (pointer, value, expected) in [
            (
                "/request/url",
                json!("https://api.shop.example/v1//x/{{ input.item }}{{ input.when }}"),
                ("C502", "/request/url"),
            ),
            ("/request/url", json!("https://10.0.0.1/{{ input.item }}/{{ input.when }}"), ("C551", "/request/url")),
            (
                "/request/url",
                json!("https://api.shop.example/{{ input.item }}?a={{ input.whn }}&b={{ input.when }}"),
                ("C203", "/request/url"),
            ),
            ("/output/left", json!("{{ answer.bdy }}"), ("C203", "/output/left")),
            ("/request/headers", json!({"Authorization": "Bearer abc"}), ("C404", "/request/headers/Authorization")),
            ("/auth/header", json!("X Key"), ("C507", "/auth")),
            ("/effect", json!("reads"), ("C104", "/effect")),
            ("/describe", json!("Stock."), ("C805", "/describe")),
            ("/input/item/type", json!("text"), ("C104", "/input/item/type")),
            ("/test", json!({"answer": {"body": "{{ nothing }}"}}), ("C201", "/test/answer/body")),
        ] {
            let form = form(|it| match it.pointer_mut(pointer) {
                Some(part) => *part = value,
                None => match pointer.strip_prefix("/request/") {
                    Some(name) => it["request"][name] = value,
                    None => it[&pointer[1..]] = value,
                },
            });
            let found = found(&form);
            assert!(found.contains(&(expected.0, expected.1.to_owned())), "{pointer}: {found:?}");
        }
    }
}
