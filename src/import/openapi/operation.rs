//! One operation as an action.

use serde_json::{Value as Json, json};

use super::{
    answers::{self, Success},
    bodies,
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
        emit::Map,
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
    let parameters = parameters::all(schemas.document, &operation.item, &operation.at)?;
    let success = answers::success(&operation.at, schemas)?;
    let effect = effect::of(&operation.method, operation.path);
    let paging = if effect == Effect::Read && success.kind == Some(bodies::Kind::Json) {
        pages::found(&parameters, &success, schemas)
    } else {
        None
    };
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
    let dropped = paging.as_ref().map(|it| it.parameters.clone()).unwrap_or_default();
    let mut has_key = parameters::put(&mut call, &parameters, &dropped, schemas, &mut inputs)?;
    undeclared(&mut call, &mut inputs);
    if let Some((name, size)) = paging.as_ref().and_then(|it| it.size.clone()) {
        call.query.push((name, size.into(), Some(size.into())));
    }
    let mut todos = Vec::new();
    if let Some(body) = operation.at.get("requestBody") {
        let brought = bodies::put(&mut call, &body, schemas, &mut inputs)?;
        has_key |= brought.has_key;
        todos.extend(brought.todos);
        if !has_key && !is_safe_twice(&call) && effect != Effect::Read && !brought.references.is_empty() {
            let names = brought.references.iter().map(|it| format!("`idempotent: {{by: \"{{{{ input.{it} }}}}\"}}`"));
            todos.push(format!(
                "if the API knows a repetition by what numbers it, say {}",
                names.collect::<Vec<_>>().join(" or ")
            ));
        }
    }
    let mut plan = Map::default().set("request", call.yaml());
    if effect != Effect::Read {
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
    let work = work::begun(&success, all, schemas)?;
    if success.status == 202 && work.is_none() {
        todos.push(
            "the answer is 202, so the work goes on after it: where there is an address to ask, add a step with `wait`"
                .to_owned(),
        );
    }
    let (out, mut exchanges, mut output) = ended(paging.as_ref(), &success, &call, around.scheme);
    if let Some(paging) = &paging {
        plan = plan.set("pages", paging.yaml());
    }
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
    let failing_call = Call { path: call.path.clone(), ..call.clone() };
    let name = operation.name();
    let body = paging.as_ref().map_or_else(|| success.body.clone(), |it| it.last(&success.body));
    let sandbox = sandbox(operation, &call, success.canned(&body));
    Ok(Action {
        title: title(operation, &name),
        describe: describe(operation, &mut todos),
        effect,
        scopes: around.scopes,
        cases: vec![
            Case {
                name: format!("{}: does it", title(operation, &name)),
                input: inputs.values.clone(),
                exchanges,
                end: End::Output(output),
            },
            Case {
                name: format!("{}: {}", title(operation, &name), failing.name),
                input: inputs.required(),
                exchanges: vec![(failing_call.line(), failing.answer)],
                end: End::Error(failing.code),
            },
        ],
        input: inputs.fields,
        todos,
        plan,
        sandbox,
        name,
    })
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
    let mut path = path.replace("//", "/").replace(' ', "%20");
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

/// A sentence of so many characters can say what an action does.
const ENOUGH: usize = 24;

/// What the model reads: what the description says, else a sentence that somebody should better write.
fn describe(operation: &Operation<'_>, todos: &mut Vec<String>) -> String {
    let (summary, description) = (operation.at.text("summary"), operation.at.text("description"));
    let sentences: Vec<_> = [summary, description.filter(|it| Some(*it) != summary)]
        .into_iter()
        .flatten()
        .map(|it| name::capital(name::plain(it, 300).trim_end_matches('.')))
        .filter(|it| !it.is_empty())
        .map(|it| if it.ends_with(['!', '?', '…']) { it } else { format!("{it}.") })
        .collect();
    let text = sentences.join(" ");
    if text.chars().count() >= ENOUGH {
        return text;
    }
    todos.push("say in `describe` what it does and when to call it: a model decides by that".to_owned());
    let method = match operation.method.as_str() {
        "GET" => "Looks at",
        "DELETE" => "Takes away",
        "POST" => "Sends",
        _ => "Changes",
    };
    let made = format!("{method} what the API has at {}.", operation.path.replace(['{', '}'], ""));
    [text, made].iter().filter(|it| !it.is_empty()).cloned().collect::<Vec<_>>().join(" ")
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
