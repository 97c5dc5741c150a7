package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// lab is a company that a test builds by hand, to know everybody in it.
type lab struct {
	t *testing.T
	*simulator.Company
	people int
}

// newLab returns a company with one person in its root.
func newLab(t *testing.T, seed uint64) *lab {
	t.Helper()
	return &lab{t: t,
		Company: simulator.Generate(simulator.Spec{Seed: seed, Departments: 1, Members: 1, RootMembers: 1})}
}

// below adds a department and that many people who only work there.
func (l *lab) below(parent simulator.Dept, name string, people int) (simulator.Dept, []simulator.PersonID) {
	l.t.Helper()
	d, err := l.AddDepartment(parent, name)
	require.NoError(l.t, err)
	hired := make([]simulator.PersonID, people)
	for i := range hired {
		hired[i] = l.hire(d)
	}
	return d, hired
}

func (l *lab) hire(departments ...simulator.Dept) simulator.PersonID {
	l.t.Helper()
	l.people++
	p, err := l.Hire(fmt.Sprintf("Person Number %d", l.people), departments...)
	require.NoError(l.t, err)
	return p
}

// must fails the test if a change of the company was refused.
func (l *lab) must(errs ...error) {
	l.t.Helper()
	for _, err := range errs {
		require.NoError(l.t, err)
	}
}

// afterPreflight is a service's hook that runs something once in the coming run, when
// the preflight is over: it asks for departments once, the run then again.
type afterPreflight struct {
	mu sync.Mutex
	// departments runs before departments are listed, members before the first people.
	departments, members func()
	past                 bool
}

func (a *afterPreflight) in(kind directory.ProviderType) simulator.Options {
	return simulator.Options{BeforeCall: func(endpoint string, n int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		switch {
		case endpoint == readers[kind].departments && n == 2:
			a.past = true
			once(&a.departments)
		case endpoint == readers[kind].members && a.past:
			once(&a.members)
		}
	}}
}

func once(do *func()) {
	if *do != nil {
		(*do)()
		*do = nil
	}
}

// set says what to do in the next run of the source.
func (a *afterPreflight) set(s *source, departments, members func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s.calls.Reset()
	a.departments, a.members, a.past = departments, members, false
}

// member is a person's external id, also of one who has left.
func (s *source) member(p simulator.PersonID) (id string) {
	s.company.View(func(v *simulator.View) {
		person, _ := v.Person(p)
		id = s.company.UserID(s.kind, person)
	})
	return id
}

func (s *source) department(d simulator.Dept) string { return s.company.DepartmentID(s.kind, d) }

// syncAll runs one sync of every source at the same time.
func (w *world) syncAll(sources ...*source) []workflows.SyncResult {
	w.t.Helper()
	results := make([]workflows.SyncResult, len(sources))
	waits := make([]func() workflows.SyncResult, len(sources))
	for i, s := range sources {
		run := w.start(workflows.SyncInput{Provider: s.name})
		waits[i] = func() workflows.SyncResult { return w.wait(run) }
	}
	for i, wait := range waits {
		results[i] = wait()
	}
	return results
}

// succeed runs one sync of every source and demands that each directory then is
// what its company is.
func (w *world) succeed(sources ...*source) {
	w.t.Helper()
	for i, result := range w.syncAll(sources...) {
		require.Equal(w.t, "succeeded", result.Status, "%s: %v", sources[i].name, result.Errors)
		w.requireEqual(sources[i])
	}
}

// failedDepartments returns the departments of a run that have an error, with it.
func (w *world) failedDepartments(runID string) map[string]db.CompletenessRecord {
	w.t.Helper()
	entries, err := w.store.ListCompleteness(w.t.Context(), runID, true, 10_000)
	require.NoError(w.t, err)
	failed := make(map[string]db.CompletenessRecord, len(entries))
	for _, e := range entries {
		failed[e.ExternalID] = e
	}
	return failed
}
