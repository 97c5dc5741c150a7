-- What the provider said of single objects that a run is about to remove. Apart from the
-- plan, so that planning once more, or a rehearsal that is rolled back, comes to the same
-- without asking again.
CREATE TABLE sync_run_lookups (
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (object_type IN ('member', 'department')),
    object_id   uuid NOT NULL,
    -- Whether no listing showed it although everything was read; else it may be where
    -- nothing was.
    unlisted    boolean NOT NULL,
    -- Null: still to be asked. unnamed: the list of everybody, asked for once more, does
    -- not name them. unasked: there is nobody to ask. failed: the answer was none.
    fate        text CHECK (fate IN ('gone', 'there', 'unseen', 'taken', 'unnamed', 'unasked', 'failed')),
    PRIMARY KEY (run_id, object_type, object_id)
);
