package db_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// log is the run's change log to the letter, departments by the provider's ids.
func (r *run) log() []string {
	r.t.Helper()
	var ids []string
	for _, line := range r.c.texts(r.t, "SELECT id || ' ' || external_id FROM org_departments WHERE provider_id = $1",
		r.c.provider.ID) {
		id, external, _ := strings.Cut(line, " ")
		ids = append(ids, id, "department "+external)
	}
	named := strings.NewReplacer(append(ids, r.c.tenant(), "the tenant")...)
	out := r.c.texts(r.t, `SELECT object_type || ' ' || external_id || ' ' || CASE object_type WHEN 'membership' THEN
		department_id::text ELSE '' END
		|| ' ' || kind || ' ' || coalesce(before::text, '-') || ' ' || coalesce(after::text, '-') FROM org_changes
		WHERE run_id = $1`, r.id)
	for i, line := range out {
		out[i] = named.Replace(line)
	}
	slices.Sort(out)
	return out
}

func (c *company) tenant() string {
	return c.text(c.t, "SELECT tenant_id::text FROM identity_providers WHERE id = $1", c.provider.ID)
}

// The log of the same change is the same in whatever order, and in however many batches,
// it is applied: whoever is in several departments is met by several of them, at first by
// a listing that knows least.
func TestTheLogDoesNotHangOnTheOrderOfBatches(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	const tree = "1; 10<1; 20<10; 30<1"
	companies := []snapshot{
		{departments: tree,
			members: "a u=ua email=a@x title=t in=1,10,20; b email=b@x status=inactive in=10^1,20^5,30; c in=30; d " +
				"in=1,30#4!; E in=1"},
		{departments: tree,
			members: "a u=ua email=a2@x title=t in=1^9,10; b email=b@x in=10^7,20^5,30; c title=new in=20,30; d " +
				"in=1,30#5; E in=10,20; f in=30,20,10,1"},
	}
	orders := map[string]func(size int) [][2]int{
		"in order": func(size int) (all [][2]int) {
			return append(all, [2]int{1, 1}, [2]int{2, 2}, [2]int{3, 3}, [2]int{4, size})
		},
		"backwards": func(size int) (all [][2]int) {
			return append(all, [2]int{4, size}, [2]int{3, 3}, [2]int{2, 2}, [2]int{1, 1})
		},
		"two by two":  func(size int) (all [][2]int) { return append(all, [2]int{3, size}, [2]int{1, 2}) },
		"all at once": func(size int) (all [][2]int) { return append(all, [2]int{1, size}) },
	}
	logs := map[string][][]string{}
	for name, order := range orders {
		c := d.company(t, directory.Feishu)
		for _, s := range companies {
			r := c.begin("apply")
			r.read(s)
			r.knowLittle(s, "1")
			require.NoError(t, c.store.ApplyDepartments(t.Context(), r.id, false))
			for _, batch := range order(r.size) {
				require.NoError(t, c.store.ApplyMembers(t.Context(), r.id, batch[0], batch[1]))
			}
			r.planRemovals()
			r.remove()
			r.recompute()
			r.finish()
			logs[name] = append(logs[name], r.log())
		}
	}
	for name := range orders {
		require.Equal(t, logs["all at once"], logs[name], name)
	}
	require.Contains(t, logs["all at once"][0],
		`member a  created - {"name": "Na", "email": "a@x", "phone": null, "title": "t", "status": "active", `+
			`"open_id": null, "unionid": "ua", "activated": true, "tenant_id": "the tenant", "attributes": {}, "avatar_url": null, "employee_no": null, `+
			`"external_id": "a", "manager_external_id": null}`)
}

// knowLittle writes a department's listing again, by which nothing but ids is known.
func (r *run) knowLittle(s snapshot, department string) {
	r.t.Helper()
	people := listing(membersOf(s.members, r.c.provider), department, false)
	for i := range people {
		m := &people[i]
		m.Name, m.Email, m.Phone, m.Title, m.Status, m.Raw = nil, nil, nil, nil, nil, nil
	}
	_, err := r.c.store.StageMembers(r.t.Context(),
		db.MemberPage{Page: db.Page{RunID: r.id, Listing: department}, People: people})
	require.NoError(r.t, err)
}
