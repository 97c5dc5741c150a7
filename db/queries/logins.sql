-- name: FindLoginMember :one
-- The member whom ids mean, by the strongest of them: a row with another unionid is another person.
SELECT m.id, m.external_id, m.name, m.email, m.phone, m.avatar_url, m.attributes, m.status, m.offline_at
FROM org_members m
WHERE m.provider_id = @provider_id
  AND (m.unionid = @unionid
    OR (m.unionid IS NULL OR @unionid = '')
      AND (m.open_id = @open_id
        OR member_id_key(m.external_id, @ignore_case::boolean) = member_id_key(@external_id, @ignore_case::boolean)))
ORDER BY m.unionid IS NOT DISTINCT FROM @unionid::text DESC, m.status = 'deleted', m.open_id = @open_id DESC
LIMIT 1;

-- name: AddLoginMember :one
INSERT INTO login_members (provider_id, external_id, facts)
VALUES (@provider_id, @external_id, @facts)
RETURNING id;

-- name: IsLoginMemberWaiting :one
SELECT EXISTS (SELECT FROM login_members WHERE id = @id);

-- name: ListLoginMembers :many
-- Whom a run is to read, those who have waited longest first.
SELECT l.id, l.external_id
FROM login_members l
JOIN identity_providers p ON p.id = l.provider_id
WHERE p.name = @provider
ORDER BY l.created_at, l.id
LIMIT @max_rows;

-- name: ListLoginFacts :many
-- What logins of a member brought, the latest last.
SELECT l.facts
FROM login_members l
WHERE l.provider_id = @provider_id
  AND member_id_key(l.external_id, @ignore_case::boolean) = member_id_key(@external_id, @ignore_case::boolean)
  AND l.facts IS NOT NULL
ORDER BY l.created_at, l.id;

-- name: DropLoginMembers :exec
DELETE FROM login_members WHERE id = ANY (@ids::uuid[]);

-- name: DropOldLoginMembers :execrows
-- Wishes that nothing deals with any more.
DELETE FROM login_members WHERE created_at < now() - '1 day'::interval;

-- name: RecordLogin :one
-- Whether it is the member's first.
INSERT INTO member_logins (member_id)
VALUES (@member_id)
ON CONFLICT (member_id) DO UPDATE SET last_login_at = now()
RETURNING (first_login_at = last_login_at)::boolean AS first_login;

-- name: InsertLoginApp :exec
INSERT INTO login_apps (name, created_by)
VALUES (@name, @created_by)
ON CONFLICT DO NOTHING;

-- name: InsertLoginAppAddress :exec
INSERT INTO login_app_addresses (app, return_to)
VALUES (@app, @return_to)
ON CONFLICT DO NOTHING;

-- name: ListLoginApps :many
SELECT a.name, a.created_at, a.created_by,
    array_agg(r.return_to ORDER BY r.return_to) FILTER (WHERE r.return_to IS NOT NULL)::text[] AS return_to
FROM login_apps a
LEFT JOIN login_app_addresses r ON r.app = a.name
GROUP BY a.name
ORDER BY a.name;

-- name: DeleteLoginApp :execrows
DELETE FROM login_apps WHERE name = @name;

-- name: IsReturnAddress :one
SELECT EXISTS (
    SELECT FROM login_app_addresses WHERE app = @app AND return_to = @return_to
);

-- name: InsertLoginState :exec
INSERT INTO login_states (hash, browser, provider_id, flow, app, return_to, app_state, expires_at)
VALUES (@hash, @browser, @provider_id, @flow, @app, @return_to, @app_state, @expires_at);

-- name: TakeLoginState :one
-- The sign-in that a state belongs to, if this browser began it. It can be taken once.
DELETE FROM login_states
WHERE hash = @hash AND browser = @browser AND provider_id = @provider_id AND expires_at > now()
RETURNING flow, app, return_to, app_state;

-- name: InsertLoginCode :exec
INSERT INTO login_codes (hash, member_id, first_login, expires_at)
VALUES (@hash, @member_id, @first_login, @expires_at);

-- name: TakeLoginCode :one
-- Whom a code stands for. It can be taken once.
DELETE FROM login_codes
WHERE hash = @hash AND expires_at > now()
RETURNING member_id, first_login;

-- name: DropExpiredLoginStates :exec
DELETE FROM login_states WHERE expires_at <= now();

-- name: DropExpiredLoginCodes :exec
DELETE FROM login_codes WHERE expires_at <= now();

-- name: IsLocalAdministrator :one
-- Whether a member who still works there is a local administrator of a provider that is in use.
SELECT EXISTS (
    SELECT
    FROM org_administrators a
    JOIN org_members m ON m.id = a.member_id
    JOIN identity_providers p ON p.id = a.provider_id
    WHERE a.member_id = @member_id
      AND a.source = 'local'
      AND m.status = 'active'
      AND m.offline_at IS NULL
      AND p.is_active
);

-- name: ListLoginProviders :many
-- Providers whose local administrators may sign in by them.
SELECT DISTINCT p.name
FROM org_administrators a
JOIN identity_providers p ON p.id = a.provider_id
WHERE a.source = 'local'
  AND p.is_active
ORDER BY p.name;
