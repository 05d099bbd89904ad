//! The suite on PostgreSQL, and what happens only where several write at once.

#[path = "suite/mod.rs"]
mod suite;

use std::sync::atomic::{AtomicU32, Ordering};

use super::{Fresh, Store};
use crate::servers::Postgres;

async fn fresh() -> Fresh {
    let url = database(Postgres::shared());
    Fresh { store: Store::open(&url).await.unwrap(), url, _folder: Box::new(()) }
}

/// A new database that sorts text as people of some country do: nothing depends on how.
fn database(server: &Postgres) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("store_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    server.run(&format!("CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C'"));
    format!("postgres://postgres@127.0.0.1:{}/{name}", server.port())
}

#[tokio::test]
async fn replicas_that_start_together_bring_the_schema_up_to_date_once() {
    let url = database(Postgres::shared());
    let opened = futures_util::future::join_all((0..8).map(|_| Store::open(&url))).await;
    for store in opened {
        assert_eq!(store.unwrap().orgs().list().await.unwrap(), []);
    }
}
