-- The platform's own accounts, which members are linked to. Where the platform has these
-- tables already they stay as they are: only id, tenant_id, identity_id, display_name,
-- email and phone are read, and only email and phone are written.
CREATE TABLE IF NOT EXISTS identities (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email      text,
    phone      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS users (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid,
    identity_id  uuid REFERENCES identities (id),
    display_name text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

-- org_is_email tells whether a value is one e-mail address: a mailbox at a host, in lower
-- case. Providers also send 'none', '-', several addresses in one field and masked ones
-- (a***@example.com). The directory keeps those, but no account is found by them or
-- given them.
CREATE FUNCTION org_is_email(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(value) <= 254 AND value COLLATE "C" ~
        '^[a-z0-9_%&''+/=~-]+(\.[a-z0-9_%&''+/=~-]+)*'
        '@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'
$$;

-- org_is_e164 tells whether a value is one phone number that can be dialled from abroad.
-- Such a number has at least seven digits, the country's code included. A Chinese one
-- has eight to eleven digits after +86.
CREATE FUNCTION org_is_e164(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value COLLATE "C" ~ '^\+(86[1-9][0-9]{7,10}|(?!86)[1-9][0-9]{6,14})$'
$$;

-- write_account gives one account an e-mail or a phone. It returns null, or the SQLSTATE
-- and the constraint by which the table, which may be the platform's own, refused it.
CREATE FUNCTION write_account(account uuid, field text, value text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    code text;
    rule text;
BEGIN
    IF field = 'email' THEN
        UPDATE identities SET email = value WHERE id = account;
    ELSE
        UPDATE identities SET phone = value WHERE id = account;
    END IF;
    RETURN NULL;
-- The names of classes stand for all errors in them: triggers raise plpgsql_error.
EXCEPTION WHEN data_exception OR integrity_constraint_violation OR with_check_option_violation OR plpgsql_error THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, rule = CONSTRAINT_NAME;
    RETURN concat_ws(', ', code, nullif(rule, ''));
END
$$;
