-- is_object_kind names the kinds of objects, as internal/directory/kinds.go does. A new kind
-- stands here, in org_objects or org_places, has triggers of its own for the change log and, if
-- it is read by listings of its own, stands in stored_listings and staged_listings.
CREATE FUNCTION is_object_kind(name text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT name IN ('department', 'member', 'membership', 'group', 'group_membership', 'administrator')
$$;

-- The directory: departments, members, and which member is in which department.
-- provider_id is null in rows that no provider owns; a sync never touches those.
-- Ids of providers are compared byte by byte, whatever the locale: COLLATE "C".
CREATE TABLE org_departments (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id         uuid REFERENCES identity_providers (id) ON DELETE SET NULL,
    tenant_id           uuid,
    external_id         text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    parent_id           uuid REFERENCES org_departments (id) CHECK (parent_id <> id),
    name                text NOT NULL DEFAULT '',
    -- Derived: the names from the top down, joined by "/", and the levels below the top.
    path                text NOT NULL DEFAULT '',
    depth               integer NOT NULL DEFAULT 0,
    -- Derived: distinct active members in it and all below, and directly in it.
    member_count        integer NOT NULL DEFAULT 0 CHECK (member_count >= 0),
    direct_member_count integer NOT NULL DEFAULT 0 CHECK (direct_member_count >= 0),
    status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleted')),
    -- Null: the provider does not say.
    sort_order          bigint DEFAULT 0,
    raw_data            jsonb NOT NULL DEFAULT '{}',
    synced_at           timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, external_id)
-- Most changes (names, paths, head counts) touch no indexed column. With room beside the
-- row they touch no index.
) WITH (fillfactor = 70);
CREATE INDEX org_departments_parent ON org_departments (parent_id, provider_id);
-- The tree is shown by pages: of a parent, or (nil) of a provider's tops. Neither the provider first
-- nor of active ones alone: without statistics it would be taken for looking departments up by their id.
CREATE INDEX org_departments_by_parent ON org_departments (
    coalesce(parent_id, '00000000-0000-0000-0000-000000000000'), provider_id,
    coalesce(sort_order, 9223372036854775807), name, id
);

-- A member's profile columns stand in one place, internal/directory/profile.go. Nothing in
-- the schema names them again: a run stages a record's fields as one object, keyed by
-- column, and whole rows are compared.
CREATE TABLE org_members (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id           uuid REFERENCES identity_providers (id) ON DELETE SET NULL,
    tenant_id             uuid,
    external_id           text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    unionid               text COLLATE "C" CHECK (unionid <> ''),
    open_id               text COLLATE "C" CHECK (open_id <> ''),
    name                  text NOT NULL DEFAULT '',
    name_translit_full    text NOT NULL DEFAULT '',
    name_translit_initial text NOT NULL DEFAULT '',
    email                 text,
    phone                 text,
    avatar_url            text,
    title                 text,
    employee_no           text,
    -- The manager as the provider names them. Private: applications read manager_id.
    manager_external_id   text COLLATE "C",
    -- Derived: the member whom manager_external_id names, if that one is there.
    manager_id            uuid REFERENCES org_members (id) ON DELETE SET NULL,
    attributes            jsonb NOT NULL DEFAULT '{}',
    -- Derived: the primary department and its path.
    department_id         uuid REFERENCES org_departments (id),
    department_path       text NOT NULL DEFAULT '',
    status                text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'deleted')),
    activated             boolean NOT NULL DEFAULT true,
    user_id               uuid,
    -- Since when the member is marked as having left here, although the provider lists them:
    -- such a member is inactive, whatever the provider says. Null: not marked.
    offline_at            timestamptz,
    -- Private: the status that the member had when they were marked.
    offline_status        text,
    raw_data              jsonb NOT NULL DEFAULT '{}',
    synced_at             timestamptz NOT NULL DEFAULT now(),
    -- A hash of all that a provider says of the member (hash_member).
    content_hash          bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 90); -- as above

-- A member is one row: by unionid where there is one, else by external id. An external id
-- that was given to another member stands on the former holder's row as well, so external
-- ids alone are not unique. Where a provider follows the id in an index it comes second:
-- a plan that was made while the table was empty could otherwise go by the provider alone.
CREATE UNIQUE INDEX org_members_unionid ON org_members (unionid, provider_id) WHERE unionid IS NOT NULL;
CREATE UNIQUE INDEX org_members_external_id ON org_members (provider_id, external_id) WHERE unionid IS NULL;
-- WeCom user ids are unique ignoring case (wecom.md §3.3), hence lower().
CREATE INDEX org_members_external_key ON org_members (lower(external_id), provider_id);
CREATE INDEX org_members_open_id ON org_members (open_id, provider_id) WHERE open_id IS NOT NULL;
CREATE INDEX org_members_department ON org_members (department_id);
CREATE INDEX org_members_manager ON org_members (manager_id) WHERE manager_id IS NOT NULL;
CREATE INDEX org_members_user ON org_members (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE org_member_departments (
    member_id     uuid NOT NULL REFERENCES org_members (id) ON DELETE CASCADE,
    department_id uuid NOT NULL REFERENCES org_departments (id) ON DELETE CASCADE,
    is_primary    boolean NOT NULL DEFAULT false,
    is_leader     boolean NOT NULL DEFAULT false,
    -- Null: the provider does not say.
    sort_order    bigint DEFAULT 0,
    -- How strongly the provider calls this the main department; null: not said.
    primary_rank  bigint,
    PRIMARY KEY (member_id, department_id)
);
CREATE INDEX org_member_departments_department ON org_member_departments (department_id);
CREATE UNIQUE INDEX org_member_departments_one_primary ON org_member_departments (member_id) WHERE is_primary;

-- Each member's primary department: the one with the provider's highest rank, else the
-- deepest, else the one with the smallest external id. It depends on what is stored and
-- never on the order of reading. is_primary tells whether the membership is marked so.
CREATE VIEW org_primary_departments AS
SELECT DISTINCT ON (d.provider_id, md.member_id)
    d.provider_id,
    md.member_id,
    d.id AS department_id,
    d.path,
    md.is_primary
FROM org_member_departments md
JOIN org_departments d ON d.id = md.department_id AND d.status = 'active'
ORDER BY
    d.provider_id,
    md.member_id,
    md.primary_rank DESC NULLS LAST,
    d.depth DESC,
    d.external_id COLLATE "C";

-- new_member_id makes an id that is random but begins with the time (UUID version 7), so
-- that rows written together lie together in every index.
CREATE FUNCTION new_member_id() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- member_id_key is an external id of a member as a provider compares it.
CREATE FUNCTION member_id_key(external_id text, ignore_case boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN ignore_case THEN lower(external_id) ELSE external_id END
$$;

-- hash_member keeps content_hash. A trigger does it, so that a row changed by hand is
-- told from one that is as it was written. Derived columns and the link are left out.
CREATE FUNCTION hash_member() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    hashed org_members := NEW;
BEGIN
    hashed.content_hash := 0;
    hashed.synced_at := '-infinity';
    hashed.user_id := NULL;
    hashed.offline_at := NULL;
    hashed.offline_status := NULL;
    hashed.department_id := NULL;
    hashed.department_path := '';
    hashed.manager_id := NULL;
    NEW.content_hash := hash_record_extended(hashed, 0);
    RETURN NEW;
END
$$;
CREATE TRIGGER hash_content BEFORE INSERT OR UPDATE ON org_members
    FOR EACH ROW EXECUTE FUNCTION hash_member();

-- hash_membership is a hash of one membership together with its member's row.
CREATE FUNCTION hash_membership(
    member_id    uuid,
    content_hash bigint,
    is_leader    boolean,
    sort_order   bigint,
    primary_rank bigint
) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_record_extended(ROW(member_id, content_hash, is_leader, sort_order, primary_rank), 0)
$$;
