//! A connector from a few answers.

use super::{
    Draft, Refusal, check,
    draft::{Action, Case, End},
    emit::{Map, Yaml},
    name,
    scheme::Auth,
};
use crate::base::Effect;
use serde_json::{Map as JsonMap, Value as Json, json};

/// What somebody answered.
#[derive(Debug, Clone)]
pub struct Answers {
    /// `lower-case-with-dashes`
    pub id: String,
    /// For people.
    pub title: String,
    /// One or two sentences.
    pub summary: String,
    /// Where paths begin.
    pub base_url: String,
    /// One of the schemes, and what it needs.
    pub sign_in: SignIn,
    /// The first action.
    pub action: FirstAction,
}

/// How requests are signed.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// One of the language's schemes.
    pub scheme: String,
    /// `api_key`: the header that carries it, unless there is a `key_query`.
    pub key_header: String,
    /// `api_key`: the query parameter that carries it.
    pub key_query: Option<String>,
    /// `oauth2`: where the browser goes.
    pub authorize_url: Option<String>,
    /// `oauth2`, `token_exchange`: where tokens are got.
    pub token_url: Option<String>,
}

/// What the agent can do first.
#[derive(Debug, Clone)]
pub struct FirstAction {
    /// `lower_case_with_underscores`
    pub name: String,
    /// For people; the name in words without.
    pub title: Option<String>,
    /// What the model reads.
    pub describe: String,
    /// `GET`, …
    pub method: String,
    /// `/pets/{pet_id}`: what stands in braces becomes an input.
    pub path: String,
    /// What it does to the world; told by the method without.
    pub effect: Option<Effect>,
    /// Further inputs, in the query of what only reads and in the body of others.
    pub inputs: Vec<Input>,
    /// The header by which the provider knows a repeated POST again. Without one, somebody has to say how it does.
    pub idempotency_header: Option<String>,
}

/// An input: `guests:integer`, or `note?` for one that may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    name: String,
    kind: String,
    required: bool,
}

impl std::str::FromStr for Input {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let (name, kind) = text.split_once(':').unwrap_or((text, "string"));
        let (name, optional) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let kinds = ["string", "integer", "number", "boolean"];
        if !kinds.contains(&kind) {
            return Err(Refusal::new(format!("an input is a {}, not a `{kind}`: `guests:integer`", kinds.join(", "))));
        }
        if name::snake(name, "") != name {
            return Err(Refusal::new(format!(
                "`{name}` is no name of an input: write it as `lower_case_with_underscores`"
            )));
        }
        Ok(Self { name: name.to_owned(), kind: kind.to_owned(), required: !optional })
    }
}

/// The connector.
///
/// # Errors
/// Says which answer can't be used, and what would do.
pub fn connector(answers: &Answers) -> Result<Draft, Refusal> {
    check::base_url(&answers.base_url)?;
    check::id(&answers.id)?;
    let auth = sign_in(&answers.sign_in)?;
    let base = answers.base_url.trim_end_matches('/');
    let action = first(&answers.action, base, &auth)?;
    Ok(Draft {
        id: answers.id.clone(),
        title: answers.title.clone(),
        summary: answers.summary.clone(),
        todos: Vec::new(),
        http: Map::default().block().set("base_url", base).set("timeout", "10s"),
        auth,
        actions: vec![action],
    })
}

fn sign_in(given: &SignIn) -> Result<Auth, Refusal> {
    check::scheme(&given.scheme)?;
    let url = |url: &Option<String>, flag: &str| {
        let url = url.clone().ok_or_else(|| Refusal::new(format!("`{}` needs `--{flag}`", given.scheme)))?;
        check::url(&url).map(|()| url)
    };
    Ok(match given.scheme.as_str() {
        "none" => Auth::none(),
        "basic" => Auth::basic(),
        "bearer" => Auth::bearer("API token"),
        "api_key" => match &given.key_query {
            Some(parameter) => Auth::query_key(parameter, "api_key", "API key"),
            None => {
                check::header(&given.key_header)?;
                Auth::header_key(&given.key_header, "api_key", "API key")
            }
        },
        "oauth2" => Auth::oauth2(&url(&given.authorize_url, "authorize-url")?, &url(&given.token_url, "token-url")?),
        "token_exchange" => Auth::exchange(&url(&given.token_url, "token-url")?, "client_credentials", &[]),
        "oauth1" => Auth::oauth1(),
        "sigv4" => Auth::sigv4(),
        other => return Err(Refusal::new(format!("no connector with the scheme `{other}` is made here"))),
    })
}

fn first(given: &FirstAction, base: &str, auth: &Auth) -> Result<Action, Refusal> {
    let FirstAction { name, method, .. } = given;
    check::action(name)?;
    check::method(method)?;
    check::path(&given.path)?;
    let reads = matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
    let effect = given.effect.unwrap_or(match method.as_str() {
        _ if reads => Effect::Read,
        "DELETE" => Effect::Delete,
        _ => Effect::Write,
    });
    let (path, in_path) = path(&given.path)?;
    let mut input: Vec<_> =
        in_path.iter().map(|it| (it.clone(), json!({"type": "string", "minLength": 1, "maxLength": 200}))).collect();
    let mut values: JsonMap<String, Json> = in_path.iter().map(|it| (it.clone(), Json::from("1"))).collect();
    let mut carried = Map::default();
    let mut sent = JsonMap::new();
    for it in &given.inputs {
        let mut schema = json!({"type": it.kind});
        if !it.required {
            schema["required"] = Json::Bool(false);
        }
        input.push((it.name.clone(), schema));
        let value = match it.kind.as_str() {
            "integer" | "number" => Json::from(1),
            "boolean" => Json::from(true),
            _ => Json::from("text"),
        };
        values.insert(it.name.clone(), value.clone());
        carried = carried.own(&it.name, format!("{{{{ input.{} }}}}", it.name));
        sent.insert(it.name.clone(), value);
    }
    let mut request = Map::default().set("method", method.as_str()).set("path", path.as_str());
    let mut plan = Map::default();
    let mut todos = Vec::new();
    if effect != Effect::Read {
        match (&given.idempotency_header, method.as_str()) {
            (_, "PUT" | "DELETE") => plan = plan.set("idempotent", true),
            (Some(header), _) => {
                request = request.set("headers", Map::default().set(header, "{{ execution.key }}"));
                plan = plan.set("idempotent", true);
            }
            (None, _) => todos.push(super::draft::NOT_IDEMPOTENT.to_owned()),
        }
    }
    let in_query = reads || method == "DELETE";
    if !carried.is_empty() {
        request = request.set(if in_query { "query" } else { "body" }, carried);
    }
    let expected = expected(given, base, &values, auth, in_query.then_some(&sent), (!in_query).then_some(&sent));
    let url = Map::default().set("method", method.as_str()).set("url", concrete(base, &given.path, &values));
    let answer = json!({"id": "1"});
    let (good, bad) = (json!({"body": answer}), json!({"status": 404, "body": {"message": "There is no such thing."}}));
    let case = |name: &str, request, answer: Json, end| Case {
        name: name.to_owned(),
        input: values.clone(),
        exchanges: vec![(request, object(answer))],
        end,
    };
    let path: Vec<_> = given.path.split('/').map(str::to_owned).collect();
    let whole = path.iter().all(|it| !it.contains('{') || (it.starts_with('{') && it.ends_with('}')));
    let sandbox = whole
        .then(|| (Map::default().set("method", method.as_str()).set("path", path.join("/")), object(good.clone())));
    Ok(Action {
        name: name.clone(),
        title: given.title.clone().unwrap_or_else(|| name::title(name)),
        describe: given.describe.clone(),
        effect,
        scopes: Vec::new(),
        input,
        todos,
        plan: Map::default().set("request", request).and(plan),
        cases: vec![
            case("does what it says", expected, good, End::Output(answer)),
            case("tells that there is no such thing", url, bad, End::Error("not_found")),
        ],
        sandbox: sandbox.into_iter().collect(),
    })
}

/// The path with placeholders, and the names in them.
pub(super) fn path(given: &str) -> Result<(String, Vec<String>), Refusal> {
    let (mut path, mut names) = (String::new(), Vec::new());
    let mut rest = given;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}').filter(|(it, _)| name::snake(it, "") == *it) else {
            return Err(Refusal::new(format!("`{given}` is no path with names in braces: `/pets/{{pet_id}}`")));
        };
        path.push_str(&format!("{before}{{{{ input.{name} }}}}"));
        names.push(name.to_owned());
        rest = after;
    }
    path.push_str(rest);
    Ok((path, names))
}

fn expected(
    given: &FirstAction,
    base: &str,
    values: &JsonMap<String, Json>,
    auth: &Auth,
    query: Option<&JsonMap<String, Json>>,
    body: Option<&JsonMap<String, Json>>,
) -> Map {
    let scheme = auth.default_scheme();
    let mut map = Map::default().set("method", given.method.as_str()).set("url", concrete(base, &given.path, values));
    let signed = scheme.map(|it| it.query.as_slice()).unwrap_or_default();
    let texts = query.into_iter().flatten().map(|(name, value)| (name.clone(), text(value)));
    let query: Vec<_> = texts.chain(signed.iter().cloned()).collect();
    if !query.is_empty() {
        map = map.set("query", super::draft::texts(&query));
    }
    map = map.maybe("headers", scheme.and_then(super::scheme::Scheme::expected));
    map.maybe("body", body.filter(|it| !it.is_empty()).map(|it| Yaml::from(it.clone())))
}

fn concrete(base: &str, path: &str, values: &JsonMap<String, Json>) -> String {
    let path =
        values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), &text(value)));
    format!("{base}{path}")
}

fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn object(value: Json) -> Map {
    match value {
        Json::Object(entries) => entries.into(),
        other => Map::default().set("body", other),
    }
}
