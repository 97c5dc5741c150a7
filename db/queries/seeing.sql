-- name: LedgerIDs :many
SELECT external_id FROM sync_run_departments WHERE run_id = @run_id AND ordinal = ANY (@ordinals::int[]) ORDER BY ordinal;

-- name: LedgerPeople :one
-- What was read of a range to the end; a person in several departments counts in each.
-- Nothing of it is to be applied if every listing was recognised.
SELECT coalesce(sum(members_read) FILTER (WHERE members_complete), 0)::bigint AS people,
    coalesce(bool_and(members_recognised OR members_skipped OR members_listing = ''), true)::boolean AS recognised
FROM sync_run_departments WHERE run_id = @run_id AND ordinal BETWEEN @first::int AND @last::int;
