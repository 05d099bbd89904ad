-- Connectors that an org has of its own. A version never changes; the one with the highest number is the active one.
CREATE TABLE own_connectors (
    org        TEXT    NOT NULL REFERENCES orgs (id),
    id         TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    version    TEXT    NOT NULL,
    source     TEXT    NOT NULL,
    tests      TEXT,
    form       TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (org, id, number),
    UNIQUE (org, id, version)
) STRICT;
