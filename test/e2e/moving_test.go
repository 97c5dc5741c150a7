package e2e

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// between runs something once, right after a listing of one department was answered.
type between struct {
	mu    sync.Mutex
	path  string
	among map[string]simulator.Dept
	then  func(read simulator.Dept)
}

var word = regexp.MustCompile(`[\w-]+`)

// around serves one call after the other, so that what a listing says is what was true
// when it was answered.
func (b *between) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(rw, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(rw, r)
		if b.then == nil || !strings.HasSuffix(r.URL.Path, b.path) {
			return
		}
		for _, id := range word.FindAllString(r.URL.String()+string(body), -1) {
			if d, ok := b.among[id]; ok {
				then := b.then
				b.then = nil
				then(d)
				return
			}
		}
	})
}

// next says what is to happen, in the next run of the source, after the first listing of
// any of these departments.
func (b *between) next(s *source, later *afterPreflight, path string, departments []simulator.Dept,
	then func(read simulator.Dept)) {
	among := map[string]simulator.Dept{}
	for _, d := range departments {
		among[s.department(d)] = d
	}
	later.set(s, func() { b.path, b.among, b.then = path, among, then }, nil)
}

// Somebody moves from a department that is still to be read to one that has been: no
// listing shows them, and they are not gone.
func TestSomebodyMovesDuringTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	listings := map[directory.ProviderType]string{
		directory.Feishu: "/users/find_by_department", directory.DingTalk: "/v2/user/list",
		directory.WeCom: "/user/list",
	}
	type mover struct {
		between
		*lab
		*source
		later afterPreflight
		who   simulator.PersonID
		left  simulator.PersonID
	}
	movers := make([]*mover, len(kinds))
	var sources []*source
	for i, kind := range kinds {
		m := &mover{lab: newLab(t, 41)}
		var departments []simulator.Dept
		people := map[simulator.Dept]simulator.PersonID{} // one of each
		for _, name := range []string{"North", "East", "South"} {
			d, hired := m.below(simulator.Root, name, 3)
			departments, people[d] = append(departments, d), hired[0]
		}
		_, leavers := m.below(simulator.Root, "West", 2)
		m.left = leavers[0]
		m.source = w.simulateWith(kind, m.Company, m.later.in(kind), m.around)
		movers[i], sources = m, append(sources, m.source)
		w.succeed(m.source)
		m.must(m.Leave(m.left))
		m.next(m.source, &m.later, listings[kind], departments, func(read simulator.Dept) {
			from := departments[(slices.Index(departments, read)+1)%len(departments)]
			m.who = people[from]
			m.must(m.Move(m.who, from, read))
			m.hire(from) // so that the provider's own head counts are met
		})
	}
	before := make([]oracle.Directory, len(movers))
	for i, m := range movers {
		before[i] = w.standing(m.source)
	}
	for i, result := range w.syncAll(sources...) {
		m := movers[i]
		require.NotZero(t, m.who, "%s: nobody moved", m.kind)
		require.Equal(t, directory.RunPartial, result.Status, "%s: %v", m.kind, result.Errors)
		require.Len(t, result.Errors, 1)
		require.Contains(t, result.Errors[0], "it was moved while the company was being read")
		require.Equal(t, [2]int{1, 1}, [2]int{result.Members.Deleted, result.Members.Created},
			"%s: who left is removed all the same", m.kind)
		member := m.member(m.who)
		require.Equal(t, before[i].Members[member], w.members(m.name)[member], "%s: the person is as before", m.kind)
	}
	w.succeed(sources...)
}

// The same of a department in the tree, where that is read department by department.
func TestADepartmentMovesDuringTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 42)
	var b between
	var later afterPreflight
	north, _ := l.below(simulator.Root, "North", 1)
	south, _ := l.below(simulator.Root, "South", 1)
	below := map[simulator.Dept]simulator.Dept{}
	below[north], _ = l.below(north, "In the north", 2)
	below[south], _ = l.below(south, "In the south", 2)
	s := w.simulateWith(directory.DingTalk, l.Company, later.in(directory.DingTalk), b.around)
	w.succeed(s)
	before := w.standing(s)
	b.next(s, &later, "/department/listsub", []simulator.Dept{north, south}, func(read simulator.Dept) {
		other := north + south - read
		l.must(l.ChangeDepartment(below[other], read, "Moved"))
		l.hire(other) // so that the provider's own head count is met
		l.hire(other)
	})
	result := w.sync(s.name)
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Contains(t, strings.Join(result.Errors, "\n"), "it was moved while the company was being read")
	for _, d := range below {
		require.Equal(t, before.Departments[s.department(d)], w.departments(s.name)[s.department(d)])
	}
	for id, m := range before.Members {
		require.Equal(t, m, w.members(s.name)[id])
	}
	w.succeed(s)
}

// Nobody has verified what Feishu answers of somebody who left: should a look-up of them
// only say that they are out of range, they are removed all the same, one run later.
func TestLeaversWhoAreOutOfSightGoOneRunLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 44)
	d, people := l.below(simulator.Root, "North", 4)
	s := w.simulate(directory.Feishu, l.Company)
	s.feishu.Reconfigure(func(c *feishu.Config) { c.HiddenLeavers = true })
	w.succeed(s)
	l.must(l.Leave(people[0]), l.Leave(people[1]))
	result := w.sync(s.name)
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Len(t, result.Errors, 2)
	require.Contains(t, w.members(s.name), s.member(people[0]), "nobody has said that they are gone")

	// What does not read the whole company takes no part in it.
	targeted := w.wait(w.start(workflows.SyncInput{Provider: s.name, Departments: []string{s.department(d)}}))
	require.Zero(t, targeted.Members.Deleted)
	plan := w.wait(w.start(workflows.SyncInput{Provider: s.name, Mode: workflows.ModePlan}))
	require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
	require.Equal(t, 2, plan.Members.Deleted)
	require.Contains(t, w.members(s.name), s.member(people[0]))

	synced := w.lastSynced(s.name)
	result = w.sync(s.name)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Empty(t, result.Errors)
	require.Equal(t, plan.Counts, result.Counts)
	require.NotEqual(t, synced, w.lastSynced(s.name))
	w.requireEqual(s)
	require.Equal(t, []string{"not_visible_twice", "not_visible_twice"}, w.removedFor(result.RunID))
	w.succeed(s)
}

// removedFor are the reasons for which a run removed people.
func (w *world) removedFor(runID string) (reasons []string) {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(),
		"SELECT reason FROM sync_run_removals WHERE run_id = $1 AND object_type = 'member' AND applied", runID)
	require.NoError(w.t, err)
	reasons, err = pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(w.t, err)
	return reasons
}

// Somebody whom listings rightly leave out and look-ups show: their own record says where
// they are, for good, and no run is held up by it.
func TestWhoIsShownByLookUpsAlone(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := newLab(t, 45)
			north, people := l.below(simulator.Root, "North", 3)
			south, _ := l.below(simulator.Root, "South", 3)
			s := w.simulate(kind, l.Company)
			w.succeed(s)
			hidden, id := people[0], s.member(people[0])
			l.must(l.Unlist(hidden, true))
			require.Equal(t, directory.RunPartial, w.sync(s.name).Status)

			l.must(l.Move(hidden, north, south), l.SetTitle(hidden, "Hidden"))
			synced := w.lastSynced(s.name)
			result := w.sync(s.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.Empty(t, result.Errors)
			require.Equal(t, []string{s.department(south)}, w.members(s.name)[id].Departments)
			require.Equal(t, "Hidden", w.members(s.name)[id].Title)
			require.NotEqual(t, synced, w.lastSynced(s.name))

			before, synced := w.writes(), w.lastSynced(s.name)
			s.calls.Reset()
			result = w.sync(s.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.Empty(t, result.Errors)
			require.Equal(t, before, w.writes(), "an unchanged company writes no row")
			require.NotEqual(t, synced, w.lastSynced(s.name))

			// Listed again they are like anybody else; and when they leave they go.
			l.must(l.Unlist(hidden, false))
			w.succeed(s)
			w.succeed(s)
			l.must(l.Unlist(hidden, true))
			require.Equal(t, directory.RunPartial, w.sync(s.name).Status)
			l.must(l.Leave(hidden))
			result = w.sync(s.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.NotContains(t, w.members(s.name), id)
			w.succeed(s)
		})
	}
}

// With the contact sync secret alone nobody can be looked up, but the list of all ids can
// be asked for once more.
func TestSomebodyIsLeftOutOfTheListOfAllIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 43)
	d, people := l.below(simulator.Root, "North", 3)
	var mu sync.Mutex
	asked, hidden := 0, 0 // how often the list was asked for, and when somebody is left out
	s := w.simulateWith(directory.WeCom, l.Company, simulator.Options{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if !strings.HasSuffix(r.URL.Path, "/user/list_id") {
				next.ServeHTTP(rw, r)
				return
			}
			if asked++; asked == hidden {
				l.must(l.Leave(people[1]))
				defer func() { l.must(l.Rehire(people[1], d)) }()
			}
			next.ServeHTTP(rw, r)
		})
	})
	s.name = w.add(directory.WeCom, map[string]string{"corp_id": "wwsim", "sync_secret": "sim-sync-secret",
		"base_url": s.url})
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	want := w.members(s.name)

	l.must(l.Leave(people[0]))
	delete(want, s.member(people[0]))
	asked, hidden = 0, asked // the last time, that is when people are read
	result := w.sync(s.name)
	require.Equal(t, directory.RunPartial, result.Status, result.Errors)
	require.Equal(t, 1, result.Members.Deleted)
	require.Equal(t, want, w.members(s.name))
	require.Equal(t, hidden+1, asked, "not once for each")
	require.Equal(t, directory.RunSucceeded, w.sync(s.name).Status)
	require.Equal(t, want, w.members(s.name))
}
