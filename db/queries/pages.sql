-- name: ListRunPage :many
-- Lists by pages, for the server. Each goes by a unique key: a page neither
-- repeats nor skips what was there all the time, whatever is added meanwhile.
SELECT r.id, r.provider_id, p.name AS provider_name, p.tenant_id, r.workflow_id, r.temporal_run_id, r.mode,
    r.on_removals,
    r.departments, r.members, r.retries, r.undoes, r.status, r.phase, r.counts, r.calls, r.hold_reason,
    r.hold_expires_at, r.error, r.started_by, r.decided_by, r.started_at, r.finished_at, r.details_dropped_at
FROM sync_runs r
JOIN identity_providers p ON p.id = r.provider_id
WHERE (sqlc.narg(run_id)::uuid IS NULL OR r.id = sqlc.narg(run_id))
  AND (sqlc.narg(tenant_id)::uuid IS NULL OR p.tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR r.provider_id = sqlc.narg(provider_id))
  AND (sqlc.narg(status)::text IS NULL OR r.status = sqlc.narg(status))
  AND (r.started_at, r.id) < (@before_started::timestamptz, @before_id::uuid)
ORDER BY r.started_at DESC, r.id DESC
LIMIT @max_rows;

-- name: ListRunErrorPage :many
SELECT id, object_type, external_id, message
FROM sync_run_errors
WHERE run_id = @run_id AND id > @after_id
ORDER BY id
LIMIT @max_rows;

-- name: ListRunDepartmentPage :many
SELECT l.external_id, l.children_complete, l.members_complete, l.state, l.members_unchanged, l.children_pages,
    l.pages,
    l.members_read, l.members_declared, coalesce(l.error, l.members_error, l.children_error, '')::text AS error,
    d.id AS department_id, coalesce(d.name, '')::text AS name, coalesce(d.path, '')::text AS path
FROM sync_run_departments l
JOIN sync_runs r ON r.id = l.run_id
LEFT JOIN org_departments d ON d.provider_id = r.provider_id AND d.external_id = l.external_id
WHERE l.run_id = @run_id
  AND l.external_id > @after_id::text
ORDER BY l.external_id
LIMIT @max_rows;

-- name: ListRemovalPage :many
-- What a run planned to remove, and whether it has.
SELECT r.object_type, r.object_id, r.department_id, r.reason, r.applied,
    coalesce(o.external_id, '')::text AS external_id,
    coalesce(o.name, '')::text AS name,
    coalesce(p.path, o.path, '')::text AS path,
    coalesce(p.name, '')::text AS department_name,
    m.user_id
FROM sync_run_removals r
LEFT JOIN org_objects o ON o.id = r.object_id
LEFT JOIN org_objects p ON p.id = r.department_id AND r.department_id <> r.object_id
LEFT JOIN org_members m ON r.object_type = 'member' AND m.id = r.object_id
WHERE r.run_id = @run_id
  AND r.confirmed
  AND (r.object_type, r.object_id, r.department_id) > (@after_type::text, @after_object::uuid,
    @after_department::uuid)
ORDER BY r.object_type, r.object_id, r.department_id
LIMIT @max_rows;

-- name: HashRemovals :one
-- A hash of the whole list that a decision is about.
SELECT count(*) AS removals,
    md5(coalesce(string_agg(concat_ws(' ', r.object_type, r.object_id, r.department_id, r.reason), E'\n'
        ORDER BY r.object_type, r.object_id, r.department_id), ''))::text AS hash
FROM sync_run_removals r
WHERE r.run_id = @run_id AND r.confirmed;

-- name: ListChangePage :many
-- A run's change log, with the names of what it is about, also of what is gone.
SELECT c.id, c.object_type, c.object_id, c.department_id, c.external_id, c.kind, c.changed_at,
    (c.before - '{primary_rank,depth}'::text[] - @hidden::text[])::jsonb AS before,
    (c.after - '{primary_rank,depth}'::text[] - @hidden::text[])::jsonb AS after,
    coalesce(o.name, '')::text AS name,
    coalesce(p.name, '')::text AS department_name,
    coalesce(p.path, '')::text AS department_path
FROM org_changes c
LEFT JOIN org_objects o ON o.id = c.object_id
LEFT JOIN org_objects p ON p.id = c.department_id AND c.department_id <> c.object_id
WHERE c.run_id = @run_id
  AND c.id > @after_id
  AND (cardinality(@kinds::text[]) = 0 OR c.kind = ANY (@kinds))
  AND (cardinality(@types::text[]) = 0 OR c.object_type = ANY (@types))
ORDER BY c.id
LIMIT @max_rows;

-- name: ListChildDepartmentPage :many
-- The active departments below one, or (null) a provider's tops, in the provider's order. Whether something is
-- below each is asked in an order that one index has: where a department has 100,000 below it, Postgres
-- otherwise expects as many below each, and reads the whole table for it.
SELECT d.id, d.provider_id, d.tenant_id, d.external_id, d.parent_id, d.name, d.path, d.member_count,
    d.direct_member_count,
    d.status, d.sort_order, d.synced_at,
    ((SELECT c.id
        FROM org_departments c
        WHERE coalesce(c.parent_id, '00000000-0000-0000-0000-000000000000') = d.id
          AND c.provider_id = d.provider_id
          AND c.status = 'active'
        ORDER BY coalesce(c.sort_order, 9223372036854775807), c.name, c.id
        LIMIT 1) IS NOT NULL)::boolean AS has_children
FROM org_departments d
WHERE d.provider_id = @provider_id
  AND coalesce(d.parent_id, '00000000-0000-0000-0000-000000000000')
    = coalesce(sqlc.narg(parent_id)::uuid, '00000000-0000-0000-0000-000000000000')
  AND d.status = 'active'
  AND (coalesce(d.sort_order, 9223372036854775807), d.name, d.id) > (@after_order::bigint, @after_name::text,
    @after_id::uuid)
ORDER BY coalesce(d.sort_order, 9223372036854775807), d.name, d.id
LIMIT @max_rows;

-- name: GetDepartment :one
SELECT d.id, d.provider_id, d.tenant_id, d.external_id, d.parent_id, d.name, d.path, d.member_count,
    d.direct_member_count,
    d.status, d.sort_order, d.synced_at,
    ((SELECT c.id
        FROM org_departments c
        WHERE coalesce(c.parent_id, '00000000-0000-0000-0000-000000000000') = d.id
          AND c.provider_id = d.provider_id
          AND c.status = 'active'
        ORDER BY coalesce(c.sort_order, 9223372036854775807), c.name, c.id
        LIMIT 1) IS NOT NULL)::boolean AS has_children,
    d.raw_data
FROM org_departments d
WHERE d.id = @id AND d.provider_id IS NOT NULL;

-- name: ListDepartmentMemberPage :many
SELECT m.id, m.name, md.is_primary, md.is_leader
FROM org_member_departments md
JOIN org_members m ON m.id = md.member_id
WHERE md.department_id = @department_id
  AND m.status <> 'deleted'
  AND (m.name, m.id) > (@after_name::text, @after_id::uuid)
ORDER BY m.name, m.id
LIMIT @max_rows;

-- name: ListProvidersWithin :many
SELECT id FROM identity_providers
WHERE (sqlc.narg(tenant_id)::uuid IS NULL OR tenant_id = sqlc.narg(tenant_id))
  AND (sqlc.narg(provider_id)::uuid IS NULL OR id = sqlc.narg(provider_id));

-- name: GetMembers :many
SELECT m.id, m.provider_id, p.name AS provider_name, m.tenant_id, p.tenant_id AS provider_tenant_id,
    m.external_id, m.unionid,
    m.open_id, m.name, m.name_translit_full, m.name_translit_initial, m.email, m.phone, m.avatar_url, m.title,
    m.employee_no,
    m.manager_id, m.attributes, m.department_id, m.department_path, m.status, m.activated, m.user_id,
    m.synced_at
FROM org_members m
JOIN identity_providers p ON p.id = m.provider_id
WHERE m.id = ANY (@ids::uuid[]);

-- name: ListMemberChangePage :many
-- What runs changed of a member and their places, the latest first.
SELECT c.run_id, r.generation, c.id, c.object_type, c.kind, c.department_id, coalesce(d.name,
    '')::text AS department_name, c.changed_at,
    (c.before - '{primary_rank,depth}'::text[] - @hidden::text[])::jsonb AS before,
    (c.after - '{primary_rank,depth}'::text[] - @hidden::text[])::jsonb AS after,
    coalesce(x.reason, '')::text AS reason,
    coalesce(r.started_by, '')::text AS started_by,
    coalesce(r.decided_by, '')::text AS decided_by
FROM org_changes c
JOIN sync_runs r ON r.id = c.run_id AND r.mode = 'apply'
LEFT JOIN org_objects d ON d.id = c.department_id AND c.department_id <> c.object_id
LEFT JOIN sync_run_removals x ON c.kind = 'deleted' AND x.applied AND x.run_id = c.run_id
    AND x.object_type = c.object_type
    AND x.object_id = c.object_id AND x.department_id = c.department_id
WHERE c.object_id = @member_id
  AND (r.generation, c.id) < (@before_generation::bigint, @before_id::bigint)
ORDER BY r.generation DESC, c.id DESC
LIMIT @max_rows;
