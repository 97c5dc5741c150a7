-- The removal guard judges departments by limits of their own where these are set;
-- null: by those for members.
ALTER TABLE identity_providers
    ADD COLUMN department_limit_count integer CHECK (department_limit_count >= 0),
    ADD COLUMN department_limit_percent double precision CHECK (department_limit_percent BETWEEN 0 AND 100),
    -- How long a held run waits for a decision before it counts as rejected.
    ADD COLUMN hold_seconds bigint NOT NULL DEFAULT 259200 CHECK (hold_seconds > 0);

ALTER TABLE sync_runs ADD COLUMN hold_expires_at timestamptz;
