-- The engine's processes that share this database. Each raises its beats; one whose beats stand still is declared dead.
CREATE TABLE replicas (
    id      TEXT    NOT NULL PRIMARY KEY,
    beats   BIGINT NOT NULL,
    dead_at BIGINT
);

-- What every statement on a running execution is fenced by: `owner` and `epoch`, which grows with each claim. `beginning` is what
-- it began with, `checkpoint` is where to go on from, both sealed and gone once it has ended.
ALTER TABLE executions ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN recoveries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN connector_digest TEXT;
ALTER TABLE executions ADD COLUMN beginning BYTEA;
ALTER TABLE executions ADD COLUMN checkpoint BYTEA;

-- What waits keeps its place where what runs does.
UPDATE executions SET checkpoint = (SELECT state FROM waits w WHERE w.org = executions.org AND w.execution = executions.id)
WHERE status IN ('running', 'waiting');
ALTER TABLE waits DROP COLUMN state;
ALTER TABLE waits DROP COLUMN writes;
-- Until when it waits: also told if its checkpoint can't be opened.
ALTER TABLE waits ADD COLUMN until BIGINT NOT NULL DEFAULT 0;

DROP INDEX executions_running;
CREATE INDEX executions_running ON executions (owner, deadline) WHERE status = 'running';

-- What connectors that are not an org's own were made of: an execution goes on with the very one with which it began.
CREATE TABLE connector_versions (
    digest     TEXT    NOT NULL PRIMARY KEY,
    id         TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    files      TEXT    NOT NULL,
    created_at BIGINT NOT NULL
);
