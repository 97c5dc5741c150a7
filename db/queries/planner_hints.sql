-- name: SetPlannerHints :exec
-- How the rest of the transaction's statements are carried out. What the statistics
-- say of a run or provider that is new is wrong by its whole size, so the planner is
-- told: a statement on one batch looks rows up by index, in the order in which it is
-- written; a statement on everything joins by hash, and never by sorting, which may go
-- by one of several keys and then costs a department the square of its people. Helpers
-- of a session cost more processor time to start than they spare waiting. Where nothing
-- else is left to choose the plan may be kept.
SELECT set_config('enable_nestloop', CASE WHEN @everything::boolean THEN 'off' ELSE 'on' END, true),
    set_config('enable_hashjoin', CASE WHEN @everything THEN 'on' ELSE 'off' END, true),
    set_config('enable_mergejoin', 'off', true),
    set_config('enable_bitmapscan', CASE WHEN @everything THEN 'on' ELSE 'off' END, true),
    set_config('enable_seqscan', CASE WHEN @everything THEN 'on' ELSE 'off' END, true),
    set_config('join_collapse_limit', CASE WHEN @everything THEN '8' ELSE '1' END, true),
    -- The plans of foreign keys' checks follow this too: made anew for each row they would
    -- cost more than all else. What joins everything by hash may be kept.
    set_config('plan_cache_mode', CASE WHEN @keep::boolean THEN 'force_generic_plan' WHEN @everything THEN 'auto'
        ELSE 'force_custom_plan' END, true),
    set_config('work_mem', CASE WHEN @everything THEN '64MB' ELSE current_setting('work_mem') END, true),
    set_config('max_parallel_workers_per_gather', '0', true);
