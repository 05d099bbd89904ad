-- What the chatbot is told without asking. The number is the order in which events were committed, and is never used twice:
-- whoever has read up to one misses none.
CREATE TABLE events (
    number     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    org        TEXT    NOT NULL REFERENCES orgs (id),
    id         TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    connection TEXT,
    execution  TEXT,
    data       TEXT    NOT NULL
) STRICT;

CREATE INDEX events_by_org ON events (org, number);
CREATE INDEX events_by_time ON events (at);
