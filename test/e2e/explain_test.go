package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
)

// Why was this person removed, by which run, from which answer.
func TestARemovalIsExplained(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPlot(w, kind)
			w.succeed(p.source)
			leaver, d := p.member(p.people[0]), p.department(p.departments[0])
			p.must(p.Leave(p.people[0]))
			result := w.sync(p.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)

			stored, err := w.store.Providers.FindByName(t.Context(), p.name)
			require.NoError(t, err)
			found, err := w.store.FindObjects(t.Context(), stored.ID, leaver, 2)
			require.NoError(t, err)
			require.Len(t, found, 1)
			history, err := w.store.GetObjectHistory(t.Context(), found[0])
			require.NoError(t, err)
			require.Equal(t, "deleted", history.Status)
			last := history.Runs[len(history.Runs)-1]
			require.Equal(t, result.RunID, last.Run.ID)
			require.Len(t, last.Changes, 2, "the person and their place")
			for _, change := range last.Changes {
				reason := map[string]string{"member": "looked_up", "membership": "not_listed"}[change.ObjectType]
				require.Equal(t, "deleted "+reason+" within_limits", change.Kind+" "+change.Reason+" "+change.Decision)
			}
			require.Equal(t, last.Evidence.Departments, last.Evidence.Complete)
			require.Len(t, last.Evidence.Listings, 1)
			listing := last.Evidence.Listings[0]
			require.Equal(t, "members", listing.Of)
			require.True(t, listing.Complete)
			require.NotNil(t, listing.ReadAt)
			if kind == directory.WeCom { // its answers carry no request id
				require.Empty(t, listing.Request)
			} else {
				require.Equal(t, d, listing.Department)
				require.NotEmpty(t, listing.Request)
			}
		})
	}
}
