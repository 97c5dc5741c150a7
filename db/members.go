package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/internal/directory"
)

// memberColumns are the columns of org_members that a provider's record decides. The
// statements below need them all, which is why sqlc does not compile them.
var memberColumns = append([]string{
	"external_id", "unionid", "open_id", "tenant_id", "raw_data", "name_translit_full", "name_translit_initial",
}, directory.ProfileColumns()...)

// columns lists memberColumns, each behind a prefix.
func columns(prefix string) string {
	return prefix + strings.Join(memberColumns, ", "+prefix)
}

// insertMembers inserts the members of the listings that were matched with no stored one. Of a
// member's rows it takes the one with the full record, whatever was read last. Its primary
// department is the best of those listed so far, and its manager the one named if that member
// is stored or comes in the same batch: so a first load writes most members once. What is
// listed later is left to RecomputeDerived.
var insertMembers = fmt.Sprintf(`-- name: InsertMembers
WITH listed AS MATERIALIZED (
    SELECT p.*,
        first_value(CASE WHEN p.placeable THEN p.department_id END) OVER best AS best_department,
        first_value(CASE WHEN p.placeable THEN p.path END) OVER best AS best_path
    FROM compare_listings($1, $3, $4, true) p
    WHERE p.member_id IS NOT NULL AND p.same_member AND NOT p.member_stored
    WINDOW best AS (
        PARTITION BY p.member_key
        ORDER BY NOT p.placeable, p.primary_rank DESC NULLS LAST, p.depth DESC, p.department_external_id COLLATE "C"
    )
), new_members AS MATERIALIZED (
    SELECT DISTINCT ON (l.member_key)
        l.member_key,
        l.member_id,
        l.best_department,
        l.best_path,
        l.member,
        (l.member).open_id,
        (l.member).status,
        member_id_key((l.member).external_id, $5) AS id_key,
        member_id_key((l.member).manager_external_id, $5) AS manager_key
    FROM listed l
    ORDER BY l.member_key, l.without_record, l.partial_record, l.listed_in, l.page DESC, l.n DESC
), new_ids AS (
    -- One object, since a join of the batch with itself may be planned as a nested loop.
    SELECT coalesce(jsonb_object_agg(n.open_id, n.member_id) FILTER (WHERE n.open_id IS NOT NULL), '{}')
        || jsonb_object_agg(n.id_key, n.member_id) AS by_id
    FROM new_members n
    WHERE n.status <> 'deleted'
)
INSERT INTO org_members (id, provider_id, department_id, department_path, manager_id, %s)
SELECT n.member_id, $2, n.best_department, coalesce(n.best_path, ''),
    nullif(coalesce(((SELECT i.by_id FROM new_ids i) ->> n.manager_key)::uuid, manager.id), n.member_id),
    %s
FROM new_members n
LEFT JOIN LATERAL (
    SELECT m.id FROM org_members m
    -- IS TRUE and ::text: a plan made while the directory is empty must not go by the provider or the order alone.
    WHERE (m.provider_id = $2) IS TRUE
      AND lower(m.external_id) = lower(n.manager_key)
      AND member_id_key(m.external_id, $5) = n.manager_key
      AND m.status <> 'deleted'
    ORDER BY m.id::text
    LIMIT 1
) manager ON true
ORDER BY n.member_key`, columns(""), columns("(n.member)."))

// updateMembers writes what the listings change of stored members.
var updateMembers = fmt.Sprintf(`-- name: UpdateMembers
WITH wanted AS (
    SELECT DISTINCT ON (p.member_key) p.member_id, p.member
    FROM compare_listings($1, $2, $3, true) p
    WHERE p.same_member AND p.member_stored
    ORDER BY p.member_key, p.without_record, p.partial_record, p.listed_in, p.page DESC, p.n DESC
), changed AS (
    SELECT w.member_id, w.member
    FROM wanted w
    JOIN org_members m ON m.id = w.member_id
    WHERE m IS DISTINCT FROM w.member
    ORDER BY m.id FOR NO KEY UPDATE OF m
)
UPDATE org_members m SET (%s, synced_at) = (SELECT %s, now())
FROM changed c
WHERE m.id = c.member_id`, columns(""), columns("(c.member)."))

// restoreMembers gives members back what the run that is undone changed of them. Where a
// living member works is derived afterwards.
var restoreMembers = fmt.Sprintf(`-- name: RestoreMembers
WITH changed AS (
    SELECT m.id, u.target
    FROM undo_objects u
    JOIN org_members m ON m.id = u.object_id
    WHERE u.run_id = $1
      AND u.object_type = 'member'
      AND u.left_alone IS NULL
      AND jsonb_difference(u.target - '{department_id,department_path,manager_id}'::text[], to_jsonb(m)) <> '{}'
    ORDER BY m.id FOR NO KEY UPDATE OF m
)
UPDATE org_members m SET (%s, offline_at, offline_status, department_id, department_path, synced_at) = (
    SELECT %s,
        w.offline_at,
        w.offline_status,
        CASE w.status WHEN 'deleted' THEN w.department_id ELSE m.department_id END,
        CASE w.status WHEN 'deleted' THEN w.department_path ELSE m.department_path END,
        now()
    FROM jsonb_populate_record(m, c.target) w)
FROM changed c
WHERE m.id = c.id`, columns(""), columns("w."))

func (s *Store) insertMembers(
	ctx context.Context, tx pgx.Tx, run dbsqlc.HoldFenceRow, runID string, listings, created []string,
) error {
	_, err := tx.Exec(ctx, insertMembers, runID, run.ProviderID, listings, created, run.IdsIgnoreCase)
	return err
}

func (s *Store) updateMembers(ctx context.Context, tx pgx.Tx, runID string, listings, members []string) error {
	_, err := tx.Exec(ctx, updateMembers, runID, listings, members)
	return err
}

func (s *Store) restoreMembers(ctx context.Context, tx pgx.Tx, runID string) error {
	_, err := tx.Exec(ctx, restoreMembers, runID)
	return err
}
