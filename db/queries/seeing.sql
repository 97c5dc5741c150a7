-- name: LedgerIDs :many
SELECT external_id FROM sync_run_departments WHERE run_id = @run_id AND ordinal = ANY (@ordinals::int[]) ORDER BY ordinal;

-- name: LedgerPeople :one
-- A person in several departments counts in each.
SELECT coalesce(sum(members_read), 0)::bigint AS people FROM sync_run_departments
WHERE run_id = @run_id AND ordinal BETWEEN @first::int AND @last::int AND members_complete;
