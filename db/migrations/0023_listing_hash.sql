-- An unchanged listing is recognised by one hash. In a changed one every member is staged
-- and compared: what was kept of single members is no longer needed.
DROP VIEW sync_run_recognised;
DROP TABLE recognised_members;
ALTER TABLE remembered_listings
    DROP COLUMN records,
    DROP COLUMN members,
    DROP COLUMN contents;
ALTER TABLE staged_members DROP COLUMN digest;

-- The memberships that a run has seen in unchanged listings: all that are stored there.
-- Those that it staged are in sync_run_memberships.
CREATE VIEW sync_run_recognised AS
SELECT l.run_id, md.department_id, md.member_id
FROM org_member_departments md
JOIN org_departments d ON d.id = md.department_id AND d.status = 'active'
JOIN sync_run_departments l ON l.external_id = d.external_id
JOIN sync_runs u ON u.id = l.run_id AND u.provider_id = d.provider_id
WHERE l.members_recognised;

-- With a run goes whatever names it without a foreign key.
CREATE OR REPLACE FUNCTION sync_run_drop_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM staged_departments s WHERE s.run_id = OLD.id;
    DELETE FROM staged_members s WHERE s.run_id = OLD.id;
    DELETE FROM sync_run_departments l WHERE l.run_id = OLD.id;
    DELETE FROM sync_run_members s WHERE s.run_id = OLD.id;
    DELETE FROM org_changes c WHERE c.run_id = OLD.id;
    RETURN NULL;
END
$$;
