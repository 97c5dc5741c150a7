-- name: TakeFence :one
-- Numbers a new run and makes it the newest in one statement: the run that held the
-- fence before can no longer write once this commits.
UPDATE identity_providers SET generation = generation + 1, newest_run_id = @run_id, newest_run_writes = true
WHERE id = @provider_id RETURNING generation;

-- name: TakeFenceBack :exec
UPDATE identity_providers SET newest_run_id = @run_id, newest_run_writes = true WHERE id = @provider_id;

-- name: CloseFence :exec
-- Waits until nothing is being written for the run, and lets nothing more be written.
UPDATE identity_providers p SET newest_run_writes = false
FROM sync_runs r
WHERE r.id = @run_id AND p.id = r.provider_id AND p.newest_run_id = r.id AND p.newest_run_writes;

-- name: HoldFence :one
-- Holds the fence row against a new run until the end of the transaction. A run that
-- was held, and goes on since its removals were approved, is told apart. What the
-- transaction changes is logged as this run's.
SELECT p.id AS provider_id, p.tenant_id, p.provider_type, p.ids_ignore_case, r.mode,
    ((cardinality(r.members) > 0 OR r.by_events) AND r.undoes IS NULL)::boolean AS by_id, r.by_events,
    (r.hold_workflow_id IS NOT NULL)::boolean AS approved, r.task, r.account_policy,
    (r.on_removals = 'apply')::boolean AS unlimited,
    set_config('orgsync.run_id', r.id::text, true) AS logged_as,
    set_config('orgsync.told', (r.hold_workflow_id IS NOT NULL)::text, true) AS told,
    (NOT r.targeted AND r.undoes IS NULL AND r.task = 'sync')::boolean AS whole
FROM identity_providers p JOIN sync_runs r ON r.id = p.newest_run_id AND r.provider_id = p.id
WHERE r.id = @run_id AND r.status = 'running' AND p.newest_run_writes
FOR SHARE OF p;

-- name: LockProviderByName :one
SELECT p.id, p.name, p.tenant_id, p.is_active, p.provider_type, p.newest_run_id
FROM identity_providers p WHERE p.name = @name FOR NO KEY UPDATE;

-- name: LockProviderOfRun :one
SELECT p.id FROM identity_providers p JOIN sync_runs r ON r.provider_id = p.id WHERE r.id = @run_id
FOR NO KEY UPDATE OF p;

-- name: GetRunByExecution :one
SELECT r.id, r.status, cardinality(r.members)::int AS members,
    EXISTS (SELECT 1 FROM provider_events e
        WHERE e.run_id = r.id AND e.object_type IN ('group', 'administrator')) AS groups
FROM sync_runs r WHERE workflow_id = @workflow_id AND temporal_run_id = @temporal_run_id;

-- name: ListOpenRuns :many
-- The runs of a provider that have not ended, each with the workflow that it is left to
-- by now: of one that was held the latest execution of the workflow that holds it.
SELECT r.id, coalesce(r.hold_workflow_id, r.workflow_id)::text AS workflow_id,
    CASE WHEN r.hold_workflow_id IS NULL THEN r.temporal_run_id ELSE '' END::text AS temporal_run_id, r.status,
    (r.hold_workflow_id IS NOT NULL)::boolean AS was_held, r.by_events, r.task
FROM sync_runs r WHERE r.provider_id = @provider_id AND r.status IN ('running', 'held') ORDER BY r.generation;

-- name: InsertRun :exec
-- The run goes by the rules of that version, or else by those in force.
INSERT INTO sync_runs (id, provider_id, generation, workflow_id, temporal_run_id, mode, on_removals, departments,
    members, retries, undoes,
    rules_version, task, started_by, by_events, single_departments)
VALUES (@id, @provider_id, @generation, @workflow_id, @temporal_run_id, @mode, @on_removals, @departments, @members,
    sqlc.narg(retries), sqlc.narg(undoes),
    coalesce(sqlc.narg(rules_version)::int, (SELECT max(c.version) FROM provider_rules c
        WHERE c.provider_id = @provider_id AND NOT c.draft), 0),
    coalesce(nullif(@task::text, ''), 'sync'), sqlc.narg(started_by), @by_events, @single_departments);

-- name: EndRun :execrows
-- The first end stands: a run that was superseded or decided stays so. None ends before
-- it began, though the clock was set back.
UPDATE sync_runs SET status = @status, error = sqlc.narg(error), finished_at = greatest(now(), started_at),
    phase = 'done'
WHERE id = @id AND status IN ('running', 'held');

-- name: SetDecidedBy :one
-- The first decision stands. Returns what the audit log says of it.
UPDATE sync_runs r
SET decided_by = @decided_by
FROM identity_providers p
WHERE r.id = @id AND r.status = 'held' AND r.decided_by IS NULL AND p.id = r.provider_id
RETURNING p.id AS provider_id, p.tenant_id,
    (SELECT count(*) FROM sync_run_removals x WHERE x.run_id = r.id AND x.confirmed) AS removals;

-- name: SetCounts :exec
UPDATE sync_runs SET counts = @counts WHERE id = @id;

-- name: SetPhase :exec
UPDATE sync_runs SET phase = @phase WHERE id = @id AND phase IS DISTINCT FROM @phase;

-- name: SetVisibleRange :exec
UPDATE sync_runs SET visible_range = @visible_range WHERE id = @id;

-- name: SetMembersSeen :exec
UPDATE sync_runs SET members_seen = @members::int WHERE id = @id AND members_seen IS DISTINCT FROM @members::int;

-- name: AddCalls :exec
-- Without waiting for the disk: all who read for a run come by at this row, and after a
-- crash of Postgres a few calls less are on record, nothing else.
UPDATE sync_runs SET calls = calls + @calls
FROM set_config('synchronous_commit', 'off', true) WHERE id = @id;

-- name: GetVisibleRanges :one
SELECT r.visible_range AS this, p.visible_range AS applied
FROM sync_runs r JOIN identity_providers p ON p.id = r.provider_id WHERE r.id = @run_id;

-- name: SetProviderSynced :exec
-- A targeted run says nothing of the whole. What is out of scope by the run's rules went, unless the run was to remove
-- nothing.
UPDATE identity_providers p SET last_synced_at = now(), visible_range = r.visible_range,
    rules_applied = CASE WHEN EXISTS (SELECT 1 FROM sync_run_removals x
            WHERE x.run_id = r.id AND x.reason = 'out_of_scope' AND NOT x.applied)
        THEN p.rules_applied ELSE r.rules_version END
FROM sync_runs r WHERE r.id = @run_id AND NOT r.targeted AND p.id = r.provider_id;

-- name: GetRun :one
SELECT r.*, p.name AS provider_name, p.provider_type FROM sync_runs r JOIN identity_providers p ON p.id = r.provider_id
WHERE r.id = @id;

-- name: ListRuns :many
SELECT r.*, p.name AS provider_name, p.provider_type FROM sync_runs r JOIN identity_providers p ON p.id = r.provider_id
WHERE (sqlc.narg(provider)::text IS NULL OR p.name = sqlc.narg(provider))
ORDER BY r.started_at DESC, r.id LIMIT @max_rows;

-- name: AddRunError :exec
INSERT INTO sync_run_errors (run_id, object_type, external_id, message)
VALUES (@run_id, @object_type, @external_id, @message) ON CONFLICT DO NOTHING;

-- name: ListRunErrors :many
SELECT object_type, external_id, message FROM sync_run_errors WHERE run_id = @run_id ORDER BY id LIMIT @max_rows;

-- name: GetProgress :one
SELECT r.phase, r.status, r.calls, r.started_at,
    (SELECT count(*) FROM sync_run_departments l WHERE l.run_id = r.id)::bigint AS departments,
    (SELECT count(*) FROM sync_run_departments l
        WHERE l.run_id = r.id AND (l.members_complete OR l.members_error IS NOT NULL))::bigint AS departments_done,
    (SELECT count(*) FROM sync_run_departments l
        WHERE l.run_id = r.id AND l.error IS NOT NULL)::bigint AS departments_failed,
    (SELECT coalesce(sum(l.members_read), 0) FROM sync_run_departments l WHERE l.run_id = r.id)::bigint AS members_read
FROM sync_runs r WHERE r.id = @run_id;

-- name: DropRunStaging :exec
WITH d AS (DELETE FROM staged_departments sd WHERE sd.run_id = @run_id),
     m AS (DELETE FROM staged_members sm WHERE sm.run_id = @run_id),
     g AS (DELETE FROM staged_groups sg WHERE sg.run_id = @run_id),
     gm AS (DELETE FROM staged_group_members sg WHERE sg.run_id = @run_id),
     a AS (DELETE FROM staged_administrators sa WHERE sa.run_id = @run_id),
     sd AS (DELETE FROM staged_details s WHERE s.run_id = @run_id)
DELETE FROM member_matches rm WHERE rm.run_id = @run_id;

-- name: CountChanges :many
-- A membership that appears or goes counts; one whose order changed does not.
-- A member who lost a link was not linked.
SELECT object_type, kind, count(*) AS n FROM org_changes
WHERE run_id = @run_id AND NOT (kind = 'linked' AND after -> 'user_id' = 'null')
GROUP BY object_type, kind;

-- name: CountRead :one
-- A department that failed for records below it alone, which could not be used, is not
-- counted beside them: each has an error of its own.
SELECT
    (SELECT count(*) FROM staged_departments d WHERE d.run_id = @run_id)::bigint AS departments,
    ((SELECT count(*) FROM sync_run_departments l WHERE l.run_id = @run_id
        AND l.error <> 'records of departments below it that could not be used were left out: ' || l.children_bad)
        + (SELECT count(*) FROM sync_run_errors e
            WHERE e.run_id = @run_id AND e.object_type = 'department'))::bigint AS departments_failed,
    (coalesce((SELECT r.members_seen FROM sync_runs r WHERE r.id = @run_id), (
        SELECT count(DISTINCT seen.member_id) FROM (
            SELECT m.member_id FROM member_matches m WHERE m.run_id = @run_id
            UNION ALL SELECT v.member_id FROM unchanged_memberships v WHERE v.run_id = @run_id) seen))
        + (SELECT count(*) FROM member_matches m WHERE m.run_id = @run_id AND m.member_id IS NULL))::bigint AS members,
    (SELECT count(*) FROM member_matches m WHERE m.run_id = @run_id
        AND m.member_id IS NULL)::bigint AS members_undecided,
    (SELECT count(*) FROM sync_run_errors e WHERE e.run_id = @run_id
        AND e.object_type = 'member')::bigint AS member_errors,
    (SELECT count(*) FROM staged_groups g WHERE g.run_id = @run_id) AS groups,
    (SELECT count(*) FROM sync_run_listings l
        WHERE l.run_id = @run_id AND l.object_type <> 'administrator' AND l.error IS NOT NULL
          AND NOT l.tolerated) AS groups_failed,
    (SELECT count(*) FROM staged_administrators a WHERE a.run_id = @run_id) AS administrators,
    (SELECT count(*) FROM sync_run_listings l
        WHERE l.run_id = @run_id AND l.object_type = 'administrator' AND l.error IS NOT NULL AND NOT l.tolerated)
        AS administrators_failed;

-- name: HasChanges :one
SELECT EXISTS (SELECT 1 FROM org_changes WHERE run_id = @run_id);

-- name: ListChanges :many
-- Changes with the names of what they are about, also of what is gone, and without
-- figures that are of no use outside. Where a member was before being deleted is no change.
SELECT c.id, c.object_type, c.object_id, c.department_id, c.external_id, c.kind, c.changed_at,
    (c.before - CASE c.kind WHEN 'restored' THEN '{primary_rank,depth,path,department_id,department_path,manager_id}'
        ELSE '{primary_rank,depth}' END::text[])::jsonb AS before,
    (c.after - '{primary_rank,depth}'::text[])::jsonb AS after,
    coalesce(o.name, '')::text AS name,
    coalesce(p.external_id, '')::text AS department,
    coalesce(p.name, '')::text AS department_name,
    coalesce(p.path, '')::text AS department_path,
    coalesce(named.names, '{}')::jsonb AS names
FROM org_changes c
LEFT JOIN LATERAL (
    -- The parents and managers that the change names by id.
    SELECT jsonb_object_agg(object.id, object.name || ' (' || object.external_id || ')') AS names
    FROM (
        SELECT parent.id, parent.name, parent.external_id FROM org_departments parent
        WHERE parent.id IN ((c.before ->> 'parent_id')::uuid, (c.after ->> 'parent_id')::uuid)
        UNION ALL
        SELECT manager.id, manager.name, manager.external_id FROM org_members manager
        WHERE manager.id IN ((c.before ->> 'manager_id')::uuid, (c.after ->> 'manager_id')::uuid)
    ) object
) named ON c.object_type <> 'membership'
LEFT JOIN org_objects o ON o.id = c.object_id
LEFT JOIN org_objects p ON p.id = c.department_id AND c.department_id <> c.object_id
WHERE c.run_id = @run_id AND c.id > @after_id
  AND (cardinality(@kinds::text[]) = 0 OR c.kind = ANY (@kinds))
  AND (cardinality(@types::text[]) = 0 OR c.object_type = ANY (@types))
  AND (cardinality(@members::text[]) = 0 OR c.object_type NOT IN ('department', 'group')
      AND c.external_id = ANY (@members))
ORDER BY c.id LIMIT @max_rows;

-- name: DropChanges :exec
DELETE FROM org_changes WHERE run_id = @run_id;

-- name: DropDryRunChanges :exec
DELETE FROM dry_run_changes WHERE run_id = @run_id;

-- name: KeepDryRunChanges :exec
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after, changed_at)
SELECT r.run_id, r.object_type, r.object_id, r.department_id, r.external_id, r.kind, r.before, r.after, r.changed_at
FROM dry_run_changes r WHERE r.run_id = @run_id
ON CONFLICT DO NOTHING;
