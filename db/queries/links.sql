-- name: LinkPossible :one
-- Whether the tenant has accounts at all.
SELECT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid);

-- name: LinkByEmail :execrows
-- Only one-to-one matches count: an address that two accounts or two members share
-- says nothing about who is who. An existing link is never changed. A run of single
-- people links those alone.
-- Before is what the account may lose to the member's e-mail and phone, which it follows
-- from now on.
WITH free AS (
    SELECT m.id, m.external_id, m.email, m.phone FROM org_members m
    WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND m.user_id IS NULL AND m.email IS NOT NULL
), matches AS (
    SELECT f.id, f.external_id, u.id AS user_id, i.email AS old_email, i.phone AS old_phone, f.email, f.phone,
        count(*) OVER (PARTITION BY f.id) AS users_found, count(*) OVER (PARTITION BY u.id) AS members_found
    FROM free f
    JOIN identities i ON lower(btrim(i.email)) = f.email
    JOIN users u ON u.identity_id = i.id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
    WHERE NOT EXISTS (SELECT 1 FROM org_members o WHERE o.provider_id = @provider_id AND o.user_id = u.id AND o.status <> 'deleted')
), linked AS (
    UPDATE org_members m SET user_id = x.user_id, synced_at = now() FROM matches x
    WHERE m.id = x.id AND x.users_found = 1 AND x.members_found = 1 AND m.user_id IS NULL
      AND (NOT @singly::boolean OR m.id IN (SELECT r.member_id FROM sync_run_members r WHERE r.run_id = @run_id))
    RETURNING m.id, m.external_id, m.user_id, x.old_email, x.old_phone, x.email, x.phone
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
SELECT @run_id, 'member', l.id, l.id, l.external_id, 'linked',
    nullif(CASE WHEN l.email IS NOT NULL AND l.old_email IS DISTINCT FROM l.email THEN jsonb_build_object('account_email', l.old_email) ELSE '{}' END
        || CASE WHEN l.phone IS NOT NULL AND l.old_phone IS DISTINCT FROM l.phone THEN jsonb_build_object('account_phone', l.old_phone) ELSE '{}' END, '{}'),
    jsonb_build_object('user_id', l.user_id, 'by', 'email') FROM linked l
ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO NOTHING;

-- name: LinkByPhone :execrows
-- Accounts may keep Chinese numbers without the country code.
WITH free AS (
    SELECT m.id, m.external_id, m.email, m.phone FROM org_members m
    WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND m.user_id IS NULL AND m.phone IS NOT NULL
), matches AS (
    SELECT f.id, f.external_id, u.id AS user_id, i.email AS old_email, i.phone AS old_phone, f.email, f.phone,
        count(*) OVER (PARTITION BY f.id) AS users_found, count(*) OVER (PARTITION BY u.id) AS members_found
    FROM (SELECT f.*, f.phone AS written FROM free f UNION ALL SELECT f.*, substr(f.phone, 4) FROM free f WHERE f.phone LIKE '+86%') f
    JOIN identities i ON regexp_replace(i.phone, '[^0-9+]', '', 'g') = f.written
    JOIN users u ON u.identity_id = i.id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
    WHERE NOT EXISTS (SELECT 1 FROM org_members o WHERE o.provider_id = @provider_id AND o.user_id = u.id AND o.status <> 'deleted')
), linked AS (
    UPDATE org_members m SET user_id = x.user_id, synced_at = now() FROM matches x
    WHERE m.id = x.id AND x.users_found = 1 AND x.members_found = 1 AND m.user_id IS NULL
      AND (NOT @singly::boolean OR m.id IN (SELECT r.member_id FROM sync_run_members r WHERE r.run_id = @run_id))
    RETURNING m.id, m.external_id, m.user_id, x.old_email, x.old_phone, x.email, x.phone
)
INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
SELECT @run_id, 'member', l.id, l.id, l.external_id, 'linked',
    nullif(CASE WHEN l.email IS NOT NULL AND l.old_email IS DISTINCT FROM l.email THEN jsonb_build_object('account_email', l.old_email) ELSE '{}' END
        || CASE WHEN l.phone IS NOT NULL AND l.old_phone IS DISTINCT FROM l.phone THEN jsonb_build_object('account_phone', l.old_phone) ELSE '{}' END, '{}'),
    jsonb_build_object('user_id', l.user_id, 'by', 'phone') FROM linked l
ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO NOTHING;

-- name: LinkFollowEmail :execrows
-- A linked account's e-mail follows the directory, unless another account has it or
-- would get it too: platforms may keep addresses unique.
UPDATE identities i SET email = m.email
FROM org_members m JOIN users u ON u.id = m.user_id
WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND u.identity_id = i.id
  AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
  AND m.email IS NOT NULL AND i.email IS DISTINCT FROM m.email
  AND (NOT @singly::boolean OR m.id IN (SELECT r.member_id FROM sync_run_members r WHERE r.run_id = @run_id))
  AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.id <> i.id AND lower(btrim(o.email)) = m.email)
  AND NOT EXISTS (SELECT 1 FROM org_members om JOIN users ou ON ou.id = om.user_id
      WHERE om.provider_id = @provider_id AND om.status <> 'deleted' AND om.email = m.email AND ou.identity_id <> i.id);

-- name: LinkFollowPhone :execrows
UPDATE identities i SET phone = m.phone
FROM org_members m JOIN users u ON u.id = m.user_id
WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND u.identity_id = i.id
  AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
  AND m.phone IS NOT NULL AND i.phone IS DISTINCT FROM m.phone
  AND (NOT @singly::boolean OR m.id IN (SELECT r.member_id FROM sync_run_members r WHERE r.run_id = @run_id))
  AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.id <> i.id AND regexp_replace(o.phone, '[^0-9+]', '', 'g') = m.phone)
  AND NOT EXISTS (SELECT 1 FROM identities o WHERE o.id <> i.id
      AND regexp_replace(o.phone, '[^0-9+]', '', 'g') = CASE WHEN m.phone LIKE '+86%' THEN substr(m.phone, 4) END)
  AND NOT EXISTS (SELECT 1 FROM org_members om JOIN users ou ON ou.id = om.user_id
      WHERE om.provider_id = @provider_id AND om.status <> 'deleted' AND om.phone = m.phone AND ou.identity_id <> i.id);
