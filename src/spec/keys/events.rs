//! What a provider tells without being asked, and waiting for it.

use super::{
    REQUEST, STEP,
    http::{A_RULE, URL},
    joined,
    request::KEYS as REQUEST_KEYS,
};
use crate::yaml::{Key, Section, Type};

static AN_EVENT_TYPE: Type = Type::Section(&EVENT_TYPE);
static A_VERIFICATION: Type = Type::Section(&VERIFICATION);
static ERRORS: Key = Key::new("errors", Type::List(&A_RULE), "What answers mean; tried before the connector's rules.");
const STATUS: Type = Type::Integer { min: 200, max: 599 };

/// `events`
pub static EVENTS: Section = Section {
    name: "events",
    doc: "What the provider tells without being asked.",
    keys: &[
        Key::new("receive", Type::Section(&RECEIVE), "How a delivery is read and believed.").required(),
        Key::new("types", Type::Named(&AN_EVENT_TYPE), "What it can mean: the first whose `when` holds is it.")
            .required(),
        Key::new("subscribe", Type::Section(&SUBSCRIBE), "How the provider is told our address."),
    ],
    near: &[&RECEIVE, &SUBSCRIBE],
};

/// `receive`
pub static RECEIVE: Section = Section {
    name: "receive",
    doc: "How a delivery at `connection.webhook_url` is read and believed.",
    keys: &[
        Key::new("handshake", Type::Section(&HANDSHAKE), "A delivery that only wants an answer.")
            .mistaken(&["challenge"]),
        Key::new(
            "verify",
            Type::OneOrMany(&A_VERIFICATION),
            "What only the provider can have written; of several, the first whose `when` holds counts.",
        ),
        Key::new("each", Type::PathOrExpression, "Several notifications in one delivery; each is `item`.")
            .example("$.value[*]"),
        Key::new("answer", Type::Section(&REPLY), "What a delivery is answered once it is stored."),
    ],
    near: &[&EVENTS, &VERIFICATION],
};

static REPLY_KEYS: [Key; 4] = [
    Key::new("status", STATUS, "The status code.").default("200"),
    Key::new("headers", Type::Mapping(&Type::Template), "The answer's headers."),
    Key::new("body", Type::Value, "A JSON body.").mistaken(&["json"]),
    Key::new("text", Type::Template, "A text body."),
];

/// `answer` of `receive`.
pub static REPLY: Section =
    Section { name: "answer", doc: "What the provider is answered.", keys: &REPLY_KEYS, near: &[&RECEIVE] };

/// `handshake`
pub static HANDSHAKE: Section = Section {
    name: "handshake",
    doc: "A delivery that is answered at once and means nothing else.",
    keys: &joined::<5>(&[
        &[Key::new("when", Type::Expression, "Whether it is one.")
            .required()
            .example("\"{{ request.query.challenge }}\"")
            .mistaken(&["if"])],
        &REPLY_KEYS,
    ]),
    near: &[&RECEIVE],
};

/// `verify` of `receive`.
pub static VERIFICATION: Section = Section {
    name: "verify",
    doc: "What only the provider can have written: nothing of a delivery is used before. All that is given must hold.",
    keys: &[
        Key::new("when", Type::Expression, "Which deliveries it is for, by `request`.")
            .example("\"{{ request.headers['x-signature'] }}\"")
            .mistaken(&["if"]),
        Key::new("given", Type::Template, "What the delivery brings.")
            .example("\"{{ request.headers['x-signature'] }}\""),
        Key::new("expected", Type::Template, "What that must be; compared in constant time.")
            .example("\"{{ request.raw | hmac('sha256', auth.signing_key) }}\""),
        Key::new("signature", Type::Section(&SIGNATURE), "A signature by the provider's key."),
        Key::new("jwt", Type::Section(&JWT), "A JSON Web Token by one of the provider's keys.").mistaken(&["token"]),
        Key::new(
            "timestamp",
            Type::Expression,
            "When the provider says that it wrote it: seconds or milliseconds since 1970, or a date-time.",
        ),
        Key::new("tolerance", Type::Duration, "How far from now that may be, and how far a token's times may be off.")
            .default("5m"),
    ],
    near: &[&RECEIVE, &SIGNATURE, &JWT],
};

/// Those by which whoever checks can't sign.
const ALGORITHMS: Type =
    Type::Word(&["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]);

/// `signature` of `verify`.
pub static SIGNATURE: Section = Section {
    name: "signature",
    doc: "A signature that is checked with the provider's public key.",
    keys: &[
        Key::new("given", Type::Template, "What the delivery brings.")
            .required()
            .example("\"{{ request.headers['x-signature'] }}\""),
        Key::new("encoding", Type::Word(&["base64", "hex"]), "How that is written.").default("base64"),
        Key::new("over", Type::Template, "What is signed, to the byte.")
            .required()
            .example("\"{{ request.headers['x-timestamp'] }}.{{ request.raw }}\""),
        Key::new("algorithm", ALGORITHMS, "How it is signed.").required().example("RS256"),
        Key::new("key", Type::Template, "The provider's public key, in PEM; while one takes another's place, both.")
            .required()
            .example("\"{{ auth.provider_key }}\"")
            .mistaken(&["public_key"]),
    ],
    near: &[&VERIFICATION, &JWT],
};

/// `jwt` of `verify`.
pub static JWT: Section = Section {
    name: "jwt",
    doc: "A JSON Web Token (RFC 7519) that is checked with the provider's public keys. Its times are looked at too.",
    keys: &[
        Key::new("given", Type::Template, "What the delivery brings.")
            .required()
            .example("\"{{ request.headers['x-token'] }}\""),
        Key::new("algorithm", ALGORITHMS, "How it must be signed, whatever it says itself.")
            .required()
            .example("RS256"),
        Key::new("keys_url", URL, "Where the provider publishes its keys (a JSON Web Key Set, RFC 7517).")
            .example("https://api.example.com/.well-known/jwks.json")
            .mistaken(&["jwks_url", "jwks_uri", "jwks"]),
        Key::new("key", Type::Template, "In its place: the provider's public key, in PEM.").mistaken(&["public_key"]),
        Key::new("issuer", Type::Template, "What `iss` must be.").example("\"{{ connection.portal }}\""),
        Key::new("audience", Type::Template, "What `aud` must be, or hold.")
            .example("\"{{ connection.webhook_url }}\""),
    ],
    near: &[&VERIFICATION, &SIGNATURE],
};

/// An entry of `types`.
pub static EVENT_TYPE: Section = Section {
    name: "event",
    doc: "Something that the provider tells.",
    keys: &[
        Key::new("title", Type::Text, "For people.").required(),
        Key::new("describe", Type::Text, "What it means.").mistaken(&["description", "summary"]),
        Key::new("when", Type::Expression, "Whether a delivery is one, by `request` and `item`.")
            .example("\"{{ request.body.event == 'order.paid' }}\"")
            .mistaken(&["if"]),
        Key::new("id", Type::Template, "The same for every delivery of the same thing.")
            .required()
            .example("\"{{ request.body.id }}\""),
        Key::new(
            "confirm",
            Type::Section(&CONFIRM),
            "Asks the provider before it is believed; `$` is then the answer.",
        ),
        Key::new("correlate", Type::Template, "What waiting executions know it by.")
            .example("\"{{ request.body.order_id }}\""),
        Key::new("output", Type::Value, "What is handed on.").required(),
    ],
    near: &[&EVENTS],
};

/// `confirm`
pub static CONFIRM: Section = Section {
    name: "confirm",
    doc: "Asks the provider whether it is so.",
    keys: &joined::<17>(&[&REQUEST_KEYS, &[ERRORS]]),
    near: &[&REQUEST],
};

/// `subscribe`
pub static SUBSCRIBE: Section = Section {
    name: "subscribe",
    doc: "How the provider is told our address, once an account is connected.",
    keys: &[
        Key::new("scopes", Type::List(&Type::Text), "Needed beside those of `auth`."),
        Key::new("request", Type::Section(&REQUEST), "Subscribes.").required(),
        ERRORS,
        Key::new("output", Type::Value, "What `subscription.<name>` holds from then on; `expires_at` says until when.")
            .example("{id: $.id, expires_at: $.expires_at}"),
        Key::new(
            "renew",
            Type::Section(&RENEW),
            "Prolongs it; without it, it is subscribed to anew and the old one removed.",
        ),
        Key::new("before", Type::Duration, "How long before the end.").default("12h"),
        Key::new("remove", Type::Section(&REQUEST), "Ends it, when the account is disconnected."),
    ],
    near: &[&EVENTS, &REQUEST],
};

/// `renew`
pub static RENEW: Section = Section {
    name: "renew",
    doc: "Prolongs a subscription.",
    keys: &joined::<18>(&[
        &REQUEST_KEYS,
        &[ERRORS, Key::new("output", Type::Value, "What takes the place of what `subscription` holds.")],
    ]),
    near: &[&SUBSCRIBE, &REQUEST],
};

/// `wait`
pub static WAIT: Section = Section {
    name: "wait",
    doc: "Parks the execution until something happens.",
    keys: &[
        Key::new("event", Type::Name, "An event of this connector."),
        Key::new("for", Type::Template, "Only one that has this `correlate`.").example("\"{{ steps.create.id }}\""),
        Key::new("until", Type::Expression, "Only one of which this holds.")
            .example("\"{{ event.status == 'paid' }}\""),
        Key::new("poll", Type::Section(&POLL), "A question that is asked again and again."),
        Key::new("timeout", Type::Duration, "How long it waits at most.").required().example("1h"),
        Key::new("on_timeout", Type::Value, "What the step gives then; without it, the action fails.")
            .example("{status: pending}"),
    ],
    near: &[&POLL, &STEP],
};

/// `poll`
pub static POLL: Section = Section {
    name: "poll",
    doc: "A request that is sent again and again, until its answer is what is waited for.",
    keys: &joined::<20>(&[
        &REQUEST_KEYS,
        &[
            ERRORS,
            Key::new("every", Type::Duration, "How often.").required().example("30s"),
            Key::new("until", Type::Expression, "Whether this answer is it.")
                .required()
                .example("\"{{ answer.body.status == 'paid' }}\""),
            Key::new("output", Type::Value, "What comes of it; the answer's body if it is missing."),
        ],
    ]),
    near: &[&WAIT, &REQUEST],
};
