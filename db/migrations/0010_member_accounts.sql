-- Members and the platform's accounts: what is done about members without one, what a
-- person must decide, and the functions that a platform may replace.

-- What waits for a person, and what they decided. A row without a decision goes once there
-- is nothing left to decide.
CREATE TABLE account_conflicts (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    member_id   uuid PRIMARY KEY REFERENCES org_members (id) ON DELETE CASCADE,
    -- Why nothing is done: see directory.AccountReasons. 'manual': a person decided
    -- although there was no conflict.
    reason      text NOT NULL,
    -- users.id of the accounts in question.
    candidates  uuid[] NOT NULL DEFAULT '{}',
    -- 'unlink' becomes 'ignore' once it is carried out.
    decision    text CHECK (decision IN ('link', 'create', 'ignore', 'unlink')),
    -- The account to link to. Set where the decision is 'link'.
    user_id     uuid CHECK ((user_id IS NOT NULL) = (decision IS NOT DISTINCT FROM 'link')),
    decided_by  text CHECK (octet_length(decided_by) BETWEEN 1 AND 200),
    decided_at  timestamptz,
    found_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_conflicts_provider ON account_conflicts (provider_id, member_id);

-- Members who left while they were linked: orgsync_account_leave was called once for each,
-- and a member who returns gets the account back.
CREATE TABLE account_leavers (
    member_id uuid PRIMARY KEY REFERENCES org_members (id) ON DELETE CASCADE,
    user_id   uuid NOT NULL,
    left_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX account_leavers_user ON account_leavers (user_id);
CREATE INDEX org_members_left ON org_members (provider_id) WHERE status = 'deleted' AND user_id IS NOT NULL;

-- Signature images of members.
CREATE TABLE member_signatures (
    member_id  uuid PRIMARY KEY REFERENCES org_members (id) ON DELETE CASCADE,
    url        text NOT NULL CHECK (octet_length(url) BETWEEN 1 AND 2000),
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- What a run is to do about members without an account. Rows go with the transaction that
-- wrote them, but for the creations of a held run, which wait for its decision.
CREATE TABLE account_matches (
    run_id      uuid NOT NULL REFERENCES sync_runs (id) ON DELETE CASCADE,
    member_id   uuid NOT NULL,
    action      text NOT NULL CHECK (action IN ('link', 'create', 'conflict')),
    -- Why it is a conflict.
    reason      text,
    candidates  uuid[] NOT NULL DEFAULT '{}',
    -- The account to link to, and what named it: a key, or 'decision'.
    user_id     uuid,
    matched_by  text,
    -- The keys of an account to be created: addresses that no account and no other member has.
    email       text,
    phone       text,
    PRIMARY KEY (run_id, member_id)
);

-- account_phone is an account's phone number as members' are stored. Platforms may keep
-- Chinese numbers without the country's code, and with punctuation.
CREATE FUNCTION account_phone(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN n.number LIKE '+%' THEN n.number ELSE '+86' || n.number END
    FROM (SELECT regexp_replace(value, '[^0-9+]', '', 'g') AS number OFFSET 0) n
$$;

-- differing_addresses are e-mails or phones of a provider's linked members that their
-- accounts do not have, and whether they are usable.
CREATE FUNCTION differing_addresses(provider uuid, tenant uuid, channel text)
RETURNS TABLE (member_id uuid, external_id text, identity_id uuid, address text, usable boolean)
LANGUAGE sql STABLE AS $$
    SELECT
        m.id,
        m.external_id,
        i.id,
        CASE channel WHEN 'email' THEN m.email ELSE m.phone END,
        CASE channel WHEN 'email' THEN org_is_email(m.email) ELSE org_is_e164(m.phone) END
    FROM org_members m
    JOIN users u ON u.id = m.user_id AND u.tenant_id IS NOT DISTINCT FROM tenant
    JOIN identities i ON i.id = u.identity_id
    WHERE m.provider_id = provider
        AND m.status <> 'deleted'
        AND CASE channel
            WHEN 'email' THEN m.email IS NOT NULL AND i.email IS DISTINCT FROM m.email
            ELSE m.phone IS NOT NULL AND i.phone IS DISTINCT FROM m.phone
        END
$$;

-- unlinked_member_keys are the addresses of members without an account, by which one may be
-- found: the key's place in match, and how many of the provider's members have the same.
-- People who were marked as having left here are not linked any more.
CREATE FUNCTION unlinked_member_keys(provider uuid, match text[])
RETURNS TABLE (member_id uuid, key text, value text, rank integer, holders bigint)
LANGUAGE sql STABLE AS $$
    WITH keys AS MATERIALIZED (
        SELECT m.id, k.key, k.value
        FROM org_members m
        CROSS JOIN LATERAL (VALUES
            ('email', m.email, org_is_email(m.email)),
            ('phone', m.phone, org_is_e164(m.phone))) AS k (key, value, usable)
        WHERE m.provider_id = provider
          AND m.status <> 'deleted'
          AND m.offline_at IS NULL
          AND m.user_id IS NULL
          AND k.key = ANY (match)
          AND k.usable
    ), shared AS (
        SELECT 'email' AS key, m.email AS value, count(*) AS holders
        FROM org_members m
        WHERE m.provider_id = provider
          AND m.status <> 'deleted'
          AND m.email IN (SELECT k.value FROM keys k WHERE k.key = 'email')
        GROUP BY m.email
        UNION ALL
        SELECT 'phone', m.phone, count(*)
        FROM org_members m
        WHERE m.provider_id = provider
          AND m.status <> 'deleted'
          AND m.phone IN (SELECT k.value FROM keys k WHERE k.key = 'phone')
        GROUP BY m.phone
    )
    SELECT k.id, k.key, k.value, array_position(match, k.key), s.holders
    FROM keys k
    JOIN shared s ON s.key = k.key AND s.value = k.value
$$;

-- account_candidates are the accounts of a tenant that unlinked members' keys name. The
-- first key that names any decides; matched_by, accounts and holders are of that one.
-- free_email and free_phone are addresses that no account and no other member has; taken
-- tells whether any account has one, be it another tenant's.
CREATE FUNCTION account_candidates(provider uuid, tenant uuid, match text[])
RETURNS TABLE (
    member_id uuid, candidates uuid[], matched_by text, accounts bigint, holders bigint,
    free_email text, free_phone text, taken boolean
)
LANGUAGE sql STABLE AS $$
    WITH account_keys AS (
        SELECT 'email' AS key, lower(btrim(i.email::text)) AS value, u.id AS user_id
        FROM identities i
        LEFT JOIN users u ON u.identity_id = i.id AND u.tenant_id IS NOT DISTINCT FROM tenant
        WHERE i.email IS NOT NULL
        UNION ALL
        SELECT 'phone', account_phone(i.phone::text), u.id
        FROM identities i
        LEFT JOIN users u ON u.identity_id = i.id AND u.tenant_id IS NOT DISTINCT FROM tenant
        WHERE i.phone IS NOT NULL
    ), found AS (
        SELECT k.*, a.user_id, a.value IS NOT NULL AS taken,
            min(k.rank) FILTER (WHERE a.user_id IS NOT NULL) OVER (PARTITION BY k.member_id) AS deciding
        FROM unlinked_member_keys(provider, match) k
        LEFT JOIN account_keys a ON a.key = k.key AND a.value = k.value
    )
    SELECT f.member_id,
        coalesce(array_agg(DISTINCT f.user_id) FILTER (WHERE f.user_id IS NOT NULL), '{}'),
        max(f.key) FILTER (WHERE f.rank = f.deciding),
        count(DISTINCT f.user_id) FILTER (WHERE f.rank = f.deciding),
        max(f.holders) FILTER (WHERE f.rank = f.deciding),
        max(f.value) FILTER (WHERE f.key = 'email' AND f.holders = 1 AND NOT f.taken),
        max(f.value) FILTER (WHERE f.key = 'phone' AND f.holders = 1 AND NOT f.taken),
        bool_or(f.taken)
    FROM found f
    GROUP BY f.member_id
$$;

-- account_holders are the members who have an account, or had one when they left.
CREATE VIEW account_holders AS
SELECT m.user_id, m.id AS member_id, m.provider_id, m.status, m.unionid, m.external_id, m.email
FROM org_members m
WHERE m.user_id IS NOT NULL
UNION ALL
SELECT l.user_id, m.id, m.provider_id, m.status, m.unionid, m.external_id, m.email
FROM account_leavers l
JOIN org_members m ON m.id = l.member_id
WHERE m.user_id IS NULL;

-- account_obstacle tells why a member is not linked to an account that another member has
-- or had, or null. No account is taken over. The account of a former member is
-- another person's, unless both are known to be one: numbers and addresses are given out
-- again. At another provider, or one that was removed, it is the same person only if both
-- have the very e-mail address, which is what named the account.
CREATE FUNCTION account_obstacle(member org_members, holder account_holders, matched_by text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN holder.provider_id = member.provider_id AND holder.status <> 'deleted' THEN 'account_taken'
        WHEN holder.provider_id IS NOT DISTINCT FROM member.provider_id OR holder.provider_id IS NULL THEN
            CASE
                WHEN holder.unionid = member.unionid THEN NULL
                WHEN holder.provider_id IS NULL AND matched_by = 'email' AND holder.email = member.email THEN NULL
                ELSE 'former_member'
            END
        WHEN matched_by = 'email' AND holder.email = member.email THEN NULL
        ELSE 'other_provider'
    END
$$;

-- classify_members writes down what a run is to do about each unlinked member whose keys
-- name an account or, where accounts are created, whose keys name none. Of two members
-- whose different keys name one account the first key counts.
CREATE FUNCTION classify_members(
    run uuid, provider uuid, tenant uuid, match text[], creates boolean, by_id boolean
) RETURNS void
LANGUAGE sql AS $$
    WITH candidates AS MATERIALIZED (
        SELECT
            c.*,
            m::org_members AS member,
            CASE WHEN cardinality(c.candidates) = 1 THEN c.candidates[1] END AS user_id,
            -- What is done if no key names an account.
            CASE
                WHEN NOT creates OR m.status <> 'active' THEN NULL
                WHEN coalesce(c.free_email, c.free_phone) IS NOT NULL THEN 'create'
                WHEN c.taken THEN 'other_tenant'
                ELSE 'several_members'
            END AS without_account
        FROM account_candidates(provider, tenant, match) c
        JOIN org_members m ON m.id = c.member_id
    ), obstacles AS (
        SELECT c.member_id, min(account_obstacle(c.member, h, c.matched_by)) AS obstacle
        FROM candidates c
        JOIN account_holders h ON h.user_id = c.user_id AND h.member_id <> c.member_id
        GROUP BY c.member_id
    ), classified AS (
        SELECT
            c.*,
            CASE
                WHEN c.candidates = '{}' THEN c.without_account
                WHEN c.accounts > 1 THEN 'several_accounts'
                WHEN c.user_id IS NULL THEN 'keys_disagree'
                WHEN o.obstacle = 'account_taken' THEN o.obstacle
                WHEN c.holders > 1 THEN 'several_members'
                ELSE coalesce(o.obstacle, 'link')
            END AS situation
        FROM candidates c
        LEFT JOIN obstacles o ON o.member_id = c.member_id
    ), ranked AS (
        SELECT
            c.*,
            row_number() OVER (
                PARTITION BY c.user_id, c.situation ORDER BY array_position(match, c.matched_by)) AS rank
        FROM classified c
    ), decided AS (
        SELECT
            r.*,
            CASE WHEN r.situation = 'link' AND r.rank > 1 THEN 'account_taken' ELSE r.situation END AS verdict
        FROM ranked r
        WHERE r.situation IS NOT NULL
    )
    INSERT INTO account_matches (run_id, member_id, action, reason, candidates, user_id, matched_by, email, phone)
    SELECT
        run,
        d.member_id,
        CASE WHEN d.verdict IN ('link', 'create') THEN d.verdict ELSE 'conflict' END,
        CASE WHEN d.verdict NOT IN ('link', 'create') THEN d.verdict END,
        d.candidates,
        d.user_id,
        d.matched_by,
        d.free_email,
        d.free_phone
    FROM decided d
    WHERE NOT by_id OR d.member_id IN (SELECT r.member_id FROM member_matches r WHERE r.run_id = run);
$$;

-- orgsync_account_keys are the addresses of a member that no account and no other member
-- has, for functions that make accounts: what is null is not to be written to one.
CREATE FUNCTION orgsync_account_keys(member_id uuid, OUT email text, OUT phone text)
LANGUAGE sql STABLE AS $$
    SELECT a.email, a.phone
    FROM account_matches a
    WHERE a.run_id = nullif(current_setting('orgsync.run_id', true), '')::uuid
      AND a.member_id = orgsync_account_keys.member_id
$$;

-- orgsync_account_create makes an account for a member and returns its users.id. Platforms
-- with tables of their own replace it, also before the first migration: what is there is
-- never touched. It runs with the rights of its owner, so that a worker need not be
-- allowed to insert accounts.
DO $migration$
BEGIN
    IF to_regprocedure('orgsync_account_create(uuid)') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE FUNCTION orgsync_account_create(member_id uuid) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        identity uuid;
        account  uuid;
    BEGIN
        INSERT INTO identities (email, phone)
        SELECT k.email, k.phone
        FROM orgsync_account_keys(orgsync_account_create.member_id) k
        RETURNING id INTO identity;
        INSERT INTO users (tenant_id, identity_id, display_name)
        SELECT p.tenant_id, identity, m.name
        FROM org_members m
        JOIN identity_providers p ON p.id = m.provider_id
        WHERE m.id = orgsync_account_create.member_id
        RETURNING id INTO account;
        RETURN account;
    END
    $$;
    REVOKE EXECUTE ON FUNCTION orgsync_account_create(uuid) FROM PUBLIC;
END
$migration$;

-- orgsync_account_leave is told that a linked member has left, before a link is taken
-- away. The default leaves the account as it is.
DO $migration$
BEGIN
    IF to_regprocedure('orgsync_account_leave(uuid,uuid)') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE FUNCTION orgsync_account_leave(user_id uuid, member_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    BEGIN
    END
    $$;
    REVOKE EXECUTE ON FUNCTION orgsync_account_leave(uuid, uuid) FROM PUBLIC;
END
$migration$;

-- orgsync_account_remove takes back an account that a run created and that is undone. It
-- returns whether the account is gone: one that was used since is to stay. The default
-- deletes what was not written since; rows that refer to it keep it.
DO $migration$
BEGIN
    IF to_regprocedure('orgsync_account_remove(uuid,uuid)') IS NOT NULL THEN
        RETURN;
    END IF;
    CREATE FUNCTION orgsync_account_remove(user_id uuid, member_id uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DECLARE
        identity uuid;
    BEGIN
        DELETE FROM users u
        WHERE u.id = orgsync_account_remove.user_id AND u.updated_at = u.created_at
        RETURNING u.identity_id INTO identity;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        DELETE FROM identities i WHERE i.id = identity;
        RETURN true;
    EXCEPTION WHEN foreign_key_violation THEN
        RETURN false;
    END
    $$;
    REVOKE EXECUTE ON FUNCTION orgsync_account_remove(uuid, uuid) FROM PUBLIC;
END
$migration$;

-- account_refusal is what a failing function of the platform is told by: SQLSTATE, and the
-- constraint or column, never a value. What is no single account's fault (a lost
-- connection, a full disk, a deadlock) is raised again.
CREATE FUNCTION account_refusal(code text, rule text, field text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    IF left(code, 2) IN ('08', '40', '53', '57', '58', 'XX') THEN
        RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'an account could not be written';
    END IF;
    RETURN concat_ws(', ', code, nullif(rule, ''), nullif(field, ''));
END
$$;

-- create_account makes one member's account. It returns the account, or why there is none.
CREATE FUNCTION create_account(member uuid, OUT account uuid, OUT refusal text)
LANGUAGE plpgsql AS $$
DECLARE
    code  text;
    rule  text;
    field text;
BEGIN
    account := orgsync_account_create(member);
    PERFORM FROM users u WHERE u.id = account;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'orgsync_account_create returned no id of users' USING ERRCODE = 'no_data_found';
    END IF;
    PERFORM FROM org_members m WHERE m.user_id = account AND m.status <> 'deleted';
    IF FOUND THEN
        RAISE EXCEPTION 'orgsync_account_create returned the account of a member' USING ERRCODE = 'unique_violation';
    END IF;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, rule = CONSTRAINT_NAME, field = COLUMN_NAME;
    account := NULL;
    refusal := account_refusal(code, rule, field);
END
$$;

-- leave_account tells the platform that one member has left. It returns null, or why it
-- could not.
CREATE FUNCTION leave_account(account uuid, member uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    code  text;
    rule  text;
    field text;
BEGIN
    PERFORM orgsync_account_leave(account, member);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, rule = CONSTRAINT_NAME, field = COLUMN_NAME;
    RETURN account_refusal(code, rule, field);
END
$$;

-- remove_account takes back one created account. It returns null, or why it stays.
CREATE FUNCTION remove_account(account uuid, member uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    code  text;
    rule  text;
    field text;
BEGIN
    RETURN CASE WHEN orgsync_account_remove(account, member) THEN NULL ELSE 'used' END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, rule = CONSTRAINT_NAME, field = COLUMN_NAME;
    RETURN account_refusal(code, rule, field);
END
$$;
