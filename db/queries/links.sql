-- name: ListMalformedAddresses :many
-- Linked members whose malformed e-mail or phone is not their account's: the first of them,
-- and how many there are.
SELECT d.external_id::text AS external_id, ''::text AS refusal, count(*) OVER () AS total
FROM differing_addresses(@provider_id, sqlc.narg(tenant_id)::uuid, @channel)
    AS d (member_id, external_id, identity_id, address, usable)
WHERE NOT d.usable
  AND (NOT @by_id::boolean OR d.member_id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
ORDER BY d.external_id COLLATE "C"
LIMIT @named::int;

-- name: FollowMembers :many
-- Gives linked accounts the member's e-mail or phone. An account keeps its own if another
-- account has the member's or would get it too, since platforms may keep addresses unique.
-- Returns, if accounts are written one by one, members whose account's table refused it: the
-- first of them, and how many there are.
WITH differing AS MATERIALIZED (
    SELECT d.external_id, d.identity_id, d.address
    FROM differing_addresses(@provider_id, sqlc.narg(tenant_id)::uuid, @channel)
        AS d (member_id, external_id, identity_id, address, usable)
    WHERE d.usable
      AND (NOT @by_id::boolean OR d.member_id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
), taken AS (
    SELECT d.identity_id
    FROM differing d
    JOIN identities o ON o.id <> d.identity_id
        AND d.address = CASE @channel WHEN 'email' THEN lower(btrim(o.email)) ELSE account_phone(o.phone) END
    UNION ALL
    SELECT d.identity_id
    FROM differing d
    JOIN org_members m ON d.address = CASE @channel WHEN 'email' THEN m.email ELSE m.phone END
        AND m.provider_id = @provider_id AND m.status <> 'deleted'
    JOIN users u ON u.id = m.user_id AND u.identity_id <> d.identity_id
), following AS (
    SELECT d.* FROM differing d WHERE d.identity_id NOT IN (SELECT t.identity_id FROM taken t)
), followed_email AS (
    UPDATE identities i SET email = f.address FROM following f
    WHERE i.id = f.identity_id AND @channel = 'email' AND NOT @one_by_one::boolean
), followed_phone AS (
    UPDATE identities i SET phone = f.address FROM following f
    WHERE i.id = f.identity_id AND @channel = 'phone' AND NOT @one_by_one
)
SELECT w.external_id::text AS external_id, w.refusal::text AS refusal, count(*) OVER () AS total
FROM (SELECT f.external_id, write_account(f.identity_id, @channel, f.address) AS refusal FROM following f
    WHERE @one_by_one) w
WHERE w.refusal IS NOT NULL
ORDER BY w.external_id COLLATE "C"
LIMIT @named::int;
