-- Every provider states its limits: what went without saying until now is written down
-- for those that are stored, so that they keep it. New ones get theirs from the program,
-- which alone knows the defaults (directory.DefaultGuard).
UPDATE identity_providers SET
    department_limit_count = coalesce(department_limit_count, removal_limit_count),
    department_limit_percent = coalesce(department_limit_percent, removal_limit_percent)
WHERE department_limit_count IS NULL OR department_limit_percent IS NULL;

ALTER TABLE identity_providers
    ALTER COLUMN department_limit_count SET NOT NULL,
    ALTER COLUMN department_limit_percent SET NOT NULL,
    ALTER COLUMN removal_limit_count DROP DEFAULT,
    ALTER COLUMN removal_limit_percent DROP DEFAULT,
    ALTER COLUMN hold_seconds DROP DEFAULT;
