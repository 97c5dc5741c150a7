-- A run that takes back another one is a run like any other and names it.
ALTER TABLE sync_runs
    ADD COLUMN undoes uuid REFERENCES sync_runs (id) ON DELETE SET NULL;

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

-- What an undoing run is about to take back, while its transaction lasts.
CREATE TABLE undo_objects (
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    -- A member stands for the person with their places and their link.
    object_type text NOT NULL CHECK (object_type IN ('department', 'member')),
    object_id   uuid NOT NULL,
    external_id text NOT NULL,
    -- The row as it was before the run that is undone, in the columns that it changed;
    -- null: that run changed places or the link alone.
    target      jsonb,
    -- Why it is left alone, and by which run it was changed since.
    left_alone  text CHECK (left_alone IN ('changed', 'ids', 'inhabited', 'circle')),
    changed_by  uuid,
    PRIMARY KEY (run_id, object_type, object_id)
);

-- Whether a change of a member only follows from changes elsewhere: the primary
-- department is derived, so such a change is neither undone nor in an undo's way.
CREATE FUNCTION org_change_derived(object_type text, kind text, before jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT object_type = 'member' AND kind = 'moved' AND before - 'department_id' - 'department_path' = '{}'
$$;

CREATE INDEX sync_run_removals_object ON sync_run_removals (object_id);
