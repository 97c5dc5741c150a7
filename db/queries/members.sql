-- name: MatchMembers :one
-- Decides which stored member each staged one of these listings is, and returns those that
-- are none: they get a new id. Two staged members with one unionid cannot be told apart, nor
-- can those that claim one row, unless one of them has its unionid.
-- Sorted insertion makes two workers with members in common wait for each other in one
-- order; the second finds the decision made.
WITH claims AS (
    SELECT
        s.member_key, s.unionid, s.open_id, m.*,
        s.twofold OR (s.unionid IS NOT NULL AND count(*) OVER (PARTITION BY s.unionid) > 1) AS ambiguous,
        count(*) OVER (PARTITION BY m.member_id) AS rivals,
        count(*) FILTER (WHERE m.sure) OVER (PARTITION BY m.member_id) AS owners
    FROM unmatched_members(@run_id, @listings::text[]) AS s (member_key, unionid, open_id, external_id, twofold)
    CROSS JOIN LATERAL match_member(@provider_id, s, @ignore_case::boolean)
        AS m (member_id, found, sure, namesake, renamed)
), decided AS MATERIALIZED (
    SELECT
        c.*,
        CASE
            WHEN c.ambiguous OR (c.namesake AND NOT c.found AND o.namesake_listed) THEN 'undecided'
            WHEN NOT c.found THEN 'new'
            WHEN c.member_id IS NULL OR o.taken OR (c.renamed AND o.listed) THEN 'undecided'
            WHEN c.rivals = 1 OR (c.owners = 1 AND c.sure) THEN 'known'
            -- The row's owner is certain and another member.
            WHEN c.owners = 1 THEN 'new'
            ELSE 'undecided'
        END AS verdict
    FROM claims c
    CROSS JOIN LATERAL match_obstacles(@run_id, @provider_id, c.member_key, c.member_id, @ignore_case)
        AS o (taken, listed, namesake_listed)
), inserted AS (
    INSERT INTO member_matches (run_id, member_key, member_id, is_new, unionid, open_id)
    SELECT @run_id, d.member_key, CASE d.verdict WHEN 'known' THEN d.member_id WHEN 'new' THEN new_member_id() END,
        d.verdict = 'new', d.unionid, d.open_id
    FROM decided d
    ORDER BY d.member_key
    ON CONFLICT (run_id, member_key) DO NOTHING
    RETURNING member_key, is_new
)
SELECT coalesce(array_agg(i.member_key) FILTER (WHERE i.is_new), '{}')::text[] AS created
FROM inserted i;

-- name: CompareMembers :one
-- Names the members whom these listings change, by what must be written. Most runs change
-- next to nothing, and the statements that write are then left out. Members known to be new
-- are not compared.
WITH compared AS (
    SELECT
        c.member_key,
        c.member_id IS NULL OR NOT c.same_member AS undecided,
        c.is_new AND NOT c.member_stored AS created,
        c.same_member AND c.member_differs AS changed,
        c.same_member AND c.member_stored AND c.placeable AND NOT c.membership_stored AS unplaced,
        c.same_member AND c.placeable AND c.membership_differs AS replaced
    FROM compare_listings(@run_id, @listings::text[], @created::text[], false) c
)
SELECT
    coalesce(bool_or(undecided), false)::boolean AS undecided,
    coalesce(array_agg(DISTINCT member_key) FILTER (WHERE created), '{}')::text[] AS created,
    coalesce(array_agg(DISTINCT member_key) FILTER (WHERE changed), '{}')::text[] AS changed,
    coalesce(array_agg(DISTINCT member_key) FILTER (WHERE unplaced), '{}')::text[] AS unplaced,
    coalesce(array_agg(DISTINCT member_key) FILTER (WHERE replaced), '{}')::text[] AS replaced
FROM compared;

-- name: ReportUndecidedMembers :execrows
INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
SELECT DISTINCT
    r.run_id,
    'member',
    s.external_id,
    'cannot tell which stored member this is: its ids match several, or two people claim the same one; '
        || 'compare unionid, external_id and open_id of the rows concerned; nothing was changed'
FROM unnest(@listings::text[]) AS w (listing)
CROSS JOIN LATERAL (SELECT * FROM staged_members x WHERE x.run_id = @run_id AND x.listing = w.listing OFFSET 0) s
CROSS JOIN LATERAL (
    SELECT * FROM member_matches x
    WHERE x.run_id = s.run_id AND x.member_key = s.member_key
    OFFSET 0
) r
WHERE r.member_id IS NULL OR s.unionid <> r.unionid
ON CONFLICT DO NOTHING;

-- name: InsertMemberships :execrows
-- Inserts the memberships of these members in these listings that are not stored yet. The
-- primary one of a new member is the best so far; it is recomputed when all were read.
INSERT INTO org_member_departments (member_id, department_id, is_primary, is_leader, sort_order, primary_rank)
SELECT DISTINCT ON (c.member_id, c.department_id)
    c.member_id,
    c.department_id,
    coalesce(
        c.is_new
        AND c.department_id = (SELECT m.department_id FROM org_members m WHERE m.id = c.member_id)
        AND (SELECT count(*) FROM org_member_departments o WHERE o.member_id = c.member_id AND o.is_primary) = 0,
        false
    ),
    coalesce(c.is_leader, false),
    c.sort_order,
    c.primary_rank
FROM compare_listings(@run_id, @listings::text[], @members::text[], true) c
WHERE c.same_member AND c.member_stored AND c.placeable AND NOT c.membership_stored
ORDER BY c.member_id, c.department_id, c.without_record, c.primary_rank IS NULL, c.page DESC, c.n DESC
ON CONFLICT (member_id, department_id) DO NOTHING;

-- name: UpdateMemberships :execrows
WITH listed AS (
    SELECT DISTINCT ON (c.member_id, c.department_id)
        c.member_id,
        c.department_id,
        c.is_leader,
        c.sort_order,
        c.primary_rank
    FROM compare_listings(@run_id, @listings::text[], @members::text[], true) c
    WHERE c.same_member AND c.placeable AND c.membership_stored
    ORDER BY c.member_id, c.department_id, c.without_record, c.primary_rank IS NULL, c.page DESC, c.n DESC
), wanted AS (
    SELECT
        md.member_id,
        md.department_id,
        coalesce(l.is_leader, md.is_leader) AS is_leader,
        coalesce(l.sort_order, md.sort_order) AS sort_order,
        coalesce(l.primary_rank, md.primary_rank) AS primary_rank
    FROM listed l
    JOIN org_member_departments md ON md.member_id = l.member_id AND md.department_id = l.department_id
    ORDER BY md.member_id, md.department_id
    FOR NO KEY UPDATE OF md
)
UPDATE org_member_departments md
SET is_leader = w.is_leader, sort_order = w.sort_order, primary_rank = w.primary_rank
FROM wanted w
WHERE md.member_id = w.member_id
    AND md.department_id = w.department_id
    AND (md.is_leader, md.sort_order, md.primary_rank) IS DISTINCT FROM (w.is_leader, w.sort_order, w.primary_rank);

-- name: RecomputePrimaryDepartments :one
-- Primary department and its path on the member's own row. A run of single people
-- settles those alone. Names those whose memberships are not marked accordingly.
WITH best AS (
    SELECT m.id, m.external_id, m.department_id AS old_department, m.department_path AS old_path,
        b.department_id, coalesce(b.path, '') AS path, b.is_primary
    FROM org_members m LEFT JOIN org_primary_departments b ON b.provider_id = m.provider_id AND b.member_id = m.id
    WHERE m.provider_id = @provider_id AND m.status <> 'deleted'
      AND ((m.department_id, m.department_path) IS DISTINCT FROM (b.department_id, coalesce(b.path, ''))
          OR NOT b.is_primary)
      AND (NOT @by_id::boolean OR m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
    ORDER BY m.id FOR NO KEY UPDATE OF m
), differing AS (
    SELECT b.* FROM best b WHERE (b.old_department, b.old_path) IS DISTINCT FROM (b.department_id, b.path)
), updated AS (
    UPDATE org_members m SET department_id = d.department_id, department_path = d.path, synced_at = now()
    FROM differing d WHERE m.id = d.id
)
SELECT coalesce(array_agg(b.id), '{}')::uuid[] AS unmarked FROM best b WHERE NOT b.is_primary;

-- name: ClearPrimary :execrows
-- Marks on memberships that are not, or no longer, the one on the member's own row.
UPDATE org_member_departments md SET is_primary = false
FROM unnest(@people::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT x.id, x.department_id FROM org_members x WHERE x.id = w.id OFFSET 0) m
WHERE md.member_id = m.id AND md.is_primary AND md.department_id <> m.department_id;

-- name: MarkPrimary :execrows
UPDATE org_member_departments md SET is_primary = true
FROM unnest(@people::uuid[]) AS w (id)
CROSS JOIN LATERAL (SELECT x.id, x.department_id FROM org_members x WHERE x.id = w.id OFFSET 0) m
WHERE md.member_id = m.id AND md.department_id = m.department_id AND NOT md.is_primary;

-- name: RecomputeManagers :execrows
-- Sets each member's manager to the member whom the provider names, by external id or,
-- where that finds none, by open id; null if that one is not there. A targeted run of
-- members resolves only those of its members.
WITH members AS MATERIALIZED (
    SELECT m.id, m.manager_id, m.open_id,
        CASE WHEN @ignore_case::boolean THEN lower(m.external_id) ELSE m.external_id END AS external_id,
        CASE WHEN @ignore_case THEN lower(m.manager_external_id) ELSE m.manager_external_id END AS named
    FROM org_members m
    WHERE m.provider_id = @provider_id AND m.status <> 'deleted'
), ids AS (
    SELECT m.id, m.external_id AS named, 1 AS rank FROM members m
    UNION ALL
    SELECT m.id, m.open_id, 2 FROM members m WHERE m.open_id IS NOT NULL
), resolved AS (
    SELECT DISTINCT ON (m.id) m.id, m.manager_id AS stored, i.id AS manager_id
    FROM members m
    LEFT JOIN ids i ON i.named = m.named AND i.id <> m.id
    WHERE (m.named IS NOT NULL OR m.manager_id IS NOT NULL)
      AND (NOT @by_id::boolean OR m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
    ORDER BY m.id, i.rank, i.id
)
UPDATE org_members m SET manager_id = r.manager_id, synced_at = now()
FROM resolved r
WHERE m.id = r.id AND r.stored IS DISTINCT FROM r.manager_id;
