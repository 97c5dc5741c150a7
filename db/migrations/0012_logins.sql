-- People who sign in to applications by way of a provider.

-- Members of whom a login brought something that the directory lacks, until a run has read them.
CREATE TABLE login_members (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    external_id text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    -- Sealed: profile facts that only the login brings. Null: none.
    facts       bytea,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX login_members_provider ON login_members (provider_id, created_at);

-- When members signed in.
CREATE TABLE member_logins (
    member_id      uuid PRIMARY KEY REFERENCES org_members (id) ON DELETE CASCADE,
    first_login_at timestamptz NOT NULL DEFAULT now(),
    last_login_at  timestamptz NOT NULL DEFAULT now()
);

-- Applications that people sign in to in a browser, and where each may have them sent back to.
CREATE TABLE login_apps (
    name       text PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text CHECK (octet_length(created_by) BETWEEN 1 AND 200)
);
CREATE TABLE login_app_addresses (
    app       text NOT NULL REFERENCES login_apps (name) ON DELETE CASCADE,
    -- The address as the application sends it, compared byte by byte.
    return_to text COLLATE "C" NOT NULL CHECK (octet_length(return_to) BETWEEN 1 AND 2000),
    PRIMARY KEY (app, return_to)
);

-- Sign-ins under way in browsers. They are short-lived and go when the browser is back.
CREATE TABLE login_states (
    -- SHA-256 of the state that the provider's page returns.
    hash        bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    -- SHA-256 of what the browser has as a cookie.
    browser     bytea NOT NULL CHECK (octet_length(browser) = 32),
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    flow        text NOT NULL CHECK (flow IN ('web', 'in_app')),
    -- Null: the sign-in is to the console.
    app         text REFERENCES login_apps (name) ON DELETE CASCADE,
    return_to   text NOT NULL,
    -- What the application wants back beside the code.
    app_state   text NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX login_states_provider ON login_states (provider_id);
CREATE INDEX login_states_app ON login_states (app) WHERE app IS NOT NULL;

-- Codes that applications exchange for who signed in, once.
CREATE TABLE login_codes (
    -- SHA-256 of the code.
    hash        bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    member_id   uuid NOT NULL REFERENCES org_members (id) ON DELETE CASCADE,
    first_login boolean NOT NULL,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX login_codes_member ON login_codes (member_id);
