-- The unguessable part of a connection's webhook address. It is no credential: what comes there is verified.
ALTER TABLE connections ADD COLUMN webhook TEXT;
UPDATE connections SET webhook = lower(hex(randomblob(32)));
CREATE UNIQUE INDEX connections_by_webhook ON connections (webhook);

-- Executions that wait for something, with all that they need to go on. A row stays while its execution is looked at, so that
-- it can be looked at again if that process dies.
CREATE TABLE waits (
    org        TEXT    NOT NULL,
    execution  TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    event      TEXT,
    correlate  TEXT,
    since      INTEGER NOT NULL,
    seen       INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,
    lease      INTEGER NOT NULL,
    writes     INTEGER NOT NULL,
    state      BLOB    NOT NULL,
    PRIMARY KEY (org, execution),
    FOREIGN KEY (org, execution) REFERENCES executions (org, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX waits_by_time ON waits (due_at);
CREATE INDEX waits_by_event ON waits (org, connection, connector, event, correlate);

-- What providers sent, from before they are answered until it is worked off.
CREATE TABLE deliveries (
    org         TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    connection  TEXT    NOT NULL,
    connector   TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    content     BLOB    NOT NULL,
    PRIMARY KEY (org, id),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX deliveries_by_time ON deliveries (next_at);

-- What they meant. Its id makes every further delivery of the same thing mean nothing.
CREATE TABLE received_events (
    number     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org        TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    event      TEXT    NOT NULL,
    event_id   TEXT    NOT NULL,
    correlate  TEXT,
    output     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    UNIQUE (org, connection, connector, event, event_id)
) STRICT;

CREATE INDEX received_events_of ON received_events (org, connection, connector, event, correlate, number);
CREATE INDEX received_events_by_time ON received_events (at);

-- What was told providers about where to send. The secret is sealed.
CREATE TABLE subscriptions (
    org        TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    secret     BLOB    NOT NULL,
    held       TEXT,
    problem    TEXT,
    attempts   INTEGER NOT NULL,
    expires_at INTEGER,
    next_at    INTEGER,
    PRIMARY KEY (org, connection, connector),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX subscriptions_by_time ON subscriptions (next_at);
