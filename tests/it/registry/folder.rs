//! The watched folder.

use std::time::{Duration, Instant};

use super::{app, folder, load::Load, shop, source, version, write};
use crate::harness::TestApp;

/// Waits until calls have that version, and tells how long it took.
async fn until(app: &TestApp, wanted: &str) -> Duration {
    let began = Instant::now();
    while version(app).await != wanted {
        assert!(began.elapsed() < Duration::from_secs(20), "calls never had {wanted}");
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_connector_is_live_in_a_moment_and_no_call_fails() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let app = app(&shop, &folder, true).await;
    let load = Load::start(&app.client, 8);
    let mut took = Vec::new();
    for number in 1..=10 {
        let next = format!("1.{number}.0");
        // half of it first, as a slow copy does
        let text = source(&next).to_string();
        write(folder.path(), &text[..text.len() / 2]);
        write(folder.path(), &text);
        took.push(until(&app, &next).await);
        write(folder.path(), "id: [");
    }
    let seen = load.stop().await;
    seen.assert_no_way_back();
    assert_eq!(seen.versions().len(), 11, "{:?}", seen.versions());
    took.sort();
    println!("from a file's change to the first call with it: median {:?}, longest {:?}", took[5], took[9]);
    println!("{}", seen.figures());
}

#[tokio::test]
async fn a_folder_that_is_not_watched_stays_as_it_was() {
    let (shop, folder) = (shop().await, folder(&source("1.0.0")));
    let mut app = app(&shop, &folder, false).await;
    write(folder.path(), &source("1.1.0").to_string());
    assert_eq!(version(&app).await, "1.0.0");
    app.restart().await;
    assert_eq!(version(&app).await, "1.1.0");
}
