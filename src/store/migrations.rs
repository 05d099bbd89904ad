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
    (60, "calls", include_str!("migrations/sqlite/0060_calls.sql")),
];

/// All migrations for SQLite.
pub(super) fn sqlite() -> Migrator {
    let migrations = SQLITE.iter().map(|(version, name, sql)| {
        Migration::new(*version, (*name).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
