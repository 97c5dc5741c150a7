-- name: PutSuiteTicket :execrows
-- Keeps the newest: tickets may come out of order, and again.
INSERT INTO suite_tickets (provider_id, sealed, key_id, issued_at)
VALUES (@provider_id, @sealed, @key_id, @issued_at)
ON CONFLICT (provider_id) DO UPDATE
SET sealed = excluded.sealed, key_id = excluded.key_id, issued_at = excluded.issued_at
WHERE suite_tickets.issued_at < excluded.issued_at;

-- name: GetSuiteGrant :one
-- What the vendor has handed over for a provider and its company.
SELECT
    t.sealed AS ticket,
    t.issued_at,
    a.sealed AS permanent_code,
    a.authorized_at,
    a.withdrawn_at
FROM identity_providers p
LEFT JOIN suite_tickets t ON t.provider_id = p.id
LEFT JOIN suite_authorizations a ON a.provider_id = p.id AND a.claimed AND a.company_id = @company_id
WHERE p.id = @provider_id;

-- name: DropOldSuiteRows :exec
-- Links and codes are of no use after a day.
WITH old_codes AS (
    DELETE FROM suite_codes WHERE received_at < now() - interval '1 day'
)
DELETE FROM suite_installs WHERE expires_at < now() - interval '1 day';

-- name: AddSuiteInstall :exec
INSERT INTO suite_installs (state_hash, provider_id, expires_at)
VALUES (@state_hash, @provider_id, now() + @life::interval);

-- name: FindSuiteInstall :one
SELECT provider_id FROM suite_installs WHERE state_hash = @state_hash AND expires_at > @at;

-- name: AddSuiteCode :execrows
-- A code that came before is used or about to be.
INSERT INTO suite_codes (code_hash, provider_id, state_hash, sealed, issued_at)
VALUES (@code_hash, @provider_id, sqlc.narg(state_hash), @sealed, @issued_at)
ON CONFLICT DO NOTHING;

-- name: SuiteCodeWaits :one
SELECT EXISTS (SELECT 1 FROM suite_codes WHERE done_at IS NULL AND due_at <= clock_timestamp())::boolean AS waits;

-- name: LockSuiteCode :one
-- The code that has waited longest, unless another server has it in hand.
SELECT c.code_hash, c.provider_id, p.name, c.state_hash, c.sealed, c.issued_at, c.received_at
FROM suite_codes c
JOIN identity_providers p ON p.id = c.provider_id
WHERE c.done_at IS NULL AND c.due_at <= clock_timestamp()
ORDER BY c.due_at
LIMIT 1
FOR UPDATE OF c SKIP LOCKED;

-- name: PostponeSuiteCode :exec
UPDATE suite_codes SET due_at = clock_timestamp() + @pause::interval WHERE code_hash = @code_hash;

-- name: FinishSuiteCode :exec
UPDATE suite_codes SET done_at = now(), sealed = NULL, problem = sqlc.narg(problem) WHERE code_hash = @code_hash;

-- name: FindSuiteProvider :one
-- Which of the providers of a suite a company is claimed for.
SELECT a.provider_id, p.name
FROM suite_authorizations a
JOIN identity_providers p ON p.id = a.provider_id
WHERE a.provider_id = ANY (@providers::uuid[]) AND a.company_id = @company_id AND a.claimed;

-- name: FindSuiteProviderBySetting :one
-- Which of the providers of a suite names a company in its settings and has none yet.
SELECT p.id
FROM identity_providers p
WHERE p.id = ANY (@providers::uuid[])
  AND p.config ->> @company_key::text = @company_id::text
  AND NOT EXISTS (SELECT 1 FROM suite_authorizations a WHERE a.provider_id = p.id AND a.claimed)
ORDER BY p.id
LIMIT 1;

-- name: PutSuiteAuthorization :exec
INSERT INTO suite_authorizations (provider_id, company_id, suite_id, claimed, sealed, key_id, authorized_at)
VALUES (@provider_id, @company_id, @suite_id, @claimed, @sealed, @key_id, @authorized_at)
ON CONFLICT (provider_id, company_id) DO UPDATE SET
    suite_id = excluded.suite_id,
    claimed = excluded.claimed,
    sealed = excluded.sealed,
    key_id = excluded.key_id,
    authorized_at = excluded.authorized_at,
    withdrawn_at = NULL;

-- name: DropUnclaimed :exec
-- A company that is claimed now waits nowhere else.
DELETE FROM suite_authorizations
WHERE provider_id = ANY (@providers::uuid[]) AND company_id = @company_id AND NOT claimed;

-- name: DropClaims :exec
-- A provider has one company.
DELETE FROM suite_authorizations WHERE provider_id = @provider_id AND company_id <> @company_id AND claimed;

-- name: SetProviderCompany :execrows
UPDATE identity_providers SET
    config = config || jsonb_build_object(@company_key::text, @company_id::text),
    updated_at = now(),
    updated_by = sqlc.narg(updated_by)
WHERE id = @id AND config ->> @company_key::text IS DISTINCT FROM @company_id::text;

-- name: WithdrawSuiteAuthorization :many
-- An older message says nothing of a newer authorisation.
UPDATE suite_authorizations SET sealed = NULL, key_id = NULL, withdrawn_at = now()
WHERE provider_id = ANY (@providers::uuid[])
  AND company_id = @company_id
  AND authorized_at <= @at
  AND withdrawn_at IS NULL
RETURNING provider_id, claimed;

-- name: ListUnclaimed :many
-- Companies that installed a suite of these providers and belong to none.
SELECT a.company_id, a.provider_id, a.suite_id, a.sealed, a.authorized_at
FROM suite_authorizations a
WHERE a.provider_id = ANY (@providers::uuid[]) AND NOT a.claimed AND a.withdrawn_at IS NULL
ORDER BY a.authorized_at, a.company_id;

-- name: GetSuiteProblem :one
-- Why the latest code of a provider's links, or any of its suite, came to nothing.
SELECT c.problem, c.received_at
FROM suite_codes c
LEFT JOIN suite_installs i ON i.state_hash = c.state_hash
WHERE coalesce(i.provider_id, c.provider_id) = @provider_id
ORDER BY c.received_at DESC
LIMIT 1;

-- name: ListSuiteSecrets :many
-- company_id is empty for tickets.
SELECT t.provider_id, '' AS company_id, t.sealed, t.key_id FROM suite_tickets t
UNION ALL
SELECT a.provider_id, a.company_id, a.sealed, a.key_id FROM suite_authorizations a WHERE a.sealed IS NOT NULL;

-- name: ResealSuiteTicket :exec
UPDATE suite_tickets SET sealed = @sealed, key_id = @key_id WHERE provider_id = @provider_id;

-- name: ResealPermanentCode :exec
UPDATE suite_authorizations SET sealed = @sealed, key_id = @key_id
WHERE provider_id = @provider_id AND company_id = @company_id;
