-- name: ListDepartmentIDs :many
-- One by one: for a list the planner would rather read all of the run's.
SELECT l.external_id FROM unnest(@positions::int[]) AS w (position)
CROSS JOIN LATERAL (SELECT x.external_id FROM sync_run_departments x
    WHERE x.run_id = @run_id AND x.position = w.position OFFSET 0) l
ORDER BY w.position;

-- name: ListDepartmentIDsBetween :many
SELECT external_id FROM sync_run_departments WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int
ORDER BY position;

-- name: CountMembersRead :one
-- What was read of a range to the end; a person in several departments counts in each.
-- Nothing of it is to be applied if every listing was unchanged.
SELECT coalesce(sum(members_read) FILTER (WHERE members_complete), 0)::bigint AS people,
    coalesce(bool_and(members_unchanged OR state = 'excluded' OR members_method = ''), true)::boolean AS unchanged
FROM sync_run_departments WHERE run_id = @run_id AND position BETWEEN @first::int AND @last::int;
