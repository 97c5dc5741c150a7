package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// application is told of changes by a webhook and keeps a copy of the directory by these alone.
type application struct {
	mu sync.Mutex
	// rows are objects by kind and id, seen the messages that were taken in.
	rows    map[string]map[string]any
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
	a := &application{rows: map[string]map[string]any{}, seen: map[string]bool{}}
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
			a.take(e.Type, e.Object)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *application) take(eventType string, object map[string]any) {
	kind, what, _ := strings.Cut(eventType, ".")
	key := fmt.Sprint(kind, " ", object["id"])
	if what == "deleted" && (strings.HasSuffix(kind, "membership") || kind == "administrator") {
		delete(a.rows, key)
		return
	}
	a.rows[key] = object
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
	rows, err := s.Database.Query(ctx, storedRows)
	if err != nil {
		return err
	}
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
		Key string
		Row map[string]any
	}])
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.problem != nil {
		return a.problem
	}
	var wrong []string
	for _, one := range stored {
		if have := visible(a.rows[one.Key]); !reflect.DeepEqual(have, visible(one.Row)) {
			wrong = append(wrong, fmt.Sprintf("%s is %v at the application", one.Key, have))
		}
	}
	if len(stored) != len(a.rows) {
		wrong = append(wrong, fmt.Sprintf("the application has %d rows of %d", len(a.rows), len(stored)))
	}
	return complaint(wrong)
}

// visible is a row without the columns that are derived or private.
func visible(row map[string]any) map[string]any {
	out := map[string]any{}
	for column, value := range row {
		out[column] = value
	}
	for _, column := range []string{"id", "provider_id", "raw_data", "synced_at", "path", "depth", "member_count",
		"direct_member_count", "department_id", "department_path", "is_primary", "primary_rank", "content_hash",
		"manager_external_id", "offline_at", "offline_status"} {
		delete(out, column)
	}
	return out
}

// storedRows are all rows of the directory, under the keys that an application has them by.
const storedRows = `
	SELECT 'department ' || d.id, to_jsonb(d) FROM org_departments d
	UNION ALL SELECT 'member ' || m.id, to_jsonb(m) FROM org_members m
	UNION ALL SELECT 'membership ' || md.member_id || ':' || md.department_id, to_jsonb(md) FROM org_member_departments md
	UNION ALL SELECT 'group ' || g.id, to_jsonb(g) FROM org_groups g
	UNION ALL SELECT 'group_membership ' || gm.member_id || ':' || gm.group_id, to_jsonb(gm) FROM org_group_members gm
	UNION ALL SELECT 'group_membership ' || gd.department_id || ':' || gd.group_id, to_jsonb(gd)
		FROM org_group_departments gd
	UNION ALL SELECT 'administrator ' || a.member_id || ':' || a.source, to_jsonb(a) FROM org_administrators a`

// deliverySeconds returns how long it took from a publication until the application had it, for 95 of
// 100 of them.
func (s *soak) deliverySeconds(ctx context.Context) (p95 float64, err error) {
	err = s.Database.QueryRow(ctx, `SELECT coalesce(percentile_cont(0.95) WITHIN GROUP (
			ORDER BY extract(epoch FROM d.finished_at - p.published_at)), 0)
		FROM webhook_deliveries d JOIN publications p ON p.number = d.publication
		WHERE d.status = 'delivered'`).Scan(&p95)
	return p95, err
}
