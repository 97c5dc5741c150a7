-- name: AddEvents :execrows
-- An event that is there already stays as it is.
INSERT INTO provider_events (provider_id, event_id, kind, object_type, object_id, happened_at)
SELECT @provider_id,
    unnest(@event_ids::text[]),
    unnest(@kinds::text[]),
    unnest(@object_types::text[]),
    unnest(@object_ids::text[]),
    nullif(unnest(@happened_at::timestamptz[]), '0001-01-01 00:00:00+00')
ON CONFLICT DO NOTHING;

-- name: SetLastEvent :exec
UPDATE provider_event_settings
SET last_event_at = now()
WHERE provider_id = @provider_id
  AND (last_event_at IS NULL OR last_event_at < now() - interval '1 second');

-- name: SumUpWaitingEvents :one
-- What waits and is due, by what must be read, and how many people the directory has.
SELECT
    (count(DISTINCT e.object_id) FILTER (WHERE e.object_type = 'member'))::int AS members,
    (count(DISTINCT e.object_id) FILTER (WHERE e.object_type = 'department'))::int AS departments,
    (count(DISTINCT (e.object_type, e.object_id))
        FILTER (WHERE e.object_type IN ('group', 'administrator')))::int AS groups,
    (count(*) FILTER (WHERE e.object_type = 'scope'))::int AS scopes,
    count(e.id)::int AS waiting,
    (SELECT count(*)::int FROM org_members m WHERE m.provider_id = p.id AND m.status <> 'deleted') AS people,
    EXISTS (SELECT 1 FROM sync_runs r WHERE r.provider_id = p.id AND r.status = 'held') AS held,
    (SELECT coalesce(extract(epoch FROM min(l.due_at) - now()), -1)::float8 FROM provider_events l
        WHERE l.provider_id = p.id AND l.done_at IS NULL AND l.set_aside_at IS NULL AND l.due_at > now()) AS next_in
FROM identity_providers p
LEFT JOIN provider_events e ON e.provider_id = p.id
    AND e.done_at IS NULL
    AND e.set_aside_at IS NULL
    AND e.due_at <= now()
WHERE p.name = @provider AND p.is_active
GROUP BY p.id;

-- name: ListDueObjects :many
-- The objects that have waited longest, at most so many. One with which a run failed before
-- goes alone.
WITH waiting AS (
    SELECT e.object_type, e.object_id, min(e.id) AS first, bool_or(e.alone) AS alone
    FROM provider_events e
    WHERE e.provider_id = @provider_id
      AND e.done_at IS NULL
      AND e.set_aside_at IS NULL
      AND e.due_at <= now()
      AND e.object_type IN ('member', 'department', 'group', 'administrator')
    GROUP BY e.object_type, e.object_id
), ordered AS (
    SELECT w.*, row_number() OVER (ORDER BY w.first) AS place, first_value(w.alone) OVER (ORDER BY w.first) AS single
    FROM waiting w
)
SELECT o.object_type, o.object_id FROM ordered o
WHERE o.place <= CASE WHEN o.single THEN 1 ELSE @max_objects::int END
ORDER BY o.place;

-- name: ClaimEvents :exec
-- Gives a run that begins the events about the objects it is to read. No other run is at
-- work, so what an earlier one was given and did not do is free again.
UPDATE provider_events e SET run_id = @run_id
WHERE e.provider_id = @provider_id
  AND e.done_at IS NULL
  AND e.set_aside_at IS NULL
  AND (e.object_type = 'department' AND e.object_id = ANY (@departments::text[])
    OR e.object_type = 'member' AND e.object_id = ANY (@members::text[])
    OR e.object_type = 'group' AND e.object_id = ANY (@groups::text[])
    OR e.object_type = 'administrator' AND @administrators::boolean);

-- name: FinishRunEvents :exec
-- The events of a run that ended are done, but for those whose object could not be read.
UPDATE provider_events e SET done_at = now()
FROM sync_runs r
WHERE r.id = @run_id
  AND r.by_events
  AND r.status IN ('succeeded', 'partial')
  AND e.run_id = r.id
  AND e.done_at IS NULL
  AND NOT EXISTS (
    SELECT 1 FROM sync_run_errors x
    WHERE x.run_id = r.id AND x.object_type = e.object_type AND x.external_id = e.object_id)
  AND NOT EXISTS (
    SELECT 1 FROM sync_run_listings l
    WHERE l.run_id = r.id
      AND l.error IS NOT NULL
      AND NOT l.tolerated
      AND (l.object_type = e.object_type OR l.object_type = 'group_membership' AND e.object_type = 'group')
      AND l.external_id IN ('', e.object_id));

-- name: FindEventListings :one
-- Which of the listings of groups and administrators a run by events reads: those that its events
-- are about. Groups that the directory does not have are read as well.
SELECT
    coalesce(bool_or(e.object_type = 'group'), false)::boolean AS groups,
    coalesce(bool_or(e.object_type = 'administrator'), false)::boolean AS administrators
FROM provider_events e WHERE e.run_id = @run_id;

-- name: FinishMemberEvents :execrows
-- Whom neither the provider nor the directory knows came and went: events about them are done.
UPDATE provider_events SET done_at = now()
WHERE run_id = @run_id AND object_type = 'member' AND object_id = @member::text;

-- name: PostponeRunEvents :exec
-- The other events of the run are tried again: those that could not be read, or with which a
-- run of their own failed, a minute later, then ten, and then no more. All others of a run
-- that failed get a run of their own.
WITH ended AS (
    SELECT r.id, r.status, count(DISTINCT (e.object_type, e.object_id)) AS objects
    FROM sync_runs r
    JOIN provider_events e ON e.run_id = r.id
    WHERE r.id = @run_id AND r.by_events
    GROUP BY r.id
)
UPDATE provider_events e SET
    run_id = NULL,
    alone = e.alone OR r.status = 'failed',
    tries = e.tries + c.blamed,
    due_at = CASE WHEN c.blamed = 1 THEN now() + interval '1 minute' * power(10, e.tries) ELSE e.due_at END,
    set_aside_at = CASE WHEN e.tries + c.blamed >= 3 THEN now() END
FROM ended r
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.status IN ('succeeded', 'partial') OR r.status = 'failed' AND r.objects = 1
        THEN 1 ELSE 0 END AS blamed) c
WHERE e.run_id = r.id AND e.done_at IS NULL;

-- name: RejoinEvents :exec
-- Once a run by events has succeeded, the others need not go alone any more.
UPDATE provider_events e SET alone = false
FROM sync_runs r
WHERE r.id = @run_id
  AND r.by_events
  AND r.status IN ('succeeded', 'partial')
  AND e.provider_id = r.provider_id
  AND e.alone
  AND e.tries = 0
  AND e.done_at IS NULL;

-- name: CoverEvents :exec
-- What came before a full run began is done by it, what was given up too.
UPDATE provider_events e SET done_at = now(), run_id = r.id, set_aside_at = NULL
FROM full_runs r
WHERE r.id = @run_id
  AND r.status IN ('succeeded', 'partial', 'held')
  AND e.provider_id = r.provider_id
  AND e.done_at IS NULL
  AND e.received_at < r.started_at;

-- name: FinishOtherEvents :exec
-- Events that ask for nothing.
UPDATE provider_events e SET done_at = now()
FROM identity_providers p
WHERE p.name = @provider
  AND e.provider_id = p.id
  AND e.object_type = 'other'
  AND e.done_at IS NULL;

-- name: CountRemovedByEvents :many
-- What runs by events have removed within a day.
SELECT c.object_type, count(*)::int AS removed
FROM sync_runs r
JOIN org_changes c ON c.run_id = r.id AND c.kind = 'deleted'
WHERE r.provider_id = @provider_id
  AND r.by_events
  AND r.started_at > now() - interval '24 hours'
GROUP BY c.object_type;

-- name: WithholdRemovals :exec
WITH plan AS (DELETE FROM sync_run_removals x WHERE x.run_id = @run_id)
UPDATE sync_runs SET removals_withheld = true WHERE id = @run_id;

-- name: RemovalsWereWithheld :one
-- Whether a run by events removed nothing since the last full run that was carried out or
-- rejected.
SELECT EXISTS (
    SELECT 1 FROM sync_runs w
    WHERE w.provider_id = @provider_id
      AND w.removals_withheld
      AND w.generation > (
        SELECT coalesce(max(f.generation), 0) FROM full_runs f
        WHERE f.provider_id = @provider_id AND f.status IN ('succeeded', 'partial', 'rejected'))
)::boolean AS withheld;

-- name: RunRemovesByEvents :one
SELECT by_events, provider_id, (NOT targeted AND mode = 'apply' AND task = 'sync' AND undoes IS NULL)::boolean AS whole
FROM sync_runs WHERE id = @run_id;

-- name: FindStaleDerived :one
-- Which derived data a run by events has made stale: what hangs on the tree, what counts people, and
-- what counts them in groups.
-- All of it where a run since the last full one changed something and did not come to its end.
WITH run AS (
    SELECT r.id, r.provider_id,
        (SELECT coalesce(max(f.generation), 0) FROM full_runs f
            WHERE f.provider_id = r.provider_id AND f.status IN ('succeeded', 'partial')) AS full_generation
    FROM sync_runs r WHERE r.id = @run_id
), broken AS (
    SELECT EXISTS (
        SELECT 1 FROM sync_runs b
        WHERE b.provider_id = run.provider_id
          AND b.id <> run.id
          AND b.generation > run.full_generation
          AND b.mode = 'apply'
          AND b.status NOT IN ('succeeded', 'partial', 'held', 'rejected')
          AND EXISTS (SELECT 1 FROM org_changes c WHERE c.run_id = b.id)) AS left_over
    FROM run
)
SELECT
    (b.left_over OR EXISTS (
        SELECT 1 FROM org_changes c WHERE c.run_id = @run_id AND c.object_type = 'department'))::boolean AS tree,
    (b.left_over OR EXISTS (
        SELECT 1 FROM org_changes c
        WHERE c.run_id = @run_id
          AND (c.object_type IN ('department', 'membership')
            OR c.object_type = 'member' AND (c.kind <> 'updated' OR c.before ? 'status'))))::boolean AS people,
    EXISTS (SELECT 1 FROM org_changes c WHERE c.run_id = @run_id AND c.object_type = 'group_membership') AS groups
FROM broken b;

-- name: ListSingleDepartments :many
-- The departments that events were about, and those that staged members are in and the
-- directory does not have.
SELECT unnest(r.single_departments)::text AS external_id FROM sync_runs r WHERE r.id = @run_id
UNION
SELECT s.department_external_id FROM sync_runs r
JOIN staged_members s ON s.run_id = r.id AND s.department_external_id IS NOT NULL
WHERE r.id = @run_id
  AND r.by_events
  AND NOT EXISTS (
    SELECT 1 FROM org_departments d
    WHERE d.provider_id = r.provider_id AND d.external_id = s.department_external_id AND d.status = 'active');

-- name: ListCreatedDepartments :many
-- Those that an event of the run says were created: in each provider's word for it stands "create".
SELECT DISTINCT e.object_id
FROM provider_events e
WHERE e.run_id = @run_id
  AND e.object_type = 'department'
  AND e.kind LIKE '%create%';

-- name: ListWithDepartmentsAbove :many
-- Departments of the directory with those above them and the tops, so that what is new
-- finds its place.
WITH RECURSIVE above AS (
    SELECT d.id, d.external_id, d.parent_id FROM org_departments d
    WHERE d.provider_id = @provider_id
      AND d.status = 'active'
      AND (d.external_id = ANY (@departments::text[]) OR d.parent_id IS NULL)
    UNION
    SELECT p.id, p.external_id, p.parent_id FROM above a
    JOIN org_departments p ON p.id = a.parent_id AND p.status = 'active'
)
SELECT a.external_id, p.external_id AS parent
FROM above a
LEFT JOIN above p ON p.id = a.parent_id;

-- name: StageSingleDepartments :exec
-- Null where the record was not read: the stored one stays.
INSERT INTO staged_departments (run_id, external_id, parent_external_id, name, sort_order, leaders, raw)
SELECT @run_id, d.external_id, d.parent, d.name, d.sort_order,
    CASE WHEN d.leaders IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(d.leaders)) END, d.raw
FROM jsonb_to_recordset(@departments::jsonb)
    AS d (external_id text, parent text, name text, sort_order bigint, leaders jsonb, raw jsonb)
ON CONFLICT DO NOTHING;

-- name: NoteGoneDepartment :exec
INSERT INTO sync_run_lookups (run_id, object_type, object_id, unlisted, result)
SELECT @run_id, 'department', d.id, true, 'not_found' FROM org_departments d
WHERE d.provider_id = @provider_id AND d.external_id = @external_id AND d.status = 'active'
ON CONFLICT DO NOTHING;

-- name: PlanGoneDepartments :execrows
INSERT INTO sync_run_removals (run_id, object_type, object_id, department_id, reason)
SELECT @run_id, 'department', l.object_id, l.object_id, 'looked_up'
FROM sync_run_lookups l WHERE l.run_id = @run_id AND l.object_type = 'department' AND l.result = 'not_found'
ON CONFLICT DO NOTHING;

-- name: ListEventSettings :many
-- A stream is not connected any more where its worker has not been heard of for a while.
SELECT
    s.provider_id,
    p.name,
    p.provider_type,
    s.mode,
    s.enabled_at,
    s.enabled_by,
    s.last_event_at,
    coalesce(s.stream_problem, '')::text AS stream_problem,
    coalesce(s.connected_since, s.enabled_at)::timestamptz AS connected_since,
    (s.connected_since IS NOT NULL AND s.listened_at > now() - interval '30 seconds')::boolean AS connected
FROM provider_event_settings s
JOIN identity_providers p ON p.id = s.provider_id
WHERE p.is_active OR NOT @active_only::boolean
ORDER BY p.name;

-- name: SetEventSettings :exec
INSERT INTO provider_event_settings (provider_id, mode, enabled_by)
VALUES (@provider_id, @mode, sqlc.narg(enabled_by))
ON CONFLICT (provider_id) DO UPDATE
SET mode = excluded.mode,
    enabled_by = excluded.enabled_by,
    enabled_at = now(),
    connected_since = NULL,
    listened_at = NULL,
    stream_problem = NULL
WHERE provider_event_settings.mode <> excluded.mode;

-- name: DeleteEventSettings :execrows
DELETE FROM provider_event_settings WHERE provider_id = @provider_id;

-- name: NoteListening :one
-- Says how a provider's stream stands. No row: no worker is to listen to it.
UPDATE provider_event_settings s
SET listened_at = now(),
    connected_since = CASE WHEN @connected::boolean THEN coalesce(s.connected_since, now()) END,
    stream_problem = CASE WHEN NOT @connected THEN coalesce(sqlc.narg(problem), s.stream_problem) END
FROM identity_providers p
WHERE s.provider_id = @provider_id
  AND s.mode = 'stream'
  AND p.id = s.provider_id
  AND p.is_active
RETURNING p.updated_at;

-- name: ListUnheardStreams :many
-- Providers whose stream no worker keeps.
SELECT p.name
FROM provider_event_settings s
JOIN identity_providers p ON p.id = s.provider_id
WHERE s.mode = 'stream'
  AND p.is_active
  AND (s.listened_at IS NULL OR s.listened_at < now() - interval '30 seconds')
ORDER BY p.name;

-- name: GetEventFigures :one
SELECT
    (count(*) FILTER (WHERE e.done_at IS NULL AND e.set_aside_at IS NULL))::bigint AS waiting,
    (count(*) FILTER (WHERE e.set_aside_at IS NOT NULL AND e.done_at IS NULL))::bigint AS set_aside,
    coalesce(min(e.received_at) FILTER (WHERE e.done_at IS NULL AND e.set_aside_at IS NULL), now())::timestamptz
        AS oldest
FROM provider_events e WHERE e.provider_id = @provider_id;

-- name: ListSetAsideEvents :many
SELECT kind, object_type, object_id, set_aside_at FROM provider_events
WHERE provider_id = @provider_id AND set_aside_at IS NOT NULL AND done_at IS NULL
ORDER BY set_aside_at DESC LIMIT 20;

-- name: ListEventRefusals :many
SELECT reason, refused, last_at FROM provider_event_refusals WHERE provider_id = @provider_id ORDER BY reason;

-- name: AddEventRefusals :exec
INSERT INTO provider_event_refusals (provider_id, reason, refused) VALUES (@provider_id, @reason, @refused)
ON CONFLICT (provider_id, reason) DO UPDATE
SET refused = provider_event_refusals.refused + excluded.refused,
    last_at = now();

-- name: ListProvidersWithWaitingEvents :many
-- Providers with events that have been due for longer than it takes to wake what follows them.
SELECT DISTINCT p.name FROM provider_events e JOIN identity_providers p ON p.id = e.provider_id
WHERE e.done_at IS NULL
  AND e.set_aside_at IS NULL
  AND e.due_at <= now()
  AND e.received_at < now() - @longer_than::interval
  AND p.is_active
ORDER BY p.name;

-- name: DropOldEvents :execrows
-- Events that nothing waits for any more.
DELETE FROM provider_events WHERE id IN (
    SELECT e.id FROM provider_events e
    WHERE e.received_at < now() - @older_than::interval AND (e.done_at IS NOT NULL OR e.set_aside_at IS NOT NULL)
    ORDER BY e.received_at LIMIT @max_rows);

-- name: UpdateLeadersByID :execrows
-- Who leads the departments that a run by events read.
WITH led AS (
    SELECT md.member_id, md.department_id,
        coalesce(m.open_id = ANY (s.leaders), false) OR m.external_id = ANY (s.leaders) AS leads
    FROM staged_departments s
    JOIN org_departments d ON d.provider_id = @provider_id AND d.external_id = s.external_id
    JOIN org_member_departments md ON md.department_id = d.id
    JOIN org_members m ON m.id = md.member_id
    WHERE s.run_id = @run_id AND s.leaders IS NOT NULL
)
UPDATE org_member_departments md SET is_leader = l.leads
FROM led l
WHERE md.member_id = l.member_id AND md.department_id = l.department_id AND md.is_leader IS DISTINCT FROM l.leads;

-- name: ListEventAges :many
-- How long after they were stored the events were done that a run followed.
SELECT greatest(0, extract(epoch FROM e.done_at - e.received_at))::float8 AS age
FROM provider_events e WHERE e.run_id = @run_id AND e.done_at IS NOT NULL;

-- name: RetryEvents :execrows
-- Has the next run read what events were about that had been set aside.
UPDATE provider_events
SET set_aside_at = NULL,
    tries = 0,
    alone = true,
    due_at = now()
WHERE provider_id = @provider_id
  AND set_aside_at IS NOT NULL
  AND done_at IS NULL;
