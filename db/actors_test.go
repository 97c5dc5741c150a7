package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestWhoStartedDecidedAndChanged(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID,
		providers.Change{By: audit.By{Name: "ann@host"}}, nil))
	p, err := c.store.Providers.FindByName(t.Context(), c.provider.Name)
	require.NoError(t, err)
	require.Equal(t, "ann@host", p.UpdatedBy)
	require.NoError(t, c.store.Providers.Update(t.Context(), c.provider.ID, providers.Change{}, nil))
	p, err = c.store.Providers.FindByName(t.Context(), c.provider.Name)
	require.NoError(t, err)
	require.Empty(t, p.UpdatedBy, "nobody known has changed it since")

	begun, err := c.store.BeginRun(t.Context(), db.NewRun{
		Provider: c.provider.Name, WorkflowID: "w", TemporalRunID: "1", Mode: "apply", OnRemovals: "hold",
		StartedBy: "schedule nightly",
	}, nil)
	require.NoError(t, err)
	decided := func(by string) report.Run {
		require.NoError(t, c.store.RecordDecision(t.Context(), begun.RunID, by, "", true))
		run, err := c.store.Report.GetRun(t.Context(), begun.RunID)
		require.NoError(t, err)
		return run
	}
	require.Equal(t, "schedule nightly", decided("eve@host").StartedBy)
	require.Empty(t, decided("eve@host").DecidedBy, "there is nothing to decide yet")
	require.NoError(t, c.store.HoldRun(t.Context(), begun.RunID, "too many", "hold", directory.Counts{}))
	require.Equal(t, "ann@host", decided("ann@host").DecidedBy)
	require.Equal(t, "ann@host", decided("eve@host").DecidedBy, "the first decision stands")
}
