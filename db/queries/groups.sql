-- name: AddListings :exec
-- Listings to read. Those that are known are left as they are.
INSERT INTO sync_run_listings (run_id, object_type, external_id, listing)
SELECT @run_id, @object_type, l.external_id, l.listing
FROM (SELECT unnest(@external_ids::text[]) AS external_id, unnest(@listings::text[]) AS listing) l
ON CONFLICT DO NOTHING;

-- name: AddGroupListings :exec
-- What belongs to groups that were listed. A run by events reads it of those that its events are
-- about, and of new ones.
INSERT INTO sync_run_listings (run_id, object_type, external_id, listing)
SELECT r.id, 'group_membership', l.external_id, l.listing
FROM sync_runs r
CROSS JOIN (SELECT unnest(@external_ids::text[]) AS external_id, unnest(@listings::text[]) AS listing) l
WHERE r.id = @run_id
  AND (NOT r.by_events
    OR EXISTS (
      SELECT 1 FROM provider_events e
      WHERE e.run_id = r.id AND e.object_type = 'group' AND e.object_id = l.external_id)
    OR NOT EXISTS (
      SELECT 1 FROM org_groups g
      WHERE g.provider_id = r.provider_id AND g.external_id = l.external_id AND g.status = 'active'))
ON CONFLICT DO NOTHING;

-- name: ListOpenListings :many
-- Listings of a kind that have neither ended nor failed, in the order of their ids.
SELECT l.external_id, l.listing, l.cursor, l.pages, l.asked_twice
FROM sync_run_listings l
WHERE l.run_id = @run_id
  AND l.object_type = @object_type
  AND (l.external_id > @after OR @after = '' AND l.external_id = '')
  AND NOT l.complete
  AND l.error IS NULL
ORDER BY l.external_id
LIMIT @max_rows;

-- name: AdvanceListings :exec
-- Adds the pages that were read of each listing.
UPDATE sync_run_listings l
SET cursor = p.cursor,
    pages = l.pages + p.pages,
    read = l.read + p.read,
    bad = l.bad + p.bad,
    request = coalesce(nullif(p.request, ''), l.request),
    read_at = now()
FROM jsonb_to_recordset(@progress::jsonb) AS p (
    external_id text, cursor text, pages int, read int, bad int, request text)
WHERE l.run_id = @run_id AND l.object_type = @object_type AND l.external_id = p.external_id;

-- name: RestartListing :exec
UPDATE sync_run_listings
SET cursor = '', pages = 0, read = 0, bad = 0, asked_twice = asked_twice OR @asked_twice::boolean
WHERE run_id = @run_id AND object_type = @object_type AND external_id = @external_id;

-- name: EndListings :many
-- Marks listings as read to the end, but for those with records that could not be used, and
-- for those that show nothing, or no members, or no departments, where some are stored: they are
-- to be read once more. Returns all but the latter.
UPDATE sync_run_listings l
SET complete = l.bad = 0,
    error = CASE WHEN l.bad > 0 THEN 'records that could not be used were left out: ' || l.bad END
WHERE l.run_id = @run_id
  AND l.object_type = @object_type
  AND l.external_id = ANY (@external_ids::text[])
  AND (l.asked_twice OR NOT EXISTS (
      SELECT 1 FROM stored_listings o
      WHERE o.object_type = @object_type
        AND o.provider_id = @provider_id
        AND o.listing = l.external_id
        AND NOT EXISTS (
            SELECT 1 FROM staged_listings s
            WHERE s.run_id = @run_id
              AND s.object_type = @object_type
              AND s.listing = l.external_id
              AND s.is_department = o.is_department)))
RETURNING l.external_id;

-- name: FailListing :exec
UPDATE sync_run_listings SET error = @error::text, tolerated = @tolerated::boolean
WHERE run_id = @run_id AND object_type = @object_type AND external_id = @external_id AND NOT complete;

-- name: StageGroups :exec
INSERT INTO staged_groups (run_id, external_id, page, kind, name, category, attributes, raw)
SELECT DISTINCT ON (g.external_id) @run_id, g.external_id, @page, g.kind, g.name, g.category,
    coalesce(g.attributes, '{}'), g.raw
FROM jsonb_to_recordset(@groups::jsonb) AS g (
    external_id text, kind text, name text, category text, attributes jsonb, raw jsonb)
ON CONFLICT (run_id, external_id) DO UPDATE
SET kind = excluded.kind, name = excluded.name, category = excluded.category,
    attributes = excluded.attributes, raw = excluded.raw;

-- name: StageGroupMembers :exec
INSERT INTO staged_group_members (run_id, group_external_id, is_department, external_id, scope)
SELECT @run_id, m.group_external_id, m.is_department, m.external_id,
    CASE WHEN m.scope IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(m.scope)) END
FROM jsonb_to_recordset(@members::jsonb) AS m (
    group_external_id text, external_id text, is_department boolean, scope jsonb)
ON CONFLICT (run_id, group_external_id, is_department, external_id) DO UPDATE SET scope = excluded.scope;

-- name: StageAdministrators :exec
INSERT INTO staged_administrators (run_id, external_id, level)
SELECT DISTINCT ON (a.external_id) @run_id, a.external_id, a.level
FROM (SELECT unnest(@external_ids::text[]) AS external_id, unnest(@levels::text[]) AS level) a
ON CONFLICT (run_id, external_id) DO UPDATE SET level = excluded.level;

-- name: StageFlaggedAdministrators :exec
-- Members whose own record says that they are main administrators, in a run that reads these. One
-- whose record does not say stays one.
INSERT INTO staged_administrators (run_id, external_id, level, object_id)
SELECT @run_id, m.external_id, 'main', m.id
FROM org_members m
WHERE m.provider_id = @provider_id
  AND m.status <> 'deleted'
  AND EXISTS (SELECT 1 FROM sync_run_listings l WHERE l.run_id = @run_id AND l.object_type = 'administrator')
  AND (m.raw_data -> @flag::text = 'true' OR EXISTS (
      SELECT 1 FROM org_administrators a
      WHERE a.provider_id = @provider_id
        AND a.member_id = m.id
        AND a.source = 'provider'
        AND a.level = 'main'
        AND m.raw_data -> @flag IS DISTINCT FROM 'false'))
ON CONFLICT (run_id, external_id) DO UPDATE SET level = excluded.level, object_id = excluded.object_id;

-- name: ResolveGroupMembers :exec
-- Finds out which members were staged in groups: those whom the run itself has matched, else
-- by external id or open id.
WITH wanted AS (
    SELECT DISTINCT s.external_id FROM staged_group_members s WHERE s.run_id = @run_id AND NOT s.is_department
), candidates AS (
    SELECT w.external_id, r.member_id AS id, 1 AS rank
    FROM wanted w
    JOIN member_matches r
        ON r.run_id = @run_id
        AND r.member_key = CASE WHEN @ignore_case::boolean THEN lower(w.external_id) ELSE w.external_id END
    WHERE r.member_id IS NOT NULL
    UNION ALL
    SELECT w.external_id, m.id, CASE WHEN m.external_id = w.external_id THEN 2 ELSE 3 END
    FROM wanted w
    JOIN org_members m
        ON m.provider_id = @provider_id
        AND lower(m.external_id) = lower(w.external_id)
    WHERE m.status <> 'deleted' AND (@ignore_case OR m.external_id = w.external_id)
    UNION ALL
    SELECT w.external_id, m.id, 4
    FROM wanted w
    JOIN org_members m ON m.provider_id = @provider_id AND m.open_id = w.external_id
    WHERE m.status <> 'deleted'
), found AS (
    SELECT DISTINCT ON (c.external_id) c.external_id, c.id
    FROM candidates c
    JOIN org_members m ON m.id = c.id AND m.status <> 'deleted'
    ORDER BY c.external_id, c.rank, c.id
)
UPDATE staged_group_members s SET object_id = f.id
FROM found f
WHERE s.run_id = @run_id AND NOT s.is_department AND s.external_id = f.external_id;

-- name: ResolveGroupDepartments :exec
UPDATE staged_group_members s SET object_id = d.id
FROM org_departments d
WHERE s.run_id = @run_id
  AND s.is_department
  AND d.provider_id = @provider_id
  AND d.external_id = s.external_id
  AND d.status = 'active';

-- name: ResolveAdministrators :exec
UPDATE staged_administrators s SET object_id = found.id
FROM (
    SELECT DISTINCT ON (w.external_id) w.external_id, m.id
    FROM staged_administrators w
    JOIN org_members m
        ON m.provider_id = @provider_id
        AND m.status <> 'deleted'
        AND (m.open_id = w.external_id
            OR lower(m.external_id) = lower(w.external_id) AND (@ignore_case::boolean OR m.external_id = w.external_id))
    WHERE w.run_id = @run_id AND w.object_id IS NULL
    ORDER BY w.external_id, m.external_id <> w.external_id, m.id
) found
WHERE s.run_id = @run_id AND s.external_id = found.external_id;

-- name: InsertGroups :execrows
INSERT INTO org_groups (provider_id, tenant_id, external_id, kind, name, category, attributes, raw_data)
SELECT @provider_id, sqlc.narg(tenant_id)::uuid, s.external_id, s.kind, coalesce(nullif(s.name, ''), s.external_id),
    nullif(s.category, ''), jsonb_strip_nulls(s.attributes), coalesce(s.raw, '{}')
FROM staged_groups s
WHERE s.run_id = @run_id
  AND NOT EXISTS (SELECT 1 FROM org_groups g WHERE g.provider_id = @provider_id AND g.external_id = s.external_id)
ORDER BY s.external_id;

-- name: UpdateGroups :execrows
-- What was not sent stays, what was sent empty is cleared.
WITH staged AS (
    SELECT g.id, s.kind,
        CASE WHEN s.name IS NULL THEN g.name ELSE coalesce(nullif(s.name, ''), s.external_id) END AS name,
        CASE WHEN s.category IS NULL THEN g.category ELSE nullif(s.category, '') END AS category,
        jsonb_strip_nulls(g.attributes || s.attributes) AS attributes,
        coalesce(s.raw, g.raw_data) AS raw_data
    FROM staged_groups s
    JOIN org_groups g ON g.provider_id = @provider_id AND g.external_id = s.external_id
    WHERE s.run_id = @run_id
), differing AS (
    SELECT s.*
    FROM staged s
    JOIN org_groups g ON g.id = s.id
    WHERE (g.kind, g.name, g.category, g.attributes, g.raw_data, g.tenant_id, g.status) IS DISTINCT FROM
        (s.kind, s.name, s.category, s.attributes, s.raw_data, sqlc.narg(tenant_id)::uuid, 'active')
    ORDER BY g.id FOR NO KEY UPDATE OF g
)
UPDATE org_groups g
SET kind = n.kind, name = n.name, category = n.category, attributes = n.attributes, raw_data = n.raw_data,
    tenant_id = sqlc.narg(tenant_id)::uuid, status = 'active', synced_at = now()
FROM differing n
WHERE g.id = n.id;

-- name: InsertGroupMembers :execrows
-- A member may be named twice, by two ids.
INSERT INTO org_group_members (group_id, member_id, scope)
SELECT DISTINCT ON (g.id, s.object_id) g.id, s.object_id,
    CASE WHEN s.scope IS NOT NULL THEN ARRAY(
        SELECT d.id FROM org_departments d
        WHERE d.provider_id = @provider_id AND d.external_id = ANY (s.scope) AND d.status = 'active'
        ORDER BY d.external_id) END
FROM staged_group_members s
JOIN org_groups g ON g.provider_id = @provider_id AND g.external_id = s.group_external_id AND g.status = 'active'
WHERE s.run_id = @run_id
  AND NOT s.is_department
  AND EXISTS (SELECT 1 FROM org_members m WHERE m.id = s.object_id AND m.status <> 'deleted')
  AND NOT EXISTS (SELECT 1 FROM org_group_members gm WHERE gm.group_id = g.id AND gm.member_id = s.object_id)
ORDER BY g.id, s.object_id, s.external_id;

-- name: UpdateGroupMembers :execrows
WITH staged AS (
    SELECT DISTINCT ON (g.id, s.object_id) g.id AS group_id, s.object_id AS member_id,
        CASE WHEN s.scope IS NOT NULL THEN ARRAY(
            SELECT d.id FROM org_departments d
            WHERE d.provider_id = @provider_id AND d.external_id = ANY (s.scope) AND d.status = 'active'
            ORDER BY d.external_id) END AS scope
    FROM staged_group_members s
    JOIN org_groups g ON g.provider_id = @provider_id AND g.external_id = s.group_external_id AND g.status = 'active'
    WHERE s.run_id = @run_id AND NOT s.is_department AND s.object_id IS NOT NULL
    ORDER BY g.id, s.object_id, s.external_id
)
UPDATE org_group_members gm SET scope = s.scope
FROM staged s
WHERE gm.group_id = s.group_id AND gm.member_id = s.member_id AND gm.scope IS DISTINCT FROM s.scope;

-- name: InsertGroupDepartments :execrows
INSERT INTO org_group_departments (group_id, department_id)
SELECT g.id, s.object_id
FROM staged_group_members s
JOIN org_groups g ON g.provider_id = @provider_id AND g.external_id = s.group_external_id AND g.status = 'active'
WHERE s.run_id = @run_id
  AND s.is_department
  AND EXISTS (SELECT 1 FROM org_departments d WHERE d.id = s.object_id AND d.status = 'active')
ORDER BY g.id, s.object_id
ON CONFLICT DO NOTHING;

-- name: InsertAdministrators :execrows
INSERT INTO org_administrators (provider_id, member_id, source, level)
SELECT DISTINCT ON (s.object_id) @provider_id, s.object_id, 'provider', s.level
FROM staged_administrators s
WHERE s.run_id = @run_id
  AND EXISTS (SELECT 1 FROM org_members m WHERE m.id = s.object_id AND m.status <> 'deleted')
  AND NOT EXISTS (
      SELECT 1 FROM org_administrators a
      WHERE a.provider_id = @provider_id AND a.member_id = s.object_id AND a.source = 'provider')
ORDER BY s.object_id, s.level <> 'main', s.external_id;

-- name: UpdateAdministrators :execrows
UPDATE org_administrators a SET level = s.level
FROM (
    SELECT DISTINCT ON (w.object_id) w.object_id, w.level
    FROM staged_administrators w
    WHERE w.run_id = @run_id AND w.object_id IS NOT NULL
    ORDER BY w.object_id, w.level <> 'main', w.external_id
) s
WHERE a.provider_id = @provider_id
  AND a.member_id = s.object_id
  AND a.source = 'provider'
  AND a.level <> s.level;

-- name: RecomputeGroupCounts :execrows
-- Distinct active members of each group, also through departments and what is below them: of all
-- groups at once, since org_group_people reads all members again for each group.
WITH RECURSIVE provider_groups AS (
    SELECT g.id FROM org_groups g WHERE g.provider_id = @provider_id AND g.status = 'active'
), below AS (
    SELECT gd.group_id, gd.department_id
    FROM org_group_departments gd
    JOIN provider_groups g ON g.id = gd.group_id
    UNION
    SELECT b.group_id, d.id
    FROM below b
    JOIN org_departments d ON d.parent_id = b.department_id AND d.status = 'active'
), people AS (
    SELECT gm.group_id, gm.member_id
    FROM org_group_members gm
    JOIN provider_groups g ON g.id = gm.group_id
    UNION
    SELECT b.group_id, md.member_id
    FROM below b
    JOIN org_member_departments md ON md.department_id = b.department_id
), counted AS (
    SELECT g.id, count(m.id)::int AS members
    FROM provider_groups g
    LEFT JOIN people p ON p.group_id = g.id
    LEFT JOIN org_members m ON m.id = p.member_id AND m.status = 'active'
    GROUP BY g.id
)
UPDATE org_groups g SET member_count = c.members, synced_at = now()
FROM counted c
WHERE g.id = c.id AND g.member_count <> c.members;

-- name: GroupsExist :one
SELECT EXISTS (SELECT 1 FROM org_groups g WHERE g.provider_id = @provider_id AND g.status = 'active');

-- name: PlanGroupRemovals :exec
-- Groups that the list of groups, read to its end, does not show any more.
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
SELECT @run_id, 'group', g.id, g.id
FROM org_groups g
WHERE g.provider_id = @provider_id
  AND g.status = 'active'
  AND EXISTS (SELECT 1 FROM sync_run_listings l
      WHERE l.run_id = @run_id AND l.object_type = 'group' AND l.complete)
  AND NOT EXISTS (SELECT 1 FROM staged_groups s WHERE s.run_id = @run_id AND s.external_id = g.external_id)
ON CONFLICT DO NOTHING;

-- name: PlanGroupMembershipRemovals :exec
-- What belonged to groups whose listing, read to its end, does not show it any more. Where
-- members could not all be read, a listing that names ones whom the directory does not know
-- proves nothing: an id may have changed. Nor does one that leaves out a member or a department
-- that the run has not seen elsewhere: the visible range may have shrunk meanwhile.
WITH read_groups AS (
    SELECT g.id, g.external_id
    FROM sync_run_listings l
    JOIN org_groups g ON g.provider_id = @provider_id AND g.external_id = l.external_id AND g.status = 'active'
    WHERE l.run_id = @run_id
      AND l.object_type = 'group_membership'
      AND l.complete
      AND (@members_read::boolean OR NOT EXISTS (
          SELECT 1 FROM staged_group_members u
          WHERE u.run_id = @run_id AND u.group_external_id = g.external_id AND u.object_id IS NULL))
)
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
SELECT @run_id, 'group_membership', p.object_id, p.department_id
FROM read_groups g
JOIN org_places p ON p.object_type = 'group_membership' AND p.department_id = g.id
WHERE NOT EXISTS (
    SELECT 1 FROM staged_group_members s
    WHERE s.run_id = @run_id AND s.group_external_id = g.external_id AND s.object_id = p.object_id)
  AND (@members_read::boolean
      OR EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = @run_id AND r.member_id = p.object_id)
      OR EXISTS (SELECT 1 FROM unchanged_memberships u WHERE u.run_id = @run_id AND u.member_id = p.object_id)
      OR EXISTS (
          SELECT 1
          FROM sync_runs r
          JOIN staged_departments s ON s.run_id = r.id AND s.raw IS NOT NULL
          JOIN org_departments d ON d.provider_id = r.provider_id AND d.external_id = s.external_id
          WHERE r.id = @run_id AND r.by_events AND d.id = p.object_id))
ON CONFLICT DO NOTHING;

-- name: PlanAdministratorRemovals :exec
-- Administrators whom no list, read to its end, names any more, and main ones whose own record
-- says that they are none, if there is a field for that (flag).
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id)
SELECT @run_id, 'administrator', a.member_id, a.member_id
FROM org_administrators a
WHERE a.provider_id = @provider_id
  AND a.source = 'provider'
  AND EXISTS (
      SELECT 1 FROM sync_run_listings l
      WHERE l.run_id = @run_id
        AND l.object_type = 'administrator'
        AND (l.complete AND (@members_read::boolean OR NOT EXISTS (
            SELECT 1 FROM staged_administrators u WHERE u.run_id = @run_id AND u.object_id IS NULL))
        OR a.level = 'main' AND EXISTS (
            SELECT 1 FROM org_members m WHERE m.id = a.member_id AND m.raw_data -> @flag::text = 'false')))
  AND NOT EXISTS (SELECT 1 FROM staged_administrators s WHERE s.run_id = @run_id AND s.object_id = a.member_id)
ON CONFLICT DO NOTHING;

-- name: RemoveGroups :exec
UPDATE org_groups g SET status = 'deleted', member_count = 0, synced_at = now()
WHERE g.id = ANY (@objects::uuid[]) AND g.status <> 'deleted';

-- name: RemoveGroupMemberships :exec
WITH batch AS (
    SELECT unnest(@objects::uuid[]) AS object_id, unnest(@containers::uuid[]) AS group_id
), deleted_members AS (
    DELETE FROM org_group_members gm USING batch b WHERE gm.member_id = b.object_id AND gm.group_id = b.group_id
)
DELETE FROM org_group_departments gd USING batch b WHERE gd.department_id = b.object_id AND gd.group_id = b.group_id;

-- name: RemoveAdministrators :exec
DELETE FROM org_administrators a USING org_members m
WHERE m.id = ANY (@objects::uuid[])
  AND a.provider_id = m.provider_id
  AND a.member_id = m.id
  AND a.source = 'provider';

-- name: DropStagedGroupMembers :exec
DELETE FROM staged_group_members s WHERE s.run_id = @run_id AND s.group_external_id = @group_external_id;

-- name: ListingsExist :one
-- Whether a run has read any listing but those of the tree.
SELECT EXISTS (SELECT 1 FROM sync_run_listings l WHERE l.run_id = @run_id);

-- name: NameAdministrators :execrows
-- Members who are administrators by this installation's own word.
INSERT INTO org_administrators (provider_id, member_id, source, level)
SELECT @provider_id, m.id, 'local', 'admin'
FROM org_members m
WHERE m.provider_id = @provider_id AND m.id = ANY (@members::uuid[]) AND m.status <> 'deleted'
ORDER BY m.id
ON CONFLICT DO NOTHING;

-- name: UnnameAdministrators :execrows
DELETE FROM org_administrators a
WHERE a.provider_id = @provider_id AND a.source = 'local' AND a.member_id = ANY (@members::uuid[]);

-- name: FindMembersByExternalID :many
-- The members, not deleted, who bear an external id.
SELECT m.id FROM org_members m
WHERE m.provider_id = @provider_id
  AND m.status <> 'deleted'
  AND lower(m.external_id) = lower(@external_id)
  AND (@ignore_case::boolean OR m.external_id = @external_id);

-- name: LacksGroups :one
-- Whether listings that were read to the end lack something that is stored.
SELECT (EXISTS (
    SELECT 1
    FROM sync_run_listings l
    JOIN org_groups g ON g.provider_id = @provider_id AND g.external_id = l.external_id AND g.status = 'active'
    JOIN org_places p ON p.object_type = 'group_membership' AND p.department_id = g.id
    JOIN org_objects o ON o.object_type = p.object_kind AND o.id = p.object_id
    WHERE l.run_id = @run_id
      AND l.object_type = 'group_membership'
      AND l.complete
      AND NOT EXISTS (
          SELECT 1 FROM staged_group_members s
          WHERE s.run_id = @run_id
            AND s.group_external_id = g.external_id
            AND s.external_id = o.external_id)
) OR EXISTS (
    SELECT 1
    FROM sync_run_listings l
    JOIN org_groups g ON g.provider_id = @provider_id AND g.status = 'active'
    WHERE l.run_id = @run_id
      AND l.object_type = 'group'
      AND l.complete
      AND NOT EXISTS (SELECT 1 FROM staged_groups s WHERE s.run_id = @run_id AND s.external_id = g.external_id)
))::boolean AS lack;

-- name: DisregardListings :exec
-- No listing of groups and administrators counts as read to the end.
UPDATE sync_run_listings l SET complete = false, error = @error::text WHERE l.run_id = @run_id AND l.complete;
