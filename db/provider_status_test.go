package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

func TestStanding(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	standing := func() report.ProviderHealth {
		all, err := d.store.Report.ReadHealth(t.Context())
		require.NoError(t, err)
		require.Len(t, all.Providers, 1)
		require.Equal(t, c.provider.Name, all.Providers[0].Name)
		return all.Providers[0]
	}
	d.exec(t, `UPDATE identity_providers SET created_at = now() - interval '3 hours'`)
	require.InDelta(t, 3*time.Hour, standing().SinceSuccess, float64(time.Minute),
		"before the first success since it was stored")

	c.sync(snapshot{departments: "1 name=Acme", members: "ann in=1"})
	s := standing()
	require.Less(t, s.SinceSuccess, time.Minute)
	require.Zero(t, s.RunsSinceSuccess)

	d.exec(t, `UPDATE identity_providers SET last_synced_at = now() - interval '2 hours'; UPDATE sync_runs
		SET finished_at = now() - interval '2 hours'`)
	for status, mode := range map[string]string{directory.RunFailed: "apply", directory.RunPartial: "apply",
		directory.RunSucceeded: "plan"} {
		require.NoError(t, d.store.FinishRun(t.Context(), c.begin(mode).id, status, "", directory.Counts{}, false))
	}
	// A sync of one department says nothing about the whole company.
	limited := c.begin("apply")
	d.exec(t, `UPDATE sync_runs SET departments = '{10}' WHERE id = $1`, limited.id)
	require.NoError(t, d.store.FinishRun(t.Context(), limited.id, directory.RunSucceeded, "", directory.Counts{},
		false))
	s = standing()
	require.Equal(t, 2, s.RunsSinceSuccess)
	require.InDelta(t, 2*time.Hour, s.SinceSuccess, float64(time.Minute))
	require.Zero(t, s.Running+s.Held)

	r := c.begin("apply")
	require.Equal(t, 1, standing().Running)
	require.NoError(t, d.store.RunHold(t.Context(), r.id, "too many", "hold", directory.Counts{}))
	d.exec(t, `UPDATE sync_runs SET started_at = now() - interval '1 hour' WHERE id = $1`, r.id)
	s = standing()
	require.Equal(t, 1, s.Held)
	require.Zero(t, s.Running)
	require.InDelta(t, time.Hour, s.HeldFor, float64(time.Minute))

	require.NoError(t, d.store.FinishRetentionStep(t.Context(), "raw"))
	all, err := d.store.Report.ReadHealth(t.Context())
	require.NoError(t, err)
	require.Contains(t, all.Retention, "raw")
	require.NoError(t, d.store.Ping(t.Context()))
}
