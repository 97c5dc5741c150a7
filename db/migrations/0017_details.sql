-- Facts that a provider tells of single objects only, at DingTalk a member's manager and a
-- department's order. They are looked up where the rules ask for it (scope.details).

-- When an object was last looked up, and what it was then.
CREATE TABLE detail_reads (
    provider_id  uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    object_type  text NOT NULL CHECK (object_type IN ('department', 'member')),
    object_id    uuid NOT NULL,
    -- detailed_objects.content_hash then: one that differs now has changed since.
    content_hash bigint NOT NULL,
    read_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (object_type, object_id)
);
CREATE INDEX detail_reads_provider ON detail_reads (provider_id);

-- What can be looked up, each with a hash of what the directory has of it.
CREATE VIEW detailed_objects AS
SELECT
    'department'::text AS object_type,
    d.id,
    d.provider_id,
    d.external_id,
    NULL::text AS unionid,
    hash_record_extended(ROW(d.name, d.parent_id, d.sort_order, d.raw_data), 0) AS content_hash
FROM org_departments d
WHERE d.status = 'active'
UNION ALL
SELECT
    'member',
    m.id,
    m.provider_id,
    m.external_id,
    m.unionid,
    hash_record_extended(ROW(m.content_hash, ARRAY(
        SELECT md.department_id FROM org_member_departments md WHERE md.member_id = m.id ORDER BY md.department_id
    )), 0)
FROM org_members m
WHERE m.status <> 'deleted';

-- What a run is to look up, and what it was told. Staging, as in 0006.
CREATE TABLE staged_details (
    run_id      uuid NOT NULL,
    object_type text NOT NULL CHECK (object_type IN ('department', 'member')),
    external_id text COLLATE "C" NOT NULL,
    unionid     text COLLATE "C" NOT NULL DEFAULT '',
    -- open: still to be looked up. silent: the provider says nothing of it. told: as in the
    -- columns below. forgotten: facts of earlier runs are to go, since the rules do not ask for
    -- them any more.
    state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'silent', 'told', 'forgotten')),
    manager     text COLLATE "C",
    sort_order  bigint,
    PRIMARY KEY (run_id, object_type, external_id, unionid)
) WITH (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);
