-- Events: what providers tell of changes as they happen. Each is a hint to read an object
-- again, reduced to ids: nothing here is personal.

-- Providers that are to tell of changes, and how they reach us.
CREATE TABLE provider_event_settings (
    provider_id     uuid PRIMARY KEY REFERENCES identity_providers (id) ON DELETE CASCADE,
    mode            text NOT NULL CHECK (mode IN ('stream', 'callback')),
    enabled_at      timestamptz NOT NULL DEFAULT now(),
    enabled_by      text,
    -- Since when a stream has been connected; null: it is not, or events come by callback.
    connected_since timestamptz,
    -- When a worker that keeps the stream last said so, and why it could not connect.
    listened_at     timestamptz,
    stream_problem  text,
    last_event_at   timestamptz
);

-- One row for each object that an event is about.
CREATE TABLE provider_events (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider_id  uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    -- The provider's id of the event, or else kind, object and time.
    event_id     text COLLATE "C" NOT NULL,
    kind         text NOT NULL,
    -- What is to be read again. A group without id is the list of groups, an administrator that of
    -- administrators. scope: the visible range has changed. other: nothing.
    object_type  text NOT NULL CHECK (
        object_type IN ('member', 'department', 'group', 'administrator', 'scope', 'other')),
    object_id    text COLLATE "C" NOT NULL,
    happened_at  timestamptz,
    received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The run that reads the object.
    run_id       uuid REFERENCES sync_runs (id) ON DELETE SET NULL,
    done_at      timestamptz,
    -- How often the object could not be read, and when it is tried next.
    tries        integer NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT now(),
    -- A run with this event failed as a whole, so it has a run of its own next time.
    alone        boolean NOT NULL DEFAULT false,
    -- Given up: the next full run reads the object.
    set_aside_at timestamptz,
    UNIQUE (provider_id, event_id, object_type, object_id)
);
CREATE INDEX provider_events_waiting ON provider_events (provider_id, id)
    WHERE done_at IS NULL AND set_aside_at IS NULL;
CREATE INDEX provider_events_run ON provider_events (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX provider_events_received ON provider_events (received_at);

-- How many messages were refused, and why.
CREATE TABLE provider_event_refusals (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    reason      text NOT NULL,
    refused     bigint NOT NULL,
    last_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider_id, reason)
);
