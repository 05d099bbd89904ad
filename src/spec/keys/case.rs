//! `tests.yaml`: cases and the sandbox.

use super::http::CODES;
use crate::yaml::{Key, Section, Type};

static A_CASE: Type = Type::Section(&CASE);
static AN_EXCHANGE: Type = Type::Section(&EXCHANGE);
static A_SANDBOX_ANSWER: Type = Type::Section(&SANDBOX_ANSWER);
const STATUS: Type = Type::Integer { min: 100, max: 599 };

/// The whole file.
pub static TESTS: Section = Section {
    name: "tests.yaml",
    doc: "Exchanges that prove each action offline, and answers for sandbox connections.",
    keys: &[
        Key::new("cases", Type::List(&A_CASE), "Each is run alone, in memory.").mistaken(&["tests"]),
        Key::new("sandbox", Type::List(&A_SANDBOX_ANSWER), "What sandbox connections get; the first match answers."),
        Key::new("sandbox_connection", Type::Mapping(&Type::Json), "What a sandbox connection has captured.")
            .example("{region: eu}"),
    ],
    near: &[&CASE],
};

/// An entry of `cases`.
pub static CASE: Section = Section {
    name: "case",
    doc: "Runs an action, a lookup, a description or the identification of the account against exchanges.",
    keys: &[
        Key::new("name", Type::Text, "What it shows, as a sentence.").required().mistaken(&["title"]),
        Key::new("action", Type::Name, "The action that is run."),
        Key::new("lookup", Type::Name, "The lookup that is run."),
        Key::new(
            "object",
            Type::Name,
            "The object whose `describe` is run; its output is the list of the org's fields.",
        ),
        Key::new("after_connect", Type::Bool, "`true`: the identification of the account is run."),
        Key::new("event", Type::Name, "The event that the `delivery` means."),
        Key::new("handshake", Type::Bool, "`true`: the `delivery` only wants an answer."),
        Key::new("now", Type::Instant, "The instant at which it runs.").default("2026-01-01T00:00:00Z"),
        Key::new(
            "connection",
            Type::Mapping(&Type::Json),
            "What `connection` holds beside the fields of `auth` that are not secret.",
        ),
        Key::new("credentials", Type::Mapping(&Type::Text), "The fields of `auth`, and `token` where one is got."),
        Key::new("subscription", Type::Mapping(&Type::Json), "What `subscription` holds, its `secret` too."),
        Key::new("delivery", Type::Section(&DELIVERY), "What the provider sends, of an event or a handshake."),
        Key::new("config", Type::Mapping(&Type::Json), "What the builder fixed."),
        Key::new("input", Type::Mapping(&Type::Json), "What the agent gave.").mistaken(&["inputs"]),
        Key::new("mapping", Type::Json, "The org's mapping of the action's object: `fields`, `constants`, `extra`."),
        Key::new("org_fields", Type::List(&Type::Json), "The org's own fields, as its `describe` would tell them."),
        Key::new("execution_key", Type::Text, "`execution.key`.").default("01940000-0000-7000-8000-000000000000"),
        Key::new("exchanges", Type::List(&AN_EXCHANGE), "In this order; all must be used.")
            .mistaken(&["requests", "steps"]),
        Key::new("output", Type::Json, "What must come out, exactly.")
            .mistaken(&["result"])
            .confused(&["expect"], "what must come out stands in `output`, and a failure in `error`"),
        Key::new("error", Type::Section(&EXPECTED_ERROR), "The failure that must come out.").mistaken(&["fails"]),
        Key::new("correlate", Type::Text, "What waiting executions must know the event by."),
        Key::new("refused", Type::Bool, "`true`: the delivery must not be believed."),
        Key::new("answer", Type::Section(&EXPECTED_REPLY), "What the delivery must be answered."),
    ],
    near: &[&EXCHANGE],
};

/// An entry of `exchanges`.
pub static EXCHANGE: Section = Section {
    name: "exchange",
    doc: "A request that must come, and what is answered; or an event that comes while the action waits.",
    keys: &[
        Key::new("request", Type::Section(&EXPECTED_REQUEST), "Compared where it is given."),
        Key::new("answer", Type::Section(&CANNED_ANSWER), "What comes back.").mistaken(&["response"]),
        Key::new("event", Type::Name, "The event that comes."),
        Key::new("delivery", Type::Section(&DELIVERY), "What the provider sends of it."),
    ],
    near: &[&EXPECTED_REQUEST, &CANNED_ANSWER],
};

/// `delivery`
pub static DELIVERY: Section = Section {
    name: "delivery",
    doc: "What the provider sends to the connection's webhook address.",
    keys: &[
        Key::new("method", Type::Text, "In capital letters.").default("POST"),
        Key::new("path", Type::Text, "The path that is called.").default("/"),
        Key::new("query", Type::Mapping(&Type::Json), "The parameters; a list repeats one.").mistaken(&["params"]),
        Key::new("headers", Type::Mapping(&Type::Text), "The headers."),
        Key::new("body", Type::Json, "A JSON body.").mistaken(&["json"]),
        Key::new("form", Type::Mapping(&Type::Json), "The fields of a form."),
        Key::new("text", Type::Text, "The body as it is, for signatures over its bytes.").mistaken(&["raw"]),
    ],
    near: &[&EXPECTED_REQUEST],
};

/// `answer` of a case of an event.
pub static EXPECTED_REPLY: Section = Section {
    name: "answer",
    doc: "What a delivery must be answered.",
    keys: &[
        Key::new("status", STATUS, "The status code.").default("200"),
        Key::new("body", Type::Json, "The JSON body.").mistaken(&["json"]),
        Key::new("text", Type::Text, "The text body."),
    ],
    near: &[&CANNED_ANSWER],
};

/// `request` of an exchange.
pub static EXPECTED_REQUEST: Section = Section {
    name: "expected request",
    doc: "The parts of the request that are compared.",
    keys: &[
        Key::new("method", Type::Text, "In capital letters.").example("GET"),
        Key::new("url", Type::Text, "All of it but the query.").example("https://api.example.com/v1/items"),
        Key::new("path", Type::Text, "The path of the URL, as sent.").example("/v1/items"),
        Key::new("query", Type::Mapping(&Type::Json), "All parameters; a list repeats one.").mistaken(&["params"]),
        Key::new("headers", Type::Mapping(&Type::Text), "Those that are named."),
        Key::new("body", Type::Json, "The JSON body.").mistaken(&["json"]),
        Key::new("form", Type::Mapping(&Type::Json), "All fields of the form."),
        Key::new("parts", Type::Json, "The parts of a multipart body, each `{name, filename, content_type, body}`."),
        Key::new("base64", Type::Text, "The body's bytes."),
        Key::new("text", Type::Text, "The body as it is."),
    ],
    near: &[&CANNED_ANSWER],
};

/// `answer` of an exchange.
pub static CANNED_ANSWER: Section = Section {
    name: "answer",
    doc: "What the provider does.",
    keys: &[
        Key::new("status", STATUS, "The status code.").default("200"),
        Key::new("headers", Type::Mapping(&Type::Text), "The answer's headers."),
        Key::new("body", Type::Json, "A JSON body.").mistaken(&["json"]),
        Key::new("text", Type::Text, "A body of any other kind.").mistaken(&["xml"]),
        Key::new("base64", Type::Text, "The bytes of a body that is no text."),
        Key::new("lost", Type::Bool, "`true`: the request arrives, and no answer comes back."),
        Key::new("timeout", Type::Bool, "`true`: no answer comes in time."),
        Key::new("refused", Type::Bool, "`true`: the connection is refused, nothing is sent."),
    ],
    near: &[&EXPECTED_REQUEST],
};

/// `error` of a case.
pub static EXPECTED_ERROR: Section = Section {
    name: "error",
    doc: "The failure that must come out.",
    keys: &[
        Key::new("code", Type::Word(CODES), "As what.").required().mistaken(&["is", "as"]),
        Key::new("say", Type::Text, "The sentence for the customer.").mistaken(&["message"]),
    ],
    near: &[],
};

/// An entry of `sandbox`.
pub static SANDBOX_ANSWER: Section = Section {
    name: "sandbox answer",
    doc: "What a request of a sandbox connection gets, or an event that comes to it.",
    keys: &[
        Key::new("request", Type::Section(&SANDBOX_REQUEST), "Which requests it answers."),
        Key::new(
            "when",
            Type::Expression,
            "Only if this holds of `request`, or of what the event is waited for by, `correlate`.",
        )
        .example("\"{{ request.query.page == '2' }}\"")
        .mistaken(&["if"]),
        Key::new("answer", Type::Section(&SANDBOX_REPLY), "What they get.").mistaken(&["response"]),
        Key::new("event", Type::Name, "An event that comes when an execution waits for it."),
        Key::new("after", Type::Duration, "How long after it is waited for.").default("2s"),
        Key::new("output", Type::Value, "What the event hands on; may use `correlate`, `now` and `id`."),
    ],
    near: &[&SANDBOX_REQUEST, &SANDBOX_REPLY],
};

/// `request` of a sandbox answer.
pub static SANDBOX_REQUEST: Section = Section {
    name: "sandbox request",
    doc: "Which requests are answered.",
    keys: &[
        Key::new("method", Type::Text, "In capital letters.").required().example("GET"),
        Key::new("path", Type::Text, "The path of the URL; `{name}` stands for any one segment.")
            .required()
            .example("\"/v1/items/{item}\""),
        Key::new("server", Type::Name, "Only at this one of `http.servers`."),
    ],
    near: &[&SANDBOX_ANSWER],
};

/// `answer` of a sandbox answer.
pub static SANDBOX_REPLY: Section = Section {
    name: "answer",
    doc: "What the request gets; may use `request`, `now` and `id`.",
    keys: &[
        Key::new("status", STATUS, "The status code.").default("200"),
        Key::new("headers", Type::Mapping(&Type::Template), "The answer's headers."),
        Key::new("body", Type::Value, "A JSON body.").mistaken(&["json"]),
        Key::new("text", Type::Template, "A body of any other kind.").mistaken(&["xml"]),
    ],
    near: &[&SANDBOX_ANSWER],
};
