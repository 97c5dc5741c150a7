-- name: StandingProviders :many
-- How each provider stands, for monitoring: cheap enough to be asked every few seconds.
SELECT p.name, p.is_active,
    extract(epoch FROM now() - coalesce(p.last_synced_at, p.created_at))::float8 AS since_success,
    (SELECT count(*) FROM sync_runs r
        WHERE r.provider_id = p.id AND r.mode = 'apply' AND r.finished_at > coalesce(p.last_synced_at, p.created_at)
            AND r.undoes IS NULL AND r.departments = '{}' AND r.members = '{}' AND r.retries IS NULL)::bigint AS runs_since_success,
    (SELECT count(*) FROM sync_runs r WHERE r.provider_id = p.id AND r.status = 'running')::bigint AS running,
    (SELECT count(*) FROM sync_runs r WHERE r.provider_id = p.id AND r.status = 'held')::bigint AS held,
    coalesce((SELECT extract(epoch FROM now() - min(r.started_at)) FROM sync_runs r
        WHERE r.provider_id = p.id AND r.status = 'held'), 0)::float8 AS held_for
FROM identity_providers p ORDER BY p.name;

-- name: StandingUpkeep :many
SELECT part, extract(epoch FROM now() - done_at)::float8 AS age FROM upkeep ORDER BY part;
