-- The removal plan: what a run found to be gone, which the guard judges, an operator
-- approves, and removing works off.
CREATE TABLE sync_run_removals (
    run_id        uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type   text NOT NULL CHECK (is_object_kind(object_type)),
    object_id     uuid NOT NULL,
    -- As in org_changes, so that it can be in the key.
    department_id uuid NOT NULL,
    -- What the removal rests on; with_ and a kind: on the removal of what it hangs on.
    reason        text NOT NULL DEFAULT 'not_listed' CHECK (
        reason IN ('not_listed', 'looked_up', 'not_visible_twice', 'out_of_scope')
        OR reason LIKE 'with\_%' AND is_object_kind(substr(reason, 6))),
    -- False while a look-up has yet to confirm that the object is gone.
    confirmed     boolean NOT NULL DEFAULT true,
    applied       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run_id, object_type, object_id, department_id)
);
CREATE INDEX sync_run_removals_open ON sync_run_removals (run_id, object_type) WHERE confirmed AND NOT applied;
CREATE INDEX sync_run_removals_object ON sync_run_removals (object_id);

-- Removal limits of providers that are not the program's defaults.
CREATE TABLE removal_limits (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (is_object_kind(object_type)),
    max_count   integer NOT NULL CHECK (max_count >= 0),
    max_percent double precision NOT NULL CHECK (max_percent BETWEEN 0 AND 100),
    PRIMARY KEY (provider_id, object_type)
);

-- The same of one provider, by object kind.
CREATE FUNCTION own_removal_limits(provider uuid) RETURNS jsonb STABLE PARALLEL SAFE LANGUAGE sql
BEGIN ATOMIC
    SELECT coalesce(
        jsonb_object_agg(l.object_type, jsonb_build_object('Count', l.max_count, 'Percent', l.max_percent)), '{}')
    FROM removal_limits l
    WHERE l.provider_id = provider;
END;

-- What the provider said of single objects that a run is about to remove. Apart from the
-- plan, so that planning once more, or a dry run that is rolled back, comes to the same
-- without asking again.
CREATE TABLE sync_run_lookups (
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (is_object_kind(object_type)),
    object_id   uuid NOT NULL,
    -- Whether no listing showed it although everything was read; else it may be where
    -- nothing was.
    unlisted    boolean NOT NULL,
    -- Null: still to be asked. unnamed: the list of all members, asked for once more, does
    -- not name it. out_of_scope: it is there, in departments alone that the rules leave out.
    -- not_asked: the provider has no such call. failed: there was no answer.
    result      text CHECK (result IN ('not_found', 'exists', 'not_visible', 'id_reused', 'not_listed', 'not_asked',
        'failed', 'out_of_scope')),
    PRIMARY KEY (run_id, object_type, object_id)
);
CREATE INDEX sync_run_lookups_object ON sync_run_lookups (object_id);

-- What a run that read the whole company to its end missed and could not confirm as gone.
-- What the next such run misses, too, is removed where a look-up does not show it, and
-- placed by its own record where it does. Losing this table costs one run's delay.
CREATE TABLE removal_candidates (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (is_object_kind(object_type)),
    object_id   uuid NOT NULL,
    -- What the look-up said of it.
    result      text NOT NULL CHECK (result IN ('exists', 'not_visible', 'id_reused')),
    -- The run that missed it, which says how much could be seen then.
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    PRIMARY KEY (provider_id, object_type, object_id)
);
CREATE INDEX removal_candidates_run ON removal_candidates (run_id);

-- count_read_memberships counts the members of departments that a run has read. Members
-- stored where it could not read count as read, so that a department that failed does not
-- freeze those above it. In unchanged listings those stored when the tree was read are those
-- who were read; members whom the rules leave out were read, too, and are not stored.
CREATE FUNCTION count_read_memberships(run uuid, provider uuid, departments text[])
RETURNS TABLE (external_id text, members bigint)
LANGUAGE sql STABLE AS $$
    SELECT l.external_id, greatest(l.members_stored, l.members_read)::bigint
    FROM sync_run_departments l
    WHERE l.run_id = run AND l.members_unchanged AND l.external_id = ANY (departments)
    UNION ALL
    SELECT p.external_id, count(*)
    FROM (
        SELECT s.department_external_id AS external_id, coalesce(r.member_id::text, s.member_key) AS member
        FROM staged_members s
        LEFT JOIN member_matches r ON r.run_id = s.run_id AND r.member_key = s.member_key
        WHERE s.run_id = run
            AND s.department_external_id = ANY (departments)
            AND (s.out_of_scope OR s.status IS DISTINCT FROM 'deleted' AND r.member_key IS NOT NULL)
        UNION
        SELECT l.external_id, md.member_id::text
        FROM sync_run_departments l
        JOIN org_departments d ON d.provider_id = provider AND d.external_id = l.external_id
        JOIN org_member_departments md ON md.department_id = d.id
        WHERE l.run_id = run AND NOT l.members_complete AND l.external_id = ANY (departments)
    ) p
    GROUP BY p.external_id
$$;

-- What an undo run is about to take back, while its transaction lasts. A member stands for
-- the member with their memberships and their link. Places in groups stand for themselves.
CREATE TABLE undo_objects (
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    object_type text NOT NULL CHECK (is_object_kind(object_type)),
    object_id   uuid NOT NULL,
    external_id text NOT NULL,
    -- As in org_changes.
    department_id uuid NOT NULL,
    -- The row as it was before the run that is undone, in the columns that it changed;
    -- null: that run changed memberships or the link alone.
    target      jsonb,
    -- Why it is left alone, and by which run it was changed since.
    left_alone  text CHECK (left_alone IN ('changed', 'ids', 'inhabited', 'circle')),
    changed_by  uuid,
    PRIMARY KEY (run_id, object_type, object_id, department_id)
);

-- undoable_changes are the lines of the change log that can be taken back, each with the
-- object that stands for it in undo_objects.
CREATE VIEW undoable_changes AS
SELECT
    c.*,
    CASE c.object_type WHEN 'membership' THEN 'member' ELSE c.object_type END AS undo_type,
    CASE c.object_type WHEN 'group_membership' THEN c.department_id ELSE c.object_id END AS container_id
FROM org_changes c
WHERE NOT org_change_derived(c.object_type, c.kind, c.before);

-- undone_changes are those that an undo run (run_id) takes back.
CREATE VIEW undone_changes AS
SELECT u.run_id, c.object_type, c.object_id, c.department_id, c.external_id, c.kind, c.before, c.after
FROM undo_objects u
JOIN sync_runs r ON r.id = u.run_id
JOIN undoable_changes c
    ON c.run_id = r.undoes
    AND c.object_id = u.object_id
    AND c.undo_type = u.object_type
    AND c.container_id = u.department_id
WHERE u.left_alone IS NULL;

-- undo_scope are the departments given, what is below them, the members who have or, before
-- the run to be undone, had a place there, and the members given.
CREATE FUNCTION undo_scope(undone uuid, provider uuid, departments text[], members text[], ignore_case boolean)
RETURNS TABLE (object_id uuid)
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE below AS (
        SELECT d.id FROM org_departments d WHERE d.provider_id = provider AND d.external_id = ANY (departments)
        UNION
        SELECT d.id FROM below b JOIN org_departments d ON d.parent_id = b.id
    )
    SELECT b.id FROM below b
    UNION
    SELECT md.member_id FROM below b JOIN org_member_departments md ON md.department_id = b.id
    UNION
    SELECT c.object_id
    FROM org_changes c
    JOIN below b ON b.id = c.department_id
    WHERE c.run_id = undone AND c.object_type = 'membership'
    UNION
    SELECT m.id
    FROM org_members m
    WHERE m.provider_id = provider AND member_id_key(m.external_id, ignore_case) = ANY (members)
$$;
