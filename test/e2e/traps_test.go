package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// row is the id and status of a member's row, by external id, or by unionid where
// the provider has those: an external id may be several people's over time.
func (w *world) row(s *source, p simulator.PersonID) (id, status string) {
	w.t.Helper()
	column, value := "external_id", s.member(p)
	if s.kind != directory.WeCom {
		column, value = "unionid", s.company.UnionID(s.kind, p)
	}
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `
		SELECT m.id, m.status FROM org_members m JOIN identity_providers p ON p.id = m.provider_id
		WHERE p.name = $1 AND m.`+column+` = $2`, s.name, value).Scan(&id, &status))
	return id, status
}

func TestPeopleWhoComeGoAndChangeTheirIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		p := newPlot(w, kind)
		p.must(p.Join(p.people[0], p.departments[1]), p.Join(p.people[0], p.departments[2]))
		plots, sources = append(plots, p), append(sources, p.source)
	}
	w.succeed(sources...)
	type person struct {
		provider int
		who      simulator.PersonID
	}
	rows := map[person]string{}
	for i, p := range plots {
		for _, who := range p.people {
			rows[person{i, who}], _ = w.row(p.source, who)
		}
	}
	// is fails unless everybody has the row they always had.
	is := func(i int, who simulator.PersonID, status string) {
		t.Helper()
		id, got := w.row(sources[i], who)
		require.Equal(t, rows[person{i, who}], id, "%s: person %d has another row", plots[i].kind, who)
		require.Equal(t, status, got, "%s: person %d", plots[i].kind, who)
	}

	// Of three departments one less; a leaver; an id that changes.
	for _, p := range plots {
		p.must(p.LeaveDepartment(p.people[0], p.departments[0]), p.Leave(p.people[2]))
		if p.kind != directory.WeCom { // has no other id to know the person by
			p.must(p.ChangeUserID(p.people[4]))
		}
	}
	w.succeed(sources...)
	for i, p := range plots {
		is(i, p.people[0], "active")
		is(i, p.people[2], "deleted")
		is(i, p.people[4], "active")
	}

	// The leaver's id goes to somebody new, and another leaver is hired again.
	var heirs []simulator.PersonID
	for _, p := range plots {
		heir := p.hire(p.departments[3])
		heirs = append(heirs, heir)
		p.must(p.RecycleUserID(p.people[2], heir), p.Leave(p.people[5]))
	}
	w.succeed(sources...)
	for i, p := range plots {
		is(i, p.people[5], "deleted")
		if p.kind != directory.WeCom {
			is(i, p.people[2], "deleted")
			id, status := w.row(p.source, heirs[i])
			require.NotEqual(t, rows[person{i, p.people[2]}], id, "%s: two people in one row", p.kind)
			require.Equal(t, "active", status)
		}
		p.must(p.Rehire(p.people[5], p.departments[0]))
		// The tree: renamed and moved at once.
		p.must(p.ChangeDepartment(p.departments[1], p.departments[2], "Merged"))
	}
	for i, result := range w.syncAll(sources...) {
		require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
		require.Equal(t, 1, result.Members.Restored, plots[i].kind)
		require.Equal(t, 1, result.Departments.Moved, plots[i].kind)
		w.requireEqual(sources[i])
		is(i, plots[i].people[5], "active")
	}
}

// handlerOf serves a company as s does its own.
func (s *source) handlerOf(company *simulator.Company) http.Handler {
	switch s.kind {
	case directory.Feishu:
		return feishu.New(company, feishu.Config{})
	case directory.DingTalk:
		return dingtalk.New(company, dingtalk.Config{})
	default:
		return wecom.New(company, wecom.Config{OldApp: true})
	}
}

// A department that was gone and is there again, id and all, with its people.
func TestDepartmentThatComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sources []*source
	var shows []func(*simulator.Company)
	with, without := make([]*simulator.Company, len(kinds)), make([]*simulator.Company, len(kinds))
	for i, kind := range kinds {
		l := newLab(t, 37)
		l.below(simulator.Root, "Stays", 3)
		d, people := l.below(simulator.Root, "Comes and goes", 3)
		l.below(d, "With it", 2)
		var saved bytes.Buffer
		l.must(l.Save(json.NewEncoder(&saved)))
		copied, err := simulator.Load(json.NewDecoder(&saved))
		require.NoError(t, err)
		l.must(copied.DeleteDepartment(d), copied.Leave(people[0]))
		with[i], without[i] = l.Company, copied

		var shown atomic.Pointer[http.Handler]
		s := w.simulateWith(kind, l.Company, simulator.Options{}, func(next http.Handler) http.Handler {
			shown.Store(&next)
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { (*shown.Load()).ServeHTTP(rw, r) })
		})
		sources = append(sources, s)
		shows = append(shows, func(company *simulator.Company) {
			handler := s.handlerOf(company)
			s.company = company
			shown.Store(&handler)
		})
	}
	w.succeed(sources...)
	first := make([]oracle.Directory, len(sources))
	for i, s := range sources {
		first[i] = w.standing(s)
		shows[i](without[i])
	}
	w.succeed(sources...)
	for i := range sources {
		shows[i](with[i])
	}
	for i, result := range w.syncAll(sources...) {
		require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
		require.Equal(t, 2, result.Departments.Restored)
		require.Zero(t, result.Departments.Created+result.Members.Created)
		require.Equal(t, first[i], w.standing(sources[i]))
	}
}

func TestDepartmentDeletedDuringTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		p := newPlot(w, kind)
		plots, sources = append(plots, p), append(sources, p.source)
	}
	w.succeed(sources...)
	before := make([]oracle.Directory, len(plots))
	for i, p := range plots {
		before[i] = w.standing(p.source)
		// Once the departments were listed: nothing tells the run but the refusal.
		p.later.set(p.source, nil, func() { p.must(p.DeleteDepartment(p.departments[3])) })
	}
	for i, result := range w.syncAll(sources...) {
		require.Equal(t, directory.RunPartial, result.Status, "%s: %v", plots[i].kind, result.Errors)
		require.Contains(t, w.failedDepartments(result.RunID), plots[i].department(plots[i].departments[3]))
		w.requireNothingLost(sources[i], before[i])
	}
	w.succeed(sources...)
}

// others is a fingerprint of what in the directory is none of the provider's business.
func (w *world) others(provider string) (fingerprint string) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(), `
		WITH mine AS (SELECT id FROM identity_providers WHERE name = $1)
		SELECT md5(string_agg(t.row, '|' ORDER BY t.row)) FROM (
			SELECT (xmin, d.*)::text AS row FROM org_departments d WHERE provider_id IS DISTINCT FROM (SELECT id
			FROM mine)
			UNION ALL SELECT (xmin, m.*)::text FROM org_members m WHERE provider_id IS DISTINCT FROM (SELECT id
			FROM mine)
			UNION ALL SELECT (md.xmin, md.*)::text FROM org_member_departments md
			JOIN org_members m ON m.id = md.member_id
				WHERE m.provider_id IS DISTINCT FROM (SELECT id FROM mine)) t`, provider).Scan(&fingerprint))
	return fingerprint
}

func TestFirstRunIntoADirectoryInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := newPlot(w, directory.WeCom)
	w.succeed(other.source)
	_, err := w.pool.Exec(t.Context(), `
		WITH d AS (INSERT INTO org_departments (external_id, name, path) VALUES ('1', 'By hand', 'By hand')
		RETURNING id),
		     m AS (INSERT INTO org_members (external_id, name, email, department_id)
		     SELECT 'by-hand', 'Made By Hand', 'hand@example.com', id FROM d RETURNING id)
		INSERT INTO org_member_departments (member_id, department_id, is_primary) SELECT m.id, d.id, true FROM m, d`)
	require.NoError(t, err)

	// The same company, ids and all, as another provider: its rows are its own.
	p := newPlot(w, directory.WeCom)
	before := w.others(p.name)
	w.succeed(p.source)
	p.change()
	w.succeed(p.source)
	require.Equal(t, before, w.others(p.name))
	w.requireEqual(other.source)
}

func TestSecondRunAtTheSameTimeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reading, release := make(chan struct{}), make(chan struct{})
	var first sync.Once
	s := w.simulateWith(directory.DingTalk, newLab(t, 38).Company, simulator.Options{BeforeCall: func(string, int) {
		first.Do(func() {
			close(reading)
			<-release
		})
	}})
	run := w.start(workflows.SyncInput{Provider: s.name})
	<-reading

	_, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: run.GetID(), TaskQueue: w.queue, WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.SyncOrgName, workflows.SyncInput{Provider: s.name})
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	require.ErrorAs(t, err, &started)

	elsewhere, err := w.temporal.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: run.GetID() + "-by-hand", TaskQueue: w.queue},
		workflows.SyncOrgName, workflows.SyncInput{Provider: s.name})
	require.NoError(t, err)
	err = elsewhere.Get(t.Context(), nil)
	require.ErrorContains(t, err, "is still at work in workflow "+run.GetID())
	require.ErrorContains(t, err, "temporal workflow cancel -w "+run.GetID())

	close(release)
	require.Equal(t, directory.RunSucceeded, w.wait(run).Status)
	w.requireEqual(s)
}
