-- Which conversation a call is part of and which customer it is for, by the chatbot's own ids: to find them, and to erase them.
ALTER TABLE executions ADD COLUMN conversation TEXT;
ALTER TABLE executions ADD COLUMN customer TEXT;

CREATE INDEX executions_by_conversation ON executions (org, conversation, id) WHERE conversation IS NOT NULL;
CREATE INDEX executions_by_customer ON executions (org, customer, id) WHERE customer IS NOT NULL;

-- 1: its end is told by an event, since whoever called was not answered with it.
ALTER TABLE executions ADD COLUMN tell BIGINT NOT NULL DEFAULT 0;

-- Ids begin with the time: what is old is found by the primary key.
DROP INDEX executions_by_start;
