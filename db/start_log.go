package db

import (
	"cmp"
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/internal/directory"
)

// writeStart adds to the audit log that a run was asked for. What schedules and events start is
// in the run history alone.
func writeStart(ctx context.Context, tx pgx.Tx, p dbsqlc.LockProviderByNameRow, runID string, n NewRun,
	by audit.By) error {
	if !directory.IsAsked(by.Name) {
		return nil
	}
	action := "run." + cmp.Or(n.Task, TaskSync)
	switch {
	case n.Undoes != "":
		action = "run.undo"
	case n.Retries != "":
		action = "run.retry"
	}
	after, err := json.Marshal(struct {
		Mode        string   `json:"mode"`
		OnRemovals  string   `json:"on_removals"`
		Departments []string `json:"departments,omitempty"`
		Members     []string `json:"members,omitempty"`
		Retries     string   `json:"retries,omitempty"`
		Undoes      string   `json:"undoes,omitempty"`
	}{n.Mode, n.OnRemovals, n.Departments, n.Members, n.Retries, n.Undoes})
	if err != nil {
		return err
	}
	return audit.Write(ctx, tx, audit.Entry{
		By: by, Action: action, Object: "run/" + runID,
		TenantID: pg.OrZero(p.TenantID), ProviderID: p.ID, After: after,
	})
}
