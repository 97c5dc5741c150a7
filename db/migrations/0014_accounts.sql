-- The directory keeps what providers say, and they say 'none', '-', several addresses in
-- one field, or masked numbers, too. Only what is one address may find an account or be
-- given to it: here is decided what is one.

-- A mailbox at a host, in lower case, as both are kept. Characters that serve as masks
-- (a***@example.com) are none of an address.
CREATE FUNCTION org_is_email(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT length(value) <= 254 AND value COLLATE "C" ~
        '^[a-z0-9_%&''+/=~-]+(\.[a-z0-9_%&''+/=~-]+)*@[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$'
$$;

-- No number that can be dialled from abroad is shorter than seven digits: a country's code
-- alone is none. Chinese ones have at most eleven after theirs.
CREATE FUNCTION org_is_e164(value text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT value COLLATE "C" ~ '^\+(86[1-9][0-9]{7,10}|(?!86)[1-9][0-9]{6,14})$'
$$;

-- Gives one account an e-mail or a phone. Null if it has it now, else what its table,
-- which may be the platform's own, refused it by: the SQLSTATE and the constraint.
CREATE FUNCTION org_account_write(account uuid, field text, value text) RETURNS text
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
