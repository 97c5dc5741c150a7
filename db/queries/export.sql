-- name: ExportDepartments :many
-- The departments of a directory after one of them, in the order of their ids.
SELECT
    d.id,
    d.external_id,
    coalesce(p.external_id, '')::text AS parent_external_id,
    d.name,
    d.path,
    d.member_count,
    d.direct_member_count,
    d.sort_order,
    d.synced_at,
    (CASE WHEN @raw::boolean THEN d.raw_data END)::jsonb AS raw_data
FROM org_departments d
LEFT JOIN org_departments p ON p.id = d.parent_id
WHERE d.provider_id = @provider_id AND d.status <> 'deleted' AND d.id > @after
ORDER BY d.id LIMIT @max_rows;

-- name: ExportMembers :many
-- The members of a directory after one of them, in the order of their ids.
SELECT
    sqlc.embed(m),
    coalesce(x.external_id, m.manager_external_id, '')::text AS manager,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'external_id', d.external_id,
            'path', d.path,
            'is_primary', md.is_primary,
            'is_leader', md.is_leader,
            'sort_order', md.sort_order
        ) ORDER BY NOT md.is_primary, d.external_id), '[]')
        FROM org_member_departments md JOIN org_departments d ON d.id = md.department_id
        WHERE md.member_id = m.id)::jsonb AS departments
FROM org_members m
LEFT JOIN org_members x ON x.id = m.manager_id
WHERE m.provider_id = @provider_id AND m.status <> 'deleted' AND m.id > @after
ORDER BY m.id LIMIT @max_rows;

-- name: ExportGroups :many
-- The groups of a directory after one of them, in the order of their ids, with what belongs
-- to each directly.
SELECT
    g.id,
    g.external_id,
    g.kind,
    g.name,
    coalesce(g.category, '')::text AS category,
    g.member_count,
    g.attributes,
    g.synced_at,
    (SELECT coalesce(jsonb_agg(m.external_id ORDER BY m.external_id), '[]')
        FROM org_group_members gm
        JOIN org_members m ON m.id = gm.member_id AND m.status <> 'deleted'
        WHERE gm.group_id = g.id)::jsonb AS members,
    (SELECT coalesce(jsonb_agg(d.external_id ORDER BY d.external_id), '[]')
        FROM org_group_departments gd
        JOIN org_departments d ON d.id = gd.department_id AND d.status <> 'deleted'
        WHERE gd.group_id = g.id)::jsonb AS departments,
    (CASE WHEN @raw::boolean THEN g.raw_data END)::jsonb AS raw_data
FROM org_groups g
WHERE g.provider_id = @provider_id AND g.status <> 'deleted' AND g.id > @after
ORDER BY g.id LIMIT @max_rows;
