-- name: ListProviderHealth :many
-- How each provider stands, for monitoring: cheap enough to be asked every few seconds.
SELECT
    p.name,
    p.is_active,
    greatest(0, extract(epoch FROM now() - coalesce(p.last_synced_at, p.created_at)))::float8 AS since_success,
    (
        SELECT count(*) FROM full_runs r
        WHERE r.provider_id = p.id AND r.finished_at > coalesce(p.last_synced_at, p.created_at)
    )::bigint AS runs_since_success,
    (SELECT count(*) FROM sync_runs r WHERE r.provider_id = p.id AND r.status = 'running')::bigint AS running,
    (SELECT count(*) FROM sync_runs r WHERE r.provider_id = p.id AND r.status = 'held')::bigint AS held,
    greatest(0, (
        SELECT extract(epoch FROM now() - min(r.started_at)) FROM sync_runs r
        WHERE r.provider_id = p.id AND r.status = 'held'
    ))::float8 AS held_for,
    greatest(0, extract(epoch FROM now() - s.last_event_at))::float8 AS since_event,
    (s.last_event_at IS NOT NULL)::boolean AS has_events,
    -- What events should have told of an hour after the last one came, or after they were switched
    -- on where none ever did, and a full run found.
    EXISTS (
        SELECT 1 FROM full_runs r
        JOIN org_changes c ON c.run_id = r.id
        WHERE r.provider_id = p.id
          AND r.started_at > coalesce(s.last_event_at, s.enabled_at) + interval '1 hour'
          AND c.object_type IN ('member', 'department')
          AND c.kind IN ('created', 'moved', 'deleted', 'restored')
    )::boolean AS events_missed,
    coalesce(p.is_active AND s.mode = 'stream' AND (
        s.connected_since IS NULL OR s.listened_at < now() - interval '30 seconds'
    ), false)::boolean AS stream_down,
    waiting.events AS events_waiting,
    greatest(0, waiting.longest)::float8 AS event_waits,
    -- Of a provider of a suite: null before its first ticket.
    (t.issued_at IS NOT NULL AND p.is_active)::boolean AS has_ticket,
    greatest(0, extract(epoch FROM now() - t.issued_at))::float8 AS since_ticket
FROM identity_providers p
LEFT JOIN provider_event_settings s ON s.provider_id = p.id
LEFT JOIN suite_tickets t ON t.provider_id = p.id
CROSS JOIN LATERAL (
    SELECT count(*) AS events, coalesce(extract(epoch FROM now() - min(e.received_at)), 0) AS longest
    FROM provider_events e
    WHERE e.provider_id = p.id AND e.done_at IS NULL AND e.set_aside_at IS NULL
) waiting
ORDER BY p.name;

-- name: ListRetentionSteps :many
SELECT
    name,
    greatest(0, extract(epoch FROM now() - done_at))::float8 AS age
FROM retention_steps
ORDER BY name;

-- name: ListProviderStatuses :many
-- How each provider stands, for people: what it is doing, what waits for a decision, and
-- since when its syncs of the whole company have not succeeded.
SELECT
    p.name,
    p.provider_type,
    p.is_active,
    p.last_synced_at,
    coalesce(running.id::text, '')::text AS running_id,
    coalesce(running.phase, '')::text AS running_phase,
    coalesce(running.started_at, p.created_at)::timestamptz AS running_since,
    coalesce(held.id::text, '')::text AS held_id,
    coalesce(held.hold_reason, '')::text AS hold_reason,
    held.hold_expires_at,
    coalesce(newest.id::text, '')::text AS newest_id,
    coalesce(newest.status, '')::text AS newest_status,
    coalesce(newest.error, '')::text AS newest_error,
    coalesce(failing.since, p.created_at)::timestamptz AS failing_since,
    failing.runs AS failing_runs
FROM identity_providers p
LEFT JOIN LATERAL (
    SELECT * FROM sync_runs r
    WHERE r.provider_id = p.id AND r.status = 'running'
    ORDER BY r.generation DESC LIMIT 1
) running ON true
LEFT JOIN LATERAL (
    SELECT * FROM sync_runs r
    WHERE r.provider_id = p.id AND r.status = 'held'
    ORDER BY r.generation DESC LIMIT 1
) held ON true
LEFT JOIN LATERAL (
    SELECT * FROM full_runs r
    WHERE r.provider_id = p.id AND r.finished_at IS NOT NULL
    ORDER BY r.generation DESC LIMIT 1
) newest ON true
CROSS JOIN LATERAL (
    SELECT min(r.finished_at)::timestamptz AS since, count(*) AS runs FROM full_runs r
    WHERE r.provider_id = p.id
        AND r.status IN ('failed', 'partial')
        AND r.finished_at > coalesce(p.last_synced_at, p.created_at)
) failing
ORDER BY p.name;
