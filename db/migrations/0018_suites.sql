-- Suites: apps of a service provider that companies install (WeCom's third-party suites and 代开发
-- templates). What the vendor hands over lies here, sealed, by the provider that it is for:
-- nothing of one provider opens for another, even where both belong to one suite.

-- The newest ticket.
CREATE TABLE suite_tickets (
    provider_id uuid PRIMARY KEY REFERENCES identity_providers (id) ON DELETE CASCADE,
    sealed      bytea NOT NULL,
    key_id      bigint NOT NULL,
    -- When the vendor made it.
    issued_at   timestamptz NOT NULL
);

-- Links by which a company's administrator installs the suite for a provider.
CREATE TABLE suite_installs (
    -- The hash of what comes back with the authorisation.
    state_hash  bytea PRIMARY KEY,
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL
);

-- Codes to be exchanged for permanent ones: within ten minutes, and each once.
CREATE TABLE suite_codes (
    code_hash   bytea PRIMARY KEY,
    -- The provider by whose settings the code was verified and is exchanged.
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    state_hash  bytea,
    -- Null once the code is used.
    sealed      bytea,
    issued_at   timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at     timestamptz,
    -- Why no company came of it.
    problem     text
);
CREATE INDEX suite_codes_waiting ON suite_codes (due_at) WHERE done_at IS NULL;

-- Companies that have installed a suite.
CREATE TABLE suite_authorizations (
    provider_id   uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    company_id    text COLLATE "C" NOT NULL,
    suite_id      text COLLATE "C" NOT NULL,
    -- Whether the company is this provider's. Else it installed the suite without a link of
    -- ours, and waits for a person to say whose it is.
    claimed       boolean NOT NULL,
    -- The permanent code, null once the company took its authorisation back.
    sealed        bytea,
    key_id        bigint,
    authorized_at timestamptz NOT NULL,
    withdrawn_at  timestamptz,
    PRIMARY KEY (provider_id, company_id),
    CHECK ((sealed IS NULL) = (withdrawn_at IS NOT NULL) AND (sealed IS NULL) = (key_id IS NULL))
);
CREATE UNIQUE INDEX suite_authorizations_provider ON suite_authorizations (provider_id) WHERE claimed;
CREATE UNIQUE INDEX suite_authorizations_company ON suite_authorizations (suite_id, company_id) WHERE claimed;
