package oracle

import (
	"context"
	"fmt"
	"sort"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/internal/directory"
)

// Querier is a connection to the database, or a pool of them.
type Querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// Stored reads what the directory holds of a provider.
func Stored(ctx context.Context, q Querier, provider string) (d Directory, err error) {
	if d.Members, err = members(ctx, q, provider); err != nil {
		return d, fmt.Errorf("read members: %w", err)
	}
	if d.Departments, err = departments(ctx, q, provider); err != nil {
		return d, fmt.Errorf("read departments: %w", err)
	}
	d.Groups, d.Administrators, err = StoredGroups(ctx, q, provider)
	return d, err
}

func members(ctx context.Context, q Querier, provider string) (map[string]Member, error) {
	rows, err := q.Query(ctx, `
		SELECT m.external_id, m.name, coalesce(m.email, ''), coalesce(m.phone, ''), coalesce(m.title, ''),
		coalesce(m.unionid, ''), m.status, m.activated,
		       coalesce(m.employee_no, ''), coalesce((SELECT x.external_id FROM org_members x
		       WHERE x.id = m.manager_id), ''), m.attributes,
		       coalesce(array_agg(d.external_id) FILTER (WHERE d.id IS NOT NULL), '{}'), coalesce(max(d.external_id)
		       FILTER (WHERE md.is_primary), ''),
		       coalesce(bool_or(md.primary_rank IS NOT NULL), false)
		FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
		LEFT JOIN org_member_departments md ON md.member_id = m.id LEFT
		JOIN org_departments d ON d.id = md.department_id
		WHERE p.name = $1 AND m.status <> 'deleted' GROUP BY m.id`, provider)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string]Member{}
	for rows.Next() {
		var id string
		var m Member
		var facts map[directory.Attribute]any
		if err := rows.Scan(&id, &m.Name, &m.Email, &m.Phone, &m.Title, &m.UnionID, &m.Status, &m.Activated,
			&m.EmployeeNo, &m.Manager, &facts, &m.Departments, &m.Primary, &m.Said); err != nil {
			return nil, err
		}
		if _, twice := got[id]; twice {
			return nil, fmt.Errorf("member %s has two rows", id)
		}
		sort.Strings(m.Departments)
		m.Attributes = attributes(facts)
		got[id] = m
	}
	return got, rows.Err()
}

func departments(ctx context.Context, q Querier, provider string) (map[string]Department, error) {
	rows, err := q.Query(ctx, `
		SELECT d.external_id, coalesce(u.external_id, ''), d.name, d.path, d.member_count, d.direct_member_count
		FROM org_departments d JOIN identity_providers p ON p.id = d.provider_id LEFT
		JOIN org_departments u ON u.id = d.parent_id
		WHERE p.name = $1 AND d.status = 'active'`, provider)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	got := map[string]Department{}
	for rows.Next() {
		var id string
		var d Department
		if err := rows.Scan(&id, &d.Parent, &d.Name, &d.Path, &d.People, &d.Direct); err != nil {
			return nil, err
		}
		got[id] = d
	}
	return got, rows.Err()
}
