-- Webhooks: addresses that are told of the change feed as it grows, in its order.

CREATE TABLE webhooks (
    id            uuid PRIMARY KEY,
    -- It may hold a token of the receiver's, so that only administrators see it.
    url           text NOT NULL CHECK (octet_length(url) BETWEEN 1 AND 2000),
    -- ping: where the feed stands and how much is new. events: the events themselves.
    content       text NOT NULL CHECK (content IN ('ping', 'events')),
    -- Whose changes are told; null: all. Without a foreign key: that a provider was removed is told, too.
    tenant_id     uuid,
    provider_id   uuid,
    -- The types of events that are told; empty: all.
    types         text[] NOT NULL,
    -- What deliveries are signed with, sealed.
    secret        bytea NOT NULL,
    key_id        bigint NOT NULL,
    -- The position in the feed up to which everything is delivered.
    publication   bigint NOT NULL,
    change        bigint NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    created_by    text CHECK (octet_length(created_by) BETWEEN 1 AND 200),
    -- Rises with each change that a person makes: a delivery that began before it counts no more.
    version       integer NOT NULL DEFAULT 1,
    paused_at     timestamptz,
    -- Who or what paused it: a person, failures for too long, the receiver (gone), or retention, which
    -- dropped what was to be delivered (expired).
    pause_reason  text CHECK (pause_reason IN ('person', 'failing', 'gone', 'expired')),
    -- When the first of the attempts failed that have all failed since.
    failing_since timestamptz,
    -- When DeliverChanges was told of news that it has not looked for since.
    woken_at      timestamptz,
    CHECK ((paused_at IS NULL) = (pause_reason IS NULL))
);

-- One row for each delivery: a part of the feed that is sent as one message, as often as it takes.
CREATE TABLE webhook_deliveries (
    -- The receiver gets it as webhook-id, the same with each attempt.
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id        uuid NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    -- What is delivered: what follows one position, up to another.
    after_publication bigint NOT NULL,
    after_change      bigint NOT NULL,
    publication       bigint NOT NULL,
    change            bigint NOT NULL,
    events            bigint NOT NULL,
    -- dropped: a person changed the webhook before it was delivered.
    status            text NOT NULL DEFAULT 'sending' CHECK (status IN ('sending', 'delivered', 'dropped')),
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts          integer NOT NULL DEFAULT 0,
    attempted_at      timestamptz,
    -- Until when the worker that makes an attempt may take; no other makes one meanwhile.
    attempt_until     timestamptz,
    -- What the last attempt came to; problem is null if that was well.
    http_status       integer,
    problem           text,
    finished_at       timestamptz
);
CREATE UNIQUE INDEX webhook_deliveries_sending ON webhook_deliveries (webhook_id) WHERE status = 'sending';
CREATE INDEX webhook_deliveries_latest ON webhook_deliveries (webhook_id, created_at, id);
