-- name: InsertAPIToken :one
INSERT INTO api_tokens (name, hash, role, tenant_id, provider_id, expires_at, created_by)
VALUES (@name, @hash, @role, @tenant_id, @provider_id, @expires_at, @created_by)
RETURNING id;

-- name: GetAPIToken :one
SELECT t.*, coalesce(p.name, '')::text AS provider_name
FROM api_tokens t
LEFT JOIN identity_providers p ON p.id = t.provider_id
WHERE t.id = @id;

-- name: FindAPIToken :one
SELECT id FROM api_tokens WHERE revoked_at IS NULL AND name = @name;

-- name: ListAPITokens :many
-- Tokens that a holder with these bounds may see, by name.
SELECT t.*, coalesce(p.name, '')::text AS provider_name
FROM api_tokens t
LEFT JOIN identity_providers p ON p.id = t.provider_id
WHERE (sqlc.narg(tenant_id)::uuid IS NULL OR t.tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR t.provider_id = sqlc.narg(provider_id))
  AND (t.name, t.id) > (@after_name::text, @after_id::uuid)
ORDER BY t.name, t.id
LIMIT @max_rows;

-- name: FindAPITokenByHash :one
-- The token that a request is made with, if it may still be used.
SELECT id, name, role, tenant_id, provider_id,
    (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')::boolean AS use_is_old
FROM api_tokens
WHERE hash = @hash
  AND revoked_at IS NULL
  AND (expires_at IS NULL OR expires_at > now());

-- name: MarkAPITokenUsed :exec
UPDATE api_tokens SET last_used_at = now()
WHERE id = @id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute');

-- name: RevokeAPIToken :execrows
UPDATE api_tokens SET revoked_at = now() WHERE id = @id AND revoked_at IS NULL;

-- name: InsertAuditEntry :exec
INSERT INTO audit_log (actor, action, object, tenant_id, provider_id, before, after, address)
VALUES (@actor, @action, @object, @tenant_id, @provider_id, @before, @after, @address);

-- name: InsertRunRequest :one
INSERT INTO run_requests (actor, address) VALUES (@actor, @address) RETURNING id;

-- name: GetRunRequest :one
SELECT actor, address FROM run_requests WHERE id = @id;

-- name: DropOldRunRequests :execrows
DELETE FROM run_requests
WHERE id IN (SELECT id FROM run_requests WHERE asked_at < now() - @older_than::interval LIMIT @max_rows);

-- name: ListAuditEntries :many
-- What was done, the latest first.
SELECT id, "time", actor, action, object, tenant_id, provider_id, before, after, address
FROM audit_log
WHERE (sqlc.narg(tenant_id)::uuid IS NULL OR tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR provider_id = sqlc.narg(provider_id))
  AND id < @before_id::bigint
ORDER BY id DESC
LIMIT @max_rows;
