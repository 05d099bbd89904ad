-- The order of events is counted per org, by a row that is raised in the transaction that adds the event: on every database the
-- numbers of an org are then committed in their order. They go on where the common count was, so cursors stay good.
CREATE TABLE counters (
    org    TEXT    NOT NULL REFERENCES orgs (id),
    name   TEXT    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (org, name)
) STRICT;

INSERT INTO counters (org, name, number)
SELECT id, 'events', COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) FROM orgs;
INSERT INTO counters (org, name, number)
SELECT id, 'received', COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'received_events'), 0) FROM orgs;

ALTER TABLE events RENAME TO old_events;
DROP INDEX events_by_org;
DROP INDEX events_by_time;

CREATE TABLE events (
    org        TEXT    NOT NULL REFERENCES orgs (id),
    number     INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    connection TEXT,
    execution  TEXT,
    data       TEXT    NOT NULL,
    PRIMARY KEY (org, number)
) STRICT;

INSERT INTO events (org, number, id, type, at, connection, execution, data)
SELECT org, number, id, type, at, connection, execution, data FROM old_events;
DROP TABLE old_events;

CREATE INDEX events_by_time ON events (at);

ALTER TABLE received_events RENAME TO old_received_events;
DROP INDEX received_events_of;
DROP INDEX received_events_by_time;

CREATE TABLE received_events (
    org        TEXT    NOT NULL REFERENCES orgs (id),
    number     INTEGER NOT NULL,
    connection TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    event      TEXT    NOT NULL,
    event_id   TEXT    NOT NULL,
    correlate  TEXT,
    output     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (org, number),
    UNIQUE (org, connection, connector, event, event_id)
) STRICT;

INSERT INTO received_events (org, number, connection, connector, event, event_id, correlate, output, at)
SELECT org, number, connection, connector, event, event_id, correlate, output, at FROM old_received_events
WHERE org IN (SELECT id FROM orgs);
DROP TABLE old_received_events;

CREATE INDEX received_events_of ON received_events (org, connection, connector, event, correlate, number);
CREATE INDEX received_events_by_time ON received_events (at);

-- One consent at a time can be under way for a connection; `state` carries the org, so that it is found where the org's rows are.
-- What is under way while this is applied has to be begun again: it could only have been for some minutes.
DROP TABLE authorizations;
CREATE TABLE authorizations (
    org        TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    state      BLOB    NOT NULL,
    connector  TEXT    NOT NULL,
    sealed     BLOB    NOT NULL,
    scopes     TEXT    NOT NULL,
    return_to  TEXT,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (org, connection),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX authorizations_by_state ON authorizations (org, state);
CREATE INDEX authorizations_by_expiry ON authorizations (expires_at);

-- New webhook addresses carry their org. Older ones, which providers keep sending to, are found without.
DROP INDEX connections_by_webhook;
CREATE UNIQUE INDEX connections_by_webhook ON connections (org, webhook);
CREATE INDEX connections_by_old_webhook ON connections (webhook);
