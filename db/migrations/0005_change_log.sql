-- The change log: one line for each object that a run changed.
CREATE TABLE org_changes (
    id            bigint GENERATED ALWAYS AS IDENTITY,
    run_id        uuid NOT NULL,
    object_type   text NOT NULL CHECK (is_object_kind(object_type)),
    object_id     uuid NOT NULL,
    -- Of a membership its department, of a group membership its group, of an account that was
    -- created for a member the account; otherwise the object itself.
    department_id uuid NOT NULL,
    external_id   text NOT NULL,
    kind          text NOT NULL CHECK (kind IN (
        'created', 'updated', 'moved', 'restored', 'deactivated', 'deleted', 'linked', 'account_created')),
    before        jsonb,
    after         jsonb,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, id)
);
-- An object is logged once a run; only being linked is a change of its own. The object
-- comes first, so that its history across runs is found by the same index.
CREATE UNIQUE INDEX org_changes_once
    ON org_changes (object_id, department_id, run_id, object_type, (kind = 'linked'));

-- Where a dry run's change log waits for the dry run to be rolled back. No keys on purpose:
-- they would make the copy wait for the rows it is copied from.
CREATE TABLE dry_run_changes (LIKE org_changes INCLUDING DEFAULTS EXCLUDING IDENTITY);
ALTER TABLE dry_run_changes DROP COLUMN id;

-- org_change_kind is the kind that stands when one run changes an object twice: the first
-- that applies of created, restored, moved, deactivated, updated; a removal comes last and
-- covers them all.
CREATE FUNCTION org_change_kind(a text, b text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT k
    FROM unnest(ARRAY['deleted', 'created', 'restored', 'moved', 'deactivated', 'updated', 'linked'])
        WITH ORDINALITY AS t (k, n)
    WHERE k IN (a, b)
    ORDER BY n
    LIMIT 1
$$;

-- org_change_derived tells whether a member's change only follows from changes elsewhere:
-- the primary department is derived, so such a change is neither undone nor in an undo's way.
CREATE FUNCTION org_change_derived(object_type text, kind text, before jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT object_type = 'member' AND kind = 'moved' AND before - 'department_id' - 'department_path' = '{}'
$$;

-- Triggers write the change log from the rows before and after a statement, so that no
-- statement can forget it and none has to name columns for it. A transaction that works
-- for a run names the run in the setting orgsync.run_id. Without it, as in changes made
-- by hand and by retention, nothing is logged.

-- The entries of a that b does not have with the same value.
CREATE FUNCTION jsonb_difference(a jsonb, b jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}')
    FROM jsonb_each(a) e
    WHERE e.value IS DISTINCT FROM b -> e.key
$$;

-- Two changes of one object in one run, told as one. What was created keeps the columns
-- it was logged with: which batch met the object first is chance, and so is which one
-- had more to say. What ends as it began is no change.
CREATE FUNCTION merge_changes(
    kind1 text, before1 jsonb, after1 jsonb,
    kind2 text, before2 jsonb, after2 jsonb,
    OUT kind text, OUT before jsonb, OUT after jsonb
) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    was    jsonb := coalesce(before2, '{}') || coalesce(before1, '{}');
    is_now jsonb := after1 || after2;
BEGIN
    kind := org_change_kind(kind1, kind2);
    CASE kind
        WHEN 'created' THEN
            after := after1 || coalesce((
                SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(after2) e WHERE after1 ? e.key), '{}');
        WHEN 'deleted' THEN
            before := was;
            after := CASE WHEN kind1 = 'created' THEN after2 ELSE is_now END;
        ELSE
            before := jsonb_difference(was, is_now);
            after := jsonb_difference(is_now, was);
    END CASE;
END
$$;

-- log_object_change logs what a statement changed of departments, members or groups. Arguments:
-- the object type, the columns that are never logged, and derived columns. A change of
-- derived columns alone is not logged. They are kept where the object was deleted or
-- restored, since nothing recomputes them for what is deleted.
CREATE FUNCTION log_object_change() RETURNS trigger LANGUAGE plpgsql
-- The plan is made once a session, for as many rows as its first statement changed: a
-- nested loop over the rows before and after would cost their square.
SET enable_hashjoin = on SET enable_nestloop = off
AS $$
DECLARE
    this_run  uuid := nullif(current_setting('orgsync.run_id', true), '');
    unlogged  text[] := TG_ARGV[1];
    derived   text[] := TG_ARGV[2];
BEGIN
    IF this_run IS NULL THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
        SELECT this_run, TG_ARGV[0], n.id, n.id, n.external_id, 'created',
            to_jsonb(n) - unlogged - derived
                - '{raw_data,department_id,name_translit_full,name_translit_initial,offline_at,offline_status}'::text[]
        FROM new_rows n;
        RETURN NULL;
    END IF;
    WITH images AS MATERIALIZED (
        SELECT n.id, n.external_id, to_jsonb(o) - unlogged AS old, to_jsonb(n) - unlogged AS new
        FROM old_rows o
        JOIN new_rows n ON n.id = o.id
    ), changed AS (
        SELECT i.id, i.external_id, i.old, i.old ->> 'status' AS old_status, i.new ->> 'status' AS new_status,
            d.before, d.after, d.keys
        FROM images i
        CROSS JOIN LATERAL (
            SELECT jsonb_object_agg(e.key, e.value) AS before,
                jsonb_object_agg(e.key, i.new -> e.key) AS after,
                array_agg(e.key) AS keys
            FROM jsonb_each(i.old) e
            WHERE e.value <> i.new -> e.key
        ) d
        WHERE NOT d.keys <@ derived
    ), told AS (
        SELECT h.*, CASE
                WHEN h.old_status <> h.new_status AND h.new_status = 'deleted' THEN 'deleted'
                WHEN h.old_status <> h.new_status AND h.old_status = 'deleted' THEN 'restored'
                WHEN h.keys && '{parent_id,department_id}' THEN 'moved'
                WHEN h.old_status = 'active' AND h.new_status = 'inactive' THEN 'deactivated'
                ELSE 'updated'
            END AS kind
        FROM changed h
    )
    INSERT INTO org_changes AS c (run_id, object_type, object_id, department_id, external_id, kind, before, after)
    SELECT this_run, TG_ARGV[0], t.id, t.id, t.external_id, t.kind,
        CASE WHEN t.kind IN ('deleted', 'restored') THEN t.before || coalesce((
            SELECT jsonb_object_agg(e.key, e.value) FROM jsonb_each(t.old) e
            WHERE e.key = ANY (derived || '{department_id}'::text[])), '{}')
        ELSE t.before END,
        t.after
    FROM told t
    ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
    SET (kind, before, after) = (
        SELECT m.kind, m.before, m.after
        FROM merge_changes(c.kind, c.before, c.after, excluded.kind, excluded.before, excluded.after) m)
    -- Nothing of it is told of what the run created.
    WHERE c.kind <> 'created'
        OR excluded.kind = 'deleted'
        OR jsonb_exists_any(c.after, ARRAY(SELECT jsonb_object_keys(excluded.after)));
    RETURN NULL;
END
$$;

CREATE TRIGGER log_created AFTER INSERT ON org_departments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('department',
        '{id,provider_id,synced_at,external_id,member_count,direct_member_count}', '{path,depth}');
CREATE TRIGGER log_changed AFTER UPDATE ON org_departments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('department',
        '{id,provider_id,synced_at,external_id,member_count,direct_member_count}', '{path,depth}');
CREATE TRIGGER log_created AFTER INSERT ON org_members
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('member',
        '{id,provider_id,synced_at,user_id,content_hash}', '{department_path,manager_id}');
CREATE TRIGGER log_changed AFTER UPDATE ON org_members
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_object_change('member',
        '{id,provider_id,synced_at,user_id,content_hash}', '{department_path,manager_id}');

-- log_place_change logs what a statement changed of objects' places in others: memberships
-- and group memberships. Arguments: the object type, the columns of the object and of what
-- it is in, and a derived column, which is logged of deleted ones only. An administrator is
-- logged as a place in itself.
CREATE FUNCTION log_place_change() RETURNS trigger LANGUAGE plpgsql
SET enable_hashjoin = on SET enable_nestloop = off
AS $$
DECLARE
    this_run  uuid := nullif(current_setting('orgsync.run_id', true), '');
    object    text := TG_ARGV[1];
    container text := TG_ARGV[2];
    keys      text[] := ARRAY['provider_id', object, container];
    derived   text := TG_ARGV[3];
BEGIN
    IF this_run IS NULL THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
        SELECT this_run, TG_ARGV[0], (n.place ->> object)::uuid, (n.place ->> container)::uuid,
            external_id_of((n.place ->> object)::uuid), 'created', n.place - keys - derived
        FROM (SELECT to_jsonb(r) AS place FROM new_rows r) n
        -- One that was deleted by hand in the middle of a run, and is inserted again.
        ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO NOTHING;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO org_changes AS c (run_id, object_type, object_id, department_id, external_id, kind, before)
        SELECT this_run, TG_ARGV[0], (o.place ->> object)::uuid, (o.place ->> container)::uuid,
            external_id_of((o.place ->> object)::uuid), 'deleted', o.place - keys
        FROM (SELECT to_jsonb(r) AS place FROM old_rows r) o
        ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
        SET (kind, before, after) = (
            SELECT m.kind, m.before, m.after
            FROM merge_changes(c.kind, c.before, c.after, excluded.kind, excluded.before, excluded.after) m);
    ELSE
        INSERT INTO org_changes AS c (run_id, object_type, object_id, department_id, external_id, kind, before, after)
        SELECT this_run, TG_ARGV[0], (n.place ->> object)::uuid, (n.place ->> container)::uuid,
            external_id_of((n.place ->> object)::uuid), 'updated',
            jsonb_difference(o.place, n.place) - derived, jsonb_difference(n.place, o.place) - derived
        FROM (SELECT to_jsonb(r) AS place, to_jsonb(r) ->> object AS id, to_jsonb(r) ->> container AS container_id
            FROM old_rows r) o
        JOIN (SELECT to_jsonb(r) AS place, to_jsonb(r) ->> object AS id, to_jsonb(r) ->> container AS container_id
            FROM new_rows r) n USING (id, container_id)
        WHERE o.place - derived <> n.place - derived
        ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
        SET (kind, before, after) = (
            SELECT m.kind, m.before, m.after
            FROM merge_changes(c.kind, c.before, c.after, excluded.kind, excluded.before, excluded.after) m);
    END IF;
    RETURN NULL;
END
$$;

-- external_id_of is the external id of a member or, else, a department.
CREATE FUNCTION external_id_of(object_id uuid) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        (SELECT m.external_id FROM org_members m WHERE m.id = object_id),
        (SELECT d.external_id FROM org_departments d WHERE d.id = object_id))
$$;

CREATE TRIGGER log_created AFTER INSERT ON org_member_departments
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('membership', 'member_id', 'department_id', 'is_primary');
CREATE TRIGGER log_changed AFTER UPDATE ON org_member_departments
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('membership', 'member_id', 'department_id', 'is_primary');
CREATE TRIGGER log_deleted AFTER DELETE ON org_member_departments
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT
    EXECUTE FUNCTION log_place_change('membership', 'member_id', 'department_id', 'is_primary');
