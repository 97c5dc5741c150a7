package e2e

import (
	"slices"
	"sort"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/simulator"
)

// storedMember is a member's row with memberships, by external ids.
type storedMember struct {
	Name, Email, Phone, Title string
	UnionID                   string
	Status                    string
	Activated                 bool
	Departments               []string
	Primary                   string
}

type storedDepartment struct {
	Parent, Name, Path string
	People, Direct     int
}

// requireEqual fails unless the directory is what the company is: nobody missing,
// nobody too many, every field, every place, every figure.
func (w *world) requireEqual(s *source) {
	w.t.Helper()
	truth := s.company.Truth(s.kind)
	wantMembers := map[string]storedMember{}
	for id, m := range truth.Members {
		want := storedMember{
			Name: normalize.Name(m.Name), Email: normalize.Email(m.Email), Phone: normalize.Phone(m.Phone), Title: m.Title, UnionID: m.UnionID,
			Status: "active", Activated: m.Activated, Departments: m.Departments, Primary: m.Main,
		}
		if !m.Active {
			want.Status = "inactive"
		}
		if s.kind == directory.WeCom {
			want.UnionID = ""
		}
		wantMembers[id] = want
	}
	gotMembers := w.members(s.name)
	if s.kind == directory.WeCom {
		// Its one status says of whom is disabled nothing else (wecom.md §3.3).
		for id, m := range wantMembers {
			if m.Status == "inactive" {
				m.Activated = gotMembers[id].Activated
				wantMembers[id] = m
			}
		}
	}
	if s.kind == directory.DingTalk {
		// Its lists name no main department: the deepest, then the smallest id.
		for id, m := range wantMembers {
			m.Primary = gotMembers[id].Primary
			wantMembers[id] = m
		}
	}
	require.Equal(w.t, wantMembers, gotMembers)

	wantDepartments := map[string]storedDepartment{}
	got := w.departments(s.name)
	for id, d := range truth.Departments {
		people, direct := activePeople(truth.Departments, wantMembers, id)
		want := storedDepartment{Parent: d.ParentID, Name: normalize.Name(d.Name), People: people, Direct: direct}
		want.Path = want.Name
		for up := d.ParentID; up != ""; up = truth.Departments[up].ParentID {
			want.Path = normalize.Name(truth.Departments[up].Name) + "/" + want.Path
		}
		wantDepartments[id] = want
	}
	require.Equal(w.t, wantDepartments, got)
}

// activePeople counts, the slow and obvious way, who is active in a department and
// below it, and directly in it.
func activePeople(departments map[string]simulator.TrueDepartment, members map[string]storedMember, id string) (people, direct int) {
	for _, m := range members {
		if m.Status != "active" {
			continue
		}
		if slices.Contains(m.Departments, id) {
			direct++
		}
		if slices.ContainsFunc(m.Departments, func(d string) bool {
			for ; d != ""; d = departments[d].ParentID {
				if d == id {
					return true
				}
			}
			return false
		}) {
			people++
		}
	}
	return people, direct
}

// members returns everybody who is not deleted.
func (w *world) members(provider string) map[string]storedMember {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `
		SELECT m.external_id, m.name, coalesce(m.email, ''), coalesce(m.phone, ''), coalesce(m.title, ''), coalesce(m.unionid, ''), m.status, m.activated,
		       coalesce(array_agg(d.external_id) FILTER (WHERE d.id IS NOT NULL), '{}'), coalesce(max(d.external_id) FILTER (WHERE md.is_primary), '')
		FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
		LEFT JOIN org_member_departments md ON md.member_id = m.id LEFT JOIN org_departments d ON d.id = md.department_id
		WHERE p.name = $1 AND m.status <> 'deleted' GROUP BY m.id`, provider)
	require.NoError(w.t, err)
	defer rows.Close()
	got := map[string]storedMember{}
	for rows.Next() {
		var id string
		var m storedMember
		require.NoError(w.t, rows.Scan(&id, &m.Name, &m.Email, &m.Phone, &m.Title, &m.UnionID, &m.Status, &m.Activated, &m.Departments, &m.Primary))
		require.NotContains(w.t, got, id, "two rows of one person")
		sort.Strings(m.Departments)
		got[id] = m
	}
	require.NoError(w.t, rows.Err())
	return got
}

func (w *world) departments(provider string) map[string]storedDepartment {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `
		SELECT d.external_id, coalesce(u.external_id, ''), d.name, d.path, d.member_count, d.direct_member_count
		FROM org_departments d JOIN identity_providers p ON p.id = d.provider_id LEFT JOIN org_departments u ON u.id = d.parent_id
		WHERE p.name = $1 AND d.status = 'active'`, provider)
	require.NoError(w.t, err)
	defer rows.Close()
	got := map[string]storedDepartment{}
	for rows.Next() {
		var id string
		var d storedDepartment
		require.NoError(w.t, rows.Scan(&id, &d.Parent, &d.Name, &d.Path, &d.People, &d.Direct))
		got[id] = d
	}
	require.NoError(w.t, rows.Err())
	return got
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
			UNION ALL SELECT (xmin, ctid, md.member_id, md.department_id)::text FROM org_member_departments md) t`).Scan(&n))
	return n
}
