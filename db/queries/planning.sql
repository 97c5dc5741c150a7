-- name: PlanEachTime :exec
-- For the rest of the transaction each statement is planned for the tables as they
-- are: a plan kept from when a first load began, with tables that were empty, would
-- read a hundred thousand rows for each of a batch.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true);

-- name: PlanWholesale :exec
-- For the rest of the transaction rows are joined by hash: the statistics know nothing
-- of a run or provider that is new, and would make the planner look up one row after
-- another where it is all of them.
SELECT set_config('enable_nestloop', CASE WHEN @wholesale::boolean THEN 'off' ELSE 'on' END, true),
    set_config('work_mem', CASE WHEN @wholesale::boolean THEN '64MB' ELSE current_setting('work_mem') END, true);
