//! The database and Redis die under load, and come back.

use std::{sync::Arc, time::Duration};

use super::{PATIENCE, Plan, Scene};
use crate::{
    replicas::fleet::Settings,
    servers::{Postgres, Redis},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_redis_everything_goes_on() {
    let redis = Redis::start();
    let database = Postgres::shared().database();
    let settings =
        Settings { database_url: Some(database.clone()), redis_url: Some(redis.url()), ..Settings::default() };
    let scene = Scene::start(Plan(1), 3, settings).await;
    scene.purse.calm_down();
    scene.more(40).await;
    redis.kill();
    scene.more(40).await;
    redis.again();
    scene.more(40).await;
    let interrupted = scene.settle("Redis killed and back", &database).await.interrupted;
    assert_eq!(interrupted, 0, "every call is answered at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_the_database_nothing_is_begun_and_with_it_everything_goes_on() {
    let server = Arc::new(Postgres::durable());
    let redis = Redis::start();
    let database = server.database();
    let settings =
        Settings { database_url: Some(database.clone()), redis_url: Some(redis.url()), ..Settings::default() };
    let scene = Scene::start(Plan(2), 3, settings).await;
    scene.purse.calm_down();
    for _ in 0..3 {
        scene.more(30).await;
        let killed = Arc::clone(&server);
        tokio::task::spawn_blocking(move || killed.kill()).await.unwrap();
        for number in 0..3 {
            ready(&scene, number, 503).await;
        }
        let back = Arc::clone(&server);
        tokio::task::spawn_blocking(move || back.again()).await.unwrap();
        for number in 0..3 {
            ready(&scene, number, 200).await;
        }
    }
    scene.more(30).await;
    scene.settle("PostgreSQL killed and back three times", &database).await;
}

/// Waits until `/readyz` of a replica says so.
async fn ready(scene: &Scene, number: usize, status: u16) {
    let client = scene.fleet.client_of(number);
    let is_so = async {
        while client.send("GET", "/readyz", None, None).await.0 != status {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, is_so).await;
    assert!(came.is_ok(), "replica {number} never says {status}");
}
