-- Who may use the server, and what administrators changed by whatever edge.

-- API tokens. Only a hash of a token is stored: it has 256 random bits, so that nothing can
-- be found out from its hash. A token that is bound to a tenant or provider sees nothing else.
CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name         text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the whole token.
    hash         bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    role         text NOT NULL CHECK (role IN ('admin', 'operator', 'reader', 'app')),
    tenant_id    uuid,
    -- A token of a provider goes with it: without the provider it would see everything.
    provider_id  uuid REFERENCES identity_providers (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text CHECK (octet_length(created_by) BETWEEN 1 AND 200),
    expires_at   timestamptz,
    -- Written at most once a minute.
    last_used_at timestamptz,
    revoked_at   timestamptz
);
-- A name can be used again once its token is revoked.
CREATE UNIQUE INDEX api_tokens_name ON api_tokens (name) WHERE revoked_at IS NULL;
CREATE INDEX api_tokens_provider ON api_tokens (provider_id) WHERE provider_id IS NOT NULL;

-- Who asks for a run or decides one, from where: written before Temporal is told, which gets the
-- id alone. Rows go with the details of old runs.
CREATE TABLE run_requests (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    actor    text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 200),
    address  text,
    asked_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX run_requests_asked_at ON run_requests (asked_at);

-- What administrators changed, written in the transaction of the change. Rows outlive what
-- they are about. No secret and no token is in them.
CREATE TABLE audit_log (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    "time"      timestamptz NOT NULL DEFAULT now(),
    -- A login name with its host, or "token NAME".
    actor       text NOT NULL CHECK (octet_length(actor) BETWEEN 1 AND 200),
    -- What was done, such as provider.update.
    action      text NOT NULL,
    -- What it was done to, such as provider/acme.
    object      text NOT NULL,
    -- What a token must be bound to so that it may see the entry.
    tenant_id   uuid,
    provider_id uuid,
    before      jsonb,
    after       jsonb,
    -- The network address that it was asked for from, where there is one.
    address     text
);
CREATE INDEX audit_log_provider ON audit_log (provider_id, id) WHERE provider_id IS NOT NULL;
CREATE INDEX audit_log_tenant ON audit_log (tenant_id, id) WHERE tenant_id IS NOT NULL;
