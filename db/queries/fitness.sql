-- name: GetDatabaseFacts :one
SELECT current_setting('server_encoding')::text AS encoding,
    (current_setting('transaction_read_only') = 'on')::boolean AS read_only,
    (to_regclass('org_members') IS NOT NULL)::boolean AS migrated;

-- name: ListAccountColumns :many
-- The columns of the platform's accounts that are read and written, with the types that
-- they have (empty: no such column) and whether those serve. A domain serves as what it is
-- made of, any type of characters as text.
WITH needed (table_name, column_name, type, written) AS (
    VALUES ('users', 'id', 'uuid', false), ('users', 'tenant_id', 'uuid', false),
        ('users', 'identity_id', 'uuid', false),
        ('identities', 'id', 'uuid', false), ('identities', 'email', 'text', true),
        ('identities', 'phone', 'text', true)
)
SELECT n.table_name::text AS table_name, n.column_name::text AS column_name, n.type::text AS type,
    (to_regclass(n.table_name) IS NOT NULL)::boolean AS table_exists,
    coalesce(format_type(a.atttypid, a.atttypmod), '')::text AS has,
    coalesce(coalesce(b.oid, t.oid) = n.type::regtype
        OR n.type = 'text' AND coalesce(b.typcategory, t.typcategory) = 'S', false)::boolean AS serves,
    (NOT n.written OR coalesce(pg_column_is_updatable(a.attrelid, a.attnum, true), false))::boolean AS writable,
    coalesce(has_column_privilege(a.attrelid, a.attnum, 'SELECT')
        AND (NOT n.written OR has_column_privilege(a.attrelid, a.attnum, 'UPDATE')), false)::boolean AS allowed
FROM needed n
LEFT JOIN pg_catalog.pg_attribute a
    ON a.attrelid = to_regclass(n.table_name) AND a.attname = n.column_name AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype;

-- name: GetRole :one
SELECT quote_ident(current_user)::text;
