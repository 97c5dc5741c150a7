-- name: ListGroups :many
-- A provider's groups, those first that have most members.
SELECT g.id, g.external_id, g.kind, g.name, g.category, g.member_count, g.attributes
FROM org_groups g
WHERE g.provider_id = @provider_id AND g.status = 'active'
ORDER BY g.category NULLS FIRST, g.member_count DESC, g.name, g.external_id;

-- name: FindGroups :many
-- The groups that a text means: by id, else by name.
SELECT g.id, g.external_id, g.kind, g.name, g.category, g.member_count, g.attributes
FROM org_groups g
WHERE g.provider_id = @provider_id
  AND g.status = 'active'
  AND (g.external_id = @text::text OR g.id::text = @text OR g.name = @text
      AND NOT EXISTS (
          SELECT 1 FROM org_groups o
          WHERE o.provider_id = @provider_id AND o.status = 'active' AND o.external_id = @text))
ORDER BY g.name, g.external_id;

-- name: ListGroupPeople :many
-- Who belongs to a group, directly or through departments.
SELECT m.id, m.external_id, m.name, m.status, m.department_path, (gm.member_id IS NOT NULL)::boolean AS direct,
    ARRAY(SELECT d.external_id FROM org_departments d WHERE d.id = ANY (gm.scope)
        ORDER BY d.external_id)::text[] AS scope
FROM org_group_people p
JOIN org_members m ON m.id = p.member_id
LEFT JOIN org_group_members gm ON gm.group_id = p.group_id AND gm.member_id = p.member_id
WHERE p.group_id = @group_id
ORDER BY m.name, m.external_id;

-- name: ListGroupDepartments :many
SELECT d.id, d.external_id, d.name, d.path
FROM org_group_departments gd
JOIN org_departments d ON d.id = gd.department_id
WHERE gd.group_id = @group_id
ORDER BY d.path, d.external_id;

-- name: ListMemberGroups :many
-- The groups to which a member belongs, directly or through departments.
WITH RECURSIVE above AS (
    SELECT md.department_id AS id FROM org_member_departments md WHERE md.member_id = @member_id
    UNION
    SELECT d.parent_id FROM above a JOIN org_departments d ON d.id = a.id AND d.status = 'active'
    WHERE d.parent_id IS NOT NULL
)
SELECT g.id, g.external_id, g.kind, g.name, g.category, (gm.member_id IS NOT NULL)::boolean AS direct
FROM org_groups g
LEFT JOIN org_group_members gm ON gm.group_id = g.id AND gm.member_id = @member_id
WHERE g.status = 'active'
  AND (gm.member_id IS NOT NULL OR EXISTS (
      SELECT 1 FROM org_group_departments gd JOIN above a ON a.id = gd.department_id WHERE gd.group_id = g.id))
ORDER BY g.name, g.external_id;

-- name: ListAdministrators :many
SELECT m.id, m.external_id, m.name, m.status, a.source, a.level
FROM org_administrators a
JOIN org_members m ON m.id = a.member_id
WHERE a.provider_id = @provider_id
ORDER BY a.source DESC, a.level, m.name, m.external_id;
