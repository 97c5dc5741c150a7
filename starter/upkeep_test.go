package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/directory"
	runcmd "github.com/orgsync/orgsync/starter/run"
)

// A run whose details were cleaned up does not look like one that did nothing.
func TestCleanedUpDetailsAreToldApartFromNone(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	in.add("acme", feishuConfig())
	store := in.store()
	old := in.begin(store, "acme", "1")
	require.NoError(t, store.FinishRun(t.Context(), old, directory.RunSucceeded, "", directory.Counts{}, true))
	in.begin(store, "acme", "2")
	require.Contains(t, in.ok("runs", "changes", old).stdout, "The run changed nothing.")
	require.NotContains(t, in.ok("runs", "show", old).stdout, "cleaned up")

	_, err := store.CleanDetails(t.Context(), 1)
	require.NoError(t, err)
	require.Contains(t, in.ok("runs", "changes", old).stdout, "The change log was deleted on ")
	require.Contains(t, in.ok("runs", "show", old).stdout, "ORGSYNC_KEEP_DETAILS")
	var shown runcmd.Shown
	in.ok("runs", "show", old, "--output", "json").json(&shown)
	require.NotNil(t, shown.DetailsDroppedAt)
}
