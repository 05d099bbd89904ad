//! Connectors that the commands make, used: against a provider that is played by the very description they were made from,
//! and on the command line.

mod described;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use closeloop::{
    catalog::folder,
    diag::codes,
    import::{
        draft::Schemas,
        openapi::{self, Document, Wish},
    },
    spec::{CaseOf, Connector, Expect},
};
use serde_json::{Value as Json, json};

use self::described::Described;
use crate::harness::{Options, TestApp};

fn description(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/openapi").join(name);
    fs::read_to_string(path).unwrap()
}

/// The connector of a description, in a folder of its own.
fn imported(text: &str, folder: &Path) -> std::sync::Arc<Connector> {
    let document = Document::read(text, None).unwrap();
    let draft = openapi::connector(&document, &Wish::default()).unwrap();
    let files = draft.files(Schemas::default());
    let directory = folder.join(&draft.id);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("connector.yaml"), &files.connector).unwrap();
    fs::write(directory.join("tests.yaml"), &files.tests).unwrap();
    fs::write(directory.join("logo.svg"), &files.logo).unwrap();
    folder::load_one(&directory).unwrap().connectors.pop().unwrap()
}

/// The arguments of an action's good case.
fn arguments(connector: &Connector, action: &str) -> (Json, Json) {
    let of_action = |it: &&closeloop::spec::Case| it.of == CaseOf::Action(action.to_owned());
    connector
        .cases
        .iter()
        .filter(of_action)
        .find_map(|case| match &case.expect {
            Expect::Output(output) => Some((case.input.clone(), output.clone())),
            _ => None,
        })
        .unwrap()
}

async fn every_action_does_what_the_description_says(file: &str, origin: &'static str, fields: Json) {
    let text = description(file);
    let provider = Described::start(&text).await;
    let connectors = tempfile::tempdir().unwrap();
    let connector = imported(&text, connectors.path());
    let app = TestApp::with(Options {
        overrides: vec![(origin, provider.url().to_owned())],
        connectors: Some(connectors.path().to_owned()),
        ..Options::default()
    })
    .await;
    let connection = app.client.connect(&connector.id, "live", fields).await;
    for name in connector.actions.keys() {
        app.client.enable(&connector.id, &connection, name, json!({})).await;
        let (input, expected) = arguments(&connector, name);
        let output = app.client.output(name, input).await;
        let keys = |it: &Json| it.as_object().map(|it| it.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&output), keys(&expected), "{name}: {output:#}");
        assert_eq!(output["items"].is_array(), expected["items"].is_array(), "{name}: {output:#}");
    }
    assert_eq!(provider.refused(), Vec::<String>::new());
    assert_eq!(provider.called(), provider.operations(), "every operation was called");
}

#[tokio::test]
async fn a_shop_is_called_as_its_description_says() {
    let fields = json!({"shop_key": "unmistakable"});
    every_action_does_what_the_description_says("pet-shop.yaml", "https://api.pawprint.example", fields).await;
}

#[tokio::test]
async fn payments_are_made_as_their_description_says() {
    let fields = json!({"api_token": "unmistakable", "environment": "production"});
    every_action_does_what_the_description_says("payments.json", "https://api.kasera.example", fields).await;
}

#[tokio::test]
async fn tickets_are_written_as_their_description_says() {
    let fields = json!({"username": "ana", "password": "unmistakable", "subdomain": "acme"});
    every_action_does_what_the_description_says("tickets.json", "https://acme.helpwell.example", fields).await;
}

/// Runs the program in a folder.
fn closeloop(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_closeloop"));
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn printed(output: &Output, succeeds: bool) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), succeeds, "{text}");
    text
}

fn carried(name: &str) -> String {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/openapi").join(name).display().to_string()
}

#[test]
fn what_can_be_chosen_is_listed_and_what_is_chosen_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = carried("pet-shop.yaml");
    let text = printed(&closeloop(folder.path(), &["import", "openapi", &file, "--list"], ""), true);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.starts_with("listPets                         GET     /pets "), "{text}");
    let import = ["import", "openapi", &file, "--operations", "listPets,GET /pets/{petId}", "--id", "my-shop"];
    let text = printed(&closeloop(folder.path(), &import, ""), true);
    assert!(text.contains("made connectors/my-shop") && text.contains("4 passed"), "{text}");
    let written = fs::read_to_string(folder.path().join("connectors/my-shop/connector.yaml")).unwrap();
    assert!(written.contains("  list_pets:\n") && written.contains("  get_pet:\n") && !written.contains("remove_pet"));
    let text = printed(&closeloop(folder.path(), &import, ""), false);
    assert!(text.contains("there is `connectors/my-shop` already; nothing was written"), "{text}");
    assert_eq!(fs::read_to_string(folder.path().join("connectors/my-shop/connector.yaml")).unwrap(), written);
    let text = printed(&closeloop(folder.path(), &["import", "openapi", &file, "--operations", "listPet"], ""), false);
    assert!(text.contains("there is no operation `listPet`; did you mean `listPets`?"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_at_a_private_address_is_read_only_if_that_is_allowed() {
    let provider = Described::start(&description("pet-shop.yaml")).await;
    let address = format!("{}/openapi.yaml", provider.url());
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: Vec<String>| {
        let folder = folder.path().to_owned();
        tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            closeloop(&folder, &arguments, "")
        })
    };
    let given = |more: &[&str]| {
        ["import", "openapi", &address].iter().chain(more).map(|it| (*it).to_owned()).collect::<Vec<_>>()
    };
    let text = printed(&run(given(&[])).await.unwrap(), false);
    assert!(text.contains("never called: the address is not https"), "{text}");
    let text = printed(&run(given(&["--allow-private"])).await.unwrap(), true);
    assert!(text.contains("made connectors/pawprint-pet-shop"), "{text}");
}

#[test]
fn a_command_becomes_an_action_and_a_second_one_joins_it() {
    let folder = tempfile::tempdir().unwrap();
    let command = "curl https://api.shop.example/v1/orders/42 \\\n  -H 'Authorization: Bearer sk_unmistakable'\n";
    let text = printed(&closeloop(folder.path(), &["import", "curl", "--id", "shop"], command), true);
    assert!(text.contains("made connectors/shop"), "{text}");
    let second = "curl -X DELETE https://api.shop.example/v1/orders/42 -H 'Authorization: Bearer sk_unmistakable'";
    let text = printed(&closeloop(folder.path(), &["import", "curl", "--id", "shop", second], ""), true);
    assert!(text.contains("added the action `delete_order`") && text.contains("4 passed"), "{text}");
    for file in ["connector.yaml", "tests.yaml"] {
        let written = fs::read_to_string(folder.path().join("connectors/shop").join(file)).unwrap();
        assert!(!written.contains("sk_unmistakable"), "{written}");
    }
    let loaded = folder::load(&folder.path().join("connectors")).unwrap();
    assert!(loaded.diagnostics.iter().all(|it| it.code == codes::TODO), "nothing but what is left to do");
}

#[test]
fn a_new_connector_is_made_of_flags_and_is_green_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let given = [
        "new",
        "--title",
        "Pet Shop",
        "--base-url",
        "https://api.petshop.example/v1",
        "--auth",
        "oauth2",
        "--authorize-url",
        "https://petshop.example/login",
        "--token-url",
        "https://petshop.example/token",
        "--action",
        "book_visit",
        "--method",
        "POST",
        "--path",
        "/pets/{pet_id}/visits",
        "--input",
        "guests:integer",
    ];
    let text = printed(&closeloop(folder.path(), &given, ""), true);
    assert!(text.contains("made connectors/pet-shop") && text.contains("2 passed"), "{text}");
    let first_line = |file: &str| {
        let text = fs::read_to_string(folder.path().join("connectors").join(file)).unwrap();
        text.lines().next().unwrap().to_owned()
    };
    let without = |of: &str| {
        format!("# In an editor `closeloop lsp` completes and checks this; `closeloop schema {of}` prints its schema.")
    };
    assert_eq!(first_line("pet-shop/connector.yaml"), without("connector"), "no path that leads to nothing");
    let schema = printed(&closeloop(folder.path(), &["schema", "connector"], ""), true);
    fs::create_dir(folder.path().join("docs")).unwrap();
    fs::write(folder.path().join("docs/connector.schema.json"), schema).unwrap();
    printed(
        &closeloop(folder.path(), &["import", "curl", "--id", "shop", "curl https://api.shop.example/v1/orders"], ""),
        true,
    );
    let named = "# yaml-language-server: $schema=../../docs/connector.schema.json";
    assert_eq!(
        (first_line("shop/connector.yaml"), first_line("shop/tests.yaml")),
        (named.to_owned(), without("tests"))
    );
    let text = printed(&closeloop(folder.path(), &["validate", "connectors/pet-shop", "--deny-warnings"], ""), true);
    assert_eq!(text, "1 connector can run\n");
    printed(&closeloop(folder.path(), &["test"], ""), true);
    let text = printed(&closeloop(folder.path(), &given[..given.len() - 4], ""), false);
    assert!(text.contains("--path is missing: Its path, such as /orders/{order_id}"), "{text}");
}
