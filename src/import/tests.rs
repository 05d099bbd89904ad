use serde_json::json;

use super::{
    draft::Schemas,
    new::{self, Answers, FirstAction, SignIn},
    *,
};
use crate::{
    diag::{Diagnostics, Sources, codes, render},
    spec::{self, Connector, ConnectorFiles, keys::SCHEMES},
    testing, yaml,
};

/// The connector of these files and what is said of it.
pub(super) fn load(id: &str, files: &Files) -> (Vec<std::sync::Arc<Connector>>, Vec<crate::diag::Diagnostic>, String) {
    let (mut sources, mut found) = (Sources::default(), Diagnostics::default());
    let mut read = |name: &str, text: &str| yaml::read(&mut sources, name, text.as_bytes(), &mut found);
    let connector = read("connector.yaml", &files.connector).expect("it can be read");
    let tests = read("tests.yaml", &files.tests);
    let logo = Some(files.logo.clone());
    let files = [ConnectorFiles { directory: id.to_owned(), connector, tests, logo }];
    let connectors = spec::load(&files, &[], &sources, &mut found);
    let found = found.sorted();
    let shown = render::text(&sources, &found, false);
    (connectors, found, shown)
}

/// It validates with nothing but TODOs and what an author has to say in other words, and its cases pass.
pub(super) async fn works(draft: &Draft) -> usize {
    let files = draft.files(Schemas::default());
    let (connectors, found, shown) = load(&draft.id, &files);
    let written = || format!("{}\n{}", files.connector, files.tests);
    let left = [codes::TODO, codes::NO_VERIFY, codes::VAGUE, codes::SECRET_ASKED];
    let expected = |it: &crate::diag::Diagnostic| left.contains(&it.code);
    assert!(found.iter().all(expected), "{shown}\n{}", written());
    let [connector] = connectors.as_slice() else { panic!("{shown}\n{}", written()) };
    let report = testing::run_all(connector).await;
    assert!(report.passed() && !report.cases.is_empty(), "{report}\n{}", written());
    found.len()
}

fn answers(scheme: &str, method: &str, path: &str) -> Answers {
    Answers {
        id: "pet-shop".to_owned(),
        title: "Pet Shop".to_owned(),
        summary: "Sells pets.".to_owned(),
        base_url: "https://api.petshop.example/v1/".to_owned(),
        sign_in: SignIn {
            scheme: scheme.to_owned(),
            key_header: "X-Api-Key".to_owned(),
            key_query: None,
            authorize_url: Some("https://petshop.example/authorize".to_owned()),
            token_url: Some("https://petshop.example/token".to_owned()),
        },
        action: FirstAction {
            name: "do_it".to_owned(),
            title: None,
            describe: "Does what the customer asks for at the shop.".to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            effect: None,
            inputs: ["name", "guests:integer", "note?"].iter().map(|it| it.parse().expect("an input")).collect(),
            idempotency_header: Some("Idempotency-Key".to_owned()),
        },
    }
}

#[tokio::test]
async fn a_new_connector_has_no_warning_and_is_green_whatever_its_scheme_and_method() {
    for scheme in SCHEMES {
        for (method, path) in [
            ("GET", "/pets"),
            ("POST", "/pets/{pet_id}/visits"),
            ("DELETE", "/pets/{pet_id}"),
            ("PUT", "/pets/{id}.json"),
        ] {
            let draft = new::connector(&answers(scheme, method, path)).expect("it can be made");
            assert_eq!(works(&draft).await, 0, "{scheme} {method}");
        }
    }
    let mut in_query = answers("api_key", "GET", "/pets");
    in_query.sign_in.key_query = Some("key".to_owned());
    assert_eq!(works(&new::connector(&in_query).expect("it can be made")).await, 0);
}

#[tokio::test]
async fn a_write_that_nobody_knows_again_is_left_to_do() {
    let mut post = answers("bearer", "POST", "/pets");
    post.action.idempotency_header = None;
    let draft = new::connector(&post).expect("it can be made");
    let files = draft.files(Schemas::default());
    assert!(files.connector.contains("# TODO: if the answer is lost"), "{}", files.connector);
    assert!(works(&draft).await > 0);
}

#[test]
fn answers_that_can_not_be_are_refused_with_what_would_do() {
    let refused = |change: fn(&mut Answers)| {
        let mut answers = answers("oauth2", "GET", "/pets");
        change(&mut answers);
        new::connector(&answers).expect_err("it can't be made").to_string()
    };
    assert_eq!(
        refused(|it| it.id = "Pet Shop".to_owned()),
        "`Pet Shop` is no id: write it as `lower-case-with-dashes`"
    );
    assert_eq!(
        refused(|it| it.base_url = "http://a.example".to_owned()),
        "`http://a.example` is no base URL: `https://api.example.com/v1`"
    );
    assert_eq!(refused(|it| it.sign_in.token_url = None), "`oauth2` needs `--token-url`");
    assert_eq!(refused(|it| it.action.path = "pets".to_owned()), "the path `pets` begins with `/`");
    assert_eq!(
        refused(|it| it.action.path = "/pets/{Pet Id}".to_owned()),
        "`/pets/{Pet Id}` is no path with names in braces: `/pets/{pet_id}`"
    );
    assert!("guests:date".parse::<new::Input>().is_err() && "Guests".parse::<new::Input>().is_err());
}

#[test]
fn what_is_made_reads_like_what_people_write() {
    let mut post = answers("bearer", "POST", "/pets/{pet_id}/visits");
    post.action.inputs = vec!["guests:integer".parse().expect("an input")];
    let files = new::connector(&post).expect("it can be made").files(Schemas::default());
    let expected = r##"# yaml-language-server: $schema=../../docs/connector.schema.json
id: pet-shop
version: 0.1.0
title: Pet Shop
summary: Sells pets.
brand: {logo: logo.svg, color: "COLOR"}
catalog: {group: other_integration, phase: planned}

auth:
  fields:
    api_token: {type: string, title: API token}
  scheme: bearer
  token: "{{ auth.api_token }}"

http:
  base_url: https://api.petshop.example/v1
  timeout: 10s

actions:
  do_it:
    title: Do it
    describe: Does what the customer asks for at the shop.
    effect: write
    input:
      pet_id: {type: string, minLength: 1, maxLength: 200}
      guests: {type: integer}
    request:
      method: POST
      path: /pets/{{ input.pet_id }}/visits
      headers: {Idempotency-Key: "{{ execution.key }}"}
      body: {guests: "{{ input.guests }}"}
    idempotent: true
"##;
    let color = logo::color("Pet Shop");
    assert_eq!(files.connector, expected.replace("COLOR", color));
    let expected = json!({"cases": 2, "sandbox": 1});
    let (connectors, ..) = load("pet-shop", &files);
    assert_eq!(json!({"cases": connectors[0].cases.len(), "sandbox": connectors[0].sandbox.len()}), expected);
}
