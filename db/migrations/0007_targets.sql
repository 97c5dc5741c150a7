-- What a targeted run is limited to besides departments: single people, or the
-- departments that another run failed to read.
ALTER TABLE sync_runs
    ADD COLUMN members text[] NOT NULL DEFAULT '{}',
    ADD COLUMN retries uuid REFERENCES sync_runs (id) ON DELETE SET NULL;
