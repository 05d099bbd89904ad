-- What one replica does for all, now and then: who does it, until when at most, and when it is to be done next.
CREATE TABLE duties (
    name    TEXT    NOT NULL PRIMARY KEY,
    owner   TEXT    NOT NULL,
    until   INTEGER NOT NULL,
    next_at INTEGER NOT NULL
) STRICT;

-- When a grant is renewed at the latest, so that it does not die unused.
ALTER TABLE connections ADD COLUMN renew_by INTEGER;
CREATE INDEX connections_by_renewal ON connections (renew_by) WHERE renew_by IS NOT NULL;
