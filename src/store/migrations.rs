//! The schema's history: forward only, listed in code, so that no build script or macro is needed.

use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};

/// What is missing is applied in this order, also where a later one was applied before.
const SQLITE: &[(i64, &str, &str)] = &[
    (1, "start", include_str!("migrations/sqlite/0001_start.sql")),
    (10, "events", include_str!("migrations/sqlite/0010_events.sql")),
    (11, "waiting", include_str!("migrations/sqlite/0011_waiting.sql")),
    (20, "mappings", include_str!("migrations/sqlite/0020_mappings.sql")),
    (30, "own_connectors", include_str!("migrations/sqlite/0030_own_connectors.sql")),
    (40, "by_org", include_str!("migrations/sqlite/0040_by_org.sql")),
    (50, "replicas", include_str!("migrations/sqlite/0050_replicas.sql")),
    (51, "doubts", include_str!("migrations/sqlite/0051_doubts.sql")),
    (60, "calls", include_str!("migrations/sqlite/0060_calls.sql")),
    (61, "retention", include_str!("migrations/sqlite/0061_retention.sql")),
    (70, "duties", include_str!("migrations/sqlite/0070_duties.sql")),
    (100, "claims", include_str!("migrations/sqlite/0100_claims.sql")),
    (110, "registry", include_str!("migrations/sqlite/0110_registry.sql")),
    (130, "clients", include_str!("migrations/sqlite/0130_clients.sql")),
];

/// The first one is what SQLite had come to when there was a second database.
const POSTGRES: &[(i64, &str, &str)] = &[
    (40, "start", include_str!("migrations/postgres/0040_start.sql")),
    (50, "replicas", include_str!("migrations/postgres/0050_replicas.sql")),
    (51, "doubts", include_str!("migrations/postgres/0051_doubts.sql")),
    (60, "calls", include_str!("migrations/postgres/0060_calls.sql")),
    (61, "retention", include_str!("migrations/postgres/0061_retention.sql")),
    (70, "duties", include_str!("migrations/postgres/0070_duties.sql")),
    (100, "claims", include_str!("migrations/postgres/0100_claims.sql")),
    (110, "registry", include_str!("migrations/postgres/0110_registry.sql")),
    (130, "clients", include_str!("migrations/postgres/0130_clients.sql")),
];

/// All migrations for SQLite.
pub(super) fn sqlite() -> Migrator {
    migrator(SQLITE)
}

/// All migrations for PostgreSQL. They take no lock, since that would have to be an advisory one: whoever comes second fails,
/// and has to try again.
pub(super) fn postgres() -> Migrator {
    let mut migrator = migrator(POSTGRES);
    migrator.set_locking(false);
    migrator
}

fn migrator(all: &'static [(i64, &str, &str)]) -> Migrator {
    let migrations = all.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
