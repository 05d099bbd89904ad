//! Which names can be read at a place, and what is said of one that can't.

use std::collections::HashSet;

use super::{
    sign_in::{CLIENT, CONSENT, GIVEN},
    types::Types,
};
use crate::{
    diag::{Diagnostic, Diagnostics, Fix, Span, codes, did_you_mean},
    expr::{
        Expr, Name, ROOTS,
        types::{Type, no_member, of_schema},
    },
    spec::{FOUND, Fields, Step},
};

/// What `connection` holds.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// `id`, `label`, captured values, fields that are not secret.
    pub(super) names: Vec<String>,
    /// Fields that are.
    pub(super) secrets: Vec<String>,
    /// What is known of those that the builder fills in.
    pub(super) fields: Vec<(String, Type)>,
}

/// What `auth` holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) fields: &'a Fields,
    /// Not in URLs that a browser or a log may see.
    pub(super) secrets: bool,
    /// `auth.token`
    pub(super) token: bool,
    /// What else is there, in a token call or where a token is put on requests.
    pub(super) more: &'a [&'a str],
}

/// The names at a place. What is `None` or false is not there.
#[derive(Clone, Copy, Default)]
pub(super) struct View<'a> {
    pub(super) input: Option<&'a Fields>,
    pub(super) config: Option<&'a Fields>,
    pub(super) connection: Option<&'a Connection>,
    /// All steps of the plan, and how many of them have run.
    pub(super) steps: Option<(&'a [Step], usize)>,
    pub(super) item: bool,
    pub(super) answer: bool,
    pub(super) execution: bool,
    pub(super) auth: Option<Credentials<'a>>,
    pub(super) request: bool,
    /// An action with an object.
    pub(super) record: bool,
    /// How a value of an org's field is sent.
    pub(super) value: bool,
    /// `request` is what a provider sent to us.
    pub(super) delivery: bool,
    /// What `subscription` holds.
    pub(super) subscription: Option<&'a [&'a str]>,
    /// The output of the event that came.
    pub(super) event: bool,
    /// What is known of what the names mean.
    pub(super) types: Types<'a>,
}

/// What was read, to find what nobody reads.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) input: HashSet<String>,
    pub(super) config: HashSet<String>,
    pub(super) steps: HashSet<String>,
    pub(super) auth: HashSet<String>,
    pub(super) connection: HashSet<String>,
    pub(super) record: bool,
}

const ANSWER: &[&str] = &["status", "headers", "body", "url"];
const EXECUTION: &[&str] = &["id", "key", "org", "agent"];
const REQUEST: &[&str] = &["method", "path", "url", "body", "body_sha256"];
const DELIVERY: &[&str] = &["method", "path", "query", "headers", "body", "raw"];

/// The parts of those names of which the parts are always the same; of others none. `delivery` is what `request` is in
/// `events`; of `auth` there is what the `client` is known by, what a consent has `given`, and what a `consent` is asked with.
pub fn parts_of(root: &str) -> &'static [&'static str] {
    match root {
        "client" => CLIENT,
        "given" => GIVEN,
        "consent" => CONSENT,
        "answer" => ANSWER,
        "execution" => EXECUTION,
        "request" => REQUEST,
        "delivery" => DELIVERY,
        _ => &[],
    }
}

/// What is in `auth` at some places only, and where.
const OF_TOKEN_CALLS: &[(&str, &str)] = &[
    ("code", "only what exchanges the code of a consent sees it"),
    ("state", "only a consent, and what exchanges its code, see it"),
    ("redirect_uri", "only a consent, and what exchanges its code, see it"),
    ("code_verifier", "only what exchanges the code of a consent sees it"),
    ("code_challenge", "only the parameters of a consent see it"),
    ("scope", "only the parameters of a consent see it"),
    ("nonce", "it is another one each time, and a registration is the same whenever it is made"),
    ("refresh_token", "only `refresh`, `revoke`, and schemes that are made `from` another see it"),
    ("client_id", "only sign-in URLs and requests for a token see it; elsewhere it has to be a field"),
    ("client_secret", "only requests for a token see it; elsewhere it has to be a field"),
];

/// What other languages call it, and tests.
const OTHERWISE: &[(&str, &str)] = &[
    ("credentials", "auth"),
    ("response", "answer"),
    ("args", "input"),
    ("params", "input"),
    ("null", "none"),
    ("undefined", "none"),
    ("nil", "none"),
];

/// The same of a provider's addresses.
const WHERE_IT_IS_FOUND: &str = "only consents and requests for a token see it, with `issuer` or `resource`";

/// A name, where its parts stand, and what to call it in a sentence.
struct Read<'n> {
    path: &'n [String],
    spans: &'n [Span],
}

impl Read<'_> {
    fn root(&self) -> (&str, Span) {
        (&self.path[0], self.spans[0])
    }

    fn part(&self, at: usize) -> Option<(&str, Span)> {
        Some((self.path.get(at)?.as_str(), *self.spans.get(at)?))
    }
}

impl View<'_> {
    /// Checks every name that an expression reads, and tells whether one can't be.
    pub(super) fn check(&self, expr: &Expr, seen: &mut Seen, diagnostics: &mut Diagnostics) -> bool {
        let mut wrong = false;
        for Name { path, spans } in &expr.names {
            if path.is_empty() || spans.len() != path.len() {
                continue;
            }
            if let Some(diagnostic) = self.name(&Read { path, spans }, seen) {
                diagnostics.push(diagnostic);
                wrong = true;
            }
        }
        wrong
    }

    fn name(&self, read: &Read<'_>, seen: &mut Seen) -> Option<Diagnostic> {
        let (root, span) = read.root();
        match root {
            "now" => None,
            "input" => match self.input {
                Some(fields) => field(read, fields, &mut seen.input),
                None => Some(not_here(root, span)),
            },
            "config" => match self.config {
                Some(fields) => field(read, fields, &mut seen.config),
                None => Some(not_here(root, span)),
            },
            "connection" => match self.connection {
                Some(connection) => of_connection(read, connection, seen),
                None => Some(not_here(root, span)),
            },
            "steps" => match self.steps {
                Some((steps, ran)) => self.step(read, steps, ran, seen),
                None => Some(not_here(root, span)),
            },
            "index" if self.item => None,
            "item" if self.item => inside(read, 1, self.types.item),
            "answer" if self.answer => answer(read).or_else(|| match read.path.get(1).map(String::as_str) {
                Some("body") => inside(read, 2, self.types.answer),
                _ => None,
            }),
            "execution" if self.execution => one_of(read, EXECUTION),
            "record" if self.record => {
                seen.record = true;
                None
            }
            "value" if self.value => None,
            "request" if self.request => one_of(read, REQUEST),
            "request" if self.delivery => one_of(read, DELIVERY).or_else(|| lower_case(read)),
            "subscription" if let Some(names) = self.subscription => one_of(read, names),
            "event" if self.event => inside(read, 1, self.types.event),
            "auth" => match self.auth {
                Some(credentials) => credential(read, credentials, seen),
                None => Some(outside(read)),
            },
            _ if ROOTS.contains(&root) => Some(match self.input.and_then(|it| it.get(root)) {
                // somebody left out what every name begins with
                Some(_) => not_here(root, span).help(format!("did you mean `input.{root}`?")).fix(Fix::respell(
                    span,
                    root,
                    &format!("input.{root}"),
                )),
                None => self.not_here(root, span),
            }),
            _ => Some(self.unknown(root, span)),
        }
    }

    /// The same as [`not_here`], with what there is in its place.
    fn not_here(&self, root: &str, span: Span) -> Diagnostic {
        let diagnostic = not_here(root, span);
        match root {
            "answer" if self.event => diagnostic.help("here is the event: `event.<name>`"),
            "answer" if self.delivery => diagnostic.help("here is what was delivered: `request.body`, or `item`"),
            _ => diagnostic,
        }
    }

    /// A root that does not exist: most often something that forgot where it belongs.
    fn unknown(&self, root: &str, span: Span) -> Diagnostic {
        let diagnostic = Diagnostic::error(codes::UNKNOWN_NAME, span, format!("there is no `{root}`"));
        let belongs = [("input", self.input), ("config", self.config)]
            .into_iter()
            .find(|(_, fields)| fields.is_some_and(|it| it.get(root).is_some()))
            .map(|(place, _)| place)
            .or_else(|| self.connection.filter(|it| it.names.iter().any(|it| it == root)).map(|_| "connection"))
            .or_else(|| self.steps.filter(|(steps, _)| steps.iter().any(|it| it.id == root)).map(|_| "steps"));
        let in_auth = || {
            let fields = self.auth.filter(|it| it.fields.get(root).is_some());
            fields.map(|_| "auth")
        };
        if let Some(place) = belongs.or_else(in_auth) {
            let whole = format!("{place}.{root}");
            return diagnostic.help(format!("write `{whole}`")).fix(Fix::respell(span, root, &whole));
        }
        let here = self.roots();
        if let Some((_, name)) = OTHERWISE.iter().find(|(word, _)| *word == root) {
            return match here.contains(name) || *name == "none" {
                true => diagnostic.help(format!("it is called `{name}`")).fix(Fix::respell(span, root, name).guess()),
                false => diagnostic.help(format!("here are {}", quoted(&here))),
            };
        }
        diagnostic
            .did_you_mean(root, here.iter().copied())
            .or_help(|| format!("here are {}; text needs quotes: `'{root}'`", quoted(&here)))
    }

    fn roots(&self) -> Vec<&'static str> {
        let there = |root: &str| match root {
            "input" => self.input.is_some(),
            "config" => self.config.is_some(),
            "connection" => self.connection.is_some(),
            "steps" => self.steps.is_some(),
            "item" | "index" => self.item,
            "answer" => self.answer,
            "execution" => self.execution,
            "auth" => self.auth.is_some(),
            "record" => self.record,
            "value" => self.value,
            "request" => self.request || self.delivery,
            "subscription" => self.subscription.is_some(),
            "event" => self.event,
            _ => true,
        };
        ROOTS.iter().copied().filter(|it| there(it)).collect()
    }

    fn step(&self, read: &Read<'_>, steps: &[Step], ran: usize, seen: &mut Seen) -> Option<Diagnostic> {
        let Some((id, span)) = read.part(1) else {
            let message = "`steps` itself is not a value";
            let diagnostic = Diagnostic::error(codes::UNKNOWN_STEP, read.root().1, message);
            return Some(diagnostic.help("name a step: `steps.<id>`"));
        };
        seen.steps.insert(id.to_owned());
        let at = steps.iter().position(|it| it.id == id);
        let Some(at) = at.filter(|at| *at < ran) else {
            let message = match at {
                Some(at) if at == ran => format!("the step `{id}` has no output before it has run"),
                Some(_) => format!("the step `{id}` comes later"),
                None => format!("there is no step `{id}`"),
            };
            let diagnostic = Diagnostic::error(codes::UNKNOWN_STEP, span, message);
            let earlier: Vec<_> = steps[..ran].iter().map(|it| it.id.as_str()).collect();
            return Some(diagnostic.did_you_mean(id, earlier.iter().copied()).or_help(|| match earlier.is_empty() {
                true => "no step has run before this place".to_owned(),
                false => format!("before this place ran {}", quoted(&earlier)),
            }));
        };
        inside(read, 2, self.types.steps.get(at))
    }
}

/// Whether what is read from part `first` on can be in what is known.
fn inside(read: &Read<'_>, first: usize, known: Option<&Type>) -> Option<Diagnostic> {
    let mut known = known?.clone();
    for at in first..read.path.len() {
        let (part, span) = read.part(at)?;
        match known.member(part) {
            Ok(inner) => known = inner,
            // Of samples is told where it is known whether something is provided for.
            Err(_) if known.sampled => return None,
            Err(absent) => return Some(no_member(&read.path[..at].join("."), part, &absent, false, span)),
        }
    }
    None
}

fn field(read: &Read<'_>, fields: &Fields, seen: &mut HashSet<String>) -> Option<Diagnostic> {
    let Some((part, span)) = read.part(1) else {
        seen.extend(fields.iter().map(|(name, _)| name.to_owned()));
        return None;
    };
    seen.insert(part.to_owned());
    let Some(mut schema) = fields.get(part) else {
        let message = format!("there is no `{part}` in `{}`", read.root().0);
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        return Some(with_near(Diagnostic::error(codes::UNKNOWN_FIELD, span, message), part, &names, "there are"));
    };
    for at in 2..read.path.len() {
        let (part, span) = read.part(at)?;
        let Some(properties) = schema["properties"].as_object() else {
            let whole = read.path[..at].join(".");
            return of_schema(schema).member(part).err().map(|it| no_member(&whole, part, &it, false, span));
        };
        match properties.get(part) {
            Some(inner) => schema = inner,
            None if schema["additionalProperties"] != false => return None,
            None => {
                let message = format!("`{}` has no `{part}`", read.path[..at].join("."));
                let names: Vec<_> = properties.keys().map(String::as_str).collect();
                return Some(with_near(Diagnostic::error(codes::UNKNOWN_FIELD, span, message), part, &names, "it has"));
            }
        }
    }
    None
}

fn of_connection(read: &Read<'_>, connection: &Connection, seen: &mut Seen) -> Option<Diagnostic> {
    let (part, span) = read.part(1)?;
    seen.connection.insert(part.to_owned());
    if connection.names.iter().any(|it| it == part) {
        return None;
    }
    if connection.secrets.iter().any(|it| it == part) {
        let message = format!("`{part}` is a credential: outside `auth` nobody knows it");
        let diagnostic = Diagnostic::error(codes::CREDENTIAL_OUTSIDE_AUTH, span, message);
        return Some(
            diagnostic.help("use it as `auth.…` in a scheme; if it is not secret, declare it with `secret: false`"),
        );
    }
    let message = format!("there is no `{part}` in `connection`");
    let names: Vec<_> = connection.names.iter().map(String::as_str).collect();
    Some(with_near(Diagnostic::error(codes::UNKNOWN_FIELD, span, message), part, &names, "there are"))
}

fn answer(read: &Read<'_>) -> Option<Diagnostic> {
    one_of(read, ANSWER).or_else(|| lower_case(read))
}

/// Names of headers that were received.
fn lower_case(read: &Read<'_>) -> Option<Diagnostic> {
    let (part, span) = read.part(2)?;
    if read.path[1] != "headers" || !part.bytes().any(|it| it.is_ascii_uppercase()) {
        return None;
    }
    let message = "names of headers are in lower case here";
    let lower = part.to_ascii_lowercase();
    let diagnostic = Diagnostic::error(codes::UNKNOWN_FIELD, span, message);
    let help = format!("write `{}.headers['{lower}']`", read.root().0);
    Some(diagnostic.help(help).fix(Fix::respell(span, part, &lower)))
}

fn credential(read: &Read<'_>, credentials: Credentials<'_>, seen: &mut Seen) -> Option<Diagnostic> {
    let Some((part, span)) = read.part(1) else {
        let diagnostic = Diagnostic::error(codes::UNKNOWN_FIELD, read.root().1, "`auth` itself is not a value");
        return Some(diagnostic.help("name a field: `auth.<field>`"));
    };
    seen.auth.insert(part.to_owned());
    if credentials.more.contains(&part) {
        return None;
    }
    if part == "token" && credentials.fields.get("token").is_none() {
        if !credentials.token && credentials.more.contains(&"client_secret") {
            let diagnostic = Diagnostic::error(codes::NO_TOKEN, span, "the token is not there yet: this gets it");
            return Some(
                diagnostic.help("use what is filled in, `auth.<field>`, or what an earlier request did `keep`"),
            );
        }
        let message = "this scheme gets no token";
        let diagnostic = Diagnostic::error(codes::NO_TOKEN, span, message);
        return (!credentials.token)
            .then(|| diagnostic.help("only `oauth2` and `token_exchange` do, and only once they have it"));
    }
    let Some(schema) = credentials.fields.get(part) else {
        let is_found = part.ends_with("_endpoint") && FOUND.contains(&part);
        let place = OF_TOKEN_CALLS.iter().find(|(name, _)| *name == part).map(|(_, place)| *place);
        if let Some(place) = place.or(is_found.then_some(WHERE_IT_IS_FOUND)) {
            let message = format!("`auth.{part}` is not known here");
            return Some(Diagnostic::error(codes::NAME_NOT_HERE, span, message).help(place));
        }
        let message = format!("there is no sign-in field `{part}`");
        let fields = credentials.fields.iter().map(|(name, _)| name);
        let names: Vec<_> = fields.chain(credentials.more.iter().copied()).collect();
        let diagnostic = Diagnostic::error(codes::UNKNOWN_FIELD, span, message);
        if credentials.fields.iter().next().is_none() && did_you_mean(part, names.iter().copied()).is_none() {
            return Some(diagnostic.help(format!("declare it: `fields: {{{part}: {{type: string}}}}`")));
        }
        return Some(with_near(diagnostic, part, &names, "there are"));
    };
    if !credentials.secrets && schema["writeOnly"] == true {
        let message = format!("`{part}` is secret, and a sign-in URL is seen by browsers and logs");
        let diagnostic = Diagnostic::error(codes::SECRET_IN_URL, span, message);
        return Some(diagnostic.help(format!("if it is not secret, declare `{part}` with `secret: false`")));
    }
    None
}

fn outside(read: &Read<'_>) -> Diagnostic {
    let message = "credentials are known in `auth` only";
    let diagnostic = Diagnostic::error(codes::CREDENTIAL_OUTSIDE_AUTH, read.root().1, message);
    diagnostic.help("put it on requests by a scheme in `auth`; a field with `secret: false` is in `connection` as well")
}

/// The second part must be one of these.
fn one_of(read: &Read<'_>, parts: &[&str]) -> Option<Diagnostic> {
    let (part, span) = read.part(1)?;
    if parts.contains(&part) {
        return None;
    }
    let message = format!("there is no `{part}` in `{}`", read.root().0);
    Some(with_near(Diagnostic::error(codes::UNKNOWN_FIELD, span, message), part, parts, "there are"))
}

fn not_here(root: &str, span: Span) -> Diagnostic {
    let where_it_is = match root {
        "answer" => {
            "an answer is there in what is taken from it and asked of it: `output`, `errors`, `holds`, `until`, `token`"
        }
        "item" | "index" => "they are there inside `each`",
        "steps" => "only steps, and what comes after them, see the outputs of steps",
        "input" => "only actions have an input",
        "config" => "only actions, and lookups that declare it, have a config",
        "execution" => "only actions have an execution",
        "record" => "only actions with an `object` have a record",
        "value" => "only `write` of an object, and the transforms of mappings, see a value",
        "request" => {
            "only `headers` and `query` of a scheme see the request that they sign, and `events` what was delivered"
        }
        "subscription" => {
            "only `events` know the subscription, and its secret only `verify` and the requests of `subscribe`"
        }
        "event" => "only `until` of a `wait` for an event, and `told_by`, see it",
        _ => "there is no connection yet: sign-in fields are `auth.<field>`",
    };
    Diagnostic::error(codes::NAME_NOT_HERE, span, format!("`{root}` is not known here")).help(where_it_is)
}

fn with_near(diagnostic: Diagnostic, word: &str, names: &[&str], there_are: &str) -> Diagnostic {
    diagnostic.did_you_mean(word, names.iter().copied()).or_help(|| match names.is_empty() {
        true => "none is declared".to_owned(),
        false => format!("{there_are} {}", quoted(names)),
    })
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
