package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/secret"
)

// company is a scripted provider: listings by department, in pages. Nil functions
// are answered from the listings.
type company struct {
	roots    []provider.FoundDepartment
	badRoots []string
	children map[string][][]provider.FoundDepartment
	people   map[string][][]directory.Member
	// childPage and memberPage may answer in place of the listings; ok is false where
	// they do not.
	childPage  func(q provider.Query, nth int) (page provider.DepartmentPage, err error, ok bool)
	memberPage func(q provider.Query, nth int) (page provider.MemberPage, err error, ok bool)
	check      func() (*provider.Report, error)

	mu    sync.Mutex
	calls map[string]int // by what was asked
	env   *provider.Env
}

var _ provider.Client = (*company)(nil)

// called counts a call and returns how many of its kind there were.
func (c *company) called(what string) int {
	c.env.OnCall(what)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[what]++
	return c.calls[what]
}

// count is how often something was asked.
func (c *company) count(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[what]
}

func (c *company) Check(context.Context) (*provider.Report, error) {
	c.called("check")
	if c.check != nil {
		return c.check()
	}
	return &provider.Report{Range: provider.VisibleRange{Full: true}}, nil
}

func (c *company) ListRoots(context.Context) ([]provider.FoundDepartment, []string, error) {
	c.called("roots")
	return c.roots, c.badRoots, nil
}

func (c *company) ListDepartments(_ context.Context, q provider.Query) (provider.DepartmentPage, error) {
	nth := c.called("children " + q.Department + q.Cursor)
	if c.childPage != nil {
		if page, err, ok := c.childPage(q, nth); ok {
			return page, err
		}
	}
	found, next := pageOf(c.children[q.Department], q.Cursor)
	return provider.DepartmentPage{Departments: found, Next: next}, nil
}

func (c *company) ListDepartmentMembers(_ context.Context, q provider.Query) (provider.MemberPage, error) {
	nth := c.called("members " + q.Department + q.Cursor)
	if c.memberPage != nil {
		if page, err, ok := c.memberPage(q, nth); ok {
			return page, err
		}
	}
	people, next := pageOf(c.people[q.Department], q.Cursor)
	return provider.MemberPage{Members: people, Next: next}, nil
}

// pageOf returns the page that a cursor names ("" the first, "@1" the second) and
// the next one's.
func pageOf[T any](pages [][]T, cursor string) (page []T, next string) {
	n := 0
	if cursor != "" {
		_, _ = fmt.Sscanf(cursor, "@%d", &n)
	}
	if n+1 < len(pages) {
		next = fmt.Sprintf("@%d", n+1)
	}
	if n < len(pages) {
		page = pages[n]
	}
	return page, next
}

// departments are n departments "1".. below a root "0", with two people each, on two pages.
func departments(n int) *company {
	c := &company{calls: map[string]int{}, children: map[string][][]provider.FoundDepartment{},
		people: map[string][][]directory.Member{}}
	c.roots = []provider.FoundDepartment{found("0", "")}
	var below []provider.FoundDepartment
	for i := range n {
		id := fmt.Sprint(i + 1)
		below = append(below, found(id, "0"))
		c.people[id] = [][]directory.Member{{member(id, "a")}, {member(id, "b")}}
	}
	c.children["0"] = [][]provider.FoundDepartment{below}
	return c
}

func found(id, parent string) provider.FoundDepartment {
	name := "department " + id
	return provider.FoundDepartment{
		Department:     directory.Department{ExternalID: id, ParentID: parent, Name: &name, Raw: json.RawMessage(`{}`)},
		ChildrenMethod: "children", MembersMethod: ownMembers,
	}
}

func member(department, suffix string) directory.Member {
	name, status, activated := "person "+suffix, directory.Active, true
	return directory.Member{
		ExternalID: department + suffix, Profile: directory.Profile{Name: &name, Status: &status,
			Activated: &activated},
		Memberships: []directory.Membership{{DepartmentID: department}}, Raw: json.RawMessage(`{}`),
	}
}

// bench runs activities on a database of its own against a scripted provider.
type bench struct {
	t         *testing.T
	store     *db.Store
	pull      *Reader
	apply     *Apply
	reconcile *Reconcile
	runs      *Runs
	retention *Retention
	notify    *Notifications
	provider  providers.Provider
	runID     string
	began     int
}

// database is a test's own, shared by its subtests.
func database(t *testing.T) *db.Store {
	t.Helper()
	store, err := db.Open(context.Background(), dbtest.New(t))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

// newBench stores the client, which has c at its heart, as a provider of its own and
// begins a run.
func newBench(t *testing.T, store *db.Store, c *company, client provider.Client) *bench {
	t.Helper()
	return newBenchAs(t, store, directory.Feishu, c, client)
}

// newBenchAs does the same with a provider of that type.
func newBenchAs(t *testing.T, store *db.Store, as directory.ProviderType, c *company, client provider.Client) *bench {
	t.Helper()
	keys, err := secret.Generate()
	require.NoError(t, err)
	box, err := secret.Load(string(keys))
	require.NoError(t, err)
	opener := &clients.Opener{
		Store: store.Providers, Box: box, Log: slog.New(slog.DiscardHandler), CallTimeout: time.Second,
		SlowCall: time.Second,
		Vendors: map[directory.ProviderType]provider.Vendor{as: {
			Type: as,
			Open: func(_ provider.Settings, env *provider.Env) (provider.Client, error) {
				c.env = env
				return client, nil
			},
		}},
	}
	b := &bench{t: t, store: store, apply: &Apply{Store: store}, runs: &Runs{Store: store},
		notify: &Notifications{Store: store}}
	b.pull = &Reader{Store: store, Opener: opener}
	b.reconcile = &Reconcile{Store: store, Reader: b.pull}
	b.retention = &Retention{Store: store, Runs: b.runs, Now: time.Now}
	name := "acme-" + uuid.NewString()
	_, err = store.Providers.Add(t.Context(),
		providers.NewProvider{Name: name, Type: as, Config: json.RawMessage(`{}`)}, opener.Seal(nil))
	require.NoError(t, err)
	b.provider, err = store.Providers.FindByName(t.Context(), name)
	require.NoError(t, err)
	b.begin()
	return b
}

// begin begins a run; the one before must have ended.
func (b *bench) begin() {
	b.t.Helper()
	b.beginAs("apply")
}

func (b *bench) beginAs(mode string) {
	b.t.Helper()
	b.beginLimited(db.NewRun{Mode: mode})
}

// beginLimited begins a run with the mode and the limits that n has.
func (b *bench) beginLimited(n db.NewRun) {
	b.t.Helper()
	b.began++
	n.Provider, n.WorkflowID, n.TemporalRunID, n.OnRemovals = b.provider.Name, "orgsync/"+
		b.provider.Name, fmt.Sprintf("run-%d", b.began), "hold"
	begun, err := b.store.BeginRun(b.t.Context(), n,
		func(context.Context, db.OpenRun) (string, error) { return directory.RunFailed, nil })
	require.NoError(b.t, err)
	b.runID = begun.RunID
}

func (b *bench) ref() RunInput { return RunInput{RunID: b.runID} }

// attempt runs an activity once, as Temporal does, with what the attempts before left
// in the heartbeat.
func (b *bench) attempt(do any, in any, before ...any) (converter.EncodedValue, error) {
	b.t.Helper()
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	for _, a := range []any{b.pull, b.apply, b.reconcile, b.runs, b.retention, b.notify} {
		env.RegisterActivity(a)
	}
	if len(before) > 0 {
		env.SetHeartbeatDetails(before[0])
	}
	return env.ExecuteActivity(do, in)
}

// must runs an activity that succeeds.
func must[Out any](b *bench, do any, in any) (out Out) {
	b.t.Helper()
	return tried[Out](b, do, in)
}

// tried runs an activity that succeeds after the attempts before.
func tried[Out any](b *bench, do any, in any, before ...any) (out Out) {
	b.t.Helper()
	value, err := b.attempt(do, in, before...)
	require.NoError(b.t, err)
	if value.HasValue() {
		require.NoError(b.t, value.Get(&out))
	}
	return out
}

// fails runs an activity that fails.
func (b *bench) fails(do any, in any, before ...any) *temporal.ApplicationError {
	b.t.Helper()
	_, err := b.attempt(do, in, before...)
	var failed *temporal.ApplicationError
	require.ErrorAs(b.t, err, &failed)
	return failed
}

// tree reads and seals the departments and returns the range of all of them.
func (b *bench) tree() BatchInput {
	b.t.Helper()
	must[any](b, b.pull.ReadDepartments, b.ref())
	return b.seal()
}

func (b *bench) seal() BatchInput {
	b.t.Helper()
	sealed := must[FinishDepartmentsResult](b, b.pull.FinishDepartments, FinishDepartmentsInput{RunID: b.runID})
	return BatchInput{RunID: b.runID, First: 1, Last: sealed.Departments}
}

// read reads and applies what the company is now.
func (b *bench) read() {
	b.t.Helper()
	all := b.tree()
	must[ReadMembersResult](b, b.pull.ReadMembers, all)
	must[any](b, b.apply.ApplyDepartments, ApplyDepartmentsInput{RunID: b.runID})
	must[any](b, b.apply.ApplyMembers, all)
}

// load reads and applies everything, ends the run and begins the next.
func (b *bench) load() {
	b.t.Helper()
	b.read()
	must[any](b, b.apply.Recompute, b.ref())
	must[RunReport](b, b.runs.FinishRun, FinishRunInput{RunID: b.runID})
	b.begin()
}

// completeness is what the run has on record by department.
func (b *bench) completeness() map[string]db.CompletenessRecord {
	b.t.Helper()
	entries, err := b.store.ListCompleteness(b.t.Context(), b.runID, false, 1000)
	require.NoError(b.t, err)
	out := map[string]db.CompletenessRecord{}
	for _, e := range entries {
		out[e.ExternalID] = e
	}
	return out
}
