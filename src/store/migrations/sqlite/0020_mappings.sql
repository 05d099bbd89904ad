-- How an org maps an object to its own fields; `config` is what those depend on, as JSON with sorted keys.
CREATE TABLE mappings (
    org        TEXT    NOT NULL,
    connection TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    object     TEXT    NOT NULL,
    config     TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (org, connection, connector, object, config),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
) STRICT;

-- What the provider told of an org's own fields; `fields` is missing as long as it could not tell.
CREATE TABLE org_schemas (
    org          TEXT    NOT NULL,
    connection   TEXT    NOT NULL,
    connector    TEXT    NOT NULL,
    object       TEXT    NOT NULL,
    config       TEXT    NOT NULL,
    fields       TEXT,
    described_at INTEGER,
    due_at       INTEGER NOT NULL,
    PRIMARY KEY (org, connection, connector, object, config),
    FOREIGN KEY (org, connection) REFERENCES connections (org, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX org_schemas_by_due ON org_schemas (due_at);

-- Why an enabled action can't work as it should, as a list of sentences.
ALTER TABLE enabled_actions ADD COLUMN attention TEXT;
