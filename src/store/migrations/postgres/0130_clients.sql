-- Clients that registered themselves at providers, one for all orgs. The key is a digest of who was asked for what; each is
-- sealed for the connection that needed it first.
CREATE TABLE clients (
    key           TEXT   NOT NULL PRIMARY KEY,
    org           TEXT   NOT NULL,
    connection    TEXT   NOT NULL,
    sealed        BYTEA  NOT NULL,
    registered_at BIGINT NOT NULL
);
