-- The platform's own accounts. Where the platform has these tables already they
-- are left as they are: only the columns named here are read or written.
CREATE TABLE IF NOT EXISTS identities (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email        text,
    phone        text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS users (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    uuid,
    identity_id  uuid REFERENCES identities (id),
    display_name text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE identity_providers (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id             uuid,
    name                  text NOT NULL UNIQUE CHECK (name <> ''),
    provider_type         text NOT NULL CHECK (provider_type IN ('feishu', 'dingtalk', 'wecom')),
    is_active             boolean NOT NULL DEFAULT true,
    -- Settings without any secret; secrets lie sealed in provider_secrets.
    config                jsonb NOT NULL DEFAULT '{}',
    last_synced_at        timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    -- The removal guard: a run that would remove more than
    -- max(removal_limit_count, removal_limit_percent of what is there) is held.
    removal_limit_count   integer NOT NULL DEFAULT 20 CHECK (removal_limit_count >= 0),
    removal_limit_percent double precision NOT NULL DEFAULT 5 CHECK (removal_limit_percent BETWEEN 0 AND 100),
    -- What the credentials could see in the last run that was applied in full.
    visible_range         jsonb,
    -- The fence: only the run named here may write to the directory. A new run
    -- takes it over in the same statement that numbers it.
    generation            bigint NOT NULL DEFAULT 0,
    newest_run_id         uuid
);

CREATE TABLE provider_secrets (
    provider_id uuid NOT NULL REFERENCES identity_providers (id) ON DELETE CASCADE,
    key         text NOT NULL,
    sealed      bytea NOT NULL,
    key_id      bigint NOT NULL,
    PRIMARY KEY (provider_id, key)
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

-- Call budgets shared by all workers: the time at which an endpoint's next call
-- may start. Losing this table costs nothing, hence unlogged.
CREATE UNLOGGED TABLE provider_call_slots (
    provider_id uuid NOT NULL,
    endpoint    text NOT NULL,
    next_at     timestamptz NOT NULL,
    -- Whether the latest caller got a slot, for the statement that asked.
    granted     boolean NOT NULL DEFAULT true,
    PRIMARY KEY (provider_id, endpoint)
);

-- provider_id is null for departments and members that no provider owns; a sync
-- never touches those.
-- Ids of providers are kept to the byte and compared so: COLLATE "C", here and wherever
-- they are. No locale makes that dearer, and none that changes breaks an index of theirs.
CREATE TABLE org_departments (
    id                  uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id         uuid REFERENCES identity_providers (id) ON DELETE SET NULL,
    tenant_id           uuid,
    external_id         text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    parent_id           uuid REFERENCES org_departments (id) CHECK (parent_id <> id),
    name                text NOT NULL DEFAULT '',
    path                text NOT NULL DEFAULT '',
    member_count        integer NOT NULL DEFAULT 0 CHECK (member_count >= 0),
    direct_member_count integer NOT NULL DEFAULT 0 CHECK (direct_member_count >= 0),
    status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleted')),
    sort_order          bigint NOT NULL DEFAULT 0,
    raw_data            jsonb NOT NULL DEFAULT '{}',
    synced_at           timestamptz NOT NULL DEFAULT now(),
    -- Levels below the top, for finding a member's deepest department.
    depth               integer NOT NULL DEFAULT 0,
    UNIQUE (provider_id, external_id)
);
-- With the provider, so that it is the better one for finding children whatever statistics say.
CREATE INDEX org_departments_parent ON org_departments (parent_id, provider_id);

CREATE TABLE org_members (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider_id           uuid REFERENCES identity_providers (id) ON DELETE SET NULL,
    tenant_id             uuid,
    external_id           text COLLATE "C" NOT NULL CHECK (external_id <> ''),
    unionid               text COLLATE "C" CHECK (unionid <> ''),
    open_id               text COLLATE "C" CHECK (open_id <> ''),
    name                  text NOT NULL DEFAULT '',
    name_translit_full    text NOT NULL DEFAULT '',
    name_translit_initial text NOT NULL DEFAULT '',
    email                 text,
    phone                 text,
    avatar_url            text,
    title                 text,
    department_id         uuid REFERENCES org_departments (id),
    department_path       text NOT NULL DEFAULT '',
    status                text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'inactive', 'deleted')),
    activated             boolean NOT NULL DEFAULT true,
    user_id               uuid,
    raw_data              jsonb NOT NULL DEFAULT '{}',
    synced_at             timestamptz NOT NULL DEFAULT now()
);
-- One row a person: by unionid where there is one, else by external id. A
-- recycled external id may stand on a former holder's row as well, so external
-- ids alone are not unique.
CREATE UNIQUE INDEX org_members_unionid ON org_members (provider_id, unionid) WHERE unionid IS NOT NULL;
CREATE UNIQUE INDEX org_members_external_id ON org_members (provider_id, external_id) WHERE unionid IS NULL;
-- WeCom user ids are unique ignoring case (wecom.md §3.3), hence lower().
CREATE INDEX org_members_external_key ON org_members (provider_id, lower(external_id));
CREATE INDEX org_members_open_id ON org_members (provider_id, open_id) WHERE open_id IS NOT NULL;
CREATE INDEX org_members_department ON org_members (department_id);
CREATE INDEX org_members_user ON org_members (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE org_member_departments (
    member_id     uuid NOT NULL REFERENCES org_members (id) ON DELETE CASCADE,
    department_id uuid NOT NULL REFERENCES org_departments (id) ON DELETE CASCADE,
    is_primary    boolean NOT NULL DEFAULT false,
    is_leader     boolean NOT NULL DEFAULT false,
    sort_order    bigint NOT NULL DEFAULT 0,
    -- How strongly the provider calls this the main department; null: not said.
    primary_rank  bigint,
    PRIMARY KEY (member_id, department_id)
);
CREATE INDEX org_member_departments_department ON org_member_departments (department_id);
CREATE UNIQUE INDEX org_member_departments_one_primary ON org_member_departments (member_id) WHERE is_primary;
