-- A provider's record of a person depends on the call that brought it: some fields come
-- with a look-up alone. What a record cannot say of them is kept as it is stored.
ALTER TABLE staged_members ADD COLUMN raw_keeps text[];

CREATE FUNCTION org_raw_kept(stored jsonb, fields text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}') FROM jsonb_each(stored) f WHERE f.key = ANY (fields)
$$;

CREATE OR REPLACE VIEW sync_run_people AS
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
    CASE WHEN s.raw IS NULL THEN m.raw_data WHEN m.raw_data ?| s.raw_keeps THEN org_raw_kept(m.raw_data, s.raw_keeps) || s.raw ELSE s.raw END AS raw_data,
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
        OR m.raw_data <> CASE WHEN s.raw IS NULL THEN m.raw_data WHEN m.raw_data ?| s.raw_keeps THEN org_raw_kept(m.raw_data, s.raw_keeps) || s.raw ELSE s.raw END
    ) AS differs,
    m.tenant_id,
    d.id AS department_id, d.external_id AS department_external_id, d.depth, d.path,
    coalesce(s.is_leader, coalesce(s.open_id, '') = ANY (sd.leaders) OR s.external_id = ANY (sd.leaders)) AS is_leader, s.sort_order, s.primary_rank,
    -- A run of single people reads no departments and goes by those that are stored.
    d.id IS NOT NULL AND (sd.run_id IS NOT NULL OR NOT EXISTS (SELECT 1 FROM staged_departments x WHERE x.run_id = u.id)) AS placeable,
    md.member_id IS NOT NULL AS placed,
    md.member_id IS NOT NULL AND (md.is_leader, md.sort_order, md.primary_rank) IS DISTINCT FROM (
        coalesce(s.is_leader, coalesce(s.open_id, '') = ANY (sd.leaders) OR s.external_id = ANY (sd.leaders), md.is_leader),
        coalesce(s.sort_order, md.sort_order), coalesce(s.primary_rank, md.primary_rank)) AS place_differs,
    s.raw_keeps IS NOT NULL AS partly
FROM staged_members s
JOIN sync_runs u ON u.id = s.run_id
CROSS JOIN LATERAL (SELECT * FROM sync_run_members x WHERE x.run_id = s.run_id AND x.person_key = s.person_key OFFSET 0) r
LEFT JOIN LATERAL (SELECT * FROM org_members x WHERE x.id = r.member_id OFFSET 0) m ON true
LEFT JOIN LATERAL (SELECT * FROM org_departments x WHERE x.provider_id = u.provider_id AND x.external_id = s.department_external_id
    AND x.status = 'active' OFFSET 0) d ON true
LEFT JOIN LATERAL (SELECT * FROM staged_departments x WHERE x.run_id = s.run_id AND x.external_id = s.department_external_id OFFSET 0) sd ON true
LEFT JOIN LATERAL (SELECT * FROM org_member_departments x WHERE x.member_id = r.member_id AND x.department_id = d.id OFFSET 0) md ON true
WHERE s.status IS DISTINCT FROM 'deleted';

-- Null: the provider does not say. A figure of 0 that no record names was none.
ALTER TABLE org_departments ALTER COLUMN sort_order DROP NOT NULL;
ALTER TABLE org_member_departments ALTER COLUMN sort_order DROP NOT NULL;
UPDATE org_departments SET sort_order = NULL WHERE provider_id IS NOT NULL AND sort_order = 0 AND NOT raw_data ? 'order';
