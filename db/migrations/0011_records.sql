-- Records that could not be used are counted for each of a department's two listings: one
-- that should have been a department below says nothing against its people.
ALTER TABLE sync_run_departments RENAME COLUMN bad_records TO members_bad;
ALTER TABLE sync_run_departments ADD COLUMN children_bad integer NOT NULL DEFAULT 0;

-- Null: the department's record could not be read, so that the stored one stays.
ALTER TABLE staged_departments ALTER COLUMN raw DROP NOT NULL;
