-- name: GetMember :one
-- Everything known of a member but for the provider's record and their places.
SELECT sqlc.embed(m), coalesce(x.external_id, '')::text AS manager, coalesce(x.name, '')::text AS manager_name
FROM org_members m LEFT JOIN org_members x ON x.id = m.manager_id
WHERE m.id = @id;

-- name: GetAccountName :one
SELECT display_name FROM users WHERE id = @id;

-- name: ListCandidateNames :many
-- The names of the accounts that members may be linked to, but for those of other tenants.
SELECT DISTINCT u.id, u.display_name
FROM account_conflicts c
JOIN identity_providers p ON p.id = c.provider_id
JOIN users u ON u.id = ANY (c.candidates) AND u.tenant_id IS NOT DISTINCT FROM p.tenant_id
WHERE c.member_id = ANY (@members::uuid[]);

-- name: ListMemberPlaces :many
-- Where a member works, the primary department first.
SELECT d.id, d.external_id, d.name, d.path, md.is_primary, md.is_leader, md.sort_order
FROM org_member_departments md JOIN org_departments d ON d.id = md.department_id
WHERE md.member_id = @member_id
ORDER BY NOT md.is_primary, d.path, d.external_id;
