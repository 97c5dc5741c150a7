-- name: ListRunReasons :many
-- What went wrong in a run, each reason once: departments first, then whatever concerns
-- most objects. Texts end with the call and its request id, which differs from answer to
-- answer: where several objects share a reason it is left out.
WITH problems AS (
    SELECT 'department' AS object_type, l.external_id, l.error AS message
    FROM sync_run_departments l WHERE l.run_id = @run_id AND l.error IS NOT NULL
    UNION ALL
    SELECT e.object_type, e.external_id, e.message FROM sync_run_errors e WHERE e.run_id = @run_id
)
SELECT object_type, count(*) AS objects,
    (CASE WHEN count(*) = 1 THEN min(message) ELSE regexp_replace(min(message), @call::text, '') END)::text AS message,
    ((array_agg(external_id ORDER BY external_id))[1:@ids::int])::text[] AS first_ids
FROM problems
GROUP BY object_type, regexp_replace(message, @call::text, '')
ORDER BY object_type = 'warning', object_type, count(*) DESC, min(external_id), min(message)
LIMIT @max_rows;

-- name: CountPartialRuns :one
-- How many runs with the same limits as this one, up to it, ended partial since the last
-- one that succeeded; 0 where this one did not end partial or was asked for by hand to
-- mend another. Beside it, how many departments the directory holds.
SELECT
    (SELECT count(*) FROM sync_runs p
        WHERE p.provider_id = r.provider_id AND p.mode = r.mode AND p.departments = r.departments
          AND p.members = r.members
          AND p.retries IS NULL AND p.undoes IS NULL AND p.task = 'sync' AND p.status = 'partial'
          AND p.generation <= r.generation
          AND p.generation > coalesce((SELECT max(s.generation) FROM sync_runs s
              WHERE s.provider_id = r.provider_id AND s.mode = r.mode AND s.departments = r.departments
                AND s.members = r.members
                AND s.retries IS NULL AND s.undoes IS NULL AND s.task = 'sync' AND s.status = 'succeeded'
                AND s.generation < r.generation), 0)
    )::int AS partials,
    (SELECT count(*) FROM org_departments d WHERE d.provider_id = r.provider_id
        AND d.status = 'active')::int AS departments
FROM sync_runs r
WHERE r.id = @run_id AND r.status = 'partial' AND r.mode = 'apply' AND r.retries IS NULL AND r.undoes IS NULL
  AND r.task = 'sync';
