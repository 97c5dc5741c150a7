-- name: HoldRun :execrows
-- The first hold sets the end of the wait. A run is held once: one that goes on since its
-- removals were approved is not held again by an activity that comes late.
UPDATE sync_runs r SET status = 'held', hold_reason = @hold_reason, hold_workflow_id = @hold_workflow_id,
    phase = 'held',
    hold_expires_at = coalesce(r.hold_expires_at, now() + make_interval(secs => p.hold_seconds))
FROM identity_providers p WHERE r.id = @id AND p.id = r.provider_id
    AND (r.status = 'held' OR r.status = 'running' AND r.hold_workflow_id IS NULL);

-- name: HoldLeft :one
-- How long a held run still waits, at most for as long as a hold lasts: a worker that counts it
-- from here on needs no clock that agrees with this one.
SELECT extract(epoch FROM least(r.hold_expires_at - now(), make_interval(secs => p.hold_seconds)))::float8
FROM sync_runs r JOIN identity_providers p ON p.id = r.provider_id
WHERE r.id = @id AND r.hold_expires_at IS NOT NULL;

-- name: GetHoldState :one
SELECT r.status, (r.hold_workflow_id IS NOT NULL)::boolean AS was_held FROM sync_runs r WHERE r.id = @id
FOR NO KEY UPDATE;

-- name: ResumeRun :exec
UPDATE sync_runs SET status = 'running', phase = 'removals' WHERE id = @id AND status = 'held';

-- name: ListRemovedIDs :many
-- The ids of what a run is to remove of a kind, of places as one id in another. Places of
-- members who go, and what else goes with something, come last: its own line says enough.
SELECT (o.external_id || coalesce(' in ' || c.external_id, ''))::text AS id
FROM sync_run_removals r
JOIN org_objects o ON o.id = r.object_id
LEFT JOIN org_objects c ON c.id = r.department_id AND c.id <> o.id
LEFT JOIN sync_run_removals leaver
    ON leaver.run_id = r.run_id
    AND leaver.object_type = 'member'
    AND leaver.object_id = r.object_id
    AND leaver.confirmed
WHERE r.run_id = @run_id AND r.object_type = @object_type AND r.confirmed
ORDER BY leaver.run_id IS NOT NULL OR coalesce(r.reason LIKE 'with%', false),
    o.external_id COLLATE "C", c.external_id COLLATE "C"
LIMIT @max_rows;

-- name: ListPlannedMembers :many
-- Whom a run would remove, by their primary department: first those that lose most.
SELECT external_id, name, department, path, reason, going, there FROM (
    SELECT m.external_id, m.name, coalesce(d.external_id, '')::text AS department,
        coalesce(d.path, m.department_path)::text AS path, r.reason,
        (count(*) OVER department)::int AS going, coalesce(d.direct_member_count, 0)::int AS there,
        row_number() OVER (PARTITION BY m.department_id ORDER BY m.name, m.external_id COLLATE "C") AS nth
    FROM sync_run_removals r
    JOIN org_members m ON m.id = r.object_id
    LEFT JOIN org_departments d ON d.id = m.department_id
    WHERE r.run_id = @run_id AND r.object_type = 'member' AND r.confirmed AND NOT r.applied
    WINDOW department AS (PARTITION BY m.department_id)
) leaver
WHERE nth <= @each::bigint
ORDER BY going DESC, path, department, nth LIMIT @max_rows;

-- name: ListPlannedDepartments :many
SELECT d.external_id, d.name, d.path, d.member_count, r.reason
FROM sync_run_removals r JOIN org_departments d ON d.id = r.object_id
WHERE r.run_id = @run_id AND r.object_type = 'department' AND r.confirmed AND NOT r.applied
ORDER BY d.member_count DESC, d.path, d.external_id COLLATE "C" LIMIT @max_rows;

-- name: ListPlannedMemberships :many
-- The places that people lose who stay.
SELECT m.external_id, m.name, d.external_id AS department, d.path, r.reason
FROM sync_run_removals r
JOIN org_members m ON m.id = r.object_id
JOIN org_departments d ON d.id = r.department_id
WHERE r.run_id = @run_id AND r.object_type = 'membership' AND r.confirmed AND NOT r.applied
  AND NOT EXISTS (SELECT 1 FROM sync_run_removals l
      WHERE l.run_id = r.run_id AND l.object_type = 'member' AND l.object_id = r.object_id AND l.confirmed)
ORDER BY d.path, d.external_id COLLATE "C", m.name, m.external_id COLLATE "C" LIMIT @max_rows;

-- name: ListPlannedGroups :many
SELECT g.external_id, g.name, g.member_count, r.reason
FROM sync_run_removals r
JOIN org_groups g ON g.id = r.object_id
WHERE r.run_id = @run_id
  AND r.object_type = 'group'
  AND r.confirmed
  AND NOT r.applied
ORDER BY g.member_count DESC, g.name, g.external_id
LIMIT @max_rows;

-- name: ListPlannedGroupMemberships :many
-- The places in groups that do not go with something else.
SELECT p.object_kind AS kind, coalesce(m.external_id, d.external_id)::text AS external_id,
    coalesce(m.name, d.name)::text AS name, g.external_id AS group_external_id, g.name AS group_name, r.reason
FROM sync_run_removals r
JOIN org_groups g ON g.id = r.department_id
JOIN org_places p
    ON p.object_type = 'group_membership'
    AND p.department_id = r.department_id
    AND p.object_id = r.object_id
LEFT JOIN org_members m ON p.object_kind = 'member' AND m.id = r.object_id
LEFT JOIN org_departments d ON p.object_kind = 'department' AND d.id = r.object_id
WHERE r.run_id = @run_id
  AND r.object_type = 'group_membership'
  AND r.confirmed
  AND NOT r.applied
  AND r.reason NOT LIKE 'with%'
ORDER BY g.name, g.external_id, p.object_kind, coalesce(m.name, d.name), p.object_id
LIMIT @max_rows;

-- name: ListPlannedAdministrators :many
SELECT m.external_id, m.name, a.level, r.reason
FROM sync_run_removals r
JOIN org_members m ON m.id = r.object_id
JOIN org_administrators a ON a.member_id = m.id AND a.source = 'provider'
WHERE r.run_id = @run_id
  AND r.object_type = 'administrator'
  AND r.confirmed
  AND NOT r.applied
  AND r.reason NOT LIKE 'with%'
ORDER BY a.level, m.name, m.external_id
LIMIT @max_rows;
