-- name: FollowMembers :many
-- Gives linked accounts the member's address: 'email' or 'phone'. An account keeps its own if
-- the member's is malformed, or if another account has it or would get it too, since platforms
-- may keep addresses unique.
-- Returns members whose accounts stay as they are, the first of them and how many there are:
-- those with a malformed address and, if accounts are written one by one, those whose table
-- refused it.
WITH differing AS MATERIALIZED (
    SELECT
        m.external_id,
        i.id AS identity_id,
        CASE @channel::text WHEN 'email' THEN m.email ELSE m.phone END AS address,
        CASE @channel::text WHEN 'email' THEN org_is_email(m.email) ELSE org_is_e164(m.phone) END AS usable
    FROM org_members m
    JOIN users u ON u.id = m.user_id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
    JOIN identities i ON i.id = u.identity_id
    WHERE m.provider_id = @provider_id
        AND m.status <> 'deleted'
        AND CASE @channel::text
            WHEN 'email' THEN m.email IS NOT NULL AND i.email IS DISTINCT FROM m.email
            ELSE m.phone IS NOT NULL AND i.phone IS DISTINCT FROM m.phone
        END
        AND (NOT @singly::boolean OR m.id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id))
), spellings AS (
    -- Accounts may keep Chinese numbers without the country code.
    SELECT d.identity_id, d.address, d.address AS spelling FROM differing d WHERE d.usable
    UNION ALL
    SELECT d.identity_id, d.address, substr(d.address, 4) FROM differing d WHERE d.usable AND d.address LIKE '+86%'
), taken AS (
    SELECT s.identity_id
    FROM spellings s
    JOIN identities o ON o.id <> s.identity_id AND s.spelling = CASE @channel::text
        WHEN 'email' THEN lower(btrim(o.email))
        ELSE regexp_replace(o.phone, '[^0-9+]', '', 'g')
    END
    UNION ALL
    SELECT d.identity_id
    FROM differing d
    JOIN org_members m
        ON d.address = CASE @channel::text WHEN 'email' THEN m.email ELSE m.phone END
        AND m.provider_id = @provider_id
        AND m.status <> 'deleted'
    JOIN users u ON u.id = m.user_id AND u.identity_id <> d.identity_id
), following AS (
    SELECT d.external_id, d.identity_id, d.address FROM differing d
    WHERE d.usable AND d.identity_id NOT IN (SELECT t.identity_id FROM taken t)
), followed_email AS (
    UPDATE identities i SET email = f.address FROM following f
    WHERE i.id = f.identity_id AND NOT @one_by_one::boolean AND @channel::text = 'email'
), followed_phone AS (
    UPDATE identities i SET phone = f.address FROM following f
    WHERE i.id = f.identity_id AND NOT @one_by_one::boolean AND @channel::text = 'phone'
), left_alone AS (
    SELECT d.external_id, '' AS refusal FROM differing d WHERE NOT d.usable
    UNION ALL
    SELECT w.external_id, w.refusal
    FROM (
        SELECT f.external_id, write_account(f.identity_id, @channel::text, f.address) AS refusal
        FROM following f
        WHERE @one_by_one
    ) w
    WHERE w.refusal IS NOT NULL
), ranked AS (
    SELECT
        a.external_id,
        a.refusal,
        count(*) OVER (PARTITION BY a.refusal = '') AS total,
        row_number() OVER (PARTITION BY a.refusal = '' ORDER BY a.external_id) AS number
    FROM left_alone a
)
SELECT r.external_id, r.refusal::text AS refusal, r.total
FROM ranked r
WHERE r.number <= @named::int
ORDER BY r.refusal <> '', r.number;
