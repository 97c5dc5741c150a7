package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/service"
)

// publish gives what a company's run changed the next place in the feed.
func (w *world) publish(of map[string]string) {
	w.t.Helper()
	w.exec(`WITH taken AS (UPDATE change_feed SET newest = newest + 1 RETURNING newest), told AS (
			INSERT INTO publications (number, run_id, after_change, last_change, provider_id, provider)
			SELECT newest, $1::uuid, 0, (SELECT max(id) FROM org_changes WHERE run_id = $1::uuid), $2, $3 FROM taken)
		SELECT pg_notify('orgsync_changes', newest::text) FROM taken`, of["run"], of["provider"], of["name"])
}

// changes reads the feed.
func (w *world) changes(token, query string) (events []map[string]any, next string) {
	w.t.Helper()
	return w.get(token, "/api/v1/changes?"+query).items()
}

func TestChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.publish(w.acme)
	w.publish(w.globex)
	reader, admin := w.as("reader"), w.as("admin")
	events, next := w.changes(reader, "")
	require.Len(t, events, 2)
	first := events[0]
	require.Equal(t, []any{"member.updated", "acme", w.acme["run"]},
		[]any{first["type"], first["provider"], first["run"]})
	require.Equal(t, map[string]any{"title": "a"}, first["previous"])
	object := first["object"].(map[string]any)
	require.Equal(t, []any{w.acme["ann"], "ann"}, []any{object["id"], object["name"]}, "as it is now")
	require.NotContains(t, w.get(reader, "/api/v1/changes").body, "raw")
	require.Contains(t, w.get(admin, "/api/v1/changes").body, "raw_data")
	one, cursor := w.changes(reader, "limit=1")
	require.Equal(t, cursor, one[0]["cursor"])
	rest, end := w.changes(reader, "after="+cursor)
	require.Equal(t, events[1:], rest)
	require.Equal(t, next, end)
	for query, want := range map[string]int{"provider=acme": 1, "types=member.*": 2, "types=department.*": 0,
		"after=now": 0, "types=member.updated,group.created": 2} {
		events, next := w.changes(reader, query)
		require.Len(t, events, want, query)
		require.NotEmpty(t, next, "there is always a place to go on from")
	}
	bound := w.token(service.CreateTokenInput{Name: "b", Role: "reader", TenantID: tenant2}).Secret
	events, _ = w.changes(bound, "")
	require.Len(t, events, 1)
	require.Equal(t, "globex", events[0]["provider"])

	for query, code := range map[string]string{"after=x": "cursor_invalid", "types=member.born": "event_type_unknown",
		"wait=2h": "wait_invalid", "wait=x": "wait_invalid", "limit=201": "input_invalid"} {
		w.get(reader, "/api/v1/changes?"+query).problem(http.StatusUnprocessableEntity, code)
	}
	w.get(bound, "/api/v1/changes?provider=acme").problem(http.StatusNotFound, "provider_unknown")
	w.exec("UPDATE change_feed SET dropped_publication = 2, dropped_change = 1")
	w.get(reader, "/api/v1/changes?after="+cursor).problem(http.StatusGone, "cursor_expired")
}

// Whoever waits is told as soon as something is published, and else when the time is over.
func TestWaitingForChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reader := w.as("reader")
	none, next := w.changes(reader, "after=now&wait=50ms")
	require.Empty(t, none)
	answers := make(chan reply)
	for range 3 {
		go func() { answers <- w.get(reader, "/api/v1/changes?wait=30s&after="+next) }()
	}
	require.Eventually(t, func() bool {
		var listening int
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'LISTEN%'`).Scan(&listening))
		return listening == 1
	}, 10*time.Second, 20*time.Millisecond)
	began := time.Now()
	w.publish(w.acme)
	for range 3 {
		got := <-answers
		require.Equal(t, 1, strings.Count(got.body, "member.updated"), got.body)
	}
	require.Less(t, time.Since(began), 10*time.Second)
	require.Equal(t, "1", w.text(`SELECT count(*)::text FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'LISTEN%'`), "one connection for all who wait")
}

func (w *world) text(query string) (out string) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), query).Scan(&out))
	return out
}
