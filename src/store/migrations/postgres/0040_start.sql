-- Ids are text, times are microseconds since 1970 UTC, JSON is text: types that every database has. Every key begins with the org,
-- so that rows can be kept where their org is.

CREATE TABLE orgs (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_keys (
    org        TEXT   NOT NULL REFERENCES orgs (id),
    id         TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    digest     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (org, id)
);

-- A request comes with its key only; the key tells the org.
CREATE UNIQUE INDEX api_keys_by_id ON api_keys (id);

-- What is counted per org. Raised in the transaction that uses the number: so numbers are committed in their order.
CREATE TABLE counters (
    org    TEXT   NOT NULL REFERENCES orgs (id),
    name   TEXT   NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (org, name)
);

CREATE TABLE connections (
    org           TEXT   NOT NULL REFERENCES orgs (id),
    id            TEXT   NOT NULL,
    account       TEXT   NOT NULL,
    connector     TEXT   NOT NULL,
    mode          TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    problem       TEXT,
    label         TEXT,
    scopes        TEXT   NOT NULL,
    metadata      TEXT   NOT NULL,
    credential    BYTEA,
    token_version BIGINT NOT NULL DEFAULT 0,
    lease_owner   TEXT,
    lease_until   BIGINT NOT NULL DEFAULT 0,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    webhook       TEXT,
    PRIMARY KEY (org, id)
);

CREATE UNIQUE INDEX connections_by_webhook ON connections (org, webhook);
CREATE INDEX connections_by_old_webhook ON connections (webhook);

-- A consent that the provider's redirect has yet to end; one at a time for a connection.
CREATE TABLE authorizations (
    org        TEXT   NOT NULL,
    connection TEXT   NOT NULL,
    state      BYTEA  NOT NULL,
    connector  TEXT   NOT NULL,
    sealed     BYTEA  NOT NULL,
    scopes     TEXT   NOT NULL,
    return_to  TEXT,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (org, connection),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
);

CREATE INDEX authorizations_by_state ON authorizations (org, state);
CREATE INDEX authorizations_by_expiry ON authorizations (expires_at);

CREATE TABLE enabled_actions (
    org         TEXT   NOT NULL REFERENCES orgs (id),
    id          TEXT   NOT NULL,
    agent       TEXT   NOT NULL,
    connector   TEXT   NOT NULL,
    action      TEXT   NOT NULL,
    connection  TEXT   NOT NULL,
    config      TEXT   NOT NULL,
    function    TEXT   NOT NULL,
    description TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    attention   TEXT,
    PRIMARY KEY (org, id),
    UNIQUE (org, agent, function),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id)
);

CREATE INDEX enabled_actions_by_connection ON enabled_actions (org, connection);

-- What was run stays readable after an action was switched off or a connection removed: no references.
CREATE TABLE executions (
    org               TEXT   NOT NULL REFERENCES orgs (id),
    id                TEXT   NOT NULL,
    agent             TEXT   NOT NULL,
    enabled_action    TEXT   NOT NULL,
    connector         TEXT   NOT NULL,
    connector_version TEXT   NOT NULL,
    action            TEXT   NOT NULL,
    connection        TEXT   NOT NULL,
    status            TEXT   NOT NULL,
    input             TEXT   NOT NULL,
    output            TEXT,
    failure           TEXT,
    trace             TEXT,
    idempotency_key   TEXT,
    owner             TEXT   NOT NULL,
    deadline          BIGINT NOT NULL,
    started_at        BIGINT NOT NULL,
    ended_at          BIGINT,
    PRIMARY KEY (org, id)
);

CREATE INDEX executions_running ON executions (deadline) WHERE status = 'running';
CREATE INDEX executions_by_agent ON executions (org, agent, id);
CREATE INDEX executions_by_start ON executions (started_at);

CREATE TABLE idempotency_keys (
    org             TEXT   NOT NULL REFERENCES orgs (id),
    idempotency_key TEXT   NOT NULL,
    execution       TEXT   NOT NULL,
    fingerprint     BYTEA  NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (org, idempotency_key)
);

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- Written before a request that changes something is sent, so that a crash leaves it visible.
CREATE TABLE execution_writes (
    org       TEXT   NOT NULL,
    execution TEXT   NOT NULL,
    number    BIGINT NOT NULL,
    step      TEXT   NOT NULL,
    request   TEXT   NOT NULL,
    sent_at   BIGINT NOT NULL,
    outcome   TEXT,
    PRIMARY KEY (org, execution, number),
    FOREIGN KEY (org, execution) REFERENCES executions (org, id) ON DELETE CASCADE
);

-- Executions that wait for something, with all that they need to go on. A row stays while its execution is looked at, so that
-- it can be looked at again if that process dies.
CREATE TABLE waits (
    org        TEXT   NOT NULL,
    execution  TEXT   NOT NULL,
    connection TEXT   NOT NULL,
    connector  TEXT   NOT NULL,
    event      TEXT,
    correlate  TEXT,
    since      BIGINT NOT NULL,
    seen       BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    lease      BIGINT NOT NULL,
    writes     BIGINT NOT NULL,
    state      BYTEA  NOT NULL,
    PRIMARY KEY (org, execution),
    FOREIGN KEY (org, execution) REFERENCES executions (org, id) ON DELETE CASCADE
);

CREATE INDEX waits_by_time ON waits (due_at);
CREATE INDEX waits_by_event ON waits (org, connection, connector, event, correlate);

-- What providers sent, from before they are answered until it is worked off.
CREATE TABLE deliveries (
    org         TEXT   NOT NULL,
    id          TEXT   NOT NULL,
    connection  TEXT   NOT NULL,
    connector   TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    content     BYTEA  NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
);

CREATE INDEX deliveries_by_time ON deliveries (next_at);

-- What they meant. Its id makes every further delivery of the same thing mean nothing.
CREATE TABLE received_events (
    org        TEXT   NOT NULL REFERENCES orgs (id),
    number     BIGINT NOT NULL,
    connection TEXT   NOT NULL,
    connector  TEXT   NOT NULL,
    event      TEXT   NOT NULL,
    event_id   TEXT   NOT NULL,
    correlate  TEXT,
    output     TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (org, number),
    UNIQUE (org, connection, connector, event, event_id)
);

CREATE INDEX received_events_of ON received_events (org, connection, connector, event, correlate, number);
CREATE INDEX received_events_by_time ON received_events (at);

-- What the chatbot is told without asking. Whoever has read up to a number misses none.
CREATE TABLE events (
    org        TEXT   NOT NULL REFERENCES orgs (id),
    number     BIGINT NOT NULL,
    id         TEXT   NOT NULL,
    type       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    connection TEXT,
    execution  TEXT,
    data       TEXT   NOT NULL,
    PRIMARY KEY (org, number)
);

CREATE INDEX events_by_time ON events (at);

-- What was told providers about where to send. The secret is sealed.
CREATE TABLE subscriptions (
    org        TEXT   NOT NULL,
    connection TEXT   NOT NULL,
    connector  TEXT   NOT NULL,
    secret     BYTEA  NOT NULL,
    held       TEXT,
    problem    TEXT,
    attempts   BIGINT NOT NULL,
    expires_at BIGINT,
    next_at    BIGINT,
    PRIMARY KEY (org, connection, connector),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
);

CREATE INDEX subscriptions_by_time ON subscriptions (next_at);

-- How an org maps an object to its own fields; `config` is what those depend on, as JSON with sorted keys.
CREATE TABLE mappings (
    org        TEXT   NOT NULL,
    connection TEXT   NOT NULL,
    connector  TEXT   NOT NULL,
    object     TEXT   NOT NULL,
    config     TEXT   NOT NULL,
    document   TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (org, connection, connector, object, config),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
);

-- What the provider told of an org's own fields; `fields` is missing as long as it could not tell.
CREATE TABLE org_schemas (
    org          TEXT   NOT NULL,
    connection   TEXT   NOT NULL,
    connector    TEXT   NOT NULL,
    object       TEXT   NOT NULL,
    config       TEXT   NOT NULL,
    fields       TEXT,
    described_at BIGINT,
    due_at       BIGINT NOT NULL,
    PRIMARY KEY (org, connection, connector, object, config),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
);

CREATE INDEX org_schemas_by_due ON org_schemas (due_at);

-- Connectors that an org has of its own. A version never changes; the one with the highest number is the active one.
CREATE TABLE own_connectors (
    org        TEXT   NOT NULL REFERENCES orgs (id),
    id         TEXT   NOT NULL,
    number     BIGINT NOT NULL,
    version    TEXT   NOT NULL,
    source     TEXT   NOT NULL,
    tests      TEXT,
    form       TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (org, id, number),
    UNIQUE (org, id, version)
);
