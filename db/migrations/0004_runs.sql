-- Runs: syncs, dry runs, undo runs and targeted syncs.
CREATE TABLE sync_runs (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id        uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    -- Numbers a provider's runs; the newest one alone may write.
    generation         bigint NOT NULL,
    workflow_id        text NOT NULL,
    temporal_run_id    text NOT NULL,
    mode               text NOT NULL DEFAULT 'apply' CHECK (mode IN ('apply', 'plan')),
    on_removals        text NOT NULL DEFAULT 'hold' CHECK (on_removals IN ('hold', 'apply', 'skip')),
    -- What a targeted run is limited to: departments, members, or what another run failed
    -- to read. All empty: the whole company.
    departments        text[] NOT NULL DEFAULT '{}',
    members            text[] NOT NULL DEFAULT '{}',
    retries            uuid REFERENCES sync_runs (id) ON DELETE SET NULL,
    -- The version of the provider's rules that the run goes by; 0: there are none.
    rules_version      integer NOT NULL DEFAULT 0,
    -- Whether the run reads what events were about: its members, and single_departments,
    -- each by itself.
    by_events          boolean NOT NULL DEFAULT false,
    single_departments text[] NOT NULL DEFAULT '{}',
    -- Whether a run by events found more to remove than its like may within a day, and
    -- removed nothing: the next full run is held then.
    removals_withheld  boolean NOT NULL DEFAULT false,
    -- A targeted run reads less than the whole company.
    targeted           boolean NOT NULL GENERATED ALWAYS AS (
        cardinality(departments) > 0 OR cardinality(members) > 0 OR retries IS NOT NULL OR by_events) STORED,
    -- Departments that a rule leaves out, each with what is below: they are not asked for.
    excluded_departments text[] NOT NULL DEFAULT '{}',
    -- If there are any, these alone are read, each with what is below.
    included_departments text[] NOT NULL DEFAULT '{}',
    -- How the run treats members' accounts (db.AccountPolicy); null: as by default.
    account_policy     jsonb,
    -- What the run does: reads the provider, or links accounts, or marks members as having
    -- left here, or takes that back. Undo runs are told by what they undo.
    task               text NOT NULL DEFAULT 'sync'
        CHECK (task IN ('sync', 'accounts', 'offline', 'online', 'administrators')),
    -- The run that this one takes back.
    undoes             uuid REFERENCES sync_runs (id) ON DELETE SET NULL,
    status             text NOT NULL DEFAULT 'running' CHECK (status IN (
        'running', 'held', 'succeeded', 'partial', 'failed', 'rejected', 'superseded', 'canceled')),
    phase              text NOT NULL DEFAULT 'begin',
    -- The result as SyncOrg returns it: departments, members, memberships.
    counts             jsonb NOT NULL DEFAULT '{}',
    calls              bigint NOT NULL DEFAULT 0,
    -- What the credentials could see.
    visible_range      jsonb,
    -- How many stored members the run has seen, as counted when its removals were planned.
    members_seen       integer,
    -- Why a held run waits, the workflow that waits, and until when.
    hold_reason        text,
    hold_workflow_id   text,
    hold_expires_at    timestamptz,
    error              text,
    -- Who started the run and who decided it: a login name with its host, a schedule's
    -- id, or a word.
    started_by         text CHECK (octet_length(started_by) BETWEEN 1 AND 200),
    decided_by         text CHECK (octet_length(decided_by) BETWEEN 1 AND 200),
    started_at         timestamptz NOT NULL DEFAULT now(),
    finished_at        timestamptz,
    -- Retention drops a run's raw records first, then its details (completeness, errors,
    -- removals, change log), and its row with the counts last. From details_dropped_at on
    -- the details are not to be relied on: they go batch by batch. raw_left and
    -- details_left tell whether there is anything left to drop.
    details_dropped_at timestamptz,
    details_left       boolean NOT NULL DEFAULT true,
    raw_left           boolean NOT NULL DEFAULT true,
    UNIQUE (provider_id, generation),
    UNIQUE (workflow_id, temporal_run_id),
    CHECK ((status = 'held') <= (hold_reason IS NOT NULL))
);
CREATE INDEX sync_runs_by_events ON sync_runs (provider_id, started_at) WHERE by_events;
CREATE INDEX sync_runs_started ON sync_runs (started_at DESC);
CREATE INDEX sync_runs_open ON sync_runs (provider_id) WHERE status IN ('running', 'held');
CREATE INDEX sync_runs_finished ON sync_runs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX sync_runs_with_details ON sync_runs (finished_at) WHERE details_left;
CREATE INDEX sync_runs_with_raw ON sync_runs (finished_at) WHERE raw_left;
-- For the references to a run whose row goes.
CREATE INDEX sync_runs_undoes ON sync_runs (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX sync_runs_retries ON sync_runs (retries) WHERE retries IS NOT NULL;

-- The applied syncs of the whole company.
CREATE VIEW full_runs AS
SELECT *
FROM sync_runs
WHERE mode = 'apply'
    AND task = 'sync'
    AND undoes IS NULL
    AND NOT targeted;

-- The completeness record: for each department of a run, whether its children and its
-- members were read to the end, how far, and why not. Reading goes on from the cursors
-- after a crash: a page and the cursor behind it are written together.
--
-- run_id has no foreign key, here and in the other tables with a row for each member or
-- department of a run: it would cost a look-up and a row lock for each row. The fence
-- keeps the run there while they are written. They are deleted with it by the trigger
-- delete_run_rows.
CREATE TABLE sync_run_departments (
    run_id              uuid NOT NULL,
    external_id         text COLLATE "C" NOT NULL,
    -- wanted: to be read. excluded: left out on purpose, by a rule or since the run is a
    -- targeted one. unread: wanted, and not read to the end, for the reason in error.
    state               text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'excluded', 'unread')),
    -- The department's place in the order in which members are read; null until all
    -- departments were read, and where nothing of it is left to be read or applied.
    position            integer,
    error               text,
    -- How children are read (a word of the client), by which department's listing (its
    -- own or one that covers it), and how far that has come.
    children_method    text NOT NULL,
    children_via        text COLLATE "C" NOT NULL,
    children_cursor     text NOT NULL DEFAULT '',
    children_pages      integer NOT NULL DEFAULT 0,
    -- Records that could not be used: what they stood for must not count as removed.
    children_bad        integer NOT NULL DEFAULT 0,
    children_error      text,
    children_complete   boolean NOT NULL DEFAULT false,
    -- The answer that ended the listing: the provider's request id, and when it came.
    children_request    text,
    children_read_at    timestamptz,
    -- The same for members. Their pages are counted in pages.
    members_method     text NOT NULL,
    members_via         text COLLATE "C" NOT NULL,
    members_cursor      text NOT NULL DEFAULT '',
    pages               integer NOT NULL DEFAULT 0,
    members_bad         integer NOT NULL DEFAULT 0,
    members_error       text,
    members_complete    boolean NOT NULL DEFAULT false,
    members_request     text,
    members_read_at     timestamptz,
    members_read        integer NOT NULL DEFAULT 0,
    -- How many members the provider itself counts; null: it does not say.
    members_declared    integer,
    -- How many members, not deleted, were stored there when the departments were read.
    members_stored      integer NOT NULL DEFAULT 0,
    -- A hash of the members listed so far; null once a record could not be used.
    members_hash        numeric DEFAULT 0,
    -- The listing's hash when it was last applied; null where what is stored now differs.
    members_cached_hash numeric,
    -- Whether the listing ended with both the same: then none of its rows is compared.
    members_unchanged   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, external_id)
-- A row is written three times: when its department is found, when the tree is complete,
-- and when its listing was read. With room beside it the last of these touches no index.
) WITH (fillfactor = 50);
-- Both are partial, so that neither looks as good as the key for finding one department
-- while statistics know the table as empty.
CREATE INDEX sync_run_departments_position ON sync_run_departments (run_id, position) WHERE position IS NOT NULL;
CREATE INDEX sync_run_departments_walk ON sync_run_departments (run_id, external_id)
    WHERE NOT children_complete AND children_error IS NULL AND children_method <> '';

-- The completeness record of other listings than those of the tree: the list of groups, what
-- belongs to each group, the administrators.
CREATE TABLE sync_run_listings (
    run_id      uuid NOT NULL,
    -- What is listed, and in which group; empty where there is one list of all.
    object_type text NOT NULL CHECK (is_object_kind(object_type)),
    external_id text COLLATE "C" NOT NULL,
    -- How it is read (a word of the client), and how far that has come.
    listing     text NOT NULL DEFAULT '',
    cursor      text NOT NULL DEFAULT '',
    pages       integer NOT NULL DEFAULT 0,
    -- How many objects it brought, and how many records could not be used.
    read        integer NOT NULL DEFAULT 0,
    bad         integer NOT NULL DEFAULT 0,
    complete    boolean NOT NULL DEFAULT false,
    -- Whether it ended without anything in it although something is stored. It is read once
    -- more before it counts.
    asked_twice boolean NOT NULL DEFAULT false,
    -- Why it was not read to its end, and whether that is tolerated: for want of a permission,
    -- or since the provider never lists all. Then it counts as no failure.
    error       text,
    tolerated   boolean NOT NULL DEFAULT false,
    -- The answer that ended it: the provider's request id, and when it came.
    request     text,
    read_at     timestamptz,
    PRIMARY KEY (run_id, object_type, external_id)
);

-- What went wrong with single objects, in words without personal data. Objects of a kind count
-- as failed; warning does not, nor does rule: a rule that could not be evaluated on a member.
CREATE TABLE sync_run_errors (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (is_object_kind(object_type) OR object_type IN ('rule', 'warning')),
    external_id text NOT NULL,
    message     text NOT NULL
);
-- By the message's hash, since a message may be longer than fits an index row.
CREATE UNIQUE INDEX sync_run_errors_once
    ON sync_run_errors (run_id, object_type, external_id, hashtextextended(message, 0));

-- When each step of retention was last done to its end.
CREATE TABLE retention_steps (
    name    text PRIMARY KEY,
    done_at timestamptz NOT NULL
);

-- delete_run_rows deletes what names a run without a foreign key.
CREATE FUNCTION delete_run_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM staged_departments s WHERE s.run_id = OLD.id;
    DELETE FROM staged_members s WHERE s.run_id = OLD.id;
    DELETE FROM member_matches m WHERE m.run_id = OLD.id;
    DELETE FROM staged_groups s WHERE s.run_id = OLD.id;
    DELETE FROM staged_group_members s WHERE s.run_id = OLD.id;
    DELETE FROM staged_administrators s WHERE s.run_id = OLD.id;
    DELETE FROM staged_details s WHERE s.run_id = OLD.id;
    DELETE FROM sync_run_departments l WHERE l.run_id = OLD.id;
    DELETE FROM sync_run_listings l WHERE l.run_id = OLD.id;
    DELETE FROM org_changes c WHERE c.run_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER delete_rows AFTER DELETE ON sync_runs
    FOR EACH ROW EXECUTE FUNCTION delete_run_rows();
