use std::fs;

use tempfile::TempDir;

use super::*;
use crate::{catalog::mistake::has_errors, spec::Connector, store::Store};

const ACCOUNT: &str =
    "id: market\ntitle: Market\nfields: {key: {type: string}}\nscheme: bearer\ntoken: \"{{ auth.key }}\"\n";

fn source(id: &str, version: &str, auth: &str) -> String {
    format!(
        "
id: {id}
version: {version}
title: Shop
summary: Sells things.
catalog: {{group: other_integration, phase: ga}}
auth: {auth}
http: {{base_url: https://api.example.com}}
actions:
  look:
    title: Look
    describe: Looks at what there is in the shop.
    effect: read
    request: {{method: GET, path: /things}}
"
    )
}

/// A folder with a connector of its own sign-in and one with an account, as it was opened.
struct Scene {
    root: TempDir,
    folder: Folder,
    catalog: Catalog,
    _database: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let (root, database) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write(&root, "_accounts/market.yaml", ACCOUNT);
        write(&root, "shop/connector.yaml", &source("shop", "1.0.0", "{scheme: none}"));
        write(&root, "stall/connector.yaml", &source("stall", "1.0.0", "{account: market}"));
        let store = Store::open(&format!("sqlite://{}", database.path().join("a.sqlite").display())).await.unwrap();
        let catalog = Catalog::new([], store);
        let (folder, parts) = Folder::open(root.path()).unwrap();
        for read in parts {
            catalog.take(read.unwrap(), Timestamp::UNIX_EPOCH).await.unwrap();
        }
        Self { root, folder, catalog, _database: database }
    }

    async fn look(&mut self) -> Vec<String> {
        self.look_by(|_, _| None).await.unwrap()
    }

    async fn look_by(
        &mut self,
        guard: impl Fn(&Connector, Option<&Connector>) -> Option<String> + Send + Sync + 'static,
    ) -> Result<Vec<String>, Trouble> {
        let guard: Arc<Guard> = Arc::new(guard);
        self.catalog.look_again(&mut self.folder, &guard, Timestamp::UNIX_EPOCH).await
    }

    fn connector(&self, id: &str) -> Option<Arc<Connector>> {
        self.catalog.snapshot().folder.get(id).cloned()
    }

    fn version(&self, id: &str) -> Option<String> {
        self.connector(id).map(|it| it.version.clone())
    }
}

fn write(root: &TempDir, path: &str, text: &str) {
    let path = root.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[tokio::test]
async fn what_changed_is_read_and_what_is_wrong_leaves_what_was_right() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.look().await, [] as [&str; 0], "nothing has changed");
    let other = scene.connector("stall");

    write(&scene.root, "shop/connector.yaml", &source("shop", "1.10.0", "{scheme: none}"));
    assert_eq!(scene.look().await, ["shop"]);
    assert_eq!(scene.version("shop").as_deref(), Some("1.10.0"));
    assert!(Arc::ptr_eq(&other.unwrap(), &scene.connector("stall").unwrap()), "the other one was not touched");

    write(&scene.root, "shop/connector.yaml", "id: shop\nversion: 1.11.0\n");
    assert_eq!(scene.look().await, [] as [&str; 0]);
    assert_eq!(scene.version("shop").as_deref(), Some("1.10.0"), "half a file changes nothing");
    let mistakes = Arc::clone(&scene.catalog.snapshot().mistakes["shop"]);
    assert!(has_errors(&mistakes), "{mistakes:?}");
    assert!(mistakes[0].place.as_ref().unwrap().file.ends_with("shop/connector.yaml"));

    write(&scene.root, "shop/connector.yaml", &source("shop", "1.12.0", "{scheme: none}"));
    assert_eq!(scene.look().await, ["shop"]);
    assert_eq!(scene.version("shop").as_deref(), Some("1.12.0"));
    assert!(scene.catalog.snapshot().mistakes.is_empty());
    let digest = scene.connector("shop").unwrap().digest.clone();
    assert!(scene.catalog.store.connector_versions().digests().await.unwrap().contains(&digest), "it is kept");
}

#[tokio::test]
async fn what_is_refused_leaves_what_was_there_until_it_is_not_refused_any_more() {
    let mut scene = Scene::new().await;
    let before = scene.connector("shop").unwrap();
    write(&scene.root, "shop/connector.yaml", &source("shop", "1.1.0", "{scheme: none}"));
    write(&scene.root, "shop/tests.yaml", "cases: [{name: looks, action: look, error: {code: not_found}}]");
    write(&scene.root, "barn/connector.yaml", &source("barn", "1.0.0", "{scheme: none}"));
    let others = scene.look_by(|next, current| {
        let cases: Vec<_> = next.cases.iter().map(|it| it.name.as_str()).collect();
        current.map(|it| format!("{} after {}, {cases:?}", next.version, it.version))
    });
    assert_eq!(others.await.unwrap(), ["barn"]);
    let snapshot = scene.catalog.snapshot();
    assert!(Arc::ptr_eq(&before, &snapshot.folder["shop"]));
    assert_eq!(&*snapshot.refused["shop"], "1.1.0 after 1.0.0, [\"looks\"]");
    assert!(snapshot.mistakes.is_empty());
    assert_eq!(scene.look().await, [""; 0], "it is not asked again before something changes");

    write(&scene.root, "shop/connector.yaml", "id: [");
    scene.look().await;
    let snapshot = scene.catalog.snapshot();
    assert!(snapshot.refused.is_empty() && snapshot.mistakes.contains_key("shop"));
    write(&scene.root, "shop/connector.yaml", &source("shop", "1.2.0", "{scheme: none}"));
    assert_eq!(scene.look().await, ["shop"]);
    let snapshot = scene.catalog.snapshot();
    assert!(snapshot.refused.is_empty() && snapshot.mistakes.is_empty());
}

#[tokio::test]
async fn an_account_is_read_with_those_that_share_it_and_a_wrong_one_leaves_them() {
    let mut scene = Scene::new().await;
    let (shop, stall) = (scene.connector("shop").unwrap(), scene.connector("stall").unwrap());
    write(&scene.root, "_accounts/market.yaml", "id: market\n");
    assert_eq!(scene.look().await, [] as [&str; 0]);
    assert!(Arc::ptr_eq(&stall, &scene.connector("stall").unwrap()));
    assert!(scene.catalog.snapshot().mistakes.contains_key("stall"));
    write(&scene.root, "_accounts/market.yaml", &ACCOUNT.replace("title: Market", "title: Another market"));
    assert_eq!(scene.look().await, ["stall"]);
    assert_eq!(scene.connector("stall").unwrap().account.title, "Another market");
    assert!(Arc::ptr_eq(&shop, &scene.connector("shop").unwrap()));
}

#[tokio::test]
async fn a_new_directory_comes_and_one_that_stays_away_goes() {
    let mut scene = Scene::new().await;
    write(&scene.root, "barn/connector.yaml", &source("barn", "1.0.0", "{scheme: none}"));
    assert_eq!(scene.look().await, ["barn"]);
    assert_eq!(scene.catalog.snapshot().folder.keys().collect::<Vec<_>>(), ["barn", "shop", "stall"]);

    fs::remove_dir_all(scene.root.path().join("barn")).unwrap();
    assert_eq!(scene.look().await, [] as [&str; 0], "it may be that another one is put there");
    assert!(scene.connector("barn").is_some());
    write(&scene.root, "barn/connector.yaml", &source("barn", "2.0.0", "{scheme: none}"));
    assert_eq!(scene.look().await, ["barn"]);
    assert_eq!(scene.version("barn").as_deref(), Some("2.0.0"));

    fs::remove_dir_all(scene.root.path().join("barn")).unwrap();
    scene.look().await;
    assert_eq!(scene.look().await, ["barn"]);
    assert!(scene.connector("barn").is_none());
    assert_eq!(scene.look().await, [] as [&str; 0]);

    fs::remove_file(scene.root.path().join("shop/connector.yaml")).unwrap();
    write(&scene.root, "shop/README.md", "soon");
    assert_eq!(scene.look().await, [] as [&str; 0]);
    assert_eq!(scene.look().await, [] as [&str; 0]);
    assert!(scene.connector("shop").is_some(), "its directory is there, so it is not gone but wrong");
    assert!(scene.catalog.snapshot().mistakes.contains_key("shop"));
}

#[tokio::test]
async fn a_folder_that_is_gone_or_empty_takes_nothing_away() {
    let mut scene = Scene::new().await;
    for directory in ["shop", "stall", "_accounts"] {
        fs::remove_dir_all(scene.root.path().join(directory)).unwrap();
    }
    for _ in 0..3 {
        let trouble = scene.look_by(|_, _| None).await;
        assert!(matches!(trouble, Err(Trouble::Folder(_))), "{trouble:?}");
    }
    fs::remove_dir(scene.root.path()).unwrap();
    assert!(scene.look_by(|_, _| None).await.is_err());
    assert_eq!(scene.catalog.snapshot().folder.len(), 2);
}

#[tokio::test]
async fn ids_of_orgs_own_connectors_are_left_out() {
    let mut scene = Scene::new().await;
    write(&scene.root, "own-shop/connector.yaml", &source("own-shop", "1.0.0", "{scheme: none}"));
    assert_eq!(scene.look().await, [] as [&str; 0]);
    assert!(scene.connector("own-shop").is_none());
}

#[tokio::test]
async fn one_of_a_thousand_is_read_alone() {
    let mut scene = Scene::new().await;
    let id = |number: usize| format!("shop-{number:04}");
    for number in 0..1000 {
        let auth = if number % 2 == 0 { "{scheme: none}" } else { "{account: market}" };
        write(&scene.root, &format!("{}/connector.yaml", id(number)), &source(&id(number), "1.0.0", auth));
    }
    let began = std::time::Instant::now();
    assert_eq!(scene.look().await.len(), 1000);
    let all = began.elapsed();
    let mut took = Vec::new();
    for number in 0..5 {
        write(
            &scene.root,
            &format!("{}/connector.yaml", id(number)),
            &source(&id(number), "1.10.0", "{account: market}"),
        );
        let began = std::time::Instant::now();
        assert_eq!(scene.look().await, [id(number)]);
        took.push(began.elapsed());
    }
    took.sort();
    println!("a thousand connectors are read in {all:?}, one of them in {:?} (median of five)", took[2]);
    assert!(took[2] < all / 5, "one of them takes {:?}, all of them {all:?}", took[2]);
}
