-- Ids are text, times are microseconds since 1970 UTC, JSON is text: types that every database has.
-- Every row belongs to an org, and every key begins with it.

CREATE TABLE orgs (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    org        TEXT    NOT NULL REFERENCES orgs (id),
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (org, id)
) STRICT;

-- A request comes with its key only; the key tells the org.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

CREATE TABLE connections (
    org           TEXT    NOT NULL REFERENCES orgs (id),
    id            TEXT    NOT NULL,
    account       TEXT    NOT NULL,
    connector     TEXT    NOT NULL,
    mode          TEXT    NOT NULL,
    status        TEXT    NOT NULL,
    problem       TEXT,
    label         TEXT,
    scopes        TEXT    NOT NULL,
    metadata      TEXT    NOT NULL,
    credential    BLOB,
    token_version INTEGER NOT NULL DEFAULT 0,
    lease_owner   TEXT,
    lease_until   INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (org, id)
) STRICT;

-- A consent that the provider's redirect has yet to end. The browser brings `state` only.
CREATE TABLE authorizations (
    org        TEXT    NOT NULL,
    state      BLOB    NOT NULL PRIMARY KEY,
    connection TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    scopes     TEXT    NOT NULL,
    return_to  TEXT,
    expires_at INTEGER NOT NULL,
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX authorizations_by_expiry ON authorizations (expires_at);
CREATE INDEX authorizations_by_connection ON authorizations (org, connection);

CREATE TABLE enabled_actions (
    org         TEXT    NOT NULL REFERENCES orgs (id),
    id          TEXT    NOT NULL,
    agent       TEXT    NOT NULL,
    connector   TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    connection  TEXT    NOT NULL,
    config      TEXT    NOT NULL,
    function    TEXT    NOT NULL,
    description TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, agent, function),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id)
) STRICT;

CREATE INDEX enabled_actions_by_connection ON enabled_actions (org, connection);

-- What was run stays readable after an action was switched off or a connection removed: no references.
CREATE TABLE executions (
    org               TEXT    NOT NULL REFERENCES orgs (id),
    id                TEXT    NOT NULL,
    agent             TEXT    NOT NULL,
    enabled_action    TEXT    NOT NULL,
    connector         TEXT    NOT NULL,
    connector_version TEXT    NOT NULL,
    action            TEXT    NOT NULL,
    connection        TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    input             TEXT    NOT NULL,
    output            TEXT,
    failure           TEXT,
    trace             TEXT,
    idempotency_key   TEXT,
    owner             TEXT    NOT NULL,
    deadline          INTEGER NOT NULL,
    started_at        INTEGER NOT NULL,
    ended_at          INTEGER,
    PRIMARY KEY (org, id)
) STRICT;

CREATE INDEX executions_running ON executions (deadline) WHERE status = 'running';
CREATE INDEX executions_by_agent ON executions (org, agent, id);
CREATE INDEX executions_by_start ON executions (started_at);

CREATE TABLE idempotency_keys (
    org             TEXT    NOT NULL REFERENCES orgs (id),
    idempotency_key TEXT    NOT NULL,
    execution       TEXT    NOT NULL,
    fingerprint     BLOB    NOT NULL,
    expires_at      INTEGER NOT NULL,
    PRIMARY KEY (org, idempotency_key)
) STRICT;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Written before a request that changes something is sent, so that a crash leaves it visible.
CREATE TABLE execution_writes (
    org       TEXT    NOT NULL,
    execution TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    step      TEXT    NOT NULL,
    request   TEXT    NOT NULL,
    sent_at   INTEGER NOT NULL,
    outcome   TEXT,
    PRIMARY KEY (org, execution, number),
    FOREIGN KEY (org, execution) REFERENCES executions (org, id) ON DELETE CASCADE
) STRICT;
