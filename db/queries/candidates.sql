-- name: ListCandidateRuns :many
-- The earlier runs whose candidates for removal are on record, and what each could see.
SELECT DISTINCT c.run_id, e.visible_range
FROM sync_runs r JOIN removal_candidates c ON c.provider_id = r.provider_id AND c.run_id <> r.id
JOIN sync_runs e ON e.id = c.run_id
WHERE r.id = @run_id AND NOT r.targeted AND r.undoes IS NULL AND r.task = 'sync';

-- name: ListNextCandidates :many
-- Candidates of these runs that the present one knows nothing of yet, in the order of
-- their ids: of departments those that it has not found either.
SELECT c.object_id, coalesce(m.external_id, d.external_id)::text AS external_id, m.open_id, m.unionid
FROM sync_runs r
JOIN removal_candidates c ON c.provider_id = r.provider_id AND c.object_type = @object_type
    AND c.run_id = ANY (@earlier_runs::uuid[]) AND c.object_id > @after::uuid
LEFT JOIN org_members m ON c.object_type = 'member' AND m.id = c.object_id AND m.status <> 'deleted'
LEFT JOIN org_departments d ON c.object_type = 'department' AND d.id = c.object_id AND d.status <> 'deleted'
WHERE r.id = @run_id AND coalesce(m.id, d.id) IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM sync_run_lookups l
      WHERE l.run_id = r.id AND l.object_type = c.object_type AND l.object_id = c.object_id)
  AND NOT EXISTS (SELECT 1 FROM staged_departments s WHERE s.run_id = r.id AND s.external_id = d.external_id)
ORDER BY c.object_id LIMIT @max_rows;

-- name: EverythingIsRead :one
-- Whether a run has read all departments and their members to the end.
SELECT NOT EXISTS (SELECT 1 FROM sync_run_departments l
    WHERE l.run_id = @run_id AND (
        NOT l.children_complete AND (l.state <> 'excluded' OR l.children_method <> '')
        OR NOT l.members_complete AND l.members_method <> '' AND l.state <> 'excluded')) AS is_read;

-- name: KeepCandidates :exec
-- What is missed anew counts from this run on; what was missed before, by a run that saw no
-- more, from that one.
INSERT INTO removal_candidates AS c (provider_id, object_type, object_id, result, run_id)
SELECT @provider_id, n.object_type, n.object_id, n.result, @run_id
FROM (SELECT unnest(@types::text[]) AS object_type, unnest(@ids::uuid[]) AS object_id,
    unnest(@results::text[]) AS result) n
ON CONFLICT (provider_id, object_type, object_id) DO UPDATE
SET result = excluded.result, run_id = CASE WHEN c.run_id = ANY (@earlier_runs::uuid[]) THEN c.run_id
    ELSE excluded.run_id END
WHERE c.result <> excluded.result OR NOT c.run_id = ANY (@earlier_runs::uuid[]);

-- name: MarkCandidatesFound :exec
-- Of whom a look-up shows that is what was said last.
UPDATE removal_candidates c SET result = 'exists' FROM sync_run_lookups l
WHERE c.provider_id = @provider_id AND c.result <> 'exists' AND l.run_id = @run_id AND l.object_type = c.object_type
  AND l.object_id = c.object_id AND l.result = 'exists';

-- name: HasCandidates :one
SELECT EXISTS (SELECT 1 FROM removal_candidates c WHERE c.provider_id = @provider_id) AS any;

-- name: ForgetListedCandidates :exec
-- What a listing shows again, or is not there any more. Those read by themselves are not
-- shown by a listing. What else was said of them in the run is of no account, here and below.
WITH listed AS MATERIALIZED (
    SELECT r.member_id AS id FROM removal_candidates c
    JOIN member_matches r ON r.run_id = @run_id AND r.member_id = c.object_id
    JOIN staged_members s ON s.run_id = @run_id AND s.member_key = r.member_key
        AND NOT (s.listing >= 'member ' AND s.listing < 'member!')
    WHERE c.provider_id = @provider_id AND c.object_type = 'member'
    UNION ALL
    SELECT d.id FROM removal_candidates c
    JOIN org_departments d ON d.id = c.object_id
    JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = d.external_id
    LEFT JOIN sync_run_lookups l ON l.run_id = @run_id AND l.object_type = 'department' AND l.object_id = c.object_id
    WHERE c.provider_id = @provider_id AND c.object_type = 'department' AND l.run_id IS NULL
    UNION ALL
    SELECT m.id FROM removal_candidates c JOIN org_members m ON m.id = c.object_id AND m.status = 'deleted'
    WHERE c.provider_id = @provider_id
    UNION ALL
    SELECT d.id FROM removal_candidates c JOIN org_departments d ON d.id = c.object_id AND d.status = 'deleted'
    WHERE c.provider_id = @provider_id
), forgotten AS (
    DELETE FROM removal_candidates c USING listed WHERE c.provider_id = @provider_id AND c.object_id = listed.id
    RETURNING c.object_type, c.object_id
)
DELETE FROM sync_run_lookups l USING forgotten f
WHERE l.run_id = @run_id AND l.object_type = f.object_type AND l.object_id = f.object_id;

-- name: ForgetUnchangedCandidates :exec
-- The same of those in listings that were unchanged: but for places that the run has
-- given to people read by themselves, after a listing without them was unchanged.
WITH forgotten AS (
    DELETE FROM removal_candidates c WHERE c.provider_id = @provider_id AND c.object_type = 'member'
        AND EXISTS (SELECT 1 FROM unchanged_memberships v WHERE v.run_id = @run_id AND v.member_id = c.object_id
            AND NOT EXISTS (SELECT 1 FROM org_changes x
                WHERE x.object_id = v.member_id AND x.department_id = v.department_id
                AND x.run_id = @run_id AND x.object_type = 'membership' AND x.kind = 'created' OFFSET 0) OFFSET 0)
    RETURNING c.object_id
)
DELETE FROM sync_run_lookups l USING forgotten f
WHERE l.run_id = @run_id AND l.object_type = 'member' AND l.object_id = f.object_id;

-- name: DropListedRereads :exec
-- The records of people read by themselves whom a listing shows again: it is what counts.
DELETE FROM staged_members s WHERE s.run_id = @run_id AND s.listing >= 'member ' AND s.listing < 'member!' AND (
    s.member_key IN (SELECT o.member_key FROM staged_members o
        WHERE o.run_id = @run_id AND NOT (o.listing >= 'member ' AND o.listing < 'member!'))
    OR EXISTS (SELECT 1 FROM org_members m CROSS JOIN LATERAL (SELECT 1 FROM unchanged_memberships v
        WHERE v.run_id = @run_id AND v.member_id = m.id
            AND NOT EXISTS (SELECT 1 FROM org_changes x
                WHERE x.object_id = v.member_id AND x.department_id = v.department_id
                AND x.run_id = @run_id AND x.object_type = 'membership' AND x.kind = 'created' OFFSET 0) OFFSET 0) v
        WHERE m.provider_id = @provider_id AND lower(m.external_id) = lower(substr(s.listing, 8))
          AND m.external_id = substr(s.listing, 8)));
