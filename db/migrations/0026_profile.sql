-- A member's profile fields stand in one place, internal/directory/profile.go. Nothing in
-- here names them: a run stages what a record says as one object, keyed by column, and
-- whole rows are compared.
DROP VIEW sync_run_people;
DROP VIEW sync_run_memberships;

ALTER TABLE org_members
    ADD COLUMN employee_no text,
    -- The manager as the provider names them. Private: applications read manager_id.
    ADD COLUMN manager_external_id text COLLATE "C",
    -- Derived: the member whom manager_external_id names, if that one is there.
    ADD COLUMN manager_id uuid REFERENCES org_members (id) ON DELETE SET NULL,
    ADD COLUMN attributes jsonb NOT NULL DEFAULT '{}',
    DROP COLUMN content;
CREATE INDEX org_members_manager ON org_members (manager_id) WHERE manager_id IS NOT NULL;

-- A hash of all that a provider says of a member. Kept by a trigger, so that a row
-- changed by hand is told from one that is as it was written.
ALTER TABLE org_members ADD COLUMN content bigint NOT NULL DEFAULT 0;

CREATE FUNCTION org_member_content() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said org_members := NEW;
BEGIN
    said.content := 0;
    said.synced_at := '-infinity';
    said.user_id := NULL;
    said.department_id := NULL;
    said.department_path := '';
    said.manager_id := NULL;
    NEW.content := hash_record_extended(said, 0);
    RETURN NEW;
END
$$;
CREATE TRIGGER hash_content BEFORE INSERT OR UPDATE ON org_members
    FOR EACH ROW EXECUTE FUNCTION org_member_content();
UPDATE org_members SET content = 0;

DROP TRIGGER log_created ON org_members;
DROP TRIGGER log_changed ON org_members;
CREATE TRIGGER log_created AFTER INSERT ON org_members
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('member',
        '{id,provider_id,synced_at,user_id,content}', '{department_path,manager_id}');
CREATE TRIGGER log_changed AFTER UPDATE ON org_members
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('member',
        '{id,provider_id,synced_at,user_id,content}', '{department_path,manager_id}');

TRUNCATE staged_members;
ALTER TABLE staged_members
    DROP COLUMN name,
    DROP COLUMN name_translit_full,
    DROP COLUMN name_translit_initial,
    DROP COLUMN email,
    DROP COLUMN phone,
    DROP COLUMN avatar_url,
    DROP COLUMN title,
    DROP COLUMN status,
    DROP COLUMN activated,
    -- What the record says, by columns of org_members. What was not sent is not in it; what
    -- was sent empty is null.
    ADD COLUMN fields jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN status text GENERATED ALWAYS AS (fields ->> 'status') STORED;

CREATE VIEW sync_run_memberships AS
SELECT s.run_id, d.id AS department_id, r.member_id
FROM staged_members s
JOIN sync_runs u ON u.id = s.run_id
JOIN sync_run_members r ON r.run_id = s.run_id AND r.person_key = s.person_key AND r.member_id IS NOT NULL
JOIN org_departments d ON d.provider_id = u.provider_id AND d.external_id = s.department_external_id AND d.status = 'active'
WHERE s.status IS DISTINCT FROM 'deleted';

-- The row that a stored member (null: a new one) is to become by a staged record: what was
-- not sent stays, what was sent empty is cleared.
CREATE FUNCTION member_to_be(stored org_members, staged staged_members, tenant_id uuid) RETURNS org_members
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
        member.raw_data := org_raw_kept(member.raw_data, staged.raw_keeps) || staged.raw;
    ELSIF staged.raw IS NOT NULL THEN
        member.raw_data := staged.raw;
    END IF;
    member := jsonb_populate_record(member, staged.fields - 'attributes');
    IF staged.fields ? 'attributes' THEN
        member.attributes := jsonb_strip_nulls(member.attributes || (staged.fields -> 'attributes'));
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

-- Each row of a snapshot beside what the directory holds of the member and of the
-- membership, and what both are to become. For statements on a batch: OFFSET 0 makes every
-- look-up one by its full key, whatever the statistics say of a run or provider that is new.
CREATE VIEW sync_run_people AS
SELECT s.run_id, s.listing, s.page, s.n, s.person_key, s.raw IS NULL AS partial, s.raw_keeps IS NOT NULL AS partly,
    s.department_external_id AS listed_in,
    r.member_id, r.is_new, m.id IS NOT NULL AS stored,
    -- A record under the same id with another unionid is somebody else's.
    coalesce(s.unionid = r.unionid, true) AS theirs,
    w.member AS member,
    m.id IS NOT NULL AND m.stored IS DISTINCT FROM w.member AS differs,
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
JOIN identity_providers p ON p.id = u.provider_id
CROSS JOIN LATERAL (SELECT * FROM sync_run_members x WHERE x.run_id = s.run_id AND x.person_key = s.person_key OFFSET 0) r
LEFT JOIN LATERAL (SELECT x.id, (x.*)::org_members AS stored FROM org_members x WHERE x.id = r.member_id OFFSET 0) m ON true
CROSS JOIN LATERAL (SELECT member_to_be(m.stored, s.*, p.tenant_id) AS member OFFSET 0) w
LEFT JOIN LATERAL (SELECT * FROM org_departments x WHERE x.provider_id = u.provider_id AND x.external_id = s.department_external_id
    AND x.status = 'active' OFFSET 0) d ON true
LEFT JOIN LATERAL (SELECT * FROM staged_departments x WHERE x.run_id = s.run_id AND x.external_id = s.department_external_id OFFSET 0) sd ON true
LEFT JOIN LATERAL (SELECT * FROM org_member_departments x WHERE x.member_id = r.member_id AND x.department_id = d.id OFFSET 0) md ON true
WHERE s.status IS DISTINCT FROM 'deleted';
