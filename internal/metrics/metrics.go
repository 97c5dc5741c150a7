// Package metrics counts what a worker does, in the form that Prometheus reads: our
// own figures, those of Temporal's SDK, and the state of the stored providers as
// Postgres has it. No label takes more values than there are providers, endpoints or
// kinds, and none carries personal data. It decides nothing.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/orgsync/orgsync/internal/directory"
)

// Metrics holds the counters of a process. The nil *Metrics counts nothing, for
// programs that are not watched. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	runs        *prometheus.CounterVec
	runSeconds  *prometheus.HistogramVec
	departments *prometheus.CounterVec
	members     *prometheus.CounterVec
	memberships *prometheus.CounterVec

	calls       *prometheus.CounterVec
	callSeconds *prometheus.HistogramVec
	throttled   *prometheus.CounterVec
	waitSeconds *prometheus.HistogramVec

	retentionRows *prometheus.CounterVec

	eventsStored    *prometheus.CounterVec
	messagesRefused *prometheus.CounterVec
	eventSeconds    *prometheus.HistogramVec

	publishSeconds  *prometheus.HistogramVec
	deliveries      *prometheus.CounterVec
	deliverySeconds *prometheus.HistogramVec

	requests       *prometheus.CounterVec
	requestSeconds *prometheus.HistogramVec
}

// New returns counters at zero. state, if not nil, is asked at every scrape.
func New(state State, log *slog.Logger) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		runs: counter("orgsync_runs_total",
			"Runs that ended, and runs that were held, by what came of them; one that was held counts again when it "+
				"is decided.",
			"provider", "mode", "status"),
		// From a member's second to a large company's half day.
		runSeconds: histogram("orgsync_run_duration_seconds", "How long runs took until they ended or were held.",
			[]float64{1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 21600, 43200}, "provider", "mode"),
		departments: counter("orgsync_departments_changed_total",
			"Departments that applied runs changed, by kind of change.", "provider", "kind"),
		members: counter("orgsync_members_changed_total", "People that applied runs changed, by kind of change.",
			"provider", "kind"),
		memberships: counter("orgsync_memberships_changed_total",
			"Places in departments that applied runs changed, by kind of change.", "provider", "kind"),
		calls: counter("orgsync_provider_calls_total",
			"Calls to providers, by what came of them: ok, or the kind of error.",
			"provider", "endpoint", "outcome"),
		callSeconds: histogram("orgsync_provider_call_seconds",
			"How long calls to providers took, without waiting for the call budget.",
			[]float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "provider", "endpoint"),
		throttled: counter("orgsync_provider_throttled_total", "Answers by which a provider asked for fewer calls.",
			"provider", "endpoint"),
		waitSeconds: histogram("orgsync_provider_wait_seconds",
			"How long calls waited for their place in the shared call budget.",
			[]float64{.001, .01, .1, .5, 1, 5, 10, 20}, "provider"),
		retentionRows: counter("orgsync_retention_rows_total", "Rows that retention cleaned up, by part.", "part"),
		eventsStored: counter("orgsync_events_stored_total",
			"Events that providers told of, each object once.", "provider"),
		messagesRefused: counter("orgsync_messages_refused_total",
			"Messages to the callback address, or on a stream, that were refused, by reason.", "provider", "reason"),
		eventSeconds: histogram("orgsync_event_to_row_seconds",
			"How long it took from storing an event until the run ended that read what it was about.",
			[]float64{.5, 1, 2, 3, 5, 10, 30, 60, 300, 1800}, "provider"),
		publishSeconds: histogram("orgsync_change_to_published_seconds",
			"How long the first change of a run waited until the run was published in the change feed.",
			[]float64{.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200}, "provider"),
		deliveries: counter("orgsync_webhook_attempts_total",
			"Attempts to deliver changes to a webhook, by what came of them: delivered, or why not.",
			"webhook", "outcome"),
		deliverySeconds: histogram("orgsync_published_to_delivery_seconds",
			"How long it took from a publication in the change feed until a webhook took it.",
			[]float64{.1, .25, .5, 1, 2, 4, 10, 60, 600, 3600, 21600, 86400}, "provider"),
		requests: counter("orgsync_http_requests_total", "Requests that the server answered, by route and status.",
			"method", "route", "status"),
		requestSeconds: histogram("orgsync_http_request_seconds", "How long requests took, streams until they ended.",
			[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route"),
	}
	m.registry.MustRegister(m.runs, m.runSeconds, m.departments, m.members, m.memberships,
		m.calls, m.callSeconds, m.throttled, m.waitSeconds, m.retentionRows, m.eventsStored,
		m.messagesRefused, m.eventSeconds, m.publishSeconds,
		m.deliveries, m.deliverySeconds, m.requests, m.requestSeconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector())
	if state != nil {
		m.registry.MustRegister(&stateCollector{state: state, log: log, met: m.expect})
	}
	return m
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

// expect begins a provider's counts of runs at zero, so that the first that fails after
// a worker's start is an increase.
func (m *Metrics) expect(provider string) {
	m.eventSeconds.WithLabelValues(provider)
	for _, status := range []string{
		directory.RunSucceeded, directory.RunPartial, directory.RunFailed, directory.RunHeld, directory.RunRejected,
		directory.RunCanceled,
	} {
		m.runs.WithLabelValues(provider, "apply", status)
	}
}

// Handler answers a scrape. What cannot be collected is left out and logged.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError,
		Timeout: scrapeTimeout})
}

// scrapeTimeout is below Prometheus' own default of ten seconds.
const scrapeTimeout = 8 * time.Second

// EventsStored counts events that are new.
func (m *Metrics) EventsStored(provider string, events int) {
	if m != nil {
		m.eventsStored.WithLabelValues(provider).Add(float64(events))
	}
}

// MessageRefused counts a message that was refused.
func (m *Metrics) MessageRefused(provider, reason string) {
	if m != nil {
		m.messagesRefused.WithLabelValues(provider, reason).Inc()
	}
}

// EventDone counts an event that a run has followed, so long after it was stored.
func (m *Metrics) EventDone(provider string, after time.Duration) {
	if m != nil {
		m.eventSeconds.WithLabelValues(provider).Observe(after.Seconds())
	}
}

// Published counts a publication whose first change had waited for so long.
func (m *Metrics) Published(provider string, after time.Duration) {
	if m != nil {
		m.publishSeconds.WithLabelValues(provider).Observe(after.Seconds())
	}
}

// Delivery counts an attempt to deliver changes to a webhook: outcome is "delivered" or why not.
func (m *Metrics) Delivery(webhook, outcome string) {
	if m != nil {
		m.deliveries.WithLabelValues(webhook, outcome).Inc()
	}
}

// Delivered counts a publication that a webhook took, so long after it was published.
func (m *Metrics) Delivered(provider string, after time.Duration) {
	if m != nil {
		m.deliverySeconds.WithLabelValues(provider).Observe(after.Seconds())
	}
}

// Run is a run that ended or was held.
type Run struct {
	Provider, Mode, Status string
	// Took is how long it was at work; zero where that was told before, when it was held.
	Took time.Duration
	// Counted is what was told of it before, Counts what it did altogether.
	Counted, Counts directory.Counts
}

// Run counts a run that ended or was held. A plan changes nothing.
func (m *Metrics) Run(r Run) {
	if m == nil {
		return
	}
	m.runs.WithLabelValues(r.Provider, r.Mode, r.Status).Inc()
	if r.Took > 0 {
		m.runSeconds.WithLabelValues(r.Provider, r.Mode).Observe(r.Took.Seconds())
	}
	if r.Mode != "apply" {
		return
	}
	add := func(changed *prometheus.CounterVec, before, now map[string]int) {
		for kind := range now {
			// People counted as updated before may have been removed since: counters do not fall.
			changed.WithLabelValues(r.Provider, kind).Add(float64(max(now[kind]-before[kind], 0)))
		}
	}
	add(m.departments, departmentKinds(r.Counted.Departments), departmentKinds(r.Counts.Departments))
	add(m.members, memberKinds(r.Counted.Members), memberKinds(r.Counts.Members))
	add(m.memberships, membershipKinds(r.Counted.Memberships), membershipKinds(r.Counts.Memberships))
}

func departmentKinds(c directory.DepartmentCounts) map[string]int {
	return map[string]int{"created": c.Created, "updated": c.Updated, "moved": c.Moved, "restored": c.Restored,
		"deleted": c.Deleted}
}

func memberKinds(c directory.MemberCounts) map[string]int {
	return map[string]int{
		"created": c.Created, "updated": c.Updated, "moved": c.Moved, "restored": c.Restored,
		"deactivated": c.Deactivated, "deleted": c.Deleted, "linked": c.Linked, "account_created": c.AccountCreated,
	}
}

func membershipKinds(c directory.MembershipCounts) map[string]int {
	return map[string]int{"created": c.Created, "deleted": c.Deleted}
}

// throttledOutcome is the outcome of a call by which the provider asked for fewer.
const throttledOutcome = "RateLimited"

// Call counts a call that was made: outcome is "ok" or the kind of error.
func (m *Metrics) Call(provider, endpoint, outcome string, took time.Duration) {
	if m == nil {
		return
	}
	m.calls.WithLabelValues(provider, endpoint, outcome).Inc()
	m.callSeconds.WithLabelValues(provider, endpoint).Observe(took.Seconds())
	if outcome == throttledOutcome {
		m.throttled.WithLabelValues(provider, endpoint).Inc()
	}
}

// Wait counts a call's waiting for its place in the shared call budget.
func (m *Metrics) Wait(provider string, waited time.Duration) {
	if m == nil {
		return
	}
	m.waitSeconds.WithLabelValues(provider).Observe(waited.Seconds())
}

// CleanedUp counts rows that a part of retention cleaned up.
func (m *Metrics) CleanedUp(part string, rows int) {
	if m == nil {
		return
	}
	m.retentionRows.WithLabelValues(part).Add(float64(rows))
}

// Request counts an answer of the server. pattern is that of its route, empty where there is
// none: a path would make a label of each object.
func (m *Metrics) Request(method, pattern string, status int, took time.Duration) {
	_, route, found := strings.Cut(pattern, " ")
	if !found {
		method, route = "", "none"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.requestSeconds.WithLabelValues(route).Observe(took.Seconds())
}
