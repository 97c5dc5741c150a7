-- name: LockRules :exec
-- One version is added at a time.
SELECT 1 FROM identity_providers WHERE id = @provider_id FOR NO KEY UPDATE;

-- name: InsertRules :one
INSERT INTO provider_rules (provider_id, version, document, included, excluded, draft, created_by)
SELECT
    @provider_id, coalesce(max(r.version), 0) + 1, sqlc.narg(document), @included::text[], @excluded::text[], @draft,
    sqlc.narg(created_by)
FROM provider_rules r WHERE r.provider_id = @provider_id
RETURNING version, document, draft, created_at, created_by;

-- name: GetRules :one
-- The rules that count.
SELECT version, document, draft, created_at, created_by FROM provider_rules
WHERE provider_id = @provider_id AND NOT draft ORDER BY version DESC LIMIT 1;

-- name: GetRulesVersion :one
SELECT version, document, draft, created_at, created_by FROM provider_rules
WHERE provider_id = @provider_id AND version = @version;

-- name: ListRules :many
SELECT version, document, draft, created_at, created_by FROM provider_rules
WHERE provider_id = @provider_id AND NOT draft ORDER BY version DESC LIMIT @max_rows;

-- name: ListRulesBefore :many
-- All rules that counted before a version, whatever of them is still in the directory.
SELECT document::text AS document FROM provider_rules
WHERE provider_id = @provider_id AND NOT draft AND document IS NOT NULL AND version < @version ORDER BY version;

-- name: NameDepartments :many
-- Where departments stand by a run's tree, or else by the directory. A run that has read no
-- tree, or none at all, goes by the directory alone.
WITH RECURSIVE up AS (
    SELECT s.external_id AS id, s.external_id, s.parent_external_id, s.name, 0 AS height
    FROM staged_departments s
    WHERE s.run_id = sqlc.narg(run_id)::uuid AND s.external_id = ANY (@external_ids::text[])
    UNION ALL
    SELECT up.id, p.external_id, p.parent_external_id, p.name, up.height + 1
    FROM up JOIN staged_departments p ON p.run_id = sqlc.narg(run_id)::uuid AND p.external_id = up.parent_external_id
    WHERE up.height < 100
), staged AS (
    SELECT up.id,
        string_agg(coalesce(up.name, d.name, up.external_id), '/' ORDER BY up.height DESC) AS path,
        max(coalesce(up.name, d.name, up.external_id)) FILTER (WHERE up.height = 0) AS name,
        max(up.height) AS depth
    FROM up LEFT JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = up.external_id
    GROUP BY up.id
)
SELECT w.id::text AS external_id,
    coalesce(s.name, d.name, '')::text AS name,
    coalesce(s.path, d.path, '')::text AS path,
    coalesce(s.depth, d.depth, 0)::int AS depth
FROM unnest(@external_ids::text[]) AS w (id)
LEFT JOIN staged s ON s.id = w.id
LEFT JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = w.id;

-- name: GetMemberRecord :one
SELECT raw_data FROM org_members WHERE id = @id;

-- name: GetRunRules :one
-- The rules that a run goes by.
SELECT r.rules_version, r.provider_id, coalesce(x.document, '')::text AS document
FROM sync_runs r LEFT JOIN provider_rules x ON x.provider_id = r.provider_id AND x.version = r.rules_version
WHERE r.id = @run_id;

-- name: SetRunScope :exec
-- The departments that a run's rules include and exclude.
UPDATE sync_runs r SET included_departments = x.included, excluded_departments = x.excluded
FROM provider_rules x
WHERE r.id = @run_id AND x.provider_id = r.provider_id AND x.version = r.rules_version;

-- name: RunIncludesDepartments :one
SELECT (cardinality(included_departments) > 0)::boolean AS includes FROM sync_runs WHERE id = @run_id;

-- name: ExcludeNotIncluded :exec
-- Where the rules include some departments, all others are excluded, and not part of the
-- snapshot but for those above. A listing that covers an included department is read.
WITH RECURSIVE run AS (
    SELECT r.included_departments FROM sync_runs r WHERE r.id = @run_id
), included AS (
    SELECT s.external_id
    FROM staged_departments s, run
    WHERE s.run_id = @run_id AND s.external_id = ANY (run.included_departments)
    UNION
    SELECT s.external_id
    FROM included i
    JOIN staged_departments s ON s.run_id = @run_id AND s.parent_external_id = i.external_id
), above AS (
    SELECT s.parent_external_id AS external_id
    FROM included i
    JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = i.external_id
    UNION
    SELECT s.parent_external_id
    FROM above a
    JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = a.external_id
), covering AS (
    SELECT l.members_via FROM sync_run_departments l JOIN included i ON i.external_id = l.external_id
    WHERE l.run_id = @run_id
), unstaged AS (
    DELETE FROM staged_departments s
    WHERE s.run_id = @run_id
      AND s.external_id NOT IN (SELECT i.external_id FROM included i)
      AND s.external_id NOT IN (SELECT a.external_id FROM above a WHERE a.external_id IS NOT NULL)
)
UPDATE sync_run_departments l SET state = 'excluded'
WHERE l.run_id = @run_id
  AND l.external_id NOT IN (SELECT i.external_id FROM included i)
  AND l.external_id NOT IN (SELECT c.members_via FROM covering c);

-- name: ListDepartmentsAbove :many
-- Of each of these departments itself and what is above it: by a run's tree, or else by the
-- directory. Known says that either has it.
WITH RECURSIVE up AS (
    SELECT w.id, w.id COLLATE "C" AS external_id, 0 AS height FROM unnest(@external_ids::text[]) AS w (id)
    UNION ALL
    SELECT up.id, p.external_id, up.height + 1
    FROM up
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT s.parent_external_id FROM staged_departments s
                WHERE s.run_id = @run_id AND s.external_id = up.external_id),
            (SELECT a.external_id FROM org_departments d JOIN org_departments a ON a.id = d.parent_id
                WHERE d.provider_id = @provider_id AND d.external_id = up.external_id)) AS external_id
    ) p
    WHERE p.external_id <> '' AND up.height < 100
)
SELECT up.id::text AS external_id, array_agg(up.external_id)::text[] AS above,
    (EXISTS (SELECT 1 FROM staged_departments s WHERE s.run_id = @run_id AND s.external_id = up.id)
        OR EXISTS (SELECT 1 FROM org_departments d
            WHERE d.provider_id = @provider_id AND d.external_id = up.id))::boolean AS known
FROM up GROUP BY up.id;

-- name: PlanExcludedDepartments :exec
-- Departments that the rules exclude. One that no listing showed may have been moved: it goes
-- only if the whole tree was read.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, confirmed, reason)
SELECT @run_id, 'department', d.id, d.id, true, 'out_of_scope'
FROM sync_run_departments l
JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id AND d.status = 'active'
WHERE l.run_id = @run_id AND l.state = 'excluded' AND (l.children_via <> l.external_id OR @tree_read::boolean)
  AND NOT EXISTS (SELECT 1 FROM staged_departments s WHERE s.run_id = @run_id AND s.external_id = l.external_id)
ON CONFLICT (run_id, object_type, object_id, department_id)
DO UPDATE SET confirmed = true, reason = excluded.reason;

-- name: PlanExcludedMemberships :exec
-- Places in departments that are there only since an included one is below.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
SELECT @run_id, 'membership', md.member_id, md.department_id, 'out_of_scope'
FROM sync_run_departments l
JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = l.external_id
JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id
JOIN org_member_departments md ON md.department_id = d.id
WHERE l.run_id = @run_id AND l.state = 'excluded'
ON CONFLICT DO NOTHING;

-- name: PlanMembersOfExcluded :exec
-- Members who were in excluded departments and are seen nowhere, though everything that the
-- run was to read was read.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, confirmed, reason)
SELECT DISTINCT @run_id::uuid, 'member', m.id, m.id, true, 'out_of_scope'
FROM sync_run_departments l
JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id
JOIN org_member_departments md ON md.department_id = d.id
JOIN org_members m ON m.id = md.member_id AND m.provider_id = @provider_id AND m.status <> 'deleted'
WHERE l.run_id = @run_id AND l.state = 'excluded'
  AND NOT EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = @run_id AND r.member_id = m.id)
  AND NOT EXISTS (SELECT 1 FROM unchanged_memberships u WHERE u.run_id = @run_id AND u.member_id = m.id)
ON CONFLICT (run_id, object_type, object_id, department_id)
DO UPDATE SET confirmed = true, reason = excluded.reason;

-- name: GetStoredStates :many
-- Which of these members are stored, and whether they are there.
SELECT w.n::int AS n, bool_or(m.status <> 'deleted')::boolean AS there
FROM (
    SELECT
        unnest(@numbers::int[]) AS n,
        unnest(@external_ids::text[]) AS external_id,
        unnest(@unionids::text[]) AS unionid
) w
CROSS JOIN LATERAL (
    SELECT x.status FROM org_members x
    WHERE x.unionid = w.unionid AND (x.provider_id = @provider_id) IS TRUE
    UNION ALL
    SELECT x.status FROM org_members x
    WHERE x.provider_id = @provider_id
      AND lower(x.external_id) = lower(w.external_id)
      AND (@ignore_case::boolean OR x.external_id = w.external_id)
      AND (x.unionid IS NULL OR w.unionid = '' OR x.unionid = w.unionid)
) m
GROUP BY w.n;

-- name: InsertRuleFailures :exec
INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
SELECT @run_id, 'rule', f.external_id, f.message
FROM (SELECT unnest(@external_ids::text[]) AS external_id, unnest(@messages::text[]) AS message) f
ORDER BY f.external_id, f.message
ON CONFLICT DO NOTHING;

-- name: PlanOutOfScope :exec
-- Members who are listed, but only where the rules leave them out: by the ids by which they
-- would be matched.
WITH left_out AS MATERIALIZED (
    SELECT DISTINCT s.external_id, s.unionid, s.open_id FROM staged_members s
    WHERE s.run_id = @run_id AND s.out_of_scope
), matched AS (
    SELECT m.id FROM left_out s JOIN org_members m ON m.provider_id = @provider_id AND m.unionid = s.unionid
    UNION
    SELECT m.id FROM left_out s
    JOIN org_members m ON m.provider_id = @provider_id AND lower(m.external_id) = lower(s.external_id)
    WHERE (@ignore_case::boolean OR m.external_id = s.external_id)
      AND (m.unionid IS NULL OR s.unionid IS NULL OR m.unionid = s.unionid)
    UNION
    SELECT m.id FROM left_out s JOIN org_members m ON m.provider_id = @provider_id AND m.open_id = s.open_id
    WHERE m.unionid IS NULL OR s.unionid IS NULL OR m.unionid = s.unionid
)
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, confirmed, reason)
SELECT @run_id, 'member', m.id, m.id, true, 'out_of_scope'
FROM matched x JOIN org_members m ON m.id = x.id AND m.status <> 'deleted'
WHERE NOT EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = @run_id AND r.member_id = m.id)
  AND NOT EXISTS (SELECT 1 FROM unchanged_memberships u WHERE u.run_id = @run_id AND u.member_id = m.id)
ON CONFLICT (run_id, object_type, object_id, department_id)
DO UPDATE SET confirmed = true, reason = excluded.reason;

-- name: GetRuleFigures :one
-- What the guard goes by beside the limits: what goes for the rules, whether these are other
-- rules than those last applied, and on how many members they failed, of how many there are.
SELECT
    r.rules_version,
    (r.rules_version <> p.rules_applied)::boolean AS changed,
    (SELECT count(*) FROM sync_run_removals x
        WHERE x.run_id = r.id AND x.reason = 'out_of_scope' AND x.object_type = 'member')::int AS members,
    (SELECT count(*) FROM sync_run_removals x
        WHERE x.run_id = r.id AND x.reason = 'out_of_scope' AND x.object_type = 'department')::int AS departments,
    (SELECT count(DISTINCT e.external_id) FROM sync_run_errors e
        WHERE e.run_id = r.id AND e.object_type = 'rule')::int AS failed,
    (SELECT count(*) FROM org_members m WHERE m.provider_id = p.id AND m.status <> 'deleted')::int AS stored
FROM sync_runs r JOIN identity_providers p ON p.id = r.provider_id
WHERE r.id = @run_id;

-- name: SetRulesApplied :exec
UPDATE identity_providers p SET rules_applied = r.rules_version
FROM sync_runs r WHERE r.id = @run_id AND p.id = r.provider_id;

-- name: ListUnseenDepartments :many
-- Those departments that no run of the provider ever met; none where it was never synced.
SELECT w.id::text AS external_id
FROM unnest(@external_ids::text[]) AS w (id)
WHERE EXISTS (SELECT 1 FROM org_departments d WHERE d.provider_id = @provider_id)
  AND NOT EXISTS (SELECT 1 FROM org_departments d WHERE d.provider_id = @provider_id AND d.external_id = w.id)
  AND NOT EXISTS (
      SELECT 1
      FROM sync_run_departments l
      JOIN sync_runs r ON r.id = l.run_id
      WHERE r.provider_id = @provider_id AND l.external_id = w.id)
ORDER BY w.id COLLATE "C";
