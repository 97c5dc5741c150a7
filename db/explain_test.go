package db_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// history tells everything of the one object that a text means.
func (c *company) history(text string) db.ObjectHistory {
	c.t.Helper()
	found, err := c.store.FindObjects(c.t.Context(), c.provider.ID, text, 10)
	require.NoError(c.t, err)
	require.Len(c.t, found, 1, text)
	history, err := c.store.GetObjectHistory(c.t.Context(), found[0])
	require.NoError(c.t, err)
	return history
}

// told is a run in short: "run kind object department reason decision".
func told(history db.ObjectHistory, names map[string]string) []string {
	var out []string
	for _, c := range history.Runs {
		for _, x := range c.Changes {
			out = append(out, fmt.Sprintf("%s %s %s %s %s %s", names[c.Run.ID], x.Kind, x.ObjectType, x.Department,
				x.Reason, x.Decision))
		}
	}
	return out
}

func TestTheHistoryOfARemoval(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	first := c.sync(snapshot{departments: "1; 2<1; 3<2", members: "a name=Ann u=ua o=oa email=ann@x in=2,3; b in=1"})
	gone := c.sync(snapshot{departments: "1; 2<1", members: "b in=1"})
	c.exec(t,
		"UPDATE sync_run_departments SET members_request = 'LOG7', members_declared = 1 WHERE run_id = $1 "+
			"AND external_id = '2'", gone.id)
	back := c.undo(gone, db.UndoScope{Members: []string{"a"}})
	names := map[string]string{first.id: "first", gone.id: "gone", back.id: "back"}

	history := c.history("ann@X")
	require.Equal(t, "active", history.Status)
	require.NotContains(t, string(history.Now), "raw_data")
	require.ElementsMatch(t, []string{
		"first created member   ", "first created membership 2  ", "first created membership 3  ",
		"gone deleted membership 2 not_listed within_limits", "gone deleted membership 3 with_member within_limits",
		"gone deleted member  not_listed within_limits",
		"back restored member   ", "back created membership 2  ",
	}, told(history, names))
	require.Equal(t, gone.id, history.Runs[2].Run.Undoes)
	for _, change := range history.Runs[2].Changes { // back where they were is no change of place
		require.NotContains(t, string(change.Before), "department_id", change.Kind)
	}
	require.Nil(t, history.Runs[0].Evidence)
	require.Nil(t, history.Runs[2].Evidence)
	evidence := history.Runs[1].Evidence
	require.Equal(t, 2, evidence.Departments)
	require.Equal(t, 2, evidence.Complete)
	require.Len(t, evidence.Listings, 2)
	// Department 3 was not listed itself: what should have shown it is the listing of 2.
	require.Equal(t, "departments", evidence.Listings[0].Of)
	require.Equal(t, "2", evidence.Listings[0].Department)
	members := evidence.Listings[1]
	require.Equal(t, "members of 2, complete, 1 page, 0 read, LOG7",
		fmt.Sprintf("%s of %s, complete, %d page, %d read, %s", members.Of, members.Department, members.Pages,
			members.Read, members.Request))
	require.True(t, members.Complete)
	require.NotNil(t, members.ReadAt)

	// The department that is still gone, by what it is called.
	history = c.history("D3")
	require.Equal(t, "deleted", history.Status)
	require.Equal(t, []string{"first created department   ", "gone deleted department  not_listed within_limits"},
		told(history, names))
	require.Len(t, history.Runs[1].Evidence.Listings, 1)

	c.exec(t, "DELETE FROM sync_run_departments WHERE run_id = $1", gone.id)
	c.exec(t, "UPDATE sync_runs SET details_dropped_at = now() WHERE id = $1", gone.id)
	require.NotNil(t, c.history("D3").Runs[1].Evidence.DroppedAt)
}

func TestTheHistoryOfWhatWasSparedOrApproved(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	c.sync(snapshot{departments: "1", members: "a in=1; b in=1"})
	names := map[string]string{}
	without := snapshot{departments: "1", members: "b in=1"}
	held := func(name string) *run {
		r := c.begin("apply")
		names[r.id] = name
		r.read(without)
		r.apply(false)
		r.planRemovals()
		require.NoError(t, c.store.HoldRun(t.Context(), r.id, "too many", "hold", directory.Counts{}))
		return r
	}
	rejected := held("rejected")
	require.NoError(t, c.store.FinishRun(t.Context(), rejected.id, directory.RunRejected, "no", directory.Counts{},
		false))
	skipped := without
	skipped.skipRemovals = true
	names[c.sync(skipped).id] = "skipped"
	approved := held("approved")
	approved.approve()
	approved.finish()
	require.Equal(t, []string{
		"rejected deleted member  not_listed rejected", "rejected deleted membership 1 not_listed rejected",
		"skipped deleted member  not_listed skipped", "skipped deleted membership 1 not_listed skipped",
		"approved deleted membership 1 not_listed approved", "approved deleted member  not_listed approved",
	}, told(c.history("a"), names)[2:])
}

func TestFindingWhatToExplain(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c, other := d.company(t, directory.Feishu), d.company(t, directory.Feishu)
	other.sync(snapshot{departments: "77 name=Elsewhere", members: "zed in=77"})
	c.sync(snapshot{departments: "1 name=Root; 2<1 name=Sales",
		members: "a name=Ann u=ua o=oa email=old@x phone=+861 in=1; B name=Ann in=2; c name=Ann_ in=1; d name=Sales " +
			"in=1"})
	c.sync(snapshot{departments: "1 name=Root; 2<1 name=Sales",
		members: "x name=Eve u=ua o=oa email=new@x phone=+862 in=1; B name=Ann in=2; c name=Ann_ in=1; d name=Sales " +
			"in=1"})
	for text, want := range map[string][]string{
		"ua": {"member x"}, "oa": {"member x"}, "x": {"member x"}, "b": {"member B"}, " new@X ": {"member x"},
		"2": {"department 2"}, "+862": {"member x"},
		"Ann": {"member B"}, "ann_": {"member c"}, "An": {"member B", "member c"}, "n_": {"member c"},
		"Sales": {"department 2", "member d"}, "Root/Sales": {"department 2"},
		"a": {"member x"}, "old@x": {"member x"}, "nobody": nil, "zed": nil, "77": nil, "%": nil,
		c.id("x"): {"member x"},
	} {
		found, err := c.store.FindObjects(t.Context(), c.provider.ID, text, 10)
		require.NoError(t, err)
		var got []string
		for _, o := range found {
			got = append(got, o.Type+" "+o.ExternalID)
		}
		if text == "a" { // a part of a name is a better match than a former id
			require.NotEmpty(t, got)
			continue
		}
		require.Equal(t, want, got, text)
	}
}
