//! Sign-in: credentials, scopes, accounts.

use super::{check, load_with, shop};

const FIELDS: &str = "fields: {user: {type: string, secret: false}, key: {type: string}}";

#[test]
fn credentials_are_known_in_auth_only() {
    check(
        &[
            (
                "auth",
                &format!(
                    "{{{FIELDS}, scheme: basic, username: \"{{{{ auth.user }}}}\", password: \"{{{{ auth.key }}}}\"}}"
                ),
            ),
            (
                "http",
                "
  base_url: https://api.example.com
  headers: {X-A: \"{{ auth.key }}\", X-B: \"{{ connection.key }}\", X-C: \"{{ connection.user }}\"}",
            ),
        ],
        &[
            "C401 auth: credentials are known in `auth` only (put it on requests by a scheme in `auth`; a field with `secret: false` is in `connection` as well)",
            "C401 key: `key` is a credential: outside `auth` nobody knows it (use it as `auth.…` in a scheme; if it is not secret, declare it with `secret: false`)",
        ],
    );
}

#[test]
fn fields_and_tokens_that_are_read_exist() {
    check(
        &[(
            "auth",
            &format!(
                "{{{FIELDS}, scheme: api_key, headers: {{X-Key: \"{{{{ auth.kye }}}}\", X-T: \"{{{{ auth.token }}}}\", X-U: \"{{{{ auth.user ~ auth.key }}}}\"}}}}"
            ),
        )],
        &[
            "C203 kye: there is no sign-in field `kye` (did you mean `key`?)",
            "C405 token: this scheme gets no token (only `oauth2` and `token_exchange` do, and only once they have it)",
        ],
    );
}

#[test]
fn names_that_connections_have_are_taken() {
    check(
        &[("auth", "{fields: {label: {type: string}}, scheme: bearer, token: \"{{ auth.label }}\"}")],
        &[
            "C208 label: a sign-in field can't be called `label`: every connection has one already (give it another name)",
        ],
    );
    check(
        &[(
            "auth",
            "{scheme: oauth2, authorize_url: https://a.example.com, token_url: https://a.example.com, capture: {id: $.id}}",
        )],
        &["C208 id: every connection has a `id` already (give the captured value another name)"],
    );
    check(
        &[("auth", "{schemes: {none: {scheme: none}}}")],
        &["C208 none: `none` always means: without sign-in (give the scheme another name)"],
    );
}

#[test]
fn secrets_stay_out_of_sign_in_urls() {
    let auth = "
  fields: {site: {type: string, secret: false}, key: {type: string}}
  scheme: oauth2
  authorize_url: {by: \"{{ auth.site }}\", of: {a: https://a.example.com/authorize, b: \"https://b.example.com/{{ auth.key }}\"}}
  token_url: \"https://a.example.com/{{ connection.market }}\"
  params: {account: \"{{ auth.site }}\"}
";
    check(
        &[("auth", auth)],
        &[
            "C402 key: `key` is secret, and a sign-in URL is seen by browsers and logs (if it is not secret, declare `key` with `secret: false`)",
            "C203 market: there is no `market` in `connection` (there are `id`, `label`, `site`)",
        ],
    );
}

#[test]
fn what_the_redirect_tells_is_known_once_it_has_come() {
    let auth = "
  scheme: oauth2
  authorize_url: \"https://{{ connection.market }}.example.com/authorize\"
  token_url: \"https://{{ connection.market }}.example.com/{{ connection.api }}\"
  revoke_url: \"https://{{ connection.market }}.example.com/{{ connection.api }}\"
  callback: {market: market-code, label: name, secret: code}
  capture: {api: $.api}
";
    let http = "{base_url: \"https://{{ connection.api }}.example.com\", hosts: [\"*.example.com\"]}";
    check(
        &[("auth", auth), ("http", http)],
        &[
            "C202 connection: `connection` is not known here (there is no connection yet: sign-in fields are `auth.<field>`)",
            "C203 api: there is no `api` in `connection` (there are `id`, `label`, `market`, `label`, `secret`)",
            "C208 label: every connection has a `label` already (give the captured value another name)",
            "C208 code: `code` is a part of the sign-in itself and not kept",
        ],
    );
}

#[test]
fn a_scheme_has_its_own_keys() {
    check(
        &[("auth", "{scheme: basic, username: a, token_url: https://a.example.com}")],
        &[
            "C101 token_url: unknown key `token_url` in `auth` (the keys of `auth` are `fields`, `scopes`, `client_certificate`, `scheme`, `username` and `password`)",
        ],
    );
    check(
        &[("auth", "{scheme: oauth}")],
        &["C104 oauth: `oauth` is not a value of `scheme` (did you mean `oauth2`? `oauth1` is what came before it)"],
    );
    check(
        &[("auth", "{fields: {}}")],
        &["C103 auth: `auth` needs `account`, `scheme` or `schemes` (for example `scheme: basic`)"],
    );
    check(
        &[("auth", "{scheme: api_key}")],
        &[
            "C103 auth: `api_key` needs `headers`, `query`, `body` or `path`: where the key is put (for example `headers: {X-Api-Key: \"{{ auth.key }}\"}`)",
        ],
    );
    check(
        &[("auth", "{scheme: token_exchange, request: {method: POST, path: /token}, token: $.token}")],
        &[
            "C103 auth: how long the token lives is not told (add `expires_in: $.expires_in` to `token` if the answer says it, or `lifetime: 1h`, or `never`)",
        ],
    );
}

#[test]
fn requests_name_schemes_that_exist() {
    let actions = "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    steps:
      - {id: a, request: {method: GET, path: /a, auth: frist}}
      - {id: b, request: {method: GET, path: /b, auth: none}}
    output: \"{{ steps.a }}{{ steps.b }}\"
";
    check(
        &[("auth", "{schemes: {first: {scheme: none}}}"), ("actions", actions)],
        &["C205 frist: there is no sign-in `frist` (did you mean `first`?)"],
    );
}

const ACCOUNT: &str = "
id: market
title: Market
scopes: {orders.read: Look at orders, orders.write: Change orders}
scheme: oauth2
authorize_url: https://login.example.com/authorize
token_url: https://login.example.com/token
";

#[test]
fn scopes_are_those_that_the_account_lists() {
    let loaded = load_with(&shop(&[("auth", "{account: market, scopes: [orders.raed]}")]), &[("market", ACCOUNT)]);
    assert_eq!(
        loaded.lines(),
        ["C403 orders.raed: the account `market` does not list the scope `orders.raed` (did you mean `orders.read`?)"]
    );
}

#[test]
fn accounts_are_found_by_their_file() {
    let loaded = load_with(&shop(&[("auth", "{account: markte}")]), &[("market", ACCOUNT)]);
    assert_eq!(loaded.lines(), ["C205 markte: there is no account `markte` (did you mean `market`?)"]);
    let loaded = load_with(&shop(&[("auth", "{account: bazaar}")]), &[("bazaar", ACCOUNT)]);
    assert_eq!(
        loaded.lines(),
        ["C107 market: the account `market` stands in the file `bazaar.yaml` (write `id: bazaar`, or rename the file)"]
    );
    assert!(loaded.connectors.is_empty(), "an account with an error takes its connectors with it");
}

#[test]
fn an_account_names_whole_addresses() {
    let account = format!("{ACCOUNT}after_connect: {{request: {{method: GET, path: /me}}, label: $.name}}\n");
    let loaded = load_with(&shop(&[("auth", "{account: market}")]), &[("market", &account)]);
    assert_eq!(
        loaded.lines(),
        ["C502 /me: an account has no base URL that this path could follow (give the whole address: `url: https://…`)"]
    );
}

#[test]
fn an_own_account_has_an_id_of_its_own() {
    let account = ACCOUNT.replace("market", "shop");
    let loaded = load_with(&shop(&[]), &[("shop", &account)]);
    assert_eq!(
        loaded.lines(),
        [
            "C108 shop: there is an account `shop` in `_accounts`, which other connectors share (use it by `auth: {account: shop}`, or give the connector another id)"
        ]
    );
}

#[test]
fn credentials_are_no_headers_of_requests() {
    check(
        &[(
            "http",
            "{base_url: https://api.example.com, headers: {Authorization: Bearer abc, Host: other, \"X Y\": a}}",
        )],
        &[
            "C404 Authorization: this header carries a credential, which only `auth` knows (put it into `headers` of a scheme in `auth`)",
            "C507 Host: this header is set by the engine (leave it out)",
            "C507 \"X Y\": this is not a header's name (names have letters, digits and dashes)",
        ],
    );
}
