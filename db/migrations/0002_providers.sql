-- Providers: one row for each company's directory at Feishu, DingTalk or WeCom.
CREATE TABLE identity_providers (
    id                       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id                uuid,
    name                     text NOT NULL UNIQUE CHECK (name <> ''),
    provider_type            text NOT NULL CHECK (provider_type IN ('feishu', 'dingtalk', 'wecom')),
    is_active                boolean NOT NULL DEFAULT true,
    -- Settings without any secret; secrets lie sealed in provider_secrets.
    config                   jsonb NOT NULL DEFAULT '{}',
    -- Whether member ids which differ only in case name one member. WeCom's user ids are unique
    -- whatever their case (wecom.md §3.3), but not the encrypted ones that a suite gets
    -- (wecom-more.md §E4).
    ids_ignore_case          boolean NOT NULL GENERATED ALWAYS AS (
        provider_type = 'wecom' AND coalesce(config ->> 'sub_type', '') <> 'third_party') STORED,
    last_synced_at           timestamptz,
    created_at               timestamptz NOT NULL DEFAULT now(),
    updated_at               timestamptz NOT NULL DEFAULT now(),
    -- Who changed it last: a login name with its host, a schedule's id, or a word.
    updated_by               text CHECK (octet_length(updated_by) BETWEEN 1 AND 200),
    -- The removal guard: a run that would remove more than the larger of a number and a
    -- percentage of what is there is held. The program knows the defaults
    -- (internal/directory/limits.go).
    -- How long a held run waits for a decision before it counts as rejected.
    hold_seconds             bigint NOT NULL CHECK (hold_seconds > 0),
    -- What the credentials could see in the last run that was applied in full.
    visible_range            jsonb,
    -- The version of the rules whose removals were applied or approved last. Under another
    -- one, a run that would remove members for the rules is held.
    rules_applied            integer NOT NULL DEFAULT 0,
    -- The fencing token: only the run named here may write. A new run takes it over in
    -- the same statement that numbers it.
    generation               bigint NOT NULL DEFAULT 0,
    newest_run_id            uuid,
    -- Whether that run is at work: one that was held or has ended writes nothing more, even
    -- where it came to the fence before.
    newest_run_writes        boolean NOT NULL DEFAULT false
);

-- Sealed settings. key_id names the key that opens them.
CREATE TABLE provider_secrets (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    key         text NOT NULL,
    sealed      bytea NOT NULL,
    key_id      bigint NOT NULL,
    PRIMARY KEY (provider_id, key)
);

-- What belongs in the directory and what is made of members' fields (internal/rules): every
-- version that was set, so that a run's can be looked up. The newest that is no draft counts.
CREATE TABLE provider_rules (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    version     integer NOT NULL CHECK (version > 0),
    -- As the operator wrote it, in YAML or JSON; null: no rules from here on.
    document    text,
    -- The departments that the document includes and excludes, each with what is below.
    included    text[] NOT NULL DEFAULT '{}',
    excluded    text[] NOT NULL DEFAULT '{}',
    -- A draft is only for a dry run.
    draft       boolean NOT NULL DEFAULT false,
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text CHECK (octet_length(created_by) BETWEEN 1 AND 200),
    PRIMARY KEY (provider_id, version)
);

-- Access tokens, sealed, shared by all workers.
CREATE TABLE provider_tokens (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    name        text NOT NULL,
    sealed      bytea NOT NULL,
    key_id      bigint NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (provider_id, name)
);

-- Call slots: when the next call of each endpoint may start, shared by all workers.
-- Losing this table costs nothing, hence unlogged.
CREATE UNLOGGED TABLE provider_call_slots (
    provider_id uuid NOT NULL,
    endpoint    text NOT NULL,
    next_at     timestamptz NOT NULL,
    -- Whether the latest caller got a slot, for the statement that asked.
    granted     boolean NOT NULL DEFAULT true,
    -- A slot written in the future was written before the clock was set back.
    written_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider_id, endpoint)
);

-- call_slot_due tells when an endpoint's next call is due. After the clock was set back
-- that is when as much time has passed as was left when the slot was written. A statement
-- that waited for the slot's row began before the one that wrote it, hence the minute.
CREATE FUNCTION call_slot_due(next_at timestamptz, written_at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE
RETURN CASE
    WHEN written_at > statement_timestamp() + interval '1 minute'
    THEN statement_timestamp() + (next_at - written_at)
    ELSE next_at
END;

-- The worker processes, so that nothing is sealed under a key that one of them lacks. A
-- worker that stops deletes its row. One that was killed is no longer seen.
CREATE TABLE sync_workers (
    id         uuid PRIMARY KEY,
    -- As Temporal lists it: PROCESS@HOST.
    name       text NOT NULL,
    -- The keys that it can open secrets with.
    key_ids    bigint[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);
