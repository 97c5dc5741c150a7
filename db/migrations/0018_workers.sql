-- The worker processes, so that nothing is sealed under a key that one of them lacks. A
-- worker that stops deletes its row; one that was killed is known by no longer being seen.
CREATE TABLE sync_workers (
    id         uuid PRIMARY KEY,
    -- As Temporal lists it: PROCESS@HOST.
    name       text NOT NULL,
    -- The keys that it can open secrets with.
    key_ids    bigint[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);
