//! One operation as an action.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use super::{
    answers::{self, Success},
    bodies, describe,
    document::At,
    errors,
    inputs::Inputs,
    pages,
    parameters::{self, Parameter},
    schema::Schemas,
    work,
};
use crate::{
    base::Effect,
    import::{
        Refusal,
        call::Call,
        draft::{Action, Case, End, NOT_IDEMPOTENT},
        effect,
        emit::{self, Map},
        name,
        output::Out,
        scheme::Scheme,
    },
};

/// An operation of the description.
#[derive(Debug, Clone)]
pub(super) struct Operation<'d> {
    pub(super) method: String,
    pub(super) path: &'d str,
    /// The path item that it stands in.
    pub(super) item: At<'d>,
    pub(super) at: At<'d>,
}

impl Operation<'_> {
    /// The name of its action.
    pub(super) fn name(&self) -> String {
        let by_path = || format!("{} {}", self.method, self.path.replace(['{', '}'], " "));
        let name = self.at.text("operationId").map(str::to_owned).unwrap_or_else(by_path);
        name::snake(&name, "action")
    }
}

/// What is known of all operations.
pub(super) struct Around<'a> {
    pub(super) base: String,
    pub(super) server: Option<String>,
    /// The scheme that signs it, and its name where it is not the default.
    pub(super) scheme: Option<&'a Scheme>,
    pub(super) auth: Option<String>,
    pub(super) scopes: Vec<String>,
}

/// The action of an operation.
pub(super) fn action<'d>(
    operation: &Operation<'d>,
    all: &[Operation<'d>],
    around: Around<'_>,
    schemas: &Schemas<'d>,
    places: &mut errors::Places,
) -> Result<Action, Refusal> {
    let success = answers::success(&operation.at, schemas)?;
    let effect = effect::of(&operation.method, operation.path);
    let (scheme, scopes) = (around.scheme, around.scopes.clone());
    let mut todos = Vec::new();
    let parameters = parameters::all(schemas.document, &operation.item, &operation.at)?;
    let paging = paging(operation, &parameters, &success, schemas, effect, &mut todos)?;
    let Asking { call, inputs, plan, mut todos } =
        asking(operation, around, &parameters, paging.as_ref(), &success, schemas, todos)?;
    let work = work::begun(&success, all, schemas)?;
    if success.status == 202 && work.is_none() {
        todos.push(
            "the answer is 202, so the work goes on after it: where there is an address to ask, add a step with `wait`"
                .to_owned(),
        );
    }
    let (out, mut exchanges, mut output) = ended(paging.as_ref(), &success, &call, scheme);
    let plan = plan.maybe("pages", paging.as_ref().map(pages::Paging::yaml));
    let plan = match &work {
        Some(work) => {
            let (end, finished) = work.end(&call.base);
            exchanges.push(end);
            output = finished;
            work.plan(plan)
        }
        None => plan.maybe("output", out.as_ref().map(Out::yaml)),
    };
    let failing = errors::read(&operation.at, schemas, places)?;
    let name = operation.name();
    let title = title(operation, &name);
    let body = paging.as_ref().map_or_else(|| success.body.clone(), |it| it.last(&success.body));
    let cases = vec![
        Case { name: format!("{title}: does it"), input: inputs.values.clone(), exchanges, end: End::Output(output) },
        Case {
            name: format!("{title}: {}", failing.name),
            input: inputs.required(),
            exchanges: vec![(call.line(), failing.answer)],
            end: End::Error(failing.code),
        },
    ];
    Ok(Action {
        title,
        describe: describe::text(operation, &mut todos),
        effect,
        scopes,
        cases,
        input: inputs.fields,
        todos,
        plan,
        sandbox: sandbox(operation, &call, success.canned(&body)),
        name,
    })
}

/// How the list that it answers goes on, if it only looks.
fn paging<'d>(
    operation: &Operation<'d>,
    parameters: &[Parameter<'d>],
    success: &Success<'d>,
    schemas: &Schemas<'d>,
    effect: Effect,
    todos: &mut Vec<String>,
) -> Result<Option<pages::Paging>, Refusal> {
    if success.kind != Some(bodies::Kind::Json) {
        return Ok(None);
    }
    let members = operation.at.get("requestBody").map(|it| bodies::members(&it, schemas)).transpose()?;
    let in_body = pages::found_in_body(&members.unwrap_or_default(), success, schemas);
    if effect != Effect::Read {
        todos.extend(in_body.map(|it| {
            let pages = emit::entries(&Map::default().set("pages", it.yaml()), 0);
            format!("if this only looks, give it `effect: read` and, beside the request, `{}`", pages.trim_end())
        }));
        return Ok(None);
    }
    Ok(pages::found(parameters, success, schemas).filter(|it| in_body.is_none() || it.has_token()).or(in_body))
}

/// The request, what it needs, and what is left to do about it.
struct Asking {
    call: Call,
    inputs: Inputs,
    /// `request`, and `idempotent`.
    plan: Map,
    todos: Vec<String>,
}

fn asking<'d>(
    operation: &Operation<'d>,
    around: Around<'_>,
    parameters: &[Parameter<'d>],
    paging: Option<&pages::Paging>,
    success: &Success<'_>,
    schemas: &Schemas<'d>,
    mut todos: Vec<String>,
) -> Result<Asking, Refusal> {
    let mut inputs = Inputs::default();
    let path = with_declared(operation.path);
    let mut call = Call {
        method: operation.method.clone(),
        base: around.base,
        server: around.server,
        auth: around.auth,
        path: (path.clone(), path),
        answer: success.answer(),
        ..Call::default()
    };
    if let Some(accept) = &success.accept {
        call.headers.push(("Accept".to_owned(), accept.clone(), Some(accept.clone())));
    }
    let names = paging.map_or(&[][..], |it| it.names.as_slice());
    let (in_query, in_body) =
        if paging.is_some_and(pages::Paging::is_in_body) { (&[][..], names) } else { (names, &[][..]) };
    let mut has_key = parameters::put(&mut call, parameters, in_query, schemas, &mut inputs)?;
    undeclared(&mut call, &mut inputs);
    let only_looks = effect::of(&operation.method, operation.path) == Effect::Read;
    if let Some(body) = operation.at.get("requestBody") {
        let brought = bodies::put(&mut call, &body, in_body, schemas, &mut inputs)?;
        has_key |= brought.has_key;
        todos.extend(brought.todos);
        if !has_key && !is_safe_twice(&call) && !only_looks && !brought.references.is_empty() {
            let names = brought.references.iter().map(|it| format!("`idempotent: {{by: \"{{{{ input.{it} }}}}\"}}`"));
            todos.push(format!(
                "if the API knows a repetition by what numbers it, say {}",
                names.collect::<Vec<_>>().join(" or ")
            ));
        }
    }
    if let Some(paging) = paging {
        call = paging.sized(call);
    }
    let mut plan = Map::default().set("request", call.yaml());
    if !only_looks {
        match has_key || is_safe_twice(&call) {
            true => plan = plan.set("idempotent", true),
            false => todos.insert(0, NOT_IDEMPOTENT.to_owned()),
        }
    }
    if !inputs.left_out.is_empty() {
        todos.push(format!(
            "these may be given too, and were left out since there are so many: {}",
            inputs.left_out.join(", ")
        ));
    }
    Ok(Asking { call, inputs, plan, todos })
}

/// Whether doing it twice is doing it once (RFC 9110 §9.2.2; a merge patch says what is to be, RFC 7396).
fn is_safe_twice(call: &Call) -> bool {
    let merges = call.content_type.as_deref() == Some("application/merge-patch+json");
    matches!(call.method.as_str(), "PUT" | "DELETE") || (call.method == "PATCH" && merges)
}

/// The output, the exchanges of the good case, and what comes out of them.
fn ended(
    paging: Option<&pages::Paging>,
    success: &Success<'_>,
    call: &Call,
    scheme: Option<&Scheme>,
) -> (Option<Out>, Vec<(Map, Map)>, Json) {
    if let Some(paging) = paging {
        let (exchanges, output) = paging.played(call, success, scheme);
        return (Some(paging.output()), exchanges, output);
    }
    let (out, output) = success.output();
    (out, vec![(call.expected(scheme, &[]), success.canned(&success.body))], output)
}

/// A path as it can be written: a query that some put there is dropped, and so is a slash too many.
fn with_declared(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let allowed = |it: char| it.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%{}".contains(it);
    let encoded = |it: char| utf8_percent_encode(it.encode_utf8(&mut [0; 4]), NON_ALPHANUMERIC).to_string();
    let path: String = path.chars().map(|it| if allowed(it) { it.to_string() } else { encoded(it) }).collect();
    let mut path = path.replace("//", "/");
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    path
}

/// Names in the path that no parameter declares are texts.
fn undeclared(call: &mut Call, inputs: &mut Inputs) {
    while let Some((before, after)) = call.path.1.split_once('{') {
        let Some((name, rest)) = after.split_once('}') else { break };
        let (before, name, rest) = (before.to_owned(), name.to_owned(), rest.to_owned());
        let slot = inputs.slot(&name, "path", json!({"type": "string", "minLength": 1}), true);
        let Some(slot) = slot else { break };
        let sent = crate::import::call::segment(&slot.sent.unwrap_or_else(|| json!("1")));
        call.path.0 = call.path.0.replace(&format!("{{{name}}}"), &crate::import::call::plain(&slot.written));
        call.path.1 = format!("{before}{sent}{rest}");
    }
}

fn title(operation: &Operation<'_>, name: &str) -> String {
    let summary =
        operation.at.text("summary").map(|it| name::plain(it, 60)).map(|it| it.trim_end_matches('.').to_owned());
    summary.filter(|it| !it.is_empty()).map_or_else(|| name::title(name), |it| name::capital(&it))
}

/// The answer for sandbox connections, where the path can be told from others.
fn sandbox(operation: &Operation<'_>, call: &Call, answer: Map) -> Vec<(Map, Map)> {
    let mut names: Vec<String> = Vec::new();
    let mut segments = Vec::new();
    for segment in with_declared(operation.path).split('/') {
        let name = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        match name {
            Some(name) => {
                let name = name::free(&name::snake(name, "segment"), |it| names.iter().any(|name| name == it));
                segments.push(format!("{{{name}}}"));
                names.push(name);
            }
            None if segment.contains(['{', '}']) => return Vec::new(),
            None => segments.push(segment.to_owned()),
        }
    }
    let has_bytes = crate::import::emit::entries(&answer, 0).contains("base64:");
    if has_bytes {
        return Vec::new();
    }
    let request = Map::default().set("method", call.method.as_str()).set("path", segments.join("/"));
    vec![(request.maybe("server", call.server.as_deref()), answer)]
}

/// The cookies that operations want.
pub(super) fn cookies(parameters: &[Parameter<'_>]) -> impl Iterator<Item = String> {
    parameters.iter().filter(|it| it.place == "cookie").map(|it| it.name.to_owned())
}
