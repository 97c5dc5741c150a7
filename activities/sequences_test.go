package activities

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// fickle is a company whose truth changes from run to run, and whose provider does not
// always say it: listings leave people out, look-ups answer this and that.
type fickle struct {
	*company
	// truth is who is there, and in which department; departments are those there are.
	truth       map[string]string
	holder      map[string]int // which one in turn has an id
	departments map[string]bool
	// hidden are people and departments that no listing shows, unread departments whose
	// people cannot be listed.
	hidden, unread map[string]bool
	// says is what a look-up says of somebody in place of the truth; "" is a failure.
	says map[string]provider.LookupResult
}

// show makes the listings.
func (f *fickle) show() {
	f.people = map[string][][]directory.Member{}
	for id, department := range f.truth {
		if !f.hidden[id] {
			f.people[department] = append(f.people[department], []directory.Member{f.member(id)})
		}
	}
	for _, pages := range f.people {
		slices.SortFunc(pages, func(a, b []directory.Member) int {
			return strings.Compare(a[0].ExternalID, b[0].ExternalID)
		})
	}
	var below []provider.FoundDepartment
	for _, id := range slices.Sorted(maps.Keys(f.departments)) {
		if f.departments[id] && !f.hidden["department "+id] {
			below = append(below, found(id, "0"))
		}
	}
	f.children["0"] = [][]provider.FoundDepartment{below}
	f.memberPage = func(q provider.Query, _ int) (provider.MemberPage, error, bool) {
		return provider.MemberPage{}, ofCall(provider.OutOfRange), f.unread[q.Department]
	}
}

func (f *fickle) member(id string) directory.Member {
	m := member(f.truth[id], "")
	m.ExternalID, m.UnionID = id, fmt.Sprint("u-", id, "-", f.holder[id])
	return m
}

func (f *fickle) result(id string, there bool) (provider.LookupResult, error) {
	result, said := f.says[id]
	switch {
	case said && result == "":
		return "", ofCall(provider.Invalid)
	case said:
		return result, nil
	case there:
		return provider.LookupExists, nil
	default:
		return provider.LookupNotFound, nil
	}
}

func (f *fickle) LookupMember(_ context.Context, m provider.MemberRef) (provider.LookupResult, error) {
	result, err := f.result(m.ExternalID, f.truth[m.ExternalID] != "")
	if result == provider.LookupExists && m.UnionID != f.member(m.ExternalID).UnionID {
		result = provider.LookupIDReused
	}
	return result, err
}

func (f *fickle) LookupDepartment(_ context.Context, department string) (provider.LookupResult, error) {
	return f.result("department "+department, f.departments[department])
}

func (f *fickle) ReadMember(_ context.Context, m provider.MemberRef) (directory.Member, bool, error) {
	result, err := f.result(m.ExternalID, f.truth[m.ExternalID] != "")
	switch {
	case err != nil:
		return directory.Member{}, false, err
	case result == provider.LookupNotFound:
		return directory.Member{}, true, nil
	case result == provider.LookupExists && f.truth[m.ExternalID] != "":
		return f.member(m.ExternalID), false, nil
	default:
		return directory.Member{}, false, ofCall(provider.OutOfRange)
	}
}

func (*fickle) SeesDepartment(context.Context, string) (bool, error) { return true, nil }

func (f *fickle) ReadDepartment(_ context.Context, department string) (provider.FoundDepartment, error) {
	result, err := f.result("department "+department, f.departments[department])
	if err == nil && result != provider.LookupExists {
		err = ofCall(provider.OutOfRange)
	}
	return found(department, "0"), err
}

// sequence is a run of runs, with what may be known of who was missed.
type sequence struct {
	*bench
	*fickle
	rng *rand.Rand
	// missed is how many complete readings in a row left somebody out, whom look-ups did not
	// show either.
	missed map[string]int
	held   string
	shown  []string
	part   bool
	// partial is the last run that a retry has something to read of.
	partial string
	// crashes is how many runs of a hundred end before they remove anybody.
	crashes int
	// crashed: the last run that would have did, and what it changed is not settled yet.
	crashed bool
	pool    *pgxpool.Pool
}

func (s *sequence) chance(percent int) bool { return s.rng.IntN(100) < percent }

// turn lets people leave, come back and move, and the provider say this and that.
func (s *sequence) turn() {
	for i := range 6 {
		id := fmt.Sprint("p", i)
		switch {
		case s.chance(80):
		case s.truth[id] != "" && s.chance(50):
			delete(s.truth, id)
			s.holder[id] += s.rng.IntN(2) // whoever has the id next is somebody else
		default:
			s.truth[id] = fmt.Sprint(1 + s.rng.IntN(2))
		}
	}
	if s.departments["3"] = !s.chance(40); s.departments["3"] && s.chance(50) {
		s.truth["p5"] = "3"
	}
	for id, department := range s.truth {
		if !s.departments[department] {
			s.truth[id] = "1"
		}
	}
	s.hidden, s.unread, s.says = map[string]bool{}, map[string]bool{}, map[string]provider.LookupResult{}
	for i := range 6 {
		id := fmt.Sprint("p", i)
		s.hidden[id] = s.chance(25)
		if s.chance(40) {
			s.says[id] = []provider.LookupResult{provider.LookupNotVisible, provider.LookupNotVisible,
				""}[s.rng.IntN(3)]
		}
	}
	s.hidden[third] = s.chance(20)
	if s.chance(40) {
		s.says[third] = []provider.LookupResult{provider.LookupNotVisible, ""}[s.rng.IntN(2)]
	}
	if s.chance(20) {
		s.unread[fmt.Sprint(1+s.rng.IntN(2))] = true
	}
	s.roots[0].DeclaredMembers = nil
	if s.chance(25) {
		s.roots[0].DeclaredMembers = new(len(s.truth) + s.rng.IntN(2))
	}
	s.part = s.chance(15)
	s.show()
}

// stored are who is stored as there, by unionid, and where.
func (s *sequence) stored() map[string]string {
	s.t.Helper()
	return s.pairs(`SELECT m.unionid, coalesce(string_agg(d.external_id, ' '), '') FROM org_members m
		LEFT JOIN org_member_departments p ON p.member_id = m.id LEFT JOIN org_departments d ON d.id = p.department_id
		WHERE m.provider_id = $1 AND m.status <> 'deleted' GROUP BY m.unionid`, s.bench.provider.ID)
}

// there are who is there, likewise.
func (s *sequence) there() map[string]string {
	out := map[string]string{}
	for id, department := range s.truth {
		out[s.member(id).UnionID] = department
	}
	return out
}

// tops are the departments that there were, and whether they are.
func (s *sequence) tops() map[string]bool {
	s.t.Helper()
	out := map[string]bool{}
	for id, status := range s.pairs(`SELECT external_id, status FROM org_departments WHERE provider_id = $1`,
		s.bench.provider.ID) {
		out[id] = status == "active"
	}
	return out
}

func (s *sequence) pairs(query string, args ...any) map[string]string {
	s.t.Helper()
	rows, err := s.pool.Query(s.t.Context(), query, args...)
	require.NoError(s.t, err)
	out := map[string]string{}
	var key, value string
	_, err = pgx.ForEachRow(rows, []any{&key, &value}, func() error { out[key] = value; return nil })
	require.NoError(s.t, err)
	return out
}

// outcome is what a run came to, in words to compare.
type outcome struct {
	report RunReport
	log    []string
	hold   string
}

// run is a run as the workflow would have it.
func (s *sequence) run(mode string, n db.NewRun, remove bool) outcome {
	s.t.Helper()
	n.Mode = mode
	s.beginLimited(n)
	if mode == "apply" && len(n.Departments)+len(n.Members) == 0 && n.Retries == "" {
		s.held = "" // superseded
	}
	out := outcome{}
	ref, lost := s.ref(), []string{}
	limited := false
	last := 0
	if len(n.Members) > 0 {
		must[any](s.bench, s.pull.ReadMembersByID, ref)
		last = len(n.Members)
	} else {
		s.sees(provider.VisibleRange{Full: true})
		if s.part {
			s.sees(provider.VisibleRange{Departments: []string{"1", "2", "3"}})
		}
		visible := must[PreflightResult](s.bench, s.pull.Preflight, ref)
		limited, lost = visible.LimitedRange, visible.Lost
		all := s.tree()
		last = all.Last
		if mode == "apply" {
			must[any](s.bench, s.apply.ApplyDepartments, ApplyDepartmentsInput{RunID: s.runID, LimitedRange: limited})
		}
		_, err := s.attempt(s.pull.ReadMembers, all)
		require.NoError(s.t, err)
	}
	if mode == "plan" {
		foretold := must[DryRunResult](s.bench, s.reconcile.DryRun,
			DryRunInput{RunID: s.runID, LimitedRange: limited, Lost: lost, Remove: remove})
		out.report = must[RunReport](s.bench, s.runs.FinishRun,
			FinishRunInput{RunID: s.runID, Incomplete: true, Counts: &foretold.Counts})
		out.log, out.hold = s.log(), foretold.HoldReason
		return out
	}
	must[any](s.bench, s.apply.ApplyMembers, BatchInput{RunID: s.runID, First: 1, Last: last})
	planned := must[PlanRemovalsResult](s.bench, s.reconcile.PlanRemovals,
		PlanRemovalsInput{RunID: s.runID, LimitedRange: limited, Lost: lost})
	if s.note(n, planned); s.crashes > 0 && s.chance(s.crashes) {
		out.hold, s.crashed = "crashed", true
		return out
	}
	if remove && planned.HoldReason != "" {
		must[any](s.bench, s.apply.Recompute, ref)
		held := must[HoldRunResult](s.bench, s.runs.HoldRun,
			HoldRunInput{RunID: s.runID, Reason: planned.HoldReason, HoldWorkflowID: "hold/" + s.runID})
		s.held, s.shown, out.hold = s.runID, held.Removals.Members.IDs, planned.HoldReason
		return out
	}
	if remove {
		must[RemoveResult](s.bench, s.reconcile.Remove, ref)
	}
	must[any](s.bench, s.apply.Recompute, ref)
	s.crashed = s.crashed && len(n.Members) > 0
	out.report = must[RunReport](s.bench, s.runs.FinishRun, FinishRunInput{
		RunID: s.runID, Incomplete: planned.Incomplete || len(n.Departments)+len(n.Members) > 0 || !remove &&
			planned.Any()})
	out.log = s.log()
	if s.store.CheckRetry(s.t.Context(), s.bench.provider.ID, s.runID) == nil && len(n.Members) == 0 {
		s.partial = s.runID
	}
	return out
}

// rows are the company's rows without what says when they were written.
func (s *sequence) rows() map[string]string {
	s.t.Helper()
	return s.pairs(`SELECT 'd' || id, (to_jsonb(d) - 'synced_at' - 'updated_at')::text FROM org_departments d
		WHERE provider_id = $1
		UNION ALL SELECT 'm' || id, (to_jsonb(m) - 'synced_at' - 'updated_at')::text FROM org_members m
		WHERE provider_id = $1
		UNION ALL SELECT 'p' || p.member_id || p.department_id, to_jsonb(p)::text FROM org_member_departments p
		JOIN org_members m ON m.id = p.member_id WHERE m.provider_id = $1`,
		s.bench.provider.ID)
}

// undo takes back the last run, before which the rows were these.
func (s *sequence) undo(before map[string]string) {
	s.t.Helper()
	s.beginLimited(db.NewRun{Mode: "apply", Undoes: s.runID})
	done := must[UndoResult](s.bench, s.reconcile.Undo, UndoInput{RunID: s.runID, Apply: true})
	require.Zero(s.t, done.LeftAlone)
	must[RunReport](s.bench, s.runs.FinishRun, FinishRunInput{RunID: s.runID})
	now := s.rows()
	for key, row := range now {
		if _, was := before[key]; !was && strings.Contains(row, `"status": "deleted"`) {
			delete(now, key)
		}
	}
	require.Equal(s.t, before, now)
}

// note keeps who was missed, and checks whom the run is about to remove.
func (s *sequence) note(n db.NewRun, planned PlanRemovalsResult) {
	s.t.Helper()
	whole := len(n.Departments)+len(n.Members) == 0 && n.Retries == ""
	read := whole
	for _, entry := range s.completeness() {
		read = read && entry.ChildrenComplete && (entry.MembersComplete || entry.ExternalID == "0")
	}
	for i := range 6 {
		id := fmt.Sprint("p", i)
		department := s.truth[id]
		s.miss(id, read, department != "" && !s.hidden[id] && !s.unread[department] &&
			(department != "3" || !s.hidden[third]) &&
			(whole || len(n.Departments) > 0 && department == "1"), department != "")
	}
	s.miss(third, read, s.departments["3"] && !s.hidden[third] && len(n.Members) == 0, s.departments["3"])
	if planned.HoldReason != "" {
		return
	}
	for unionID, id := range s.pairs(`SELECT m.unionid, m.external_id FROM sync_run_removals r
		JOIN org_members m ON m.id = r.object_id
		WHERE r.run_id = $1 AND r.object_type = 'member' AND r.confirmed`, s.runID) {
		if unionID == s.member(id).UnionID { // else the id is somebody else's by now
			s.mayGo(id, s.truth[id] != "")
		}
	}
	for id := range s.pairs(`SELECT 'department ' || d.external_id, '' FROM sync_run_removals r
		JOIN org_departments d ON d.id = r.object_id
		WHERE r.run_id = $1 AND r.object_type = 'department' AND r.confirmed`, s.runID) {
		s.mayGo(id, id != third || s.departments["3"])
	}
}

const third = "department 3"

// miss counts how often in a row complete readings left somebody out and a look-up did
// not show them either.
func (s *sequence) miss(id string, read, listed, there bool) {
	said, overridden := s.says[id]
	switch {
	case listed, read && there && !overridden:
		s.missed[id] = 0
	case read && said == provider.LookupNotVisible:
		s.missed[id]++
	}
}

// mayGo fails unless a look-up calls this gone, or does not show it and nor did two
// complete readings in a row, or only part of the company is visible.
func (s *sequence) mayGo(id string, there bool) {
	s.t.Helper()
	said, overridden := s.says[id]
	if !overridden && !there || said == provider.LookupNotVisible && (s.part || s.missed[id] >= 2) {
		return
	}
	s.t.Errorf("%s would be removed wrongly: it is there: %t, a look-up says %q, missed %d times", id, there, said,
		s.missed[id])
}

// keepPlaces fails if somebody has lost the place where they were and are: unless a listing
// left them out, or the department has gone.
func (s *sequence) keepPlaces(were map[string]string) {
	s.t.Helper()
	now, tops := s.stored(), s.tops()
	for id, department := range s.truth {
		unionID := s.member(id).UnionID
		if _, there := now[unionID]; there && !s.hidden[id] && tops[department] &&
			strings.Contains(were[unionID], department) {
			require.Contains(s.t, now[unionID], department, "%s was in %q and is in %q", id, were[unionID], department)
		}
	}
}

// decide approves or rejects what is held.
func (s *sequence) decide(approve bool) {
	s.t.Helper()
	s.runID, s.held = s.held, ""
	if !approve {
		must[RunReport](s.bench, s.runs.FinishRun, FinishRunInput{RunID: s.runID, Status: directory.RunRejected})
		return
	}
	must[any](s.bench, s.runs.ResumeRun, ResumeRunInput{RunID: s.runID})
	must[any](s.bench, s.reconcile.LookUpAgain, s.ref())
	before := s.stored()
	s.carryOut()
	after := s.stored()
	for unionID := range before {
		id := unionID[2:4]
		if _, stays := after[unionID]; stays {
			continue
		}
		require.Contains(s.t, s.shown, id)
		if unionID == s.member(id).UnionID {
			said, overridden := s.says[id]
			require.True(s.t, overridden && said != "" || !overridden && s.truth[id] == "", "%s is there again", id)
		}
	}
}

// Whatever runs follow each other, and whatever the provider says meanwhile: nobody goes
// who was neither called gone nor missed twice, whoever has left goes in the end, and a
// plan is what applying does.
func TestNobodyGoesWronglyAndLeaversGo(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url)
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { store.Close(); pool.Close() })
	for _, seed := range []uint64{0, 1, 3, 8, 13, 21, 36, 53} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := departments(0)
			f := &fickle{company: c, truth: map[string]string{}, holder: map[string]int{},
				departments: map[string]bool{"1": true, "2": true, "3": true}}
			s := &sequence{bench: newBench(t, store, c, f), fickle: f, rng: rand.New(rand.NewPCG(seed, 7)),
				missed: map[string]int{}, pool: pool, crashes: 5}
			for i := range 6 {
				f.truth[fmt.Sprint("p", i)] = fmt.Sprint(1 + i%3)
			}
			f.show()
			s.run("apply", db.NewRun{}, true)
			for range 9 {
				s.turn()
				if s.chance(25) {
					limits := nobody
					if s.chance(50) {
						limits = providers.GuardChange{Limits: directory.GuardChange{
							Members:     directory.LimitChange{Count: new(10), Percent: new(0.0)},
							Departments: directory.LimitChange{Count: new(10), Percent: new(0.0)},
						}}
					}
					require.NoError(t, store.Providers.Update(t.Context(), s.bench.provider.ID,
						providers.Change{Guard: limits}, nil))
				}
				if s.held != "" && s.chance(60) {
					s.decide(s.chance(60))
				}
				were := s.stored()
				settled, before, applied := !s.crashed, s.rows(), outcome{hold: "limited"}
				switch {
				case s.partial != "" && s.chance(20):
					s.run("apply", db.NewRun{Retries: s.partial}, true)
					s.partial = ""
				case s.chance(20):
					s.run("apply", db.NewRun{Departments: []string{"1"}}, true)
				case s.chance(20):
					s.run("apply", db.NewRun{Members: []string{"p1", "p2"}}, true)
				default:
					remove := s.chance(90)
					plan := s.run("plan", db.NewRun{}, remove)
					applied = s.run("apply", db.NewRun{}, remove)
					if applied.hold != "crashed" {
						require.Equal(t, plan.hold, applied.hold)
					}
					if applied.hold == "" {
						require.Equal(t, plan.log, applied.log)
						require.Equal(t, plan.report.Counts, applied.report.Counts)
						require.Equal(t, []any{plan.report.Errors, plan.report.Status},
							[]any{applied.report.Errors, applied.report.Status})
					}
				}
				s.keepPlaces(were)
				if settled && applied.hold == "" && len(applied.log) > 0 && s.chance(20) {
					s.undo(before)
				}
				if t.Failed() {
					return
				}
			}

			// In the end nobody is called gone, and yet everything comes right.
			s.turn()
			s.crashes = 0
			s.hidden, s.unread, s.part = map[string]bool{}, map[string]bool{}, false
			s.roots[0].DeclaredMembers = new(len(s.truth) + int(seed%2))
			for i := range 6 {
				s.says[fmt.Sprint("p", i)] = provider.LookupNotVisible
			}
			s.says[third] = provider.LookupNotVisible
			s.show()
			require.NoError(t, store.Providers.Update(t.Context(), s.bench.provider.ID, providers.Change{
				Guard: providers.GuardChange{Limits: directory.GuardChange{
					Members:     directory.LimitChange{Count: new(10), Percent: new(0.0)},
					Departments: directory.LimitChange{Count: new(10), Percent: new(0.0)},
				}}}, nil))
			for range 2 {
				s.run("apply", db.NewRun{}, true)
			}
			last := s.run("apply", db.NewRun{}, true)
			require.Equal(t, s.there(), s.stored())
			require.Equal(t, map[string]bool{"0": true, "1": true, "2": true, "3": s.departments["3"]}, s.tops())
			require.Equal(t, []any{directory.RunSucceeded, []string{}, []string(nil)},
				[]any{last.report.Status, last.report.Errors, last.log})
		})
	}
}
