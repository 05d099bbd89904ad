//! The servers that replicas share, when they die and come back.

use redis::Commands as _;

use crate::servers::{Postgres, Redis};

#[test]
fn a_killed_database_comes_back_with_what_it_had() {
    let server = Postgres::durable();
    server.run("CREATE TABLE kept (n int)");
    server.run("INSERT INTO kept VALUES (7)");
    server.kill();
    server.again();
    assert_eq!(server.run("SELECT n FROM kept"), "7");
}

#[test]
fn a_killed_redis_comes_back_empty() {
    let server = Redis::start();
    let get = || -> Option<String> {
        let client = redis::Client::open(server.url()).unwrap();
        client.get_connection().unwrap().get("k").unwrap()
    };
    let client = redis::Client::open(server.url()).unwrap();
    let () = client.get_connection().unwrap().set("k", "v").unwrap();
    assert_eq!(get().as_deref(), Some("v"));
    server.kill();
    server.again();
    assert_eq!(get(), None);
}
