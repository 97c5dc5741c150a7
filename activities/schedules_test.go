package activities

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// scheduling is a Temporal that notes which schedules are deleted.
type scheduling struct {
	client.Client
	schedules schedulesOf
}

func (s *scheduling) ScheduleClient() client.ScheduleClient { return &s.schedules }

type schedulesOf struct {
	client.ScheduleClient
	deleted []string
	err     error
}

func (s *schedulesOf) GetHandle(_ context.Context, id string) client.ScheduleHandle {
	return &scheduleOf{id: id, of: s}
}

type scheduleOf struct {
	client.ScheduleHandle
	id string
	of *schedulesOf
}

func (s *scheduleOf) Delete(context.Context) error {
	s.of.deleted = append(s.of.deleted, s.id)
	return s.of.err
}

// A schedule goes with its provider, however that was removed or switched off.
func TestScheduleOfAProviderThatIsGone(t *testing.T) {
	t.Parallel()
	store := database(t)
	for _, name := range []string{"works", "off"} {
		id, err := store.Providers.Add(t.Context(),
			providers.NewProvider{Name: name, Type: directory.WeCom, Config: json.RawMessage(`{}`)},
			func(string) ([]providers.Sealed, error) { return nil, nil })
		require.NoError(t, err)
		active := name == "works"
		require.NoError(t, store.Providers.Update(t.Context(), id, providers.Change{Active: &active}, nil))
	}
	for name, c := range map[string]struct {
		provider string
		err      error
		deleted  []string
		gone     string
		fails    string
	}{
		"works": {provider: "works"},
		"off": {provider: "off", deleted: []string{"nightly"},
			gone: `provider "off" is switched off; schedule nightly is removed; set it again with: orgsync schedule set off --every 1h`},
		"removed": {provider: "none", deleted: []string{"nightly"},
			gone: `there is no provider named "none"; schedule nightly is removed`},
		"no schedule": {provider: "none", err: serviceerror.NewNotFound("no schedule"), deleted: []string{"nightly"},
			gone: "there is no provider"},
		"Temporal away": {provider: "none", err: errors.New("no shard"), deleted: []string{"nightly"},
			fails: "remove schedule nightly: no shard"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			temporalIs := &scheduling{schedules: schedulesOf{err: c.err}}
			env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
			schedules := &Schedules{Store: store, Temporal: temporalIs}
			env.RegisterActivity(schedules)
			var checked CheckScheduleResult
			answer, err := env.ExecuteActivity(schedules.CheckSchedule,
				CheckScheduleInput{Provider: c.provider, ScheduleID: "nightly"})
			require.Equal(t, c.deleted, temporalIs.schedules.deleted)
			if c.fails != "" {
				var failed *temporal.ApplicationError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, c.fails, failed.Message())
				require.False(t, failed.NonRetryable())
				return
			}
			require.NoError(t, err)
			require.NoError(t, answer.Get(&checked))
			require.Contains(t, checked.Gone, c.gone)
			require.Equal(t, c.gone == "", checked.Gone == "")
		})
	}
}
