package metrics

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/orgsync/orgsync/db/report"
)

// State tells how the stored providers stand.
type State interface {
	ReadHealth(context.Context) (report.Health, error)
}

// stateTimeout bounds what a scrape asks of Postgres.
const stateTimeout = 5 * time.Second

// stateCollector asks at every scrape. Every worker of an installation tells the same:
// take the maximum over them.
type stateCollector struct {
	state State
	log   *slog.Logger
	// met is told of each provider.
	met func(provider string)
}

var (
	known = gauge("orgsync_state_known",
		"Whether Postgres told the state of the providers in time; if 0 the state below is missing.")

	lastSuccess = gauge("orgsync_last_success_age_seconds",
		"Time since the last complete, applied run of an active provider; before the first since the provider was "+
			"stored.", "provider")
	sinceSuccess = gauge("orgsync_runs_since_success",
		"Applied runs of an active provider that ended since its last complete one.", "provider")
	running = gauge("orgsync_running_runs", "Runs at work.", "provider")
	held    = gauge("orgsync_held_runs", "Runs that wait for a decision on removals.", "provider")
	heldAge = gauge("orgsync_held_run_age_seconds",
		"Time since the run that has waited longest for a decision began; 0 if none does.", "provider")
	eventAge = gauge("orgsync_last_event_age_seconds",
		"Time since a provider last told of a change; missing before the first.", "provider")
	eventsWaiting = gauge("orgsync_events_waiting", "Events that no run has followed yet.", "provider")
	eventWaits    = gauge("orgsync_oldest_event_age_seconds",
		"How long the event has waited that has waited longest; 0 if none does.", "provider")
	eventsMissed = gauge("orgsync_events_missed",
		"1 if a full run found what no event told of since the last one came.", "provider")
	streamDown = gauge("orgsync_stream_down", "1 if a stream of events is not connected.", "provider")
	ticketAge  = gauge("orgsync_suite_ticket_age_seconds",
		"How old the newest ticket of a provider's suite is; missing before the first.", "provider")
	webhookPaused  = gauge("orgsync_webhook_paused", "1 if a webhook is paused.", "webhook")
	webhookWaiting = gauge("orgsync_webhook_waiting", "Publications that a webhook was not told of yet.", "webhook")
	webhookWaits   = gauge("orgsync_webhook_oldest_age_seconds",
		"How long ago the first of them was published; 0 if none waits.", "webhook")
	retentionAge = gauge("orgsync_retention_age_seconds", "Time since the part of retention was last done to its end.",
		"part")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (*stateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{known, lastSuccess, sinceSuccess, running, held, heldAge, eventAge,
		eventsWaiting, eventWaits, eventsMissed, streamDown, ticketAge, webhookPaused, webhookWaiting,
		webhookWaits, retentionAge} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), stateTimeout)
	defer cancel()
	tell := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	health, err := c.state.ReadHealth(ctx)
	if err != nil {
		c.log.Warn("metrics lack the state of the providers", "error", err)
		tell(known, 0)
		return
	}
	tell(known, 1)
	for _, p := range health.Providers {
		c.met(p.Name)
		if p.Active {
			tell(lastSuccess, p.SinceSuccess.Seconds(), p.Name)
			tell(sinceSuccess, float64(p.RunsSinceSuccess), p.Name)
		}
		tell(running, float64(p.Running), p.Name)
		tell(held, float64(p.Held), p.Name)
		tell(heldAge, p.HeldFor.Seconds(), p.Name)
		if p.HasEvents {
			tell(eventAge, p.SinceEvent.Seconds(), p.Name)
		}
		tell(eventsWaiting, float64(p.EventsWaiting), p.Name)
		tell(eventWaits, p.EventWaits.Seconds(), p.Name)
		tell(eventsMissed, oneIf(p.EventsMissed), p.Name)
		tell(streamDown, oneIf(p.StreamDown), p.Name)
		if p.HasTicket {
			tell(ticketAge, p.SinceTicket.Seconds(), p.Name)
		}
	}
	for _, w := range health.Webhooks {
		tell(webhookPaused, oneIf(w.Paused), w.ID)
		tell(webhookWaiting, float64(w.Waiting), w.ID)
		tell(webhookWaits, w.Waits.Seconds(), w.ID)
	}
	for part, age := range health.Retention {
		tell(retentionAge, age.Seconds(), part)
	}
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
