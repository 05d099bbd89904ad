//! Questions at places of small files: `^` is where the cursor stands.

use super::*;

const CONNECTOR: &str = "\
id: shop
version: 1.0.0
title: Shop
auth: {account: market, scopes: [orders.read]}
http:
  base_url: https://api.example.com
  servers: {files: {base_url: https://files.example.com}}
fields:
  branch: {type: string, title: Branch, lookup: branches}
events:
  receive: {verify: {given: a, expected: b}}
  types:
    paid: {title: Paid, id: x, output: {amount: $.amount}}
lookups:
  branches:
    request: {method: GET, path: /branches}
    each: $.items[*]
    option: {value: $.id, label: $.name}
actions:
  find:
    title: Find an order
    describe: Finds an order.
    effect: read
    config: {branch: shared}
    input:
      number: {type: string, description: As it stands on the receipt.}
      customer: {type: object, properties: {name: {type: string}, phone: {type: string}}}
    steps:
      - id: look_up
        request: {method: GET, path: \"/orders/{{ input.number }}\", server: files}
        output: {id: $.id, total: $.total}
      - id: details
        request: {method: GET, path: \"/orders/{{ steps.look_up.id }}\"}
    output: \"{{ steps.details }}\"
";

const ACCOUNT: &str = "\
id: market
title: Market
fields: {key: {type: string, title: Key}, region: {type: string, secret: false}}
scheme: oauth2
scopes:
  orders.read: Read orders
  orders.write: Change orders
capture: {shop_id: $.shop.id}
";

const TESTS: &str = "\
cases:
  - name: finds an order
    action: find
    input: {number: \"7\"}
";

fn path(name: &str) -> PathBuf {
    Path::new("/connectors").join(name)
}

/// The project in which the file of that name has that text, with the cursor at `^`.
fn at(name: &str, text: &str) -> (Project, usize) {
    let byte = text.find('^').unwrap_or_else(|| panic!("no cursor in {text}"));
    let file = File::new(path(name), text.replacen('^', "", 1)).expect("a file of the language");
    let all = [("shop/connector.yaml", CONNECTOR), ("_accounts/market.yaml", ACCOUNT), ("shop/tests.yaml", TESTS)];
    let others = all.into_iter().filter(|(it, _)| *it != name);
    let others = others.map(|(name, text)| File::new(path(name), text.to_owned()).expect("a file")).collect();
    (Project { file, others, accounts: vec!["market".to_owned(), "other".to_owned()] }, byte)
}

/// The connector with something else in it.
fn with(from: &str, to: &str) -> (Project, usize) {
    assert!(CONNECTOR.contains(from), "{from}");
    at("shop/connector.yaml", &CONNECTOR.replacen(from, to, 1))
}

fn labels((project, byte): (Project, usize)) -> Vec<String> {
    complete(&project, byte).into_iter().map(|it| it.label).collect()
}

#[track_caller]
fn offers(place: (Project, usize), wanted: &[&str], unwanted: &[&str]) {
    let found = labels(place);
    for it in wanted {
        assert!(found.iter().any(|label| label == it), "{it} is missing: {found:?}");
    }
    for it in unwanted {
        assert!(!found.iter().any(|label| label == it), "{it} is there: {found:?}");
    }
}

/// The text after the item of that label is taken.
#[track_caller]
fn taken((project, byte): (Project, usize), label: &str) -> String {
    let items = complete(&project, byte);
    let item = items.iter().find(|it| it.label == label).unwrap_or_else(|| panic!("{label}: {items:#?}"));
    let mut text = project.file.text;
    text.replace_range(item.replace.clone(), &item.insert);
    let line = text[..item.replace.start].rfind('\n').map_or(0, |it| it + 1);
    text[line..].lines().next().unwrap_or_default().trim().to_owned()
}

#[test]
fn keys_of_the_section_are_offered_while_it_is_half_typed() {
    offers(with("    effect: read\n", "    ef^\n"), &["effect", "scopes", "timeout"], &["title", "config", "method"]);
    offers(with("    effect: read\n", "    effect: read\n    ^\n"), &["idempotent", "timeout"], &["effect", "input"]);
    offers(with("{method: GET, path: /branches}", "{method: GET, ^"), &["path", "url", "query"], &["method", "effect"]);
    offers(with("{method: GET, path: /branches}", "\n      ^"), &["method", "path"], &["each", "option"]);
    offers(with("      - id: details\n", "      - ^\n"), &["id", "request", "when", "undo"], &["title"]);
    offers(
        with("auth: {account: market, scopes: [orders.read]}", "auth:\n  ^"),
        &["scheme", "account", "schemes"],
        &[],
    );
    let basic = "auth:\n  scheme: basic\n  ^";
    offers(
        with("auth: {account: market, scopes: [orders.read]}", basic),
        &["username", "password"],
        &["token_url", "scheme"],
    );
    offers(with("version: 1.0.0\n", "^\n"), &["version", "summary", "catalog"], &["id", "title"]);
    offers(at("shop/tests.yaml", "cases:\n  - name: a\n    ^"), &["action", "exchanges"], &["name", "cases"]);
    offers(
        at("_accounts/market.yaml", "id: market\nscheme: oauth2\n^"),
        &["authorize_url", "scopes"],
        &["id", "username"],
    );
}

#[test]
fn what_is_taken_stands_as_it_should() {
    assert_eq!(taken(with("    effect: read\n", "    ef^\n"), "effect"), "effect:");
    assert_eq!(taken(with("    effect: read\n", "    e^ffct: read\n"), "timeout"), "timeout: read");
    assert_eq!(
        taken(with("{method: GET, path: /branches}", "{method: GET, pa^}"), "path"),
        "request: {method: GET, path: }"
    );
    assert_eq!(taken(with("effect: read", "effect: ^"), "write"), "effect: write");
    assert_eq!(
        taken(with("{{ input.number }}", "{{ input.nu^ }}"), "number"),
        "request: {method: GET, path: \"/orders/{{ input.number }}\", server: files}"
    );
    assert_eq!(
        taken(with("{{ input.number }}", "{{ input.number | upp^"), "upper"),
        "request: {method: GET, path: \"/orders/{{ input.number | upper\", server: files}"
    );
    assert_eq!(
        taken(with("[orders.read]", "[orders.r^]"), "orders.write"),
        "auth: {account: market, scopes: [orders.write]}"
    );
    assert_eq!(taken(with("{branch: shared}", "{br^}"), "branch"), "config: {branch: shared}");
}

#[test]
fn words_and_references_are_offered_as_values() {
    offers(with("effect: read", "effect: ^"), &["read", "money"], &["GET"]);
    offers(with("effect: read", "effect: re^"), &["read"], &[]);
    offers(with("{method: GET, path: /branches}", "{method: ^, path: /branches}"), &["GET", "PROPFIND"], &[]);
    offers(with("server: files", "server: ^"), &["files"], &[]);
    offers(with("lookup: branches", "lookup: ^"), &["branches"], &[]);
    offers(with("account: market", "account: ^"), &["market", "other"], &[]);
    offers(with("[orders.read]", "[^]"), &["orders.read", "orders.write"], &[]);
    offers(with("config: {branch: shared}", "config: {branch: ^}"), &["shared"], &[]);
    offers(with("effect: read", "errors: [{status: 404, is: ^}]"), &["not_found", "ok"], &[]);
    offers(
        with("      - id: details\n", "      - id: w\n        wait: {event: ^}\n      - id: details\n"),
        &["paid"],
        &[],
    );
    offers(at("shop/tests.yaml", &TESTS.replace("action: find", "action: ^")), &["find"], &[]);
    offers(at("shop/tests.yaml", &TESTS.replace("{number: \"7\"}", "{^}")), &["number", "customer"], &[]);
}

#[test]
fn names_are_offered_inside_templates() {
    let asked = |template: &str| with("\"/orders/{{ steps.look_up.id }}\"}", template);
    offers(
        asked("\"/orders/{{ ^ }}\"}"),
        &["input", "config", "steps", "connection", "execution"],
        &["auth", "record", "item"],
    );
    offers(asked("\"/orders/{{ input.^ }}\"}"), &["number", "customer"], &["branch"]);
    offers(asked("\"/orders/{{ input.customer.^"), &["name", "phone"], &["number"]);
    offers(asked("\"/orders/{{ config.^ }}\"}"), &["branch"], &["number"]);
    offers(asked("\"/orders/{{ steps.^"), &["look_up"], &["details"]);
    offers(asked("\"/orders/{{ steps.look_up.^ }}\"}"), &["id", "total"], &[]);
    offers(asked("\"/orders/{{ connection.^ }}\"}"), &["id", "label", "region", "shop_id", "webhook_url"], &["key"]);
    offers(asked("\"/orders/{{ input.number | ^ }}\"}"), &["upper", "default"], &["input"]);
    offers(asked("\"/orders/{{ 'x' if input.number is ^"), &["defined"], &["upper"]);
    offers(asked("\"/orders/{{ 'input.^' }}\"}"), &[], &["number"]);
    offers(with("    output: \"{{ steps.details }}\"", "    output: \"{{ steps.^ }}\""), &["look_up", "details"], &[]);
    let headers = ACCOUNT.replace("scheme: oauth2\n", "scheme: oauth2\nheaders: {X-Key: \"{{ auth.^ }}\"}\n");
    offers(at("_accounts/market.yaml", &headers), &["key", "region", "token"], &[]);
}

/// A sign-in in several requests.
const LOGIN: &str = "\
auth:
  fields: {key: {type: string, title: Key}, region: {type: string, secret: false}}
  schemes:
    main:
      scheme: oauth2
      authorize_url: https://login.example.com/authorize
      before:
        - request: {method: POST, url: https://login.example.com/begin, form: {id: \"{{ auth.A }}\"}}
          keep: {ticket: $.ticket}
      params: {ticket: \"{{ auth.B }}\"}
      exchange:
        steps:
          - request: {method: POST, url: https://login.example.com/session, form: {code: \"{{ auth.C }}\"}}
            keep: {session: $.session}
          - request: {method: POST, url: https://login.example.com/token, form: {session: \"{{ auth.D }}\"}}
            keep: {shop: $.shop}
      refresh:
        request: {method: POST, url: https://login.example.com/token, form: {old: \"{{ auth.E }}\"}}
      headers: {X-Shop: \"{{ auth.F }}\"}
";

/// The connector with that sign-in, and something at one of its places.
fn signing_in(place: char, written: &str) -> (Project, usize) {
    let login = LOGIN.replacen(&format!("auth.{place} "), &format!("auth.{written} "), 1);
    with("auth: {account: market, scopes: [orders.read]}\n", &login)
}

#[test]
fn names_of_token_calls_are_offered_where_they_are_known() {
    for (place, wanted, unwanted) in [
        ('A', "key client_id client_secret state redirect_uri", "code ticket session refresh_token"),
        ('B', "region client_id scope code_challenge ticket", "key token client_secret session"),
        ('C', "key client_id client_secret code code_verifier ticket", "session shop refresh_token"),
        ('D', "code session ticket refresh_token", "shop"),
        ('E', "client_id client_secret refresh_token token", "code session ticket"),
        ('F', "key token nonce session shop", "code ticket client_id"),
    ] {
        let words = |it: &'static str| it.split(' ').collect::<Vec<_>>();
        offers(signing_in(place, "^"), &words(wanted), &words(unwanted));
    }
    let said = said(signing_in('D', "sess^ion"));
    assert_eq!(said, "[session] `session`: kept by an earlier request");
    let said = self::said(signing_in('C', "co^de"));
    assert_eq!(said, "[code] `code`: what a consent gave, to be exchanged");
    let connector = "shop/connector.yaml".to_owned();
    assert_eq!(leads_to(signing_in('F', "sh^op")), Some((connector, "shop: $.shop}".to_owned())));
    assert_eq!(leads_to(signing_in('C', "co^de")), None);
}

#[test]
fn what_is_found_of_a_provider_is_offered() {
    let auth = |scheme: &str| {
        let auth = format!("auth: {{scheme: oauth2, {scheme}, revoke_url: '{{{{ auth.^ }}}}'}}\n");
        with("auth: {account: market, scopes: [orders.read]}\n", &auth)
    };
    let found = ["revocation_endpoint", "issuer", "client_id"];
    offers(auth("issuer: 'https://auth.example.com'"), &found, &["client_secret", "code"]);
    offers(auth("token_url: 'https://auth.example.com/token'"), &["client_id"], &["revocation_endpoint"]);
}

fn said((project, byte): (Project, usize)) -> String {
    hover(&project, byte).map(|it| format!("[{}] {}", &project.file.text[it.range], it.text)).unwrap_or_default()
}

#[test]
fn what_is_pointed_at_is_explained() {
    for (place, expected) in [
        (with("effect: read", "eff^ect: read"), "[effect] `effect` of `action`: `read`, `write`, `delete` or `money`"),
        (with("effect: read", "effect: re^ad"), "[read] `effect` of `action`"),
        (with("input.number", "inp^ut.number"), "[input] `input`: what the agent filled in"),
        (with("input.number", "input.num^ber"), "[number] `number`: string\n\nAs it stands on the receipt."),
        (with("steps.look_up.id", "steps.look^_up.id"), "[look_up] `look_up`: step: request"),
        (with("input.number", "input.number | upp^er"), "[upper] `value | upper`"),
        (with("[orders.read]", "[orders^.read]"), "[orders.read] `orders.read`: scope\n\nRead orders"),
        (with("{branch: shared}", "{branch: sha^red}"), "[shared] `branch`: string\n\nBranch"),
        (at("shop/tests.yaml", &TESTS.replace("number:", "num^ber:")), "[number] `number`: string"),
    ] {
        let said = said(place);
        assert!(said.starts_with(expected), "{expected}\n--- {said}");
    }
    assert_eq!(said(with("title: Shop\n", "title: Shop\n^\n")), "");
}

fn leads_to((project, byte): (Project, usize)) -> Option<(String, String)> {
    let target = definition(&project, byte)?;
    let file = std::iter::once(&project.file).chain(&project.others).find(|it| it.path == target.path)?;
    let line = file.text[target.range.start..].lines().next()?.to_owned();
    Some((target.path.strip_prefix("/connectors").ok()?.display().to_string(), line))
}

#[test]
fn names_lead_to_where_they_are_declared() {
    let connector = "shop/connector.yaml";
    for (place, file, line) in [
        (
            with("input.number", "input.num^ber"),
            connector,
            "number: {type: string, description: As it stands on the receipt.}",
        ),
        (with("steps.look_up.id", "steps.look^_up.id"), connector, "look_up"),
        (with("steps.look_up.id", "steps.look_up.i^d"), connector, "id: $.id, total: $.total}"),
        (with("server: files", "server: fil^es"), connector, "files: {base_url: https://files.example.com}}"),
        (with("lookup: branches", "lookup: bra^nches"), connector, "branches:"),
        (
            with("{branch: shared}", "{branch: sha^red}"),
            connector,
            "branch: {type: string, title: Branch, lookup: branches}",
        ),
        (with("account: market", "account: mar^ket"), "_accounts/market.yaml", "id: market"),
        (with("[orders.read]", "[orders^.read]"), "_accounts/market.yaml", "orders.read: Read orders"),
        (at("shop/tests.yaml", &TESTS.replace("action: find", "action: fi^nd")), connector, "find:"),
        (
            at("shop/tests.yaml", &TESTS.replace("number:", "num^ber:")),
            connector,
            "number: {type: string, description: As it stands on the receipt.}",
        ),
    ] {
        assert_eq!(leads_to(place), Some((file.to_owned(), line.to_owned())));
    }
    assert_eq!(leads_to(with("title: Shop\n", "title: Sh^op\n")), None);
}

#[test]
fn a_file_has_its_named_parts() {
    fn names(symbols: &[Symbol]) -> Vec<String> {
        symbols.iter().flat_map(|it| std::iter::once(it.name.clone()).chain(names(&it.children))).collect()
    }
    let (project, _) = with("title: Shop\n", "title: Shop^\n");
    let found = names(&symbols(&project.file));
    let wanted = ["fields", "branch", "events", "paid", "lookups", "branches", "actions", "find", "look_up", "details"];
    assert!(wanted.iter().all(|it| found.iter().any(|name| name == it)), "{found:?}");
    let (project, _) = at("shop/tests.yaml", &format!("{TESTS}^"));
    assert_eq!(names(&symbols(&project.file)), ["finds an order"]);
}

/// Wherever somebody stops typing there is an answer, and a quick one.
#[test]
fn every_beginning_of_a_file_is_answered_everywhere() {
    for end in (0..CONNECTOR.len()).filter(|it| CONNECTOR.is_char_boundary(*it)) {
        let (project, byte) = at("shop/connector.yaml", &format!("{}^", &CONNECTOR[..end]));
        complete(&project, byte);
        hover(&project, byte);
        definition(&project, byte);
        symbols(&project.file);
    }
}
