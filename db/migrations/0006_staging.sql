-- Staging: a run's snapshot of the provider's directory. The tables are logged on purpose:
-- unlogged ones would be empty after a crash of Postgres, and an empty snapshot looks like
-- an empty company.
--
-- They are emptied as a whole when their run ends, hence no autovacuum and no autoanalyze
-- because they have grown: both are work for nothing in the midst of the largest runs.
CREATE TABLE staged_departments (
    run_id             uuid NOT NULL,
    external_id        text COLLATE "C" NOT NULL,
    -- Null for the root, '' where the provider did not send it.
    parent_external_id text COLLATE "C",
    name               text,
    sort_order         bigint,
    declared_members   integer,
    leaders            text[],
    -- Null: the department's record could not be read, so that the stored one stays.
    raw                jsonb,
    PRIMARY KEY (run_id, external_id)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
-- Without the root, so that it does not look as good as the key for finding one department
-- while statistics know the table as empty.
CREATE INDEX staged_departments_parent ON staged_departments (run_id, parent_external_id)
    WHERE parent_external_id IS NOT NULL;

-- One row for each member and department of each page. Null: not sent.
CREATE TABLE staged_members (
    run_id                 uuid NOT NULL,
    -- The department whose listing brought the row, and where in it.
    listing                text COLLATE "C" NOT NULL,
    page                   integer NOT NULL,
    n                      integer NOT NULL,
    -- The department that the member is in; null: in none.
    department_external_id text COLLATE "C",
    -- The member within this run: the external id, at WeCom in lower case.
    member_key             text COLLATE "C" NOT NULL,
    external_id            text COLLATE "C" NOT NULL,
    external_is_fallback   boolean NOT NULL,
    unionid                text COLLATE "C",
    open_id                text COLLATE "C",
    primary_rank           bigint,
    is_leader              boolean,
    sort_order             bigint,
    -- What the record says, by columns of org_members. What was not sent is not in it; what
    -- was sent empty is null.
    fields                 jsonb NOT NULL DEFAULT '{}',
    status                 text GENERATED ALWAYS AS (fields ->> 'status') STORED,
    -- Whether the rules leave the member out although the provider lists them; the status is
    -- deleted then.
    out_of_scope           boolean NOT NULL DEFAULT false,
    raw                    jsonb,
    -- Fields of the stored raw record to keep: the call that brought this one never sends
    -- them, and another call does.
    raw_keeps              text[],
    PRIMARY KEY (run_id, listing, page, n)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
CREATE INDEX staged_members_out_of_scope ON staged_members (run_id) WHERE out_of_scope;

-- Which stored member each staged one is. Written once for a member and run, so that two
-- workers applying the same member agree on the row.
CREATE TABLE member_matches (
    run_id     uuid NOT NULL,
    member_key text COLLATE "C" NOT NULL,
    -- Null: cannot be decided; nothing of this member is changed.
    member_id  uuid,
    is_new     boolean NOT NULL DEFAULT false,
    unionid    text COLLATE "C",
    open_id    text COLLATE "C",
    PRIMARY KEY (run_id, member_key)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
CREATE UNIQUE INDEX member_matches_member ON member_matches (run_id, member_id) WHERE member_id IS NOT NULL;

-- match_external_id finds the stored members with an external id that carry no other unionid:
-- how many have the id, how many of them fit, and which one it is. Of several that fit it is
-- the one not deleted; null if that does not decide it.
CREATE FUNCTION match_external_id(provider uuid, wanted text, wanted_unionid text, ignore_case boolean)
RETURNS TABLE (namesakes bigint, found bigint, member_id uuid)
LANGUAGE sql STABLE AS $$
    SELECT
        count(*),
        count(*) FILTER (WHERE c.fits),
        CASE
            WHEN count(*) FILTER (WHERE c.fits AND c.status <> 'deleted') = 1
            THEN (array_agg(c.id) FILTER (WHERE c.fits AND c.status <> 'deleted'))[1]
            WHEN count(*) FILTER (WHERE c.fits) = 1
            THEN (array_agg(c.id) FILTER (WHERE c.fits))[1]
        END
    FROM (
        SELECT
            m.id,
            m.status,
            wanted_unionid IS NULL OR m.unionid IS NULL OR m.unionid = wanted_unionid AS fits
        FROM org_members m
        -- IS TRUE: a plan made while the directory is empty must not go by the provider alone.
        WHERE (m.provider_id = provider) IS TRUE
            AND lower(m.external_id) = lower(wanted)
            AND (ignore_case OR m.external_id = wanted)
        OFFSET 0
    ) c
$$;

-- match_open_id does the same by open id.
CREATE FUNCTION match_open_id(provider uuid, wanted text, wanted_unionid text)
RETURNS TABLE (found bigint, member_id uuid)
LANGUAGE sql STABLE AS $$
    SELECT
        count(*),
        CASE
            WHEN count(*) FILTER (WHERE c.status <> 'deleted') = 1
            THEN (array_agg(c.id) FILTER (WHERE c.status <> 'deleted'))[1]
            WHEN count(*) = 1
            THEN (array_agg(c.id))[1]
        END
    FROM (
        SELECT m.id, m.status
        FROM org_members m
        WHERE m.open_id = wanted
            AND (m.provider_id = provider) IS TRUE
            AND (wanted_unionid IS NULL OR m.unionid IS NULL OR m.unionid = wanted_unionid)
        OFFSET 0
    ) c
$$;

-- The ids of a staged member, of all its rows: twofold says that they have two unionids.
CREATE TYPE staged_ids AS (
    member_key  text COLLATE "C",
    unionid     text COLLATE "C",
    open_id     text COLLATE "C",
    external_id text COLLATE "C",
    twofold     boolean
);

-- unmatched_members are the members of some listings for whom the run has not decided yet
-- which stored member they are.
CREATE FUNCTION unmatched_members(run uuid, listings text[]) RETURNS SETOF staged_ids
LANGUAGE sql STABLE AS $$
    SELECT
        s.member_key,
        max(s.unionid),
        max(s.open_id),
        coalesce(min(s.external_id) FILTER (WHERE NOT s.external_is_fallback), min(s.external_id)),
        coalesce(min(s.unionid) <> max(s.unionid), false)
    FROM unnest(listings) AS w (listing)
    CROSS JOIN LATERAL (SELECT * FROM staged_members x WHERE x.run_id = run AND x.listing = w.listing OFFSET 0) s
    WHERE s.status IS DISTINCT FROM 'deleted'
        AND NOT EXISTS (
            SELECT 1 FROM member_matches r
            WHERE r.run_id = s.run_id AND r.member_key = s.member_key
            OFFSET 0
        )
    GROUP BY s.member_key
$$;

-- match_member finds the stored member that a staged one is: by unionid, which makes it sure,
-- else by external id, else by open id, the latter two only among rows that carry no other
-- unionid. found without a member_id: several fit. namesake: a row has the same external id,
-- if another member's. renamed: the row is stored under another id than the member has now.
CREATE FUNCTION match_member(provider uuid, staged staged_ids, ignore_case boolean)
RETURNS TABLE (member_id uuid, found boolean, sure boolean, namesake boolean, renamed boolean)
LANGUAGE sql STABLE AS $$
    SELECT
        coalesce(owner.id, named.member_id, opened.member_id),
        owner.id IS NOT NULL OR named.found > 0 OR opened.found > 0,
        owner.id IS NOT NULL,
        named.namesakes > 0,
        CASE
            WHEN owner.id IS NULL THEN opened.found > 0 AND staged.open_id <> staged.member_key
            ELSE staged.member_key NOT IN (owner.external_id, lower(owner.external_id), coalesce(owner.open_id, ''))
        END
    FROM (SELECT) one
    -- IS TRUE: a plan made while the directory is empty must not go by the provider alone.
    LEFT JOIN LATERAL (
        SELECT m.id, m.external_id, m.open_id FROM org_members m
        WHERE m.unionid = staged.unionid AND (m.provider_id = provider) IS TRUE
        OFFSET 0
    ) owner ON true
    CROSS JOIN LATERAL match_external_id(
        provider, CASE WHEN owner.id IS NULL THEN staged.external_id END, staged.unionid, ignore_case
    ) AS named
    CROSS JOIN LATERAL match_open_id(
        provider, CASE WHEN owner.id IS NULL AND named.found = 0 THEN staged.open_id END, staged.unionid
    ) AS opened
$$;

-- Departments' listings of members when last applied. A listing with the same hash that
-- finds the same rows stored is unchanged, and is neither staged nor compared. Losing
-- this table costs one full comparison.
CREATE TABLE listing_cache (
    department_id uuid PRIMARY KEY REFERENCES org_departments (id) ON DELETE CASCADE,
    -- A hash of the listing's members as they were staged.
    listing_hash  numeric NOT NULL,
    -- What else decides what is stored: the leaders named by the department's own record,
    -- and the tenant.
    leaders       text[],
    tenant_id     uuid,
    -- hash_membership of all that was stored for these members, combined by XOR.
    rows_hash     bigint NOT NULL
);

-- The memberships that a run has staged.
CREATE VIEW staged_memberships AS
SELECT
    s.run_id,
    d.id AS department_id,
    m.member_id
FROM staged_members s
JOIN sync_runs r ON r.id = s.run_id
JOIN member_matches m ON m.run_id = s.run_id AND m.member_key = s.member_key AND m.member_id IS NOT NULL
JOIN org_departments d
    ON d.provider_id = r.provider_id
    AND d.external_id = s.department_external_id
    AND d.status = 'active'
WHERE s.status IS DISTINCT FROM 'deleted';

-- The memberships that a run has seen in unchanged listings: all that are stored there.
CREATE VIEW unchanged_memberships AS
SELECT
    l.run_id,
    md.department_id,
    md.member_id
FROM org_member_departments md
JOIN org_departments d ON d.id = md.department_id AND d.status = 'active'
JOIN sync_run_departments l ON l.external_id = d.external_id
JOIN sync_runs r ON r.id = l.run_id AND r.provider_id = d.provider_id
WHERE l.members_unchanged;

-- match_obstacles tells what speaks against a staged member's being a stored one: another
-- staged member is it already (taken), or an unchanged listing names it (listed) or a member
-- of the same external id (namesake_listed). Unchanged listings name members by the ids that
-- are stored.
CREATE FUNCTION match_obstacles(run uuid, provider uuid, member_key text, stored uuid, ignore_case boolean)
RETURNS TABLE (taken boolean, listed boolean, namesake_listed boolean)
LANGUAGE sql STABLE AS $$
    SELECT
        EXISTS (SELECT 1 FROM member_matches r WHERE r.run_id = run AND r.member_id = stored OFFSET 0),
        EXISTS (SELECT 1 FROM unchanged_memberships v WHERE v.run_id = run AND v.member_id = stored),
        EXISTS (
            SELECT 1
            FROM org_members m
            CROSS JOIN LATERAL (
                SELECT 1 FROM unchanged_memberships v
                WHERE v.run_id = run AND v.member_id = m.id
                OFFSET 0
            ) v
            WHERE (m.provider_id = provider) IS TRUE
                AND lower(m.external_id) = lower(match_obstacles.member_key)
                AND (ignore_case OR m.external_id = match_obstacles.member_key)
        )
$$;

-- kept_raw_fields are those of a stored raw record's fields that are named.
CREATE FUNCTION kept_raw_fields(stored jsonb, fields text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(f.key, f.value), '{}')
    FROM jsonb_each(stored) f
    WHERE f.key = ANY (fields)
$$;

-- merge_member is the row that a stored member (null: a new one) becomes by a staged
-- record: what was not sent stays, what was sent empty is cleared.
CREATE FUNCTION merge_member(stored org_members, staged staged_members, tenant_id uuid) RETURNS org_members
LANGUAGE plpgsql STABLE AS $$
DECLARE
    member org_members := stored;
BEGIN
    IF stored.id IS NULL THEN
        member.activated := true;
        member.attributes := '{}';
        member.raw_data := '{}';
    END IF;
    IF stored.id IS NULL OR stored.status = 'deleted' THEN
        member.status := 'active';
    END IF;
    IF stored.id IS NULL OR NOT staged.external_is_fallback THEN
        member.external_id := staged.external_id;
    END IF;
    member.tenant_id := tenant_id;
    member.unionid := coalesce(staged.unionid, member.unionid);
    member.open_id := coalesce(staged.open_id, member.open_id);
    IF staged.raw IS NOT NULL AND member.raw_data ?| staged.raw_keeps THEN
        member.raw_data := kept_raw_fields(member.raw_data, staged.raw_keeps) || staged.raw;
    ELSIF staged.raw IS NOT NULL THEN
        member.raw_data := staged.raw;
    END IF;
    member := jsonb_populate_record(member, staged.fields - 'attributes');
    IF staged.fields ? 'attributes' THEN
        member.attributes := jsonb_strip_nulls(member.attributes || (staged.fields -> 'attributes'));
    END IF;
    IF stored.offline_at IS NOT NULL AND member.status = 'active' THEN
        member.status := 'inactive';
    END IF;
    -- A name that only stands in for one is no reason to change it.
    IF stored.id IS NOT NULL AND NOT staged.fields ? 'name' THEN
        member.name_translit_full := stored.name_translit_full;
        member.name_translit_initial := stored.name_translit_initial;
    END IF;
    member.name := coalesce(nullif(member.name, ''), staged.external_id);
    RETURN member;
END
$$;

-- Each staged row beside the stored member that it was matched with, and what that is to
-- become. For statements on a batch, as is compared_members: OFFSET 0 makes every look-up one
-- by its full key, whatever the statistics say of a run or provider that is new.
CREATE VIEW merged_members AS
SELECT
    s.*,
    u.provider_id,
    u.by_events,
    r.member_id,
    r.is_new,
    -- A record under the same id with another unionid is another member's.
    coalesce(s.unionid = r.unionid, true) AS same_member,
    m.id IS NOT NULL AS member_stored,
    m.id IS NOT NULL AND m.stored IS DISTINCT FROM w.member AS member_differs,
    w.member
FROM staged_members s
JOIN sync_runs u ON u.id = s.run_id
JOIN identity_providers p ON p.id = u.provider_id
CROSS JOIN LATERAL (
    SELECT * FROM member_matches x
    WHERE x.run_id = s.run_id AND x.member_key = s.member_key
    OFFSET 0
) r
LEFT JOIN LATERAL (
    SELECT x.id, (x.*)::org_members AS stored FROM org_members x
    WHERE x.id = r.member_id
    OFFSET 0
) m ON true
CROSS JOIN LATERAL (
    SELECT merge_member(m.stored, s.*, p.tenant_id) AS member
    OFFSET 0
) w
WHERE s.status IS DISTINCT FROM 'deleted';

-- The same beside the stored membership, and what that is to become.
CREATE VIEW compared_members AS
SELECT
    s.run_id,
    s.listing,
    s.page,
    s.n,
    s.member_key,
    s.raw IS NULL AS without_record,
    s.raw_keeps IS NOT NULL AS partial_record,
    s.department_external_id AS listed_in,
    s.member_id,
    s.is_new,
    s.member_stored,
    s.same_member,
    s.member,
    s.member_differs,
    d.id AS department_id,
    d.external_id AS department_external_id,
    d.depth,
    d.path,
    -- An id alone leaves the leader of a stored place to the record, which may disagree with the
    -- department's list.
    coalesce(s.is_leader, CASE WHEN s.raw IS NOT NULL OR md.member_id IS NULL THEN sd.names_leader END) AS is_leader,
    s.sort_order,
    s.primary_rank,
    -- A run of single members reads no departments, or single ones, and goes by those that are
    -- stored.
    d.id IS NOT NULL AND (
        sd.run_id IS NOT NULL
        OR s.by_events
        OR NOT EXISTS (SELECT 1 FROM staged_departments x WHERE x.run_id = s.run_id)
    ) AS placeable,
    md.member_id IS NOT NULL AS membership_stored,
    md.member_id IS NOT NULL AND (md.is_leader, md.sort_order, md.primary_rank) IS DISTINCT FROM (
        coalesce(s.is_leader, CASE WHEN s.raw IS NOT NULL THEN sd.names_leader END, md.is_leader),
        coalesce(s.sort_order, md.sort_order),
        coalesce(s.primary_rank, md.primary_rank)
    ) AS membership_differs
FROM merged_members s
LEFT JOIN LATERAL (
    SELECT * FROM org_departments x
    WHERE x.provider_id = s.provider_id AND x.external_id = s.department_external_id AND x.status = 'active'
    OFFSET 0
) d ON true
LEFT JOIN LATERAL (
    SELECT
        x.run_id,
        coalesce(s.open_id, '') = ANY (x.leaders) OR s.external_id = ANY (x.leaders) AS names_leader
    FROM staged_departments x
    WHERE x.run_id = s.run_id AND x.external_id = s.department_external_id
    OFFSET 0
) sd ON true
LEFT JOIN LATERAL (
    SELECT * FROM org_member_departments x
    WHERE x.member_id = s.member_id AND x.department_id = d.id
    OFFSET 0
) md ON true;

-- compare_listings are the compared rows of some listings: of the members with these keys, or
-- of all others. Each listing is looked up by itself, and the keys through a hash.
CREATE FUNCTION compare_listings(run uuid, listings text[], keys text[], included boolean)
RETURNS SETOF compared_members
LANGUAGE sql STABLE AS $$
    SELECT c.*
    FROM unnest(listings) AS w (listing)
    CROSS JOIN LATERAL (
        SELECT * FROM compared_members x
        WHERE x.run_id = run
            AND x.listing = w.listing
            AND (x.member_key IN (SELECT unnest(keys))) = included
        OFFSET 0
    ) c
$$;

-- drop_staging deletes up to so many rows of each table of a run's staging, and returns how
-- many it has deleted.
CREATE FUNCTION drop_staging(run uuid, max_rows integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    staging text;
    deleted bigint;
    total   bigint := 0;
BEGIN
    FOREACH staging IN ARRAY ARRAY[
        'staged_departments', 'staged_members', 'member_matches', 'staged_groups', 'staged_group_members',
        'staged_administrators', 'staged_details'
    ] LOOP
        EXECUTE format(
            'DELETE FROM %1$I WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$I WHERE run_id = $1 LIMIT $2))', staging)
        USING run, max_rows;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        total := total + deleted;
    END LOOP;
    RETURN total;
END
$$;

-- A run or provider that is new is not among the values that statistics know, and so counts
-- as having no rows: an index that only begins with it then looks as good as one that finds
-- the single row, and each look-up may read all of the run. Without statistics of these
-- columns the planner takes it for a two-hundredth of the table.
ALTER TABLE staged_departments ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE staged_members ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE member_matches ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE sync_run_departments ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE org_departments ALTER COLUMN provider_id SET STATISTICS 0;
ALTER TABLE org_members ALTER COLUMN provider_id SET STATISTICS 0;
