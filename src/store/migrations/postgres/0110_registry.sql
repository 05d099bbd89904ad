-- The registry: versions of the connectors that are everybody's. One never changes; what it was made of is in
-- connector_versions, and here is what only authors need.
CREATE TABLE registry_versions (
    connector    TEXT   NOT NULL,
    version      TEXT   NOT NULL,
    digest       TEXT   NOT NULL,
    tests        TEXT,
    logo         TEXT,
    published_at BIGINT NOT NULL,
    published_by TEXT   NOT NULL,
    PRIMARY KEY (connector, version)
);

-- Which of them is live, as JSON. The revision counts each change, of pins too: their sum tells whether anything changed.
CREATE TABLE registry (
    connector TEXT   NOT NULL PRIMARY KEY,
    live      TEXT   NOT NULL,
    revision  BIGINT NOT NULL
);

-- Orgs that stay with a version, whichever is live.
CREATE TABLE connector_pins (
    org       TEXT NOT NULL REFERENCES orgs (id),
    connector TEXT NOT NULL,
    version   TEXT NOT NULL,
    PRIMARY KEY (org, connector)
);

-- How calls went since a canary began, by version. Logarithms are of milliseconds, in millionths.
CREATE TABLE registry_counts (
    connector TEXT   NOT NULL,
    begun_at  BIGINT NOT NULL,
    version   TEXT   NOT NULL,
    calls     BIGINT NOT NULL,
    failed    BIGINT NOT NULL,
    timed     BIGINT NOT NULL,
    logs      BIGINT NOT NULL,
    squares   BIGINT NOT NULL,
    PRIMARY KEY (connector, begun_at, version)
);

-- Keys of whoever runs the engine.
CREATE TABLE operator_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT
);
