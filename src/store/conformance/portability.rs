//! What keeps the store able to outgrow one PostgreSQL: databases that are many machines keep an org's rows together, and know no
//! locks or sessions beside transactions.

use std::{collections::BTreeSet, fs, path::Path};

use sqlx::{Connection as _, PgConnection, Row as _, SqlitePool};

use super::{Store, postgres, sqlite};

/// Tables that belong to no org, or are asked before it is known whose the question is; each with its reason. A database that
/// spreads rows keeps a copy of these everywhere, or all of them in one place: they are small.
const REFERENCE: &[(&str, &str)] = &[
    ("orgs", "the orgs themselves"),
    ("api_keys", "a request brings its key only, and that tells the org"),
    ("replicas", "engines work for all orgs"),
    ("duties", "what one replica does for all"),
    ("clients", "one at each provider serves all orgs"),
    ("connector_versions", "the shipped connectors are everybody's"),
    ("registry", "which versions of those are live"),
    ("registry_versions", "so are the ones that were published"),
    ("registry_counts", "how they did, over all orgs"),
    ("operator_keys", "whoever runs the engine is of no org"),
    ("_sqlx_migrations", "the schema's history"),
];

fn is_reference(table: &str) -> bool {
    REFERENCE.iter().any(|(name, _)| *name == table)
}

async fn connected() -> PgConnection {
    let fresh = postgres::fresh().await;
    PgConnection::connect(&fresh.url).await.unwrap()
}

/// Table, column, type, and whether it can be null.
type Column = (String, String, String, bool);

#[tokio::test]
async fn both_schemas_describe_the_same() {
    let sql = "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text FROM information_schema.columns \
               WHERE table_schema = 'public'";
    let rows = sqlx::query(sql).fetch_all(&mut connected().await).await.unwrap();
    let column = |row: &sqlx::postgres::PgRow| -> Column {
        let kind = match row.get::<String, _>(2).as_str() {
            "text" => "TEXT",
            "bigint" => "INTEGER",
            "bytea" => "BLOB",
            other => panic!("{other} is no type that every database has"),
        };
        (row.get(0), row.get(1), kind.to_owned(), row.get::<String, _>(3) == "YES")
    };
    let is_ours = |it: &Column| it.0 != "_sqlx_migrations";
    let rows = rows.iter().filter(|row| row.get::<String, _>(0) != "_sqlx_migrations");
    let there: BTreeSet<_> = rows.map(column).collect();

    let folder = tempfile::tempdir().unwrap();
    let url = sqlite::url(&folder);
    Store::open(&url).await.unwrap().close().await;
    let sql = "SELECT t.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_master t, pragma_table_info(t.name) c \
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
    let rows = sqlx::query(sql).fetch_all(&SqlitePool::connect(&url).await.unwrap()).await.unwrap();
    let here: BTreeSet<Column> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).filter(is_ours).collect();
    assert_eq!(here.symmetric_difference(&there).collect::<Vec<_>>(), Vec::<&Column>::new());
    assert!(here.len() > 100, "{here:#?}");
}

#[tokio::test]
async fn every_key_begins_with_the_org() {
    let mut database = connected().await;
    let unique = "SELECT t.relname::text, i.relname::text, a.attname::text FROM pg_index x \
                  JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
                  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0] \
                  WHERE x.indisunique AND t.relnamespace = 'public'::regnamespace";
    let foreign = "SELECT t.relname::text, c.conname::text, a.attname::text FROM pg_constraint c \
                   JOIN pg_class t ON t.oid = c.conrelid \
                   JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1] WHERE c.contype = 'f'";
    for sql in [unique, foreign] {
        let rows = sqlx::query(sql).fetch_all(&mut database).await.unwrap();
        assert!(rows.len() > 10);
        for row in rows {
            let (table, key, first): (String, String, String) = (row.get(0), row.get(1), row.get(2));
            assert!(first == "org" || is_reference(&table), "`{key}` of `{table}` begins with `{first}`");
        }
    }
    let without = "SELECT t.relname::text FROM pg_class t WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace \
                   AND NOT EXISTS (SELECT 1 FROM pg_index x WHERE x.indrelid = t.oid AND x.indisprimary)";
    let rows = sqlx::query(without).fetch_all(&mut database).await.unwrap();
    assert_eq!(rows.len(), 0, "a table has no primary key");
    let more =
        "SELECT count(*) FROM pg_class WHERE relkind IN ('S', 'v', 'm') AND relnamespace = 'public'::regnamespace";
    let sequences: i64 = sqlx::query(more).fetch_one(&mut database).await.unwrap().get(0);
    assert_eq!(sequences, 0, "a sequence gives numbers in another order than they are committed in");
}

/// What one of the databases has not, or what would have to be kept beside transactions.
#[test]
fn no_statement_needs_more_than_transactions() {
    const NEVER: &[&str] = &[
        "pg_",
        "LISTEN",
        "NOTIFY",
        "FOR UPDATE",
        "FOR SHARE",
        "SKIP LOCKED",
        "nextval",
        "SERIAL",
        "IDENTITY",
        "SET LOCAL",
        "SET SESSION",
        "TEMP TABLE",
        " now()",
        "CURRENT_TIME",
        " random(",
        "INSERT OR",
        "SELECT *",
        "RETURNING *",
        "rowid",
        "LOCK TABLE",
    ];
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut read = 0;
    for folder in [store.clone(), store.join("db"), store.join("migrations/postgres")] {
        for file in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_file()) {
            read += 1;
            let text = fs::read_to_string(&file).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//") && !line.starts_with("--"));
            for line in code {
                for word in NEVER {
                    assert!(!line.contains(word), "{}: `{word}` in {line}", file.display());
                }
            }
        }
    }
    assert!(read > 25, "{read} files");
}

/// Statements that ask about all orgs at once, each with its reason: they run now and then, over an index, a page at a time.
const SWEEPS: &[(&str, &str)] = &[
    ("FROM authorizations WHERE expires_at", "what has expired"),
    ("FROM connections WHERE webhook = $1", "addresses from before they said whose they are"),
    ("FROM connections WHERE renew_by", "grants that nobody uses"),
    ("WHERE status = 'pending'", "consents that nobody finished"),
    ("FROM connections WHERE credential IS NOT NULL", "a change of keys"),
    ("AS sealed FROM", "a change of keys"),
    ("UPDATE deliveries SET next_at", "what is due"),
    ("UPDATE subscriptions SET next_at = $2", "what is due"),
    ("UPDATE waits SET due_at = $2", "what is due"),
    ("FROM org_schemas WHERE due_at", "what is due"),
    ("epoch = epoch + 1, deadline", "what is due"),
    ("SELECT MIN(at)", "when something is due"),
    ("FROM executions WHERE status = 'running' AND owner", "what a replica runs, or a dead one ran"),
    ("FROM deliveries WHERE owner = $1 LIMIT", "what a replica has taken"),
    ("FROM subscriptions WHERE owner = $1 LIMIT", "what a replica has taken"),
    ("FROM waits WHERE owner = $1 LIMIT", "what a replica has taken"),
    ("idempotency_keys SET expires_at", "what has expired"),
    ("FROM idempotency_keys WHERE expires_at", "what has expired"),
    ("SELECT org, connector, version FROM connector_pins", "which version each org has, into memory"),
];

/// Beginnings and parts of statements, which the text that uses them completes.
const PARTS: &[&str] = &[
    "SELECT org, id, agent, connector, action",
    "SELECT org, id, agent, enabled_action",
    "SELECT org, id, kind, digest",
    "EXISTS (SELECT 1 FROM waits w WHERE w.org = idempotency_keys.org",
    "NOT EXISTS (SELECT 1 FROM idempoten",
];

#[test]
fn every_statement_names_its_org_or_is_a_known_sweep() {
    let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut seen = 0;
    for file in fs::read_dir(store).unwrap().map(|it| it.unwrap().path()).filter(|it| it.is_file()) {
        for statement in statements(&fs::read_to_string(&file).unwrap()) {
            let words = ["SELECT ", "UPDATE ", "DELETE FROM ", "INSERT INTO "];
            let is_sql = words.iter().any(|word| statement.contains(word)) && statement.trim() != "SELECT 1";
            let is_reference = REFERENCE.iter().any(|(table, _)| {
                ["FROM", "UPDATE", "INTO"].iter().any(|word| statement.contains(&format!("{word} {table}")))
            });
            if !is_sql || is_reference {
                continue;
            }
            seen += 1;
            let names_it =
                statement.contains("org = $") || statement.contains("INSERT INTO") && statement.contains(" (org, ");
            let is_known = SWEEPS.iter().map(|(part, _)| part).chain(PARTS).any(|known| statement.contains(known));
            assert!(names_it || is_known, "{}: {statement}", file.display());
        }
    }
    assert!(seen > 60, "{seen} statements");
}

/// The text literals of each Rust statement, put together.
fn statements(source: &str) -> Vec<String> {
    let code: Vec<_> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let (mut all, mut inside) = (vec![String::new()], false);
    let mut rest = code.chars().peekable();
    while let Some(c) = rest.next() {
        let last = all.last_mut().unwrap();
        match c {
            '\\' if inside => match rest.next() {
                Some('\n') => while rest.next_if(|it| it.is_whitespace()).is_some() {},
                Some(escaped) => last.push(escaped),
                None => {}
            },
            '"' => inside = !inside,
            ';' if !inside => all.push(String::new()),
            c if inside => last.push(c),
            _ => {}
        }
    }
    all
}
