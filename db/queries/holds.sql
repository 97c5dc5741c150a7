-- name: RunSetHeld :execrows
-- The first hold sets the end of the wait. A run is held once: one that goes on since its
-- removals were approved is not held again, whoever comes late.
UPDATE sync_runs r SET status = 'held', hold_reason = @hold_reason, hold_workflow_id = @hold_workflow_id, phase = 'held',
    hold_expires_at = coalesce(r.hold_expires_at, now() + make_interval(secs => p.hold_seconds))
FROM identity_providers p WHERE r.id = @id AND p.id = r.provider_id
    AND (r.status = 'held' OR r.status = 'running' AND r.hold_workflow_id IS NULL);

-- name: RunStanding :one
SELECT r.status, (r.hold_workflow_id IS NOT NULL)::boolean AS was_held FROM sync_runs r WHERE r.id = @id FOR NO KEY UPDATE;

-- name: RunSetResumed :exec
UPDATE sync_runs SET status = 'running', phase = 'removals' WHERE id = @id AND status = 'held';

-- name: MembershipsThere :one
SELECT count(*) FROM org_member_departments md
JOIN org_departments d ON d.id = md.department_id
JOIN org_members m ON m.id = md.member_id AND m.provider_id = d.provider_id
WHERE d.provider_id = @provider_id;

-- name: RemovalIDsOfMembers :many
SELECT m.external_id FROM sync_run_removals r JOIN org_members m ON m.id = r.object_id
WHERE r.run_id = @run_id AND r.object_type = 'member' AND r.confirmed ORDER BY m.external_id COLLATE "C" LIMIT @max_rows;

-- name: RemovalIDsOfDepartments :many
SELECT d.external_id FROM sync_run_removals r JOIN org_departments d ON d.id = r.object_id
WHERE r.run_id = @run_id AND r.object_type = 'department' AND r.confirmed ORDER BY d.external_id COLLATE "C" LIMIT @max_rows;

-- name: RemovalIDsOfMemberships :many
-- Those of people who stay come first: of the others the person's own line says enough.
SELECT m.external_id AS member, d.external_id AS department
FROM sync_run_removals r
JOIN org_members m ON m.id = r.object_id
JOIN org_departments d ON d.id = r.department_id
LEFT JOIN sync_run_removals leaver ON leaver.run_id = r.run_id AND leaver.object_type = 'member' AND leaver.object_id = r.object_id AND leaver.confirmed
WHERE r.run_id = @run_id AND r.object_type = 'membership' AND r.confirmed
ORDER BY leaver.run_id IS NOT NULL, m.external_id COLLATE "C", d.external_id COLLATE "C" LIMIT @max_rows;
