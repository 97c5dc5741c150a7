-- name: SelectUndoObjects :exec
-- Selects what the run to be undone changed: all of it, or what is in the departments and
-- members given. What another run changed since is marked to be left alone: after the first
-- of the changes to be undone or, as a held run goes on after others, after the last of them.
-- Only for an undo run without any changes of its own: repeated, it would find those.
WITH touched AS (
    SELECT c.undo_type AS object_type, c.object_id, c.container_id, max(c.external_id) AS external_id,
        min(c.id) AS first_id, max(c.changed_at) AS last_at,
        (jsonb_agg(CASE c.kind WHEN 'created' THEN '{"status": "deleted"}' ELSE c.before END)
            FILTER (WHERE c.object_type <> 'membership' AND c.kind NOT IN ('linked', 'account_created'))) -> 0 AS target
    FROM undoable_changes c
    WHERE c.run_id = @undoes
    GROUP BY 1, 2, 3
)
INSERT INTO undo_objects (run_id, object_type, object_id, department_id, external_id, target, left_alone, changed_by)
SELECT @run_id, t.object_type, t.object_id, t.container_id, t.external_id, t.target,
    CASE WHEN later.run_id IS NOT NULL THEN 'changed' END, later.run_id
FROM touched t
LEFT JOIN LATERAL (
    SELECT c.run_id
    FROM undoable_changes c
    JOIN sync_runs r ON r.id = c.run_id AND r.provider_id = @provider_id::uuid AND r.mode = 'apply'
    WHERE c.object_id = t.object_id
      AND c.undo_type = t.object_type
      AND c.container_id = t.container_id
      AND c.run_id NOT IN (@undoes, @run_id)
      AND (c.id > t.first_id OR c.changed_at > t.last_at)
      AND c.kind NOT IN ('linked', 'account_created')
    ORDER BY c.changed_at DESC, c.id DESC
    LIMIT 1
) later ON true
WHERE (cardinality(@departments::text[]) = 0 AND cardinality(@members::text[]) = 0)
   OR t.object_id IN (
       SELECT s.object_id FROM undo_scope(@undoes, @provider_id, @departments, @members, @ignore_case::boolean) s);

-- name: ListUnknownUndoTargets :many
-- Departments and members that the undo run was asked for without any effect: departments
-- that do not exist, and members of whom the run to be undone changed nothing.
SELECT 'department' AS object_type, w.id::text AS external_id FROM unnest(@departments::text[]) AS w (id)
WHERE NOT EXISTS (SELECT 1 FROM org_departments d WHERE d.provider_id = @provider_id::uuid AND d.external_id = w.id)
UNION ALL
SELECT 'member', w.id::text FROM unnest(@members::text[]) AS w (id)
WHERE NOT EXISTS (SELECT 1 FROM undo_objects u JOIN org_members m ON m.id = u.object_id
    WHERE u.run_id = @run_id AND u.object_type = 'member'
      AND CASE WHEN @ignore_case::boolean THEN lower(m.external_id) ELSE m.external_id END = w.id);

-- name: LeaveTakenIDs :exec
-- Leaves members alone whose former ids are another row's by now.
UPDATE undo_objects u SET left_alone = 'ids'
FROM org_members m
WHERE u.run_id = @run_id AND u.object_type = 'member' AND u.left_alone IS NULL AND m.id = u.object_id AND EXISTS (
    SELECT 1 FROM jsonb_populate_record(m, u.target) w
    JOIN org_members o ON o.provider_id = m.provider_id AND o.id <> m.id
    WHERE (w.unionid, w.external_id) IS DISTINCT FROM (m.unionid, m.external_id)
      AND (o.unionid = w.unionid OR (o.unionid IS NULL AND w.unionid IS NULL AND o.external_id = w.external_id)));

-- name: RestoreDepartments :exec
-- Gives departments that are to exist back what the undone run changed of them.
WITH differing AS (
    SELECT d.id, u.target
    FROM undo_objects u
    JOIN org_departments d ON d.id = u.object_id
    WHERE u.run_id = @run_id
      AND u.object_type = 'department'
      AND u.left_alone IS NULL
      AND coalesce(u.target ->> 'status', '') <> 'deleted'
      AND jsonb_difference(u.target - 'path' - 'depth', to_jsonb(d)) <> '{}'
    ORDER BY d.id FOR NO KEY UPDATE OF d
)
UPDATE org_departments d SET (name, parent_id, sort_order, status, tenant_id, raw_data, synced_at) = (
    SELECT w.name, w.parent_id, w.sort_order, w.status, w.tenant_id, w.raw_data, now()
    FROM jsonb_populate_record(d, n.target) w)
FROM differing n
WHERE d.id = n.id;

-- name: BreakRestoredCircles :many
-- Departments that went back below something that by now is below them stay where they
-- were. To be repeated until there are none.
WITH RECURSIVE upward AS (
    SELECT d.id AS start, d.parent_id AS seen
    FROM org_changes c
    JOIN org_departments d ON d.id = c.object_id AND d.status = 'active'
    WHERE c.run_id = @run_id AND c.object_type = 'department' AND c.before ? 'parent_id'
    UNION
    SELECT u.start, d.parent_id FROM upward u JOIN org_departments d ON d.id = u.seen
), left_alone AS (
    UPDATE undo_objects o SET left_alone = 'circle'
    FROM upward u
    WHERE u.start = u.seen AND o.run_id = @run_id AND o.object_type = 'department' AND o.object_id = u.start
)
UPDATE org_departments d SET parent_id = (c.before ->> 'parent_id')::uuid
FROM org_changes c
WHERE c.run_id = @run_id
  AND c.object_type = 'department'
  AND c.object_id = d.id
  AND d.id IN (SELECT u.start FROM upward u WHERE u.seen = u.start)
RETURNING d.id;

-- name: ForgetMoves :exec
-- Departments that stay where they were did not move.
UPDATE org_changes c SET kind = 'updated'
WHERE c.run_id = @run_id AND c.object_type = 'department' AND c.kind = 'moved'
  AND c.object_id = ANY (@departments::uuid[]);

-- name: RestoreLinks :exec
-- Links to accounts are taken back, or put back where they had been taken back.
WITH restored AS (
    UPDATE org_members m SET user_id = (c.before ->> 'user_id')::uuid, synced_at = now()
    FROM undone_changes c
    WHERE c.run_id = @run_id
      AND c.object_type = 'member'
      AND c.kind = 'linked'
      AND m.id = c.object_id
      AND m.user_id IS NOT DISTINCT FROM (c.after ->> 'user_id')::uuid
      AND NOT EXISTS (SELECT 1 FROM org_members o
          WHERE o.provider_id = m.provider_id AND o.id <> m.id AND o.status <> 'deleted'
            AND o.user_id = (c.before ->> 'user_id')::uuid)
      AND (c.before ->> 'user_id' IS NULL OR EXISTS (SELECT 1 FROM users a WHERE a.id = (c.before ->> 'user_id')::uuid))
    RETURNING m.id, m.external_id, c.before, c.after
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
SELECT @run_id, 'member', r.id, r.id, r.external_id, 'linked',
    jsonb_build_object('user_id', r.after -> 'user_id'), jsonb_build_object('user_id', r.before -> 'user_id')
FROM restored r;

-- name: RemoveCreatedAccounts :many
-- Has the platform take back accounts that the undone run created, once no member is linked
-- to them any more. Returns the members whose account stays, and why.
SELECT w.external_id, w.refusal::text AS refusal
FROM (
    SELECT c.external_id, remove_account((c.after ->> 'user_id')::uuid, c.object_id) AS refusal
    FROM undone_changes c
    WHERE c.run_id = @run_id
      AND c.object_type = 'member'
      AND c.kind = 'account_created'
      AND EXISTS (SELECT 1 FROM users a WHERE a.id = (c.after ->> 'user_id')::uuid)
      AND NOT EXISTS (SELECT 1 FROM org_members m WHERE m.user_id = (c.after ->> 'user_id')::uuid)
    OFFSET 0
) w
WHERE w.refusal IS NOT NULL
ORDER BY w.external_id;

-- name: RestoreAddresses :many
-- Accounts whose link was taken back get the e-mail or phone that they had before it, if they
-- still have the member's. Before the members change: what an account followed is what they
-- have now. Returns, if accounts are written one by one, members whose account's table
-- refused it: the first of them, and how many there are.
WITH former AS MATERIALIZED (
    SELECT m.external_id, i.id AS identity_id, c.before ->> ('account_' || @channel::text) AS address
    FROM org_changes n
    JOIN undone_changes c ON c.run_id = n.run_id AND c.object_type = 'member' AND c.object_id = n.object_id
        AND c.kind = 'linked'
    JOIN org_members m ON m.id = n.object_id
    JOIN users a ON a.id = (c.after ->> 'user_id')::uuid
    JOIN identities i ON i.id = a.identity_id
    WHERE n.run_id = @run_id
      AND n.object_type = 'member'
      AND n.kind = 'linked'
      AND c.before ? ('account_' || @channel)
      AND CASE @channel WHEN 'email' THEN i.email = m.email ELSE i.phone = m.phone END
), free AS (
    SELECT f.*
    FROM former f
    WHERE NOT EXISTS (
        SELECT 1 FROM identities o
        WHERE o.id <> f.identity_id
          AND CASE @channel WHEN 'email' THEN lower(btrim(o.email)) ELSE o.phone END =
              CASE @channel WHEN 'email' THEN lower(btrim(f.address)) ELSE f.address END)
), restored_email AS (
    UPDATE identities i SET email = f.address FROM free f
    WHERE i.id = f.identity_id AND @channel = 'email' AND NOT @one_by_one::boolean
), restored_phone AS (
    UPDATE identities i SET phone = f.address FROM free f
    WHERE i.id = f.identity_id AND @channel = 'phone' AND NOT @one_by_one
)
SELECT w.external_id, w.refusal::text AS refusal, count(*) OVER () AS total
FROM (SELECT f.external_id, write_account(f.identity_id, @channel, f.address) AS refusal FROM free f
    WHERE @one_by_one) w
WHERE w.refusal IS NOT NULL
ORDER BY w.external_id
LIMIT @named::int;

-- name: DropCreatedMemberships :exec
-- Memberships that the undone run created, and all of members who were taken back.
DELETE FROM org_member_departments md
USING undo_objects u, org_members m
WHERE u.run_id = @run_id
  AND u.object_type = 'member'
  AND u.left_alone IS NULL
  AND m.id = u.object_id
  AND md.member_id = u.object_id
  AND (m.status = 'deleted' OR EXISTS (
        SELECT 1 FROM undone_changes c
        WHERE c.run_id = @run_id AND c.object_type = 'membership' AND c.kind = 'created'
          AND c.object_id = md.member_id AND c.department_id = md.department_id));

-- name: InsertDeletedMemberships :exec
-- Which of them is the primary one is computed afterwards.
INSERT INTO org_member_departments (member_id, department_id, is_leader, sort_order, primary_rank)
SELECT c.object_id, c.department_id, w.is_leader, w.sort_order, w.primary_rank
FROM undone_changes c
JOIN org_members m ON m.id = c.object_id AND m.status <> 'deleted'
JOIN org_departments d ON d.id = c.department_id AND d.status = 'active'
CROSS JOIN LATERAL jsonb_to_record(c.before) AS w (is_leader boolean, sort_order bigint, primary_rank bigint)
WHERE c.run_id = @run_id AND c.object_type = 'membership' AND c.kind = 'deleted'
ORDER BY c.object_id, c.department_id
ON CONFLICT (member_id, department_id) DO NOTHING;

-- name: RestoreMemberships :exec
WITH differing AS (
    SELECT md.member_id, md.department_id, c.before
    FROM undone_changes c
    JOIN org_member_departments md ON md.member_id = c.object_id AND md.department_id = c.department_id
    WHERE c.run_id = @run_id AND c.object_type = 'membership' AND c.kind = 'updated'
    ORDER BY md.member_id, md.department_id
    FOR NO KEY UPDATE OF md
)
UPDATE org_member_departments md SET (is_leader, sort_order, primary_rank) = (
    SELECT w.is_leader, w.sort_order, w.primary_rank FROM jsonb_populate_record(md, n.before) w)
FROM differing n
WHERE md.member_id = n.member_id AND md.department_id = n.department_id;

-- name: ListLostMemberships :many
-- Memberships that cannot be given back, since their department is deleted.
SELECT c.external_id, d.external_id AS department
FROM undone_changes c
JOIN org_members m ON m.id = c.object_id AND m.status <> 'deleted'
JOIN org_departments d ON d.id = c.department_id AND d.status <> 'active'
WHERE c.run_id = @run_id AND c.object_type = 'membership' AND c.kind = 'deleted'
ORDER BY c.external_id, d.external_id
LIMIT @max_rows;

-- name: DeleteCreatedDepartments :execrows
-- Deletes departments that the undone run created or restored, those without members and
-- departments below them: to be repeated until there are none.
WITH leaves AS (
    SELECT d.id, u.target
    FROM undo_objects u
    JOIN org_departments d ON d.id = u.object_id AND d.status = 'active'
    WHERE u.run_id = @run_id AND u.object_type = 'department' AND u.left_alone IS NULL
      AND u.target ->> 'status' = 'deleted'
      AND NOT EXISTS (SELECT 1 FROM org_departments c WHERE c.parent_id = d.id AND c.status = 'active')
      AND NOT EXISTS (SELECT 1 FROM org_member_departments md JOIN org_members m ON m.id = md.member_id
                      WHERE md.department_id = d.id AND m.status <> 'deleted')
    ORDER BY d.id FOR NO KEY UPDATE OF d
)
UPDATE org_departments d SET (
    name, parent_id, sort_order, status, tenant_id, raw_data, path, depth, member_count, direct_member_count, synced_at
) = (
    SELECT w.name, w.parent_id, w.sort_order, w.status, w.tenant_id, w.raw_data, w.path, w.depth, 0, 0, now()
    FROM jsonb_populate_record(d, n.target) w)
FROM leaves n
WHERE d.id = n.id;

-- name: LeaveInhabited :exec
-- Leaves alone what is to be deleted and is not, since something is in it.
UPDATE undo_objects u SET left_alone = 'inhabited'
FROM org_objects o
WHERE u.run_id = @run_id
  AND u.object_type IN ('department', 'group')
  AND u.left_alone IS NULL
  AND u.target ->> 'status' = 'deleted'
  AND o.object_type = u.object_type
  AND o.id = u.object_id
  AND o.status = 'active';

-- name: ListLeftAlone :many
SELECT object_type, external_id, left_alone, changed_by FROM undo_objects
WHERE run_id = @run_id AND left_alone IS NOT NULL ORDER BY object_type, external_id LIMIT @max_rows;

-- name: CountLeftAlone :many
SELECT u.object_type, count(*)::int AS objects FROM undo_objects u
WHERE u.run_id = @run_id AND u.left_alone IS NOT NULL
GROUP BY u.object_type;

-- name: IsUndone :one
-- Whether the undo run has done its work: all of it is one transaction.
SELECT (EXISTS (SELECT 1 FROM org_changes c WHERE c.run_id = @run_id)
    OR EXISTS (SELECT 1 FROM sync_run_errors e WHERE e.run_id = @run_id))::boolean AS done;

-- name: ClearUndoObjects :exec
DELETE FROM undo_objects WHERE run_id = @run_id;
