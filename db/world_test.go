package db_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/internal/directory"
)

// database is one test's database, in which each of its cases has a provider of its own.
type database struct {
	store *db.Store
	pool  *pgxpool.Pool
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url, db.Connections(8))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return &database{store: store, pool: pool}
}

// company is one provider and what the directory holds of it.
type company struct {
	*database
	t        testing.TB
	provider providers.Provider
	// policy is how the runs that begin treat accounts.
	policy db.AccountPolicy
}

func (d *database) company(t testing.TB, kind directory.ProviderType) *company {
	t.Helper()
	return d.companyWith(t, kind, "{}")
}

// companyWith is company with settings.
func (d *database) companyWith(t testing.TB, kind directory.ProviderType, config string) *company {
	t.Helper()
	tenant, name := uuid.NewString(), "acme-"+uuid.NewString()
	_, err := d.store.Providers.Add(t.Context(),
		providers.NewProvider{TenantID: &tenant, Name: name, Type: kind, Config: []byte(config)},
		func(string) ([]providers.Sealed, error) { return nil, nil })
	require.NoError(t, err)
	p, err := d.store.Providers.FindByName(t.Context(), name)
	require.NoError(t, err)
	return &company{database: d, t: t, provider: p}
}

// each runs tests that share a database, each with a company of its own.
func each(t *testing.T, tests map[string]func(*testing.T, *company)) {
	t.Parallel()
	d := newDatabase(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, d.company(t, directory.Feishu))
		})
	}
}

// snapshot is what a provider says, in the notation of notation_test.go, and how a
// run goes about it.
type snapshot struct {
	departments, members string
	limited              bool // only part of the tree is visible
	skipRemovals         bool
	stay                 []string // people who are still there, although nothing shows them
}

// run is one run of a company.
type run struct {
	c          *company
	t          testing.TB
	id         string
	size       int // departments
	visibility db.Visibility
	plan       db.RemovalPlan
	counts     directory.Counts
	linked     db.Linked
	// unchanged are the departments whose listing was what it was when last applied.
	unchanged []string
}

func gone(context.Context, db.OpenRun) (string, error) { return directory.RunFailed, nil }

func (c *company) begin(mode string) *run {
	c.t.Helper()
	return c.beginLimited(mode, db.NewRun{})
}

// beginLimited begins a run with the limits that n has.
func (c *company) beginLimited(mode string, n db.NewRun) *run {
	c.t.Helper()
	n.Provider, n.WorkflowID, n.TemporalRunID, n.Mode, n.OnRemovals = c.provider.Name, "orgsync/"+
		c.provider.Name, uuid.NewString(), mode, cmp.Or(n.OnRemovals, "hold")
	begun, err := c.store.BeginRun(c.t.Context(), n, gone)
	require.NoError(c.t, err)
	require.NoError(c.t, c.store.SetAccountPolicy(c.t.Context(), begun.RunID, c.policy))
	return &run{c: c, t: c.t, id: begun.RunID}
}

// sync carries out a whole run.
func (c *company) sync(s snapshot) *run {
	c.t.Helper()
	r := c.begin("apply")
	r.read(s)
	r.apply(s.limited)
	r.planRemovals()
	if !s.skipRemovals {
		r.keep(s.stay...)
		r.remove()
	}
	r.recompute()
	r.finish()
	return r
}

// read stages the snapshot and ends the listings as it says.
func (r *run) read(s snapshot) {
	r.t.Helper()
	departments := departmentsOf(s.departments)
	staged := make([]db.StagedDepartment, len(departments))
	for i, d := range departments {
		staged[i] = d.StagedDepartment
	}
	ctx, store := r.t.Context(), r.c.store
	require.NoError(r.t, store.StageRoots(ctx, r.id, staged, 0))
	for _, d := range departments {
		if d.children == "fail" {
			require.NoError(r.t, store.FailChildren(ctx, r.id, d.ExternalID, "no permission"))
		} else {
			require.NoError(r.t, store.FinishChildren(ctx, r.id, d.ExternalID))
		}
	}
	sealed, err := store.FinishDepartments(ctx, r.id, "")
	require.NoError(r.t, err)
	r.size = sealed.Departments
	skipped := map[string]bool{}
	for _, entry := range r.completeness() {
		skipped[entry.ExternalID] = entry.State == "excluded"
	}
	people := membersOf(s.members, r.c.provider)
	for i, d := range departments {
		listed := listing(people, d.ExternalID, i == 0)
		page := db.Page{RunID: r.id, Listing: d.ExternalID}
		switch d.members {
		case "bad":
			page.Bad = 1
		case "open":
			page.Next = "more"
		}
		if skipped[d.ExternalID] {
			continue
		}
		staged, err := store.StageMembers(ctx, db.MemberPage{
			Page: page, People: digested(r.t, listed), Hashed: d.members == "" && d.MembersMethod != "",
		})
		require.NoError(r.t, err)
		r.unchanged = append(r.unchanged, staged.Unchanged...)
		switch d.members {
		case "fail":
			require.NoError(r.t, store.FailMembers(ctx, r.id, d.ExternalID, "no permission", nil))
		case "open":
		default:
			if d.MembersMethod != "" && len(staged.Unchanged) == 0 {
				require.NoError(r.t, store.FinishMembers(ctx, r.id, db.FinishedListing{Department: d.ExternalID}))
			}
		}
	}
}

// completeness is what the run has on record in the order of the departments' ids.
func (r *run) completeness() []db.CompletenessRecord {
	r.t.Helper()
	entries, err := r.c.store.ListCompleteness(r.t.Context(), r.id, false, 1000)
	require.NoError(r.t, err)
	slices.SortFunc(entries, func(a, b db.CompletenessRecord) int {
		return strings.Compare(a.ExternalID, b.ExternalID)
	})
	return entries
}

// listing is what the department's own listing brings: its people, each with that
// membership alone. People placed nowhere come with the first one.
func listing(people []db.StagedMember, department string, first bool) []db.StagedMember {
	var listed []db.StagedMember
	for _, m := range people {
		if len(m.Memberships) == 0 && first {
			listed = append(listed, m)
		}
		for _, place := range m.Memberships {
			if place.DepartmentID == department {
				m.Memberships = []directory.Membership{place}
				listed = append(listed, m)
				break
			}
		}
	}
	return listed
}

// page stages one page more of the listing of department 1.
func (r *run) page(number int, next, members string) db.Staged {
	r.t.Helper()
	out, err := r.c.store.StageMembers(r.t.Context(), db.MemberPage{
		Page:   db.Page{RunID: r.id, Listing: "1", Number: number, Next: next},
		People: digested(r.t, membersOf(members, r.c.provider)), Hashed: true,
	})
	require.NoError(r.t, err)
	return out
}

// digested gives people digests that stand for their records, like the real ones.
func digested(t testing.TB, people []db.StagedMember) []db.StagedMember {
	t.Helper()
	for i := range people {
		people[i].Hash = db.RecordHash{}
		text, err := json.Marshal(people[i])
		require.NoError(t, err)
		hash := sha256.Sum256(text)
		people[i].Hash = db.RecordHash(hash[:])
	}
	return people
}

func (r *run) apply(limited bool) {
	r.t.Helper()
	require.NoError(r.t, r.c.store.ApplyDepartments(r.t.Context(), r.id, limited))
	for n := 1; n <= r.size; n++ { // one batch a department, as large companies are applied
		require.NoError(r.t, r.c.store.ApplyMembers(r.t.Context(), r.id, n, n))
	}
}

func (r *run) planRemovals() db.RemovalPlan {
	r.t.Helper()
	var err error
	r.plan, err = r.c.store.PlanRemovals(r.t.Context(), r.id, r.visibility)
	require.NoError(r.t, err)
	return r.plan
}

// candidates are the planned removals of one type to be looked up, by external id.
func (r *run) candidates(kind string) map[string]db.Candidate {
	r.t.Helper()
	return r.candidatesOf(db.CandidateFilter{Type: kind, Missing: true, Uncertain: true})
}

func (r *run) candidatesOf(of db.CandidateFilter) map[string]db.Candidate {
	r.t.Helper()
	out, after := map[string]db.Candidate{}, ""
	for {
		page, err := r.c.store.ListCandidates(r.t.Context(), r.id, of, after, 3)
		require.NoError(r.t, err)
		if len(page) == 0 {
			return out
		}
		for _, d := range page {
			require.Greater(r.t, d.ID, after)
			out[d.ExternalID], after = d, d.ID
		}
	}
}

// keep resolves candidates about people in favour of those given.
func (r *run) keep(people ...string) {
	r.t.Helper()
	for id := range r.candidates("member") {
		if slices.Contains(people, id) {
			r.lookedUp("member", db.LookupExists, id)
		}
	}
}

// lookedUp says what became of some of those who are in doubt.
func (r *run) lookedUp(kind string, result db.LookupResult, objects ...string) {
	r.t.Helper()
	candidates, results := r.candidates(kind), map[string]db.LookupResult{}
	for _, id := range objects {
		require.Contains(r.t, candidates, id)
		results[candidates[id].ID] = result
	}
	require.NoError(r.t, r.c.store.RecordLookups(r.t.Context(), db.BeforeRemoving, r.id, kind, results))
}

func (r *run) confirm() db.RemovalPlan {
	r.t.Helper()
	plan, err := r.c.store.ConfirmRemovals(r.t.Context(), r.id, r.visibility)
	require.NoError(r.t, err)
	return plan
}

// dryRun tries the run until nobody is to be looked up any more, whom nobody answers for.
func (r *run) dryRun(remove bool) db.DryRunResult {
	r.t.Helper()
	for {
		out, err := r.c.store.DryRun(r.t.Context(), r.id, r.visibility, remove)
		require.NoError(r.t, err)
		if out.ToLookUp == 0 {
			return out
		}
		require.Empty(r.t, r.changes())
		require.NoError(r.t, r.c.store.EndLookups(r.t.Context(), db.BeforeRemoving, r.id))
	}
}

func (r *run) remove() (removed int) {
	r.t.Helper()
	r.confirm()
	for {
		n, err := r.c.store.RemoveNext(r.t.Context(), r.id)
		require.NoError(r.t, err)
		if n == 0 {
			return removed
		}
		removed += n
	}
}

func (r *run) recompute() {
	r.t.Helper()
	require.NoError(r.t, r.c.store.RecomputeDerived(r.t.Context(), r.id))
	require.NoError(r.t, r.c.store.LeaveAccounts(r.t.Context(), r.id))
	var err error
	r.linked, err = r.c.store.LinkAccounts(r.t.Context(), r.id)
	require.NoError(r.t, err)
}

func (r *run) finish() {
	r.t.Helper()
	var err error
	r.counts, err = r.c.store.CountRun(r.t.Context(), r.id)
	require.NoError(r.t, err)
	require.NoError(r.t, r.c.store.FinishRun(r.t.Context(), r.id, directory.RunSucceeded, "", r.counts, true))
}

// changes is the run's change log, "member created ann", sorted.
func (r *run) changes() []string {
	r.t.Helper()
	out := []string{}
	require.NoError(r.t, r.c.store.Report.StreamChanges(r.t.Context(), r.id, report.ChangeFilter{},
		func(c report.Change) error {
			out = append(out, fmt.Sprintf("%s %s %s", c.ObjectType, c.Kind, c.ExternalID))
			return nil
		}))
	slices.Sort(out)
	return out
}

// problems are the run's errors and warnings.
func (r *run) problems() []string {
	r.t.Helper()
	out, err := r.c.store.ListProblems(r.t.Context(), r.id, 100)
	require.NoError(r.t, err)
	return out
}
