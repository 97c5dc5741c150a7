-- For the story of one object.
CREATE INDEX sync_run_lookups_object ON sync_run_lookups (object_id);
