-- What may have happened or not, until a person says so. The key is the one by which the provider may know it.
ALTER TABLE executions ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN provider_key TEXT;
ALTER TABLE executions ADD COLUMN resolution TEXT;

UPDATE executions SET in_doubt = 1 WHERE status = 'failed' AND failure LIKE '%"code":"unknown_outcome"%';

CREATE INDEX executions_in_doubt ON executions (org, id) WHERE in_doubt = 1;
