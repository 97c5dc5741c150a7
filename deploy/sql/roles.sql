-- The database roles of orgsync. Run once in the database that orgsync uses, by an administrator who may create roles:
--
--   psql "$ADMIN_URL" -f deploy/sql/roles.sql
--
-- Running it again changes nothing. The roles have no password, so nobody can log in by one yet: give each that is used
-- a password (\password orgsync_worker), or whatever your Postgres authenticates by. What they may do with each table
-- is given by "orgsync migrate" after every migration (db/grants.sql): run it as orgsync_owner.
--
--   orgsync_owner     owns the tables; for "orgsync migrate" alone
--   orgsync_worker    for orgsync-worker, with ORGSYNC_MIGRATE=false; cannot delete people or departments
--   orgsync_operator  for the command line and the server; changes providers and their secrets, reads everything
--   orgsync_reader    for applications; reads the public tables and nothing sealed

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['orgsync_owner', 'orgsync_worker', 'orgsync_operator', 'orgsync_reader'] LOOP
        IF to_regrole(wanted) IS NULL THEN
            EXECUTE format('CREATE ROLE %I LOGIN', wanted);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), wanted);
        EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
    END LOOP;
    GRANT CREATE ON SCHEMA public TO orgsync_owner;
END $$;
