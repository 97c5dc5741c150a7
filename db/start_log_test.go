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
		n.Mode, n.OnRemovals = "apply", "hold"
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
	asks := func(name string) string {
		id, err := c.store.Audit.AddRequest(t.Context(), audit.By{Name: name, Address: "192.0.2.7"})
		require.NoError(t, err)
		return id
	}
	before := len(entries())
	first := begin(db.NewRun{Request: asks("ann@host")})
	ann, token := audit.By{Name: "ann@host", Address: "192.0.2.7"}, audit.By{Name: "token x", Address: "192.0.2.7"}
	for n, want := range []struct {
		run    db.NewRun
		action string
		by     audit.By
	}{
		{db.NewRun{Task: db.TaskAccounts, Request: asks("ann@host")}, "run.accounts", ann},
		{db.NewRun{Task: db.TaskOffline, Request: asks("token x"), StartedBy: directory.ByTemporal,
			Members: []string{"u-7"}}, "run.offline", token},
		{db.NewRun{Task: db.TaskOnline, StartedBy: directory.ByTemporal}, "run.online",
			audit.By{Name: directory.ByTemporal}},
		{db.NewRun{Task: db.TaskAdministrators, StartedBy: "bob", Request: uuid.NewString()}, "run.administrators",
			audit.By{Name: "bob"}}, // the request has been dropped
		{db.NewRun{Undoes: first, Request: asks("ann@host"), StartedBy: "bob"}, "run.undo", ann},
	} {
		id := begin(want.run)
		now := entries()
		require.Len(t, now, before+n+2)
		require.Equal(t, []any{want.action, "run/" + id, want.by, c.provider.ID},
			[]any{now[0].Action, now[0].Object, now[0].By, now[0].ProviderID})
		run, err := c.store.Report.GetRun(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, want.by.Name, run.StartedBy)
		if want.run.Members != nil {
			require.Contains(t, string(now[0].After), `"u-7"`)
		}
	}
	total := len(entries())
	begin(db.NewRun{StartedBy: directory.BySchedule("orgsync/x")})
	begin(db.NewRun{StartedBy: directory.ByEvents})
	begin(db.NewRun{StartedBy: directory.ByLogin})
	require.Len(t, entries(), total, "what nobody asked for is in the history of runs")

	held := begin(db.NewRun{StartedBy: directory.ByEvents})
	require.NoError(t, c.store.HoldRun(t.Context(), held, "too many", "hold", directory.Counts{}))
	require.NoError(t, c.store.RecordDecision(t.Context(), held, directory.ByTemporal, asks("token x"), false))
	require.Equal(t, []any{"run.decide", token}, []any{entries()[0].Action, entries()[0].By})
}
