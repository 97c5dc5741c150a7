package activities

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// newDetailed is a registry whose members' managers only lookups tell, with a run that is to
// look them up.
func newDetailed(t *testing.T, store *db.Store) (*registry, *bench) {
	t.Helper()
	r := &registry{company: departments(10), people: map[string]directory.Member{}, blind: map[string]bool{}}
	for d := range 10 {
		for _, suffix := range []string{"a", "b"} {
			m := member(fmt.Sprint(d+1), suffix)
			manager := "1a"
			m.Manager = &manager
			r.people[m.ExternalID] = m
		}
	}
	b := newBenchAs(t, store, directory.DingTalk, r.company, r)
	_, err := store.Providers.SetRules(t.Context(), b.provider.ID,
		providers.NewRules{Document: "scope: { details: true }"})
	require.NoError(t, err)
	b.load()
	return r, b
}

// What was looked up before an attempt failed is not asked again.
func TestDetailsGoOnWhereTheyStopped(t *testing.T) {
	t.Parallel()
	r, b := newDetailed(t, database(t))
	r.fails = func(m string, nth int) error {
		if m == "5a" && nth == 1 {
			return &provider.Error{Kind: provider.Unavailable, Problem: provider.Detail("busy")}
		}
		return nil
	}
	_, err := b.attempt(b.pull.ReadDetails, ReadDetailsInput{RunID: b.runID})
	require.ErrorContains(t, err, "busy")
	out := tried[ReadDetailsResult](b, b.pull.ReadDetails, ReadDetailsInput{RunID: b.runID}, 1)
	require.False(t, out.More)
	for id := range r.people {
		want := 1
		if id == "5a" {
			want = 2
		}
		require.Equal(t, want, r.count("read "+id), id)
	}
}

// What cannot be looked up at all leaves the run as it is, with a warning, and nobody else is
// asked for.
func TestDetailsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	store := database(t)
	for name, c := range map[string]struct {
		kind  provider.Kind
		calls int
	}{
		"no permission": {provider.Forbidden, parallelCalls},
		"down":          {provider.Unavailable, 2 * parallelCalls},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, b := newDetailed(t, store)
			r.fails = func(string, int) error { return &provider.Error{Kind: c.kind, Problem: provider.Detail("no")} }
			tried[ReadDetailsResult](b, b.pull.ReadDetails, ReadDetailsInput{RunID: b.runID}, triesOfRun-1)
			asked := 0
			for id := range r.people {
				asked += r.count("read " + id)
			}
			require.LessOrEqual(t, asked, c.calls)
			must[any](b, b.apply.Recompute, b.ref())
			report := must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
			require.Contains(t, strings.Join(report.Errors, "\n"),
				" objects were not looked up and keep what they have")
		})
	}
}
