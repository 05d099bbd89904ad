-- How long an org keeps what, where it differs from the settings, as JSON.
CREATE TABLE retention (
    org        TEXT   NOT NULL PRIMARY KEY REFERENCES orgs (id),
    policy     TEXT   NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Up to which execution an org's were gone through, for each part of them: what could go has gone.
CREATE TABLE sweeps (
    org  TEXT NOT NULL REFERENCES orgs (id),
    part TEXT NOT NULL,
    upto TEXT NOT NULL,
    PRIMARY KEY (org, part)
);

-- Those that could not go then: they waited, or were in doubt.
CREATE TABLE passed_over (
    org       TEXT NOT NULL,
    part      TEXT NOT NULL,
    execution TEXT NOT NULL,
    PRIMARY KEY (org, execution, part),
    FOREIGN KEY (org, execution) REFERENCES executions (org, id) ON DELETE CASCADE
);

-- Which parts are no longer kept (a sum: 1 input, 2 output, 4 trace), and whether somebody had it erased.
ALTER TABLE executions ADD COLUMN expired BIGINT NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN erased_at BIGINT;

-- What the chatbot was told of a received event.
ALTER TABLE received_events ADD COLUMN told_as TEXT;

-- Which received events are of an execution: what it waits or waited for.
CREATE TABLE correlations (
    org        TEXT NOT NULL,
    execution  TEXT NOT NULL,
    connection TEXT NOT NULL,
    connector  TEXT NOT NULL,
    event      TEXT NOT NULL,
    correlate  TEXT NOT NULL,
    PRIMARY KEY (org, execution, connection, connector, event, correlate),
    FOREIGN KEY (org, execution) REFERENCES executions (org, id) ON DELETE CASCADE
);

-- What was to be erased. The chatbot's own id stays only until nothing of it can come any more; the digest tells it again.
CREATE TABLE erasures (
    org        TEXT   NOT NULL REFERENCES orgs (id),
    id         TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    digest     TEXT   NOT NULL,
    subject    TEXT,
    asked_at   BIGINT NOT NULL,
    done_at    BIGINT,
    executions BIGINT NOT NULL,
    events     BIGINT NOT NULL,
    received   BIGINT NOT NULL,
    PRIMARY KEY (org, id),
    UNIQUE (org, kind, digest)
);

CREATE INDEX erasures_pending ON erasures (asked_at) WHERE done_at IS NULL;

CREATE INDEX events_by_id ON events (org, id);
CREATE INDEX events_by_execution ON events (org, execution) WHERE execution IS NOT NULL;

-- An org's events are numbered in their order: what is old is found by the number.
DROP INDEX events_by_time;
DROP INDEX received_events_by_time;
