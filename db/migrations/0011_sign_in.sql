-- Who is signed in to the console. Only hashes are stored of what a browser or a person holds.

-- Links that sign their holder in once. They are short-lived and go when they are used.
CREATE TABLE sign_in_links (
    -- SHA-256 of what the link carries.
    hash        bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    -- Whom the link signs in, by name on record.
    name        text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 200),
    role        text NOT NULL CHECK (role IN ('admin', 'operator', 'reader')),
    tenant_id   uuid,
    provider_id uuid REFERENCES identity_providers (id) ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX sign_in_links_provider ON sign_in_links (provider_id) WHERE provider_id IS NOT NULL;

-- Browsers that are signed in. Any server finds them here.
CREATE TABLE browser_sessions (
    -- A hash of the cookie.
    id         text PRIMARY KEY,
    -- Who is signed in, as on record; null before a person is.
    name       text,
    data       bytea NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX browser_sessions_name ON browser_sessions (name) WHERE name IS NOT NULL;
CREATE INDEX browser_sessions_expiry ON browser_sessions (expires_at);
