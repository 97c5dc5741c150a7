-- Records that could not be used are counted for each of a department's two listings: one
-- that should have been a department below says nothing against its people.
ALTER TABLE sync_run_departments RENAME COLUMN bad_records TO members_bad;
ALTER TABLE sync_run_departments ADD COLUMN children_bad integer NOT NULL DEFAULT 0;

-- Null: the department's record could not be read, so that the stored one stays.
ALTER TABLE staged_departments ALTER COLUMN raw DROP NOT NULL;

-- A note may name more than fits an index row.
ALTER TABLE sync_run_errors DROP CONSTRAINT sync_run_errors_run_id_object_type_external_id_message_key;
CREATE UNIQUE INDEX sync_run_errors_once ON sync_run_errors (run_id, object_type, external_id, hashtextextended(message, 0));
