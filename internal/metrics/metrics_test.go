package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/metrics"
)

// told is a state of the providers that may be unknown.
type told struct {
	health report.Health
	err    error
}

func (s *told) ReadHealth(ctx context.Context) (report.Health, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return report.Health{}, errors.New("a scrape must end")
	}
	return s.health, s.err
}

// scrape returns our own lines, in order.
func scrape(m *metrics.Metrics) string {
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	var ours []string
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, "orgsync_") {
			ours = append(ours, line)
		}
	}
	return strings.Join(ours, "")
}

// What was counted when a run was held is not counted again when it is decided, and
// a counter never falls.
func TestHeldRunsAreCountedInTwoParts(t *testing.T) {
	t.Parallel()
	m := metrics.New(nil, slog.New(slog.DiscardHandler))
	before := directory.Counts{Members: directory.MemberCounts{Created: 3, Updated: 5},
		Departments: directory.DepartmentCounts{Created: 1}}
	after := directory.Counts{Members: directory.MemberCounts{Created: 3, Updated: 4, Deleted: 30},
		Departments: directory.DepartmentCounts{Created: 1}}
	m.Run(metrics.Run{Provider: "acme", Mode: "apply", Status: "held", Took: time.Minute, Counts: before})
	m.Run(metrics.Run{Provider: "acme", Mode: "apply", Status: "succeeded", Counted: before, Counts: after})
	m.Run(metrics.Run{Provider: "acme", Mode: "plan", Status: "succeeded", Took: time.Second, Counts: after})
	text := scrape(m)
	for _, want := range []string{
		`orgsync_runs_total{mode="apply",provider="acme",status="held"} 1`,
		`orgsync_runs_total{mode="apply",provider="acme",status="succeeded"} 1`,
		`orgsync_runs_total{mode="plan",provider="acme",status="succeeded"} 1`,
		`orgsync_members_changed_total{kind="created",provider="acme"} 3`,
		`orgsync_members_changed_total{kind="updated",provider="acme"} 5`,
		`orgsync_members_changed_total{kind="deleted",provider="acme"} 30`,
		`orgsync_departments_changed_total{kind="created",provider="acme"} 1`,
		`orgsync_run_duration_seconds_count{mode="apply",provider="acme"} 1`,
	} {
		require.Contains(t, text, want+"\n")
	}
}

func TestStateIsAskedAtEachScrape(t *testing.T) {
	t.Parallel()
	state := &told{health: report.Health{
		Providers: []report.ProviderHealth{
			{Name: "acme", Active: true, SinceSuccess: time.Hour, RunsSinceSuccess: 2, Running: 1, Held: 1,
				HeldFor: time.Minute},
			{Name: "off", SinceSuccess: 1000 * time.Hour},
		},
		Webhooks:  []report.WebhookHealth{{ID: "w1", Paused: true, Waiting: 3, Waits: time.Minute}},
		Retention: map[string]time.Duration{"raw": time.Second},
	}}
	log := &bytes.Buffer{}
	m := metrics.New(state, slog.New(slog.NewTextHandler(log, nil)))
	text := scrape(m)
	for _, want := range []string{
		`orgsync_state_known 1`, `orgsync_last_success_age_seconds{provider="acme"} 3600`,
		`orgsync_runs_since_success{provider="acme"} 2`,
		`orgsync_running_runs{provider="acme"} 1`, `orgsync_held_runs{provider="acme"} 1`,
		`orgsync_held_run_age_seconds{provider="acme"} 60`,
		`orgsync_webhook_paused{webhook="w1"} 1`, `orgsync_webhook_waiting{webhook="w1"} 3`,
		`orgsync_webhook_oldest_age_seconds{webhook="w1"} 60`,
		`orgsync_held_runs{provider="off"} 0`, `orgsync_retention_age_seconds{part="raw"} 1`,
	} {
		require.Contains(t, text, want+"\n")
	}
	require.NotContains(t, text, `orgsync_last_success_age_seconds{provider="off"}`,
		"nobody expects a switched-off provider to be synced")
	require.Contains(t, scrape(m), `orgsync_runs_total{mode="apply",provider="acme",status="failed"} 0`+"\n",
		"so that the first failure is an increase")

	state.err = errors.New("no connection")
	text = scrape(m)
	require.Contains(t, text, "orgsync_state_known 0\n")
	require.NotContains(t, text, "orgsync_held_runs")
	require.Contains(t, log.String(), "no connection")
}

// A program that is not watched counts nothing and costs nothing.
func TestNilCountsNothing(t *testing.T) {
	t.Parallel()
	var m *metrics.Metrics
	m.Run(metrics.Run{})
	m.Call("acme", "user/list", "ok", time.Second)
	m.Wait("acme", time.Second)
	m.CleanedUp("raw", 1)
	handler, err := m.Temporal()
	require.NoError(t, err)
	require.Nil(t, handler)
}
