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
