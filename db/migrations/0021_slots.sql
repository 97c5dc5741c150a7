-- When a slot was last written: one that comes from the future was written before the
-- clock was set back.
ALTER TABLE provider_call_slots ADD COLUMN written_at timestamptz NOT NULL DEFAULT clock_timestamp();

-- When an endpoint's next call is due. After the clock was set back it is due when as much
-- time has passed as was left when the slot was written, and not later. Statements that
-- waited for the slot's row began earlier than the one that wrote it, hence the minute.
CREATE FUNCTION call_slot_due(next_at timestamptz, written_at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE
RETURN CASE
    WHEN written_at > statement_timestamp() + interval '1 minute' THEN statement_timestamp() + (next_at - written_at)
    ELSE next_at END;
