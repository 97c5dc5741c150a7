package db_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

func TestReasons(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"a reason is said once":         aReasonIsSaidOnce,
		"partial runs are counted":      partialRunsAreCounted,
		"what counts as mostly unread":  whatCountsAsMostlyUnread,
		"only runs alike are in a row":  onlyRunsAlikeAreInARow,
		"nothing went wrong, no reason": nothingWentWrong,
	})
}

func (r *run) stored() report.Run {
	r.t.Helper()
	stored, err := r.c.store.Report.GetRun(r.t.Context(), r.id)
	require.NoError(r.t, err)
	return stored
}

func (r *run) partials() db.Partials {
	r.t.Helper()
	out, err := r.c.store.CountPartials(r.t.Context(), r.stored())
	require.NoError(r.t, err)
	return out
}

func aReasonIsSaidOnce(t *testing.T, c *company) {
	r := c.begin("apply")
	tree := "1"
	for n := range 12 {
		tree += fmt.Sprintf("; d%02d<1", n)
	}
	r.read(snapshot{departments: tree + "; e<1 members=bad"})
	for n := range 12 {
		require.NoError(t, c.store.FailMembers(t.Context(), r.id, fmt.Sprintf("d%02d", n),
			fmt.Sprintf("Feishu 40004: outside the range; widen it (users/find, request %d)", n), nil))
	}
	require.NoError(t, c.store.FailMembers(t.Context(), r.id, "1", "Feishu 1: a bug (users/find, request 9)", nil))
	for n := range 2 {
		require.NoError(t, c.store.AddRunError(t.Context(), r.id, "member", fmt.Sprint("u", n),
			"cannot tell who it is"))
		require.NoError(t, c.store.AddRunError(t.Context(), r.id, "warning", fmt.Sprint("w", n),
			fmt.Sprintf("member w%d is odd", n)))
	}
	require.NoError(t, c.store.AddRunError(t.Context(), r.id, "department", "", "5 departments were not looked up"))
	r.end(directory.RunPartial)
	run := r.stored()
	run.Error = "all of it"
	got, err := c.store.ListReasons(t.Context(), run)
	require.NoError(t, err)
	lines := []string{}
	for _, reason := range got {
		lines = append(lines, message.English.Reason(reason))
	}
	require.Equal(t, []string{
		"all of it",
		"12 departments (d00, d01, d02 and 9 more): Feishu 40004: outside the range; widen it",
		"5 departments were not looked up",
		"department 1: Feishu 1: a bug (users/find, request 9)",
		"department e: records of people in it that could not be used were left out: 1",
		"2 members (u0, u1): cannot tell who it is",
		"member w0 is odd",
		"member w1 is odd",
	}, lines)
}

func nothingWentWrong(t *testing.T, c *company) {
	r := c.sync(snapshot{departments: "1"})
	got, err := c.store.ListReasons(t.Context(), r.stored())
	require.NoError(t, err)
	require.Empty(t, got)
	require.Zero(t, r.partials())
}

// ended is a run that reads the tree as it says and ends so.
func (c *company) ended(status, tree string, n db.NewRun) *run {
	c.t.Helper()
	r := c.beginLimited("apply", n)
	r.read(snapshot{departments: tree})
	r.end(status)
	return r
}

func partialRunsAreCounted(t *testing.T, c *company) {
	const tree = "1; 10<1; 20<1 members=fail; 30<1"
	for n, status := range []string{directory.RunPartial, directory.RunPartial, directory.RunFailed,
		directory.RunPartial} {
		r := c.ended(status, tree, db.NewRun{})
		want := map[string]int{directory.RunPartial: n + 1}[status]
		if n == 3 {
			want = 3
		}
		require.Equal(t, db.Partials{InARow: want}, r.partials(), n)
	}
	first := c.ended(directory.RunSucceeded, "1", db.NewRun{})
	require.Zero(t, first.partials())
	last := c.ended(directory.RunPartial, tree, db.NewRun{})
	require.Equal(t, 1, last.partials().InARow, "since the last that succeeded")
	c.ended(directory.RunPartial, tree, db.NewRun{})
	require.Equal(t, 1, last.partials().InARow, "up to this one, whatever came later")
}

func whatCountsAsMostlyUnread(t *testing.T, c *company) {
	half := c.ended(directory.RunPartial, "1; 10<1 members=fail; 20<1 members=fail; 30<1", db.NewRun{})
	require.False(t, half.partials().MostUnread)
	less := c.ended(directory.RunPartial, "1 members=fail; 10<1 members=fail; 20<1 members=fail; 30<1", db.NewRun{})
	require.True(t, less.partials().MostUnread)
	hidden := c.ended(directory.RunPartial, "1 children=fail", db.NewRun{})
	require.True(t, hidden.partials().MostUnread, "the tree itself was not read: the others stay stored")
}

func onlyRunsAlikeAreInARow(t *testing.T, c *company) {
	const tree = "1; 10<1 members=fail; 20<1"
	full := c.ended(directory.RunPartial, tree, db.NewRun{})
	some := db.NewRun{Departments: []string{"10"}}
	require.Equal(t, db.Partials{InARow: 1}, c.ended(directory.RunPartial, tree, some).partials())
	require.Equal(t, db.Partials{InARow: 2}, c.ended(directory.RunPartial, tree, some).partials())
	require.Zero(t, c.ended(directory.RunPartial, tree, db.NewRun{Retries: full.id}).partials(),
		"whoever retries looks on")
	require.Equal(t, 2, c.ended(directory.RunPartial, tree, db.NewRun{}).partials().InARow)
}
