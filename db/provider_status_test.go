package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/providers"
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
	require.NoError(t, d.store.HoldRun(t.Context(), r.id, "too many", "hold", directory.Counts{}))
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

// What is told of events rises with trouble and falls with its end.
func TestHealthOfEvents(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.Feishu)
	health := func() report.ProviderHealth {
		all, err := d.store.Report.ReadHealth(t.Context())
		require.NoError(t, err)
		return all.Providers[0]
	}
	later := func(by string) {
		d.exec(t, `UPDATE provider_event_settings SET enabled_at = enabled_at - $1::interval,
			last_event_at = last_event_at - $1::interval, listened_at = listened_at - $1::interval`, by)
		d.exec(t, "UPDATE sync_runs SET started_at = started_at - $1::interval", by)
	}
	c.sync(snapshot{departments: "1", members: "ann in=1"})
	require.False(t, health().EventsMissed || health().StreamDown, "events are off")

	require.NoError(t, d.store.EnableEvents(t.Context(), c.provider, db.EventsByStream, audit.By{Name: "test"}))
	require.True(t, health().StreamDown, "not connected yet")
	_, err := d.store.RecordListening(t.Context(), c.provider.ID, true, "")
	require.NoError(t, err)
	require.False(t, health().StreamDown)
	later("31 seconds")
	require.True(t, health().StreamDown, "its worker is gone")
	_, err = d.store.RecordListening(t.Context(), c.provider.ID, true, "")
	require.NoError(t, err)
	require.False(t, health().StreamDown)
	_, err = d.store.RecordListening(t.Context(), c.provider.ID, false, "refused")
	require.NoError(t, err)
	require.True(t, health().StreamDown)
	d.exec(t, "UPDATE identity_providers SET is_active = false")
	require.False(t, health().StreamDown, "nobody listens to what is switched off")
	d.exec(t, "UPDATE identity_providers SET is_active = true")

	later("2 hours")
	c.sync(snapshot{departments: "1", members: "ann in=1 title=Chief"})
	require.False(t, health().EventsMissed, "some changes have no event")
	c.sync(snapshot{departments: "1", members: "ann in=1 title=Chief; bob in=1"})
	require.True(t, health().EventsMissed, "no event ever came")
	add := func(id string) {
		_, err := d.store.AddEvents(t.Context(), c.provider.ID, []db.Event{
			{ID: id, Kind: "k", ObjectType: db.EventMember, ObjectID: "bob"},
		})
		require.NoError(t, err)
	}
	add("1")
	h := health()
	require.False(t, h.EventsMissed, "one came")
	require.Equal(t, []int{1}, []int{h.EventsWaiting})
	d.exec(t, "UPDATE provider_events SET received_at = received_at - interval '1 minute'")
	require.InDelta(t, time.Minute, health().EventWaits, float64(10*time.Second))
	later("2 hours")
	c.sync(snapshot{departments: "1", members: "ann in=1 title=Chief; bob in=1; cid in=1"})
	h = health()
	require.True(t, h.EventsMissed, "nothing has told of cid")
	require.Zero(t, h.EventsWaiting, "the full run did what waited")
	require.Zero(t, h.EventWaits)
	add("2")
	require.False(t, health().EventsMissed)
}

// Whoever watches sees how old a suite's ticket is, before the tokens run out.
func TestHealthOfSuites(t *testing.T) {
	t.Parallel()
	d := newDatabase(t)
	c := d.company(t, directory.WeCom)
	health := func() report.ProviderHealth {
		all, err := d.store.Report.ReadHealth(t.Context())
		require.NoError(t, err)
		return all.Providers[0]
	}
	require.False(t, health().HasTicket)
	require.NoError(t, d.store.Providers.PutSuiteTicket(t.Context(), c.provider.ID,
		providers.Sealed{Value: []byte("sealed"), KeyID: 1}, time.Now().Add(-12*time.Minute)))
	h := health()
	require.True(t, h.HasTicket)
	require.InDelta(t, 12*time.Minute, h.SinceTicket, float64(time.Minute))
	d.exec(t, "UPDATE identity_providers SET is_active = false")
	require.False(t, health().HasTicket, "nothing needs a ticket of what is switched off")
}
