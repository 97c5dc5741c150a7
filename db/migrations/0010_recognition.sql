-- What a listing must say for a person's row to be as it is: one figure over the
-- columns that come from listings. Postgres keeps it, whoever writes the row, so that
-- a row changed by hand is told from one that is as it was written.
ALTER TABLE org_members ADD COLUMN content bigint NOT NULL GENERATED ALWAYS AS (hash_record_extended(ROW(
    tenant_id, external_id, unionid, open_id, name, name_translit_full, name_translit_initial,
    email, phone, avatar_url, title, status, activated, raw_data), 0)) STORED;

-- Departments' listings of people as they were when last applied, and what was stored
-- for these people then. A listing that comes again and finds the same stored need not
-- be staged and compared. Losing this table costs one full comparison.
CREATE TABLE remembered_listings (
    department_id uuid PRIMARY KEY REFERENCES org_departments (id) ON DELETE CASCADE,
    -- A digest of the listing's people as they were staged.
    listing       numeric NOT NULL,
    -- What else decides what is stored: the leaders named by the department's own
    -- record, and the tenant.
    leaders       text[],
    tenant_id     uuid,
    -- All of them together, as org_membership_content has each.
    stored        bigint NOT NULL,
    -- Person by person: the digest of the record, whose it is, and what was stored.
    records       uuid[] NOT NULL,
    members       uuid[] NOT NULL,
    contents      bigint[] NOT NULL
);
-- Digests do not get smaller by being packed.
ALTER TABLE remembered_listings ALTER COLUMN records SET STORAGE EXTERNAL, ALTER COLUMN members SET STORAGE EXTERNAL,
    ALTER COLUMN contents SET STORAGE EXTERNAL;

-- One membership with the person's row, as a figure.
CREATE FUNCTION org_membership_content(member_id uuid, content bigint, is_leader boolean, sort_order bigint, primary_rank bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT hash_record_extended(ROW(member_id, content, is_leader, sort_order, primary_rank), 0)
$$;

ALTER TABLE sync_run_departments
    -- A digest of the people listed so far; null where they include what could not be used.
    ADD COLUMN members_digest numeric DEFAULT 0,
    -- What it was when the listing was last applied; null where other people are stored
    -- now, or otherwise.
    ADD COLUMN members_known numeric,
    -- How many people, where this is known, have it as their primary department: nobody
    -- has two, so that such figures add up to as many people.
    ADD COLUMN members_settled integer NOT NULL DEFAULT 0,
    -- How many people, not removed, were stored there when the departments were sealed.
    ADD COLUMN members_stored integer NOT NULL DEFAULT 0,
    -- Whether the listing ended with both the same.
    ADD COLUMN members_recognised boolean NOT NULL DEFAULT false;

ALTER TABLE sync_runs
    -- How many stored people a run has seen, as was counted when its removals were planned.
    ADD COLUMN members_seen integer,
    -- How many people there were when the departments were sealed, not removed; how many
    -- of them active; and for how many a department of the provider is marked as theirs.
    ADD COLUMN members_there integer,
    ADD COLUMN members_active integer,
    ADD COLUMN members_placed integer;

-- The digest of a staged person's record; null in listings that are not remembered.
ALTER TABLE staged_members ADD COLUMN digest uuid;

-- People of a listing that is no longer what it was whose own record still is, and who
-- are stored as they were: no row of theirs is staged. One row a page, person by person:
-- whose the record is, its digest and what was stored, as remembered_listings has them.
CREATE TABLE recognised_members (
    run_id      uuid NOT NULL,
    listing     text COLLATE "C" NOT NULL,
    page        integer NOT NULL,
    person_keys text[] COLLATE "C" NOT NULL,
    members     uuid[] NOT NULL,
    digests     uuid[] NOT NULL,
    stored      bigint[] NOT NULL,
    PRIMARY KEY (run_id, listing, page)
);
ALTER TABLE recognised_members ALTER COLUMN person_keys SET STORAGE EXTERNAL, ALTER COLUMN members SET STORAGE EXTERNAL,
    ALTER COLUMN digests SET STORAGE EXTERNAL, ALTER COLUMN stored SET STORAGE EXTERNAL;
ALTER TABLE recognised_members ALTER COLUMN run_id SET STATISTICS 0;
ALTER TABLE recognised_members SET (autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2147483647);

-- With a run goes whatever names it without a foreign key.
CREATE FUNCTION sync_run_drop_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM staged_departments s WHERE s.run_id = OLD.id;
    DELETE FROM staged_members s WHERE s.run_id = OLD.id;
    DELETE FROM recognised_members g WHERE g.run_id = OLD.id;
    DELETE FROM sync_run_departments l WHERE l.run_id = OLD.id;
    DELETE FROM sync_run_members s WHERE s.run_id = OLD.id;
    DELETE FROM org_changes c WHERE c.run_id = OLD.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER sync_runs_rows AFTER DELETE ON sync_runs FOR EACH ROW EXECUTE FUNCTION sync_run_drop_rows();

-- The memberships, and so the people, that a run has seen by recognising them: all that
-- are stored where a whole listing was recognised, and single people elsewhere. Those
-- that were staged are in sync_run_memberships. For looking up one person: it begins with
-- their memberships.
CREATE VIEW sync_run_recognised AS
SELECT l.run_id, md.department_id, md.member_id
FROM org_member_departments md
JOIN org_departments d ON d.id = md.department_id AND d.status = 'active'
JOIN sync_run_departments l ON l.external_id = d.external_id
JOIN sync_runs u ON u.id = l.run_id AND u.provider_id = d.provider_id
WHERE l.members_recognised
   OR EXISTS (SELECT 1 FROM recognised_members g WHERE g.run_id = l.run_id AND g.listing = l.external_id AND md.member_id = ANY (g.members));

-- What a provider's directory looked like when everything that follows from the whole
-- of it had last been computed: a figure over what that is computed from, and over
-- what came of it. Losing this table costs computing it once.
CREATE TABLE settled_directories (
    provider_id uuid PRIMARY KEY REFERENCES identity_providers (id) ON DELETE CASCADE,
    figure      bigint NOT NULL
);
