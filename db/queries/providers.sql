-- name: InsertProvider :one
INSERT INTO identity_providers (tenant_id, name, provider_type, config, hold_seconds, updated_by)
VALUES (@tenant_id, @name, @provider_type, @config, @hold_seconds, sqlc.narg(updated_by))
RETURNING id;

-- name: ListProviders :many
SELECT id, tenant_id, name, provider_type, is_active, config, last_synced_at, created_at, updated_at, updated_by,
       hold_seconds, own_removal_limits(id)::jsonb AS own_limits, ids_ignore_case
FROM identity_providers ORDER BY name;

-- name: GetProviderByName :one
SELECT id, tenant_id, name, provider_type, is_active, config, last_synced_at, created_at, updated_at, updated_by,
       hold_seconds, own_removal_limits(id)::jsonb AS own_limits, ids_ignore_case
FROM identity_providers WHERE name = @name;

-- name: LockProviderByID :one
-- Holds the provider's row against other changes of it, which must not wait for a run.
SELECT id, tenant_id, name, provider_type, is_active, config, last_synced_at, created_at, updated_at, updated_by,
       hold_seconds, own_removal_limits(id)::jsonb AS own_limits, ids_ignore_case
FROM identity_providers
WHERE id = @id
FOR NO KEY UPDATE;

-- name: GetProviderByRun :one
SELECT p.id, p.tenant_id, p.name, p.provider_type, p.is_active, p.config, p.last_synced_at, p.created_at, p.updated_at,
       p.updated_by, p.hold_seconds, own_removal_limits(p.id)::jsonb AS own_limits, p.ids_ignore_case
FROM identity_providers p JOIN sync_runs r ON r.provider_id = p.id WHERE r.id = @run_id;

-- name: UpdateProvider :execrows
UPDATE identity_providers SET
    tenant_id = coalesce(sqlc.narg(tenant_id)::uuid, tenant_id),
    config = coalesce(sqlc.narg(config)::jsonb, config),
    is_active = coalesce(sqlc.narg(is_active)::boolean, is_active),
    hold_seconds = coalesce(sqlc.narg(hold_seconds)::bigint, hold_seconds),
    updated_at = now(), updated_by = sqlc.narg(updated_by)
WHERE id = @id;

-- name: SetRemovalLimit :exec
INSERT INTO removal_limits (provider_id, object_type, max_count, max_percent)
VALUES (@provider_id, @object_type, @max_count, @max_percent)
ON CONFLICT (provider_id, object_type) DO UPDATE
SET max_count = excluded.max_count, max_percent = excluded.max_percent;

-- name: LockProvider :exec
-- Waits for whatever holds the fence, and lets nothing take it.
SELECT 1 FROM identity_providers WHERE id = @id FOR UPDATE;

-- name: DeleteProvider :execrows
DELETE FROM identity_providers WHERE id = @id;

-- name: ReleaseMembers :execrows
-- A removed provider's people and departments stay as rows that applications may
-- refer to, but no longer count as there.
UPDATE org_members SET status = 'deleted', synced_at = now() WHERE provider_id = @provider_id AND status <> 'deleted';

-- name: ReleaseDepartments :execrows
UPDATE org_departments SET status = 'deleted', member_count = 0, direct_member_count = 0, synced_at = now()
WHERE provider_id = @provider_id AND status <> 'deleted';

-- name: ReleaseGroups :exec
UPDATE org_groups SET status = 'deleted', member_count = 0, synced_at = now()
WHERE provider_id = @provider_id AND status <> 'deleted';

-- name: DropProviderRaw :exec
-- No run of the provider is left that could need the raw records again, nor one that
-- retention would find them by.
WITH m AS (UPDATE org_members m SET raw_data = '{}' WHERE m.provider_id = @provider_id AND m.raw_data <> '{}')
UPDATE org_departments d SET raw_data = '{}' WHERE d.provider_id = @provider_id AND d.raw_data <> '{}';

-- name: ListSecrets :many
SELECT key, sealed, key_id FROM provider_secrets WHERE provider_id = @provider_id ORDER BY key;

-- name: PutSecret :exec
INSERT INTO provider_secrets (provider_id, key, sealed, key_id) VALUES (@provider_id, @key, @sealed, @key_id)
ON CONFLICT (provider_id, key) DO UPDATE SET sealed = excluded.sealed, key_id = excluded.key_id;

-- name: DeleteOtherSecrets :exec
DELETE FROM provider_secrets WHERE provider_id = @provider_id AND NOT key = ANY (@keys::text[]);

-- name: ListAllSecrets :many
SELECT provider_id, key, sealed, key_id FROM provider_secrets ORDER BY provider_id, key FOR UPDATE;

-- name: CountSecretsUnderOtherKeys :one
SELECT (
    (SELECT count(*) FROM provider_secrets s WHERE s.key_id <> @key_id)
    + (SELECT count(*) FROM webhooks w WHERE w.key_id <> @key_id)
    + (SELECT count(*) FROM suite_tickets t WHERE t.key_id <> @key_id)
    + (SELECT count(*) FROM suite_authorizations a WHERE a.key_id <> @key_id))::int AS secrets;

-- name: LockToken :exec
-- One fetch at a time for a credential, over all workers.
SELECT pg_advisory_xact_lock(hashtextextended('orgsync token ' || @provider_id::text || ' ' || @name::text, 0));

-- name: GetToken :one
SELECT sealed FROM provider_tokens
WHERE provider_id = @provider_id AND name = @name AND expires_at > @now;

-- name: PutToken :exec
INSERT INTO provider_tokens (provider_id, name, sealed, key_id, expires_at)
VALUES (@provider_id, @name, @sealed, @key_id, @expires_at)
ON CONFLICT (provider_id, name) DO UPDATE
SET sealed = excluded.sealed, key_id = excluded.key_id, expires_at = excluded.expires_at;

-- name: DeleteToken :exec
-- One that was stored since under that name stays.
DELETE FROM provider_tokens WHERE provider_id = @provider_id AND name = @name AND sealed = @sealed;

-- name: DeleteTokens :exec
DELETE FROM provider_tokens WHERE provider_id = @provider_id;

-- name: TakeCallSlot :one
-- Takes the endpoint's next call slot, spacing after the one before it, unless it is
-- further away than the caller is ready to wait. Of the slots that were not used only those
-- of the last burst are still there to be taken. One clock decides
-- for the whole statement: a slot must not be taken and yet refused. The wait, until the
-- slot taken or else until the next one, is counted from the statement's end, which may
-- have had to wait for the endpoint's row; it is below 0 where the slot's time is past.
INSERT INTO provider_call_slots AS s (provider_id, endpoint, next_at)
VALUES (@provider_id, @endpoint, statement_timestamp() - sqlc.arg(burst)::interval + sqlc.arg(spacing)::interval)
ON CONFLICT (provider_id, endpoint) DO UPDATE SET
    granted = call_slot_due(s.next_at, s.written_at) <= statement_timestamp() + sqlc.arg(patience)::interval,
    next_at = CASE
        WHEN call_slot_due(s.next_at, s.written_at) <= statement_timestamp() + sqlc.arg(patience)::interval
        THEN greatest(call_slot_due(s.next_at, s.written_at), statement_timestamp() - sqlc.arg(burst)::interval)
            + sqlc.arg(spacing)::interval
        ELSE call_slot_due(s.next_at, s.written_at) END,
    written_at = statement_timestamp()
RETURNING s.granted, (date_part('epoch', s.next_at - clock_timestamp()
    - CASE WHEN s.granted THEN sqlc.arg(spacing)::interval ELSE interval '0' END) * 1000000)::bigint AS wait_us;

-- name: PauseCalls :exec
INSERT INTO provider_call_slots AS s (provider_id, endpoint, next_at)
VALUES (@provider_id, @endpoint, clock_timestamp() + @pause::interval)
ON CONFLICT (provider_id, endpoint) DO UPDATE SET
    next_at = greatest(call_slot_due(s.next_at, s.written_at), excluded.next_at), written_at = statement_timestamp();

-- name: CountHoldings :one
-- What would go with a provider.
SELECT
    (SELECT count(*) FROM org_members m WHERE m.provider_id = p.id AND m.status <> 'deleted')::bigint AS members,
    (SELECT count(*) FROM org_members m WHERE m.provider_id = p.id AND m.status <> 'deleted'
        AND m.user_id IS NOT NULL)::bigint AS linked,
    (SELECT count(*) FROM org_departments d WHERE d.provider_id = p.id
        AND d.status <> 'deleted')::bigint AS departments,
    (SELECT count(*) FROM provider_secrets s WHERE s.provider_id = p.id)::bigint AS secrets,
    (SELECT count(*) FROM sync_runs r WHERE r.provider_id = p.id)::bigint AS runs,
    (SELECT count(*) FROM sync_runs r WHERE r.provider_id = p.id AND r.status IN ('running', 'held'))::bigint AS open
FROM identity_providers p WHERE p.id = @provider_id;
