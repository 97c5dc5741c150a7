package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// TestRuns covers the fence, how runs begin, wait and end, and what they stage.
func TestRuns(t *testing.T) {
	each(t, map[string]func(*testing.T, *company){
		"an overtaken run cannot write":          anOvertakenRunCannotWrite,
		"an ended run cannot write":              anEndedRunCannotWrite,
		"being the newest is what counts":        beingTheNewestIsWhatCounts,
		"a finished run leaves nothing staged":   aFinishedRunLeavesNothingStaged,
		"beginning twice is one run":             beginningTwiceIsOneRun,
		"only one run is at work":                onlyOneRunIsAtWork,
		"a held run waits until it is overtaken": aHeldRunWaitsUntilItIsOvertaken,
		"runs that cannot begin":                 runsThatCannotBegin,
		"a page written again replaces itself":   aPageWrittenAgainReplacesItself,
		"odd strings arrive to the byte":         oddStringsArriveToTheByte,
		"errors never quote rows":                errorsNeverQuoteRows,
	})
}

func (c *company) newRun() db.NewRun {
	return db.NewRun{Provider: c.provider.Name, WorkflowID: "orgsync/" + c.provider.Name,
		TemporalRunID: uuid.NewString(), Mode: "apply", OnRemovals: "hold"}
}

func atWork(context.Context, db.OpenRun) (string, error) { return "", nil }

func (r *run) status() string {
	r.t.Helper()
	stored, err := r.c.store.Report.GetRun(r.t.Context(), r.id)
	require.NoError(r.t, err)
	return stored.Status
}

// A run that was overtaken can do nothing more, at whatever point it was.
func anOvertakenRunCannotWrite(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1; 10<1", members: "a in=1; b in=10"})
	old := c.begin("apply")
	old.read(snapshot{departments: "1", members: "a title=Old in=1; n in=1"})
	old.apply(false)
	require.Equal(t, 3, old.planRemovals().Total())
	newest := c.begin("apply")
	before := c.versions()
	ctx, s := t.Context(), c.store
	for name, do := range map[string]func() error{
		"stage roots":       func() error { return s.StageRoots(ctx, old.id, nil, 0) },
		"stage departments": func() error { return s.StageDepartments(ctx, db.Page{RunID: old.id, Listing: "1"}, nil) },
		"stage members": func() error {
			_, err := s.StageMembers(ctx, db.MemberPage{Page: db.Page{RunID: old.id, Listing: "1"},
				People: membersOf("z in=1", providers.Provider{})})
			return err
		},
		"restart walk":      func() error { return s.RestartChildren(ctx, old.id, "1", "children") },
		"seal":              func() error { _, err := s.FinishDepartments(ctx, old.id, ""); return err },
		"restart members":   func() error { return s.RestartMembers(ctx, old.id, "1") },
		"apply departments": func() error { return s.ApplyDepartments(ctx, old.id, false) },
		"apply members":     func() error { return s.ApplyMembers(ctx, old.id, 1, 1) },
		"plan removals":     func() error { _, err := s.PlanRemovals(ctx, old.id, db.Visibility{}); return err },
		"note look-ups": func() error {
			return s.RecordLookups(ctx, db.BeforeRemoving, old.id, "member",
				map[string]db.LookupResult{old.id: db.LookupNotFound})
		},
		"end look-ups":       func() error { return s.EndLookups(ctx, db.BeforeRemoving, old.id) },
		"confirm removals":   func() error { _, err := s.ConfirmRemovals(ctx, old.id, db.Visibility{}); return err },
		"remove":             func() error { _, err := s.RemoveNext(ctx, old.id); return err },
		"recompute":          func() error { return s.RecomputeDerived(ctx, old.id) },
		"link":               func() error { _, err := s.LinkAccounts(ctx, old.id); return err },
		"dry run":            func() error { _, err := s.DryRun(ctx, old.id, db.Visibility{}, true); return err },
		"hold":               func() error { return s.HoldRun(ctx, old.id, "why", "workflow", directory.Counts{}) },
		"a run nobody began": func() error { return s.RecomputeDerived(ctx, uuid.NewString()) },
	} {
		require.ErrorIs(t, do(), db.ErrSuperseded, name)
	}
	require.NoError(t, s.FinishRun(ctx, old.id, directory.RunSucceeded, "", directory.Counts{}, true))
	require.Equal(t, directory.RunFailed, old.status(), "the first end stands")
	require.Equal(t, before, c.versions())
	require.NoError(t, s.RecomputeDerived(ctx, newest.id), "the newest one can")
}

// A run that has ended can do nothing more either, though no newer one exists.
func anEndedRunCannotWrite(t *testing.T, c *company) {
	r := c.sync(snapshot{departments: "1", members: "a in=1"})
	require.ErrorIs(t, c.store.RecomputeDerived(t.Context(), r.id), db.ErrSuperseded)
	_, err := c.store.RemoveNext(t.Context(), r.id)
	require.ErrorIs(t, err, db.ErrSuperseded)
}

// The fence does not rest on the status alone.
func beingTheNewestIsWhatCounts(t *testing.T, c *company) {
	old := c.begin("apply")
	c.begin("apply")
	c.exec(t, "UPDATE sync_runs SET status = 'running' WHERE id = $1", old.id)
	require.ErrorIs(t, c.store.RecomputeDerived(t.Context(), old.id), db.ErrSuperseded)
	_, err := c.store.RemoveNext(t.Context(), old.id)
	require.ErrorIs(t, err, db.ErrSuperseded)
}

func aFinishedRunLeavesNothingStaged(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1", members: "b in=1"})
	r := c.begin("apply")
	require.NoError(t, c.store.SetVisibleRange(t.Context(), r.id, []byte(`["1"]`)))
	r.read(snapshot{departments: "1", members: "a in=1; b in=1"})
	r.apply(false)
	r.recompute()
	r.finish()
	for _, table := range []string{"staged_departments", "staged_members", "member_matches"} {
		require.Empty(t, c.texts(t, "SELECT 'left' FROM "+table+" WHERE run_id = $1", r.id), table)
	}
	for range 2 {
		require.NoError(t, c.store.AddCalls(t.Context(), r.id, 3))
	}
	stored, err := c.store.Report.GetRun(t.Context(), r.id)
	require.NoError(t, err)
	require.Equal(t, r.counts, stored.Counts)
	require.EqualValues(t, 6, stored.Calls, "also what was counted after the end")
	require.NotNil(t, stored.FinishedAt)
	p, err := c.store.Providers.FindByName(t.Context(), c.provider.Name)
	require.NoError(t, err)
	require.NotNil(t, p.LastSyncedAt)
	next := c.begin("apply")
	_, applied, err := c.store.GetVisibleRanges(t.Context(), next.id)
	require.NoError(t, err)
	require.JSONEq(t, `["1"]`, string(applied))
}

func beginningTwiceIsOneRun(t *testing.T, c *company) {
	n := c.newRun()
	one, err := c.store.BeginRun(t.Context(), n, atWork)
	require.NoError(t, err)
	two, err := c.store.BeginRun(t.Context(), n, atWork)
	require.NoError(t, err)
	require.Equal(t, one.RunID, two.RunID)
	require.Equal(t, c.provider.ID, two.Provider.ID)
}

func onlyOneRunIsAtWork(t *testing.T, c *company) {
	first, err := c.store.BeginRun(t.Context(), c.newRun(), atWork)
	require.NoError(t, err)
	_, err = c.store.BeginRun(t.Context(), c.newRun(), atWork)
	var busy *db.RunBusyError
	require.ErrorAs(t, err, &busy)
	require.Equal(t, first.RunID, busy.Run.ID)
	require.Contains(t, err.Error(), first.RunID)
	require.NoError(t, c.store.RecomputeDerived(t.Context(), first.RunID), "the refused one has taken nothing")

	broken := errors.New("cannot ask")
	_, err = c.store.BeginRun(t.Context(), c.newRun(),
		func(context.Context, db.OpenRun) (string, error) { return "", broken })
	require.ErrorIs(t, err, broken)
	require.NoError(t, c.store.RecomputeDerived(t.Context(), first.RunID))

	next, err := c.store.BeginRun(t.Context(), c.newRun(), func(_ context.Context, run db.OpenRun) (string, error) {
		require.Equal(t, first.RunID, run.ID)
		return directory.RunCanceled, nil
	})
	require.NoError(t, err)
	require.Equal(t, directory.RunCanceled, (&run{c: c, t: t, id: first.RunID}).status())
	require.NoError(t, c.store.RecomputeDerived(t.Context(), next.RunID))
}

func aHeldRunWaitsUntilItIsOvertaken(t *testing.T, c *company) {
	c.sync(snapshot{departments: "1", members: "a in=1; b in=1"})
	held := c.begin("apply")
	held.read(snapshot{departments: "1", members: "a in=1"})
	held.apply(false)
	held.planRemovals()
	held.recompute()
	require.NoError(t, c.store.HoldRun(t.Context(), held.id, "too many", "the hold", directory.Counts{}))
	require.NoError(t, c.store.HoldRun(t.Context(), held.id, "too many", "the hold", directory.Counts{}))
	found, err := c.store.Report.ListHeldRuns(t.Context(), c.provider.ID)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, held.id, found[0].ID)
	require.Equal(t, "too many", found[0].HoldReason)
	planned, err := c.store.ListHeldRemovals(t.Context(), held.id)
	require.NoError(t, err)
	require.Equal(t, 1, planned.Members.Planned, "the plan outlives the staging")

	next, err := c.store.BeginRun(t.Context(), c.newRun(), func(context.Context, db.OpenRun) (string, error) {
		t.Error("nobody needs to be asked about a held run")
		return "", nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"the hold"}, next.Superseded)
	require.Equal(t, directory.RunSuperseded, held.status())
	require.ErrorIs(t, c.store.ResumeRun(t.Context(), held.id, atWork), db.ErrSuperseded)
	_, err = c.store.RemoveNext(t.Context(), held.id)
	require.ErrorIs(t, err, db.ErrSuperseded)
	require.Equal(t, []string{"a - - active", "b - - active"}, c.people())
}

func runsThatCannotBegin(t *testing.T, c *company) {
	_, err := c.store.BeginRun(t.Context(), db.NewRun{Provider: "nobody"}, atWork)
	require.ErrorIs(t, err, db.ErrNotFound)
	off := false
	require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID, providers.Change{Active: &off}, nil))
	_, err = c.store.BeginRun(t.Context(), c.newRun(), atWork)
	require.ErrorIs(t, err, db.ErrInactive)
}

// A page written again replaces itself, and what it replaced is not applied.
func aPageWrittenAgainReplacesItself(t *testing.T, c *company) {
	r := c.begin("apply")
	r.read(snapshot{departments: "1", members: "a in=1; b in=1; c in=1"})
	_, err := c.store.StageMembers(t.Context(),
		db.MemberPage{Page: db.Page{RunID: r.id, Listing: "1"}, People: membersOf("a in=1; d in=1",
			providers.Provider{})})
	require.NoError(t, err)
	r.apply(false)
	r.apply(false)
	require.Equal(t, []string{"a - - active", "d - - active"}, c.people())
}

// Values travel by COPY; whatever people are called must arrive to the byte.
func oddStringsArriveToTheByte(t *testing.T, c *company) {
	odd := []string{`\N`, `\.`, "a\tb\nc\r\n", `"quoted", 'single'`, `back\slash\\`, "王伟 𠮷野家",
		"e\u0301 \u202eevil\u202c", "🧑‍💻", "{NULL}", "%s %n $1", " \u00a0 "}
	r := c.begin("apply")
	r.read(snapshot{departments: "1"})
	var people []db.StagedMember
	for i, name := range odd {
		m := membersOf("x in=1", providers.Provider{})[0]
		m.Key, m.ExternalID, m.UnionID, m.Name, m.Title = name, name, name+"u", &odd[i], &odd[i]
		people = append(people, m)
	}
	_, err := c.store.StageMembers(t.Context(), db.MemberPage{Page: db.Page{RunID: r.id, Listing: "1"}, People: people})
	require.NoError(t, err)
	r.apply(false)
	stored := c.texts(t,
		"SELECT name FROM org_members WHERE provider_id = $1 AND external_id = name AND title = name "+
			"AND unionid = name || 'u'", c.provider.ID)
	require.ElementsMatch(t, odd, stored)
}

func errorsNeverQuoteRows(t *testing.T, c *company) {
	r := c.begin("apply")
	r.read(snapshot{departments: "1"})
	bad := membersOf("a name=Secretname\x00 in=1", providers.Provider{})
	_, err := c.store.StageMembers(t.Context(), db.MemberPage{Page: db.Page{RunID: r.id, Listing: "1"}, People: bad})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "Secretname")
	var failure *db.Failure
	require.ErrorAs(t, err, &failure)
}
