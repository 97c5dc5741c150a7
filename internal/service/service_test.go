package service_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// away is a Temporal that does not answer.
func away(context.Context) (client.Client, error) { return nil, errors.New("connection refused") }

// open returns the use cases on a database, without Temporal.
func open(t *testing.T, url string) *service.Service {
	t.Helper()
	s := service.New(service.Connections{
		DatabaseURL: func() (string, error) { return url, nil }, DialTemporal: away,
	})
	t.Cleanup(s.Close)
	return s
}

func TestErrorsHaveCodesAndArguments(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), dbtest.New(t)
	s := open(t, url)
	store, err := db.Open(ctx, url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	seal := func(string) ([]providers.Sealed, error) { return nil, nil }
	for _, name := range []string{"acme", "off"} {
		_, err := store.Providers.Add(ctx, providers.NewProvider{Name: name, Type: directory.Feishu,
			Config: []byte(`{}`)}, seal)
		require.NoError(t, err)
	}
	off, err := s.UpdateProvider(ctx, service.UpdateProviderInput{Name: "off", Active: new(false),
		By: service.By{Name: "ann@host"}})
	require.NoError(t, err)
	require.Equal(t, []any{false, "ann@host"}, []any{off.Provider.Active, off.Provider.UpdatedBy})
	require.ErrorContains(t, off.Schedule.Err, "connection refused",
		"that Temporal is away keeps nobody from switching off")
	begun, err := store.BeginRun(ctx, db.NewRun{Provider: "acme", WorkflowID: "orgsync/acme", TemporalRunID: "1",
		Mode: "apply", OnRemovals: "hold"},
		func(context.Context, db.OpenRun) (string, error) { return "", nil })
	require.NoError(t, err)
	require.NoError(t, store.HoldRun(ctx, begun.RunID, "too many", "orgsync/acme/removals", directory.Counts{}))

	var kinds []string
	for _, kind := range directory.Kinds() {
		kinds = append(kinds, string(kind.Kind))
	}
	for name, c := range map[string]struct {
		code service.Code
		call func() error
		args service.Args
	}{
		"unknown provider": {service.ProviderUnknown,
			func() error { _, err := s.GetProvider(ctx, "globex"); return err },
			service.Args{Provider: "globex", Providers: []string{"acme", "off"}}},
		"switched off": {service.ProviderInactive, func() error {
			_, err := s.StartSync(ctx, service.StartSyncInput{Provider: "off"})
			return err
		}, service.Args{Provider: "off"}},
		"no Temporal": {service.TemporalUnreachable, func() error {
			_, err := s.StartSync(ctx, service.StartSyncInput{Provider: "acme"})
			return err
		}, service.Args{}},
		"empty list": {service.InputInvalid, func() error {
			_, err := s.StartSync(ctx, service.StartSyncInput{Provider: "acme", Members: []string{}})
			return err
		}, service.Args{}},
		"unknown run": {service.RunUnknown, func() error { _, err := s.FindRun(ctx, "ffff"); return err },
			service.Args{RunID: "ffff"}},
		"held is not to be retried": {service.RunUndecided, func() error {
			_, err := s.RetryRun(ctx, service.RetryRunInput{RunID: begun.RunID})
			return err
		}, service.Args{RunID: begun.RunID}},
		"nothing held": {service.NothingHeld, func() error { _, err := s.FindHeldRun(ctx, "off", ""); return err },
			service.Args{Provider: "off"}},
		"interval": {service.IntervalInvalid, func() error {
			_, err := s.SetSchedule(ctx, service.SetScheduleInput{Provider: "acme"})
			return err
		}, service.Args{Limit: 60e9}},
		"too many rows": {service.RowLimitInvalid, func() error { _, err := s.ListRuns(ctx, "", 0); return err },
			service.Args{Field: "limit", Most: 100_000}},
		"unknown kind": {service.ChangeFilterInvalid, func() error {
			return s.ListChanges(ctx, service.Run{}, service.ChangeFilter{Types: []string{"robot"}}, nil)
		}, service.Args{Field: "type", Text: "robot", Allowed: kinds}},
		"nobody": {service.ObjectUnknown, func() error { _, err := s.ExplainObject(ctx, "acme", "u1"); return err },
			service.Args{Provider: "acme", Text: "u1"}},
	} {
		err := c.call()
		require.True(t, service.HasCode(err, c.code), "%s: %v", name, err)
		require.Equal(t, c.args, service.Classify(err).Args, name)
	}

	held, err := s.FindHeldRun(ctx, "acme", "")
	require.NoError(t, err)
	require.Equal(t, begun.RunID, held.ID)
	require.NoError(t, store.RecordDecision(ctx, held.ID, "ann@host", "", true))
	_, err = s.FindHeldRun(ctx, "acme", held.ID)
	require.True(t, service.HasCode(err, service.AlreadyDecided), "%v", err)
	require.Equal(t, "ann@host", service.Classify(err).Args.Run.DecidedBy)
}

func TestADatabaseWithoutSchemaIsToldApart(t *testing.T) {
	t.Parallel()
	s := open(t, dbtest.Empty(t))
	_, err := s.ListProviders(t.Context())
	require.True(t, service.HasCode(err, service.SchemaMissing), "%v", err)
	s = open(t, "mysql://root@localhost/acme")
	_, err = s.ListProviders(t.Context())
	require.True(t, service.HasCode(err, service.SettingsWrong), "%v", err)
	require.False(t, service.HasCode(nil, service.Internal))
}
