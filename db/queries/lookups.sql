-- name: ListNeededLookups :many
-- Planned removals that are to be looked up and have not been in this run: of what no
-- listing shows although everything was read, of the kinds in listed, and of what may be
-- where nothing was, of the kinds in unread.
SELECT r.object_type, r.object_id, r.confirmed AS unlisted FROM sync_run_removals r
WHERE r.run_id = @run_id
  AND (NOT r.confirmed OR r.reason = 'not_listed')
  AND r.object_type = ANY (CASE WHEN r.confirmed THEN @listed::text[] ELSE @unread::text[] END)
  AND NOT EXISTS (SELECT 1 FROM sync_run_lookups l
      WHERE l.run_id = @run_id AND l.object_type = r.object_type AND l.object_id = r.object_id);

-- name: AddLookups :exec
INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted)
SELECT @run_id, unnest(@types::text[]), unnest(@ids::uuid[]), unnest(@unlisted::boolean[])
ON CONFLICT DO NOTHING;

-- name: CountOpenLookups :one
SELECT count(*)::int AS open FROM sync_run_lookups WHERE run_id = @run_id AND result IS NULL;

-- name: ListLookups :many
-- What is still to be looked up, in the order of the ids.
SELECT l.object_id, coalesce(m.external_id, d.external_id)::text AS external_id, m.open_id, m.unionid
FROM sync_run_lookups l
LEFT JOIN org_members m ON l.object_type = 'member' AND m.id = l.object_id
LEFT JOIN org_departments d ON l.object_type = 'department' AND d.id = l.object_id
WHERE l.run_id = @run_id AND l.object_type = @object_type AND l.object_id > @after::uuid AND l.result IS NULL
  AND CASE WHEN l.unlisted THEN @unlisted::boolean ELSE @unread::boolean END
ORDER BY l.object_id LIMIT @max_rows;

-- name: AnswerLookups :exec
-- By way of a conflict, which finds each line by its key.
INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted, result)
SELECT @run_id::uuid, @object_type, found.id, true, found.result
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@results::text[]) AS result) found
ON CONFLICT (run_id, object_type, object_id) DO UPDATE SET result = excluded.result;

-- name: EndLookups :exec
-- The provider cannot be asked about the others.
UPDATE sync_run_lookups SET result = 'not_asked' WHERE run_id = @run_id AND result IS NULL;

-- name: ConfirmNotFound :execrows
-- What the provider itself calls gone.
UPDATE sync_run_removals r SET confirmed = true, reason = 'looked_up'
FROM sync_run_lookups l
WHERE r.run_id = @run_id AND r.object_type <> 'membership'
  AND l.run_id = @run_id AND l.object_type = r.object_type AND l.object_id = r.object_id AND l.result = 'not_found';

-- name: ConfirmMissedTwice :execrows
-- What these runs had missed already, which saw no more, and no look-up has shown since, now
-- that it was missed again.
UPDATE sync_run_removals r SET confirmed = true, reason = 'not_visible_twice'
FROM sync_run_lookups l, removal_candidates c
WHERE r.run_id = @run_id AND r.object_type <> 'membership'
  AND l.run_id = @run_id AND l.object_type = r.object_type AND l.object_id = r.object_id
  AND l.result IN ('not_visible', 'id_reused', 'not_listed')
  AND c.provider_id = @provider_id AND c.object_type = r.object_type AND c.object_id = r.object_id
  AND c.run_id = ANY (@earlier_runs::uuid[]) AND c.result <> 'exists';

-- name: PlanLookedUpOutOfScope :exec
-- Members whom no listing shows since they are in departments that the rules leave out.
UPDATE sync_run_removals r SET confirmed = true, reason = 'out_of_scope'
FROM sync_run_lookups l
WHERE r.run_id = @run_id
  AND r.object_type = 'member'
  AND l.run_id = r.run_id
  AND l.object_type = r.object_type
  AND l.object_id = r.object_id
  AND l.result = 'out_of_scope';

-- name: WithdrawKept :many
-- Takes out of the plan what is not to go although it was planned, with the places that were
-- to go with it and, if it is to keep them, those missed in listings: it is there, or
-- nothing is known of it. What was not listed goes even
-- if it was only not found again: its id is another's, no record names it, or it is out
-- of a visible range that was limited from the beginning. Says what was missed before, by
-- these runs.
WITH stays AS MATERIALIZED (
    SELECT r.object_type, r.object_id, l.result FROM sync_run_removals r
    JOIN sync_run_lookups l ON l.run_id = @run_id AND l.object_type = r.object_type AND l.object_id = r.object_id
    WHERE r.run_id = @run_id AND r.object_type <> 'membership' AND l.result NOT IN ('not_found', 'not_asked')
      AND r.reason NOT IN ('not_visible_twice', 'out_of_scope')
      AND NOT (r.confirmed AND (l.result IN ('id_reused', 'not_listed') OR l.result = 'not_visible'
          AND @limited_range::boolean))
), withdrawn AS (
    DELETE FROM sync_run_removals r USING stays s
    WHERE r.run_id = @run_id AND r.object_type = s.object_type AND r.object_id = s.object_id
), places_of_members AS (
    DELETE FROM sync_run_removals r USING stays s
    WHERE r.run_id = @run_id AND r.object_type <> s.object_type AND r.object_id = s.object_id
      AND (r.reason = 'with_' || s.object_type OR @keep_places::boolean AND r.object_type = 'membership')
), places_in_departments AS (
    DELETE FROM sync_run_removals r USING stays s
    WHERE r.run_id = @run_id AND r.object_type <> s.object_type
      AND r.department_id = s.object_id AND r.reason = 'with_' || s.object_type
)
SELECT s.object_type, s.object_id, coalesce(m.external_id, d.external_id)::text AS external_id,
    s.result::text AS result,
    (c.object_id IS NOT NULL)::boolean AS missed_before
FROM stays s
LEFT JOIN org_members m ON s.object_type = 'member' AND m.id = s.object_id
LEFT JOIN org_departments d ON s.object_type = 'department' AND d.id = s.object_id
LEFT JOIN removal_candidates c ON c.provider_id = @provider_id AND c.object_type = s.object_type
    AND c.object_id = s.object_id
    AND c.run_id = ANY (@earlier_runs::uuid[])
ORDER BY s.object_type, 3;

-- name: ForgetLookups :exec
DELETE FROM sync_run_lookups WHERE run_id = @run_id;

-- name: AddLookupsOfRemovals :exec
-- All objects of these kinds that a run is to remove, but for what the rules leave out: that
-- the provider shows them is no reason to keep them.
INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted)
SELECT r.run_id, r.object_type, r.object_id, true FROM sync_run_removals r
WHERE r.run_id = @run_id
  AND r.object_type = ANY (@kinds::text[])
  AND r.confirmed
  AND NOT r.applied
  AND r.reason <> 'out_of_scope';

-- name: WithdrawReturned :many
-- Takes out of an approved plan what is there again, and what nothing could be learnt of,
-- with the places that hang on it alone: not those in a department that goes, nor those of
-- a person who goes.
WITH spared AS MATERIALIZED (
    SELECT r.object_type, r.object_id, coalesce(l.result, 'failed') AS result FROM sync_run_removals r
    JOIN sync_run_lookups l ON l.run_id = @run_id AND l.object_type = r.object_type AND l.object_id = r.object_id
    WHERE r.run_id = @run_id AND r.object_type <> 'membership' AND NOT r.applied
      AND coalesce(l.result, 'failed') IN ('exists', 'failed')
), going AS MATERIALIZED (
    SELECT r.object_id FROM sync_run_removals r WHERE r.run_id = @run_id AND r.object_type = ANY (@objects::text[])
        AND NOT EXISTS (SELECT 1 FROM spared s WHERE s.object_type = r.object_type AND s.object_id = r.object_id)
), withdrawn AS (
    DELETE FROM sync_run_removals r USING spared s
    WHERE r.run_id = @run_id AND r.object_type = s.object_type AND r.object_id = s.object_id
), places_of_members AS (
    DELETE FROM sync_run_removals r USING spared s
    WHERE r.run_id = @run_id AND r.object_type <> s.object_type AND r.object_id = s.object_id
      AND (r.object_type = 'membership' OR r.reason = 'with_' || s.object_type)
      AND NOT EXISTS (SELECT 1 FROM going g WHERE g.object_id = r.department_id)
), places_in_departments AS (
    DELETE FROM sync_run_removals r USING spared s
    WHERE r.run_id = @run_id AND r.object_type <> s.object_type AND r.department_id = s.object_id
      AND (r.object_type = 'membership' OR r.reason = 'with_' || s.object_type)
      AND NOT EXISTS (SELECT 1 FROM going g WHERE g.object_id = r.object_id)
)
SELECT s.object_type, coalesce(m.external_id, d.external_id)::text AS external_id, s.result::text AS result
FROM spared s
LEFT JOIN org_members m ON s.object_type = 'member' AND m.id = s.object_id
LEFT JOIN org_departments d ON s.object_type = 'department' AND d.id = s.object_id
ORDER BY s.object_type, 2;
