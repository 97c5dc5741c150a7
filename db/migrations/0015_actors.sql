-- Who started a run, who decided it, and who changed a provider last: a login name with
-- its host, a schedule's id, or a word. Null where that was not on record yet.
ALTER TABLE sync_runs
    ADD COLUMN started_by text CHECK (octet_length(started_by) BETWEEN 1 AND 200),
    ADD COLUMN decided_by text CHECK (octet_length(decided_by) BETWEEN 1 AND 200);
ALTER TABLE identity_providers
    ADD COLUMN updated_by text CHECK (octet_length(updated_by) BETWEEN 1 AND 200);
