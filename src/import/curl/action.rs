//! The action that a command is, and its cases.

use serde_json::{Value as Json, json};
use url::Url;

use super::{
    Wish,
    bodies::Bodies,
    command::Command,
    header,
    secrets::Fate,
    sign_in::{self, Kept},
    values::{self, Inputs},
};
use crate::{
    base::Effect,
    import::{
        Refusal,
        call::{self, Call},
        draft::{Action, Case, End, NOT_IDEMPOTENT},
        effect,
        emit::{Map, Yaml},
        name,
        scheme::Auth,
    },
};

/// A command, and where it goes.
pub(super) struct Asked<'a> {
    pub(super) command: &'a Command,
    pub(super) url: &'a Url,
    pub(super) base: &'a str,
    /// Whether the cases show how requests are signed.
    pub(super) is_signed: bool,
}

/// What became of a command.
pub(super) struct Made {
    pub(super) auth: Auth,
    pub(super) action: Action,
    /// Prefix → namespace, by which answers in XML are read.
    pub(super) namespaces: Vec<(String, String)>,
    /// What is left to do on the whole.
    pub(super) todos: Vec<String>,
}

impl Asked<'_> {
    /// The action, by a name that is not `taken`.
    pub(super) fn action(&self, wish: &Wish, taken: &dyn Fn(&str) -> bool) -> Result<Made, Refusal> {
        let Self { command, url, base, .. } = *self;
        let mut inputs = Inputs::default();
        let (mut todos, mut has_key) = (Vec::new(), false);
        let path = super::rest_of(url, base).unwrap_or_else(|| url.path().to_owned());
        let (written, sent, plain) = values::path(&path, &mut inputs, &mut todos);
        let (auth, kept) = sign_in::take(command);
        let mut call =
            Call { method: command.method.clone(), base: base.to_owned(), path: (written, sent), ..Call::default() };
        kept.put(&mut call, &mut inputs, &mut has_key);
        let mut bodies = Bodies { call, inputs: &mut inputs, has_key: &mut has_key, todos: &mut todos };
        let xml = bodies.put(command)?;
        let call = bodies.call;
        let soap = xml.as_ref().and_then(|it| it.soap.as_ref()).map(|it| it.1.as_str());
        let effect = soap.map_or_else(|| effect::of(&command.method, &plain), effect::of_operation);
        let mut plan = Map::default().set("request", call.yaml());
        if effect != Effect::Read {
            match has_key || matches!(command.method.as_str(), "PUT" | "DELETE") {
                true => plan = plan.set("idempotent", true),
                false => todos.insert(0, NOT_IDEMPOTENT.to_owned()),
            }
        }
        let name = match &wish.action {
            Some(name) if name::snake(name, "") != *name => {
                return Err(Refusal::new(format!(
                    "`{name}` is no name of an action: write it as `lower_case_with_underscores`"
                )));
            }
            Some(name) => name.clone(),
            None => soap.map_or_else(|| values::named(&command.method, &plain), |it| name::snake(it, "call")),
        };
        let name = name::free(&name, taken);
        todos.push("say in `describe` when to call it: a model decides by that".to_owned());
        let (answer, taken_from, output) = match &xml {
            Some(xml) => xml.answer(if soap.is_some() { "text/xml" } else { "application/xml" }),
            None => (Map::default().set("body", json!({"id": "1"})), None, json!({"id": "1"})),
        };
        let title = name::title(&name);
        let scheme = auth.default_scheme().filter(|_| self.is_signed);
        let cases = cases(&title, &inputs, (call.expected(scheme, &[]), call.line()), answer.clone(), output);
        let action = Action {
            describe: format!("{title} at {}{plain}.", url.host_str().unwrap_or_default()),
            title,
            effect,
            scopes: Vec::new(),
            input: inputs.fields,
            todos,
            plan: plan.maybe("output", taken_from),
            cases,
            sandbox: sandbox(&command.method, &plain, answer),
            name,
        };
        let todos = soap.map(|_| FAULTS.to_owned()).into_iter().collect();
        Ok(Made { auth, action, namespaces: xml.map(|it| it.namespaces).unwrap_or_default(), todos })
    }
}

/// What is said of SOAP.
const FAULTS: &str =
    "the API says what is wrong by SOAP faults: say in `http` where they tell it, by `reason`, `message` and `errors`";

/// It goes well, and there is no such thing.
fn cases(title: &str, inputs: &Inputs, (sent, line): (Map, Map), answer: Map, output: Json) -> Vec<Case> {
    let failing = Map::default().set("status", 404).set("body", json!({"message": "There is no such thing."}));
    let case = |what: &str, request, answer, end| Case {
        name: format!("{title}: {what}"),
        input: inputs.values.clone(),
        exchanges: vec![(request, answer)],
        end,
    };
    vec![
        case("does it", sent, answer, End::Output(output)),
        case("fails with 404", line, failing, End::Error("not_found")),
    ]
}

/// The answer for sandbox connections, where the path can be told from others.
fn sandbox(method: &str, path: &str, answer: Map) -> Vec<(Map, Map)> {
    let is_told = path.split('/').all(|it| !it.contains('{') || (it.starts_with('{') && it.ends_with('}')));
    let request = Map::default().set("method", method).set("path", path);
    is_told.then_some((request, answer)).into_iter().collect()
}

impl Kept {
    /// Puts what is no sign-in into the request.
    fn put(self, call: &mut Call, inputs: &mut Inputs, has_key: &mut bool) {
        for (name, value) in self.query {
            let (slot, sent) = inputs.add(&name, &values::read(&value), false);
            push_query(call, &name, slot, sent);
        }
        for (name, fate, value) in self.headers {
            if call.headers.iter().any(|(it, ..)| it.eq_ignore_ascii_case(&name)) {
                continue;
            }
            let (written, sent) = match fate {
                Fate::Idempotency => {
                    *has_key = true;
                    ("{{ execution.key }}".to_owned(), Some(call::KEY.to_owned()))
                }
                Fate::Number => ("{{ execution.id }}".to_owned(), None),
                Fate::Input => {
                    let (slot, sent) = inputs.add(&name, &json!("text"), true);
                    (slot, Some(call::plain(&sent)))
                }
                _ => (value.clone(), Some(value)),
            };
            call.headers.push((header(&name), written, sent));
        }
    }
}

fn push_query(call: &mut Call, name: &str, written: String, sent: Json) {
    match call.query.iter_mut().find(|it| it.0 == name) {
        // given twice: a list
        Some((_, Yaml::List(all), value)) => {
            all.push(written.into());
            if let Some(Json::Array(values)) = value {
                values.push(sent);
            }
        }
        Some((_, one, value)) => {
            *one = Yaml::List(vec![one.clone(), written.into()]);
            *value = value.take().map(|it| json!([it, sent]));
        }
        None => call.query.push((name.to_owned(), written.into(), Some(sent))),
    }
}
