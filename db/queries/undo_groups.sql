-- name: UndoGroups :execrows
-- Groups that are to be there afterwards.
WITH differing AS (
    SELECT g.id, u.target
    FROM undo_objects u
    JOIN org_groups g ON g.id = u.object_id
    WHERE u.run_id = @run_id
      AND u.object_type = 'group'
      AND u.left_alone IS NULL
      AND coalesce(u.target ->> 'status', '') <> 'deleted'
      AND jsonb_difference(u.target, to_jsonb(g)) <> '{}'
    ORDER BY g.id FOR NO KEY UPDATE OF g
)
UPDATE org_groups g SET (kind, name, category, attributes, status, tenant_id, raw_data, synced_at) = (
    SELECT w.kind, w.name, w.category, w.attributes, w.status, w.tenant_id, w.raw_data, now()
    FROM jsonb_populate_record(g, n.target) w)
FROM differing n
WHERE g.id = n.id;

-- name: UndoGroupMembersDrop :execrows
-- Places in groups that the undone run gave, and all those of members who were taken back.
DELETE FROM org_group_members gm
USING undo_objects u
WHERE u.run_id = @run_id
  AND u.left_alone IS NULL
  AND u.object_id = gm.member_id
  AND (u.object_type = 'group_membership' AND u.department_id = gm.group_id AND u.target ->> 'status' = 'deleted'
      OR u.object_type = 'member'
          AND EXISTS (SELECT 1 FROM org_members m WHERE m.id = u.object_id AND m.status = 'deleted'));

-- name: UndoGroupMembersInsert :execrows
INSERT INTO org_group_members (group_id, member_id, scope)
SELECT g.id, m.id, w.scope
FROM undo_objects u
JOIN org_changes c
    ON c.run_id = @undoes
    AND c.object_type = u.object_type
    AND c.object_id = u.object_id
    AND c.department_id = u.department_id
    AND c.kind = 'deleted'
JOIN org_groups g ON g.id = c.department_id AND g.status = 'active'
JOIN org_members m ON m.id = c.object_id AND m.status <> 'deleted'
CROSS JOIN LATERAL jsonb_populate_record(NULL::org_group_members, c.before) w
WHERE u.run_id = @run_id AND u.object_type = 'group_membership' AND u.left_alone IS NULL
ORDER BY g.id, m.id
ON CONFLICT DO NOTHING;

-- name: UndoGroupMembersUpdate :execrows
UPDATE org_group_members gm SET scope = w.scope
FROM undo_objects u
JOIN org_changes c
    ON c.run_id = @undoes
    AND c.object_type = u.object_type
    AND c.object_id = u.object_id
    AND c.department_id = u.department_id
    AND c.kind = 'updated'
CROSS JOIN LATERAL jsonb_populate_record(NULL::org_group_members, c.before) w
WHERE u.run_id = @run_id
  AND u.object_type = 'group_membership'
  AND u.left_alone IS NULL
  AND gm.member_id = u.object_id
  AND gm.group_id = u.department_id;

-- name: UndoGroupDepartmentsDrop :execrows
DELETE FROM org_group_departments gd
USING undo_objects u
WHERE u.run_id = @run_id
  AND u.object_type = 'group_membership'
  AND u.left_alone IS NULL
  AND u.object_id = gd.department_id
  AND u.department_id = gd.group_id
  AND u.target ->> 'status' = 'deleted';

-- name: UndoGroupDepartmentsInsert :execrows
INSERT INTO org_group_departments (group_id, department_id)
SELECT g.id, d.id
FROM undo_objects u
JOIN org_changes c
    ON c.run_id = @undoes
    AND c.object_type = u.object_type
    AND c.object_id = u.object_id
    AND c.department_id = u.department_id
    AND c.kind = 'deleted'
JOIN org_groups g ON g.id = c.department_id AND g.status = 'active'
JOIN org_departments d ON d.id = c.object_id AND d.status = 'active'
WHERE u.run_id = @run_id AND u.object_type = 'group_membership' AND u.left_alone IS NULL
ORDER BY g.id, d.id
ON CONFLICT DO NOTHING;

-- name: UndoGroupsLeave :execrows
-- Takes back groups that are to be gone, those to which nothing belongs.
WITH leaving AS (
    SELECT g.id, u.target
    FROM undo_objects u
    JOIN org_groups g ON g.id = u.object_id AND g.status = 'active'
    WHERE u.run_id = @run_id
      AND u.object_type = 'group'
      AND u.left_alone IS NULL
      AND u.target ->> 'status' = 'deleted'
      AND NOT EXISTS (SELECT 1 FROM org_group_members gm WHERE gm.group_id = g.id)
      AND NOT EXISTS (SELECT 1 FROM org_group_departments gd WHERE gd.group_id = g.id)
    ORDER BY g.id FOR NO KEY UPDATE OF g
)
UPDATE org_groups g
SET (kind, name, category, attributes, status, tenant_id, raw_data, member_count, synced_at) = (
    SELECT w.kind, w.name, w.category, w.attributes, w.status, w.tenant_id, w.raw_data, 0, now()
    FROM jsonb_populate_record(g, n.target) w)
FROM leaving n
WHERE g.id = n.id;

-- name: UndoLeaveGroups :exec
UPDATE undo_objects u SET left_alone = 'inhabited'
FROM org_groups g
WHERE u.run_id = @run_id
  AND u.object_type = 'group'
  AND u.left_alone IS NULL
  AND u.target ->> 'status' = 'deleted'
  AND g.id = u.object_id
  AND g.status = 'active';

-- name: UndoAdministratorsDrop :execrows
-- Administrators whom the undone run named, and those who were taken back as members.
DELETE FROM org_administrators a
USING undo_objects u
WHERE u.run_id = @run_id
  AND u.left_alone IS NULL
  AND u.object_id = a.member_id
  AND (u.object_type = 'administrator' AND EXISTS (
          SELECT 1 FROM org_changes c
          WHERE c.run_id = @undoes AND c.object_type = 'administrator' AND c.object_id = a.member_id
            AND c.kind = 'created' AND c.after ->> 'source' = a.source)
      OR u.object_type = 'member'
          AND EXISTS (SELECT 1 FROM org_members m WHERE m.id = u.object_id AND m.status = 'deleted'));

-- name: UndoAdministratorsInsert :execrows
INSERT INTO org_administrators (provider_id, member_id, source, level)
SELECT @provider_id, m.id, c.before ->> 'source', c.before ->> 'level'
FROM undo_objects u
JOIN org_changes c
    ON c.run_id = @undoes AND c.object_type = 'administrator' AND c.object_id = u.object_id AND c.kind = 'deleted'
JOIN org_members m ON m.id = u.object_id AND m.status <> 'deleted'
WHERE u.run_id = @run_id AND u.object_type = 'administrator' AND u.left_alone IS NULL
ORDER BY m.id
ON CONFLICT DO NOTHING;

-- name: UndoAdministratorsUpdate :execrows
-- Levels are the provider's: one named here has but one.
UPDATE org_administrators a SET level = c.before ->> 'level'
FROM undo_objects u
JOIN org_changes c
    ON c.run_id = @undoes AND c.object_type = 'administrator' AND c.object_id = u.object_id AND c.kind = 'updated'
WHERE u.run_id = @run_id
  AND u.object_type = 'administrator'
  AND u.left_alone IS NULL
  AND a.member_id = u.object_id
  AND a.source = 'provider';

-- name: CountIndependentDeletions :many
-- What a run has deleted that did not go with something else that it deleted.
SELECT c.object_type, count(*)::int AS objects
FROM org_changes c
WHERE c.run_id = @run_id
  AND c.kind = 'deleted'
  AND (c.object_type = ANY (@objects::text[]) OR NOT EXISTS (
      SELECT 1 FROM org_changes o
      WHERE o.run_id = c.run_id
        AND o.kind = 'deleted'
        AND o.object_type = ANY (@objects)
        AND o.object_id IN (c.object_id, c.department_id)))
GROUP BY c.object_type;
