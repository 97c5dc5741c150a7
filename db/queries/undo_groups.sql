-- name: RestoreGroups :exec
-- Gives groups that are to exist back what the undone run changed of them.
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

-- name: DropCreatedGroupMembers :exec
-- Group memberships that the undone run created, and all of members who were taken back.
DELETE FROM org_group_members gm
USING undo_objects u
WHERE u.run_id = @run_id
  AND u.left_alone IS NULL
  AND u.object_id = gm.member_id
  AND (u.object_type = 'group_membership' AND u.department_id = gm.group_id AND u.target ->> 'status' = 'deleted'
      OR u.object_type = 'member'
          AND EXISTS (SELECT 1 FROM org_members m WHERE m.id = u.object_id AND m.status = 'deleted'));

-- name: InsertDeletedGroupMembers :exec
INSERT INTO org_group_members (group_id, member_id, scope)
SELECT g.id, m.id, w.scope
FROM undone_changes c
JOIN org_groups g ON g.id = c.department_id AND g.status = 'active'
JOIN org_members m ON m.id = c.object_id AND m.status <> 'deleted'
CROSS JOIN LATERAL jsonb_populate_record(NULL::org_group_members, c.before) w
WHERE c.run_id = @run_id AND c.object_type = 'group_membership' AND c.kind = 'deleted'
ORDER BY g.id, m.id
ON CONFLICT DO NOTHING;

-- name: RestoreGroupMembers :exec
UPDATE org_group_members gm SET scope = w.scope
FROM undone_changes c
CROSS JOIN LATERAL jsonb_populate_record(NULL::org_group_members, c.before) w
WHERE c.run_id = @run_id
  AND c.object_type = 'group_membership'
  AND c.kind = 'updated'
  AND gm.member_id = c.object_id
  AND gm.group_id = c.department_id;

-- name: DropCreatedGroupDepartments :exec
DELETE FROM org_group_departments gd
USING undo_objects u
WHERE u.run_id = @run_id
  AND u.object_type = 'group_membership'
  AND u.left_alone IS NULL
  AND u.object_id = gd.department_id
  AND u.department_id = gd.group_id
  AND u.target ->> 'status' = 'deleted';

-- name: InsertDeletedGroupDepartments :exec
INSERT INTO org_group_departments (group_id, department_id)
SELECT g.id, d.id
FROM undone_changes c
JOIN org_groups g ON g.id = c.department_id AND g.status = 'active'
JOIN org_departments d ON d.id = c.object_id AND d.status = 'active'
WHERE c.run_id = @run_id AND c.object_type = 'group_membership' AND c.kind = 'deleted'
ORDER BY g.id, d.id
ON CONFLICT DO NOTHING;

-- name: DeleteCreatedGroups :exec
-- Deletes groups that the undone run created or restored, those to which nothing belongs.
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

-- name: DropCreatedAdministrators :exec
-- Administrators whom the undone run named, and those who were taken back as members.
DELETE FROM org_administrators a
USING undo_objects u
WHERE u.run_id = @run_id
  AND u.left_alone IS NULL
  AND u.object_id = a.member_id
  AND (u.object_type = 'administrator' AND EXISTS (
          SELECT 1 FROM undone_changes c
          WHERE c.run_id = @run_id AND c.object_type = 'administrator' AND c.object_id = a.member_id
            AND c.kind = 'created' AND c.after ->> 'source' = a.source)
      OR u.object_type = 'member'
          AND EXISTS (SELECT 1 FROM org_members m WHERE m.id = u.object_id AND m.status = 'deleted'));

-- name: InsertDeletedAdministrators :exec
INSERT INTO org_administrators (provider_id, member_id, source, level)
SELECT m.provider_id, m.id, c.before ->> 'source', c.before ->> 'level'
FROM undone_changes c
JOIN org_members m ON m.id = c.object_id AND m.status <> 'deleted'
WHERE c.run_id = @run_id AND c.object_type = 'administrator' AND c.kind = 'deleted'
ORDER BY m.id
ON CONFLICT DO NOTHING;

-- name: RestoreAdministrators :exec
-- Levels are the provider's: an administrator named here has but one.
UPDATE org_administrators a SET level = c.before ->> 'level'
FROM undone_changes c
WHERE c.run_id = @run_id
  AND c.object_type = 'administrator'
  AND c.kind = 'updated'
  AND a.member_id = c.object_id
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
