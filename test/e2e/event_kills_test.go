package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// moreKills is how often processes are killed at a moment of chance, after each has been killed at
// every step.
var moreKills = flag.Int("kills", 1, "how often processes are killed at a moment of chance")

// front is the address of a server that is killed and started again.
type front struct {
	url    string
	target atomic.Pointer[url.URL]
	// held is a path whose answer does not leave: the server dies before.
	held     string
	answered chan struct{}
	killed   chan struct{}
	once     sync.Once
	// asked is told of the path of each request.
	asked atomic.Pointer[func(path string)]
}

func newFront(w *world, api *apiServer) *front {
	f := &front{answered: make(chan struct{}), killed: make(chan struct{})}
	f.lead(api)
	f.url = serve(w.t, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			if asked := f.asked.Load(); asked != nil {
				(*asked)(r.In.URL.Path)
			}
			r.SetURL(f.target.Load())
		},
		ModifyResponse: func(answer *http.Response) error {
			if f.held == "" || answer.Request.URL.Path != f.held {
				return nil
			}
			lost := false
			f.once.Do(func() {
				close(f.answered)
				<-f.killed
				lost = true
			})
			if lost {
				return errors.New("the server died before its answer left")
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	})
	return f
}

// lead has the address lead to where the server is now.
func (f *front) lead(api *apiServer) {
	target, err := url.Parse(api.url)
	require.NoError(api.w.t, err)
	f.target.Store(target)
}

// application follows the change feed by the API, whatever becomes of the server.
type application struct {
	w     *world
	url   string
	token string
	copy  oracle.Copy
	at    string
	seen  map[string]bool
}

// read takes in one page. Where there is none it goes on from where it stands.
func (a *application) read(ctx context.Context) {
	query := url.Values{"limit": {"200"}, "wait": {"1s"}}
	if a.at != "" {
		query.Set("after", a.at)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/api/v1/changes?"+query.Encode(), nil)
	if err != nil {
		a.w.t.Error(err)
		return
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return // the server is away
	}
	defer answer.Body.Close()
	var page struct {
		Items []struct {
			Cursor, Type string
			Object       map[string]any
		}
		Next string
	}
	if answer.StatusCode != http.StatusOK {
		if answer.StatusCode < http.StatusInternalServerError {
			a.w.t.Errorf("the feed answers %s", answer.Status)
		}
		return
	}
	if json.NewDecoder(answer.Body).Decode(&page) != nil {
		return // it died in mid-sentence
	}
	last := a.at
	for _, e := range page.Items {
		if a.seen[e.Cursor] || !earlier(last, e.Cursor) {
			a.w.t.Errorf("%s at %s is told twice or out of order, behind %s", e.Type, e.Cursor, last)
		}
		a.seen[e.Cursor], last = true, e.Cursor
		a.copy.Take(e.Type, e.Object)
	}
	a.at = page.Next
}

// earlier reports whether one cursor lies before another.
func earlier(one, other string) bool {
	if one == "" {
		return true
	}
	a, err := feed.ParseCursor(one)
	b, wrong := feed.ParseCursor(other)
	return err == nil && wrong == nil && a.Before(b)
}

// drifter is a company that changes and is killed over. There are several, so that no kill waits for what
// the one before has interrupted.
type drifter struct {
	*source
	pusher *simulator.Pusher
	// called is told of each call to the provider.
	called atomic.Pointer[func()]
}

func (w *world) drifter(i int) *drifter {
	w.t.Helper()
	d := &drifter{}
	kind := []directory.ProviderType{directory.WeCom, directory.Feishu, directory.DingTalk}[i%3]
	company := simulator.Generate(simulator.TypicalSpec(uint64(70+i), 60))
	d.source = w.simulateWith(kind, company, simulator.Options{BeforeCall: func(string, int) {
		if called := d.called.Load(); called != nil {
			(*called)()
		}
	}})
	return d
}

// paces divide the providers' pauses: each tells of a change again within seconds.
var paces = map[directory.ProviderType]float64{directory.Feishu: 10, directory.DingTalk: 3, directory.WeCom: 1}

// rest waits until all that it told of is followed.
func (d *drifter) rest(w *world) {
	w.t.Helper()
	d.pusher.Wait()
	w.followed(d.source)
}

// moment comes when something has happened so often.
type moment struct {
	left atomic.Int64
	come chan struct{}
}

func newMoment(times int) *moment {
	m := &moment{come: make(chan struct{})}
	m.left.Store(int64(times))
	return m
}

func (m *moment) pass() {
	if m.left.Add(-1) == 0 {
		close(m.come)
	}
}

func (m *moment) await(t *testing.T) {
	t.Helper()
	select {
	case <-m.come:
	case <-time.After(2 * time.Minute):
		t.Fatal("it did not come to the moment of the kill")
	}
}

// A server and a worker are killed between receipt and row, row and acknowledgement, acknowledgement
// and run, in the run at each of its steps, and before its publication; then at moments of chance.
// Nothing that was told is lost, and an application that follows the feed all the while has the
// directory.
func TestAnApplicationFollowsThroughKills(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t, dbtest.New(t), server)
	w.ownNamespace()
	w.configure(map[string]string{"ORGSYNC_APPLY_CONCURRENCY": "16", "ORGSYNC_DATABASE_CONNECTIONS": "24"})
	worker, api := w.spawn(), w.serve()
	f := newFront(w, api)
	die := sync.OnceFunc(func() { close(f.killed) })
	t.Cleanup(die)
	a := &application{w: w, url: f.url, token: api.operator("application"), copy: oracle.Copy{},
		seen: map[string]bool{}}
	stop := make(chan struct{})
	var reading sync.WaitGroup
	t.Cleanup(reading.Wait)
	finish := sync.OnceFunc(func() { close(stop) })
	t.Cleanup(finish)
	reading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				a.read(context.WithoutCancel(t.Context()))
			}
		}
	})

	type victim struct {
		*source
		lab     *lab
		people  []simulator.PersonID
		pusher  *simulator.Pusher
		barrier *barrier
	}
	victims := map[string]*victim{}
	for i, step := range []string{"row", "acknowledgement", "signal", "begin", "members", "finish", "publication"} {
		l := newLab(t, uint64(60+i))
		_, people := l.below(simulator.Root, "Works", 4)
		v := &victim{source: w.simulate(directory.WeCom, l.Company), lab: l, people: people}
		victims[step] = v
	}
	var all []*source
	for _, v := range victims {
		all = append(all, v.source)
	}
	drifters := make([]*drifter, min(*moreKills, 12))
	for i := range drifters {
		drifters[i] = w.drifter(i)
		all = append(all, drifters[i].source)
	}
	w.succeed(all...)
	for _, v := range victims {
		v.pusher = w.follow(v.source, f.url+"/events/", simulator.Delivery{Pace: 0.5})
	}
	for _, d := range drifters {
		d.pusher = w.follow(d.source, f.url+"/events/", simulator.Delivery{Pace: paces[d.kind]})
	}
	f.held = "/events/" + victims["acknowledgement"].name
	for step, at := range map[string]struct{ change, table, when string }{
		"row":         {"INSERT", "provider_events", "NEW.provider_id = %s"},
		"begin":       {"UPDATE", "identity_providers", "NEW.id = %s AND NEW.newest_run_id <> OLD.newest_run_id"},
		"members":     {"UPDATE", "org_members", "NEW.provider_id = %s AND NEW.status = 'deleted'"},
		"finish":      {"UPDATE", "sync_runs", "NEW.provider_id = %s AND NEW.status <> OLD.status"},
		"publication": {"INSERT", "publications", "NEW.provider_id = %s"},
	} {
		victims[step].barrier = w.barrierBefore(at.change, at.table, victims[step].name, at.when)
	}
	change := func(v *victim) { v.lab.must(v.lab.Leave(v.people[0]), v.lab.SetTitle(v.people[1], "Chief")) }
	for step, v := range victims {
		switch step {
		case "signal": // as a server leaves it that dies before it tells what follows the events
			p, err := w.store.Providers.FindByName(t.Context(), v.name)
			require.NoError(t, err)
			require.NoError(t, v.company.SetTitle(v.people[1], "Chief"))
			v.pusher.Wait()
			_, err = w.store.AddEvents(t.Context(), p.ID, []db.Event{
				{ID: "1", Kind: "update_user", ObjectType: db.EventMember, ObjectID: v.member(v.people[1])},
			})
			require.NoError(t, err)
		case "publication": // last: it keeps all others from theirs
		default:
			change(v)
		}
	}
	<-f.answered
	for _, step := range []string{"row", "begin", "members", "finish"} {
		victims[step].barrier.await()
	}
	change(victims["publication"])
	victims["publication"].barrier.await()
	kill := func() {
		api.kill()
		require.NoError(t, worker.Process.Kill())
		_ = worker.Wait()
	}
	restart := func() {
		api.start()
		f.lead(api)
		worker = w.spawn()
	}
	kill()
	die()
	restart()
	for _, v := range victims {
		if v.barrier != nil {
			v.barrier.open()
		}
	}
	for step, v := range victims {
		v.pusher.Wait()
		w.settled(v.source)
		require.Zero(t, v.pusher.Lost.Load(), step)
	}

	for round := range *moreKills {
		d := drifters[round%len(drifters)]
		d.rest(w)
		strike := newMoment(1 + round/2%5)
		if round%2 == 0 { // while it tells of its changes
			f.asked.Store(new(func(path string) {
				if strings.HasSuffix(path, d.name) {
					strike.pass()
				}
			}))
		} else { // while it is asked about them
			d.called.Store(new(strike.pass))
		}
		d.company.Drift(uint64(round), 0.1)
		strike.await(t)
		kill()
		restart()
	}
	for _, more := range []bool{true, false} {
		var sources []*source
		for _, d := range drifters {
			d.rest(w)
			sources = append(sources, d.source)
		}
		w.succeed(sources...) // what has no event: groups, administrators
		if more {
			for _, d := range drifters {
				d.company.Drift(99, 0.1)
			}
		}
	}

	var newest, publications int
	require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT (SELECT newest FROM change_feed),
		(SELECT count(*) FROM publications)`).Scan(&newest, &publications))
	require.Equal(t, newest, publications, "no gap")
	finish()
	reading.Wait()
	end := feed.EndOf(int64(newest))
	for done := false; !done; { // what came after it had stopped
		before := a.at
		a.read(t.Context())
		at, err := feed.ParseCursor(a.at)
		require.NoError(t, err)
		done = a.at == before && !at.Before(end)
	}
	differences, err := a.copy.Differences(t.Context(), w.pool)
	require.NoError(t, err)
	require.Empty(t, differences, fmt.Sprintf("%d rows", len(a.copy)))
	kinds := map[string]bool{}
	for key := range a.copy {
		kind, _, _ := strings.Cut(key, " ")
		kinds[kind] = true
	}
	for _, kind := range []string{"department", "member", "membership", "group", "group_membership"} {
		require.Contains(t, kinds, kind)
	}
	for name, twice := range map[string]string{
		"changes": `SELECT count(*) FROM (SELECT 1 FROM org_changes GROUP BY run_id, object_type, object_id, department_id,
			kind HAVING count(*) > 1) c`,
		"parts of runs": `SELECT count(*) FROM (SELECT 1 FROM publications GROUP BY run_id, after_change
			HAVING count(*) > 1) c`,
	} {
		require.Zero(t, w.count(twice), "%s are published more than once", name)
	}
}
