-- A run's snapshot. Logged tables on purpose: an unlogged one would be empty
-- after a crash of Postgres, and an empty snapshot looks like an empty company.
CREATE TABLE staged_departments (
    run_id             uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    external_id        text COLLATE "C" NOT NULL,
    -- Null for the root, '' where the provider did not send it.
    parent_external_id text COLLATE "C",
    name               text,
    sort_order         bigint,
    declared_members   integer,
    leaders            text[],
    raw                jsonb NOT NULL,
    PRIMARY KEY (run_id, external_id)
);
-- Without the root, so that it is no way to find a single department: while statistics
-- know the table as empty it would look as good a one as the key.
CREATE INDEX staged_departments_parent ON staged_departments (run_id, parent_external_id) WHERE parent_external_id IS NOT NULL;

-- One row for each person and department of each page. Null: not sent.
CREATE TABLE staged_members (
    run_id                 uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    -- The department whose listing brought the row, and where in it.
    listing                text COLLATE "C" NOT NULL,
    page                   integer NOT NULL,
    n                      integer NOT NULL,
    -- Where the person is placed; null for a person placed nowhere.
    department_external_id text COLLATE "C",
    -- The person within this run: the external id, for WeCom in lower case.
    person_key             text COLLATE "C" NOT NULL,
    external_id            text COLLATE "C" NOT NULL,
    external_is_fallback   boolean NOT NULL,
    unionid                text COLLATE "C",
    open_id                text COLLATE "C",
    name                   text,
    name_translit_full     text NOT NULL,
    name_translit_initial  text NOT NULL,
    email                  text,
    phone                  text,
    avatar_url             text,
    title                  text,
    status                 text,
    activated              boolean,
    primary_rank           bigint,
    is_leader              boolean,
    sort_order             bigint,
    raw                    jsonb,
    PRIMARY KEY (run_id, listing, page, n)
);

-- Who a staged person is. Written once a person and run, so that two workers
-- applying the same person agree on the row.
CREATE TABLE sync_run_members (
    run_id     uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    person_key text COLLATE "C" NOT NULL,
    -- Null: cannot be decided; nothing of this person is changed.
    member_id  uuid,
    is_new     boolean NOT NULL DEFAULT false,
    unionid    text COLLATE "C",
    open_id    text COLLATE "C",
    PRIMARY KEY (run_id, person_key)
);
CREATE UNIQUE INDEX sync_run_members_member ON sync_run_members (run_id, member_id) WHERE member_id IS NOT NULL;

-- The memberships this run has seen.
CREATE TABLE sync_run_memberships (
    run_id        uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    department_id uuid NOT NULL,
    member_id     uuid NOT NULL,
    PRIMARY KEY (run_id, department_id, member_id)
);

-- Where a rehearsal's change log waits for the rehearsal to be rolled back. No keys
-- on purpose: they would make the copy wait for the rows it is copied from.
CREATE TABLE rehearsed_changes (LIKE org_changes INCLUDING DEFAULTS EXCLUDING IDENTITY);
ALTER TABLE rehearsed_changes DROP COLUMN id;
