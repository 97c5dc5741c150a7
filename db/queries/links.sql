-- name: HasAccounts :one
-- Whether the tenant has accounts at all.
SELECT EXISTS (SELECT 1 FROM users u WHERE u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid);

-- name: CheckConstraintsAtOnce :exec
-- A platform may have its tables' constraints checked at the end of the transaction, when
-- nobody could tell any more which account breaks one.
SET CONSTRAINTS ALL IMMEDIATE;

-- name: LinkMembers :many
-- Links members to accounts by one of their addresses: 'email' or 'phone'. Only one-to-one
-- matches count: an address that two accounts or two members share says nothing about who is
-- who. An existing link is never changed. Accounts may keep Chinese numbers without the
-- country code. A run of single members links those alone.
-- The log's before is what the account may lose to the member's e-mail and phone, which it
-- follows from now on.
-- Returns members whose address is malformed although an account has the same: the first of
-- them, and how many there are.
WITH free_members AS MATERIALIZED (
    SELECT
        m.id,
        m.external_id,
        m.email,
        m.phone,
        CASE @channel::text WHEN 'email' THEN m.email ELSE m.phone END AS address,
        CASE @channel::text WHEN 'email' THEN org_is_email(m.email) ELSE org_is_e164(m.phone) END AS usable,
        NOT @singly::boolean OR m.id IN (
            SELECT r.member_id FROM member_matches r WHERE r.run_id = @run_id
        ) AS in_scope
    FROM org_members m
    WHERE m.provider_id = @provider_id
        AND m.status <> 'deleted'
        AND m.user_id IS NULL
        AND CASE @channel::text WHEN 'email' THEN m.email ELSE m.phone END IS NOT NULL
), free_accounts AS MATERIALIZED (
    SELECT
        u.id AS user_id,
        i.email,
        i.phone,
        CASE @channel::text
            WHEN 'email' THEN lower(btrim(i.email))
            ELSE regexp_replace(i.phone, '[^0-9+]', '', 'g')
        END AS address
    FROM identities i
    JOIN users u ON u.identity_id = i.id AND u.tenant_id IS NOT DISTINCT FROM sqlc.narg(tenant_id)::uuid
    WHERE NOT EXISTS (
        SELECT 1 FROM org_members o
        WHERE o.provider_id = @provider_id AND o.user_id = u.id AND o.status <> 'deleted'
    )
), spellings AS (
    SELECT f.id, f.address FROM free_members f WHERE f.usable
    UNION ALL
    SELECT f.id, substr(f.address, 4) FROM free_members f WHERE f.usable AND f.address LIKE '+86%'
), matches AS (
    SELECT
        s.id,
        a.user_id,
        a.email AS old_email,
        a.phone AS old_phone,
        count(*) OVER (PARTITION BY s.id) AS accounts_found,
        count(*) OVER (PARTITION BY a.user_id) AS members_found
    FROM spellings s
    JOIN free_accounts a ON a.address = s.address
), linked AS (
    UPDATE org_members m SET user_id = x.user_id, synced_at = now()
    FROM matches x
    JOIN free_members f ON f.id = x.id AND f.in_scope
    WHERE m.id = x.id AND x.accounts_found = 1 AND x.members_found = 1 AND m.user_id IS NULL
    RETURNING m.id, m.external_id, m.user_id, m.email, m.phone, x.old_email, x.old_phone
), logged AS (
    INSERT INTO org_changes (run_id, object_type, object_id, department_id, external_id, kind, before, after)
    SELECT @run_id, 'member', l.id, l.id, l.external_id, 'linked',
        nullif(
            CASE WHEN org_is_email(l.email) AND l.old_email IS DISTINCT FROM l.email
                THEN jsonb_build_object('account_email', l.old_email) ELSE '{}' END
            || CASE WHEN org_is_e164(l.phone) AND l.old_phone IS DISTINCT FROM l.phone
                THEN jsonb_build_object('account_phone', l.old_phone) ELSE '{}' END,
            '{}'
        ),
        jsonb_build_object('user_id', l.user_id, 'by', @channel::text)
    FROM linked l
    ON CONFLICT (run_id, object_type, object_id, department_id, (kind = 'linked')) DO NOTHING
), malformed AS (
    SELECT f.external_id FROM free_members f
    WHERE NOT f.usable AND f.in_scope AND f.address IN (SELECT a.address FROM free_accounts a)
)
SELECT a.external_id, ''::text AS refusal, count(*) OVER () AS total
FROM malformed a
ORDER BY a.external_id
LIMIT @named::int;

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
