-- name: GetRetrySource :one
-- What a retry of a run goes by: whether departments or which single people failed.
SELECT r.provider_id, r.mode, r.status, r.departments, r.details_dropped_at, r.undoes, r.task,
    (cardinality(r.members) > 0)::boolean AS by_id,
    ARRAY(SELECT wanted.id FROM unnest(r.members) AS wanted (id)
        WHERE EXISTS (SELECT 1 FROM sync_run_errors e
            WHERE e.run_id = r.id AND e.object_type = 'member'
              AND e.external_id = wanted.id))::text[] AS failed_members,
    (EXISTS (SELECT 1 FROM sync_run_departments l WHERE l.run_id = r.id AND l.error IS NOT NULL)
        OR EXISTS (SELECT 1 FROM sync_run_errors e
            WHERE e.run_id = r.id AND e.object_type = 'department'))::boolean AS departments_failed
FROM sync_runs r WHERE r.id = @id;

-- name: ListPendingMemberIDs :many
-- Of the single people that a run is limited to those who are still to be read.
SELECT wanted.id::text AS external_id FROM sync_runs r CROSS JOIN unnest(r.members) AS wanted (id)
WHERE r.id = @run_id
  AND NOT EXISTS (SELECT 1 FROM staged_members s WHERE s.run_id = r.id AND s.listing = wanted.id)
  AND NOT EXISTS (SELECT 1 FROM sync_run_errors e
      WHERE e.run_id = r.id AND e.object_type = 'member' AND e.external_id = wanted.id)
  AND NOT EXISTS (SELECT 1 FROM provider_events v
      WHERE v.run_id = r.id AND v.object_type = 'member' AND v.object_id = wanted.id AND v.done_at IS NOT NULL);

-- name: FindStoredMembers :many
-- The rows that bear a member's external id, those still there first.
SELECT m.external_id, m.unionid, m.open_id, m.status FROM org_members m
WHERE m.provider_id = @provider_id AND lower(m.external_id) = lower(@external_id)
  AND (@ignore_case::boolean OR m.external_id = @external_id)
ORDER BY m.status = 'deleted', m.id;

-- name: ListMemberDepartments :many
-- The departments that the directory has a person in.
SELECT DISTINCT d.external_id FROM org_members m
JOIN org_member_departments md ON md.member_id = m.id
JOIN org_departments d ON d.id = md.department_id AND d.provider_id = m.provider_id
WHERE m.provider_id = @provider_id AND m.status <> 'deleted'
  AND (m.unionid = sqlc.narg(unionid)::text OR ((m.unionid IS NULL OR sqlc.narg(unionid)::text IS NULL)
    AND lower(m.external_id) = lower(@external_id) AND (@ignore_case::boolean OR m.external_id = @external_id)))
ORDER BY d.external_id;

-- name: ListUnknownDepartments :many
SELECT wanted.id::text AS external_id FROM unnest(@departments::text[]) AS wanted (id)
WHERE NOT EXISTS (SELECT 1 FROM org_departments d
    WHERE d.provider_id = @provider_id AND d.external_id = wanted.id AND d.status = 'active');

-- name: ListStagedListings :many
SELECT DISTINCT s.listing FROM staged_members s WHERE s.run_id = @run_id ORDER BY s.listing;

-- name: ListByIDListings :many
-- The people whom a run of the whole company has read by themselves. In bytes "!" is what
-- follows a space.
SELECT DISTINCT s.listing FROM staged_members s
WHERE s.run_id = @run_id AND s.listing >= 'member ' AND s.listing < 'member!' ORDER BY s.listing;

-- name: MarkUnreadMembers :execrows
-- No member asked for may be unread without a reason on record.
INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
SELECT r.id, 'member', wanted.id, 'this member was not read; retry the run to read them'
FROM sync_runs r CROSS JOIN unnest(r.members) AS wanted (id)
WHERE r.id = @run_id
  AND NOT EXISTS (SELECT 1 FROM staged_members s WHERE s.run_id = r.id AND s.listing = wanted.id)
  AND NOT EXISTS (SELECT 1 FROM sync_run_errors e
      WHERE e.run_id = r.id AND e.object_type = 'member' AND e.external_id = wanted.id)
  AND NOT EXISTS (SELECT 1 FROM provider_events v
      WHERE v.run_id = r.id AND v.object_type = 'member' AND v.object_id = wanted.id AND v.done_at IS NOT NULL)
ON CONFLICT DO NOTHING;

-- name: PlanMembersByID :execrows
-- Of single people those who were staged as gone: the provider itself said so.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
SELECT @run_id, 'member', m.id, m.id, 'looked_up'
FROM staged_members s
JOIN org_members m ON m.provider_id = @provider_id AND m.external_id = s.external_id
    AND m.unionid IS NOT DISTINCT FROM s.unionid AND m.status <> 'deleted'
WHERE s.run_id = @run_id AND s.status = 'deleted'
  AND NOT EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = @run_id AND r.member_id = m.id)
ON CONFLICT DO NOTHING;

-- name: PlanMembershipsByID :execrows
-- Of single people the memberships that their own records no longer show.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
SELECT @run_id, 'membership', md.member_id, md.department_id, 'looked_up'
FROM member_matches r
JOIN org_member_departments md ON md.member_id = r.member_id
JOIN org_departments d ON d.id = md.department_id AND d.provider_id = @provider_id
WHERE r.run_id = @run_id
  AND NOT EXISTS (SELECT 1 FROM staged_memberships s
      WHERE s.run_id = @run_id AND s.department_id = md.department_id AND s.member_id = md.member_id)
ON CONFLICT DO NOTHING;
