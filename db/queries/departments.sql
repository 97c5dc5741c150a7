-- name: RepairOrphans :many
-- Departments whose parent is not among those read: where the provider did not
-- send the parent ('') the stored one stays if it was read; all others hang below
-- the root, if that was read, else they become tops.
WITH root AS (
    SELECT r.external_id FROM staged_departments r WHERE r.run_id = @run_id AND r.parent_external_id IS NULL
    ORDER BY r.external_id LIMIT 1
), orphans AS (
    SELECT o.external_id, o.parent_external_id AS claimed,
        coalesce(CASE WHEN o.parent_external_id = '' THEN (
            SELECT p.external_id FROM org_departments d JOIN org_departments p ON p.id = d.parent_id
            JOIN staged_departments sp ON sp.run_id = @run_id AND sp.external_id = p.external_id
            WHERE d.provider_id = @provider_id AND d.external_id = o.external_id) END,
            (SELECT root.external_id FROM root)) AS adopted
    FROM staged_departments o
    LEFT JOIN staged_departments p ON p.run_id = o.run_id AND p.external_id = o.parent_external_id
    WHERE o.run_id = @run_id AND o.parent_external_id IS NOT NULL AND p.external_id IS NULL
)
UPDATE staged_departments s SET parent_external_id = orphans.adopted
FROM orphans WHERE s.run_id = @run_id AND s.external_id = orphans.external_id
RETURNING s.external_id, coalesce(orphans.claimed, '')::text AS claimed;

-- name: RepairCycles :many
-- In each circle of parents the smallest id is hung below the root instead.
WITH RECURSIVE reached AS (
    SELECT t.external_id FROM staged_departments t WHERE t.run_id = @run_id AND t.parent_external_id IS NULL
    UNION
    SELECT c.external_id FROM reached r CROSS JOIN LATERAL (
        SELECT x.external_id FROM staged_departments x
        WHERE x.run_id = @run_id AND x.parent_external_id = r.external_id OFFSET 0) c
), stuck AS (
    SELECT s.external_id, s.parent_external_id FROM staged_departments s
    WHERE s.run_id = @run_id AND s.external_id NOT IN (SELECT r.external_id FROM reached r)
), upward AS (
    SELECT s.external_id AS start, s.parent_external_id AS seen FROM stuck s
    UNION
    SELECT u.start, s.parent_external_id FROM upward u JOIN stuck s ON s.external_id = u.seen
), breakers AS (
    SELECT u.start FROM upward u
    WHERE EXISTS (SELECT 1 FROM upward c WHERE c.start = u.start AND c.seen = u.start)
    GROUP BY u.start HAVING min(u.seen COLLATE "C") = u.start
)
UPDATE staged_departments d SET parent_external_id = (
    SELECT r.external_id FROM staged_departments r WHERE r.run_id = @run_id AND r.parent_external_id IS NULL
    ORDER BY r.external_id LIMIT 1)
FROM breakers b WHERE d.run_id = @run_id AND d.external_id = b.start
RETURNING d.external_id;

-- name: InsertDepartments :execrows
-- With their paths, so that new departments are written once; those below one that is
-- stored under another name are corrected by RecomputePaths.
WITH RECURSIVE keyed AS MATERIALIZED (
    SELECT s.external_id, s.parent_external_id, coalesce(nullif(s.name, ''), s.external_id) AS name, s.sort_order,
        s.raw,
        coalesce(d.id, gen_random_uuid()) AS id, d.id IS NULL AS is_new
    FROM staged_departments s
    LEFT JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = s.external_id
    WHERE s.run_id = @run_id
), tree AS (
    SELECT t.external_id, t.name AS path, 0 AS depth FROM keyed t WHERE t.parent_external_id IS NULL
    UNION ALL
    SELECT c.external_id, tree.path || '/' || c.name, tree.depth + 1 FROM tree
    JOIN keyed c ON c.parent_external_id = tree.external_id
)
INSERT INTO org_departments (id, provider_id, tenant_id, external_id, parent_id, name, path, depth, sort_order,
    raw_data)
SELECT k.id, @provider_id, sqlc.narg(tenant_id)::uuid, k.external_id, p.id, k.name,
    coalesce(tree.path, k.name), coalesce(tree.depth, 0), k.sort_order, coalesce(k.raw, '{}')
FROM keyed k LEFT JOIN keyed p ON p.external_id = k.parent_external_id
LEFT JOIN tree ON tree.external_id = k.external_id
WHERE k.is_new ORDER BY k.external_id;

-- name: UpdateDepartments :execrows
WITH differing AS (
    SELECT d.id,
        CASE WHEN s.name IS NULL THEN d.name ELSE coalesce(nullif(s.name, ''), s.external_id) END AS name,
        p.id AS parent_id, coalesce(s.sort_order, d.sort_order) AS sort_order,
        coalesce(s.raw, d.raw_data) AS raw
    FROM staged_departments s
    JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = s.external_id
    LEFT JOIN org_departments p ON p.provider_id = @provider_id AND p.external_id = s.parent_external_id
    WHERE s.run_id = @run_id AND (
        d.name IS DISTINCT FROM CASE WHEN s.name IS NULL THEN d.name
            ELSE coalesce(nullif(s.name, ''), s.external_id) END
        OR d.parent_id IS DISTINCT FROM p.id
        OR d.sort_order IS DISTINCT FROM coalesce(s.sort_order, d.sort_order)
        OR d.status <> 'active'
        OR d.tenant_id IS DISTINCT FROM sqlc.narg(tenant_id)::uuid
        OR d.raw_data IS DISTINCT FROM coalesce(s.raw, d.raw_data))
    ORDER BY d.id FOR NO KEY UPDATE OF d
)
UPDATE org_departments d SET name = n.name, parent_id = n.parent_id, sort_order = n.sort_order, status = 'active',
    tenant_id = sqlc.narg(tenant_id)::uuid, raw_data = n.raw, synced_at = now()
FROM differing n WHERE d.id = n.id;

-- name: RecomputePaths :execrows
-- Paths and depths, by one walk from the tops down. Derived, so no change of its own.
WITH RECURSIVE tree AS (
    SELECT t.id, t.name AS path, 0 AS depth FROM org_departments t
    WHERE t.provider_id = @provider_id AND t.status = 'active'
      AND NOT EXISTS (SELECT 1 FROM org_departments p WHERE p.id = t.parent_id AND p.status = 'active')
    UNION ALL
    SELECT c.id, tree.path || '/' || c.name, tree.depth + 1
    FROM tree CROSS JOIN LATERAL (
        SELECT x.id, x.name FROM org_departments x
        WHERE x.parent_id = tree.id AND x.provider_id = @provider_id AND x.status = 'active' OFFSET 0) c
)
UPDATE org_departments d SET path = tree.path, depth = tree.depth, synced_at = now()
FROM tree WHERE d.id = tree.id AND (d.path, d.depth) IS DISTINCT FROM (tree.path, tree.depth);

-- name: RecomputeHeadcounts :execrows
-- Head counts: distinct active people directly in a department, and in it and
-- everything below it: the sum over what is below, less one for every further place
-- that a member has below the same department. Of several places one at most is marked
-- as the primary one.
WITH RECURSIVE tree AS MATERIALIZED (
    SELECT d.id, d.parent_id FROM org_departments d WHERE d.provider_id = @provider_id AND d.status = 'active'
), above AS (
    SELECT t.id, t.id AS top, t.parent_id AS next FROM tree t
    UNION ALL
    SELECT a.id, p.id, p.parent_id FROM above a JOIN tree p ON p.id = a.next
), places AS MATERIALIZED (
    SELECT md.department_id, md.member_id, md.is_primary
    FROM org_member_departments md
    JOIN tree t ON t.id = md.department_id
    WHERE NOT EXISTS (SELECT 1 FROM org_members m WHERE m.id = md.member_id AND m.status <> 'active')
), several AS MATERIALIZED (
    -- All places of those who have a further one. Kept apart, as all members' places beside
    -- all departments above them are as many rows as there are levels.
    SELECT p.member_id, p.department_id FROM places p
    WHERE p.member_id IN (SELECT f.member_id FROM places f WHERE NOT f.is_primary)
), direct AS (
    SELECT p.department_id, count(*) AS people FROM places p GROUP BY p.department_id
), counted AS (
    SELECT a.top, direct.people FROM above a JOIN direct ON direct.department_id = a.id
    UNION ALL
    SELECT a.top, 1 - count(*) FROM several s JOIN above a ON a.id = s.department_id
    GROUP BY a.top, s.member_id HAVING count(*) > 1
), totals AS (
    SELECT c.top, sum(c.people) AS people FROM counted c GROUP BY c.top
), figures AS (
    SELECT d.id, coalesce(t.people, 0)::int AS members, coalesce(direct.people, 0)::int AS direct
    FROM tree d
    LEFT JOIN totals t ON t.top = d.id
    LEFT JOIN direct ON direct.department_id = d.id
)
UPDATE org_departments d SET member_count = f.members, direct_member_count = f.direct, synced_at = now()
FROM figures f WHERE d.id = f.id AND (d.member_count, d.direct_member_count) IS DISTINCT FROM (f.members, f.direct);

-- name: ListTree :many
SELECT id, external_id, parent_id, name, path, depth, member_count, direct_member_count, sort_order
FROM org_departments WHERE provider_id = @provider_id AND status = 'active'
  AND (sqlc.narg(max_depth)::int IS NULL OR depth < sqlc.narg(max_depth)::int)
ORDER BY depth, sort_order, name, external_id;

-- name: SearchDepartments :many
-- Departments by name or id; exact and leading hits first.
SELECT id, external_id, name, path, member_count
FROM org_departments
WHERE provider_id = @provider_id AND status = 'active'
  AND (name ILIKE '%' || @pattern::text || '%' OR external_id = @plain::text)
ORDER BY name <> @plain, name NOT ILIKE @pattern || '%', path, external_id
LIMIT @max_rows;
