CREATE TABLE sync_runs (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id       uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    -- Numbers a provider's runs; the newest one alone may write.
    generation        bigint NOT NULL,
    workflow_id       text NOT NULL,
    temporal_run_id   text NOT NULL,
    mode              text NOT NULL DEFAULT 'apply' CHECK (mode IN ('apply', 'plan')),
    on_removals       text NOT NULL DEFAULT 'hold' CHECK (on_removals IN ('hold', 'apply', 'skip')),
    -- Departments a targeted run is limited to; empty: the whole company.
    departments       text[] NOT NULL DEFAULT '{}',
    status            text NOT NULL DEFAULT 'running' CHECK (status IN
        ('running', 'held', 'succeeded', 'partial', 'failed', 'rejected', 'superseded', 'canceled')),
    phase             text NOT NULL DEFAULT 'begin',
    -- The result as SyncOrg returns it: departments, members, memberships.
    counts            jsonb NOT NULL DEFAULT '{}',
    calls             bigint NOT NULL DEFAULT 0,
    visible_range     jsonb,
    -- Why a held run waits, and the workflow that waits and takes the decision.
    hold_reason       text,
    hold_workflow_id  text,
    error             text,
    started_at        timestamptz NOT NULL DEFAULT now(),
    finished_at       timestamptz,
    UNIQUE (provider_id, generation),
    UNIQUE (workflow_id, temporal_run_id),
    CHECK ((status = 'held') <= (hold_reason IS NOT NULL))
);
CREATE INDEX sync_runs_started ON sync_runs (started_at DESC);

-- The completeness ledger, and with its cursors the place where reading goes on
-- after a crash: a page and the cursor behind it are written together.
CREATE TABLE sync_run_departments (
    run_id             uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    external_id        text COLLATE "C" NOT NULL,
    -- Position in the run's fixed order; null until all departments were read.
    ordinal            integer,
    children_complete  boolean NOT NULL DEFAULT false,
    members_complete   boolean NOT NULL DEFAULT false,
    pages              integer NOT NULL DEFAULT 0,
    members_read       integer NOT NULL DEFAULT 0,
    members_declared   integer,
    error              text,
    -- How children and members are read, by which department's listing (its own
    -- or one that covers it), and how far that has come.
    children_listing   text NOT NULL,
    children_via       text COLLATE "C" NOT NULL,
    children_cursor    text NOT NULL DEFAULT '',
    children_pages     integer NOT NULL DEFAULT 0,
    children_error     text,
    -- Records that could not be used: what they stood for must not count as gone.
    bad_records        integer NOT NULL DEFAULT 0,
    members_listing    text NOT NULL,
    members_via        text COLLATE "C" NOT NULL,
    members_cursor     text NOT NULL DEFAULT '',
    members_error      text,
    -- A targeted run does not ask for everybody.
    members_skipped    boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, external_id)
);
-- Without what has no position yet, and so of no use for anything but positions: as long as
-- statistics know the table as empty it would look as good as the key for a single department.
CREATE INDEX sync_run_departments_ordinal ON sync_run_departments (run_id, ordinal) WHERE ordinal IS NOT NULL;
CREATE INDEX sync_run_departments_walk ON sync_run_departments (run_id, external_id)
    WHERE NOT children_complete AND children_error IS NULL AND children_listing <> '';

-- What went wrong with single objects, in words without personal data.
CREATE TABLE sync_run_errors (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    -- department and member count as failed objects, warning does not.
    object_type text NOT NULL CHECK (object_type IN ('department', 'member', 'warning')),
    external_id text NOT NULL,
    message     text NOT NULL,
    UNIQUE (run_id, object_type, external_id, message)
);

-- What a run found to be gone: the plan that the guard judges and an operator
-- approves, and the list that removing works off.
CREATE TABLE sync_run_removals (
    run_id        uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type   text NOT NULL CHECK (object_type IN ('membership', 'member', 'department')),
    object_id     uuid NOT NULL,
    -- Of a membership; otherwise the object itself, so that it can be in the key.
    department_id uuid NOT NULL,
    -- False while a single look-up has yet to confirm that the object is gone.
    confirmed     boolean NOT NULL DEFAULT true,
    applied       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, object_type, object_id, department_id)
);
CREATE INDEX sync_run_removals_open ON sync_run_removals (run_id, object_type) WHERE confirmed AND NOT applied;

CREATE TABLE org_changes (
    id            bigint GENERATED ALWAYS AS IDENTITY,
    run_id        uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type   text NOT NULL CHECK (object_type IN ('department', 'member', 'membership')),
    object_id     uuid NOT NULL,
    -- Of a membership; otherwise the object itself.
    department_id uuid NOT NULL,
    external_id   text NOT NULL,
    kind          text NOT NULL CHECK (kind IN
        ('created', 'updated', 'moved', 'restored', 'deactivated', 'deleted', 'linked')),
    before        jsonb,
    after         jsonb,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, id)
);
-- An object is logged once a run; only being linked is a change of its own. The object
-- comes first, so that its story across runs is found by the same index.
CREATE UNIQUE INDEX org_changes_once ON org_changes (object_id, department_id, run_id, object_type, (kind = 'linked'));

-- The kind that stands when one run changes an object twice: the first that
-- applies of created, restored, moved, deactivated, updated; a removal comes last
-- and covers them all.
CREATE FUNCTION org_change_kind(a text, b text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT k FROM unnest(ARRAY['deleted', 'created', 'restored', 'moved', 'deactivated', 'updated', 'linked'])
        WITH ORDINALITY AS t (k, n) WHERE k IN (a, b) ORDER BY n LIMIT 1
$$;
