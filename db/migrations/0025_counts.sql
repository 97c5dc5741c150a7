-- Who is there, and who is missing, is counted when removals are planned, and not by what
-- was counted when the departments were sealed or by who was there when the run began.
ALTER TABLE sync_runs
    DROP COLUMN members_there,
    DROP COLUMN members_active,
    DROP COLUMN members_placed,
    DROP COLUMN began_empty;
ALTER TABLE sync_run_departments DROP COLUMN members_settled;
