-- What the roles that deploy/sql/roles.sql makes may do with each table. This runs after every migration, as
-- the tables' owner, so that no role is ever wider or narrower than the schema needs. Roles that do not exist are
-- passed over. A new table gets its lines here.
DO $$
DECLARE
    -- Where the platform has these tables of its own, their owner must let the worker at them.
    accounts_are_ours boolean := (
        SELECT bool_and(pg_has_role(relowner, 'USAGE'))
        FROM pg_class
        WHERE oid IN ('users'::regclass, 'identities'::regclass));
    account_function regprocedure;
BEGIN
    IF NOT (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'sync_runs'::regclass) THEN
        RETURN;
    END IF;
    -- Two programs that migrate at the same time would disturb each other.
    PERFORM pg_advisory_xact_lock(hashtextextended('orgsync grants', 0));

    IF to_regrole('orgsync_worker') IS NOT NULL THEN
        -- No DELETE on people and departments: a sync never needs it.
        GRANT SELECT, INSERT, UPDATE ON org_departments, org_members, org_groups, retention_steps TO orgsync_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON org_member_departments, org_changes, dry_run_changes, undo_objects,
            org_group_members, org_group_departments, org_administrators,
            sync_runs, sync_run_departments, sync_run_listings, sync_run_errors, sync_run_removals, sync_run_lookups,
            member_matches, staged_departments, staged_members, staged_groups, staged_group_members,
            staged_administrators, staged_details, detail_reads, listing_cache, removal_candidates,
            provider_tokens, provider_call_slots TO orgsync_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON sync_workers TO orgsync_worker;
        -- The record of a run says who asked for it.
        GRANT INSERT ON audit_log TO orgsync_worker;
        GRANT SELECT, DELETE ON run_requests TO orgsync_worker;
        GRANT SELECT, UPDATE ON change_feed TO orgsync_worker;
        GRANT SELECT, INSERT, DELETE ON publications TO orgsync_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON sync_workers, provider_events, provider_event_refusals
            TO orgsync_worker;
        GRANT SELECT ON provider_event_settings, suite_tickets, suite_authorizations TO orgsync_worker;
        GRANT UPDATE (connected_since, listened_at, stream_problem, last_event_at) ON provider_event_settings
            TO orgsync_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON account_conflicts, account_leavers, account_matches TO orgsync_worker;
        GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_deliveries TO orgsync_worker;
        GRANT SELECT ON webhooks TO orgsync_worker;
        GRANT UPDATE (publication, change, paused_at, pause_reason, failing_since, woken_at)
            ON webhooks TO orgsync_worker;
        GRANT SELECT ON account_holders, member_signatures TO orgsync_worker;
        GRANT SELECT, DELETE ON login_members TO orgsync_worker;
        GRANT SELECT ON identity_providers, provider_secrets, provider_rules, removal_limits, org_primary_departments,
            full_runs, staged_memberships, unchanged_memberships, merged_members, compared_members,
            orgsync_schema_version,
            org_group_people, org_objects, org_places, stored_listings, staged_listings, detailed_objects,
            undoable_changes, undone_changes
            TO orgsync_worker;
        GRANT UPDATE (generation, newest_run_id, newest_run_writes, last_synced_at, visible_range, rules_applied)
            ON identity_providers TO orgsync_worker;
        IF accounts_are_ours THEN
            GRANT SELECT ON users, identities TO orgsync_worker;
            GRANT UPDATE (email, phone) ON identities TO orgsync_worker;
        END IF;
    END IF;

    -- What makes accounts runs with its owner's rights, so nobody else may call it. A function that the platform put
    -- in its place is the platform's to share, if another role owns it.
    FOR account_function IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND proname IN ('orgsync_account_create', 'orgsync_account_leave', 'orgsync_account_remove')
          AND pg_has_role(proowner, 'USAGE')
          AND to_regrole('orgsync_worker') IS NOT NULL
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO orgsync_worker', account_function);
    END LOOP;

    IF to_regrole('orgsync_operator') IS NOT NULL THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON
            identity_providers, provider_secrets, removal_limits, provider_tokens, provider_call_slots
            TO orgsync_operator;
        GRANT SELECT, INSERT ON provider_rules TO orgsync_operator;
        GRANT SELECT, DELETE ON listing_cache TO orgsync_operator;
        GRANT SELECT ON removal_candidates, account_leavers TO orgsync_operator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON account_conflicts, member_signatures TO orgsync_operator;
        GRANT SELECT ON org_departments, org_members, org_member_departments, org_primary_departments, org_changes,
            full_runs, sync_runs, sync_run_departments, sync_run_errors, sync_run_removals, sync_run_lookups,
            staged_departments, staged_members, member_matches,
            staged_memberships, unchanged_memberships, merged_members, compared_members,
            dry_run_changes, retention_steps, orgsync_schema_version,
            org_groups, org_group_members, org_group_departments, org_group_people, org_administrators,
            sync_run_listings, staged_groups, staged_group_members, staged_administrators,
            org_objects, org_places TO orgsync_operator;
        GRANT SELECT ON sync_workers TO orgsync_operator;
        -- Removing a provider is published, too.
        GRANT SELECT, UPDATE ON change_feed TO orgsync_operator;
        GRANT SELECT, INSERT ON publications TO orgsync_operator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON provider_event_settings, provider_events, provider_event_refusals
            TO orgsync_operator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON webhooks TO orgsync_operator;
        GRANT SELECT, UPDATE ON webhook_deliveries TO orgsync_operator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON suite_tickets, suite_installs, suite_codes, suite_authorizations
            TO orgsync_operator;
        -- The command line and the server make tokens; what was done stays in the log.
        GRANT SELECT, INSERT ON api_tokens, audit_log TO orgsync_operator;
        GRANT UPDATE (last_used_at, revoked_at) ON api_tokens TO orgsync_operator;
        GRANT SELECT, INSERT ON run_requests TO orgsync_operator;
        GRANT SELECT, INSERT, UPDATE, DELETE ON browser_sessions TO orgsync_operator;
        GRANT SELECT, INSERT, DELETE ON sign_in_links, login_apps, login_app_addresses, login_states, login_codes
            TO orgsync_operator;
        -- What a login brings is written to members by a run.
        GRANT SELECT, INSERT ON login_members TO orgsync_operator;
        GRANT SELECT, INSERT, UPDATE ON member_logins TO orgsync_operator;
        -- Removing a provider lets go of its people and departments; whatever else goes with it goes by foreign keys.
        GRANT UPDATE (status, raw_data, synced_at) ON org_members TO orgsync_operator;
        GRANT UPDATE (status, member_count, synced_at) ON org_groups TO orgsync_operator;
        IF accounts_are_ours THEN
            GRANT SELECT ON users TO orgsync_operator; -- to name a member's account
        END IF;
        GRANT UPDATE (status, member_count, direct_member_count, raw_data, synced_at) ON org_departments
            TO orgsync_operator;
    END IF;

    IF to_regrole('orgsync_reader') IS NOT NULL THEN
        GRANT SELECT ON identity_providers, org_departments, org_members, org_member_departments,
            org_groups, org_group_members, org_group_departments, org_group_people, org_administrators,
            account_conflicts, member_signatures,
            sync_runs, sync_run_departments, org_changes, change_feed, publications TO orgsync_reader;
        IF accounts_are_ours THEN
            GRANT SELECT ON users, identities TO orgsync_reader;
        END IF;
    END IF;
END $$;
