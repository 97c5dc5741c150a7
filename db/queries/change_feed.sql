-- name: PublishRun :one
-- Gives what a run changed since it was published last the next number. Nothing is returned if
-- that is nothing, or the run is a dry run.
WITH settled AS (
    SELECT r.id AS run_id, p.id AS provider_id, p.tenant_id, p.name AS provider,
        (SELECT coalesce(max(u.last_change), 0) FROM publications u WHERE u.run_id = r.id) AS after_change,
        (SELECT coalesce(max(c.id), 0) FROM org_changes c WHERE c.run_id = r.id) AS last_change
    FROM sync_runs r
    JOIN identity_providers p ON p.id = r.provider_id
    WHERE r.id = @run_id AND r.mode = 'apply'
), taken AS (
    UPDATE change_feed f SET newest = f.newest + 1
    FROM settled s
    WHERE s.last_change > s.after_change
    RETURNING f.newest
)
INSERT INTO publications (number, run_id, after_change, last_change, provider_id, tenant_id, provider)
SELECT t.newest, s.run_id, s.after_change, s.last_change, s.provider_id, s.tenant_id, s.provider
FROM taken t
CROSS JOIN settled s
RETURNING number, last_change;

-- name: PublishRemoval :one
-- Tells that a provider was removed, as one event.
WITH taken AS (
    UPDATE change_feed SET newest = newest + 1 RETURNING newest
)
INSERT INTO publications (number, after_change, last_change, provider_id, tenant_id, provider)
SELECT t.newest, 0, 1, @provider_id, sqlc.narg(tenant_id), @provider
FROM taken t
RETURNING number, last_change;

-- name: NotifyPublished :exec
SELECT pg_notify('orgsync_changes', @position::text);

-- name: GetChangeFeed :one
SELECT newest, dropped_publication, dropped_change FROM change_feed;

-- name: ListEvents :many
-- What was published behind a position and up to a publication, in the order of the feed, with
-- each object as it is now.
SELECT f.number AS publication, e.id AS change_id, e.type::text AS type, e.changed_at, f.provider_id,
    coalesce(p.name, f.provider)::text AS provider, f.run_id,
    (coalesce(change_object(e.object_type, e.object_id, e.department_id, e.logged), jsonb_build_object(
        'id', f.provider_id, 'name', f.provider)) - @hidden::text[])::jsonb AS object,
    e.previous::jsonb AS previous
FROM publications f
LEFT JOIN identity_providers p ON p.id = f.provider_id
CROSS JOIN LATERAL (
    SELECT c.id, change_event_type(c.object_type, c.kind, c.after) AS type, c.changed_at, c.object_type,
        c.object_id, c.department_id,
        coalesce(c.before, '{}') || coalesce(c.after, '{}') AS logged,
        change_previous(c.before, @hidden) AS previous
    FROM org_changes c
    WHERE c.run_id = f.run_id
      AND c.id > greatest(f.after_change, CASE WHEN f.number = @publication::bigint THEN @change::bigint ELSE 0 END)
      AND c.id <= f.last_change
      AND (cardinality(@types::text[]) = 0 OR change_event_type(c.object_type, c.kind, c.after) = ANY (@types))
      AND is_change_told(c, @hidden, f.after_change > 0)
    UNION ALL
    SELECT 1, 'provider.removed', f.published_at, 'provider', f.provider_id, f.provider_id, '{}', '{}'
    WHERE f.run_id IS NULL
      AND (f.number > @publication OR @change < 1)
      AND (cardinality(@types) = 0 OR 'provider.removed' = ANY (@types))
    ORDER BY id
    LIMIT @max_rows
) e
WHERE f.number BETWEEN @publication AND @newest::bigint
  AND (sqlc.narg(provider_id)::uuid IS NULL OR f.provider_id = sqlc.narg(provider_id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL
    OR CASE WHEN f.run_id IS NULL THEN f.tenant_id ELSE p.tenant_id END = sqlc.narg(tenant_id))
ORDER BY f.number, e.id
LIMIT @max_rows;

-- name: GetPublicationDelay :one
-- How long the change waited that waited longest for a run's latest publication, if that is of now.
SELECT extract(epoch FROM f.published_at - min(c.changed_at))::float8 AS seconds
FROM publications f
JOIN org_changes c ON c.run_id = f.run_id AND c.id > f.after_change AND c.id <= f.last_change
WHERE f.run_id = @run_id
  AND f.published_at > now() - interval '1 minute'
  AND f.number = (SELECT max(l.number) FROM publications l WHERE l.run_id = @run_id)
GROUP BY f.published_at;

-- name: CountEvents :many
-- How many events of each type were published behind a position and up to a publication.
SELECT e.type::text AS type, count(*) AS events
FROM publications f
LEFT JOIN identity_providers p ON p.id = f.provider_id
CROSS JOIN LATERAL (
    SELECT change_event_type(c.object_type, c.kind, c.after) AS type
    FROM org_changes c
    WHERE c.run_id = f.run_id
      AND c.id > greatest(f.after_change, CASE WHEN f.number = @publication::bigint THEN @change::bigint ELSE 0 END)
      AND c.id <= f.last_change
      AND is_change_told(c, '{raw_data}', f.after_change > 0)
    UNION ALL
    SELECT 'provider.removed'
    WHERE f.run_id IS NULL
      AND (f.number > @publication OR @change < 1)
) e
WHERE f.number BETWEEN @publication AND @newest::bigint
  AND (cardinality(@types::text[]) = 0 OR e.type = ANY (@types))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR f.provider_id = sqlc.narg(provider_id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL
    OR CASE WHEN f.run_id IS NULL THEN f.tenant_id ELSE p.tenant_id END = sqlc.narg(tenant_id))
GROUP BY e.type
ORDER BY e.type;

-- name: DropRunPublications :exec
-- Notes that a run's changes are not kept any more.
WITH dropped AS (
    DELETE FROM publications WHERE run_id = @run_id RETURNING number, last_change
), latest AS (
    SELECT number, last_change FROM dropped ORDER BY number DESC LIMIT 1
)
UPDATE change_feed f SET dropped_publication = l.number, dropped_change = l.last_change
FROM latest l
WHERE l.number > f.dropped_publication;

-- name: DropOldRemovals :exec
WITH dropped AS (
    DELETE FROM publications
    WHERE run_id IS NULL AND published_at < now() - @older_than::interval
    RETURNING number, last_change
), latest AS (
    SELECT number, last_change FROM dropped ORDER BY number DESC LIMIT 1
)
UPDATE change_feed f SET dropped_publication = l.number, dropped_change = l.last_change
FROM latest l
WHERE l.number > f.dropped_publication;
