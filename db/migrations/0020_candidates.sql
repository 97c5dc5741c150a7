-- What a run that read the whole company to its end missed and could not confirm as gone.
-- What the next such run misses, too, is removed where a look-up does not show it, and
-- placed by its own record where it does. Losing this table costs one run's delay.
CREATE TABLE removal_candidates (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (object_type IN ('member', 'department')),
    object_id   uuid NOT NULL,
    -- What was said of it when it was looked up.
    fate        text NOT NULL CHECK (fate IN ('there', 'unseen', 'taken')),
    -- The run that missed it, which says how much could be seen then.
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    PRIMARY KEY (provider_id, object_type, object_id)
);
CREATE INDEX removal_candidates_run ON removal_candidates (run_id);

ALTER TABLE sync_run_removals DROP CONSTRAINT sync_run_removals_reason_check;
ALTER TABLE sync_run_removals ADD CONSTRAINT sync_run_removals_reason_check
    CHECK (reason IN ('not_listed', 'looked_up', 'not_visible_twice', 'with_member', 'with_department'));
