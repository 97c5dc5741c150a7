-- Upkeep drops a run's raw records first, later its details (ledger, errors,
-- removals, change log), and its row with the counts last.
ALTER TABLE sync_runs
    -- From then on the details are not to be relied on; they go batch by batch.
    ADD COLUMN details_dropped_at timestamptz,
    -- Whether there is anything left to drop, so that a run is looked at once.
    ADD COLUMN details_left boolean NOT NULL DEFAULT true,
    ADD COLUMN raw_left boolean NOT NULL DEFAULT true;
CREATE INDEX sync_runs_finished ON sync_runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX sync_runs_with_details ON sync_runs (finished_at) WHERE details_left;
CREATE INDEX sync_runs_with_raw ON sync_runs (finished_at) WHERE raw_left;
CREATE INDEX sync_runs_open ON sync_runs (provider_id) WHERE status IN ('running', 'held');
-- For the references to a run whose row goes.
CREATE INDEX sync_runs_undoes ON sync_runs (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX sync_runs_retries ON sync_runs (retries) WHERE retries IS NOT NULL;

-- When each part of the upkeep was last done to its end.
CREATE TABLE upkeep (
    part    text PRIMARY KEY,
    done_at timestamptz NOT NULL
);
