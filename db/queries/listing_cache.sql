-- name: CacheListings :exec
-- Remembers the hash of each listing that was read to the end, beside a hash of what is
-- then stored for the members it names. A member still stored but no longer listed makes
-- the two differ from what a later run finds, so the department is compared again. A
-- listing is not remembered if a member of it could not be matched or placed, or is
-- listed twice.
WITH listed AS (
    SELECT d.id AS department_id, l.members_hash, sd.leaders, w.listing
    FROM unnest(@listings::text[]) AS w (listing)
    CROSS JOIN LATERAL (SELECT * FROM sync_run_departments x
        WHERE x.run_id = @run_id::uuid AND x.external_id = w.listing AND x.members_complete
          AND x.members_hash IS NOT NULL OFFSET 0) l
    CROSS JOIN LATERAL (SELECT * FROM staged_departments x
        WHERE x.run_id = @run_id::uuid AND x.external_id = w.listing OFFSET 0) sd
    CROSS JOIN LATERAL (SELECT * FROM org_departments x
        WHERE x.provider_id = @provider_id::uuid AND x.external_id = w.listing AND x.status = 'active' OFFSET 0) d
)
INSERT INTO listing_cache AS k (department_id, listing_hash, leaders, tenant_id, rows_hash)
SELECT l.department_id, l.members_hash, l.leaders, sqlc.narg(tenant_id)::uuid, stored.hash
FROM listed l
CROSS JOIN LATERAL (
    SELECT
        -- A member has a row for each of their departments.
        coalesce(bit_xor(DISTINCT hash_membership(m.id, m.content_hash, md.is_leader, md.sort_order, md.primary_rank)),
            0) AS hash,
        coalesce(bool_and(m.id IS NOT NULL AND md.member_id IS NOT NULL AND coalesce(s.unionid = r.unionid, true)),
            true)
            AND count(*) = count(DISTINCT (s.member_key, s.department_external_id)) AS whole
    FROM staged_members s
    CROSS JOIN LATERAL (SELECT y.member_id, y.unionid FROM member_matches y
        WHERE y.run_id = @run_id::uuid AND y.member_key = s.member_key OFFSET 0) r
    LEFT JOIN LATERAL (SELECT y.id, y.content_hash FROM org_members y WHERE y.id = r.member_id OFFSET 0) m ON true
    LEFT JOIN LATERAL (SELECT y.member_id, y.is_leader, y.sort_order, y.primary_rank FROM org_member_departments y
        WHERE y.member_id = r.member_id AND y.department_id = l.department_id OFFSET 0) md ON true
    WHERE s.run_id = @run_id::uuid AND s.listing = l.listing AND s.status IS DISTINCT FROM 'deleted'
) stored
WHERE stored.whole
ORDER BY l.department_id
ON CONFLICT (department_id) DO UPDATE
SET listing_hash = excluded.listing_hash, leaders = excluded.leaders, tenant_id = excluded.tenant_id,
    rows_hash = excluded.rows_hash
WHERE (k.listing_hash, k.leaders, k.tenant_id, k.rows_hash) IS DISTINCT FROM (excluded.listing_hash, excluded.leaders,
    excluded.tenant_id, excluded.rows_hash);
