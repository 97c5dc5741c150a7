-- name: FindRunIDs :many
-- The prefix consists of hexadecimal digits and dashes.
SELECT id FROM sync_runs WHERE id::text LIKE @prefix::text || '%' ORDER BY started_at DESC LIMIT @max_rows;

-- name: ListHeldRunIDs :many
SELECT id FROM sync_runs WHERE provider_id = @provider_id AND status = 'held' ORDER BY generation DESC;

-- name: ListRemovals :many
-- What a run still is to remove, kind by kind.
SELECT r.object_type, r.object_id, r.department_id, coalesce(o.external_id, '')::text AS external_id,
    jsonb_build_object('name', o.name, 'status', o.status, 'path', coalesce(p.path, o.path)) AS before,
    coalesce(o.name, '')::text AS name,
    coalesce(p.external_id, '')::text AS department,
    coalesce(p.name, '')::text AS department_name,
    coalesce(p.path, '')::text AS department_path
FROM sync_run_removals r
LEFT JOIN org_objects o ON o.id = r.object_id
LEFT JOIN org_objects p ON p.id = r.department_id
WHERE r.run_id = @run_id
  AND r.confirmed
  AND NOT r.applied
  AND (r.object_type, r.object_id, r.department_id) > (@after_type::text, @after_object::uuid, @after_department::uuid)
  AND (cardinality(@types::text[]) = 0 OR r.object_type = ANY (@types))
  AND (cardinality(@members::text[]) = 0 OR r.object_type NOT IN ('department', 'group')
      AND o.external_id = ANY (@members))
ORDER BY r.object_type, r.object_id, r.department_id
LIMIT @max_rows;
