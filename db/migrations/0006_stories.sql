-- A run that takes back another one is a run like any other and names it.
ALTER TABLE sync_runs
    ADD COLUMN undoes uuid REFERENCES sync_runs (id) ON DELETE SET NULL;

-- The story of one object, across runs.
CREATE INDEX org_changes_object ON org_changes (object_id, id);

-- The answer that ended a listing: the provider's request id, and when it came.
ALTER TABLE sync_run_departments
    ADD COLUMN members_request text,
    ADD COLUMN members_read_at timestamptz,
    ADD COLUMN children_request text,
    ADD COLUMN children_read_at timestamptz;

-- What a planned removal rests on.
ALTER TABLE sync_run_removals
    ADD COLUMN reason text NOT NULL DEFAULT 'not_listed'
        CHECK (reason IN ('not_listed', 'looked_up', 'with_member', 'with_department'));
