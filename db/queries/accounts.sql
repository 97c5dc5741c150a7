-- name: HasAccounts :one
-- Whether the tenant has accounts at all.
SELECT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid);

-- name: SetAccountPolicy :exec
UPDATE sync_runs SET account_policy = @policy WHERE id = @id;

-- name: CheckConstraintsAtOnce :exec
-- A platform may have its tables' constraints checked at the end of the transaction, when
-- it could not be told any more which account breaks one.
SET CONSTRAINTS ALL IMMEDIATE;

-- name: ListMalformedKeys :many
-- Members whose value is no address, but an account has the same: the first of them, and
-- how many there are.
WITH unlinked AS (
    SELECT m.id, m.external_id, v.value
    FROM org_members m
    CROSS JOIN LATERAL (
        SELECT CASE @key::text WHEN 'email' THEN m.email ELSE m.phone END AS value,
            CASE @key WHEN 'email' THEN org_is_email(m.email) ELSE org_is_e164(m.phone) END AS usable) v
    WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND m.user_id IS NULL AND NOT v.usable
), alike AS (
    SELECT f.external_id
    FROM unlinked f
    WHERE EXISTS (
        SELECT 1
        FROM identities i
        JOIN users u ON u.identity_id = i.id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
        WHERE f.value = CASE @key
                WHEN 'email' THEN lower(btrim(i.email))
                ELSE regexp_replace(i.phone, '[^0-9+]', '', 'g') END
          AND NOT EXISTS (
            SELECT 1 FROM org_members o
            WHERE o.provider_id = @provider_id AND o.user_id = u.id AND o.status <> 'deleted'))
      AND (NOT @by_id::boolean OR f.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
)
SELECT a.external_id, ''::text AS refusal, count(*) OVER () AS total
FROM alike a
ORDER BY a.external_id
LIMIT @named::int;

-- name: ClearMatches :exec
DELETE FROM account_matches WHERE run_id = @run_id;

-- name: ListPlannedAccounts :many
-- The members for whom a held run was to create accounts.
SELECT member_id FROM account_matches WHERE run_id = @run_id AND action = 'create' ORDER BY member_id;

-- name: ClassifyMembers :exec
SELECT classify_members(@run_id, @provider_id, sqlc.narg(tenant_id)::uuid, @match::text[], @creates::boolean,
    @by_id::boolean);

-- name: ApplyDecisions :exec
-- What a person decided about a member goes before what the keys say, for as long as it
-- can be done: the account is there, and is no other member's.
WITH decided AS (
    SELECT d.member_id, d.decision, d.user_id
    FROM account_conflicts d
    JOIN org_members m ON m.id = d.member_id AND m.status <> 'deleted' AND m.user_id IS NULL
    WHERE d.provider_id = @provider_id
      AND d.decision IS NOT NULL
      AND (NOT @by_id::boolean OR m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
), ignored AS (
    DELETE FROM account_matches a
    USING decided d
    WHERE a.run_id = @run_id AND a.member_id = d.member_id AND d.decision = 'ignore'
), doable AS (
    SELECT DISTINCT ON (d.decision, coalesce(d.user_id, d.member_id)) d.*
    FROM decided d
    JOIN org_members m ON m.id = d.member_id
    WHERE (d.decision = 'create' AND m.status = 'active')
       OR (d.decision = 'link'
        AND EXISTS (SELECT 1 FROM users u
            WHERE u.id = d.user_id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid)
        AND NOT EXISTS (SELECT 1 FROM org_members o
            WHERE o.user_id = d.user_id AND o.provider_id = @provider_id AND o.status <> 'deleted'))
    ORDER BY d.decision, coalesce(d.user_id, d.member_id), d.member_id
)
INSERT INTO account_matches AS a (run_id, member_id, action, user_id, matched_by)
SELECT @run_id, d.member_id, d.decision, d.user_id, 'decision'
FROM doable d
ON CONFLICT (run_id, member_id) DO UPDATE
SET action = excluded.action, reason = NULL, user_id = excluded.user_id, matched_by = excluded.matched_by;

-- name: LinkMatches :execrows
-- Links the members that were matched. Before is what the account may lose to the member's
-- e-mail and phone, if it follows them.
WITH linked AS (
    UPDATE org_members m SET user_id = a.user_id, synced_at = now()
    FROM account_matches a
    JOIN users u ON u.id = a.user_id
    LEFT JOIN identities i ON i.id = u.identity_id
    WHERE a.run_id = @run_id AND a.action = 'link' AND m.id = a.member_id AND m.user_id IS NULL
    RETURNING m.id, m.external_id, m.email, m.phone, m.user_id, a.matched_by, i.email AS old_email, i.phone AS old_phone
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
SELECT @run_id, 'member', l.id, l.id, l.external_id, 'linked',
    nullif(CASE WHEN @follow::boolean AND org_is_email(l.email) AND l.old_email IS DISTINCT FROM l.email
            THEN jsonb_build_object('account_email', l.old_email) ELSE '{}' END
        || CASE WHEN @follow AND org_is_e164(l.phone) AND l.old_phone IS DISTINCT FROM l.phone
            THEN jsonb_build_object('account_phone', l.old_phone) ELSE '{}' END, '{}'),
    jsonb_build_object('user_id', l.user_id, 'by', l.matched_by)
FROM linked l
ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
SET id = change_id(org_changes.id)
WHERE current_setting('orgsync.told', true) = 'true';

-- name: CountCreations :one
-- How many accounts are to be created unasked, how many members there are, and whether
-- any of them was linked before. What a person decided is not counted.
SELECT
    (SELECT count(*) FROM account_matches a
        WHERE a.run_id = @run_id AND a.action = 'create' AND a.matched_by IS DISTINCT FROM 'decision') AS creations,
    (SELECT count(*) FROM org_members m WHERE m.provider_id = @provider_id AND m.status = 'active') AS active,
    EXISTS (SELECT 1 FROM org_members m WHERE m.provider_id = @provider_id AND m.user_id IS NOT NULL) AS linked;

-- name: DropCreations :exec
-- Leaves out what is created unasked, or, if some were approved, what is not among these.
DELETE FROM account_matches
WHERE run_id = @run_id
  AND action = 'create'
  AND matched_by IS DISTINCT FROM 'decision'
  AND member_id <> ALL (@approved::uuid[]);

-- name: ListCreations :many
-- The next members who are to get an account.
SELECT member_id FROM account_matches
WHERE run_id = @run_id AND action = 'create' AND member_id > @after::uuid
ORDER BY member_id
LIMIT @max_rows;

-- name: StoreConflicts :exec
-- Keeps what waits for a person equal to what was found: what is new or another matter is
-- written, and what was not decided and is no conflict any more goes.
WITH found AS (
    SELECT a.member_id, a.reason, a.candidates FROM account_matches a WHERE a.run_id = @run_id AND a.action = 'conflict'
), settled AS (
    DELETE FROM account_conflicts c
    WHERE c.provider_id = @provider_id
      AND c.decision IS NULL
      AND c.member_id NOT IN (SELECT f.member_id FROM found f)
      AND (NOT @by_id::boolean OR c.member_id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
)
INSERT INTO account_conflicts AS c (provider_id, member_id, reason, candidates)
SELECT @provider_id, f.member_id, f.reason, f.candidates FROM found f
ON CONFLICT (member_id) DO UPDATE
SET reason = excluded.reason, candidates = excluded.candidates, found_at = now()
WHERE (c.reason, c.candidates) IS DISTINCT FROM (excluded.reason, excluded.candidates);

-- name: ListOtherAccounts :many
-- Linked members whose key names another account of the tenant than the one they have, which has
-- another value: the first of them, and how many there are.
WITH differing AS MATERIALIZED (
    SELECT m.external_id, m.user_id, i.id AS identity_id, v.value
    FROM org_members m
    JOIN users u ON u.id = m.user_id
    JOIN identities i ON i.id = u.identity_id
    CROSS JOIN LATERAL (
        SELECT CASE @key::text WHEN 'email' THEN m.email ELSE m.phone END AS value,
            CASE @key WHEN 'email' THEN org_is_email(m.email) ELSE org_is_e164(m.phone) END AS usable,
            CASE @key WHEN 'email' THEN lower(btrim(i.email)) ELSE account_phone(i.phone) END AS account_value) v
    WHERE m.provider_id = @provider_id
      AND m.status <> 'deleted'
      AND v.usable
      AND v.value IS DISTINCT FROM v.account_value
      AND (NOT @by_id::boolean OR m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
), named AS (
    SELECT DISTINCT d.external_id
    FROM differing d
    JOIN identities o ON o.id <> d.identity_id
        AND d.value = CASE @key WHEN 'email' THEN lower(btrim(o.email)) ELSE account_phone(o.phone) END
    JOIN users u ON u.identity_id = o.id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
)
SELECT n.external_id, ''::text AS refusal, count(*) OVER () AS total
FROM named n
ORDER BY n.external_id
LIMIT @named::int;

-- name: LeaveAccounts :many
-- Tells the platform of members who left, once each. Returns where that failed and why: it
-- is tried again in the next run.
WITH told AS MATERIALIZED (
    SELECT m.id, m.external_id, m.user_id, leave_account(m.user_id, m.id) AS refusal
    FROM org_members m
    WHERE m.provider_id = @provider_id
      AND m.status = 'deleted'
      AND m.user_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM account_leavers l WHERE l.member_id = m.id)
), noted AS (
    INSERT INTO account_leavers (member_id, user_id)
    SELECT t.id, t.user_id FROM told t WHERE t.refusal IS NULL
)
SELECT t.external_id, t.refusal::text AS refusal FROM told t WHERE t.refusal IS NOT NULL ORDER BY t.external_id;

-- name: UnlinkLeavers :execrows
-- Takes away the links of members who left.
WITH unlinked AS (
    UPDATE org_members m SET user_id = NULL, synced_at = now()
    FROM account_leavers l
    WHERE m.provider_id = @provider_id
      AND m.status = 'deleted'
      AND m.user_id IS NOT NULL
      AND l.member_id = m.id
    RETURNING m.id, m.external_id, l.user_id
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
SELECT @run_id, 'member', u.id, u.id, u.external_id, 'linked',
    jsonb_build_object('user_id', u.user_id), '{"user_id": null, "by": "leave"}'
FROM unlinked u
ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
SET id = change_id(org_changes.id)
WHERE current_setting('orgsync.told', true) = 'true';

-- name: UnlinkDecided :execrows
-- Takes away the links that a person decided to take away, for good.
WITH decided AS (
    UPDATE account_conflicts d SET decision = 'ignore'
    FROM org_members m
    WHERE d.provider_id = @provider_id
      AND d.decision = 'unlink'
      AND m.id = d.member_id
      AND (NOT @by_id::boolean OR m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
    RETURNING d.member_id, m.user_id
), unlinked AS (
    UPDATE org_members m SET user_id = NULL, synced_at = now()
    FROM decided d
    WHERE m.id = d.member_id AND m.user_id IS NOT NULL
    RETURNING m.id, m.external_id, d.user_id
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
SELECT @run_id, 'member', u.id, u.id, u.external_id, 'linked',
    jsonb_build_object('user_id', u.user_id), '{"user_id": null, "by": "decision"}'
FROM unlinked u
ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
SET id = change_id(org_changes.id)
WHERE current_setting('orgsync.told', true) = 'true';

-- name: ReviveLinks :execrows
-- Members who are back get the account that they had, unless it is gone or
-- another member's by now.
WITH back AS (
    DELETE FROM account_leavers l
    USING org_members m
    WHERE m.id = l.member_id AND m.provider_id = @provider_id AND m.status <> 'deleted'
    RETURNING l.member_id, l.user_id
), linked AS (
    UPDATE org_members m SET user_id = b.user_id, synced_at = now()
    FROM back b
    JOIN users u ON u.id = b.user_id
    WHERE m.id = b.member_id
      AND m.user_id IS NULL
      AND NOT EXISTS (
        SELECT 1 FROM org_members o
        WHERE o.user_id = b.user_id AND o.provider_id = @provider_id AND o.status <> 'deleted')
    RETURNING m.id, m.external_id, m.user_id
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, after)
SELECT @run_id, 'member', l.id, l.id, l.external_id, 'linked', jsonb_build_object('user_id', l.user_id, 'by', 'return')
FROM linked l
ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO UPDATE
SET id = change_id(org_changes.id)
WHERE current_setting('orgsync.told', true) = 'true';

-- name: LockAccounts :exec
-- One run at a time looks for a tenant's accounts and creates some: two providers' runs
-- would each make one of the same person.
SELECT pg_advisory_xact_lock(hashtextextended('accounts of ' || coalesce(sqlc.narg(tenant_id)::uuid::text, ''), 0));

-- name: GetAccountState :one
-- What a decision about a member is checked by.
SELECT m.status, m.user_id, p.tenant_id,
    EXISTS (SELECT 1 FROM org_members o
        WHERE o.user_id = sqlc.narg(user_id)::uuid AND o.provider_id = @provider_id
          AND o.status <> 'deleted')::boolean AS taken
FROM org_members m
JOIN identity_providers p ON p.id = m.provider_id
WHERE m.id = @member_id AND m.provider_id = @provider_id
FOR SHARE OF m;

-- name: TenantHasAccount :one
SELECT EXISTS (SELECT 1 FROM users u
    WHERE u.id = @user_id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid);

-- name: DecideAccount :one
-- Keeps a decision. Returns it as the audit log has it, and the one before.
WITH former AS (
    SELECT jsonb_build_object('decision', c.decision, 'user_id', c.user_id) AS decision
    FROM account_conflicts c
    WHERE c.member_id = @member_id AND c.decision IS NOT NULL
), kept AS (
    INSERT INTO account_conflicts AS c (provider_id, member_id, reason, decision, user_id, decided_by, decided_at)
    VALUES (@provider_id, @member_id, 'manual', @decision, sqlc.narg(user_id)::uuid, sqlc.narg(decided_by), now())
    ON CONFLICT (member_id) DO UPDATE
    SET decision = excluded.decision,
        user_id = excluded.user_id,
        decided_by = excluded.decided_by,
        decided_at = excluded.decided_at
    RETURNING c.decision, c.user_id
)
SELECT (SELECT f.decision FROM former f) AS before,
    jsonb_build_object('decision', k.decision, 'user_id', k.user_id)::jsonb AS after
FROM kept k;

-- name: CountAccounts :one
-- How a provider's members stand to the platform's accounts. Ambiguous are those whom a
-- person must decide about, ignored those about whom it was decided to do nothing.
SELECT
    count(*) FILTER (WHERE m.user_id IS NOT NULL) AS matched,
    count(*) FILTER (WHERE m.user_id IS NULL AND c.member_id IS NOT NULL AND c.decision IS NULL) AS ambiguous,
    count(*) FILTER (WHERE m.user_id IS NULL AND c.decision = 'ignore') AS ignored,
    count(*) FILTER (WHERE m.user_id IS NULL AND coalesce(c.decision, '') <> 'ignore'
        AND (c.member_id IS NULL OR c.decision IS NOT NULL)) AS unmatched,
    count(*) FILTER (WHERE m.user_id IS NULL AND c.member_id IS NULL
        AND NOT coalesce(org_is_email(m.email), false) AND NOT coalesce(org_is_e164(m.phone), false)) AS without_key
FROM org_members m
LEFT JOIN account_conflicts c ON c.member_id = m.id
WHERE m.provider_id = @provider_id AND m.status <> 'deleted';

-- name: ListConflicts :many
-- What waits for a person, and what was decided and could not be carried out yet.
SELECT c.member_id, m.external_id, m.name, c.reason, c.candidates::uuid[] AS candidates,
    coalesce(c.decision, '')::text AS decision,
    c.user_id, coalesce(c.decided_by, '')::text AS decided_by, c.found_at
FROM account_conflicts c
JOIN org_members m ON m.id = c.member_id
WHERE c.provider_id = @provider_id AND m.user_id IS NULL AND m.status <> 'deleted'
ORDER BY c.decision IS NOT NULL, c.reason, m.external_id
LIMIT @max_rows;

-- name: SetTargetMembers :many
-- Notes which members a run is limited to. Returns the ids that name no single member who
-- is there.
WITH named AS (
    SELECT w.id, array_agg(m.id) AS members
    FROM sync_runs r
    CROSS JOIN unnest(r.members) AS w (id)
    LEFT JOIN org_members m ON m.provider_id = r.provider_id
        AND m.status <> 'deleted'
        AND lower(m.external_id) = lower(w.id)
        AND (@ignore_case::boolean OR m.external_id = w.id)
    WHERE r.id = @run_id
    GROUP BY w.id
), noted AS (
    INSERT INTO member_matches (run_id, member_key, member_id)
    SELECT @run_id, n.id, n.members[1] FROM named n WHERE cardinality(n.members) = 1 AND n.members[1] IS NOT NULL
    ON CONFLICT DO NOTHING
)
SELECT n.id::text AS external_id FROM named n
WHERE cardinality(n.members) <> 1 OR n.members[1] IS NULL
ORDER BY n.id;

-- name: MarkOffline :execrows
-- Marks members as having left here. Whom the provider calls active is inactive from now on.
UPDATE org_members m
SET offline_at = now(), offline_status = m.status, status = 'inactive', synced_at = now()
WHERE m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id)
  AND m.status <> 'deleted'
  AND m.offline_at IS NULL;

-- name: MarkOnline :execrows
-- Takes that back. Whom the provider has suspended meanwhile the next sync suspends again.
UPDATE org_members m
SET offline_at = NULL, offline_status = NULL, synced_at = now(),
    status = CASE m.status WHEN 'inactive' THEN m.offline_status ELSE m.status END
WHERE m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id)
  AND m.offline_at IS NOT NULL;

-- name: GetSignature :one
SELECT url, updated_at FROM member_signatures WHERE member_id = @member_id;

-- name: LockSignature :one
-- A member whose signature is to change, and what it is.
SELECT m.provider_id, p.tenant_id, coalesce(x.url, '')::text AS url
FROM org_members m
JOIN identity_providers p ON p.id = m.provider_id
LEFT JOIN member_signatures x ON x.member_id = m.id
WHERE m.id = @member_id
FOR NO KEY UPDATE OF m;

-- name: SetSignature :exec
INSERT INTO member_signatures (member_id, url) VALUES (@member_id, @url)
ON CONFLICT (member_id) DO UPDATE SET url = excluded.url, updated_at = now();

-- name: ClearSignature :exec
DELETE FROM member_signatures WHERE member_id = @member_id;
