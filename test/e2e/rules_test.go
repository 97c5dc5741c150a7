package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/rules"
	"github.com/orgsync/orgsync/workflows"
)

// rules sets a source's rules and returns their version.
func (w *world) rules(s *source, document string, draft bool) int {
	w.t.Helper()
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	n := providers.NewRules{Document: document, Draft: draft}
	if document != "" {
		parsed, err := rules.Parse([]byte(document))
		require.NoError(w.t, err)
		n.Included, n.Excluded = parsed.Scope.Include, parsed.Scope.Exclude
	}
	set, err := w.store.Providers.SetRules(w.t.Context(), p.ID, n)
	require.NoError(w.t, err)
	return set.Version
}

// reasons are the different reasons for which a run was to remove objects of a type.
func (w *world) reasons(runID, objectType string) (reasons []string) {
	w.t.Helper()
	require.NoError(w.t, w.pool.QueryRow(w.t.Context(),
		`SELECT coalesce(array_agg(DISTINCT reason ORDER BY reason), '{}')
		FROM sync_run_removals WHERE run_id = $1 AND object_type = $2`, runID, objectType).Scan(&reasons))
	return reasons
}

// requireExplained demands that the history of a member says what became of the member in a run:
// the kind of change, its reason and the decision about it.
func (w *world) requireExplained(s *source, member, runID, want string) {
	w.t.Helper()
	stored, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	found, err := w.store.FindObjects(w.t.Context(), stored.ID, member, 2)
	require.NoError(w.t, err)
	require.Len(w.t, found, 1)
	history, err := w.store.GetObjectHistory(w.t.Context(), found[0])
	require.NoError(w.t, err)
	last := history.Runs[len(history.Runs)-1]
	require.Equal(w.t, runID, last.Run.ID)
	var said []string
	for _, change := range last.Changes {
		if change.ObjectType == "member" {
			said = append(said, change.Kind+" "+change.Reason+" "+change.Decision)
		}
	}
	require.Equal(w.t, []string{want}, said)
}

// divided is a company with a part that rules leave out: Outside, and Deep below it.
type divided struct {
	*lab
	*source
	inside, outside, deep simulator.Dept
	insiders, outsiders   []simulator.PersonID
	both                  simulator.PersonID
}

func newDivided(w *world, kind directory.ProviderType) *divided {
	w.t.Helper()
	c := &divided{lab: newLab(w.t, 81)}
	c.inside, c.insiders = c.below(simulator.Root, "Inside", 120)
	var deep []simulator.PersonID
	c.outside, c.outsiders = c.below(simulator.Root, "Outside", 3)
	c.deep, deep = c.below(c.outside, "Deep", 2)
	c.outsiders = append(c.outsiders, deep...)
	c.both = c.hire(c.inside, c.deep)
	c.source = w.simulate(kind, c.Company)
	w.succeed(c.source)
	return c
}

func (c *divided) ids(people ...simulator.PersonID) (ids []string) {
	for _, p := range people {
		ids = append(ids, c.member(p))
	}
	slices.Sort(ids)
	return ids
}

// there are the external ids of those of the people who are not deleted.
func (w *world) there(s *source, of []string) (ids []string) {
	for id, m := range w.members(s.name) {
		if m.Status != string(directory.Deleted) && slices.Contains(of, id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func everyKind(t *testing.T, test func(t *testing.T, w *world, kind directory.ProviderType)) {
	t.Parallel()
	for _, kind := range directory.ProviderTypes() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t), kind)
		})
	}
}

// Members whom a rule leaves out are planned, held, removed and undone like others, and nobody
// asks the provider about them.
func TestMembersLeftOutByARule(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		c := newDivided(w, kind)
		before := w.standing(c.source)
		leftOut := c.ids(c.insiders[:3]...)
		document := `scope: { members: '!(id in ["` + strings.Join(leftOut, `", "`) + `"])' }`

		plan := w.wait(w.start(workflows.SyncInput{
			Provider: c.name, Mode: workflows.ModePlan, Rules: w.rules(c.source, document, true),
		}))
		require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
		require.Equal(t, 3, plan.Members.Deleted)
		require.Contains(t, strings.Join(plan.Errors, "\n"),
			"applying this would be held: version 1 of the rules leaves out")
		require.Equal(t, before, w.standing(c.source), "a plan changes nothing")

		w.rules(c.source, document, false)
		held := w.sync(c.name)
		require.Equal(t, directory.RunHeld, held.Status, held.Errors)
		require.Contains(t, held.HoldReason, "members 3, departments 0")
		require.Equal(t, []string{"out_of_scope"}, w.reasons(held.RunID, "member"))
		require.Equal(t, leftOut, w.there(c.source, leftOut))
		approved, err := w.decide(held, workflows.ApproveUpdate)
		require.NoError(t, err)
		require.Equal(t, directory.RunSucceeded, approved.Status, approved.Errors)
		require.Equal(t, plan.Members.Deleted, approved.Members.Deleted)
		require.Equal(t, plan.Memberships, approved.Memberships)
		require.Empty(t, w.there(c.source, leftOut))
		w.requireExplained(c.source, leftOut[0], held.RunID, "deleted out_of_scope approved")

		written := w.writes()
		again := w.sync(c.name)
		require.Equal(t, directory.RunSucceeded, again.Status, again.Errors)
		require.Zero(t, again.Members.Deleted)
		require.Equal(t, written, w.writes(), "unchanged means untouched")

		undone := w.undo(c.name, workflows.UndoInput{Run: held.RunID})
		require.Equal(t, directory.RunSucceeded, undone.Status, undone.Errors)
		require.Equal(t, before, w.standing(c.source))

		w.rules(c.source, "", false)
		w.succeed(c.source)
	})
}

// A changed mapping reaches everybody though no listing has changed, and a rule that fails on
// many holds the run.
func TestMappedFields(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		c := newDivided(w, kind)
		w.rules(c.source, `mapping: [{ target: attributes.label, expression: 'id + "/" + departments[0].name' }]`,
			false)
		result := w.sync(c.name)
		require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
		require.Equal(t, len(w.members(c.name)), result.Members.Updated)
		var label string
		require.NoError(t, w.pool.QueryRow(t.Context(), `SELECT attributes ->> 'label' FROM org_members m
			JOIN identity_providers p ON p.id = m.provider_id WHERE p.name = $1 AND m.external_id = $2`,
			c.name, c.member(c.insiders[0])).Scan(&label))
		require.Equal(t, c.member(c.insiders[0])+"/Inside", label)
		written := w.writes()
		require.Equal(t, directory.RunSucceeded, w.sync(c.name).Status)
		require.Equal(t, written, w.writes(), "unchanged means untouched")

		w.rules(c.source, `mapping: [{ target: title, expression: 'string(int(name))' }]`, false)
		held := w.sync(c.name)
		require.Equal(t, directory.RunHeld, held.Status, held.Errors)
		require.Contains(t, held.HoldReason, "the rules look wrongly configured: they failed on ")
		require.Contains(t, strings.Join(held.Errors, "\n"), "the rule for title failed: a value cannot be converted")
		rejected, err := w.decide(held, workflows.RejectUpdate)
		require.NoError(t, err)
		require.Equal(t, directory.RunRejected, rejected.Status)
		w.rules(c.source, "", false)
		w.succeed(c.source)
	})
}

// An expression that fails on one member of some hundred costs that field of that member: all else
// of the rules reaches them and everybody. On 2 % of them it holds the run.
func TestExpressionThatFailsOnFew(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		l := newLab(t, 82)
		_, people := l.below(simulator.Root, "Everybody", 199)
		c := &divided{lab: l, source: w.simulate(kind, l.Company), insiders: people}
		w.rules(c.source, `mapping: [{ target: title, expression: '"before"' }]`, false)
		require.Equal(t, directory.RunSucceeded, w.sync(c.name).Status)
		failing := func(ids []string) string {
			return `mapping:
  - target: title
    expression: 'id in ["` + strings.Join(ids, `", "`) + `"] ? string(int(name)) : "after"'
  - { target: attributes.label, expression: id }`
		}
		one := c.ids(people[7])
		w.rules(c.source, failing(one), false)
		result := w.sync(c.name)
		require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
		require.Len(t, result.Errors, 1)
		require.Contains(t, result.Errors[0], one[0]+": the rule for title failed: a value cannot be converted")
		require.Equal(t, 1, w.count(`SELECT count(*) FROM org_members WHERE title = 'before'`))
		require.Equal(t, 200, w.count(`SELECT count(*) FROM org_members WHERE attributes ->> 'label' = external_id
			AND title = CASE WHEN external_id = '`+one[0]+`' THEN 'before' ELSE 'after' END`))
		written := w.writes()
		require.Equal(t, directory.RunSucceeded, w.sync(c.name).Status)
		require.Equal(t, written, w.writes(), "unchanged means untouched")

		w.rules(c.source, failing(c.ids(people[:4]...)), false)
		held := w.sync(c.name)
		require.Equal(t, directory.RunHeld, held.Status, held.Errors)
		require.Contains(t, held.HoldReason, "they failed on 4 of 200 members")
	})
}

// Kinds that are switched off are not asked for, and what is stored of them stays.
func TestKindsSwitchedOff(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		s := w.simulate(kind, simulator.Generate(simulator.TypicalSpec(83, 60)))
		w.succeed(s)
		before := w.standing(s)
		require.NotEmpty(t, before.Groups)
		calls := func() int {
			s.calls.Reset()
			result := w.sync(s.name)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			return int(result.Calls)
		}
		on := calls()
		w.rules(s, `scope: { kinds: { groups: false, administrators: false } }`, false)
		require.Less(t, calls(), on)
		require.Equal(t, before, w.standing(s))
		w.rules(s, "", false)
		require.Equal(t, on, calls())
	})
}

// Excluded departments are not asked for, with what is below them; their members and they
// themselves go as out of scope, and the run is complete.
func TestExcludedDepartments(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		c := newDivided(w, kind)
		before := w.standing(c.source)
		synced := w.lastSynced(c.name)
		c.calls.Reset()
		require.Equal(t, directory.RunSucceeded, w.sync(c.name).Status)
		whole := maps.Clone(c.calls.All())
		gone := []string{c.department(c.outside), c.department(c.deep)}
		document := `scope: { departments: { exclude: ["` + gone[0] + `"] } }`

		plan := w.wait(w.start(workflows.SyncInput{
			Provider: c.name, Mode: workflows.ModePlan, Rules: w.rules(c.source, document, true),
		}))
		require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
		require.Equal(t, []int{5, 2}, []int{plan.Members.Deleted, plan.Departments.Deleted})

		w.rules(c.source, document, false)
		c.calls.Reset()
		held := w.sync(c.name)
		part := maps.Clone(c.calls.All())
		require.Equal(t, directory.RunHeld, held.Status, held.Errors)
		require.Contains(t, held.HoldReason, "members 5, departments 2")
		require.Equal(t, []string{"out_of_scope"}, w.reasons(held.RunID, "member"))
		require.Equal(t, []string{"out_of_scope"}, w.reasons(held.RunID, "department"))
		members := readers[kind].members
		require.Equal(t, whole[members]-2, part[members], "neither Outside nor Deep is asked: %v %v", whole, part)
		approved, err := w.decide(held, workflows.ApproveUpdate)
		require.NoError(t, err)
		require.Equal(t, directory.RunSucceeded, approved.Status, approved.Errors)
		require.Equal(t, plan.Members.Deleted, approved.Members.Deleted)
		require.Equal(t, plan.Departments.Deleted, approved.Departments.Deleted)
		require.Empty(t, w.there(c.source, c.ids(c.outsiders...)))
		require.NotEqual(t, synced, w.lastSynced(c.name), "such a run is complete")
		for id := range w.departments(c.name) {
			require.NotContains(t, gone, id)
		}
		require.Equal(t, []string{c.department(c.inside)}, w.members(c.name)[c.member(c.both)].Departments)

		written := w.writes()
		again := w.sync(c.name)
		require.Equal(t, directory.RunSucceeded, again.Status, again.Errors)
		require.Equal(t, written, w.writes(), "unchanged means untouched")
		asked := []simulator.PersonID{c.outsiders[0], c.both}
		if kind == directory.DingTalk {
			asked = asked[:1] // a lookup names managers and main departments, which no listing does
		}
		single := w.syncMembers(c.source, workflows.ModeApply, asked...)
		require.Equal(t, directory.RunSucceeded, single.Status, single.Errors)
		require.Equal(t, written, w.writes(), "nor does a run by ids bring anybody back")

		undone := w.undo(c.name, workflows.UndoInput{Run: held.RunID})
		require.Equal(t, directory.RunSucceeded, undone.Status, undone.Errors)
		require.Equal(t, before, w.standing(c.source))
		w.rules(c.source, "", false)
		w.succeed(c.source)
	})
}

// With one part included, the departments above it hold the tree together, and nobody else is
// in the directory.
func TestIncludedDepartments(t *testing.T) {
	everyKind(t, func(t *testing.T, w *world, kind directory.ProviderType) {
		c := newDivided(w, kind)
		w.rules(c.source, `scope: { departments: { include: ["`+c.department(c.deep)+`"] } }`, false)
		held := w.sync(c.name)
		require.Equal(t, directory.RunHeld, held.Status, held.Errors)
		approved, err := w.decide(held, workflows.ApproveUpdate)
		require.NoError(t, err)
		require.Equal(t, directory.RunSucceeded, approved.Status, approved.Errors)
		want := c.ids(append(c.outsiders[3:], c.both)...)
		require.Equal(t, want, slices.Sorted(maps.Keys(w.members(c.name))))
		departments := []string{c.department(simulator.Root), c.department(c.outside), c.department(c.deep)}
		require.ElementsMatch(t, departments, slices.Collect(maps.Keys(w.departments(c.name))))
		written := w.writes()
		again := w.sync(c.name)
		require.Equal(t, directory.RunSucceeded, again.Status, again.Errors)
		require.Equal(t, written, w.writes(), "unchanged means untouched")
		w.rules(c.source, "", false)
		w.succeed(c.source)
	})
}
