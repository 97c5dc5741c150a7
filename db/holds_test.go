package db_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestHolding(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"what is held is shown":                        whatIsHeldIsShown,
		"only so much is shown":                        onlySoMuchIsShown,
		"the wait ends when the first hold said":       theWaitEndsWhenTheFirstHoldSaid,
		"an approved run removes what it showed":       anApprovedRunRemovesWhatItShowed,
		"what was changed by hand meanwhile is spared": whatWasChangedByHandMeanwhileIsSpared,
	})
}

const (
	before = "a in=1; b in=10; c in=10,20; d in=20; e in=30; f in=10"
	after  = "a in=1; c in=10; d in=20; f in=10"
)

// held holds a run of a company of which department 30, b and e are gone, and c is
// no longer in 20.
func (c *company) held() *run {
	c.t.Helper()
	c.sync(snapshot{departments: "1; 10<1; 20<1; 30<1", members: before})
	r := c.begin("apply")
	r.read(snapshot{departments: "1; 10<1; 20<1", members: after})
	r.apply(false)
	r.planRemovals()
	r.settle()
	r.hold()
	return r
}

func (r *run) hold() {
	r.t.Helper()
	require.NoError(r.t, r.c.store.RunHold(r.t.Context(), r.id, "too many", "the hold", directory.Counts{}))
}

// approve carries the plan out as it stands.
func (r *run) approve() (removed int) {
	r.t.Helper()
	for {
		n, err := r.c.store.RemoveNext(r.t.Context(), r.id)
		require.NoError(r.t, err)
		if n == 0 {
			r.settle()
			return removed
		}
		removed += n
	}
}

func whatIsHeldIsShown(t *testing.T, c *company) {
	require.NoError(t, c.store.ProviderChange(t.Context(), c.provider.ID, db.ProviderChange{Guard: db.GuardChange{Count: new(20), DepartmentCount: new(0), DepartmentPercent: new(30.0)}}, nil))
	r := c.held()
	got, err := c.store.HeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, directory.Removals{
		Members:     directory.Removal{Planned: 2, There: 6, Limit: new(20), IDs: []string{"b", "e"}},
		Departments: directory.Removal{Planned: 1, There: 4, Limit: new(1), IDs: []string{"30"}},
		Memberships: directory.Removal{Planned: 3, There: 7, IDs: []string{"c in 20", "b in 10", "e in 30"}},
	}, got, "those of people who stay come first")
}

func onlySoMuchIsShown(t *testing.T, c *company) {
	var all strings.Builder
	for n := range 60 {
		fmt.Fprintf(&all, "p%02d%s in=1;", n, strings.Repeat("x", 100+n))
	}
	c.sync(snapshot{departments: "1", members: all.String()})
	r := c.begin("apply")
	r.read(snapshot{departments: "1"})
	r.apply(false)
	r.planRemovals()
	got, err := c.store.HeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Len(t, got.Members.IDs, 50)
	require.Equal(t, 10, got.Members.More())
	require.Equal(t, 60, got.Members.Planned)
	c.exec(t, "UPDATE org_members SET external_id = external_id || repeat('y', 1000) WHERE provider_id = $1", c.provider.ID)
	got, err = c.store.HeldRemovals(t.Context(), r.id)
	require.NoError(t, err)
	require.Less(t, len(strings.Join(got.Members.IDs, "")), 8<<10)
	require.NotEmpty(t, got.Members.IDs)
}

func theWaitEndsWhenTheFirstHoldSaid(t *testing.T, c *company) {
	change := func(d time.Duration) {
		require.NoError(t, c.store.ProviderChange(t.Context(), c.provider.ID, db.ProviderChange{Guard: db.GuardChange{HoldFor: &d}}, nil))
	}
	change(90 * time.Minute)
	r := c.held()
	first, err := c.store.Run(t.Context(), r.id)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(90*time.Minute), *first.HoldExpiresAt, time.Minute)
	change(time.Hour)
	r.hold()
	again, err := c.store.Run(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, first.HoldExpiresAt, again.HoldExpiresAt)
}

func anApprovedRunRemovesWhatItShowed(t *testing.T, c *company) {
	r := c.held()
	require.Equal(t, 6, r.approve())
	require.Equal(t, []string{"department 30", "member b", "member e", "membership b", "membership c", "membership e"}, r.removals())
	require.Equal(t, []string{"a - - active", "b - - deleted", "c - - active", "d - - active", "e - - deleted", "f - - active"}, c.people())
	require.Equal(t, []string{"a 1*", "c 10*", "d 20*", "f 10*"}, c.places())
	require.Equal(t, []string{"1 4 1", "10 2 2", "20 1 1"}, c.heads())
}

// Between the hold and its approval somebody changes the directory by hand. What was
// shown goes; what was not, stays, also where it hangs on what goes, until the next
// sync makes the directory equal to the provider again.
func whatWasChangedByHandMeanwhileIsSpared(t *testing.T, c *company) {
	r := c.held()
	c.exec(t, "DELETE FROM org_member_departments md USING org_members m, org_departments d WHERE m.id = md.member_id AND d.id = md.department_id AND m.provider_id = $1 AND m.external_id = 'c' AND d.external_id = '20'", c.provider.ID)
	c.exec(t, "UPDATE org_members SET status = 'inactive', title = 'Changed' WHERE provider_id = $1 AND external_id = 'e'", c.provider.ID)
	c.exec(t, "INSERT INTO org_members (provider_id, external_id) VALUES ($1, 'g')", c.provider.ID)
	c.exec(t, `INSERT INTO org_member_departments (member_id, department_id)
		SELECT m.id, d.id FROM org_members m JOIN org_departments d USING (provider_id)
		WHERE provider_id = $1 AND (m.external_id, d.external_id) IN (('b', '20'), ('g', '30'), ('g', '10'))`, c.provider.ID)
	c.exec(t, "UPDATE org_departments SET name = 'Changed' WHERE provider_id = $1 AND external_id = '30'", c.provider.ID)

	r.approve()
	require.Equal(t, []string{"department 30", "member b", "member e", "membership b", "membership e"}, r.removals(), "c's place in 20 was gone already")
	require.Equal(t, []string{"a - - active", "b - - deleted", "c - - active", "d - - active", "e - - deleted", "f - - active", "g - - active"}, c.people())
	require.Equal(t, []string{"a 1*", "b 20", "c 10*", "d 20*", "f 10*", "g 10*", "g 30"}, c.places())
	require.Equal(t, "Changed", c.member("title", "e"))

	c.sync(snapshot{departments: "1; 10<1; 20<1", members: after})
	require.Equal(t, []string{"a 1*", "c 10*", "d 20*", "f 10*"}, c.places())
	require.Equal(t, "deleted", c.member("status", "g"))
}
