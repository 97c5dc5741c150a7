package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// follow opens a run's stream and returns its next event: its fields by name.
func (w *world) follow(ctx context.Context, token, run, seen string) (next func() map[string]string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/api/v1/runs/"+run+"/progress", nil)
	require.NoError(w.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Last-Event-ID", seen)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = answer.Body.Close() })
	require.Equal(w.t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.Equal(w.t, "no", answer.Header.Get("X-Accel-Buffering"))
	lines := bufio.NewScanner(answer.Body)
	return func() map[string]string {
		event := map[string]string{}
		for lines.Scan() {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch {
			case lines.Text() == "" && len(event) > 0:
				return event
			case name != "":
				event[name] = value
			}
		}
		return event
	}
}

// reads is how many transactions the database has had.
func (w *world) reads() (n int) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `SELECT pg_stat_force_next_flush(), xact_commit
		FROM pg_stat_database WHERE datname = current_database()`).Scan(nil, &n))
	return n
}

// 200 browsers that follow a run are told of all of it, and ask the database no more than one.
func TestManyBrowsersCostOneLook(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := w.as("operator")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	const browsers, steps = 200, 8
	before := w.reads()
	streams := make([]func() map[string]string, browsers)
	for i := range streams {
		streams[i] = w.follow(ctx, operator, w.acme["run"], "")
		require.Equal(t, "progress", streams[i]()["event"])
	}
	for step := range steps { // each is told after the next look, of which there is one a second
		w.exec("UPDATE sync_runs SET status = 'running', calls = $2 WHERE id = $1", w.acme["run"], 100+step)
		for _, next := range streams {
			require.Contains(t, next()["data"], fmt.Sprintf(`"calls":%d`, 100+step))
		}
	}
	require.Less(t, w.reads()-before, browsers*steps/2, "coming in costs each two, and looking them all one a second")
}

func TestARunIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	operator := w.as("operator")
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	next := w.follow(ctx, operator, w.acme["run"], "")
	first := next()
	require.Equal(t, "progress", first["event"])
	require.Contains(t, first["data"], `"status":"held"`)
	w.exec("UPDATE sync_runs SET status = 'running', phase = 'removals' WHERE id = $1", w.acme["run"])
	require.Contains(t, next()["data"], `"phase":"removals"`)

	// One who comes back has missed nothing, and is not told again what they know.
	again := w.follow(ctx, operator, w.acme["run"], first["id"])
	second := again()
	require.Contains(t, second["data"], `"phase":"removals"`)
	third := w.follow(ctx, operator, w.acme["run"], second["id"])
	w.exec("UPDATE sync_runs SET status = 'succeeded', finished_at = now() WHERE id = $1", w.acme["run"])
	for _, end := range []map[string]string{next(), again(), third()} {
		require.Equal(t, "end", end["event"])
		require.Contains(t, end["data"], `"status":"succeeded"`)
	}
	require.Empty(t, next(), "the stream ends with the run")
}
