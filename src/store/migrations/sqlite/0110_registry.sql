-- The registry: versions of the connectors that are everybody's. One never changes; what it was made of is in
-- connector_versions, and here is what only authors need.
CREATE TABLE registry_versions (
    connector    TEXT    NOT NULL,
    version      TEXT    NOT NULL,
    digest       TEXT    NOT NULL,
    tests        TEXT,
    logo         TEXT,
    published_at INTEGER NOT NULL,
    published_by TEXT    NOT NULL,
    PRIMARY KEY (connector, version)
) STRICT;

-- Which of them is live, as JSON. The revision counts each change, of pins too: their sum tells whether anything changed.
CREATE TABLE registry (
    connector TEXT    NOT NULL PRIMARY KEY,
    live      TEXT    NOT NULL,
    revision  INTEGER NOT NULL
) STRICT;

-- Orgs that stay with a version, whichever is live.
CREATE TABLE connector_pins (
    org       TEXT NOT NULL REFERENCES orgs (id),
    connector TEXT NOT NULL,
    version   TEXT NOT NULL,
    PRIMARY KEY (org, connector)
) STRICT;

-- How calls went since a canary began, by version. Logarithms are of milliseconds, in millionths.
CREATE TABLE registry_counts (
    connector TEXT    NOT NULL,
    begun_at  INTEGER NOT NULL,
    version   TEXT    NOT NULL,
    calls     INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    timed     INTEGER NOT NULL,
    logs      INTEGER NOT NULL,
    squares   INTEGER NOT NULL,
    PRIMARY KEY (connector, begun_at, version)
) STRICT;

-- Keys of whoever runs the engine.
CREATE TABLE operator_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
