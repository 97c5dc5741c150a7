-- name: GetCompleteness :one
-- Whether the tree and the members in it were read to the end, and how many members the
-- provider declares for the root.
SELECT count(*)::int AS departments,
    (count(*) FILTER (WHERE NOT l.children_complete
        AND (l.state <> 'excluded' OR l.children_method <> '')))::int AS children_incomplete,
    (count(*) FILTER (WHERE l.state <> 'excluded' AND NOT l.members_complete))::int AS members_incomplete,
    (count(*) FILTER (WHERE l.state = 'excluded'))::int AS excluded,
    coalesce((SELECT max(d.declared_members) FROM staged_departments d
        WHERE d.run_id = @run_id AND d.parent_external_id IS NULL), -1)::int AS members_declared
FROM sync_run_departments l WHERE l.run_id = @run_id;

-- name: CountMembersWithoutPlace :many
-- Members without a membership in any of the provider's departments.
SELECT m.id FROM org_members m
WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND NOT EXISTS (
    SELECT 1 FROM org_member_departments md JOIN org_departments d ON d.id = md.department_id
    WHERE md.member_id = m.id AND d.provider_id = @provider_id);

-- name: CountReadMembers :one
-- How many people were read, those who could not be told from others apart, and those whom
-- the rules leave out in unchanged listings, of which no row is staged.
WITH people AS (
    SELECT DISTINCT p.member_id, p.member_key FROM (
        SELECT r.member_id, CASE WHEN r.member_id IS NULL THEN s.member_key END AS member_key
        FROM staged_members s LEFT JOIN member_matches r ON r.run_id = s.run_id AND r.member_key = s.member_key
        WHERE s.run_id = @run_id AND (s.out_of_scope OR s.status IS DISTINCT FROM 'deleted')
        UNION ALL
        SELECT md.member_id, NULL FROM sync_run_departments l
        JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id AND d.status = 'active'
        JOIN org_member_departments md ON md.department_id = d.id
        JOIN org_members m ON m.id = md.member_id AND m.provider_id = @provider_id
        WHERE l.run_id = @run_id AND l.members_unchanged
    ) p
)
SELECT count(member_id)::int AS seen, count(member_key)::int AS undecided,
    (SELECT coalesce(sum(greatest(l.members_read - l.members_stored, 0)), 0) FROM sync_run_departments l
        WHERE l.run_id = @run_id AND l.members_unchanged)::int AS left_out
FROM people;

-- name: ListCountMismatches :many
-- Departments read to the end that lack a member although the provider's own head count says
-- that there are more in and below them than were read. It is not documented whether it counts
-- members of several departments once, so every membership counts here.
WITH RECURSIVE missed AS (
    SELECT DISTINCT r.department_id
    FROM sync_run_removals r
    CROSS JOIN LATERAL (SELECT 1 FROM org_members x WHERE x.id = r.object_id AND x.status <> 'deleted' OFFSET 0) m
    WHERE r.run_id = @run_id::uuid AND r.object_type = 'membership'
), suspects AS (
    SELECT l.external_id, sd.declared_members
    FROM missed
    JOIN org_departments d ON d.id = missed.department_id
    JOIN sync_run_departments l ON l.run_id = @run_id AND l.external_id = d.external_id AND l.members_complete
    JOIN staged_departments sd ON sd.run_id = l.run_id AND sd.external_id = l.external_id AND sd.declared_members > 0
), below AS (
    SELECT s.external_id AS top, s.external_id FROM suspects s
    UNION
    SELECT b.top, c.external_id
    FROM below b
    JOIN staged_departments c ON c.run_id = @run_id AND c.parent_external_id = b.external_id
), counted AS (
    SELECT c.external_id, c.members
    FROM count_read_memberships(@run_id, @provider_id, ARRAY(SELECT DISTINCT b.external_id FROM below b))
        AS c (external_id, members)
)
SELECT s.external_id, s.declared_members::int AS declared, coalesce(sum(c.members), 0)::int AS read
FROM suspects s
JOIN below b ON b.top = s.external_id
LEFT JOIN counted c ON c.external_id = b.external_id
GROUP BY s.external_id, s.declared_members
HAVING coalesce(sum(c.members), 0) < s.declared_members;

-- name: ClearRemovals :exec
DELETE FROM sync_run_removals WHERE run_id = @run_id;

-- name: PlanMembershipRemovals :execrows
-- Memberships not seen, in departments read to the end. People who could not be
-- told apart keep what they have, and so do people who are not the provider's own. Those
-- whom look-ups alone show have their places from their own records: a run that does not
-- read these knows nothing of them, unless a listing shows them.
WITH undecided AS MATERIALIZED (
    SELECT lower(u.member_key) AS external_key, u.unionid, u.open_id FROM member_matches u
    WHERE u.run_id = @run_id::uuid AND u.member_id IS NULL
), unseen AS MATERIALIZED (
    SELECT md.member_id, md.department_id
    FROM sync_run_departments l
    JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id
    JOIN org_member_departments md ON md.department_id = d.id
    WHERE l.run_id = @run_id AND l.members_complete AND NOT l.members_unchanged
      AND NOT EXISTS (SELECT 1 FROM staged_memberships s
          WHERE s.run_id = @run_id AND s.department_id = md.department_id AND s.member_id = md.member_id)
)
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
SELECT @run_id::uuid, 'membership', n.member_id, n.department_id
FROM unseen n
CROSS JOIN LATERAL (SELECT * FROM org_members x WHERE x.id = n.member_id AND x.provider_id = @provider_id OFFSET 0) m
WHERE NOT EXISTS (SELECT 1 FROM undecided u
                  WHERE u.external_key = lower(m.external_id) OR u.unionid = m.unionid OR u.open_id = m.open_id)
  AND (@rereads::boolean OR NOT EXISTS (SELECT 1 FROM removal_candidates c
        WHERE c.provider_id = @provider_id AND c.object_type = 'member' AND c.object_id = m.id AND c.result = 'exists'
          AND NOT EXISTS (SELECT 1 FROM member_matches s WHERE s.run_id = @run_id AND s.member_id = m.id OFFSET 0)))
ON CONFLICT DO NOTHING;

-- name: DropRemovalScopes :exec
-- What was planned in departments that are not to be believed.
DELETE FROM sync_run_removals r USING org_departments d
WHERE r.run_id = @run_id AND r.object_type = 'membership' AND d.id = r.department_id AND d.provider_id = @provider_id
  AND d.external_id = ANY (@departments::text[]);

-- name: PlanMemberRemovals :execrows
-- Members not seen anywhere. Where every department was read they are to be removed. Else
-- those whose departments all were read are to be looked up one by one, since they may be in
-- one that was not; where all listings ended, and only the provider's own count is higher,
-- all members not seen are. A member not seen is missed in a department, or is in one that is
-- not listed any more, or has none.
WITH undecided AS MATERIALIZED (
    SELECT lower(u.member_key) AS external_key, u.unionid, u.open_id FROM member_matches u
    WHERE u.run_id = @run_id::uuid AND u.member_id IS NULL
), unlisted AS MATERIALIZED (
    SELECT d.id FROM org_departments d WHERE d.provider_id = @provider_id
        AND NOT EXISTS (SELECT 1 FROM sync_run_departments l
            WHERE l.run_id = @run_id AND l.external_id = d.external_id OFFSET 0)
), candidates AS MATERIALIZED (
    SELECT r.object_id AS id FROM sync_run_removals r WHERE r.run_id = @run_id AND r.object_type = 'membership'
    UNION
    SELECT md.member_id FROM unlisted u JOIN org_member_departments md ON md.department_id = u.id
    UNION
    SELECT unnest(@placed_nowhere::uuid[])
), missed AS MATERIALIZED (
    SELECT m.id FROM candidates c
    CROSS JOIN LATERAL (SELECT * FROM org_members x
        WHERE x.id = c.id AND x.provider_id = @provider_id AND x.status <> 'deleted' OFFSET 0) m
    WHERE NOT EXISTS (SELECT 1 FROM member_matches s WHERE s.run_id = @run_id AND s.member_id = m.id OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM unchanged_memberships v WHERE v.run_id = @run_id AND v.member_id = m.id OFFSET 0)
      AND NOT EXISTS (SELECT 1 FROM undecided u
                      WHERE u.external_key = lower(m.external_id) OR u.unionid = m.unionid OR u.open_id = m.open_id)
), placed AS (
    SELECT x.id,
        bool_and(EXISTS (SELECT 1 FROM sync_run_removals r WHERE r.run_id = @run_id AND r.object_type = 'membership'
        AND r.object_id = md.member_id AND r.department_id = md.department_id OFFSET 0)) AS missed_everywhere
    FROM missed x CROSS JOIN LATERAL (SELECT * FROM org_member_departments y WHERE y.member_id = x.id OFFSET 0) md
    GROUP BY x.id
)
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, confirmed, reason)
SELECT @run_id::uuid, 'member', x.id, x.id, @everything_read::boolean,
    CASE WHEN @everything_read THEN 'not_listed' ELSE 'looked_up' END
FROM missed x WHERE @everything_read OR @listings_ended::boolean
    OR x.id IN (SELECT p.id FROM placed p WHERE p.missed_everywhere)
ON CONFLICT DO NOTHING;

-- name: PlanDepartmentRemovals :execrows
-- Departments not listed any more, where the whole tree was read; else those whose
-- parent's children were read, or all where all listings ended, to be looked up one by one.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, confirmed, reason)
SELECT @run_id, 'department', d.id, d.id, @tree_read::boolean,
    CASE WHEN @tree_read THEN 'not_listed' ELSE 'looked_up' END
FROM org_departments d
WHERE d.provider_id = @provider_id AND d.status = 'active'
  AND NOT EXISTS (SELECT 1 FROM staged_departments s WHERE s.run_id = @run_id AND s.external_id = d.external_id)
  AND NOT EXISTS (
      SELECT 1 FROM sync_run_departments l
      WHERE l.run_id = @run_id AND l.external_id = d.external_id AND l.state = 'excluded')
  AND (@tree_read OR @listings_ended::boolean OR EXISTS (
        SELECT 1 FROM org_departments p JOIN sync_run_departments l ON l.run_id = @run_id
            AND l.external_id = p.external_id
        WHERE p.id = d.parent_id AND l.children_complete))
ON CONFLICT DO NOTHING;

-- name: PlanDependentRemovals :execrows
-- What goes with a removed object: its places in others, and others' places in it.
WITH dependents AS (
    SELECT p.*, r.object_type AS removed
    FROM sync_run_removals r
    CROSS JOIN LATERAL (
        SELECT * FROM org_places x WHERE x.object_id = r.object_id AND x.object_kind = r.object_type OFFSET 0) p
    WHERE r.run_id = @run_id AND r.object_type = ANY (@objects::text[]) AND r.confirmed
    UNION ALL
    SELECT p.*, r.object_type
    FROM sync_run_removals r
    CROSS JOIN LATERAL (
        SELECT * FROM org_places x WHERE x.department_id = r.object_id AND x.container_kind = r.object_type OFFSET 0) p
    WHERE r.run_id = @run_id AND r.object_type = ANY (@objects) AND r.confirmed
)
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
SELECT DISTINCT ON (d.object_type, d.object_id, d.department_id)
    @run_id::uuid, d.object_type, d.object_id, d.department_id, 'with_' || d.removed
FROM dependents d
CROSS JOIN LATERAL (
    SELECT 1 FROM org_objects x
    WHERE x.object_type = d.object_kind AND x.id = d.object_id AND x.provider_id = @provider_id::uuid OFFSET 0) own
ORDER BY d.object_type, d.object_id, d.department_id, d.removed DESC
ON CONFLICT DO NOTHING;

-- name: LeaveRemovalsToAPerson :exec
-- What the provider was not asked about since it is more than the removal limit: a person decides.
UPDATE sync_run_removals r SET confirmed = true, reason = 'not_listed'
WHERE r.run_id = @run_id AND r.object_type = @object_type AND NOT r.confirmed
  AND NOT EXISTS (SELECT 1 FROM sync_run_lookups l
      WHERE l.run_id = @run_id AND l.object_type = r.object_type AND l.object_id = r.object_id);

-- name: DropUnconfirmed :one
-- What the provider was not asked about stays. That it stays for this is on record with the look-ups.
WITH dropped AS (
    DELETE FROM sync_run_removals r WHERE r.run_id = @run_id::uuid AND NOT r.confirmed
    RETURNING r.object_type, r.object_id
), noted AS (
    INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted, result)
    SELECT @run_id::uuid, d.object_type, d.object_id, false, 'not_asked' FROM dropped d ON CONFLICT DO NOTHING
)
SELECT count(*)::int AS dropped FROM dropped;

-- name: GetRemovalFigures :many
-- How many removals of each kind a run has planned, how many of them do not go with something
-- else, and how many wait to be confirmed.
SELECT r.object_type,
    (count(*) FILTER (WHERE r.confirmed))::int AS planned,
    (count(*) FILTER (WHERE r.confirmed AND r.reason NOT LIKE 'with%'))::int AS independent,
    (count(*) FILTER (WHERE NOT r.confirmed))::int AS unconfirmed
FROM sync_run_removals r
WHERE r.run_id = @run_id
GROUP BY r.object_type;

-- name: GetOwnRemovalLimits :one
SELECT own_removal_limits(@provider_id)::jsonb AS own_limits;

-- name: CountActive :many
-- How many of a provider's objects are there, of each kind; memberships only if asked for.
SELECT 'department' AS object_type, count(*)::int AS objects
FROM org_departments d WHERE d.provider_id = @provider_id::uuid AND d.status = 'active'
UNION ALL
SELECT 'member', count(*) FROM org_members m WHERE m.provider_id = @provider_id AND m.status = 'active'
UNION ALL
SELECT 'membership', count(*)
FROM org_departments d
JOIN org_member_departments md ON md.department_id = d.id
JOIN org_members m ON m.id = md.member_id AND m.provider_id = d.provider_id
WHERE d.provider_id = @provider_id AND @memberships::boolean
UNION ALL
SELECT 'group', count(*) FROM org_groups g WHERE g.provider_id = @provider_id AND g.status = 'active'
UNION ALL
SELECT 'group_membership', count(*)
FROM org_groups g
JOIN org_places p ON p.object_type = 'group_membership' AND p.department_id = g.id
WHERE g.provider_id = @provider_id
UNION ALL
SELECT 'administrator', count(*)
FROM org_administrators a WHERE a.provider_id = @provider_id AND a.source = 'provider';

-- name: TakeRemovals :many
-- Takes the next planned removals of a kind and marks them as done. By way of a conflict,
-- which finds each row by its key, where an UPDATE may read all of the run's for each.
WITH batch AS (
    SELECT r.object_id, r.department_id
    FROM sync_run_removals r
    WHERE r.run_id = @run_id AND r.object_type = @object_type AND r.confirmed AND NOT r.applied
    ORDER BY r.object_id, r.department_id
    LIMIT @max_rows
)
INSERT INTO sync_run_removals AS r (run_id, object_type, object_id, department_id)
SELECT @run_id, @object_type, b.object_id, b.department_id FROM batch b
ON CONFLICT (run_id, object_type, object_id, department_id) DO UPDATE SET applied = true
RETURNING r.object_id, r.department_id;

-- name: RemoveMemberships :exec
DELETE FROM org_member_departments md
USING (SELECT unnest(@objects::uuid[]) AS member_id, unnest(@containers::uuid[]) AS department_id) b
WHERE md.member_id = b.member_id AND md.department_id = b.department_id;

-- name: RemoveMembers :exec
WITH locked AS (
    SELECT m.id FROM org_members m
    WHERE m.id = ANY (@objects::uuid[]) AND m.status <> 'deleted'
    ORDER BY m.id FOR NO KEY UPDATE OF m
), forgotten AS (
    DELETE FROM removal_candidates c WHERE c.object_type = 'member' AND c.object_id = ANY (@objects)
)
UPDATE org_members m SET status = 'deleted', synced_at = now() FROM locked l WHERE m.id = l.id;

-- name: RemoveDepartments :exec
WITH locked AS (
    SELECT d.id FROM org_departments d
    WHERE d.id = ANY (@objects::uuid[]) AND d.status <> 'deleted'
    ORDER BY d.id FOR NO KEY UPDATE OF d
), forgotten AS (
    DELETE FROM removal_candidates c WHERE c.object_type = 'department' AND c.object_id = ANY (@objects)
)
UPDATE org_departments d SET status = 'deleted', member_count = 0, direct_member_count = 0, synced_at = now()
FROM locked l
WHERE d.id = l.id;
