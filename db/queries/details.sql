-- name: DetailsAreStaged :one
SELECT EXISTS (SELECT 1 FROM staged_details s WHERE s.run_id = @run_id);

-- name: DetailsWereRead :one
-- Whether facts of lookups are in the provider's directory.
SELECT EXISTS (SELECT 1 FROM detail_reads r WHERE r.provider_id = @provider_id);

-- name: ForgetDetails :exec
INSERT INTO staged_details (run_id, object_type, external_id, unionid, state)
SELECT @run_id, r.object_type, o.external_id, coalesce(o.unionid, ''), 'forgotten'
FROM detail_reads r
JOIN detailed_objects o ON o.object_type = r.object_type AND o.id = r.object_id
WHERE r.provider_id = @provider_id
ON CONFLICT DO NOTHING;

-- name: ListOpenDetails :many
-- What is still to be looked up, in the order of the ids.
SELECT s.object_type, s.external_id, s.unionid
FROM staged_details s
WHERE s.run_id = @run_id
  AND s.state = 'open'
  AND (s.object_type, s.external_id, s.unionid) > (@after_type::text, @after_id::text, @after_unionid::text)
ORDER BY s.object_type, s.external_id, s.unionid
LIMIT @max_rows;

-- name: AnswerDetails :exec
UPDATE staged_details s
SET state = CASE WHEN a.told THEN 'told' ELSE 'silent' END,
    manager = nullif(a.manager, ''),
    sort_order = a.sort_order
FROM jsonb_to_recordset(@answers::jsonb) AS a (
    object_type text, external_id text, unionid text, told boolean, manager text, sort_order bigint)
WHERE s.run_id = @run_id
  AND s.object_type = a.object_type
  AND s.external_id = a.external_id
  AND s.unionid = a.unionid;

-- name: CountOpenDetails :one
SELECT count(*) FROM staged_details s WHERE s.run_id = @run_id AND s.state = 'open';

-- name: UpdateManagersOfDetails :execrows
UPDATE org_members m
SET manager_external_id = s.manager, synced_at = now()
FROM staged_details s
WHERE s.run_id = @run_id
  AND s.object_type = 'member'
  AND s.state IN ('told', 'forgotten')
  AND m.provider_id = @provider_id
  AND lower(m.external_id) = lower(s.external_id)
  AND m.external_id = s.external_id
  AND coalesce(m.unionid, '') = s.unionid
  AND m.status <> 'deleted'
  AND m.manager_external_id IS DISTINCT FROM s.manager;

-- name: UpdateOrderOfDetails :execrows
-- Where the run's listings tell the order themselves, as of the root, that one stays.
UPDATE org_departments d
SET sort_order = s.sort_order, synced_at = now()
FROM staged_details s
WHERE s.run_id = @run_id
  AND s.object_type = 'department'
  AND s.state IN ('told', 'forgotten')
  AND d.provider_id = @provider_id
  AND d.external_id = s.external_id
  AND d.status = 'active'
  AND d.sort_order IS DISTINCT FROM s.sort_order
  AND NOT EXISTS (
      SELECT 1 FROM staged_departments x
      WHERE x.run_id = s.run_id AND x.external_id = s.external_id AND x.sort_order IS NOT NULL);

-- name: RecordDetailReads :execrows
-- Notes what was looked up, and as what the directory has it now.
INSERT INTO detail_reads AS r (provider_id, object_type, object_id, content_hash)
SELECT o.provider_id, o.object_type, o.id, o.content_hash
FROM staged_details s
JOIN detailed_objects o
    ON o.provider_id = @provider_id
    AND o.object_type = s.object_type
    AND o.external_id = s.external_id
    AND coalesce(o.unionid, '') = s.unionid
WHERE s.run_id = @run_id AND s.state IN ('told', 'silent')
ON CONFLICT (object_type, object_id) DO UPDATE
SET content_hash = excluded.content_hash, read_at = excluded.read_at;

-- name: DropDetailReads :execrows
-- Of facts that go, and of objects that are gone.
DELETE FROM detail_reads r
WHERE r.provider_id = @provider_id
  AND (EXISTS (SELECT 1 FROM staged_details s WHERE s.run_id = @run_id AND s.state = 'forgotten')
      OR NOT EXISTS (SELECT 1 FROM detailed_objects o WHERE o.object_type = r.object_type AND o.id = r.object_id));
