-- name: ListPendingChildren :many
-- Departments whose children are still to be read, in a fixed order.
SELECT external_id, children_method, children_cursor, children_pages, members_method FROM sync_run_departments
WHERE run_id = @run_id AND state = 'wanted' AND NOT children_complete AND children_error IS NULL
  AND children_method <> ''
ORDER BY external_id LIMIT @max_rows;

-- name: AdvanceChildren :exec
UPDATE sync_run_departments
SET children_cursor = @cursor, children_pages = children_pages + 1, children_bad = children_bad + @bad,
    -- In the end that of the answer which ended the listing.
    children_request = nullif(@request::text, ''), children_read_at = now()
WHERE run_id = @run_id AND external_id = @external_id;

-- name: FinishChildren :exec
UPDATE sync_run_departments SET children_complete = children_bad = 0,
    children_error = CASE WHEN children_bad > 0
        THEN 'records of departments below it that could not be used were left out: ' || children_bad END
WHERE run_id = @run_id AND external_id = @external_id;

-- name: SetRootsBad :exec
-- Records of a tree that came in one answer stand for departments anywhere in it.
UPDATE sync_run_departments SET children_bad = @bad WHERE run_id = @run_id AND external_id = @external_id;

-- name: RestartChildren :exec
UPDATE sync_run_departments
SET children_cursor = '', children_bad = 0, children_pages = 0, children_method = @children_method,
    children_error = NULL
WHERE run_id = @run_id AND external_id = @external_id;

-- name: FailChildren :exec
UPDATE sync_run_departments SET children_error = @error
WHERE run_id = @run_id AND external_id = @external_id AND NOT children_complete;

-- name: FailPendingChildren :execrows
UPDATE sync_run_departments SET children_error = @error
WHERE run_id = @run_id AND state = 'wanted' AND NOT children_complete AND children_error IS NULL
  AND children_method <> '';

-- name: ExcludeBelowExcluded :exec
-- What is below an excluded department is excluded too, and not part of the snapshot.
WITH RECURSIVE excluded AS (
    SELECT l.external_id FROM sync_run_departments l WHERE l.run_id = @run_id AND l.state = 'excluded'
    UNION
    SELECT s.external_id
    FROM excluded e
    JOIN staged_departments s ON s.run_id = @run_id AND s.parent_external_id = e.external_id
), unstaged AS (
    DELETE FROM staged_departments s USING excluded e WHERE s.run_id = @run_id AND s.external_id = e.external_id
)
UPDATE sync_run_departments l
SET state = 'excluded', children_method = '', members_method = ''
FROM excluded e
WHERE l.run_id = @run_id AND l.external_id = e.external_id AND l.state <> 'excluded';

-- name: ExcludeStoredBelowExcluded :exec
-- The provider was not asked for what is below an excluded department: what is stored there is
-- excluded, and not gone.
WITH RECURSIVE below AS (
    SELECT d.id, d.external_id
    FROM sync_run_departments l
    JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id
    WHERE l.run_id = @run_id AND l.state = 'excluded'
    UNION
    SELECT d.id, d.external_id
    FROM below b
    JOIN org_departments d ON d.parent_id = b.id AND d.status = 'active'
)
INSERT INTO sync_run_departments (
    run_id, external_id, state, children_method, children_via, members_method, members_via
)
SELECT @run_id, b.external_id, 'excluded', '', b.external_id, '', b.external_id
FROM below b
ON CONFLICT (run_id, external_id) DO NOTHING;

-- name: ListAboveExcluded :many
-- Departments that have an excluded one below: of these the provider counts more members
-- than the run reads.
WITH RECURSIVE above AS (
    SELECT l.children_via AS external_id
    FROM sync_run_departments l WHERE l.run_id = @run_id AND l.state = 'excluded'
    UNION
    SELECT s.parent_external_id
    FROM above a
    JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = a.external_id
    WHERE s.parent_external_id IS NOT NULL
)
SELECT a.external_id FROM above a;

-- name: ExcludeUntargeted :exec
-- Excludes what a targeted run leaves out. One limited to departments reads those and what
-- is below them; one that retries another run reads what that one did not read to the end,
-- or never saw. A listing that covers a department to be read is read too.
WITH RECURSIVE run AS (
    SELECT r.departments, r.retries FROM sync_runs r WHERE r.id = @run_id
), root AS (
    SELECT min(s.external_id) AS external_id
    FROM staged_departments s WHERE s.run_id = @run_id AND s.parent_external_id IS NULL
), targets AS (
    -- Everything is below the root, also what only its repair will hang there.
    SELECT s.external_id
    FROM staged_departments s, run, root
    WHERE s.run_id = @run_id AND (s.external_id = ANY (run.departments) OR root.external_id = ANY (run.departments))
    UNION
    SELECT s.external_id
    FROM targets t
    JOIN staged_departments s ON s.run_id = @run_id AND s.parent_external_id = t.external_id
), targeted AS (
    SELECT l.external_id, l.members_via
    FROM sync_run_departments l, run
    WHERE l.run_id = @run_id
      AND (cardinality(run.departments) = 0 OR l.external_id IN (SELECT t.external_id FROM targets t))
      AND l.external_id NOT IN (
          SELECT t.external_id FROM sync_run_departments t
          WHERE t.run_id = run.retries AND (t.members_complete OR t.state = 'excluded' OR t.members_method = ''))
)
UPDATE sync_run_departments l
SET state = 'excluded'
WHERE l.run_id = @run_id
  AND l.external_id NOT IN (SELECT t.external_id FROM targeted t)
  AND l.external_id NOT IN (SELECT t.members_via FROM targeted t);

-- name: FinishTree :exec
-- A department's children are as complete as the listing that covers them. What the
-- provider declares counts everything below, and so is a department's own number only
-- where nothing is below.
UPDATE sync_run_departments l SET
    children_complete = l.children_via IN (
        SELECT v.external_id FROM sync_run_departments v WHERE v.run_id = @run_id AND v.children_complete),
    error = coalesce(CASE WHEN l.children_via = l.external_id THEN l.children_error END, l.members_error),
    members_declared = coalesce(l.members_declared, (
        SELECT s.declared_members FROM staged_departments s
        WHERE s.run_id = @run_id
          AND s.external_id = l.external_id
          AND l.state <> 'excluded'
          AND NOT EXISTS (
              SELECT 1 FROM staged_departments c WHERE c.run_id = @run_id AND c.parent_external_id = l.external_id)))
WHERE l.run_id = @run_id;

-- name: RecallListings :exec
-- For all departments still to be read: how many members are stored there, and what the
-- listing was when last applied, if the same rows are still stored.
WITH stored AS MATERIALIZED (
    SELECT
        md.department_id,
        count(*) FILTER (WHERE m.status <> 'deleted') AS members,
        bit_xor(hash_membership(md.member_id, m.content_hash, md.is_leader, md.sort_order,
            md.primary_rank)) AS rows_hash
    FROM org_members m
    JOIN org_member_departments md ON md.member_id = m.id
    WHERE m.provider_id = @provider_id
    GROUP BY md.department_id
)
UPDATE sync_run_departments l
SET members_stored = coalesce(r.members, 0), members_cached_hash = k.listing_hash
FROM staged_departments s
JOIN org_departments d ON d.external_id = s.external_id AND d.status = 'active'
LEFT JOIN stored r ON r.department_id = d.id
LEFT JOIN listing_cache k
    ON k.department_id = d.id
    AND k.rows_hash = coalesce(r.rows_hash, 0)
    AND k.leaders IS NOT DISTINCT FROM s.leaders
    AND k.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
WHERE l.run_id = @run_id
  AND l.members_read_at IS NULL
  AND s.run_id = @run_id
  AND s.external_id = l.external_id
  AND d.provider_id = @provider_id;

-- name: RecallListingsOf :exec
-- The same for some departments, each found by its key like below.
INSERT INTO sync_run_departments AS l (
    run_id, external_id, members_stored, members_cached_hash, children_method, children_via, members_method,
    members_via
)
SELECT @run_id::uuid, w.department, r.members, k.listing_hash, '', '', '', ''
FROM unnest(@departments::text[]) AS w (department)
CROSS JOIN LATERAL (
    SELECT * FROM staged_departments x WHERE x.run_id = @run_id::uuid AND x.external_id = w.department OFFSET 0
) s
CROSS JOIN LATERAL (
    SELECT * FROM org_departments x
    WHERE x.provider_id = @provider_id::uuid AND x.external_id = w.department AND x.status = 'active' OFFSET 0
) d
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE m.status <> 'deleted') AS members,
        bit_xor(hash_membership(m.id, m.content_hash, md.is_leader, md.sort_order, md.primary_rank)) AS rows_hash
    FROM (SELECT * FROM org_member_departments x WHERE x.department_id = d.id OFFSET 0) md
    CROSS JOIN LATERAL (SELECT * FROM org_members x WHERE x.id = md.member_id OFFSET 0) m
    WHERE m.provider_id = d.provider_id
) r
LEFT JOIN LATERAL (SELECT * FROM listing_cache x WHERE x.department_id = d.id OFFSET 0) k
    ON k.rows_hash = coalesce(r.rows_hash, 0)
    AND k.leaders IS NOT DISTINCT FROM s.leaders
    AND k.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
ORDER BY w.department
ON CONFLICT (run_id, external_id) DO UPDATE
SET members_stored = excluded.members_stored, members_cached_hash = excluded.members_cached_hash
WHERE l.members_read_at IS NULL;

-- name: OrderDepartments :exec
-- Gives each department that is still to be read or applied its position. A long listing is
-- read page after page: it is begun early, and no two of the hundred longest fall into one
-- batch, which is never more than a hundredth of all. A listing of members of other
-- departments comes last: then they are written once, by what their own department says.
WITH declared_below AS (
    SELECT s.parent_external_id AS external_id, sum(s.declared_members) AS members
    FROM staged_departments s WHERE s.run_id = @run_id GROUP BY s.parent_external_id
), sized AS (
    SELECT
        l.external_id,
        l.members_method NOT IN ('department', '') AS of_others,
        -- How many members it lists itself, as far as that can be known before.
        greatest(
            coalesce(s.declared_members - coalesce(b.members, 0), 0),
            coalesce(d.direct_member_count, 0)) AS size
    FROM sync_run_departments l
    LEFT JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = l.external_id
    LEFT JOIN declared_below b ON b.external_id = l.external_id
    LEFT JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = l.external_id
    WHERE l.run_id = @run_id AND l.state = 'wanted' AND NOT l.members_unchanged
), dealt AS (
    SELECT s.*, (row_number() OVER (ORDER BY s.size DESC, s.external_id) - 1) % 100 AS round
    FROM sized s
), ordered AS (
    SELECT d.external_id, row_number() OVER (ORDER BY d.of_others, d.round, d.size DESC, d.external_id) AS position
    FROM dealt d
)
UPDATE sync_run_departments l
SET position = o.position
FROM ordered o
WHERE l.run_id = @run_id AND l.external_id = o.external_id;

-- name: RunIsTargeted :one
SELECT (targeted OR cardinality(included_departments) > 0)::boolean AS targeted FROM sync_runs WHERE id = @run_id;

-- name: CountDepartmentStates :one
SELECT
    count(*)::int AS departments,
    count(children_error)::int AS failed,
    (count(*) FILTER (WHERE state = 'excluded'))::int AS excluded,
    (count(*) FILTER (WHERE state = 'wanted' AND members_unchanged))::int AS unchanged,
    coalesce(sum(members_read) FILTER (WHERE state = 'wanted' AND members_unchanged), 0)::int AS unchanged_members
FROM sync_run_departments
WHERE run_id = @run_id;

-- name: ListUnknownTargets :many
-- Departments that the run is limited to and that do not exist.
SELECT wanted.id::text AS external_id FROM sync_runs r CROSS JOIN unnest(r.departments) AS wanted (id)
WHERE r.id = @run_id AND NOT EXISTS (SELECT 1 FROM sync_run_departments l
    WHERE l.run_id = r.id AND l.external_id = wanted.id);

-- name: ListPendingMembers :many
-- The departments of a range whose members are still to be read.
SELECT external_id, members_method, members_cursor, pages FROM sync_run_departments
WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int
  AND NOT members_complete AND members_error IS NULL AND members_method <> '' AND state <> 'excluded'
ORDER BY position;

-- name: ListListingsBetween :many
-- The departments of a range whose people are to be applied.
SELECT external_id FROM sync_run_departments
WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int AND members_method <> ''
  AND state <> 'excluded' AND NOT members_unchanged
ORDER BY position;

-- name: GetPosition :one
SELECT position FROM sync_run_departments WHERE run_id = @run_id AND external_id = @external_id;

-- name: AdvanceMembers :many
-- Takes several listings a page further, and returns how they stand: how many pages were
-- written and how many members are stored. A listing that ends with the hash it had when last
-- applied is unchanged, and complete. So is one of a single page without bad records that has
-- at least as many members as are stored (whole is how many, -1 of any other page). Where it
-- has fewer, the row also says what the provider declares for a department with nothing below
-- (-1: nothing). A page without a hash leaves its listing without.
-- Written as INSERT … ON CONFLICT, which finds each row by its key, where an UPDATE may read
-- all of the run's for each. Runs by id have no rows here and match nothing.
INSERT INTO sync_run_departments AS l (
    run_id, external_id, members_cursor, members_read, members_bad, members_request, members_hash, members_stored,
    children_method, children_via, members_method, members_via
)
SELECT @run_id::uuid, p.listing, p.next, p.people, p.bad, nullif(p.request, ''), p.hash, p.whole, '', '', '', ''
FROM (
    SELECT unnest(@listings::text[]) AS listing, unnest(@nexts::text[]) AS next, unnest(@people::int[]) AS people,
        unnest(@bad::int[]) AS bad, unnest(@requests::text[]) AS request, unnest(@hashes::numeric[]) AS hash,
        unnest(@whole::int[]) AS whole
) p
WHERE EXISTS (SELECT 1 FROM sync_run_departments x
    WHERE x.run_id = @run_id::uuid AND x.external_id = p.listing OFFSET 0)
ORDER BY p.listing
ON CONFLICT (run_id, external_id) DO UPDATE
SET members_cursor = excluded.members_cursor, pages = l.pages + 1,
    members_read = l.members_read + excluded.members_read,
    members_bad = l.members_bad + excluded.members_bad, members_request = excluded.members_request,
    members_read_at = now(),
    members_hash = l.members_hash + excluded.members_hash,
    -- Once unchanged it stays so: an attempt that lags behind must not take it back.
    members_unchanged = l.members_unchanged
        OR coalesce(excluded.members_cursor = ''
            AND l.members_hash + excluded.members_hash = l.members_cached_hash, false),
    members_complete = l.members_complete
        OR coalesce(excluded.members_cursor = ''
            AND l.members_hash + excluded.members_hash = l.members_cached_hash, false)
        OR l.members_bad = 0 AND excluded.members_stored >= l.members_stored
RETURNING l.external_id, l.pages, l.members_stored, l.members_unchanged, l.members_complete,
    coalesce(CASE WHEN NOT l.members_complete AND l.members_cursor = ''
            AND NOT EXISTS (SELECT 1 FROM staged_departments sc
                WHERE sc.run_id = @run_id AND sc.parent_external_id = l.external_id OFFSET 0)
        THEN (SELECT sd.declared_members FROM staged_departments sd
            WHERE sd.run_id = @run_id AND sd.external_id = l.external_id) END, -1)::int AS declared;

-- name: FinishMembers :exec
-- Several at once, each found by its key like above. A declared number of -1 leaves what
-- is known of it.
INSERT INTO sync_run_departments AS l (run_id, external_id, members_declared, children_method, children_via,
    members_method, members_via)
SELECT @run_id::uuid, e.department, nullif(e.declared, -1), '', '', '', ''
FROM (SELECT unnest(@departments::text[]) AS department, unnest(@declared::int[]) AS declared) e
WHERE EXISTS (SELECT 1 FROM sync_run_departments x
    WHERE x.run_id = @run_id::uuid AND x.external_id = e.department OFFSET 0)
ORDER BY e.department
ON CONFLICT (run_id, external_id) DO UPDATE
SET members_complete = l.members_bad = 0, members_declared = coalesce(excluded.members_declared, l.members_declared),
    members_error = CASE WHEN l.members_bad > 0
        THEN 'records of people in it that could not be used were left out: ' || l.members_bad END,
    error = CASE WHEN l.members_bad > 0 THEN 'records of people in it that could not be used were left out: '
        || l.members_bad ELSE l.children_error END;

-- name: RestartMembers :exec
UPDATE sync_run_departments SET members_cursor = '', pages = 0, members_read = 0, members_bad = 0,
    members_error = NULL, members_complete = false,
    members_hash = 0, members_unchanged = false
WHERE run_id = @run_id AND external_id = @external_id;

-- name: ReopenMembers :exec
-- A department that left its batch is tried again on its own.
UPDATE sync_run_departments SET members_error = NULL, error = children_error
WHERE run_id = @run_id AND position = @position::int AND NOT members_complete;

-- name: FailMembers :exec
UPDATE sync_run_departments SET members_error = @error, error = coalesce(error, @error), members_complete = false,
    members_declared = coalesce(sqlc.narg(members_declared)::int, members_declared)
WHERE run_id = @run_id AND external_id = @external_id;

-- name: FailMembersBetween :execrows
UPDATE sync_run_departments SET members_error = @error, error = coalesce(error, @error)
WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int AND NOT members_complete
  AND members_error IS NULL
  AND members_method <> '' AND state <> 'excluded';

-- name: CompleteCovered :exec
-- Departments without a listing of their own are as complete as the one covering them.
UPDATE sync_run_departments l SET members_complete = via.members_complete
FROM sync_run_departments via
WHERE l.run_id = @run_id AND l.members_method = '' AND via.run_id = l.run_id AND via.external_id = l.members_via
  AND l.members_via <> l.external_id AND l.members_complete <> via.members_complete;

-- name: MarkUnread :execrows
-- What was wanted and not read to the end is unread, for a reason on record: whatever made
-- a department be passed over, the run must not look complete.
UPDATE sync_run_departments
SET state = 'unread', error = coalesce(error, 'its people were not read to the end; the next run reads them again')
WHERE run_id = @run_id AND state = 'wanted' AND NOT members_complete AND members_method <> '';

-- name: MarkUnapplied :execrows
-- People who were staged and not applied would look as if no listing showed them: where
-- such are, the department does not count as read.
UPDATE sync_run_departments l SET members_complete = false,
    error = coalesce(error, 'its people were read but not applied; the next run reads them again')
WHERE l.run_id = @run_id AND l.members_complete AND l.external_id IN (
    SELECT s.listing FROM staged_members s
    WHERE s.run_id = @run_id AND s.status IS DISTINCT FROM 'deleted'
      AND NOT EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = s.run_id AND r.member_key = s.member_key));

-- name: ListCompleteness :many
SELECT external_id, children_complete, members_complete, pages + children_pages AS pages, members_read,
    members_declared, error, state
FROM sync_run_departments WHERE run_id = @run_id
  AND (NOT @failed_only::boolean OR error IS NOT NULL)
ORDER BY error IS NULL, external_id LIMIT @max_rows;

-- name: GetMemberFigures :many
-- What is known of departments' own people once their listings ended: how many the
-- listing brought, those included of whom it says that they have left (not counted where
-- the directory holds no member who could be missing), how many the directory holds
-- there, what the provider declares for the department
-- with everything below, how many records could not be used, and whether anything is below.
SELECT w.department::text AS external_id,
    CASE WHEN there.stored > 0 THEN (SELECT count(DISTINCT s.member_key) FROM staged_members s
        WHERE s.run_id = @run_id
          AND s.listing = w.department
          AND s.department_external_id = w.department) ELSE 0 END::int AS read,
    there.stored::int AS stored,
    (SELECT sd.declared_members FROM staged_departments sd
        WHERE sd.run_id = @run_id AND sd.external_id = w.department) AS declared,
    coalesce((SELECT l.members_bad FROM sync_run_departments l
        WHERE l.run_id = @run_id AND l.external_id = w.department), 0)::int AS bad,
    EXISTS (SELECT 1 FROM staged_departments sc
        WHERE sc.run_id = @run_id AND sc.parent_external_id = w.department OFFSET 0) AS has_children
FROM unnest(@departments::text[]) AS w (department)
CROSS JOIN LATERAL (
    SELECT count(*) AS stored
    FROM (SELECT x.id FROM org_departments x
        WHERE x.provider_id = @provider_id AND x.external_id = w.department OFFSET 0) d
    CROSS JOIN LATERAL (SELECT x.member_id FROM org_member_departments x WHERE x.department_id = d.id OFFSET 0) md
    CROSS JOIN LATERAL (SELECT x.id FROM org_members x WHERE x.id = md.member_id AND x.status <> 'deleted' OFFSET 0) m
) there;

-- name: GetChildFigures :one
SELECT
    -- Those that the run excludes were listed and are not staged.
    ((SELECT count(*) FROM staged_departments sc WHERE sc.run_id = @run_id AND sc.parent_external_id = @external_id)
        + (SELECT count(*) FROM sync_run_departments l
            WHERE l.run_id = @run_id AND l.state = 'excluded' AND l.children_via = @external_id))::int AS read,
    (SELECT count(*) FROM org_departments c JOIN org_departments p ON p.id = c.parent_id
      WHERE p.provider_id = @provider_id AND p.external_id = @external_id AND c.status = 'active')::int AS stored,
    coalesce((SELECT l.children_bad FROM sync_run_departments l
        WHERE l.run_id = @run_id AND l.external_id = @external_id), 0)::int AS bad;

-- name: InsertStagedDepartments :exec
-- A department found twice (a grant below another grant) keeps what was found first, so
-- that it does not flip between two descriptions of it. One that the run excludes is on
-- record as that and not part of the snapshot.
WITH found AS MATERIALIZED (
    SELECT
        f ->> 'external_id' AS external_id,
        f ->> 'parent' AS parent,
        f ->> 'name' AS name,
        (f ->> 'sort_order')::bigint AS sort_order,
        (f ->> 'declared_members')::int AS declared_members,
        nullif(f -> 'raw', 'null') AS raw,
        CASE WHEN f -> 'leaders' <> 'null' THEN ARRAY(SELECT jsonb_array_elements_text(f -> 'leaders')) END AS leaders,
        f ->> 'children_method' AS children_method,
        f ->> 'children_via' AS children_via,
        (f ->> 'children_complete')::boolean AS children_complete,
        f ->> 'members_method' AS members_method,
        f ->> 'members_via' AS members_via,
        f ->> 'external_id' = ANY (r.excluded_departments) AS excluded
    FROM sync_runs r, jsonb_array_elements(@found::jsonb) AS f
    WHERE r.id = @run_id
), recorded AS (
    INSERT INTO sync_run_departments (
        run_id, external_id, state, children_method, children_via, members_method, members_via, children_complete
    )
    SELECT
        @run_id, f.external_id, 'wanted', f.children_method, f.children_via, f.members_method, f.members_via,
        f.children_complete
    FROM found f WHERE NOT f.excluded
    UNION ALL
    SELECT @run_id, f.external_id, 'excluded', '', coalesce(f.parent, ''), '', f.external_id, false
    FROM found f WHERE f.excluded
    ON CONFLICT (run_id, external_id) DO NOTHING
)
INSERT INTO staged_departments (run_id, external_id, parent_external_id, name, sort_order, declared_members, leaders,
    raw)
SELECT @run_id, f.external_id, f.parent, f.name, f.sort_order, f.declared_members, f.leaders, f.raw
FROM found f
WHERE NOT f.excluded
ON CONFLICT (run_id, external_id) DO NOTHING;

-- name: DeleteStagedPage :exec
DELETE FROM staged_members s WHERE s.run_id = @run_id AND s.listing = @listing AND s.page = @page;

-- name: DeleteStagedListing :exec
DELETE FROM staged_members s WHERE s.run_id = @run_id AND s.listing = @listing;

-- name: CountRunDepartments :one
SELECT count(*)::int AS departments FROM sync_run_departments WHERE run_id = @run_id;
