-- The change feed: the order in which applications are told what runs changed. Nothing of the
-- change log is copied: a publication names a part of it.

-- The one counter of publications. A publication holds its row from when it takes its number
-- until it is committed. So publications become visible in the order of their numbers.
CREATE TABLE change_feed (
    single              boolean PRIMARY KEY DEFAULT true CHECK (single),
    newest              bigint NOT NULL DEFAULT 0,
    -- The last position that retention has dropped: a reader that has read less missed something.
    dropped_publication bigint NOT NULL DEFAULT 0,
    dropped_change      bigint NOT NULL DEFAULT 0
);
INSERT INTO change_feed DEFAULT VALUES;

-- A publication is what a run changed behind one line of its change log and up to another, told
-- when the run is held or ends; or (no run) that a provider was removed.
CREATE TABLE publications (
    number       bigint PRIMARY KEY,
    run_id       uuid REFERENCES sync_runs (id) ON DELETE CASCADE,
    after_change bigint NOT NULL,
    last_change  bigint NOT NULL,
    -- Without a foreign key: the news of a provider's removal outlives it.
    provider_id  uuid NOT NULL,
    tenant_id    uuid,
    provider     text NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX publications_run ON publications (run_id);

-- change_event_type is what the feed calls a change. A place in a group and an administrator
-- whose details changed are told as created: readers take in what they are now.
CREATE FUNCTION change_event_type(object_type text, kind text, after jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT object_type || '.' || CASE
        WHEN kind = 'linked' AND after -> 'user_id' = 'null' THEN 'updated'
        WHEN object_type IN ('group_membership', 'administrator') AND kind <> 'deleted' THEN 'created'
        ELSE kind
    END
$$;

-- change_object is how the object of a change stands now, with an id that is always the same.
-- A place that is gone stands as the change log last had it.
CREATE FUNCTION change_object(object_type text, object_id uuid, container_id uuid, logged jsonb) RETURNS jsonb
LANGUAGE sql STABLE AS $$
    SELECT CASE object_type
        WHEN 'department' THEN (SELECT to_jsonb(d) - 'depth' FROM org_departments d WHERE d.id = object_id)
        WHEN 'group' THEN (SELECT to_jsonb(g) FROM org_groups g WHERE g.id = object_id)
        WHEN 'member' THEN (
            SELECT to_jsonb(m) - '{manager_external_id,offline_at,offline_status,content_hash}'::text[]
            FROM org_members m WHERE m.id = object_id)
        WHEN 'membership' THEN logged - 'primary_rank' || jsonb_build_object(
            'id', object_id || ':' || container_id, 'member_id', object_id, 'department_id', container_id)
            || coalesce((
                SELECT to_jsonb(md) - 'primary_rank' FROM org_member_departments md
                WHERE md.member_id = object_id AND md.department_id = container_id), '{}')
        WHEN 'group_membership' THEN logged || jsonb_build_object(
            'id', object_id || ':' || container_id, 'group_id', container_id,
            CASE WHEN EXISTS (SELECT 1 FROM org_departments d WHERE d.id = object_id)
                THEN 'department_id' ELSE 'member_id' END, object_id)
            || coalesce((
                SELECT to_jsonb(gm) FROM org_group_members gm
                WHERE gm.member_id = object_id AND gm.group_id = container_id), '{}')
        -- The level alone changes of those whom the provider names.
        WHEN 'administrator' THEN jsonb_build_object('source', 'provider') || logged || jsonb_build_object(
            'id', object_id || ':' || coalesce(logged ->> 'source', 'provider'), 'member_id', object_id)
            || coalesce((
                SELECT to_jsonb(a) FROM org_administrators a
                WHERE a.member_id = object_id AND a.source = coalesce(logged ->> 'source', 'provider')), '{}')
    END
$$;

-- change_previous is what a change's columns were before, without what is private or derived.
CREATE FUNCTION change_previous(before jsonb, hidden text[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(before, '{}') - hidden - '{primary_rank,depth,path,department_path,is_primary,
        manager_external_id,offline_at,offline_status,account_email,account_phone}'::text[]
$$;

-- is_change_told tells whether a line of the change log is an event of the feed. The primary
-- department is derived: that it changed is told of members who were placed otherwise. hidden
-- are columns that the reader does not see; a line about these alone is left out, unless the
-- line was told before and now is another one (again).
CREATE FUNCTION is_change_told(c org_changes, hidden text[], again boolean) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT c.kind <> 'account_created'
        AND (again OR c.kind <> 'updated' OR change_previous(c.before, hidden) <> '{}')
        AND (NOT org_change_derived(c.object_type, c.kind, c.before) OR EXISTS (
            SELECT 1 FROM org_changes place
            WHERE place.object_id = c.object_id
              AND place.run_id = c.run_id
              AND place.object_type = 'membership'))
$$;
