-- name: LedgerWalkNext :many
-- Departments whose children are still to be read, in a fixed order.
SELECT external_id, children_listing, children_cursor, children_pages FROM sync_run_departments
WHERE run_id = @run_id AND NOT children_complete AND children_error IS NULL AND children_listing <> ''
ORDER BY external_id LIMIT @max_rows;

-- name: LedgerWalkAdvance :exec
UPDATE sync_run_departments
SET children_cursor = @cursor, children_pages = children_pages + 1, children_bad = children_bad + @bad,
    -- In the end that of the answer which ended the listing.
    children_request = nullif(@request::text, ''), children_read_at = now()
WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerWalkEnd :exec
UPDATE sync_run_departments SET children_complete = children_bad = 0,
    children_error = CASE WHEN children_bad > 0 THEN 'records of departments below it that could not be used were left out: ' || children_bad END
WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerRootsBad :exec
-- Records of a tree that came in one answer stand for departments anywhere in it.
UPDATE sync_run_departments SET children_bad = @bad WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerWalkRestart :exec
UPDATE sync_run_departments
SET children_cursor = '', children_bad = 0, children_pages = 0, children_listing = @children_listing, children_error = NULL
WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerWalkFail :exec
UPDATE sync_run_departments SET children_error = @error
WHERE run_id = @run_id AND external_id = @external_id AND NOT children_complete;

-- name: LedgerWalkFailPending :execrows
UPDATE sync_run_departments SET children_error = @error
WHERE run_id = @run_id AND NOT children_complete AND children_error IS NULL AND children_listing <> '';

-- name: LedgerSeal :one
-- Ends the reading of departments: what a covering listing read to its end is
-- complete, and everything gets its place in the run's order, in which departments
-- whose people the run leaves out come last, the others as they are dealt. Departments where everybody is stored as
-- when their listing was last applied get what that listing was. A run limited to departments reads those
-- and what is below them; one that retries another reads what that one did not read
-- to the end or never saw.
WITH RECURSIVE run AS (
    SELECT r.departments, r.retries, cardinality(r.departments) > 0 OR r.retries IS NOT NULL AS limited, r.provider_id, p.tenant_id
    FROM sync_runs r JOIN identity_providers p ON p.id = r.provider_id WHERE r.id = @run_id
), root AS (
    SELECT s.external_id FROM staged_departments s WHERE s.run_id = @run_id AND s.parent_external_id IS NULL
    ORDER BY s.external_id LIMIT 1
), scope AS (
    -- Everything is below the root, also what only its repair will hang there.
    SELECT s.external_id FROM staged_departments s CROSS JOIN run
    WHERE s.run_id = @run_id AND (s.external_id = ANY (run.departments) OR EXISTS (SELECT 1 FROM root WHERE root.external_id = ANY (run.departments)))
    UNION
    SELECT c.external_id FROM scope p JOIN staged_departments c ON c.run_id = @run_id AND c.parent_external_id = p.external_id
), wanted AS (
    SELECT l.external_id FROM sync_run_departments l CROSS JOIN run
    WHERE l.run_id = @run_id
      AND (cardinality(run.departments) = 0 OR l.external_id IN (SELECT scope.external_id FROM scope))
      AND l.external_id NOT IN (SELECT t.external_id FROM sync_run_departments t WHERE t.run_id = (SELECT run.retries FROM run)
                                AND (t.members_complete OR t.members_excluded OR t.members_listing = ''))
), reading AS (
    SELECT w.external_id FROM wanted w
    UNION -- a listing that covers a wanted department is wanted too
    SELECT c.members_via FROM sync_run_departments c JOIN wanted w ON w.external_id = c.external_id
    WHERE c.run_id = @run_id AND c.members_listing = ''
), below AS (
    SELECT s.parent_external_id AS external_id, sum(s.declared_members) AS declared FROM staged_departments s WHERE s.run_id = @run_id GROUP BY s.parent_external_id
), placed AS (
    SELECT l.external_id, l.children_via IN (SELECT v.external_id FROM sync_run_departments v WHERE v.run_id = @run_id AND v.children_complete) AS complete,
        (SELECT run.limited FROM run) AND l.external_id NOT IN (SELECT r.external_id FROM reading r) AS skipped,
        l.members_listing NOT IN ('department', '') AS of_others,
        CASE WHEN d.status = 'active' THEN d.id END AS department_id, s.leaders,
        CASE WHEN b.external_id IS NULL THEN s.declared_members END AS declared,
        -- How many people it lists itself, as far as that can be known before.
        greatest(coalesce(s.declared_members - coalesce(b.declared, 0), 0), coalesce(d.direct_member_count, 0)) AS size
    FROM sync_run_departments l
    LEFT JOIN staged_departments s ON s.run_id = @run_id AND s.external_id = l.external_id
    LEFT JOIN below b ON b.external_id = l.external_id
    LEFT JOIN org_departments d ON d.provider_id = (SELECT run.provider_id FROM run) AND d.external_id = s.external_id
    WHERE l.run_id = @run_id
), dealt AS (
    -- A long listing is read page after page: it is begun early, and no two of the longest
    -- fall into one batch, which is never more than a hundredth of all.
    SELECT p.*, (row_number() OVER (PARTITION BY p.skipped ORDER BY p.size DESC, p.external_id COLLATE "C") - 1) % 100 AS hand FROM placed p
), numbered AS (
    -- A listing of people of other departments knows least of them: where it comes last
    -- they are written once, by what their own department says.
    SELECT h.*, row_number() OVER (ORDER BY h.skipped, h.of_others, h.hand, h.size DESC, h.external_id COLLATE "C") AS position FROM dealt h
), members AS MATERIALIZED (
    SELECT m.id, m.content_hash, m.status FROM org_members m WHERE m.provider_id = (SELECT run.provider_id FROM run)
), stored AS MATERIALIZED (
    SELECT md.department_id, bit_xor(hash_membership(md.member_id, m.content_hash, md.is_leader, md.sort_order, md.primary_rank)) AS stored,
        count(*) FILTER (WHERE m.status <> 'deleted') AS people
    FROM members m JOIN org_member_departments md ON md.member_id = m.id
    GROUP BY md.department_id
), known AS (
    SELECT k.department_id, k.listing_hash, k.leaders FROM listing_cache k LEFT JOIN stored s ON s.department_id = k.department_id
    WHERE k.tenant_id IS NOT DISTINCT FROM (SELECT run.tenant_id FROM run) AND k.rows_hash = coalesce(s.stored, 0)
), sealed AS (
    UPDATE sync_run_departments l SET
        position = n.position,
        children_complete = n.complete,
        error = CASE WHEN l.children_via = l.external_id THEN l.children_error END,
        members_excluded = n.skipped,
        members_cached_hash = k.listing_hash,
        members_declared = CASE WHEN NOT n.skipped THEN n.declared END,
        members_stored = coalesce(s.people, 0)
    FROM numbered n
    LEFT JOIN stored s ON s.department_id = n.department_id
    LEFT JOIN known k ON k.department_id = n.department_id AND k.leaders IS NOT DISTINCT FROM n.leaders
    WHERE l.run_id = @run_id AND l.external_id = n.external_id
    RETURNING l.children_error, l.members_excluded
)
SELECT count(*)::int AS departments, count(children_error)::int AS failed, (count(*) FILTER (WHERE members_excluded))::int AS skipped FROM sealed;

-- name: LedgerUnknown :many
-- Departments that the run is limited to and that do not exist.
SELECT wanted.id::text AS external_id FROM sync_runs r CROSS JOIN unnest(r.departments) AS wanted (id)
WHERE r.id = @run_id AND NOT EXISTS (SELECT 1 FROM sync_run_departments l WHERE l.run_id = r.id AND l.external_id = wanted.id);

-- name: LedgerBatch :many
-- The departments of a range whose members are still to be read.
SELECT external_id, members_listing, members_cursor, pages FROM sync_run_departments
WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int
  AND NOT members_complete AND members_error IS NULL AND members_listing <> '' AND NOT members_excluded
ORDER BY position;

-- name: LedgerRange :many
-- The departments of a range whose people are to be applied.
SELECT external_id FROM sync_run_departments
WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int AND members_listing <> '' AND NOT members_excluded AND NOT members_unchanged
ORDER BY position;

-- name: LedgerOrdinal :one
SELECT position FROM sync_run_departments WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerMembersAdvance :many
-- One page more of each of several listings. A page without a digest leaves its listing
-- without. A listing that ends as it was when last applied is recognised, and with that
-- read to its end. So is one of a single page without bad records that shows at least as
-- many people as are stored there: no figure can speak against it; whole says how many it
-- shows, -1 of any other page. Returns how many pages were written, this one included, how many people
-- are stored there. Where such a page shows fewer, also what the provider declares for a department with nothing below (-1: nothing). By way of a conflict,
-- which finds each line by its key, where an update may read all of the run's for each;
-- single people have no line and get none.
INSERT INTO sync_run_departments AS l (run_id, external_id, members_cursor, members_read, members_bad, members_request, members_hash,
    members_stored, children_listing, children_via, members_listing, members_via)
SELECT @run_id::uuid, p.listing, p.next, p.people, p.bad, nullif(p.request, ''), p.digest, p.whole, '', '', '', ''
FROM (
    SELECT unnest(@listings::text[]) AS listing, unnest(@nexts::text[]) AS next, unnest(@people::int[]) AS people,
        unnest(@bad::int[]) AS bad, unnest(@requests::text[]) AS request, unnest(@digests::numeric[]) AS digest, unnest(@whole::int[]) AS whole
) p
WHERE EXISTS (SELECT 1 FROM sync_run_departments x WHERE x.run_id = @run_id::uuid AND x.external_id = p.listing OFFSET 0)
ORDER BY p.listing
ON CONFLICT (run_id, external_id) DO UPDATE
SET members_cursor = excluded.members_cursor, pages = l.pages + 1, members_read = l.members_read + excluded.members_read,
    members_bad = l.members_bad + excluded.members_bad, members_request = excluded.members_request, members_read_at = now(),
    members_hash = l.members_hash + excluded.members_hash,
    -- Once recognised it stays so: an attempt that lags behind must not take it back.
    members_unchanged = l.members_unchanged
        OR coalesce(excluded.members_cursor = '' AND l.members_hash + excluded.members_hash = l.members_cached_hash, false),
    members_complete = l.members_complete
        OR coalesce(excluded.members_cursor = '' AND l.members_hash + excluded.members_hash = l.members_cached_hash, false)
        OR l.members_bad = 0 AND excluded.members_stored >= l.members_stored
RETURNING l.external_id, l.pages, l.members_stored, l.members_unchanged, l.members_complete,
    coalesce(CASE WHEN NOT l.members_complete AND l.members_cursor = ''
            AND NOT EXISTS (SELECT 1 FROM staged_departments sc WHERE sc.run_id = @run_id AND sc.parent_external_id = l.external_id OFFSET 0)
        THEN (SELECT sd.declared_members FROM staged_departments sd WHERE sd.run_id = @run_id AND sd.external_id = l.external_id) END, -1)::int AS declared;

-- name: LedgerMembersEnd :exec
-- Several at once, each found by its key like above. A declared number of -1 leaves what
-- is known of it.
INSERT INTO sync_run_departments AS l (run_id, external_id, members_declared, children_listing, children_via, members_listing, members_via)
SELECT @run_id::uuid, e.department, nullif(e.declared, -1), '', '', '', ''
FROM (SELECT unnest(@departments::text[]) AS department, unnest(@declared::int[]) AS declared) e
WHERE EXISTS (SELECT 1 FROM sync_run_departments x WHERE x.run_id = @run_id::uuid AND x.external_id = e.department OFFSET 0)
ORDER BY e.department
ON CONFLICT (run_id, external_id) DO UPDATE
SET members_complete = l.members_bad = 0, members_declared = coalesce(excluded.members_declared, l.members_declared),
    members_error = CASE WHEN l.members_bad > 0 THEN 'records of people in it that could not be used were left out: ' || l.members_bad END,
    error = CASE WHEN l.members_bad > 0 THEN 'records of people in it that could not be used were left out: ' || l.members_bad ELSE l.children_error END;

-- name: LedgerMembersRestart :exec
UPDATE sync_run_departments SET members_cursor = '', pages = 0, members_read = 0, members_bad = 0, members_error = NULL, members_complete = false,
    members_hash = 0, members_unchanged = false
WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerMembersReopen :exec
-- A department that left its batch is tried again on its own.
UPDATE sync_run_departments SET members_error = NULL, error = children_error
WHERE run_id = @run_id AND position = @ordinal::int AND NOT members_complete;

-- name: LedgerMembersFail :exec
UPDATE sync_run_departments SET members_error = @error, error = coalesce(error, @error), members_complete = false,
    members_declared = coalesce(sqlc.narg(members_declared)::int, members_declared)
WHERE run_id = @run_id AND external_id = @external_id;

-- name: LedgerMembersFailRange :execrows
UPDATE sync_run_departments SET members_error = @error, error = coalesce(error, @error)
WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int AND NOT members_complete AND members_error IS NULL
  AND members_listing <> '' AND NOT members_excluded;

-- name: LedgerCover :exec
-- Departments without a listing of their own are as complete as the one covering them.
UPDATE sync_run_departments l SET members_complete = via.members_complete
FROM sync_run_departments via
WHERE l.run_id = @run_id AND l.members_listing = '' AND via.run_id = l.run_id AND via.external_id = l.members_via
  AND l.members_via <> l.external_id AND l.members_complete <> via.members_complete;

-- name: LedgerFailUnread :execrows
-- Nothing may be unread without a reason on record: whatever made a department be
-- passed over, the run must not look complete.
UPDATE sync_run_departments SET error = 'its people were not read to the end; the next run reads them again'
WHERE run_id = @run_id AND NOT members_complete AND error IS NULL AND NOT members_excluded AND members_listing <> '';

-- name: LedgerFailUnapplied :execrows
-- People who were staged and not applied would look as if nobody listed them: where
-- such are, the department does not count as read.
UPDATE sync_run_departments l SET members_complete = false,
    error = coalesce(error, 'its people were read but not applied; the next run reads them again')
WHERE l.run_id = @run_id AND l.members_complete AND l.external_id IN (
    SELECT s.listing FROM staged_members s
    WHERE s.run_id = @run_id AND s.status IS DISTINCT FROM 'deleted'
      AND NOT EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = s.run_id AND r.member_key = s.member_key));

-- name: LedgerList :many
SELECT external_id, children_complete, members_complete, pages + children_pages AS pages, members_read, members_declared, error, members_excluded
FROM sync_run_departments WHERE run_id = @run_id
  AND (NOT @failed_only::boolean OR error IS NOT NULL)
ORDER BY error IS NULL, external_id LIMIT @max_rows;

-- name: ScopeFigures :many
-- What is known of departments' own people once their listings ended: how many the
-- listing brought (not counted where the directory holds nobody who could be missing),
-- how many the directory holds there, what the provider declares for the department
-- with everything below, how many records could not be used, and whether anything is below.
SELECT w.department::text AS external_id,
    CASE WHEN there.stored > 0 THEN (SELECT count(DISTINCT s.member_key) FROM staged_members s
        WHERE s.run_id = @run_id AND s.listing = w.department AND s.department_external_id = w.department
          AND (s.out_of_scope OR s.status IS DISTINCT FROM 'deleted')) ELSE 0 END::int AS read,
    there.stored::int AS stored,
    (SELECT sd.declared_members FROM staged_departments sd WHERE sd.run_id = @run_id AND sd.external_id = w.department) AS declared,
    coalesce((SELECT l.members_bad FROM sync_run_departments l WHERE l.run_id = @run_id AND l.external_id = w.department), 0)::int AS bad,
    EXISTS (SELECT 1 FROM staged_departments sc WHERE sc.run_id = @run_id AND sc.parent_external_id = w.department OFFSET 0) AS has_children
FROM unnest(@departments::text[]) AS w (department)
CROSS JOIN LATERAL (
    SELECT count(*) AS stored
    FROM (SELECT x.id FROM org_departments x WHERE x.provider_id = @provider_id AND x.external_id = w.department OFFSET 0) d
    CROSS JOIN LATERAL (SELECT x.member_id FROM org_member_departments x WHERE x.department_id = d.id OFFSET 0) md
    CROSS JOIN LATERAL (SELECT x.id FROM org_members x WHERE x.id = md.member_id AND x.status <> 'deleted' OFFSET 0) m
) there;

-- name: ChildFigures :one
SELECT
    (SELECT count(*) FROM staged_departments sc WHERE sc.run_id = @run_id AND sc.parent_external_id = @external_id)::int AS read,
    (SELECT count(*) FROM org_departments c JOIN org_departments p ON p.id = c.parent_id
      WHERE p.provider_id = @provider_id AND p.external_id = @external_id AND c.status = 'active')::int AS stored,
    coalesce((SELECT l.children_bad FROM sync_run_departments l WHERE l.run_id = @run_id AND l.external_id = @external_id), 0)::int AS bad;

-- name: StagedDepartmentsPut :exec
-- A department found twice (a grant below another grant) keeps what was found
-- first, so that it does not flip between two descriptions of it.
WITH found AS MATERIALIZED (
    SELECT f ->> 'external_id' AS external_id, f ->> 'parent' AS parent, f ->> 'name' AS name, (f ->> 'sort_order')::bigint AS sort_order,
        (f ->> 'declared_members')::int AS declared_members, nullif(f -> 'raw', 'null') AS raw,
        CASE WHEN f -> 'leaders' <> 'null' THEN ARRAY(SELECT jsonb_array_elements_text(f -> 'leaders')) END AS leaders,
        f ->> 'children_listing' AS children_listing, f ->> 'children_via' AS children_via, (f ->> 'children_complete')::boolean AS children_complete,
        f ->> 'members_listing' AS members_listing, f ->> 'members_via' AS members_via
    FROM jsonb_array_elements(@found::jsonb) AS f
), ledger AS (
    INSERT INTO sync_run_departments (run_id, external_id, children_listing, children_via, members_listing, members_via, children_complete)
    SELECT @run_id, f.external_id, f.children_listing, f.children_via, f.members_listing, f.members_via, f.children_complete FROM found f
    ON CONFLICT (run_id, external_id) DO NOTHING
)
INSERT INTO staged_departments (run_id, external_id, parent_external_id, name, sort_order, declared_members, leaders, raw)
SELECT @run_id, f.external_id, f.parent, f.name, f.sort_order, f.declared_members, f.leaders, f.raw FROM found f
ON CONFLICT (run_id, external_id) DO NOTHING;

-- name: StagedMembersDropPage :exec
DELETE FROM staged_members s WHERE s.run_id = @run_id AND s.listing = @listing AND s.page = @page;

-- name: StagedMembersDropListing :exec
DELETE FROM staged_members s WHERE s.run_id = @run_id AND s.listing = @listing;

-- name: LedgerSize :one
SELECT count(*)::int AS departments FROM sync_run_departments WHERE run_id = @run_id;
