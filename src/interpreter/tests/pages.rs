//! Every way to the next page, and where it ends.

use super::*;

fn listing(pages: &str) -> Scene {
    look(&format!(
        "
request: {{method: GET, path: /things, query: {{q: x}}}}
pages: {pages}
output: {{ids: '$.items[*].id', more: $.truncated, status: '{{{{ answer.status }}}}'}}
"
    ))
}

fn page(ids: &[u32], more: Json) -> Json {
    let Json::Object(mut page) = more else { panic!("not a mapping") };
    page.insert("list".to_owned(), ids.iter().map(|id| json!({"id": id})).collect());
    page.into()
}

fn found(ids: &[u32], more: bool) -> Json {
    json!({"ids": ids, "more": more, "status": 200})
}

#[tokio::test]
async fn by_token() {
    let pages = "{items: $.list, token: $.next, query: pageToken}";
    let plays = |last: Json| [answer(200, page(&[1, 2], json!({"next": "a b"}))), answer(200, page(&[3], last))];
    let seen = ["GET /v1/things?q=x", "GET /v1/things?q=x&pageToken=a%20b"];
    for last in [json!({}), json!({"next": null}), json!({"next": ""})] {
        listing(pages).plays(plays(last)).run().await.gives(found(&[1, 2, 3], false), &seen);
    }
    // A number is a token too.
    let plays = [answer(200, page(&[1], json!({"next": 7}))), answer(200, page(&[], json!({})))];
    listing(pages).plays(plays).run().await.gives(found(&[1], false), &[seen[0], "GET /v1/things?q=x&pageToken=7"]);
}

#[tokio::test]
async fn never_more_pages_than_allowed() {
    let pages = "{items: $.list, token: $.next, query: t, max: 2}";
    let plays = [answer(200, page(&[1], json!({"next": "a"}))), answer(200, page(&[2], json!({"next": "b"})))];
    let seen = ["GET /v1/things?q=x", "GET /v1/things?q=x&t=a"];
    listing(pages).plays(plays).run().await.gives(found(&[1, 2], true), &seen);
}

#[tokio::test]
async fn a_token_that_leads_nowhere_is_an_error() {
    let pages = "{items: $.list, token: $.next, query: t}";
    let plays = [answer(200, page(&[1], json!({"next": "a"}))), answer(200, page(&[2], json!({"next": "a"})))];
    let outcome = listing(pages).plays(plays).run().await;
    outcome.fails(Code::ProviderError, &["GET /v1/things?q=x", "GET /v1/things?q=x&t=a"]);
}

#[tokio::test]
async fn by_the_address_of_the_next() {
    let pages = "{items: $.list, next: $.links.next}";
    let next = |url: &str| json!({"links": {"next": url}});
    for url in ["https://api.example.com/v1/things?page=%2B2", "/v1/things?page=%2B2", "?page=%2B2"] {
        let plays = [answer(200, page(&[1], next(url))), answer(200, page(&[2], json!({})))];
        let seen = ["GET /v1/things?q=x", "GET /v1/things?page=%2B2"];
        listing(pages).plays(plays).run().await.gives(found(&[1, 2], false), &seen);
    }
    let plays = [answer(200, page(&[1], next("https://evil.example.net/things")))];
    listing(pages).plays(plays).run().await.fails(Code::Unsupported, &["GET /v1/things?q=x"]);
}

#[tokio::test]
async fn by_the_link_header() {
    let pages = "{items: $.list, link: next}";
    let link = [("link", "<https://api.example.com/v1/things?page=2>; rel=\"next\", </>; rel=first")];
    let plays = [answer_with(200, &link, page(&[1], json!({}))), answer(200, page(&[2], json!({})))];
    let seen = ["GET /v1/things?q=x", "GET /v1/things?page=2"];
    listing(pages).plays(plays).run().await.gives(found(&[1, 2], false), &seen);
}

#[tokio::test]
async fn by_offset() {
    let pages = "{items: $.list, offset: skip, size: 2}";
    let plays = [answer(200, page(&[1, 2], json!({}))), answer(200, page(&[3], json!({})))];
    let seen = ["GET /v1/things?q=x&skip=0", "GET /v1/things?q=x&skip=2"];
    listing(pages).plays(plays).run().await.gives(found(&[1, 2, 3], false), &seen);

    let pages = "{items: $.list, offset: skip, size: 2, max: 1}";
    let plays = [answer(200, page(&[1, 2], json!({})))];
    listing(pages).plays(plays).run().await.gives(found(&[1, 2], true), &seen[..1]);
}

#[tokio::test]
async fn by_page_number() {
    let pages = "{items: '$.list[*]', page: p, start: 0}";
    let plays = [answer(200, page(&[1], json!({}))), answer(200, page(&[2], json!({}))), answer(200, json!({}))];
    let seen = ["GET /v1/things?q=x&p=0", "GET /v1/things?q=x&p=1", "GET /v1/things?q=x&p=2"];
    listing(pages).plays(plays).run().await.gives(found(&[1, 2], false), &seen);
}

#[tokio::test]
async fn each_page_is_judged_and_repeated_like_any_answer() {
    let pages = "{items: $.list, token: $.next, query: t}";
    let first = || answer(200, page(&[1], json!({"next": "a"})));
    let plays = [first(), answer(503, json!({})), answer(200, page(&[2], json!({})))];
    let seen = ["GET /v1/things?q=x", "GET /v1/things?q=x&t=a", "GET /v1/things?q=x&t=a"];
    listing(pages).plays(plays).run().await.gives(found(&[1, 2], false), &seen);
    listing(pages).plays([first(), answer(403, json!({}))]).run().await.fails(Code::PermissionDenied, &seen[..2]);
}

#[tokio::test]
async fn items_must_be_a_list() {
    let outcome = listing("{items: $.list, link: next}").plays([answer(200, json!({"list": {"id": 1}}))]).run().await;
    let failure = outcome.fails(Code::ProviderError, &["GET /v1/things?q=x"]);
    assert_eq!(failure.detail, "`$.list` is not a list");
}

#[tokio::test]
async fn by_token_in_the_body() {
    let search = |body: &str| {
        look(&format!(
            "
request: {{method: POST, path: /things, body: {{q: x, page: null}}}}
pages: {{items: $.list, token: $.next, body: {body}}}
output: {{ids: '$.items[*].id', more: $.truncated, status: '{{{{ answer.status }}}}'}}
"
        ))
    };
    let plays = |next: Json| [answer(200, page(&[1, 2], json!({"next": next}))), answer(200, page(&[3], json!({})))];
    let first = "POST /v1/things {\"q\":\"x\",\"page\":null}";
    for (body, next, second) in [
        ("page", json!("a b"), "POST /v1/things {\"q\":\"x\",\"page\":\"a b\"}"),
        ("after", json!(7), "POST /v1/things {\"q\":\"x\",\"page\":null,\"after\":7}"),
        ("page.after", json!("a"), "POST /v1/things {\"q\":\"x\",\"page\":{\"after\":\"a\"}}"),
        ("variables.after", json!("a"), "POST /v1/things {\"q\":\"x\",\"page\":null,\"variables\":{\"after\":\"a\"}}"),
    ] {
        search(body).plays(plays(next)).run().await.gives(found(&[1, 2, 3], false), &[first, second]);
    }
    let same = [answer(200, page(&[1], json!({"next": "a"}))), answer(200, page(&[2], json!({"next": "a"})))];
    let asked = [first, "POST /v1/things {\"q\":\"x\",\"page\":\"a\"}"];
    search("page").plays(same).run().await.fails(Code::ProviderError, &asked);
    let inside = [answer(200, page(&[1], json!({"next": "a"})))];
    search("q.after").plays(inside).run().await.fails(Code::Unsupported, &[first]);
}
