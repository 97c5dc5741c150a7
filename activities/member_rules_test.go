package activities

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// recording is a company whose records name all departments of a member.
type recording struct{ *company }

// MembershipsOf implements provider.MembershipReader.
func (recording) MembershipsOf(raw json.RawMessage) (in []directory.Membership) {
	var record struct{ Departments []string }
	if json.Unmarshal(raw, &record) != nil || record.Departments == nil {
		return nil
	}
	for _, id := range record.Departments {
		in = append(in, directory.Membership{DepartmentID: id})
	}
	return in
}

var _ provider.MembershipReader = recording{}

// ruled is a bench whose provider has rules.
type ruled struct {
	*bench
	c    *company
	pool *pgxpool.Pool
}

// newRuled makes a company of n departments with two members each, loads it, and begins a run.
func newRuled(t *testing.T, n int) *ruled {
	t.Helper()
	url := dbtest.New(t)
	store, err := db.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	c := departments(n)
	return &ruled{bench: newBench(t, store, c, recording{c}), c: c, pool: pool}
}

// set sets rules and begins the next run.
func (r *ruled) set(document string) {
	r.t.Helper()
	_, err := r.store.Providers.SetRules(r.t.Context(), r.provider.ID, providers.NewRules{Document: document})
	require.NoError(r.t, err)
	r.begin()
}

// sync reads and applies everything and removes what is planned unless that is held.
func (r *ruled) sync() PlanRemovalsResult {
	r.t.Helper()
	r.read()
	plan := must[PlanRemovalsResult](r.bench, r.reconcile.PlanRemovals, PlanRemovalsInput{RunID: r.runID})
	if plan.HoldReason == "" {
		r.remove()
	}
	return plan
}

// remove removes what is planned, ends the run and begins the next.
func (r *ruled) remove() RunReport {
	r.t.Helper()
	must[RemoveResult](r.bench, r.reconcile.Remove, r.ref())
	must[any](r.bench, r.apply.Recompute, r.ref())
	report := must[RunReport](r.bench, r.runs.FinishRun, FinishRunInput{RunID: r.runID})
	r.begin()
	return report
}

// ask reads one value.
func (r *ruled) ask(query string, args ...any) (out string) {
	r.t.Helper()
	require.NoError(r.t, r.pool.QueryRow(r.t.Context(), "SELECT coalesce(("+query+")::text, '')", args...).Scan(&out))
	return out
}

// there are the members who are not deleted.
func (r *ruled) there() string {
	r.t.Helper()
	return r.ask("SELECT string_agg(external_id, ' ' ORDER BY external_id) FROM org_members WHERE status <> 'deleted'")
}

func (r *ruled) title(member string) string {
	r.t.Helper()
	return r.ask("SELECT title FROM org_members WHERE external_id = $1", member)
}

// change changes what the company's record of a member says.
func (r *ruled) change(id string, do func(m *directory.Member)) {
	r.t.Helper()
	for _, pages := range r.c.people {
		for _, page := range pages {
			for i := range page {
				if page[i].ExternalID == id {
					do(&page[i])
					return
				}
			}
		}
	}
	require.Fail(r.t, "no such member", id)
}

func titled(title string) func(*directory.Member) {
	return func(m *directory.Member) { m.Title = &title }
}

// errors are what the newest ended run has on record.
func (r *ruled) errors(kind string) string {
	r.t.Helper()
	return r.ask(`SELECT string_agg(external_id || ': ' || message, E'\n' ORDER BY external_id) FROM sync_run_errors
		WHERE object_type = $1 AND run_id = (SELECT id FROM sync_runs ORDER BY generation DESC LIMIT 1)`, kind)
}

// Members who fall out of scope go with that as the reason, and nobody asks the provider about
// them. Since somebody changed the rules, a person decides, however few they are.
func TestMembersOutOfScopeGo(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 3)
	for _, id := range []string{"1a", "1b", "2a", "2b", "3a", "3b"} {
		r.change(id, titled("Engineer"))
	}
	r.change("2b", titled("Intern"))
	r.sync()
	require.Equal(t, "1a 1b 2a 2b 3a 3b", r.there())

	r.set(`scope: { members: '!title.contains("Intern")' }`)
	plan := r.sync()
	require.Equal(t, directory.PerKind{Members: 1, Memberships: 1}, plan.PerKind)
	require.Equal(t, "version 1 of the rules leaves out what is in the directory: members 1, departments 0",
		plan.HoldReason)
	require.False(t, plan.Incomplete, "what is excluded is not unread")
	require.Equal(t, "out_of_scope", r.ask("SELECT reason FROM sync_run_removals WHERE object_type = 'member'"))
	r.begin()
	require.NotEmpty(t, r.sync().HoldReason, "as long as nobody has decided")
	report := r.remove()
	require.Equal(t, directory.RunSucceeded, report.Status)
	require.Equal(t, "1a 1b 2a 3a 3b", r.there())

	// From now on it is a removal like any other, and so is coming back.
	r.change("3b", titled("Intern"))
	require.Empty(t, r.sync().HoldReason)
	require.Equal(t, "1a 1b 2a 3a", r.there())
	r.change("2b", titled("Engineer"))
	require.Zero(t, r.sync().PerKind)
	require.Equal(t, "1a 1b 2a 2b 3a", r.there())
	require.Zero(t, r.sync().PerKind, "nothing is left to do")
	require.Equal(t, "restored", r.ask(`SELECT c.kind FROM org_changes c JOIN org_members m ON m.id = c.object_id
		WHERE m.external_id = '2b' AND c.object_type = 'member' ORDER BY c.id DESC LIMIT 1`))
}

// Changed rules reach members whose listings have not changed, and removed ones let go of what
// they set.
func TestMappingReachesUnchangedListings(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 2)
	r.change("1a", titled("Engineer"))
	r.sync()
	all := r.tree()
	require.True(t, must[ReadMembersResult](r.bench, r.pull.ReadMembers, all).Unchanged)
	r.begin()

	r.set(`mapping:
  - { target: title, expression: 'title == "" ? "none" : title + "!"' }
  - { target: attributes.key, expression: 'id.upperAscii()' }
  - { target: name, expression: 'name + " of " + id' }
  - { target: email, constant: ' Info@Acme.COM ' }
`)
	r.change("2b", titled(""))
	r.sync()
	require.Equal(t, "Engineer!", r.title("1a"))
	require.Equal(t, "none", r.title("2b"))
	require.Equal(t, "person b of 2b", r.ask("SELECT name FROM org_members WHERE external_id = '2b'"))
	require.Equal(t, "personbof2b", r.ask("SELECT name_translit_full FROM org_members WHERE external_id = '2b'"))
	require.Equal(t, "info@acme.com", r.ask("SELECT email FROM org_members WHERE external_id = '2b'"))
	require.Equal(t, `{"key": "1A"}`, r.ask("SELECT attributes FROM org_members WHERE external_id = '1a'"))
	require.Equal(t, "1",
		r.ask("SELECT rules_version FROM sync_runs WHERE rules_version > 0 ORDER BY generation LIMIT 1"))

	const versions = "SELECT string_agg(xmin::text, ',' ORDER BY id) FROM org_members"
	before := r.ask(versions)
	r.sync()
	require.Equal(t, before, r.ask(versions), "unchanged means untouched")

	r.set("")
	r.sync()
	require.Equal(t, "Engineer", r.title("1a"))
	require.Equal(t, "person b", r.ask("SELECT name FROM org_members WHERE external_id = '2b'"))
	require.Equal(t, `{}`, r.ask("SELECT attributes FROM org_members WHERE external_id = '1a'"))
	require.Empty(t, r.ask("SELECT email FROM org_members WHERE external_id = '2b'"), "which the provider never sent")
}

// A rule that fails on one member costs that field of that member, and is named; on more than
// a hundredth of them the run is held.
func TestFailingRules(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 60)
	for id := range 60 {
		r.change(fmt.Sprintf("%da", id+1), titled("1"))
		r.change(fmt.Sprintf("%db", id+1), titled("2"))
	}
	r.set(`mapping: [{ target: title, expression: 'string(int(title) + 1)' }]`)
	r.change("7a", titled("private"))
	require.Empty(t, r.sync().HoldReason)
	require.Equal(t, "2", r.title("6a"))
	require.Empty(t, r.title("7a"), "a new member's field is left out")
	r.read()
	require.Equal(t, "7a: the rule for title failed: a value cannot be converted as the expression wants; "+
		"the stored value stays", r.errors("rule"), "the listing is compared again, although it is unchanged")
	report := r.remove()
	require.Equal(t, directory.RunSucceeded, report.Status)
	require.Contains(t, strings.Join(report.Errors, "\n"), "7a")
	require.NotContains(t, strings.Join(report.Errors, "\n"), "private")

	r.change("8a", titled("private"))
	require.Equal(t, "the rules look wrongly configured: they failed on 2 of 120 members, which is more than 1 %; "+
		"the run's errors say why", r.sync().HoldReason)
	require.Equal(t, "2", r.title("8a"), "the stored value stays")
	require.Equal(t, "3", r.title("9b"))
}

// Where the scope cannot be decided, who is there stays, and who is not stays out.
func TestFailingScopeChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 2)
	for _, id := range []string{"1a", "1b", "2a", "2b"} {
		r.change(id, titled("1"))
	}
	r.sync()
	r.set(`scope: { members: 'int(title) < 9' }`)
	r.change("1a", titled("private"))
	joined := member("2", "c")
	joined.Title = new(string)
	r.c.people["2"][1] = append(r.c.people["2"][1], joined)
	plan := r.sync()
	require.Zero(t, plan.PerKind)
	require.Contains(t, plan.HoldReason, "they failed on 2 of 4 members")
	require.Equal(t, "1a 1b 2a 2b", r.there())
	require.Contains(t, r.errors("rule"), "1a: the rule scope.members failed: ")
	require.Contains(t, r.errors("rule"), "2c: the rule scope.members failed: ")
	r.begin()
	r.change("2c", titled("3"))
	r.change("1a", titled("3"))
	require.Empty(t, r.sync().HoldReason)
	require.Equal(t, "1a 1b 2a 2b 2c", r.there())
}

// What is mapped when a member is created is the directory's own business afterwards.
func TestMappingOnCreation(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 2)
	r.change("1a", titled("a"))
	r.set(`mapping:
  - { target: title, expression: '"first " + title', when: create }
  - { target: attributes.since, constant: v1, when: create }`)
	r.change("1b", titled("b"))
	r.sync()
	require.Equal(t, "first a", r.title("1a"))
	r.change("1a", titled("changed"))
	r.set(`mapping:
  - { target: title, expression: '"second " + title', when: create }
  - { target: attributes.since, constant: v2, when: create }`)
	r.sync()
	require.Equal(t, "first a", r.title("1a"))
	require.Equal(t, `{"since": "v1"}`, r.ask("SELECT attributes FROM org_members WHERE external_id = '1a'"))
}

// Expressions see all departments of a member whatever listing brings them, and a department's
// new name reaches them though no listing changed.
func TestRulesSeeAllDepartments(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 2)
	in := func(departments string) func(m *directory.Member) {
		return func(m *directory.Member) { m.Raw = json.RawMessage(`{"departments":[` + departments + `]}`) }
	}
	r.change("1a", in(`"1"`))
	r.change("1b", in(`"1","2"`))
	r.change("2a", in(`"2"`))
	r.change("2b", in(`"2"`))
	r.c.people["2"][1] = append(r.c.people["2"][1], r.c.people["1"][1][0])
	r.c.people["2"][1][1].Memberships = []directory.Membership{{DepartmentID: "2"}}
	r.set(`
scope: { members: '!departments.all(d, d.path == "department 0/department 2")' }
mapping:
  - target: title
    expression: 'departments.map(d, d.name).join(", ") + ": " + departments.filter(d, d.primary)[0].id'
`)
	require.Empty(t, r.sync().HoldReason)
	require.Equal(t, "1a 1b", r.there())
	require.Equal(t, "department 1, department 2: 1", r.title("1b"))

	name := "renamed"
	r.c.children["0"][0][1].Name = &name
	require.Zero(t, r.sync().PerKind)
	require.Equal(t, "1a 1b 2a 2b", r.there())
	require.Equal(t, "department 1, renamed: 1", r.title("1b"))
}

// A dry run by a draft tells what would be, and leaves the rules in force as they are.
func TestADraftIsPlanned(t *testing.T) {
	t.Parallel()
	r := newRuled(t, 2)
	r.change("1a", titled("Intern"))
	r.change("2a", titled("Engineer"))
	r.sync()
	draft, err := r.store.Providers.SetRules(t.Context(), r.provider.ID, providers.NewRules{Draft: true,
		Document: `{"scope":{"members":"title != 'Intern'"},"mapping":[{"target":"title","expression":"title + '!'"}]}`})
	require.NoError(t, err)
	r.change("1b", titled(""))
	r.change("2b", titled(""))
	r.beginLimited(db.NewRun{Mode: "plan", RulesVersion: draft.Version})
	must[ReadMembersResult](r.bench, r.pull.ReadMembers, r.tree())
	told := must[DryRunResult](r.bench, r.reconcile.DryRun, DryRunInput{RunID: r.runID, Remove: true})
	require.Equal(t, 1, told.Counts.Members.Deleted)
	require.Equal(t, 3, told.Counts.Members.Updated)
	require.Contains(t, told.HoldReason, "version 1 of the rules leaves out what is in the directory: members 1")
	r.begin()
	require.Zero(t, r.sync().PerKind)
	require.Equal(t, "Engineer", r.title("2a"))
}
