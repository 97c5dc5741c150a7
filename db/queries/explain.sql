-- name: FindObjects :many
-- Members, departments and groups, deleted ones too, that a text may mean; only the best kind
-- of match counts: an id, then e-mail, phone, employee number or an id in other letters,
-- then a whole name or its pinyin, then a part of it. object_type leaves out the others.
WITH hits AS (
    SELECT 'member' AS object_type, m.id, m.external_id, m.name, m.status, m.department_path AS path,
        CASE WHEN @text::text IN (m.id::text, m.external_id, m.open_id, m.unionid) THEN 1
             WHEN lower(@text) IN (lower(m.external_id), lower(m.email), lower(m.employee_no))
                 OR m.phone IN (@text, '+86' || @text) THEN 2
             WHEN m.name = @text OR lower(@text) IN (m.name_translit_full, m.name_translit_initial) THEN 3
             WHEN m.name ILIKE '%' || @pattern::text || '%'
                 OR m.name_translit_full LIKE lower(@pattern) || '%' THEN 4 END AS grade
    FROM org_members m WHERE m.provider_id = @provider_id::uuid
    UNION ALL
    SELECT 'department', d.id, d.external_id, d.name, d.status, d.path,
        CASE WHEN @text IN (d.id::text, d.external_id) THEN 1 WHEN d.name = @text
            OR d.path = @text THEN 3 WHEN d.name ILIKE '%' || @pattern || '%' THEN 4 END
    FROM org_departments d WHERE d.provider_id = @provider_id::uuid AND @object_type::text <> 'member'
    UNION ALL
    SELECT 'group', g.id, g.external_id, g.name, g.status, coalesce(g.category, ''),
        CASE WHEN @text IN (g.id::text, g.external_id) THEN 1 WHEN g.name = @text THEN 3
            WHEN g.name ILIKE '%' || @pattern || '%' THEN 4 END
    FROM org_groups g WHERE g.provider_id = @provider_id::uuid AND @object_type::text <> 'member'
)
SELECT h.object_type::text AS object_type, h.id, h.external_id, h.name, h.status, h.path FROM hits h
WHERE h.grade = (SELECT min(o.grade) FROM hits o)
ORDER BY h.object_type, h.status = 'deleted', h.name, h.external_id LIMIT @max_rows;

-- name: FindFormerObjects :many
-- The same of what they were called or could be reached by before some change.
SELECT DISTINCT c.object_type, c.object_id AS id,
    coalesce(o.external_id, '')::text AS external_id,
    coalesce(o.name, '')::text AS name,
    coalesce(o.status, '')::text AS status,
    coalesce(o.path, '')::text AS path
FROM org_changes c
JOIN sync_runs r ON r.id = c.run_id AND r.provider_id = @provider_id AND r.mode = 'apply'
LEFT JOIN org_objects o ON o.id = c.object_id
WHERE c.object_type = ANY (@objects::text[])
  AND @object_type::text IN ('', c.object_type)
  AND (c.external_id = @text::text
      OR @text IN (c.before ->> 'external_id', c.before ->> 'open_id', c.before ->> 'unionid', c.before ->> 'name')
      OR lower(@text) = c.before ->> 'email'
      OR c.before ->> 'phone' IN (@text, '+86' || @text))
ORDER BY 1, 4, 3
LIMIT @max_rows;

-- name: GetObjectRow :one
SELECT (to_jsonb(m) - '{raw_data,content_hash,manager_external_id}'::text[])::jsonb AS now FROM org_members m
WHERE m.id = @id
UNION ALL
SELECT to_jsonb(d) - 'raw_data' FROM org_departments d WHERE d.id = @id
UNION ALL
SELECT to_jsonb(g) - 'raw_data' FROM org_groups g WHERE g.id = @id;

-- name: ListObjectChanges :many
-- Every change of an object and of its places in others, the oldest first.
SELECT c.run_id, c.object_type, c.external_id, c.department_id, coalesce(d.external_id, '')::text AS department,
    coalesce(d.name, '')::text AS department_name,
    c.kind, (c.before - CASE c.kind WHEN 'restored'
        THEN '{primary_rank,depth,path,department_id,department_path,manager_id}'
        ELSE '{primary_rank,depth}' END::text[])::jsonb AS before,
    (c.after - '{primary_rank,depth}'::text[])::jsonb AS after, c.changed_at, x.reason
FROM org_changes c
JOIN sync_runs r ON r.id = c.run_id AND r.mode = 'apply'
LEFT JOIN org_objects d ON d.id = c.department_id AND c.department_id <> c.object_id
LEFT JOIN sync_run_removals x ON c.kind = 'deleted' AND x.applied AND x.run_id = c.run_id
    AND x.object_type = c.object_type
    AND x.object_id = c.object_id AND x.department_id = c.department_id
WHERE c.object_id = @object_id
ORDER BY r.generation, c.id;

-- name: ListSkippedRemovals :many
-- Removals that runs planned and did not carry out.
SELECT x.run_id, x.object_type, x.department_id, coalesce(d.external_id, '')::text AS department,
    coalesce(d.name, '')::text AS department_name, x.reason,
    coalesce(r.finished_at, r.started_at)::timestamptz AS at
FROM sync_run_removals x
JOIN sync_runs r ON r.id = x.run_id AND r.mode = 'apply' AND r.status <> 'running'
LEFT JOIN org_objects d ON d.id = x.department_id AND x.department_id <> x.object_id
WHERE x.object_id = @object_id AND x.confirmed AND NOT x.applied
ORDER BY r.generation, x.object_type, x.department_id;

-- name: ListObjectNotes :many
-- What runs put on record of an object, by the ids that it has or had. A warning about
-- something of another type may bear the same id.
SELECT e.run_id, e.message, r.started_at FROM sync_runs r
JOIN sync_run_errors e ON e.run_id = r.id AND e.external_id = ANY (@ids::text[])
WHERE r.provider_id = (SELECT o.provider_id FROM org_objects o WHERE o.id = @object_id)
  AND r.mode = 'apply' AND (e.object_type = @object_type::text OR e.object_type = 'warning'
      AND NOT e.message LIKE ANY (@others::text[]))
ORDER BY r.generation, e.id;

-- name: ListObjectLookups :many
-- What the provider said when runs that missed an object asked for it alone.
SELECT l.run_id, l.result::text AS result FROM sync_run_lookups l
JOIN sync_runs r ON r.id = l.run_id AND r.mode = 'apply'
WHERE l.object_id = @object_id AND l.result IS NOT NULL
ORDER BY r.generation;

-- name: GetNewestFullRun :one
-- The newest run that read a whole company, as far as it could, and applied what it read.
SELECT r.id FROM sync_runs r
WHERE r.provider_id = (SELECT o.provider_id FROM org_objects o WHERE o.id = @object_id)
  AND r.mode = 'apply' AND r.task = 'sync' AND r.undoes IS NULL AND NOT r.targeted
  AND r.status IN ('succeeded', 'partial', 'held', 'rejected') AND r.details_dropped_at IS NULL
ORDER BY r.generation DESC LIMIT 1;

-- name: ListObjectPlaces :many
-- Where an object is to be looked for: a member's departments, or the object itself.
SELECT md.department_id::uuid AS id FROM org_member_departments md WHERE md.member_id = @object_id
UNION ALL
SELECT o.id FROM org_objects o WHERE o.id = @object_id AND o.object_type <> 'member';

-- name: ListRunListings :many
-- What a run read of departments: the listing of the people there or, of a department
-- that was not listed itself, the listing that should have shown it.
WITH RECURSIVE asked AS (
    SELECT d.id, d.external_id, d.parent_id, 0 AS up FROM org_departments d WHERE d.id = ANY (@departments::uuid[])
    UNION
    SELECT p.id, p.external_id, p.parent_id, a.up + 1 FROM asked a JOIN org_departments p ON p.id = a.parent_id
    WHERE a.up < 100 AND NOT EXISTS (SELECT 1 FROM sync_run_departments l
        WHERE l.run_id = @run_id AND l.external_id = a.external_id)
)
SELECT via.external_id AS department, 'members' AS what, l.members_complete AS complete, via.pages,
    via.members_read AS read,
    via.members_declared AS declared, via.members_request AS request, via.members_read_at AS read_at,
    coalesce(l.members_error, l.error) AS error
FROM asked a
JOIN sync_run_departments l ON l.run_id = @run_id AND l.external_id = a.external_id
JOIN sync_run_departments via ON via.run_id = l.run_id AND via.external_id = l.members_via
WHERE a.up = 0
UNION
SELECT via.external_id, 'departments', l.children_complete, via.children_pages, 0, NULL, via.children_request,
    via.children_read_at, l.children_error
FROM asked a
JOIN sync_run_departments l ON l.run_id = @run_id AND l.external_id = a.external_id
JOIN sync_run_departments via ON via.run_id = l.run_id AND via.external_id = l.children_via
WHERE a.up > 0
ORDER BY 1, 2;

-- name: GetRunExtent :one
-- How many departments a run knew, how many of them it read to the end, and the people of
-- how many it left out on purpose.
SELECT count(*)::int AS departments, (count(*) FILTER (WHERE children_complete AND members_complete))::int AS complete,
    (count(*) FILTER (WHERE state = 'excluded'))::int AS skipped
FROM sync_run_departments WHERE run_id = @run_id;

-- name: ListGroupListings :many
-- What a run read of groups: the list of them, and what belongs to each.
SELECT l.external_id, l.object_type, l.complete, l.pages, l.read, l.request, l.read_at, l.error
FROM sync_run_listings l
WHERE l.run_id = @run_id
  AND EXISTS (
      SELECT 1 FROM org_groups g
      WHERE g.id = ANY (@groups::uuid[])
        AND (l.object_type = 'group_membership' AND l.external_id = g.external_id OR l.object_type = 'group'))
ORDER BY l.object_type, l.external_id;
