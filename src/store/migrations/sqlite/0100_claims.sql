-- Which replica has taken what it is to end until `next_at` or `due_at`: when it is dead, others need not wait for that.
ALTER TABLE deliveries ADD COLUMN owner TEXT;
ALTER TABLE subscriptions ADD COLUMN owner TEXT;
ALTER TABLE waits ADD COLUMN owner TEXT;
CREATE INDEX deliveries_by_owner ON deliveries (owner) WHERE owner IS NOT NULL;
CREATE INDEX subscriptions_by_owner ON subscriptions (owner) WHERE owner IS NOT NULL;
CREATE INDEX waits_by_owner ON waits (owner) WHERE owner IS NOT NULL;
