//! Sign-in: `auth` of a connector, account files, and the keys of each scheme.

use super::{
    AFTER_CONNECT, REQUEST,
    field::A_SIGN_IN_FIELD,
    http::{A_DEAD, A_RULE, A_TOKEN_ERROR, AN_EXPIRED, URL},
    joined,
    signature::{CLIENT_ASSERTION, CLIENT_CERTIFICATE, OAUTH1, SIGV4},
};
use crate::yaml::{Key, Section, Type};

/// The schemes.
pub const SCHEMES: &[&str] = &["none", "basic", "bearer", "api_key", "oauth1", "oauth2", "token_exchange", "sigv4"];

/// How a client authenticates (RFC 6749 §2.3.1); `none` is a public one.
const CLIENT_AUTH: &[&str] = &["body", "basic", "none", "private_key_jwt", "client_secret_jwt"];

/// How a token URL is sent what it needs.
const TOKEN_BODIES: &[&str] = &["form", "json", "query"];

/// Where the keys of a scheme stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Directly in `auth` of a connector.
    Connector,
    /// Directly in an account file.
    Account,
    /// In an entry of `schemes`.
    Named,
}

/// One of the schemes.
pub const SCHEME_WORD: Type = Type::Word(SCHEMES);

static SCHEME_KEY: Key = Key::new("scheme", SCHEME_WORD, "How requests are signed.").required().mistaken(&["type"]);
static FIELDS: Key = Key::new("fields", Type::Named(&A_SIGN_IN_FIELD), "What the builder fills in.");
static SCOPES: Key =
    Key::new("scopes", Type::List(&Type::Text), "Needed by every action and lookup.").example("[read, write]");

static CERTIFICATE: Key =
    Key::new("client_certificate", Type::Section(&CLIENT_CERTIFICATE), "Shown to the provider: mutual TLS.");

/// Beside an own scheme in `auth`.
static OWN: [Key; 3] = [FIELDS, SCOPES, CERTIFICATE];
/// Beside a scheme in an account file.
static OF_ACCOUNT: [Key; 9] = [
    CERTIFICATE,
    Key::new("id", Type::Id, "The file's name.").required(),
    Key::new("title", Type::Text, "For people.").required().mistaken(&["name"]),
    FIELDS,
    Key::new("scopes", Type::Mapping(&Type::Text), "The scopes that connectors may ask for, each in words."),
    Key::new("scope_covers", Type::Mapping(&Type::List(&Type::Text)), "Scope → scopes that it includes."),
    Key::new("hosts", Type::List(&Type::Text), "Hosts that its requests may call beside the connector's."),
    Key::new("errors", Type::List(&A_RULE), "Tried after the connector's rules."),
    Key::new("after_connect", Type::Section(&AFTER_CONNECT), "Identifies the account, where the connector does not."),
];

static HEADERS: Key = Key::new("headers", Type::Mapping(&Type::Template), "Added to each request; may sign it.");
static QUERY: Key = Key::new("query", Type::Mapping(&Type::Template), "Added to each request.");
static FILL: Key = Key::new(
    "fill",
    Type::Mapping(&Type::Template),
    "Empty elements of XML bodies → what stands in them once the request is signed.",
)
.example("{<s:session/>: \"{{ auth.token }}\"}");
pub(super) static EXPIRED: Key =
    Key::new("expired", Type::List(&AN_EXPIRED), "Answers that mean: renew the token and send once more.")
        .default("[{status: 401}]");
static BODY: Key =
    Key::new("body", Type::Mapping(&Type::Template), "Added to the JSON or form body of each request that has one.")
        .example("{api_key: \"{{ auth.api_key }}\"}");
static PATH: Key = Key::new("path", Type::Template, "Put before the path of each request, where it is not shown.")
    .example("\"/bot{{ auth.bot_token }}\"");

pub(super) static AUTHORIZE_URL: Key = Key::new("authorize_url", URL, "Where the browser goes for the consent.")
    .mistaken(&["authorization_url", "auth_url"]);
pub(super) static PARAMS: Key =
    Key::new("params", Type::Mapping(&Type::Value), "Added to the authorize URL; null leaves out one that is usual.")
        .mistaken(&["authorize_params"]);
pub(super) static UNENCODED: Key =
    Key::new("unencoded", Type::List(&Type::Text), "Parameters of the authorize URL that stand there as they are.")
        .example("[scope]");
static BEFORE: Key =
    Key::new("before", Type::List(&A_TOKEN_STEP), "What is asked before the browser goes to the consent; may `keep`.");
pub(super) static CALLBACK: Key = Key::new(
    "callback",
    Type::Named(&Type::Text),
    "Name → parameter of the provider's redirect, kept in `connection`.",
)
.example("{location: location}");
static FROM: Key = Key::new("from", Type::Name, "An earlier scheme, whose token this one is made from.");
static A_TOKEN_PLACE: Type = Type::Either(&[Type::Section(&TOKEN), Type::Value]);
static TOKEN_KEY: Key = Key::new("token", A_TOKEN_PLACE, "Where the answers keep the token, or all that they keep.")
    .example("$.access_token");
pub(super) static CAPTURE: Key =
    Key::new("capture", Type::Named(&Type::Value), "Name → value found in the token answers, kept in `connection`.")
        .example("{instance_url: $.instance_url}");
static LIFETIME: Key = Key::new(
    "lifetime",
    Type::Either(&[Type::Duration, Type::Word(&["never"])]),
    "How long the token lives when the answer does not tell; `never`: it does not end.",
)
.example("1h");
static MARGIN: Key = Key::new("margin", Type::Duration, "Renewed this long before the end.").default("60s");
static REVOKE: Key = Key::new("revoke", Type::Section(&TOKEN_CALL), "What is asked when the account is taken off.");

static NONE: [Key; 0] = [];
static BASIC: [Key; 2] = [
    Key::new("username", Type::Template, "May be empty.").required().mistaken(&["user"]),
    Key::new("password", Type::Template, "May be empty.").default("\"\""),
];
static BEARER: [Key; 1] =
    [Key::new("token", Type::Template, "The token.").required().example("\"{{ auth.api_token }}\"").confused(
        &["headers", "header"],
        "`bearer` writes `Authorization` itself; with `scheme: api_key` the key stands in any header",
    )];
static API_KEY: [Key; 5] = [HEADERS, QUERY, BODY, PATH, FILL];
/// How the token of a scheme is put on requests.
static APPLY: [Key; 6] = [EXPIRED, HEADERS, QUERY, BODY, PATH, FILL];
static OAUTH2: [Key; 41] = joined(&[
    &[
        Key::new(
            "grant",
            Type::Text,
            "`authorization_code`, `client_credentials`, `password`, `refresh_token`, or what the provider calls its own.",
        )
        .default("authorization_code")
        .mistaken(&["grant_type"]),
        Key::new("issuer", URL, "Where the provider tells its addresses (RFC 8414, OpenID Connect Discovery).")
            .example("https://auth.example.com"),
        Key::new("resource", URL, "What the token is for, where it tells who its issuer is (RFC 9728, RFC 8707).")
            .example("https://api.example.com/mcp"),
        Key::new("register_url", URL, "Where the client registers itself (RFC 7591), unless ops did.")
            .mistaken(&["registration_url"]),
        Key::new(
            "register_params",
            Type::Mapping(&Type::Value),
            "Added to what a registration says of the client; null leaves out what is usual.",
        )
        .example("{client_name: Booking assistant}"),
        Key::new("register", Type::Section(&TOKEN_CALL), "In place of the usual registration."),
        BEFORE,
        AUTHORIZE_URL,
        PARAMS,
        UNENCODED,
        Key::new("scope_separator", Type::Text, "Between scopes.").default("\" \""),
        Key::new("pkce", Type::Bool, "RFC 7636, S256.").default("true"),
        CALLBACK,
        Key::new("token_url", URL, "Where codes and refresh tokens are exchanged."),
        Key::new(
            "client_auth",
            Type::Word(CLIENT_AUTH),
            "How the client authenticates at the token URL; one that is registered, or whose provider is found: as both know.",
        )
        .default("body"),
        Key::new("client_assertion", Type::Section(&CLIENT_ASSERTION), "The JWT by which it authenticates (RFC 7523)."),
        Key::new("token_method", Type::Word(&["POST", "GET"]), "How the token URL is asked.").default("POST"),
        Key::new("token_body", Type::Word(TOKEN_BODIES), "How it is sent what it needs.").default("form"),
        Key::new("token_headers", Type::Mapping(&Type::Template), "Sent to the token URL."),
        Key::new(
            "token_params",
            Type::Mapping(&Type::Value),
            "Added to what the token URL is sent; null leaves out what is usual.",
        ),
        Key::new("refresh_url", URL, "Where refresh tokens are exchanged, if elsewhere."),
        Key::new("refresh_params", Type::Mapping(&Type::Value), "The same as `token_params`, of a refresh only."),
        Key::new("exchange", Type::Section(&TOKEN_CALL), "In place of the usual exchange."),
        Key::new("refresh", Type::Section(&TOKEN_CALL), "In place of the usual refresh."),
        Key::new("then", Type::List(&A_TOKEN_STEP), "What is asked after the usual exchange, and after the refresh."),
        Key::new("revoke_url", URL, "Where tokens are given back (RFC 7009).").mistaken(&["revocation_url"]),
        REVOKE,
        FROM,
        TOKEN_KEY,
        LIFETIME,
        MARGIN,
        Key::new("idle", Type::Duration, "The provider ends a grant that was not renewed for so long.").example("30d"),
        CAPTURE,
        Key::new("token_errors", Type::List(&A_TOKEN_ERROR), "What token answers mean; tried first."),
        Key::new("dead", Type::List(&A_DEAD), "Token answers that mean: connect again.")
            .default("[{error: invalid_grant}]"),
    ],
    &APPLY,
]);
/// All but `errors`, which in an account file are those of all its requests.
static EXCHANGE: [Key; 19] = joined(&[
    &[
        Key::new("request", Type::Section(&REQUEST), "Gets the token; may use `auth.*`."),
        Key::new("steps", Type::List(&A_TOKEN_STEP), "Several requests, in order, in place of `request`."),
        FROM,
        BEFORE,
        AUTHORIZE_URL,
        PARAMS,
        UNENCODED,
        CALLBACK,
        Key { required: true, ..TOKEN_KEY },
        LIFETIME,
        MARGIN,
        CAPTURE,
        REVOKE,
    ],
    &APPLY,
]);

static TOKEN_EXCHANGE: [Key; 20] =
    joined(&[&EXCHANGE, &[Key::new("errors", Type::List(&A_RULE), "What the answers of the token requests mean.")]]);

/// Tables for a place: one a scheme, all of them as a type, and the one that fits a scheme.
macro_rules! tables {
    ($place:literal $all:ident $find:ident beside $beside:ident: $($name:literal $static:ident = $count:literal $keys:expr;)*) => {
        $(static $static: Section = Section {
            name: $place,
            doc: concat!("Signs requests by `", $name, "`."),
            keys: &joined::<$count>(&[&$beside, &[Key { kind: Type::Word(&[$name]), ..SCHEME_KEY }], &$keys]),
            near: &[&REQUEST, &SHARED, &SEVERAL],
        };)*

        static $all: [Type; SCHEMES.len()] = [$(Type::Section(&$static)),*];

        fn $find(scheme: &str) -> Option<&'static Section> {
            match scheme {
                $($name => Some(&$static),)*
                _ => None,
            }
        }
    };
}

tables! {
    "auth" ANY_AUTH in_connector beside OWN:
    "none" AUTH_NONE = 4 NONE;
    "basic" AUTH_BASIC = 6 BASIC;
    "bearer" AUTH_BEARER = 5 BEARER;
    "api_key" AUTH_API_KEY = 9 API_KEY;
    "oauth2" AUTH_OAUTH2 = 45 OAUTH2;
    "token_exchange" AUTH_TOKEN_EXCHANGE = 24 TOKEN_EXCHANGE;
    "oauth1" AUTH_OAUTH1 = 20 OAUTH1;
    "sigv4" AUTH_SIGV4 = 10 SIGV4;
}

tables! {
    "account" ANY_ACCOUNT in_account beside OF_ACCOUNT:
    "none" ACCOUNT_NONE = 10 NONE;
    "basic" ACCOUNT_BASIC = 12 BASIC;
    "bearer" ACCOUNT_BEARER = 11 BEARER;
    "api_key" ACCOUNT_API_KEY = 15 API_KEY;
    "oauth2" ACCOUNT_OAUTH2 = 51 OAUTH2;
    "token_exchange" ACCOUNT_TOKEN_EXCHANGE = 29 EXCHANGE;
    "oauth1" ACCOUNT_OAUTH1 = 26 OAUTH1;
    "sigv4" ACCOUNT_SIGV4 = 16 SIGV4;
}

tables! {
    "scheme" ANY_SCHEME in_schemes beside NONE:
    "none" SCHEME_NONE = 1 NONE;
    "basic" SCHEME_BASIC = 3 BASIC;
    "bearer" SCHEME_BEARER = 2 BEARER;
    "api_key" SCHEME_API_KEY = 6 API_KEY;
    "oauth2" SCHEME_OAUTH2 = 42 OAUTH2;
    "token_exchange" SCHEME_TOKEN_EXCHANGE = 21 TOKEN_EXCHANGE;
    "oauth1" SCHEME_OAUTH1 = 17 OAUTH1;
    "sigv4" SCHEME_SIGV4 = 7 SIGV4;
}

/// The keys of a scheme and of what may stand beside it.
pub fn sign_in(place: Place, scheme: &str) -> Option<&'static Section> {
    match place {
        Place::Connector => in_connector(scheme),
        Place::Account => in_account(scheme),
        Place::Named => in_schemes(scheme),
    }
}

static SCHEMES_KEY: Key =
    Key::new("schemes", Type::Named(&SCHEME), "Several by name; the first is the default.").required().confused(
        &["scheme"],
        "`scheme` is the only way to sign in, `schemes` are several: put this one under `schemes` too, by a name",
    );

/// `auth` with a shared account.
pub static SHARED: Section = Section {
    name: "auth",
    doc: "Signs in to an account that several connectors share.",
    keys: &[Key::new("account", Type::Id, "`_accounts/<id>.yaml`.").required().example("my-provider"), SCOPES],
    near: &[],
};

/// `auth` with several schemes.
pub static SEVERAL: Section = Section {
    name: "auth",
    doc: "Signs requests by one of several schemes.",
    keys: &joined::<4>(&[&OWN, &[SCHEMES_KEY]]),
    near: &[&SCHEME_OAUTH2, &SCHEME_TOKEN_EXCHANGE, &SCHEME_BASIC],
};

/// An account file with several schemes.
pub static ACCOUNT_SEVERAL: Section = Section {
    name: "account",
    doc: "Signs requests by one of several schemes.",
    keys: &joined::<10>(&[&OF_ACCOUNT, &[SCHEMES_KEY]]),
    near: &[&SCHEME_OAUTH2, &SCHEME_TOKEN_EXCHANGE, &SCHEME_BASIC],
};

/// `auth`, in any of its forms.
pub static AUTH: Type = Type::Either(&[Type::Section(&SHARED), Type::Section(&SEVERAL), Type::Either(&ANY_AUTH)]);

/// An account file, in any of its forms.
pub static ACCOUNT: Type = Type::Either(&[Type::Section(&ACCOUNT_SEVERAL), Type::Either(&ANY_ACCOUNT)]);

/// An entry of `schemes`, in any of its forms.
pub static SCHEME: Type = Type::Either(&ANY_SCHEME);

/// `token` of a scheme that gets one.
pub static TOKEN: Section = Section {
    name: "token",
    doc: "Where the answers of a token call keep things. The last answer that has one counts.",
    keys: &[
        Key::new("access_token", Type::Value, "The token that requests carry.").default("$.access_token"),
        Key::new("refresh_token", Type::Value, "What the next one is got with.").default("$.refresh_token"),
        Key::new("scope", Type::Value, "What was granted: a list, or text with spaces or commas.").default("$.scope"),
        Key::new("expires_in", Type::Value, "For how many seconds it lives.")
            .default("$.expires_in")
            .example("\"{{ answer.body.minutes * 60 }}\""),
        Key::new("expires_at", Type::Value, "When it ends: seconds since 1970, RFC 3339, or a date of HTTP.")
            .example("\"{{ answer.body.expires_ms / 1000 }}\""),
    ],
    near: &[],
};

/// `exchange`, `refresh`, `revoke` and `register`.
pub static TOKEN_CALL: Section = Section {
    name: "token call",
    doc: "One or several requests; what they need is in `auth`.",
    keys: &[
        Key::new("request", Type::Section(&REQUEST), "The only one."),
        Key::new("steps", Type::List(&A_TOKEN_STEP), "Several, in order."),
    ],
    near: &[&REQUEST, &TOKEN_STEP],
};

static A_TOKEN_STEP: Type = Type::Section(&TOKEN_STEP);

/// An entry of `steps` of a token call, and of `then`.
pub static TOKEN_STEP: Section = Section {
    name: "token step",
    doc: "One request of a token call, and what is kept of its answer for the later ones.",
    keys: &[
        Key::new("request", Type::Section(&REQUEST), "What is asked.").required(),
        Key::new("keep", Type::Named(&Type::Value), "Name → value found in the answer: `auth.<name>` from here on.")
            .example("{session: $.sessionId}"),
    ],
    near: &[&REQUEST, &TOKEN_CALL],
};
