-- Groups: DingTalk's roles, Feishu's user groups, WeCom's tags. Members belong to them, and
-- so do whole departments with all that is below them.
CREATE TABLE org_groups (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id  uuid REFERENCES identity_providers (id) ON DELETE SET NULL,
    tenant_id    uuid,
    external_id  text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    kind         text NOT NULL CHECK (kind IN ('role', 'group', 'tag')),
    name         text NOT NULL DEFAULT '',
    -- DingTalk's role group.
    category     text,
    -- Derived: distinct active members, those who belong through a department included.
    member_count integer NOT NULL DEFAULT 0 CHECK (member_count >= 0),
    status       text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleted')),
    attributes   jsonb NOT NULL DEFAULT '{}',
    raw_data     jsonb NOT NULL DEFAULT '{}',
    synced_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider_id, external_id)
);

CREATE TABLE org_group_members (
    group_id  uuid NOT NULL REFERENCES org_groups (id) ON DELETE CASCADE,
    member_id uuid NOT NULL REFERENCES org_members (id) ON DELETE CASCADE,
    -- The departments that a role holder manages, with all below them; null: not said.
    scope     uuid[],
    PRIMARY KEY (group_id, member_id)
);
CREATE INDEX org_group_members_member ON org_group_members (member_id);

CREATE TABLE org_group_departments (
    group_id      uuid NOT NULL REFERENCES org_groups (id) ON DELETE CASCADE,
    department_id uuid NOT NULL REFERENCES org_departments (id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, department_id)
);
CREATE INDEX org_group_departments_department ON org_group_departments (department_id);

-- The members who belong to a group and are not deleted, directly or through departments
-- below. Lateral, so that asking for one group reads that group alone.
CREATE VIEW org_group_people AS
SELECT
    g.id AS group_id,
    people.member_id
FROM org_groups g
CROSS JOIN LATERAL (
    WITH RECURSIVE below AS (
        SELECT gd.department_id FROM org_group_departments gd WHERE gd.group_id = g.id
        UNION
        SELECT d.id
        FROM below b
        JOIN org_departments d ON d.parent_id = b.department_id AND d.status = 'active'
    )
    SELECT b.member_id
    FROM (
        SELECT gm.member_id FROM org_group_members gm WHERE gm.group_id = g.id
        UNION
        SELECT md.member_id FROM below b JOIN org_member_departments md ON md.department_id = b.department_id
    ) b
    JOIN org_members m ON m.id = b.member_id AND m.status <> 'deleted'
) people;

-- Who administers the company's account at the provider, and who was named here (local).
CREATE TABLE org_administrators (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    member_id   uuid NOT NULL REFERENCES org_members (id) ON DELETE CASCADE,
    source      text NOT NULL CHECK (source IN ('provider', 'local')),
    -- main, sub, the provider's own word, or admin for local ones.
    level       text NOT NULL CHECK (level <> ''),
    PRIMARY KEY (provider_id, member_id, source)
);
CREATE INDEX org_administrators_member ON org_administrators (member_id);

CREATE TRIGGER log_created AFTER INSERT ON org_groups
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('group', '{id,provider_id,synced_at,external_id,member_count}', '{}');
CREATE TRIGGER log_changed AFTER UPDATE ON org_groups
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('group', '{id,provider_id,synced_at,external_id,member_count}', '{}');

CREATE TRIGGER log_created AFTER INSERT ON org_group_members
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('group_membership', 'member_id', 'group_id', '');
CREATE TRIGGER log_changed AFTER UPDATE ON org_group_members
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('group_membership', 'member_id', 'group_id', '');
CREATE TRIGGER log_deleted AFTER DELETE ON org_group_members
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('group_membership', 'member_id', 'group_id', '');

CREATE TRIGGER log_created AFTER INSERT ON org_group_departments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('group_membership', 'department_id', 'group_id', '');
CREATE TRIGGER log_deleted AFTER DELETE ON org_group_departments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('group_membership', 'department_id', 'group_id', '');

CREATE TRIGGER log_created AFTER INSERT ON org_administrators
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('administrator', 'member_id', 'member_id', '');
CREATE TRIGGER log_changed AFTER UPDATE ON org_administrators
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('administrator', 'member_id', 'member_id', '');
CREATE TRIGGER log_deleted AFTER DELETE ON org_administrators
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('administrator', 'member_id', 'member_id', '');

-- Staging, as in 0006. page tells a page that is written twice.
CREATE TABLE staged_groups (
    run_id      uuid NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    page        integer NOT NULL,
    kind        text NOT NULL,
    -- Null: not sent.
    name        text,
    category    text,
    attributes  jsonb NOT NULL DEFAULT '{}',
    raw         jsonb,
    PRIMARY KEY (run_id, external_id)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);

-- What belongs to a group: members, by external id or open id, and departments.
CREATE TABLE staged_group_members (
    run_id            uuid NOT NULL,
    group_external_id text COLLATE "C" NOT NULL,
    is_department     boolean NOT NULL,
    external_id       text COLLATE "C" NOT NULL,
    -- External ids of departments; null: not said.
    scope             text[],
    -- Whom or what that is in the directory, once the run has applied it; null: nothing.
    object_id         uuid,
    PRIMARY KEY (run_id, group_external_id, is_department, external_id)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);

CREATE TABLE staged_administrators (
    run_id      uuid NOT NULL,
    -- The member's external id or open id.
    external_id text COLLATE "C" NOT NULL,
    level       text NOT NULL,
    -- As in staged_group_members.
    object_id   uuid,
    PRIMARY KEY (run_id, external_id)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);

-- Every object of the directory, for statements that are the same for all kinds.
CREATE VIEW org_objects AS
SELECT 'department'::text AS object_type, d.id, d.provider_id, d.external_id, d.name, d.status, d.path
FROM org_departments d
UNION ALL
SELECT 'member', m.id, m.provider_id, m.external_id, m.name, m.status, m.department_path
FROM org_members m
UNION ALL
SELECT 'group', g.id, g.provider_id, g.external_id, g.name, g.status, coalesce(g.category, '')
FROM org_groups g;

-- Every place of an object in another one, and by whose removal it goes.
CREATE VIEW org_places AS
SELECT
    'membership'::text AS object_type,
    md.member_id AS object_id,
    md.department_id,
    'member'::text AS object_kind,
    'department'::text AS container_kind
FROM org_member_departments md
UNION ALL
SELECT 'group_membership', gm.member_id, gm.group_id, 'member', 'group' FROM org_group_members gm
UNION ALL
SELECT 'group_membership', gd.department_id, gd.group_id, 'department', 'group' FROM org_group_departments gd
UNION ALL
SELECT 'administrator', a.member_id, a.member_id, 'member', 'member' FROM org_administrators a
WHERE a.source = 'provider';

-- What listings of groups and administrators show, as stored and as staged: a row for each object,
-- by its kind and its listing (the group; '' is the one list of all). A listing that is empty of
-- departments, or of anything else, while such are stored is not believed at once.
CREATE VIEW stored_listings AS
SELECT 'group'::text AS object_type, g.provider_id, '' AS listing, false AS is_department
FROM org_groups g
WHERE g.status = 'active'
UNION ALL
SELECT 'group_membership', g.provider_id, g.external_id, p.object_kind = 'department'
FROM org_groups g
JOIN org_places p ON p.object_type = 'group_membership' AND p.department_id = g.id
UNION ALL
SELECT 'administrator', a.provider_id, '', false
FROM org_administrators a
WHERE a.source = 'provider';

CREATE VIEW staged_listings AS
SELECT 'group'::text AS object_type, s.run_id, '' AS listing, false AS is_department
FROM staged_groups s
UNION ALL
SELECT 'group_membership', s.run_id, s.group_external_id, s.is_department
FROM staged_group_members s
UNION ALL
SELECT 'administrator', s.run_id, '', false
FROM staged_administrators s;
