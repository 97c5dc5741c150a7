package activities

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// confirming is a company where single people can be looked up.
type confirming struct {
	*company
	gone bool
	err  error
}

func (c confirming) MemberGone(_ context.Context, m provider.MemberRef) (bool, error) {
	c.called("look up " + m.ExternalID)
	return c.gone, c.err
}

func (c confirming) DepartmentGone(context.Context, string) (bool, error) {
	c.called("look up department")
	return c.gone, c.err
}

// While one department cannot be read, somebody missing from another may have moved
// there: removed is only who the provider itself says is gone.
func TestMissingPeopleAreLookedUpWhileSomethingIsUnread(t *testing.T) {
	t.Parallel()
	store := database(t)
	const looked = "look up 1b"
	var usual db.GuardChange
	for name, c := range map[string]struct {
		gone    bool
		err     error
		limits  db.GuardChange
		removed int
		lookUps int
		kind    string // of the error that ends the attempt
	}{
		"gone":           {true, nil, usual, 1, 1, ""},
		"still there":    {false, nil, usual, 0, 1, ""},
		"in doubt":       {true, ofCall(provider.NotFound), usual, 0, 1, ""},
		"too many":       {true, nil, db.GuardChange{Count: new(0), Percent: new(0.0)}, 0, 0, ""},
		"not permitted":  {true, ofCall(provider.Forbidden), usual, 0, 1, string(provider.Forbidden)},
		"throttled":      {true, ofCall(provider.RateLimited), usual, 0, 1, string(provider.RateLimited)},
		"does not serve": {true, ofCall(provider.Unavailable), usual, 0, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := departments(2)
			b := newBench(t, store, d, confirming{d, c.gone, c.err})
			b.load()
			require.NoError(t, store.ProviderChange(t.Context(), b.provider.ID, db.ProviderChange{Guard: c.limits}, nil))
			d.people["1"] = [][]directory.Member{{member("1", "a")}}
			d.memberPage = strike(ofCall(provider.OutOfRange), in("2"))
			all := b.tree()
			must[PulledMembers](b, b.pull.PullMembers, all)
			must[any](b, b.apply.ApplyDepartments, TreeRef{RunID: b.runID})
			must[any](b, b.apply.ApplyMembers, all)
			plan := PlanRemovals{RunID: b.runID}
			if c.kind != "" {
				require.Equal(t, c.kind, b.fails(b.reconcile.PlanRemovals, plan).Type())
			} else {
				planned := must[PlannedRemovals](b, b.reconcile.PlanRemovals, plan)
				require.True(t, planned.Incomplete)
				require.Equal(t, c.removed, planned.Members)
				require.Equal(t, Removed{Removed: planned.Members + planned.Memberships + planned.Departments},
					must[Removed](b, b.reconcile.Remove, b.ref()))
			}
			require.Equal(t, c.lookUps, d.count(looked))
			require.Zero(t, d.count("look up 2a"), "nobody is looked up where nothing was read")
			if c.removed == 0 && c.kind == "" {
				problems, err := store.Problems(t.Context(), b.runID, 10)
				require.NoError(t, err)
				require.Contains(t, strings.Join(problems, "\n"), "left as", "it is on record")
			}
		})
	}
}
