-- name: ListUnfinishedRuns :many
-- Runs that have been marked as running for long, each with the workflow that it is left
-- to by now, like ListOpenRuns.
SELECT r.id, coalesce(r.hold_workflow_id, r.workflow_id)::text AS workflow_id,
    CASE WHEN r.hold_workflow_id IS NULL THEN r.temporal_run_id ELSE '' END::text AS temporal_run_id, r.status
FROM sync_runs r
WHERE r.status = 'running' AND r.started_at < now() - @longer_than::interval ORDER BY r.started_at;

-- name: EndDeadRun :execrows
UPDATE sync_runs SET status = @status, error = @error::text, finished_at = greatest(now(), started_at), phase = 'done'
WHERE id = @id AND status = 'running';

-- name: FindRunWithStaging :one
-- An ended run of which a snapshot is left.
SELECT r.id FROM sync_runs r
WHERE r.finished_at IS NOT NULL AND (
    EXISTS (SELECT 1 FROM staged_departments s WHERE s.run_id = r.id)
    OR EXISTS (SELECT 1 FROM staged_members s WHERE s.run_id = r.id)
    OR EXISTS (SELECT 1 FROM member_matches s WHERE s.run_id = r.id)
    OR EXISTS (SELECT 1 FROM staged_groups s WHERE s.run_id = r.id)
    OR EXISTS (SELECT 1 FROM staged_group_members s WHERE s.run_id = r.id)
    OR EXISTS (SELECT 1 FROM staged_administrators s WHERE s.run_id = r.id)
    OR EXISTS (SELECT 1 FROM staged_details s WHERE s.run_id = r.id))
LIMIT 1;

-- name: DropStaging :one
SELECT drop_staging(@run_id, @max_rows)::bigint AS dropped;

-- name: DropStaleDryRunChanges :execrows
-- What a dry run left that was broken off. The table has no index: it is empty but
-- while a plan is being made.
DELETE FROM dry_run_changes c
WHERE NOT EXISTS (SELECT 1 FROM sync_runs r WHERE r.id = c.run_id AND r.status = 'running');

-- name: FindRunWithRaw :one
-- The oldest run whose raw records are due, locked against another retention run. Never a
-- provider's newest, nor one that another run is about to take back.
SELECT r.id FROM sync_runs r
WHERE r.raw_left AND r.finished_at < now() - @older_than::interval
    AND NOT EXISTS (SELECT 1 FROM identity_providers p WHERE p.id = r.provider_id AND p.newest_run_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM sync_runs o WHERE o.undoes = r.id AND o.status IN ('running', 'held'))
ORDER BY r.finished_at LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED;

-- name: DropRawChanges :execrows
UPDATE org_changes c SET before = c.before - 'raw_data', after = c.after - 'raw_data'
WHERE c.run_id = @run_id AND c.id IN (
    SELECT x.id FROM org_changes x
    WHERE x.run_id = @run_id AND (jsonb_exists(x.before, 'raw_data') OR jsonb_exists(x.after, 'raw_data'))
    LIMIT @max_rows);

-- name: DropRawMembers :execrows
-- Of the members that this run removed and that are still gone since. In the order in
-- which syncs take rows.
UPDATE org_members m SET raw_data = '{}'
WHERE m.id IN (
    SELECT o.id FROM org_members o JOIN org_changes c ON c.object_id = o.id
    WHERE c.run_id = @run_id AND c.object_type = 'member' AND c.kind = 'deleted'
        AND o.status = 'deleted' AND o.raw_data <> '{}' AND o.synced_at < now() - @older_than::interval
    ORDER BY o.id LIMIT @max_rows FOR NO KEY UPDATE OF o);

-- name: DropRawDepartments :execrows
UPDATE org_departments d SET raw_data = '{}'
WHERE d.id IN (
    SELECT o.id FROM org_departments o JOIN org_changes c ON c.object_id = o.id
    WHERE c.run_id = @run_id AND c.object_type = 'department' AND c.kind = 'deleted'
        AND o.status = 'deleted' AND o.raw_data <> '{}' AND o.synced_at < now() - @older_than::interval
    ORDER BY o.id LIMIT @max_rows FOR NO KEY UPDATE OF o);

-- name: MarkRawDropped :exec
UPDATE sync_runs SET raw_left = false WHERE id = @id;

-- name: FindRunWithDetails :one
-- The oldest run whose details are due, locked so that no other run can come to refer
-- to it until they are marked as dropped.
SELECT r.id FROM sync_runs r
WHERE r.details_left AND r.finished_at < now() - @older_than::interval
    AND NOT EXISTS (SELECT 1 FROM identity_providers p WHERE p.id = r.provider_id AND p.newest_run_id = r.id)
    AND NOT EXISTS (SELECT 1 FROM sync_runs o
        WHERE (o.undoes = r.id OR o.retries = r.id) AND o.status IN ('running', 'held'))
ORDER BY r.finished_at LIMIT 1 FOR UPDATE OF r SKIP LOCKED;

-- name: MarkDetailsDropped :execrows
-- Marks them unless a run has come to need them before the lock was had.
UPDATE sync_runs r SET details_dropped_at = coalesce(r.details_dropped_at, now())
WHERE r.id = @id
    AND NOT EXISTS (SELECT 1 FROM sync_runs o
        WHERE (o.undoes = r.id OR o.retries = r.id) AND o.status IN ('running', 'held'));

-- name: DropDetails :one
WITH c AS (
    DELETE FROM org_changes c WHERE c.run_id = @run_id
        AND c.id IN (SELECT x.id FROM org_changes x WHERE x.run_id = @run_id LIMIT @max_rows) RETURNING 1
), e AS (
    DELETE FROM sync_run_errors WHERE id IN (SELECT x.id FROM sync_run_errors x WHERE x.run_id = @run_id
        LIMIT @max_rows) RETURNING 1
), l AS (
    DELETE FROM sync_run_departments d USING (
        SELECT x.external_id FROM sync_run_departments x WHERE x.run_id = @run_id LIMIT @max_rows) b
    WHERE d.run_id = @run_id AND d.external_id = b.external_id RETURNING 1
), gl AS (
    DELETE FROM sync_run_listings d USING (
        SELECT x.object_type, x.external_id FROM sync_run_listings x WHERE x.run_id = @run_id LIMIT @max_rows) b
    WHERE d.run_id = @run_id AND d.object_type = b.object_type AND d.external_id = b.external_id RETURNING 1
), r AS (
    DELETE FROM sync_run_removals d USING (
        SELECT x.object_type, x.object_id, x.department_id FROM sync_run_removals x WHERE x.run_id = @run_id
        LIMIT @max_rows) b
    WHERE d.run_id = @run_id AND d.object_type = b.object_type AND d.object_id = b.object_id
      AND d.department_id = b.department_id
    RETURNING 1
), u AS (
    DELETE FROM sync_run_lookups d USING (
        SELECT x.object_type, x.object_id FROM sync_run_lookups x WHERE x.run_id = @run_id LIMIT @max_rows) b
    WHERE d.run_id = @run_id AND d.object_type = b.object_type AND d.object_id = b.object_id
    RETURNING 1
)
SELECT ((SELECT count(*) FROM c) + (SELECT count(*) FROM e) + (SELECT count(*) FROM l) + (SELECT count(*) FROM r)
    + (SELECT count(*) FROM u)
    + (SELECT count(*) FROM gl))::bigint;

-- name: FinishDetails :exec
UPDATE sync_runs SET details_left = false, raw_left = false WHERE id = @id;

-- name: DropRuns :execrows
DELETE FROM sync_runs WHERE id IN (
    SELECT r.id FROM sync_runs r
    WHERE NOT r.details_left AND r.finished_at < now() - @older_than::interval
        AND NOT EXISTS (SELECT 1 FROM identity_providers p WHERE p.id = r.provider_id AND p.newest_run_id = r.id)
        AND NOT EXISTS (SELECT 1 FROM removal_candidates c WHERE c.run_id = r.id)
    ORDER BY r.finished_at LIMIT @max_rows FOR UPDATE OF r SKIP LOCKED);

-- name: DropExpiredTokens :execrows
DELETE FROM provider_tokens WHERE expires_at < now() - interval '1 hour';

-- name: DropOldCallSlots :execrows
-- A slot this old grants the next call at once, as no slot does.
DELETE FROM provider_call_slots WHERE next_at < now() - interval '1 hour';

-- name: ReadClock :one
SELECT clock_timestamp()::timestamptz;

-- name: FinishRetentionStep :exec
INSERT INTO retention_steps (name, done_at) VALUES (@part, now())
ON CONFLICT (name) DO UPDATE SET done_at = excluded.done_at;
