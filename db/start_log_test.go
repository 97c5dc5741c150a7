package db_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/internal/directory"
)

// Whatever asks for a run or decides one, the audit log says who, from where.
func TestTheAuditLogHasRunsThatWereAskedFor(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, directory.Feishu)
	begin := func(n db.NewRun) string {
		n.Provider, n.WorkflowID, n.TemporalRunID = c.provider.Name, "orgsync/x", uuid.NewString()
		n.Mode, n.OnRemovals, n.StartedFrom = "apply", "hold", "192.0.2.7"
		run, err := c.store.BeginRun(t.Context(), n, func(context.Context, db.OpenRun) (string, error) {
			return directory.RunFailed, nil
		})
		require.NoError(t, err)
		return run.RunID
	}
	entries := func() (found []audit.Entry) {
		found, err := c.store.Audit.List(t.Context(), "", "", 0, 100)
		require.NoError(t, err)
		return found
	}
	before := len(entries())
	first := begin(db.NewRun{StartedBy: "ann@host"})
	for n, want := range []struct {
		run    db.NewRun
		action string
	}{
		{db.NewRun{Task: db.TaskAccounts, StartedBy: "ann@host"}, "run.accounts"},
		{db.NewRun{Task: db.TaskOffline, StartedBy: "token x", Members: []string{"u-7"}}, "run.offline"},
		{db.NewRun{Task: db.TaskOnline, StartedBy: directory.ByTemporal}, "run.online"},
		{db.NewRun{Task: db.TaskAdministrators, StartedBy: "ann@host"}, "run.administrators"},
		{db.NewRun{Undoes: first, StartedBy: "ann@host"}, "run.undo"},
	} {
		id := begin(want.run)
		now := entries()
		require.Len(t, now, before+n+2)
		require.Equal(t, []any{want.action, "run/" + id, want.run.StartedBy, "192.0.2.7", c.provider.ID},
			[]any{now[0].Action, now[0].Object, now[0].Name, now[0].Address, now[0].ProviderID})
		if want.run.Members != nil {
			require.Contains(t, string(now[0].After), `"u-7"`)
		}
	}
	total := len(entries())
	begin(db.NewRun{StartedBy: directory.BySchedule("orgsync/x")})
	begin(db.NewRun{StartedBy: directory.ByEvents})
	require.Len(t, entries(), total, "what nobody asked for is in the history of runs")
}
