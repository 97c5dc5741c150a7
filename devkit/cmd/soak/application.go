package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/orgsync/orgsync/devkit/oracle"
)

// application is told of changes by a webhook and keeps a copy of the directory by these alone.
type application struct {
	mu   sync.Mutex
	copy oracle.Copy
	// seen are the messages that were taken in.
	seen    map[string]bool
	secret  *standardwebhooks.Webhook
	problem error
	server  *http.Server
}

// subscribe starts an application and has it told of all changes.
func (s *soak) subscribe(ctx context.Context) (*application, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	a := &application{copy: oracle.Copy{}, seen: map[string]bool{}}
	a.server = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = a.server.Serve(listener) }()
	out, err := s.Orgsync(ctx, nil, "webhook", "add", "http://"+listener.Addr().String()+"/", "--content", "events",
		"--output", "json")
	var added struct{ Secret string }
	if err == nil {
		err = json.Unmarshal([]byte(out), &added)
	}
	if err == nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.secret, err = standardwebhooks.NewWebhook(added.Secret)
	}
	return a, err
}

// message is the body of a delivery.
type message struct {
	Data struct {
		Items []struct {
			Type   string
			Object map[string]any
		}
	}
}

// ServeHTTP implements http.Handler.
func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	var m message
	if err == nil {
		err = errors.Join(a.secret.Verify(body, r.Header), json.Unmarshal(body, &m))
	}
	if err != nil {
		a.problem = err
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if id := r.Header.Get("webhook-id"); !a.seen[id] {
		a.seen[id] = true
		for _, e := range m.Data.Items {
			a.copy.Take(e.Type, e.Object)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// compare waits until the application has been told everything and demands that its copy equals the
// tables in every column that is not derived.
func (a *application) compare(ctx context.Context, s *soak) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	err := every(ctx, 50*time.Millisecond, func() (told bool, err error) {
		err = s.Database.QueryRow(ctx, `SELECT bool_and(paused_at IS NULL
			AND (w.publication, w.change) >= (f.newest, 9223372036854775807)) FROM webhooks w, change_feed f`).Scan(&told)
		return told, err
	})
	if err != nil {
		return fmt.Errorf("the webhook was not told everything: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem != nil {
		return a.problem
	}
	wrong, err := a.copy.Differences(ctx, s.Database)
	return errors.Join(err, complaint(wrong))
}

// deliverySeconds returns how long it took from a publication until the application had it, for 95 of
// 100 of them.
func (s *soak) deliverySeconds(ctx context.Context) (p95 float64, err error) {
	err = s.Database.QueryRow(ctx, `SELECT coalesce(percentile_cont(0.95) WITHIN GROUP (
			ORDER BY extract(epoch FROM d.finished_at - p.published_at)), 0)
		FROM webhook_deliveries d JOIN publications p ON p.number = d.publication
		WHERE d.status = 'delivered'`).Scan(&p95)
	return p95, err
}
