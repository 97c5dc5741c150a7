-- The memberships a run has seen follow from its snapshot: kept as rows they were a
-- third of what an unchanged company cost.
DROP TABLE sync_run_memberships;
CREATE VIEW sync_run_memberships AS
SELECT s.run_id, d.id AS department_id, r.member_id
FROM staged_members s
JOIN sync_runs u ON u.id = s.run_id
JOIN sync_run_members r ON r.run_id = s.run_id AND r.person_key = s.person_key AND r.member_id IS NOT NULL
JOIN org_departments d ON d.provider_id = u.provider_id AND d.external_id = s.department_external_id AND d.status = 'active'
WHERE s.status IS DISTINCT FROM 'deleted';

-- Each row of a snapshot beside what the directory holds of the person and of the
-- membership, and what both are to become: what was not sent (null) stays, what was
-- sent empty is cleared. For statements on a batch: OFFSET 0 makes every look-up one by
-- its full key, whatever the statistics say of a run or provider that is new.
CREATE VIEW sync_run_people AS
SELECT s.run_id, s.listing, s.page, s.n, s.person_key, s.raw IS NULL AS partial, s.department_external_id AS listed_in, s.external_id AS listed_as,
    r.member_id, r.is_new, m.id IS NOT NULL AS stored,
    -- A record under the same id with another unionid is somebody else's.
    coalesce(s.unionid = r.unionid, true) AS theirs,
    CASE WHEN s.external_is_fallback THEN m.external_id ELSE s.external_id END AS external_id,
    coalesce(s.unionid, m.unionid) AS unionid, coalesce(s.open_id, m.open_id) AS open_id,
    CASE WHEN s.name IS NULL THEN m.name ELSE coalesce(nullif(s.name, ''), s.external_id) END AS name,
    CASE WHEN s.name IS NULL THEN m.name_translit_full ELSE s.name_translit_full END AS name_translit_full,
    CASE WHEN s.name IS NULL THEN m.name_translit_initial ELSE s.name_translit_initial END AS name_translit_initial,
    CASE WHEN s.email IS NULL THEN m.email ELSE nullif(s.email, '') END AS email,
    CASE WHEN s.phone IS NULL THEN m.phone ELSE nullif(s.phone, '') END AS phone,
    CASE WHEN s.avatar_url IS NULL THEN m.avatar_url ELSE nullif(s.avatar_url, '') END AS avatar_url,
    CASE WHEN s.title IS NULL THEN m.title ELSE nullif(s.title, '') END AS title,
    coalesce(s.status, CASE WHEN m.status = 'deleted' THEN 'active' ELSE m.status END) AS status,
    coalesce(s.activated, m.activated) AS activated,
    coalesce(s.raw, m.raw_data) AS raw_data,
    -- Whether any of these differs from what is stored.
    m.id IS NOT NULL AND (
        NOT s.external_is_fallback AND m.external_id <> s.external_id
        OR s.unionid IS NOT NULL AND m.unionid IS DISTINCT FROM s.unionid
        OR s.open_id IS NOT NULL AND m.open_id IS DISTINCT FROM s.open_id
        OR s.name IS NOT NULL AND (m.name, m.name_translit_full, m.name_translit_initial)
            IS DISTINCT FROM (coalesce(nullif(s.name, ''), s.external_id), s.name_translit_full, s.name_translit_initial)
        OR s.email IS NOT NULL AND m.email IS DISTINCT FROM nullif(s.email, '')
        OR s.phone IS NOT NULL AND m.phone IS DISTINCT FROM nullif(s.phone, '')
        OR s.avatar_url IS NOT NULL AND m.avatar_url IS DISTINCT FROM nullif(s.avatar_url, '')
        OR s.title IS NOT NULL AND m.title IS DISTINCT FROM nullif(s.title, '')
        OR m.status IS DISTINCT FROM coalesce(s.status, CASE WHEN m.status = 'deleted' THEN 'active' ELSE m.status END)
        OR s.activated IS NOT NULL AND m.activated <> s.activated
        OR s.raw IS NOT NULL AND m.raw_data <> s.raw
    ) AS differs,
    m.tenant_id,
    d.id AS department_id, d.external_id AS department_external_id, d.depth, d.path,
    coalesce(s.is_leader, coalesce(s.open_id, '') = ANY (sd.leaders) OR s.external_id = ANY (sd.leaders)) AS is_leader, s.sort_order, s.primary_rank,
    -- A run of single people reads no departments and goes by those that are stored.
    d.id IS NOT NULL AND (sd.run_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM staged_departments x WHERE x.run_id = u.id)) AS placeable,
    md.member_id IS NOT NULL AS placed,
    md.member_id IS NOT NULL AND (md.is_leader, md.sort_order, md.primary_rank) IS DISTINCT FROM (
        coalesce(s.is_leader, coalesce(s.open_id, '') = ANY (sd.leaders) OR s.external_id = ANY (sd.leaders), md.is_leader),
        coalesce(s.sort_order, md.sort_order), coalesce(s.primary_rank, md.primary_rank)) AS place_differs
FROM staged_members s
JOIN sync_runs u ON u.id = s.run_id
CROSS JOIN LATERAL (SELECT * FROM sync_run_members x WHERE x.run_id = s.run_id AND x.person_key = s.person_key OFFSET 0) r
LEFT JOIN LATERAL (SELECT * FROM org_members x WHERE x.id = r.member_id OFFSET 0) m ON true
LEFT JOIN LATERAL (SELECT * FROM org_departments x WHERE x.provider_id = u.provider_id AND x.external_id = s.department_external_id
    AND x.status = 'active' OFFSET 0) d ON true
LEFT JOIN LATERAL (SELECT * FROM staged_departments x WHERE x.run_id = s.run_id AND x.external_id = s.department_external_id OFFSET 0) sd ON true
LEFT JOIN LATERAL (SELECT * FROM org_member_departments x WHERE x.member_id = r.member_id AND x.department_id = d.id OFFSET 0) md ON true
WHERE s.status IS DISTINCT FROM 'deleted';

-- Foreign keys of the tables with a row for each person or department of a run cost a
-- look-up and a row lock each. The fence keeps the run there while they are written;
-- with it they go all the same, by the trigger sync_runs_rows.
ALTER TABLE staged_members DROP CONSTRAINT staged_members_run_id_fkey;
ALTER TABLE sync_run_members DROP CONSTRAINT sync_run_members_run_id_fkey;
ALTER TABLE org_changes DROP CONSTRAINT org_changes_run_id_fkey;
ALTER TABLE staged_departments DROP CONSTRAINT staged_departments_run_id_fkey;
ALTER TABLE sync_run_departments DROP CONSTRAINT sync_run_departments_run_id_fkey;

-- A line of the ledger is written when its department is found, when the tree is sealed,
-- and when its listing was read. With room beside it the last of these touches no index.
ALTER TABLE sync_run_departments SET (fillfactor = 50);

-- Most of what changes of people and departments (titles, numbers, paths, head counts)
-- stands in no index. With room beside the row none of them is touched.
ALTER TABLE org_members SET (fillfactor = 90);
ALTER TABLE org_departments SET (fillfactor = 70);

-- Whether nobody of the provider's was stored when the run began: it has put everybody
-- there itself, and so has nobody to miss.
ALTER TABLE sync_runs ADD COLUMN began_empty boolean NOT NULL DEFAULT false;

-- A new member's id: random, but behind a time (UUID version 7), so that what is written
-- together lies together in every index that holds it. Random alone, each row touches
-- pages of its own.
CREATE FUNCTION org_member_new_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- A run or provider that is new is not among the values that statistics know, and so
-- counts as having no rows. Then an index that only begins with it looks as good as one
-- that finds the single row, and each look-up may read all of the run. Without
-- statistics of these columns the planner takes it for a two-hundredth of the table.
ALTER TABLE staged_departments ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE staged_members ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE sync_run_members ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE sync_run_departments ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE org_departments ALTER COLUMN provider_id SET STATISTICS 0;
ALTER TABLE org_members ALTER COLUMN provider_id SET STATISTICS 0;

-- A snapshot is emptied as a whole when its run ends: to vacuum it because it has grown
-- is work for nothing in the midst of the largest runs, and so is counting what is in it.
-- What was deleted row by row is vacuumed as ever.
ALTER TABLE staged_departments SET (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
ALTER TABLE staged_members SET (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
ALTER TABLE sync_run_members SET (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
