package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// rowByRowMost bounds how many members are written row by row: at some hundred a
// second all of them would take longer than everything else together.
const rowByRowMost = 5_000

// member is what the row-by-row load has of a person.
type member struct {
	ExternalID, Department, Name, Full, Initial string
	UnionID, OpenID, Email, Phone, Avatar       *string
	Title                                       *string
	Status                                      string
	Activated, Leader                           bool
	Raw                                         []byte
}

// compareRowByRow loads people one by one into empty tables that have the
// departments already, and once more, unchanged, where all rows are there.
func (b bench) compareRowByRow(ctx context.Context, s *measured, full *pgx.Conn, members int, c *comparison) error {
	fmt.Fprintf(b.progress, "bench: %d members: row by row\n", members)
	people, err := readMembers(ctx, full, min(members, rowByRowMost))
	if err != nil {
		return err
	}
	c.Sampled = len(people)
	empty, err := s.clone(ctx, "rows")
	if err != nil {
		return err
	}
	defer empty.Close(context.WithoutCancel(ctx))
	if err := copyDepartments(ctx, full, empty); err != nil {
		return err
	}
	for _, load := range []struct {
		into  *pgx.Conn
		spent *cost
	}{{empty, &c.FirstLoad}, {full, &c.Unchanged}} {
		one, err := newRowByRow(ctx, load.into)
		if err != nil {
			return err
		}
		spent, err := s.metered(ctx, load.into, func() error { return one.all(ctx, people) })
		if err != nil {
			return fmt.Errorf("row by row: %w", err)
		}
		*load.spent = spent.times(float64(members) / float64(len(people)))
	}
	return nil
}

func readMembers(ctx context.Context, conn *pgx.Conn, most int) ([]member, error) {
	got, err := conn.Query(ctx, `
		SELECT m.external_id, d.external_id, m.name, m.name_translit_full, m.name_translit_initial, m.unionid,
		m.open_id, m.email, m.phone,
			m.avatar_url, m.title, m.status, m.activated, md.is_leader, m.raw_data
		FROM org_members m JOIN org_member_departments md ON md.member_id = m.id AND md.is_primary
		JOIN org_departments d ON d.id = md.department_id
		WHERE m.status <> 'deleted' ORDER BY d.external_id, m.external_id LIMIT $1`, most)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(got, pgx.RowToStructByPos[member])
}

// copyDepartments copies the provider and its departments.
func copyDepartments(ctx context.Context, from, to *pgx.Conn) error {
	for _, t := range []struct {
		table   string
		columns []string
	}{
		{"identity_providers", []string{"id", "name", "provider_type", "hold_seconds"}},
		{"org_departments", []string{"id", "provider_id", "external_id", "name", "status"}},
	} {
		got, err := from.Query(ctx, "SELECT "+strings.Join(t.columns, ", ")+" FROM "+t.table)
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(got, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		if err != nil {
			return err
		}
		if _, err := to.CopyFrom(ctx, pgx.Identifier{t.table}, t.columns, pgx.CopyFromRows(all)); err != nil {
			return err
		}
	}
	return nil
}

// rowByRow writes as the system that this one replaces: for each person it looks up
// the department, the member, the user by e-mail, the user by phone, and writes,
// each in a statement of its own.
type rowByRow struct {
	conn     *pgx.Conn
	provider string
}

func newRowByRow(ctx context.Context, conn *pgx.Conn) (rowByRow, error) {
	r := rowByRow{conn: conn}
	err := conn.QueryRow(ctx, "SELECT id::text FROM identity_providers").Scan(&r.provider)
	return r, err
}

func (r rowByRow) all(ctx context.Context, people []member) error {
	for _, p := range people {
		if err := r.one(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (r rowByRow) one(ctx context.Context, p member) error {
	department, err := r.find(
		ctx,
		"SELECT id::text FROM org_departments WHERE provider_id = $1 AND external_id = $2",
		r.provider,
		p.Department,
	)
	if err != nil {
		return err
	}
	member, by := "SELECT id::text FROM org_members WHERE provider_id = $1 AND unionid = $2", p.UnionID
	if by == nil { // WeCom has no such id
		member, by = "SELECT id::text FROM org_members WHERE provider_id = $1 AND external_id = $2", &p.ExternalID
	}
	known, err := r.find(ctx, member, r.provider, by)
	if err != nil {
		return err
	}
	user, err := r.find(
		ctx,
		"SELECT u.id::text FROM users u JOIN identities i ON i.id = u.identity_id WHERE i.email = $1",
		p.Email,
	)
	if err != nil {
		return err
	}
	if user == nil {
		if user, err = r.find(ctx,
			"SELECT u.id::text FROM users u JOIN identities i ON i.id = u.identity_id WHERE i.phone = $1",
			p.Phone); err != nil {
			return err
		}
	}
	if known != nil {
		_, err = r.conn.Exec(
			ctx,
			`UPDATE org_members SET external_id = $2, open_id = $3, name = $4, name_translit_full = $5,
				name_translit_initial = $6,
			email = $7, phone = $8, avatar_url = $9, title = $10, department_id = $11, status = $12, activated = $13,
			user_id = $14, raw_data = $15,
			synced_at = now() WHERE id = $1`,
			known,
			p.ExternalID,
			p.OpenID,
			p.Name,
			p.Full,
			p.Initial,
			p.Email,
			p.Phone,
			p.Avatar,
			p.Title,
			department,
			p.Status,
			p.Activated,
			user,
			p.Raw,
		)
	} else {
		known = new(string)
		err = r.conn.QueryRow(ctx, `INSERT INTO org_members (provider_id, external_id, unionid, open_id, name,
			name_translit_full, name_translit_initial,
			email, phone, avatar_url, title, department_id, status, activated, user_id, raw_data)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id::text`,
			r.provider, p.ExternalID, p.UnionID, p.OpenID, p.Name, p.Full, p.Initial, p.Email, p.Phone, p.Avatar,
			p.Title, department, p.Status,
			p.Activated, user, p.Raw).Scan(known)
	}
	if err != nil {
		return err
	}
	_, err = r.conn.Exec(
		ctx,
		`INSERT INTO org_member_departments (member_id, department_id, is_primary, is_leader) VALUES ($1, $2, true, $3)
		ON CONFLICT (member_id, department_id) DO UPDATE SET is_leader = excluded.is_leader`,
		known,
		department,
		p.Leader,
	)
	return err
}

// find returns an id, nil if there is none.
func (r rowByRow) find(ctx context.Context, query string, args ...any) (*string, error) {
	var id string
	err := r.conn.QueryRow(ctx, query, args...).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &id, err
}
