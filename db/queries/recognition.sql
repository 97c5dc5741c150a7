-- name: ListingsFamiliar :many
-- The people of listings as they were when last applied. Asked for where what a listing
-- was is known, which means that nobody in it was stored otherwise.
SELECT w.listing::text AS listing, k.records, k.members, k.contents
FROM unnest(@listings::text[]) AS w (listing)
CROSS JOIN LATERAL (SELECT y.id FROM org_departments y WHERE y.provider_id = @provider_id::uuid AND y.external_id = w.listing AND y.status = 'active' OFFSET 0) d
CROSS JOIN LATERAL (SELECT z.records, z.members, z.contents FROM remembered_listings z WHERE z.department_id = d.id OFFSET 0) k;

-- name: ListingsRemember :exec
-- Remembers listings that were read to the end, with what is stored for the people
-- they name and for nobody else: whoever is to be removed, and is not yet or never
-- will be, keeps the listing from being recognised. One with somebody who could not be
-- told or placed, or who was listed twice in different words, is not remembered. Of
-- people recognised it is said again what was said of them: what somebody else wrote
-- into their rows meanwhile must not pass for what was listed.
WITH listed AS (
    SELECT d.id, l.members_digest AS listing, sd.leaders, p.*
    FROM unnest(@listings::text[]) AS w (listing)
    CROSS JOIN LATERAL (SELECT * FROM sync_run_departments x
        WHERE x.run_id = @run_id::uuid AND x.external_id = w.listing AND x.members_complete AND x.members_digest IS NOT NULL OFFSET 0) l
    CROSS JOIN LATERAL (SELECT * FROM staged_departments x WHERE x.run_id = @run_id::uuid AND x.external_id = w.listing OFFSET 0) sd
    CROSS JOIN LATERAL (SELECT * FROM org_departments x
        WHERE x.provider_id = @provider_id::uuid AND x.external_id = w.listing AND x.status = 'active' OFFSET 0) d
    CROSS JOIN LATERAL (
        SELECT coalesce(bit_xor(e.stored), 0) AS stored, coalesce(bool_and(e.whole) AND count(*) = count(DISTINCT e.member_id), true) AS whole,
            coalesce(array_agg(e.digest), '{}') AS records, coalesce(array_agg(e.member_id), '{}') AS members, coalesce(array_agg(e.stored), '{}') AS contents
        FROM (
            SELECT s.digest, r.member_id, org_membership_content(m.id, m.content, md.is_leader, md.sort_order, md.primary_rank) AS stored,
                coalesce(s.unionid = r.unionid, true) AND s.digest IS NOT NULL AND m.id IS NOT NULL AND md.member_id IS NOT NULL AS whole
            FROM (SELECT x.person_key, x.digest, x.unionid FROM staged_members x
                WHERE x.run_id = @run_id::uuid AND x.listing = w.listing AND x.status IS DISTINCT FROM 'deleted' OFFSET 0) s
            CROSS JOIN LATERAL (SELECT y.member_id, y.unionid FROM sync_run_members y WHERE y.run_id = @run_id::uuid AND y.person_key = s.person_key OFFSET 0) r
            LEFT JOIN LATERAL (SELECT y.id, y.content FROM org_members y WHERE y.id = r.member_id OFFSET 0) m ON true
            LEFT JOIN LATERAL (SELECT y.member_id, y.is_leader, y.sort_order, y.primary_rank FROM org_member_departments y
                WHERE y.member_id = r.member_id AND y.department_id = d.id OFFSET 0) md ON true
            UNION
            SELECT unnest(g.digests), unnest(g.members), unnest(g.stored), true FROM recognised_members g WHERE g.run_id = @run_id::uuid AND g.listing = w.listing
            ORDER BY 1, 2, 3, 4
        ) e
    ) p
    WHERE p.whole
)
INSERT INTO remembered_listings AS k (department_id, listing, leaders, tenant_id, stored, records, members, contents)
SELECT l.id, l.listing, l.leaders, sqlc.narg(tenant_id)::uuid, l.stored, l.records, l.members, l.contents FROM listed l ORDER BY l.id
ON CONFLICT (department_id) DO UPDATE
SET listing = excluded.listing, leaders = excluded.leaders, tenant_id = excluded.tenant_id, stored = excluded.stored,
    records = excluded.records, members = excluded.members, contents = excluded.contents
WHERE (k.listing, k.leaders, k.tenant_id, k.stored, k.members) IS DISTINCT FROM (excluded.listing, excluded.leaders, excluded.tenant_id, excluded.stored, excluded.members);

-- name: DirectoryFigure :one
-- A figure over all that settling reads and writes.
SELECT ((
    SELECT coalesce(bit_xor(hash_record_extended(ROW(d.id, d.external_id, d.parent_id, d.name, d.path, d.depth, d.status,
        d.member_count, d.direct_member_count), 0)), 0)
    FROM org_departments d WHERE d.provider_id = @provider_id
) # (
    SELECT coalesce(bit_xor(hash_record_extended(ROW(m.id, m.status, m.department_id, m.department_path), 1)), 0)
    FROM org_members m WHERE m.provider_id = @provider_id
) # (
    SELECT coalesce(bit_xor(hash_record_extended(ROW(md.member_id, md.department_id, md.is_primary, md.primary_rank), 2)), 0)
    FROM org_departments d JOIN org_member_departments md ON md.department_id = d.id WHERE d.provider_id = @provider_id
))::bigint AS figure;

-- name: DirectorySettled :one
-- Whether the directory looks as it did when it was last settled as a whole.
SELECT EXISTS (SELECT 1 FROM settled_directories s WHERE s.provider_id = @provider_id AND s.figure = @figure);

-- name: DirectoryRemember :exec
INSERT INTO settled_directories AS s (provider_id, figure) VALUES (@provider_id, @figure)
ON CONFLICT (provider_id) DO UPDATE SET figure = excluded.figure WHERE s.figure <> excluded.figure;
