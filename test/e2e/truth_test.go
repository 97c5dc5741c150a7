package e2e

import (
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
)

// requireEqual fails unless the directory is what the company is: nobody missing,
// nobody too many, every field, every place, every figure.
func (w *world) requireEqual(s *source) {
	w.t.Helper()
	got := w.standing(s)
	want := oracle.Of(s.kind, s.company.Truth(s.kind), got)
	require.Equal(w.t, want.Members, got.Members)
	require.Equal(w.t, want.Departments, got.Departments)
	require.Empty(w.t, oracle.Differences(want, got))
}

// standing is what the directory holds of a source.
func (w *world) standing(s *source) oracle.Directory {
	w.t.Helper()
	return w.stored(s.name)
}

func (w *world) stored(provider string) oracle.Directory {
	w.t.Helper()
	got, err := oracle.Stored(w.t.Context(), w.pool, provider)
	require.NoError(w.t, err)
	return got
}

// members returns everybody who is not deleted.
func (w *world) members(provider string) map[string]oracle.Member {
	w.t.Helper()
	return w.stored(provider).Members
}

func (w *world) departments(provider string) map[string]oracle.Department {
	w.t.Helper()
	return w.stored(provider).Departments
}

// requireNothingLost fails if a person, a department or a place that was there
// before and that the company still has was removed, or if something is there that
// never was.
func (w *world) requireNothingLost(s *source, before oracle.Directory) {
	w.t.Helper()
	require.Empty(w.t, oracle.Lost(s.company.Truth(s.kind), before, w.standing(s)), s.name)
}

// writes is a fingerprint of every row version of the directory: any write, also one
// that changes nothing, makes another.
func (w *world) writes() (n int64) {
	w.t.Helper()
	// Statistics of the backends arrive with a delay unless asked for.
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `
		SELECT coalesce(sum(('x' || substr(md5(t.row::text), 1, 15))::bit(60)::bigint % 1000000007), 0) FROM (
			SELECT (xmin, ctid, d.id)::text AS row FROM org_departments d
			UNION ALL SELECT (xmin, ctid, m.id)::text FROM org_members m
			UNION ALL SELECT (xmin, ctid, g.id)::text FROM org_groups g
			UNION ALL SELECT (xmin, ctid, gm.group_id, gm.member_id)::text FROM org_group_members gm
			UNION ALL SELECT (xmin, ctid, gd.group_id, gd.department_id)::text FROM org_group_departments gd
			UNION ALL SELECT (xmin, ctid, a.member_id, a.source)::text FROM org_administrators a
			UNION ALL SELECT (xmin, ctid, md.member_id, md.department_id)::text
			FROM org_member_departments md) t`).Scan(&n))
	return n
}
