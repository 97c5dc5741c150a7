package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/stack"
)

// eventsReport is how long changes took from the providers to the directory and to an application.
type eventsReport struct {
	loadtest.Head
	// Members is how many people each of the three companies has.
	Members int          `json:"members"`
	Seconds int          `json:"seconds"`
	Rates   []eventsRate `json:"rates"`
}

// eventsRate is what so many changes a second, over all providers, took.
type eventsRate struct {
	PerSecond int            `json:"changes_per_second"`
	By        []eventsTiming `json:"by_provider"`
}

// eventsTiming are the times of one provider, from the change on.
type eventsTiming struct {
	Provider string    `json:"provider"`
	Row      quantiles `json:"row"`
	Webhook  quantiles `json:"webhook"`
}

const (
	eventsSeconds = 30
	// eventsPatience is for how long the last change may be on its way.
	eventsPatience = time.Minute
)

// eventVendors are how the providers tell of changes: by a stream where there is one.
var eventVendors = []string{"feishu", "dingtalk", "wecom"}

// measureEvents has people get new titles at each of three providers, and sees how long it takes
// until the directory has them, and an application that is told by a webhook.
func (b bench) measureEvents(ctx context.Context, root string, stdout io.Writer) (err error) {
	running, err := stack.Start(ctx, stack.Config{
		Dir: filepath.Join(b.dir, "events"), Bin: b.bin, Progress: io.Discard, Server: true, Workers: b.Workers,
		Simulator: []string{"--members", strconv.Itoa(b.Events), "--no-quotas"},
		Worker:    []stack.Setting{{Name: "ORGSYNC_CALL_RATE", Value: "0"}},
		Postgres:  []string{"track_commit_timestamp=on"},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, running.Stop()) }()
	w := &changes{stack: running, progress: b.progress, people: map[string][]string{}, pending: map[string]*pending{}}
	if err := w.follow(ctx); err != nil {
		return err
	}
	report := eventsReport{Head: loadtest.NewHead(root, ""), Members: b.Events, Seconds: eventsSeconds}
	for _, perSecond := range b.EventRates {
		rate, err := w.rate(ctx, perSecond)
		if err != nil {
			return fmt.Errorf("%d changes a second: %w", perSecond, err)
		}
		report.Rates = append(report.Rates, rate)
	}
	summary := report.summary()
	summary.Print(stdout)
	_, err = b.Save(root, "bench-events", report, summary)
	return err
}

func (r eventsReport) summary() loadtest.Summary {
	t := loadtest.NewTable(table.Row{"changes a second", "provider", "changes", "to the row: 50 % / 95 %, s",
		"to a webhook's receiver: 50 % / 95 %, s"})
	for _, rate := range r.Rates {
		for _, one := range rate.By {
			t.AppendRow(table.Row{rate.PerSecond, one.Provider, one.Row.N, one.Row.inSeconds(),
				one.Webhook.inSeconds()})
		}
	}
	return loadtest.Summary{Title: "Events", Tables: []table.Writer{t}, Text: fmt.Sprintf(
		"People of three companies, %d each, get new titles for %d s; Feishu and DingTalk tell by a stream, WeCom by "+
			"callback; %s.", r.Members, r.Seconds, r.Where())}
}

func (q quantiles) inSeconds() string { return fmt.Sprintf("%.1f / %.1f", q.P50/1000, q.P95/1000) }

// changes makes changes and notes when they arrive.
type changes struct {
	stack    *stack.Stack
	progress io.Writer
	// people are the external ids of those whose turn it is next, by vendor.
	people map[string][]string
	made   int

	mu      sync.Mutex
	pending map[string]*pending // by title
}

// pending is a change on its way: since when, and when it arrived.
type pending struct {
	vendor, person       string
	began, row, received time.Time
}

// follow has three companies synced, told of and delivered.
func (w *changes) follow(ctx context.Context) error {
	for _, vendor := range eventVendors {
		var truth struct{ Members map[string]struct{} }
		if err := w.stack.Control(ctx, http.MethodGet, "/truth?vendor="+vendor, nil, &truth); err != nil {
			return err
		}
		for id := range truth.Members {
			w.people[vendor] = append(w.people[vendor], id)
		}
		slices.Sort(w.people[vendor])
		if err := w.stack.AddProvider(ctx, vendor, vendor); err != nil {
			return err
		}
		for _, args := range [][]string{{"sync", vendor, "--wait"}, {"events", "enable", vendor}} {
			if _, err := w.stack.Orgsync(ctx, nil, args...); err != nil {
				return err
			}
		}
		telling := map[string]any{"vendor": vendor}
		if vendor == "wecom" { // titles are told of to an address that was saved long ago
			telling["url"], telling["full"] = w.stack.ServerURL()+"/events/"+vendor, true
		}
		if err := w.stack.Control(ctx, http.MethodPost, "/events", telling, nil); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	_, err = w.stack.Orgsync(ctx, nil, "webhook", "add", "http://"+listener.Addr().String()+"/", "--content", "events",
		"--types", "member.*")
	return err
}

// ServeHTTP takes deliveries of the webhook.
func (w *changes) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	var message struct {
		Data struct {
			Items []struct{ Object struct{ Title string } }
		}
	}
	if json.NewDecoder(r.Body).Decode(&message) != nil {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, item := range message.Data.Items {
		if p := w.pending[item.Object.Title]; p != nil && p.received.IsZero() {
			p.received = time.Now()
		}
	}
}

// rate makes so many changes a second and waits until they have arrived.
func (w *changes) rate(ctx context.Context, perSecond int) (eventsRate, error) {
	fmt.Fprintf(w.progress, "bench: %d changes a second, told of by three providers\n", perSecond)
	ctx, cancel := context.WithTimeout(ctx, eventsSeconds*time.Second+eventsPatience)
	defer cancel()
	w.mu.Lock()
	w.pending = map[string]*pending{}
	w.mu.Unlock()
	began := time.Now()
	var failed error
	for n := range perSecond * eventsSeconds {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))))
		if failed = w.change(ctx, eventVendors[n%len(eventVendors)]); failed != nil {
			break
		}
	}
	for failed == nil && !w.arrived() {
		select {
		case <-ctx.Done():
			failed = errors.New("not every change has arrived within a minute")
		case <-time.After(50 * time.Millisecond):
		}
	}
	if failed == nil {
		failed = w.rows(ctx)
	}
	return w.timings(perSecond), failed
}

// change gives the next person of a company a title that nobody had.
func (w *changes) change(ctx context.Context, vendor string) error {
	people := w.people[vendor]
	w.people[vendor] = append(people[1:], people[0])
	w.made++
	title := fmt.Sprintf("Title %d", w.made)
	w.mu.Lock()
	w.pending[title] = &pending{vendor: vendor, person: people[0], began: time.Now()}
	w.mu.Unlock()
	return w.stack.Control(ctx, http.MethodPost, "/change", map[string]any{"vendor": vendor, "user_id": people[0],
		"title": title}, nil)
}

func (w *changes) arrived() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range w.pending {
		if p.received.IsZero() {
			return false
		}
	}
	return true
}

// rows reads when each change was committed, by the log that a trigger writes with it.
func (w *changes) rows(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, w.stack.DatabaseURL())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT after ->> 'title', pg_xact_commit_timestamp(xmin) FROM org_changes
		WHERE object_type = 'member' AND after ->> 'title' IS NOT NULL`)
	if err != nil {
		return err
	}
	var title string
	var at time.Time
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = pgx.ForEachRow(rows, []any{&title, &at}, func() error {
		if p := w.pending[title]; p != nil {
			p.row = at
		}
		return nil
	})
	return err
}

func (w *changes) timings(perSecond int) eventsRate {
	w.mu.Lock()
	defer w.mu.Unlock()
	rate := eventsRate{PerSecond: perSecond}
	for _, vendor := range eventVendors {
		var row, received []time.Duration
		for _, p := range w.pending {
			if p.vendor == vendor && !p.row.IsZero() && !p.received.IsZero() {
				row, received = append(row, p.row.Sub(p.began)), append(received, p.received.Sub(p.began))
			}
		}
		rate.By = append(rate.By, eventsTiming{Provider: vendor, Row: quantilesOf(row),
			Webhook: quantilesOf(received)})
	}
	return rate
}
