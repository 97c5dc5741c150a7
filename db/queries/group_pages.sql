-- name: ListGroupPage :many
-- Active groups by name.
SELECT
    g.id, g.provider_id, p.name AS provider_name, p.tenant_id, g.external_id, g.kind, g.name, g.category,
    g.member_count, g.status, g.attributes, g.synced_at
FROM org_groups g
JOIN identity_providers p ON p.id = g.provider_id
WHERE (sqlc.narg(id)::uuid IS NULL AND g.status = 'active' OR g.id = sqlc.narg(id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL OR p.tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR g.provider_id = sqlc.narg(provider_id))
  AND (g.name, g.id) > (@after_name::text, @after_id::uuid)
ORDER BY g.name, g.id
LIMIT @max_rows;

-- name: ListGroupPersonPage :many
-- Who belongs to a group, directly or through a department, by name.
SELECT m.id, m.name, (gm.member_id IS NOT NULL)::boolean AS direct, gm.scope
FROM org_group_people p
JOIN org_members m ON m.id = p.member_id
LEFT JOIN org_group_members gm ON gm.group_id = p.group_id AND gm.member_id = p.member_id
WHERE p.group_id = @group_id
  AND (m.name, m.id) > (@after_name::text, @after_id::uuid)
ORDER BY m.name, m.id
LIMIT @max_rows;

-- name: ListAdministratorPage :many
SELECT
    a.provider_id, p.name AS provider_name, a.member_id, m.external_id, m.name, m.status, a.source, a.level
FROM org_administrators a
JOIN identity_providers p ON p.id = a.provider_id
JOIN org_members m ON m.id = a.member_id
WHERE (sqlc.narg(tenant_id)::uuid IS NULL OR p.tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR a.provider_id = sqlc.narg(provider_id))
  AND (m.name, a.member_id, a.source) > (@after_name::text, @after_id::uuid, @after_source::text)
ORDER BY m.name, a.member_id, a.source
LIMIT @max_rows;

-- name: ListConflictPage :many
-- What waits for a person, and what was decided and no run has carried out yet.
SELECT
    c.member_id, c.provider_id, p.name AS provider_name, p.tenant_id, m.external_id, m.name, c.reason,
    c.candidates::uuid[] AS candidates, c.decision, c.user_id, c.decided_by, c.decided_at, c.found_at
FROM account_conflicts c
JOIN identity_providers p ON p.id = c.provider_id
JOIN org_members m ON m.id = c.member_id
WHERE (sqlc.narg(member_id)::uuid IS NULL AND m.user_id IS NULL AND m.status <> 'deleted'
    OR c.member_id = sqlc.narg(member_id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL OR p.tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR c.provider_id = sqlc.narg(provider_id))
  AND (sqlc.narg(decided)::boolean IS NULL OR (c.decision IS NOT NULL) = sqlc.narg(decided))
  AND c.member_id > @after_id::uuid
ORDER BY c.member_id
LIMIT @max_rows;
