use serde_json::{Value as Json, json};

use super::*;
use crate::import::{draft::Schemas as Lines, tests::works};

/// A description with these paths and whatever else.
fn described(paths: &Json, more: &Json) -> Document {
    let mut all = json!({"openapi": "3.0.3", "info": {"title": "Pet Shop API", "version": "1"}, "servers": [{"url": "https://api.petshop.example/v1"}], "paths": paths});
    for (key, value) in more.as_object().into_iter().flatten() {
        all[key] = value.clone();
    }
    Document::read(&all.to_string(), None).expect("it is a description")
}

#[tokio::test]
async fn the_smallest_description_becomes_a_connector() {
    let document = described(
        &json!({"/pets/{petId}": {"get": {"summary": "Gets one of the pets by its number", "responses": {"200": {"description": "ok"}}}}}),
        &json!({}),
    );
    let draft = connector(&document, &Wish::default()).expect("it can be made");
    assert_eq!(draft.id, "pet-shop");
    assert_eq!(draft.actions().collect::<Vec<_>>(), ["get_pets_pet_id"]);
    assert_eq!(works(&draft).await, 0, "{}", draft.files(Lines::default()).connector);
}

/// The descriptions that we carry: each pulls at another corner, as its first line says.
fn carried() -> Vec<(String, Document)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/openapi");
    let files = std::fs::read_dir(folder).expect("they are there").map(|it| it.expect("a file").path());
    let mut files: Vec<_> = files.filter(|it| it.is_file()).collect();
    files.sort();
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("it can be read");
        let document = Document::read(&text, None).unwrap_or_else(|it| panic!("{name}: {it}"));
        (name, document)
    };
    files.into_iter().map(read).collect()
}

fn wish(name: &str) -> Wish {
    let operations =
        if name == "newsletter" { vec!["tag:lists".to_owned(), "tag:subscribers".to_owned()] } else { Vec::new() };
    Wish { operations, ..Wish::default() }
}

fn made(name: &str) -> String {
    let (_, document) = carried().into_iter().find(|it| it.0 == name).expect("it is carried");
    let draft = connector(&document, &wish(name)).unwrap_or_else(|it| panic!("{name}: {it}"));
    draft.files(Lines::default()).connector
}

#[tokio::test]
async fn twenty_descriptions_become_connectors_that_validate_and_are_green() {
    let all = carried();
    assert!(all.len() >= 20, "{}", all.len());
    for (name, document) in all {
        let draft = connector(&document, &wish(&name)).unwrap_or_else(|it| panic!("{name}: {it}"));
        let files = draft.files(Lines::default());
        println!("{name}\n{}\n{}", files.connector, files.tests);
        works(&draft).await;
    }
}

#[test]
fn what_is_inferred_is_what_the_description_says() {
    let mut wrong = Vec::new();
    for (name, expected) in [
        ("pet-shop", "pages: {items: $.pets, page: page, start: 1, max: 5}"),
        ("pet-shop", "per_page: 40"),
        ("pet-shop", "phone: {type: string, pattern: '^\\+[0-9]{6,15}$'}"),
        ("pet-shop", "X-Shop-Key: \"{{ auth.shop_key }}\""),
        ("payments", "pages: {items: $.data, token: $.paging.next_cursor, query: after, max: 5}"),
        ("payments", "headers: {Idempotency-Key: \"{{ execution.key }}\"}"),
        ("payments", "effect: money"),
        ("payments", "reason: $.error.code\n"),
        ("payments", "is: declined"),
        ("payments", "by: \"{{ connection.environment }}\""),
        ("payments", "`idempotent: {by: \"{{ input.reference_id }}\"}`"),
        ("payments", "exclusiveMinimum: 0"),
        ("crm", "base_url: https://{{ connection.tenant }}.contour.example/api/v7"),
        ("crm", "hosts: [\"*.contour.example\"]"),
        ("crm", "scopes: [contacts.write]"),
        ("crm", "token: $.meta.next_cursor"),
        ("crm", "authorize_url: https://login.contour.example/authorize\n"),
        ("crm", "content_type: application/merge-patch+json"),
        ("crm", "headers: {remaining: X-RateLimit-Remaining, reset: X-RateLimit-Reset, as: seconds}"),
        ("crm", "type: [string, \"null\"]"),
        ("crm", "source: \"{{ input.source }}\""),
        ("calendar", "token: $.nextPageToken"),
        ("calendar", "reason: $.error.errors[0].reason\n"),
        ("tickets", "pages: {items: $, link: next, max: 5}"),
        ("tickets", "fields: \"{{ input.fields | join(',') }}\""),
        ("tickets", "/api/v2"),
        ("sms", "query: {api_key: \"{{ auth.key }}\"}"),
        ("sms", "answer: text"),
        ("sms", "multipleOf: 60"),
        ("sms", "as: seconds"),
        ("invoices", "answer: bytes"),
        ("invoices", "<invoice xmlns=\"urn:ledgerly:1\" currency=\"{{ input.currency | default('') }}\">"),
        ("invoices", "X-Idempotency-Key: \"{{ execution.key }}\""),
        ("invoices", "enum: [cash, transfer, card]"),
        ("files", "upload: https://upload.cabinet.example/2"),
        ("files", "server: upload"),
        ("files", "format: file"),
        ("files", "offset: offset, size: 50"),
        ("surveys", "headers: {Accept: application/vnd.api+json}"),
        ("surveys", "next: $.links.next"),
        ("surveys", "enum: [Choice]"),
        ("shipping", "headers: {X-Api-Key: \"{{ auth.api_key }}\", X-Account: \"{{ auth.account }}\"}"),
        ("shipping", "expand: \"{{ input.expand | join('|') }}\""),
        ("shipping", "\"when\": \"{{ input.when }}\""),
        ("shipping", "answer: csv"),
        ("hr", "issuer: https://id.rosterly.example"),
        ("hr", "Cookie: \"tenant={{ auth.cookie_tenant | urlencode }}\""),
        ("hr", "pages: {items: $.people, token: $.next_page_token, body: page_token, max: 5}"),
        ("hr", "body: {skill: \"{{ input.skill }}\", page_size: 40}"),
        ("hr", "\"when\": $.when"),
        ("bank", "scheme: token_exchange"),
        ("bank", "start: 0"),
        ("bank", "X-Request-Id: \"{{ execution.id }}\""),
        ("weather", "# TODO: the description does not say where the API is"),
        ("weather", "units: metric"),
        ("chat", "next: \"$['@odata.nextLink']\""),
        ("chat", "subscription-key: \"{{ auth.subscription }}\""),
        ("chat", "# TODO: say in `describe` what it does"),
        ("inventory", "Cookie: \"STOCKSESSION={{ auth.session | urlencode }}\""),
        ("inventory", "path: \"/items/{{ input.sku }}.json\""),
        ("inventory", "path: /stores/{{ input.store }}/items({{ input.sku }})"),
        ("events", "near: \"{{ input.near | json }}\""),
        ("events", "starts_after: \"{{ input.window['starts_after'] }}\""),
        ("events", "# TODO: answers tell of a limit by `X-RateLimit-Remaining`"),
        ("recipes", "# TODO: the description knows the implicit flow only"),
        ("fleet", "as: epoch_milliseconds"),
        ("fleet", "path: /jobs/{{ steps.begun.id }}\n"),
        ("fleet", "until: \"{{ answer.body.status not in ['queued', 'running'] }}\""),
        ("fleet", "when: \"{{ steps.finished.status in ['failed'] }}\""),
        ("fleet", "X-Tenant-Id: main"),
        ("newsletter", "# TODO: these may be given too, and were left out since there are so many: merge_field_"),
        ("loyalty", "base_url: https://api.stampbook.example:8443/loyalty"),
    ] {
        let text = made(name);
        if !text.contains(expected) {
            wrong.push(format!("{name}: {expected}\n{text}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn actions_that_are_called_the_same_have_cases_that_are_not() {
    let get = |id: &str| json!({"get": {"operationId": id, "summary": "Search", "responses": {"200": {"description": "ok"}}}});
    let document = described(&json!({"/pets": get("findPets"), "/owners": get("findOwners")}), &json!({}));
    let draft = connector(&document, &Wish::default()).expect("it can be made");
    works(&draft).await;
    let tests = draft.files(Lines::default()).tests;
    for name in ["Search (find_pets): does it", "Search (find_owners): fails with 404"] {
        assert!(tests.contains(name), "{name}\n{tests}");
    }
}

#[test]
fn a_token_in_the_body_of_what_may_write_is_left_to_do() {
    let schema = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}, "items": {"type": "array", "items": {"type": "string"}}}});
    let media = |name: &str| json!({"content": {"application/json": {"schema": schema(name)}}});
    let mut post =
        json!({"operationId": "page", "requestBody": media("cursor"), "responses": {"200": media("next_cursor")}});
    post["responses"]["200"]["description"] = "ok".into();
    let document = described(&json!({"/pages": {"post": post}}), &json!({}));
    let text = connector(&document, &Wish::default()).expect("it can be made").files(Lines::default()).connector;
    let told = "# TODO: if this only looks, give it `effect: read` and, beside the request, `pages: {items: $.items, token: $.next_cursor, body: cursor, max: 5}`";
    assert!(text.contains(told) && text.contains("cursor: {type: string, required: false}"), "{text}");
    assert!(text.contains("describe: Creates one page (POST /pages)."), "{text}");
}

#[test]
fn what_is_read_only_is_not_asked_for() {
    let text = made("inventory");
    let (_, set_item) = text.split_once("  set_item:").expect("it has that action");
    let input = set_item.split_once("request:").expect("it has a request").0;
    assert!(input.contains("quantity:") && !input.contains("updated:"), "{input}");
}

fn refused(text: &str) -> String {
    let made = Document::read(text, None).and_then(|it| connector(&it, &Wish::default()));
    made.map(|_| ()).expect_err("it can't be read").to_string()
}

#[test]
fn what_can_not_be_read_is_told_with_its_place() {
    let with = |more: &str| {
        format!(
            "openapi: 3.0.0\ninfo: {{title: A, version: '1'}}\nservers: [{{url: 'https://a.example'}}]\npaths:\n  /a:\n    get:\n{more}"
        )
    };
    for (text, expected) in [
        ("{", "line 1, column 1: EOF while parsing an object"),
        ("{\"openapi\": \"3.0.0\",\n \"paths\": }", "line 2, column 11: expected value"),
        ("swagger: '2.0'\n", "#/swagger: this is Swagger 2.0; convert it to OpenAPI 3 first"),
        ("openapi: 4.0.0\n", "#/openapi: version 4.0.0 is not read; 3.0 and 3.1 are"),
        ("title: x\n", "#/openapi: there is no `openapi: 3.…`: this is no OpenAPI description"),
        ("openapi: 3.0.0\npaths: {}\n", "#/paths: there are no operations"),
        (
            &with("      parameters: [{$ref: '#/components/parameters/Nobody'}]\n"),
            "#/paths/~1a/get/parameters/0: `#/components/parameters/Nobody` leads to nothing",
        ),
        (
            &with("      parameters: [{$ref: 'other.yaml#/x'}]\n"),
            "#/paths/~1a/get/parameters/0: `other.yaml#/x` stands in another file, which is not followed; bundle the description into one",
        ),
        (
            &with("").replace("https://a.example", "https://a b.example/v1"),
            "#/servers/0: `https://a b.example/v1` names no host",
        ),
        (&with("      parameters: [{in: query}]\n"), "#/paths/~1a/get/parameters/0: this parameter has no `name`"),
        (
            &with("      parameters: [{in: header, name: X Tenant}]\n"),
            "#/paths/~1a/get/parameters/0: `X Tenant` is no name of a header: names have letters, digits and dashes",
        ),
        (
            &with("      security: [{nobody: []}]\n"),
            "#/components/securitySchemes: there is no scheme `nobody`, which `security` names",
        ),
        (
            &with(
                "      requestBody: {$ref: '#/components/requestBodies/A'}\ncomponents: {requestBodies: {A: {$ref: '#/components/requestBodies/B'}, B: {$ref: '#/components/requestBodies/A'}}}\n",
            ),
            "#/paths/~1a/get/requestBody: its reference leads in a circle",
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
    let message = refused("openapi: 3.0.0\npaths:\n  a: [1,\n  b: 2\n");
    assert!(message.starts_with("line "), "{message}");
}

/// Descriptions that are made to hurt: each ends soon, as a connector or with a reason.
#[tokio::test]
async fn what_is_made_to_hurt_ends_soon() {
    let begun = std::time::Instant::now();
    // lists of lists of aliases: a billion values
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for pair in ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"] {
        let (from, to) = pair.split_at(1);
        bomb.push_str(&format!("{to}: &{to} [{}]\n", vec![format!("*{from}"); 10].join(", ")));
    }
    assert!(refused(&format!("openapi: 3.0.0\n{bomb}")).starts_with("line "), "the place is told");
    assert!(refused(&format!("openapi: 3.0.0\nx: {}1{}\n", "[".repeat(5000), "]".repeat(5000))).contains("line "));
    assert!(refused(&format!("{{\"openapi\": {}", "[".repeat(5000))).contains("recursion limit"));
    assert_eq!(refused(&"x".repeat(MAX_BYTES + 1)), "the description has more than 16 MiB");
    // every schema holds ten of the next: ten to the power of thirty parts
    let mut schemas = serde_json::Map::new();
    for at in 0..30 {
        let next = format!("#/components/schemas/S{}", at + 1);
        let properties: serde_json::Map<_, _> = (0..10).map(|it| (format!("p{it}"), json!({"$ref": next}))).collect();
        schemas.insert(format!("S{at}"), json!({"type": "object", "properties": properties}));
    }
    schemas.insert("S30".to_owned(), json!({"type": "string"}));
    let body =
        json!({"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}});
    let answer = json!({"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}});
    let post = json!({"operationId": "grow", "summary": "Grows without end, as far as one can see", "requestBody": body, "responses": answer});
    let document = described(&json!({"/grow": {"post": post}}), &json!({"components": {"schemas": schemas}}));
    works(&connector(&document, &Wish::default()).expect("it is cut")).await;
    // a chain of a thousand references, and a thousand operations beside it
    let mut schemas = serde_json::Map::new();
    for at in 0..1000 {
        schemas.insert(format!("S{at}"), json!({"allOf": [{"$ref": format!("#/components/schemas/S{}", at + 1)}]}));
    }
    schemas.insert("S1000".to_owned(), json!({"$ref": "#/components/schemas/S0"}));
    let get = |at: usize| json!({"get": {"operationId": format!("get{at}"), "summary": "Looks at the end of a long chain", "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}}}});
    let paths: serde_json::Map<_, _> = (0..1000).map(|at| (format!("/x{at}"), get(at))).collect();
    let document = described(&paths.into(), &json!({"components": {"schemas": schemas}}));
    assert!(connector(&document, &Wish::default()).expect_err("they are many").to_string().contains("1000 operations"));
    let one = Wish { operations: vec!["get7".to_owned()], ..Wish::default() };
    works(&connector(&document, &one).expect("it ends")).await;
    // ten megabytes of descriptions
    let long = "Words. ".repeat(200_000);
    let many: serde_json::Map<_, _> =
        (0..8).map(|at| (format!("/y{at}"), json!({"get": {"description": long, "responses": {}}}))).collect();
    let document = described(&many.into(), &json!({}));
    works(&connector(&document, &Wish::default()).expect("it is shortened")).await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}
