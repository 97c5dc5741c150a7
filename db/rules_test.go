package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
)

// Every version stays on record, and a run knows which one it goes by.
func TestRulesHaveVersionsThatRunsRecord(t *testing.T) {
	t.Parallel()
	c := newDatabase(t).company(t, "feishu")
	ctx, s := t.Context(), c.store.Providers
	set := func(document string, draft bool) int {
		rules, err := s.SetRules(ctx, c.provider.ID,
			providers.NewRules{Document: document, Draft: draft, By: audit.By{Name: "ann@host"}})
		require.NoError(t, err)
		return rules.Version
	}
	version := func(n db.NewRun) (version int) {
		begun, err := c.store.BeginRun(ctx, n, atWork)
		require.NoError(t, err)
		require.NoError(t, c.pool.QueryRow(ctx, "SELECT rules_version FROM sync_runs WHERE id = $1",
			begun.RunID).Scan(&version))
		_, err = c.pool.Exec(ctx, "UPDATE sync_runs SET status = 'succeeded' WHERE id = $1", begun.RunID)
		require.NoError(t, err)
		return version
	}

	require.Zero(t, set("", false), "there is nothing to take out of force")
	require.Zero(t, version(c.newRun()))
	require.Equal(t, 1, set("a", false))
	require.Equal(t, 1, set("a", false), "what is in force already")
	require.Equal(t, 2, set("a", true), "a draft is a version of its own")
	require.Equal(t, 1, version(c.newRun()))
	draft := c.newRun()
	draft.Mode, draft.RulesVersion = "plan", 2
	require.Equal(t, 2, version(draft))
	draft = c.newRun()
	draft.RulesVersion = 3
	_, err := c.store.BeginRun(ctx, draft, atWork)
	require.ErrorIs(t, err, db.ErrNoRules)

	require.Equal(t, 3, set("", false))
	require.Equal(t, 3, version(c.newRun()))
	inForce, err := s.Rules(ctx, c.provider.ID)
	require.NoError(t, err)
	require.Equal(t, []any{3, "", "ann@host"}, []any{inForce.Version, inForce.Document, inForce.CreatedBy})
	history, err := s.RulesHistory(ctx, c.provider.ID, 9)
	require.NoError(t, err)
	require.Len(t, history, 2, "drafts never were in force")
	before, err := s.RulesBefore(ctx, c.provider.ID, 3)
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, before)
	of, err := s.RulesVersion(ctx, c.provider.ID, 2)
	require.NoError(t, err)
	require.True(t, of.Draft)
}
