-- name: LockRules :exec
-- One version is added at a time.
SELECT 1 FROM identity_providers WHERE id = @provider_id FOR NO KEY UPDATE;

-- name: InsertRules :one
INSERT INTO provider_rules (provider_id, version, document, draft, created_by)
SELECT @provider_id, coalesce(max(r.version), 0) + 1, sqlc.narg(document), @draft, sqlc.narg(created_by)
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
