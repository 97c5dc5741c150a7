-- name: InsertSignInLink :exec
INSERT INTO sign_in_links (hash, name, role, tenant_id, provider_id, expires_at)
VALUES (@hash, @name, @role, @tenant_id, @provider_id, @expires_at);

-- name: TakeSignInLink :one
-- The link with a hash, if it has not expired. It can be taken once.
DELETE FROM sign_in_links
WHERE hash = @hash AND expires_at > now()
RETURNING name, role, tenant_id, provider_id;

-- name: DropExpiredSignInLinks :exec
DELETE FROM sign_in_links WHERE expires_at <= now();

-- name: FindBrowserSession :one
SELECT data FROM browser_sessions WHERE id = @id AND expires_at > now();

-- name: AddBrowserSession :exec
INSERT INTO browser_sessions (id, name, data, expires_at)
VALUES (@id, @name, @data, @expires_at);

-- name: SaveBrowserSession :exec
-- A session that was ended meanwhile stays so.
UPDATE browser_sessions
SET name = @name, data = @data, expires_at = @expires_at
WHERE id = @id;

-- name: DropBrowserSession :exec
DELETE FROM browser_sessions WHERE id = @id;

-- name: DropBrowserSessions :execrows
-- All that a person has, or all there are.
DELETE FROM browser_sessions WHERE sqlc.narg(name)::text IS NULL OR name = sqlc.narg(name);

-- name: DropSignInLinks :exec
DELETE FROM sign_in_links;

-- name: DropExpiredBrowserSessions :exec
DELETE FROM browser_sessions WHERE expires_at <= now();
