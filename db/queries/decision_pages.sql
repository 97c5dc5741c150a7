-- name: ListRemovalLines :many
-- What a run planned to remove, by kind, place and name, with the last run that still saw it.
SELECT r.object_type, r.object_id, r.department_id, r.reason, r.applied,
    coalesce(o.external_id, '')::text AS external_id,
    coalesce(o.name, '')::text AS name,
    coalesce(p.path, o.path, '')::text AS path,
    m.user_id,
    -- The epoch where no run on record did.
    coalesce(seen.started_at, 'epoch')::timestamptz AS last_seen
FROM sync_run_removals r
JOIN sync_runs run ON run.id = r.run_id
LEFT JOIN org_objects o ON o.id = r.object_id
LEFT JOIN org_objects p ON p.id = r.department_id AND r.department_id <> r.object_id
LEFT JOIN org_members m ON r.object_type = 'member' AND m.id = r.object_id
LEFT JOIN LATERAL (
    SELECT s.started_at
    FROM sync_runs s
    WHERE s.provider_id = run.provider_id
      AND s.generation < run.generation
      AND s.status = 'succeeded'
      AND s.mode = 'apply'
      AND s.task = 'sync'
      AND NOT EXISTS (SELECT FROM sync_run_lookups l WHERE l.run_id = s.id AND l.object_id = r.object_id)
    ORDER BY s.generation DESC
    LIMIT 1
) seen ON true
WHERE r.run_id = @run_id
  AND r.confirmed
  AND (@object_type::text = '' OR r.object_type = @object_type)
  AND (@text::text = '' OR strpos(lower(concat_ws(' ', o.name, o.external_id, coalesce(p.path, o.path))),
    lower(@text)) > 0)
  AND (r.object_type, coalesce(p.path, o.path, ''), coalesce(o.name, ''), r.object_id, r.department_id)
    > (@after_type::text, @after_path::text, @after_name::text, @after_object::uuid, @after_department::uuid)
ORDER BY r.object_type, coalesce(p.path, o.path, ''), coalesce(o.name, ''), r.object_id, r.department_id
LIMIT @max_rows;

-- name: CountRemovals :many
-- How much a run planned to remove of each kind, and how much of that it has removed.
SELECT r.object_type, count(*) AS removals, count(*) FILTER (WHERE r.applied) AS applied
FROM sync_run_removals r
WHERE r.run_id = @run_id AND r.confirmed
GROUP BY 1;

-- name: GroupRemovals :many
-- How much a run planned to remove of a kind, for each reason, in each place.
SELECT r.reason, coalesce(p.path, o.path, '')::text AS path, count(*) AS removals
FROM sync_run_removals r
LEFT JOIN org_objects o ON o.id = r.object_id
LEFT JOIN org_objects p ON p.id = r.department_id AND r.department_id <> r.object_id
WHERE r.run_id = @run_id AND r.confirmed AND r.object_type = @object_type
GROUP BY 1, 2
ORDER BY removals DESC, 2, 1
LIMIT @max_rows;

-- name: GetDecision :one
-- Who decided about a held run on record, and why.
SELECT a.actor, a."time",
    coalesce((
        SELECT n.after ->> 'note'
        FROM audit_log n
        WHERE n.provider_id = a.provider_id AND n.action = 'run.note' AND n.object = a.object
        ORDER BY n.id DESC
        LIMIT 1
    ), '')::text AS note
FROM audit_log a
WHERE a.provider_id = @provider_id AND a.action = 'run.decide' AND a.object = 'run/' || @run_id::text
ORDER BY a.id DESC
LIMIT 1;
