package e2e

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// groupListings are the calls that list groups, what belongs to them, and administrators.
var groupListings = map[directory.ProviderType][]string{
	directory.Feishu:   {"group/simplelist", "group/member/simplelist"},
	directory.DingTalk: {"role/list", "role/simplelist", "user/listadmin"},
	directory.WeCom:    {"tag/list", "tag/get"},
}

// Whatever happens to a listing of groups or administrators, nobody loses a group, and members
// and departments are read as ever.
func TestFaultsOfGroupListings(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		for _, endpoint := range groupListings[kind] {
			t.Run(string(kind)+"/"+endpoint, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				s := w.simulate(kind, simulator.Generate(simulator.TypicalSpec(17, 60)))
				w.succeed(s)
				for _, action := range []simulator.Action{
					{Kind: simulator.NoItems}, {Kind: simulator.HTTPStatus, Status: http.StatusInternalServerError},
					{Kind: simulator.Truncate},
				} {
					before := w.standing(s)
					s.company.Drift(uint64(len(action.Kind)), 0.05)
					s.faults.Add(simulator.Fault{Endpoint: endpoint, Times: 1, Action: action})
					result := w.sync(s.name)
					require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
					got, truth := w.standing(s), s.company.Truth(kind)
					want := oracle.Of(kind, truth, got)
					require.Equal(t, want.Members, got.Members)
					require.Equal(t, want.Departments, got.Departments)
					require.Empty(t, oracle.Lost(truth, before, got))
					w.succeed(s)
				}
			})
		}
	}
}

func TestLocalAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.DingTalk, simulator.Generate(simulator.TypicalSpec(18, 20)))
	w.succeed(s)
	var someone string
	for id := range w.standing(s).Members {
		someone = id
	}
	local := func() (ids []string) {
		require.NoError(t, w.pool.QueryRow(t.Context(),
			`SELECT coalesce(array_agg(m.external_id), '{}') FROM org_administrators a
			JOIN org_members m ON m.id = a.member_id WHERE a.source = 'local' AND a.level = 'admin'
			AND m.provider_id = (SELECT id FROM identity_providers WHERE name = $1)`, s.name).Scan(&ids))
		return ids
	}
	set := func(in workflows.SetAdministratorsInput) (workflows.SyncResult, error) {
		in.Provider = s.name
		run, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: workflows.SyncWorkflowID(s.name) + "/" + uuid.NewString(), TaskQueue: w.queue},
			workflows.SetAdministratorsName, in)
		require.NoError(t, err)
		var out workflows.SyncResult
		return out, run.Get(t.Context(), &out)
	}
	_, err := set(workflows.SetAdministratorsInput{Add: []string{someone}})
	require.NoError(t, err)
	require.Equal(t, []string{someone}, local())
	w.succeed(s) // which leaves it alone
	require.Equal(t, []string{someone}, local())
	_, err = set(workflows.SetAdministratorsInput{Add: []string{"nobody at all"}})
	require.ErrorContains(t, err, "the directory has no member nobody at all")
	_, err = set(workflows.SetAdministratorsInput{Remove: []string{someone}})
	require.NoError(t, err)
	require.Empty(t, local())
}
