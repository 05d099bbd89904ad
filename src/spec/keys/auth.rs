//! Sign-in: `auth` of a connector, account files, and the keys of each scheme.

use super::{
    AFTER_CONNECT, REQUEST,
    field::A_SIGN_IN_FIELD,
    http::{A_DEAD, A_RULE, A_TOKEN_ERROR, AN_EXPIRED, URL},
    joined,
};
use crate::yaml::{Key, Section, Type};

/// The schemes.
pub const SCHEMES: &[&str] = &["none", "basic", "bearer", "api_key", "oauth2", "token_exchange"];

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
static SCOPES: Key = Key::new("scopes", Type::List(&Type::Text), "Needed by every action and lookup.");

/// Beside an own scheme in `auth`.
static OWN: [Key; 2] = [FIELDS, SCOPES];
/// Beside a scheme in an account file.
static OF_ACCOUNT: [Key; 8] = [
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
static EXPIRED: Key =
    Key::new("expired", Type::List(&AN_EXPIRED), "Answers that mean: renew the token and send once more.")
        .default("[{status: 401}]");
static LIFETIME: Key = Key::new("lifetime", Type::Duration, "When the answer does not tell.").example("1h");

static NONE: [Key; 0] = [];
static BASIC: [Key; 2] = [
    Key::new("username", Type::Template, "May be empty.").required().mistaken(&["user"]),
    Key::new("password", Type::Template, "May be empty.").default("\"\""),
];
static BEARER: [Key; 1] =
    [Key::new("token", Type::Template, "The token.").required().example("\"{{ auth.api_token }}\"")];
static API_KEY: [Key; 2] = [HEADERS, QUERY];
static OAUTH2: [Key; 19] = [
    Key::new("authorize_url", URL, "Where the browser goes.").required().mistaken(&["authorization_url", "auth_url"]),
    Key::new("token_url", URL, "Where codes and refresh tokens are exchanged.").required(),
    Key::new("revoke_url", URL, "Where tokens are given back (RFC 7009).").mistaken(&["revocation_url"]),
    Key::new("pkce", Type::Bool, "RFC 7636, S256.").default("true"),
    Key::new("client_auth", Type::Word(&["body", "basic"]), "How the client authenticates.").default("body"),
    Key::new("params", Type::Mapping(&Type::Text), "Added to the authorize URL.").mistaken(&["authorize_params"]),
    Key::new("token_params", Type::Mapping(&Type::Text), "Added to token requests."),
    Key::new("scope_separator", Type::Text, "Between scopes.").default("\" \""),
    LIFETIME,
    Key::new("idle", Type::Duration, "The provider ends a grant that was not renewed for so long.").example("30d"),
    Key::new("token", Type::Section(&TOKEN), "Where the token answer keeps things."),
    Key::new(
        "callback",
        Type::Named(&Type::Text),
        "Name → parameter of the provider's redirect, kept in `connection`.",
    )
    .example("{location: location}"),
    Key::new("capture", Type::Named(&Type::Path), "Name → path in the token answer, kept in `connection`.")
        .example("{instance_url: $.instance_url}"),
    Key::new("token_errors", Type::List(&A_TOKEN_ERROR), "What token answers mean; tried first."),
    Key::new("dead", Type::List(&A_DEAD), "Refresh answers that mean: a new consent is needed.")
        .default("[{error: invalid_grant}]"),
    EXPIRED,
    HEADERS,
    QUERY,
    FILL,
];
/// All but `errors`, which in an account file are those of all its requests.
static EXCHANGE: [Key; 9] = [
    Key::new("request", Type::Section(&REQUEST), "Gets the token; may use `auth.*`.").required(),
    Key::new("token", Type::Path, "Where the answer holds the token.").required().example("$.access_token"),
    Key::new("expires_in", Type::Path, "Where the answer holds its lifetime in seconds.").example("$.expires_in"),
    LIFETIME,
    Key::new("margin", Type::Duration, "Renewed this long before the end.").default("60s"),
    EXPIRED,
    HEADERS,
    QUERY,
    FILL,
];

static TOKEN_EXCHANGE: [Key; 10] =
    joined(&[&EXCHANGE, &[Key::new("errors", Type::List(&A_RULE), "What the answers of the token request mean.")]]);

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
    "none" AUTH_NONE = 3 NONE;
    "basic" AUTH_BASIC = 5 BASIC;
    "bearer" AUTH_BEARER = 4 BEARER;
    "api_key" AUTH_API_KEY = 5 API_KEY;
    "oauth2" AUTH_OAUTH2 = 22 OAUTH2;
    "token_exchange" AUTH_TOKEN_EXCHANGE = 13 TOKEN_EXCHANGE;
}

tables! {
    "account" ANY_ACCOUNT in_account beside OF_ACCOUNT:
    "none" ACCOUNT_NONE = 9 NONE;
    "basic" ACCOUNT_BASIC = 11 BASIC;
    "bearer" ACCOUNT_BEARER = 10 BEARER;
    "api_key" ACCOUNT_API_KEY = 11 API_KEY;
    "oauth2" ACCOUNT_OAUTH2 = 28 OAUTH2;
    "token_exchange" ACCOUNT_TOKEN_EXCHANGE = 18 EXCHANGE;
}

tables! {
    "scheme" ANY_SCHEME in_schemes beside NONE:
    "none" SCHEME_NONE = 1 NONE;
    "basic" SCHEME_BASIC = 3 BASIC;
    "bearer" SCHEME_BEARER = 2 BEARER;
    "api_key" SCHEME_API_KEY = 3 API_KEY;
    "oauth2" SCHEME_OAUTH2 = 20 OAUTH2;
    "token_exchange" SCHEME_TOKEN_EXCHANGE = 11 TOKEN_EXCHANGE;
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
    Key::new("schemes", Type::Named(&SCHEME), "Several by name; the first is the default.").required();

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
    keys: &joined::<3>(&[&OWN, &[SCHEMES_KEY]]),
    near: &[&SCHEME_OAUTH2, &SCHEME_TOKEN_EXCHANGE, &SCHEME_BASIC],
};

/// An account file with several schemes.
pub static ACCOUNT_SEVERAL: Section = Section {
    name: "account",
    doc: "Signs requests by one of several schemes.",
    keys: &joined::<9>(&[&OF_ACCOUNT, &[SCHEMES_KEY]]),
    near: &[&SCHEME_OAUTH2, &SCHEME_TOKEN_EXCHANGE, &SCHEME_BASIC],
};

/// `auth`, in any of its forms.
pub static AUTH: Type = Type::Either(&[Type::Section(&SHARED), Type::Section(&SEVERAL), Type::Either(&ANY_AUTH)]);

/// An account file, in any of its forms.
pub static ACCOUNT: Type = Type::Either(&[Type::Section(&ACCOUNT_SEVERAL), Type::Either(&ANY_ACCOUNT)]);

/// An entry of `schemes`, in any of its forms.
pub static SCHEME: Type = Type::Either(&ANY_SCHEME);

/// `token` of `oauth2`.
pub static TOKEN: Section = Section {
    name: "token",
    doc: "Where the token answer keeps things.",
    keys: &[
        Key::new("access_token", Type::Path, "The access token.").default("$.access_token"),
        Key::new("refresh_token", Type::Path, "The refresh token.").default("$.refresh_token"),
        Key::new("expires_in", Type::Path, "Its lifetime in seconds.").default("$.expires_in"),
        Key::new("scope", Type::Path, "What was granted.").default("$.scope"),
    ],
    near: &[],
};
