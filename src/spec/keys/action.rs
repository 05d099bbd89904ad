//! Actions, steps and lookups.

use super::{
    REQUEST, WAIT,
    field::{A_CONFIG_FIELD, AN_INPUT_FIELD},
    http::{A_RULE, CODES},
    joined,
    request::KEYS as REQUEST_KEYS,
};
use crate::{
    expr::Language,
    yaml::{Key, Section, Type},
};

const EFFECTS: &[&str] = &["read", "write", "delete", "money"];

pub(super) static TIMEOUT: Key = Key::new("timeout", Type::Duration, "Deadline for the whole.").default("30s");
pub(super) static ERRORS: Key =
    Key::new("errors", Type::List(&A_RULE), "What answers mean; tried before the connector's rules.");
pub(super) static PAGES_KEY: Key = Key::new("pages", Type::Section(&PAGES), "How to ask for the rest.");
pub(super) static REQUEST_KEY: Key = Key::new("request", Type::Section(&REQUEST), "Calls the provider.");
pub(super) static STEPS: Key = Key::new("steps", Type::List(&A_STEP), "What is done, in order.");
pub(super) static SCOPES: Key =
    Key::new("scopes", Type::List(&Type::Text), "Needed beside those of `auth`.").example("[read, write]");
pub(super) static CONFIG: Key = Key::new("config", Type::Named(&A_CONFIG_FIELD), "Fixed by the builder.");

/// For lists and mappings of them.
pub(super) static AN_ACTION: Type = Type::Section(&ACTION);
pub(super) static A_LOOKUP: Type = Type::Section(&LOOKUP);
static A_STEP: Type = Type::Section(&STEP);

/// What may stand beside a `request`.
static BESIDE_REQUEST: [Key; 6] = [
    ERRORS,
    PAGES_KEY,
    Key::new("verify", Type::Section(&VERIFY), "Finds out whether a write happened."),
    Key::new("told_by", Type::Section(&TOLD_BY), "The event that tells later whether a write happened."),
    Key::new(
        "idempotent",
        Type::Either(&[Type::Bool, Type::Section(&IDEMPOTENT)]),
        "Sending it twice has the effect of sending it once.",
    )
    .default("false")
    .confused(
        &["retry", "retries", "retry_on"],
        "what may be repeated is repeated anyway; say `idempotent: true` only if the provider knows a repetition",
    ),
    Key::new("output", Type::Value, "What comes of it; the answer's body if it is missing."),
];

/// An entry of `actions`.
pub static ACTION: Section = Section {
    name: "action",
    doc: "Something that the agent can do.",
    keys: &joined::<18>(&[
        &[
            Key::new("title", Type::Text, "For people.").required(),
            Key::new("describe", Type::Text, "What the model reads: what it does and when to call it.")
                .required()
                .mistaken(&["description", "summary"]),
            Key::new("effect", Type::Word(EFFECTS), "What it does to the world.").required(),
            SCOPES,
            CONFIG,
            Key::new("input", Type::Named(&AN_INPUT_FIELD), "Filled by the agent.").mistaken(&[
                "inputs",
                "parameters",
                "arguments",
            ]),
            Key::new("object", Type::Name, "Whose fields join the inputs; its plan sees the mapped `record`."),
            Key::new("partial", Type::Bool, "Only what is given is sent: nothing of the object is required.")
                .default("false"),
            TIMEOUT,
            Key::new(
                "max_output",
                Type::Integer { min: 1, max: 1_000_000 },
                "The most bytes, as JSON, that its output should have.",
            )
            .default("32768")
            .mistaken(&["max_bytes", "budget"]),
            REQUEST_KEY,
            STEPS,
        ],
        &BESIDE_REQUEST,
    ]),
    near: &[&STEP, &REQUEST],
};

/// An entry of `steps`.
pub static STEP: Section = Section {
    name: "step",
    doc: "A part of an action: a request, a value, a failure, another action, or a wait.",
    keys: &joined::<18>(&[
        &[
            Key::new("id", Type::Name, "Its name in `steps.<id>`.").required().mistaken(&["name"]),
            Key::new("when", Type::Expression, "Skipped if false.").mistaken(&["if"]),
            Key::new("each", Type::Expression, "Once per entry of this list.")
                .example("\"{{ input.guests }}\"")
                .mistaken(&["for_each", "foreach"]),
            Key::new("max", Type::Integer { min: 1, max: 1000 }, "More entries are refused.").default("50"),
            Key::new("concurrency", Type::Integer { min: 1, max: 16 }, "Rounds at the same time.").default("1"),
            REQUEST_KEY,
            Key::new("set", Type::Value, "A value: the step's output."),
            Key::new("fail", Type::Section(&FAIL), "Ends the execution."),
            Key::new("call", Type::Section(&CALL), "Runs another action of this connector."),
            Key::new("wait", Type::Section(&WAIT), "Parks the execution until something happens."),
            Key::new("effect", Type::Word(EFFECTS), "Of the request, where the method doesn't tell."),
            Key::new("undo", Type::Section(&REQUEST), "Sent when a later step fails."),
        ],
        &BESIDE_REQUEST,
    ]),
    near: &[&REQUEST, &ACTION],
};

/// `fail`
pub static FAIL: Section = Section {
    name: "fail",
    doc: "Ends the execution.",
    keys: &[
        Key::new("as", Type::Word(CODES), "As what.").required().mistaken(&["is", "code"]),
        Key::new("say", Type::Template, "A sentence for the customer.").mistaken(&["message"]),
    ],
    near: &[],
};

/// `call`
pub static CALL: Section = Section {
    name: "call",
    doc: "Runs another action of this connector, with the same connection and config.",
    keys: &[
        Key::new("action", Type::Name, "Its name.").required(),
        Key::new("input", Type::Value, "Its arguments.").mistaken(&["with"]),
    ],
    near: &[],
};

/// `pages`
pub static PAGES: Section = Section {
    name: "pages",
    doc: "How to ask for the rest, and what to join.",
    keys: &[
        Key::new("items", Type::Path, "What is joined.").required().example("$.items"),
        Key::new("max", Type::Integer { min: 1, max: 100 }, "At most so many requests.").default("10"),
        Key::new("token", Type::Path, "Where the answer holds the token of the next page.").example("$.nextPageToken"),
        Key::new("query", Type::Text, "The query parameter that takes the token.").example("pageToken"),
        Key::new(
            "body",
            Type::Text,
            "The member of the JSON body that takes the token; dots lead to one that lies deeper.",
        )
        .example("page_token"),
        Key::new("next", Type::Path, "Where the answer holds the URL of the next page.").example("$.next"),
        Key::new("link", Type::Word(&["next"]), "The `Link` header's relation (RFC 8288)."),
        Key::new("offset", Type::Text, "The query parameter that takes the number of entries so far.")
            .example("offset"),
        Key::new("size", Type::Integer { min: 1, max: 10_000 }, "Entries per page."),
        Key::new("page", Type::Text, "The query parameter that takes the page's number.").example("page"),
        Key::new("start", Type::Integer { min: 0, max: 1 }, "The first page's number.").default("1"),
    ],
    near: &[],
};

/// `verify`
pub static VERIFY: Section = Section {
    name: "verify",
    doc: "Finds out whether a write happened.",
    keys: &joined::<20>(&[
        &REQUEST_KEYS,
        &[
            Key::new("holds", Type::Expression, "Whether the answer shows our write.")
                .example("\"{{ answer.body.id == execution.key }}\""),
            Key::new("absent", Type::Expression, "Whether the answer shows that there was no write.")
                .example("\"{{ not answer.body.items }}\""),
            Key::new("on", Type::List(&Type::Word(CODES)), "Failures of the write that are checked as well."),
            Key::new("settle", Type::Duration, "How long it takes until a write that was cut off can be seen.")
                .example("3s"),
        ],
    ]),
    near: &[],
};

/// `told_by`
pub static TOLD_BY: Section = Section {
    name: "told_by",
    doc: "The event by which the provider tells later whether a write happened of which nobody knew.",
    keys: &[
        Key::new("event", Type::Name, "An event of this connector.").required(),
        Key::new("for", Type::Template, "Only one that has this `correlate`.")
            .required()
            .example("\"{{ input.order_id }}\""),
        Key::new("holds", Type::Expression, "Whether it tells that the write happened.")
            .example("\"{{ event.paid }}\"")
            .mistaken(&["until"]),
        Key::new("absent", Type::Expression, "Whether it tells that there was no write.")
            .example("\"{{ event.state == 'denied' }}\""),
        Key::new(
            "output",
            Type::Value,
            "What takes the place of the `output` that it stands beside; the event's output if it is missing.",
        ),
    ],
    near: &[&VERIFY, &WAIT],
};

/// `idempotent`
pub static IDEMPOTENT: Section = Section {
    name: "idempotent",
    doc: "By what the provider knows a request again that it has had already.",
    keys: &[Key::new("by", Type::Expression, "A value that the request carries, and no other of the kind has.")
        .required()
        .example("\"{{ input.order_id }}\"")],
    near: &[],
};

/// An entry of `lookups`.
pub static LOOKUP: Section = Section {
    name: "lookup",
    doc: "A live list that a builder picks from.",
    keys: &[
        Key::new("title", Type::Text, "For people."),
        SCOPES,
        CONFIG,
        TIMEOUT,
        REQUEST_KEY,
        PAGES_KEY,
        ERRORS,
        STEPS,
        Key::new("each", Type::PathOrExpression, "The entries.").required().mistaken(&["items"]),
        Key::new("when", Type::Expression, "Which of them, by `item`."),
        Key::new("option", Type::Section(&OPTION), "What each is shown as.").required(),
    ],
    near: &[&REQUEST],
};

/// `option`
pub static OPTION: Section = Section {
    name: "option",
    doc: "What an entry is shown as; `$` and `item` are the entry.",
    keys: &[
        Key::new("value", Type::Value, "What is kept.").required().example("$.id"),
        Key::new("label", Type::Value, "What is shown.").required().example("$.name"),
        Key::new("hint", Type::Value, "Shown beside it."),
    ],
    near: &[],
};

/// `after_connect`
pub static AFTER_CONNECT: Section = Section {
    name: "after_connect",
    doc: "Identifies the account once it is connected; if it fails, the connection is refused.",
    keys: &[
        TIMEOUT,
        REQUEST_KEY,
        PAGES_KEY,
        ERRORS,
        STEPS,
        Key::new("label", Type::Value, "How the account is shown.").example("$.email"),
        Key::new("capture", Type::Named(&Type::Value), "Name → value, kept in `connection`."),
    ],
    near: &[&REQUEST],
};

/// A mapping with the keys `each` and `as`, in a value.
pub static EACH: Section = Section {
    name: "each",
    doc: "A list made from a list.",
    keys: &[
        Key::new("each", Type::Value, "The entries.").required(),
        Key::new("when", Type::Expression, "Which of them, by `item`."),
        Key::new("as", Type::Value, "What each becomes; `$` and `item` are the entry, `index` its number from 0.")
            .required(),
    ],
    near: &[],
};

/// A mapping with the key `literals`, in a value.
pub static LITERALS: Section = Section {
    name: "query",
    doc: "A query in which each placeholder becomes a literal of its language.",
    keys: &[
        Key::new("literals", Type::Word(Language::WORDS), "The query's language.").required().example("soql"),
        Key::new("text", Type::Template, "The query.")
            .required()
            .example("\"SELECT Id FROM Lead WHERE Email = {{ input.email }}\""),
        Key::new("when", Type::Expression, "Whether it is there at all."),
    ],
    near: &[],
};
