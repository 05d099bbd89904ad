//! Requests: addresses, hosts, methods, effects, pages, rules.

use super::{check, check_steps, load_with, shop};

/// What is wrong with a request, given as the entries of its mapping.
#[track_caller]
fn request(entries: &str, expected: &[&str]) {
    let actions = format!(
        "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    input: {{name: {{type: string}}}}
    request: {{method: GET, {entries}, headers: {{X-Name: \"{{{{ input.name }}}}\"}}}}
"
    );
    assert_eq!(load_with(&shop(&[("actions", &actions)]), &[]).lines(), expected);
}

#[test]
fn paths_stay_under_the_base_url() {
    for path in ["", "/", "/a/{{ input.name }}:append", "/a%20b/c,d;e=f", "/{{ 'a?b //' ~ input.name }}/c"] {
        request(&format!("path: \"{path}\""), &[]);
    }
    for (path, expected) in [
        (
            "things",
            "C502 things: a path begins with `/` (write `/` before it; an address that the provider gave goes into `url`)",
        ),
        (
            "{{ input.name }}/x",
            "C502 {{ input.name }}/x: a path begins with `/` (write `/` before it; an address that the provider gave goes into `url`)",
        ),
        (
            "https://evil.example.net/x",
            "C502 https://evil.example.net/x: a path is no whole address (write what follows the base URL, or give the whole address as `url`)",
        ),
        ("//evil.example.net/x", "C502 //: `//` in a path is an empty segment, or another host (write a single `/`)"),
        (
            "/a/../../admin",
            "C502 ..: a path stays under the base URL (write the path from the base URL on, without `.` and `..`)",
        ),
        (
            "/a/%2E./admin",
            "C502 %2E.: a path stays under the base URL (write the path from the base URL on, without `.` and `..`)",
        ),
        (
            "/{{ input.name }}?limit=5",
            "C502 ?limit=5: a path has no query (give each parameter under `query`, where it is encoded)",
        ),
        ("/a b", "C502  : ` ` can't stand in a path (write `%20`; placeholders are encoded by themselves)"),
        ("/straße", "C502 ß: `ß` can't stand in a path (write `%C3%9F`; placeholders are encoded by themselves)"),
        ("/100%", "C502 %: `%` can't stand in a path (write `%25`; placeholders are encoded by themselves)"),
        ("/a#b", "C502 #: `#` can't stand in a path (write `%23`; placeholders are encoded by themselves)"),
    ] {
        request(&format!("path: \"{path}\""), &[expected]);
    }
}

#[test]
fn whole_addresses_are_https() {
    request("url: \"{{ input.name }}/events/{{ input.name }}.ics\"", &[]);
    request("url: https://files.example.com/list?all=1", &[]);
    request("url: http://files.example.com/", &["C503 http: providers are called by https only (write `https://`)"]);
    request(
        "url: files.example.com",
        &["C504 files.example.com: this is not an absolute https URL (for example `https://api.example.com/v1`)"],
    );
    request(
        "url: \"https://{{ input.name }}.example.com/\"",
        &[
            "C505 \"https://{{ input.name }}.example.com/\": a value decides which host this is, and `hosts` does not say which ones are meant (add `hosts: [\"*.example.com\"]`, if all of those are the provider's)",
        ],
    );
    request(
        "url: https://a.example.com, server: default",
        &[
            "C109 server: `url` is a whole address: it has no server",
            "C205 default: there is no server `default` (declare it in `servers` of `http`)",
        ],
    );
}

#[test]
fn base_urls_are_https_and_their_hosts_are_declared() {
    for (url, expected) in [
        ("http://api.example.com", "C503 http: providers are called by https only (write `https://`)"),
        (
            "api.example.com",
            "C504 api.example.com: this is not an absolute https URL (for example `https://api.example.com/v1`)",
        ),
        (
            "https://me:pw@api.example.com",
            "C504 me:pw@api.example.com: a URL has no user: credentials belong in `auth` (remove what stands before `@`)",
        ),
        (
            "https://api.example.com/v1?a=1",
            "C504 ?a=1: a base URL has no query and no fragment (give parameters where they are used)",
        ),
        (
            "https://api.exa mple.com/",
            "C504 api.exa mple.com: this is not a host (for example `https://api.example.com/v1`)",
        ),
        (
            "{{ connection.label }}",
            "C505 \"{{ connection.label }}\": a value decides which host this is, and `hosts` does not say which ones are meant (add `hosts: [\"*.example.com\"]` with the provider's own domain)",
        ),
        (
            "https://{{ connection.label }}.example.com",
            "C505 \"https://{{ connection.label }}.example.com\": a value decides which host this is, and `hosts` does not say which ones are meant (add `hosts: [\"*.example.com\"]`, if all of those are the provider's)",
        ),
    ] {
        check(&[("http", &format!("{{base_url: \"{url}\"}}"))], &[expected]);
        let declared = format!("{{base_url: \"{url}\", hosts: [\"*.example.com\"]}}");
        let expected: &[&str] = if expected.starts_with("C505") { &[] } else { &[expected] };
        check(&[("http", &declared)], expected);
    }
    check(
        &[("http", "{base_url: https://api.example.com, hosts: [\"*.com\", \"https://a.example.com\"]}")],
        &[
            "C506 \"*.com\": `*.com` can't be allowed: a `*` can't stand in the last two labels: it would allow hosts of anybody (for example `api.example.com` or `*.example.com`)",
            "C506 \"https://a.example.com\": `https://a.example.com` can't be allowed: a host has no scheme and no path (for example `api.example.com` or `*.example.com`)",
        ],
    );
}

#[test]
fn hosts_of_requests_are_allowed() {
    let actions = "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, url: https://files.example.com/list}
";
    let loaded = load_with(&shop(&[("actions", actions)]), &[]);
    assert_eq!(loaded.connectors[0].http.hosts, ["files.example.com"]);
}

#[test]
fn servers_are_declared() {
    let http = "{servers: {api: https://api.example.com, files: https://files.example.com}}";
    let actions = "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {method: GET, path: /a, server: file}
";
    check(&[("http", http), ("actions", actions)], &["C205 file: there is no server `file` (did you mean `files`?)"]);
}

#[test]
fn an_action_does_no_more_than_it_says() {
    let actions = |effect: &str, step: &str| {
        format!(
            "
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: {effect}
    steps: [{step}]
"
        )
    };
    check(
        &[("actions", &actions("read", "{id: a, request: {method: DELETE, path: /a}}"))],
        &[
            "C508 request: `DELETE` changes something, but only reading is allowed here (give the action `effect: write`; if the provider uses the method to read, the step `effect: read`)",
        ],
    );
    check(
        &[("actions", &actions("read", "{id: a, request: {method: POST, path: /a}, effect: write}"))],
        &["C508 write: a request of effect `write` in an action that only reads (give the action `effect: write`)"],
    );
    check(
        &[("actions", &actions("write", "{id: a, request: {method: GET, path: /a}, effect: write}"))],
        &["C508 write: `GET` only looks: its effect can't be `write`"],
    );
    check(
        &[("actions", &actions("write", "{id: a, request: {method: POST, path: /a}, effect: read}"))],
        &[
            "C807 write: nothing that this action does is of the effect `write` (give it `effect: read`, so that it may run without asking)",
        ],
    );
}

#[test]
fn what_stands_beside_a_request_belongs_there() {
    check_steps(
        "
request: {method: GET, path: /a}
idempotent: true
",
        &["C109 idempotent: `idempotent` means nothing beside a request that only reads"],
    );
    check_steps(
        "
steps:
  - {id: a, set: 1, errors: [], output: 2}
  - {id: b, request: {method: GET, path: /b}, max: 5}
errors: []
",
        &[
            "C109 errors: `errors` means nothing beside `set`: it belongs to a `request`",
            "C109 output: `output` means nothing beside `set`",
            "C109 max: `max` means nothing without `each`",
            "C109 errors: `errors` belongs to one of the `steps`",
        ],
    );
    check_steps(
        "
steps:
  - {id: a, set: 1, call: {action: act}}
  - {id: b}
",
        &[
            "C106 call: `set` and `call` exclude each other (keep one of them)",
            "C103 id: `step` lacks one of the keys `request`, `set`, `fail`, `call` or `wait`",
        ],
    );
    request(
        "path: /a, content_type: text/plain",
        &[
            "C109 content_type: a request without a body has no type (remove it, or give a body; `headers` may say what is accepted)",
        ],
    );
}

#[test]
fn pages_say_how_to_go_on() {
    let pages = |pages: &str, expected: &[&str]| {
        let lookups = format!(
            "
  things:
    request: {{method: GET, path: /things}}
    pages: {{items: $.items, {pages}}}
    each: $.items[*]
    option: {{value: $.id, label: $.name}}
"
        );
        check(&[("lookups", &lookups)], expected);
    };
    pages("token: $.next, query: page", &[]);
    pages("next: $.next, max: 3", &[]);
    pages("link: next", &[]);
    pages("offset: skip, size: 50", &[]);
    pages("page: nr, start: 0", &[]);
    pages("max: 3", &["C103 pages: `pages` lacks one of the keys `token`, `next`, `link`, `offset` or `page`"]);
    pages(
        "token: $.next",
        &["C103 token: `token` needs `query` beside it (for example `query: pageToken` or `body: page_token`)"],
    );
    pages("offset: skip", &["C103 offset: `offset` needs `size` beside it (for example `size: 100`)"]);
    pages("next: $.next, size: 5", &["C109 size: `size` means nothing beside `next`"]);
    pages(
        "token: $.next, link: next, query: a",
        &["C106 link: `token` and `link` exclude each other (keep one of them)"],
    );
}

#[test]
fn rules_can_match() {
    check(
        &[(
            "http",
            "
  base_url: https://api.example.com
  errors:
    - {reason: full, is: conflict}
    - {is: timeout}
    - {status: 4x, is: timeout}
    - {status: 404, is: ok, say: Nothing there}
    - {status: 404, is: gone}
",
        )],
        &[
            "C701 {reason: full, is: conflict}: this rule compares a `reason`, and `http.reason` does not say where an answer holds it (for example `reason: $.error.code` in `http`)",
            "C103 is: this error rule matches every answer (give it `status`, `reason` or `when`)",
            "C102 4x: expected a status for `status`, found the text `4x` (for example `status: 404`, `status: 4xx` or `status: [409, 412]`)",
            "C109 say: `say` means nothing beside `is: ok`",
            "C104 gone: `gone` is not a value of `is` (allowed are `ok`, `invalid_input`, `not_found`, `conflict`, `permission_denied`, `reauthorize`, `rate_limited`, `unavailable`, `timeout`, `declined`, `precondition_failed`, `unsupported`, `unknown_outcome` and `provider_error`)",
        ],
    );
}
