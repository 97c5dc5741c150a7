-- When a run's details (ledger, errors, removals, change log) were cleaned up; its
-- row with the counts stays longer.
ALTER TABLE sync_runs ADD COLUMN details_dropped_at timestamptz;
CREATE INDEX sync_runs_finished ON sync_runs (finished_at) WHERE finished_at IS NOT NULL;
