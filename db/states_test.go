package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// states are the run's departments by their state, "10 excluded".
func (r *run) states() []string {
	r.t.Helper()
	var out []string
	for _, entry := range r.completeness() {
		out = append(out, entry.ExternalID+" "+entry.State)
	}
	return out
}

// excluding begins a run by whose rules some departments are left out.
func (c *company) excluding(departments ...string) *run {
	c.t.Helper()
	r := c.begin("apply")
	c.exec(c.t, "UPDATE sync_runs SET excluded_departments = $2 WHERE id = $1", r.id, departments)
	return r
}

const (
	whole       = "1; 10<1; 11<10; 20<1"
	wholeStaff  = "ann in=1; bob in=10; cid in=11; dan in=20; eve in=10,20"
	scopedStaff = "ann in=1; dan in=20; eve in=20"
)

// What a rule excludes is neither unread nor gone: the run is complete without it. What was
// stored there goes as out of scope, and nothing else does.
func TestExcludedDepartmentsGoAsOutOfScope(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"not asked for":          func(t *testing.T, c *company) { requireExcluded(t, c, "1; 10<1; 20<1") },
		"in a tree of one piece": func(t *testing.T, c *company) { requireExcluded(t, c, whole) },
	})
}

func requireExcluded(t *testing.T, c *company, listed string) {
	c.sync(snapshot{departments: whole, members: wholeStaff})
	r := c.excluding("10")
	r.read(snapshot{departments: listed, members: scopedStaff})
	require.Equal(t, []string{"1 wanted", "10 excluded", "11 excluded", "20 wanted"}, r.states())
	r.apply(false)
	plan := r.planRemovals()
	require.False(t, plan.Incomplete)
	require.Zero(t, plan.ToLookUp, "what the rules leave out is not looked up")
	r.remove()
	r.recompute()
	r.finish()
	require.Equal(t, []string{
		"department 10", "department 11", "member bob", "member cid",
		"membership bob", "membership cid", "membership eve",
	}, r.removals())
	require.Equal(t, []string{
		"department out_of_scope", "department out_of_scope", "member out_of_scope", "member out_of_scope",
		"membership with_department", "membership with_member", "membership with_member",
	}, r.reasons())
	require.Empty(t, r.problems())
}

// Elsewhere members go, although the provider counts those of excluded departments, too.
func TestMembersGoBesideExcludedDepartments(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: whole, members: wholeStaff})
	r := c.excluding("10")
	r.read(snapshot{departments: "1 declared=5; 10<1; 20<1", members: "dan in=20; eve in=20"})
	r.apply(false)
	plan := r.planRemovals()
	require.False(t, plan.Incomplete)
	require.Len(t, r.candidates("member"), 1)
	require.Contains(t, r.candidates("member"), "ann")
}

// What was wanted and not read is unread, and what a targeted run leaves out is excluded.
func TestStatesOfDepartments(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"unread": func(t *testing.T, c *company) {
			r := c.begin("apply")
			r.read(snapshot{departments: "1; 10<1 members=fail; 20<1", members: "ann in=1; dan in=20"})
			r.apply(false)
			require.True(t, r.planRemovals().Incomplete)
			require.Equal(t, []string{"1 wanted", "10 unread", "20 wanted"}, r.states())
		},
		"targeted": func(t *testing.T, c *company) {
			targeted, err := c.store.IsTargeted(t.Context(), c.begin("apply").id)
			require.NoError(t, err)
			require.False(t, targeted)
			r := c.beginLimited("apply", db.NewRun{Departments: []string{"10"}})
			targeted, err = c.store.IsTargeted(t.Context(), r.id)
			require.NoError(t, err)
			require.True(t, targeted)
			r.read(snapshot{departments: whole, members: wholeStaff})
			r.apply(false)
			require.True(t, r.planRemovals().Incomplete)
			require.Equal(t, []string{"1 excluded", "10 wanted", "11 wanted", "20 excluded"}, r.states())
		},
	})
}
