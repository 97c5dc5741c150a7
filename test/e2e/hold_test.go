package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/db/report"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// decide sends a decision to the workflow that holds a run.
func (w *world) decide(held workflows.SyncResult, update string) (result workflows.SyncResult, err error) {
	w.t.Helper()
	require.Equal(w.t, workflows.HoldWorkflowID(held.Provider, held.RunID), held.HoldWorkflowID)
	handle, err := w.temporal.UpdateWorkflow(w.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: held.HoldWorkflowID, UpdateName: update, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		return result, err
	}
	return result, handle.Get(w.t.Context(), &result)
}

// leaving is a company that loses more people at once than a run may remove on its
// own, while others come.
type leaving struct {
	*lab
	*source
	first, second simulator.Dept
	people        []simulator.PersonID
}

// limit is what a run may remove on its own in these tests, of people as of departments,
// as long as 5 % are fewer.
const limit = 20

// limits states that for a new provider, so that no test depends on what is usual.
func limits() providers.GuardChange {
	return providers.GuardChange{Limits: directory.GuardChange{
		Members:     directory.LimitChange{Count: new(limit), Percent: new(5.0)},
		Departments: directory.LimitChange{Count: new(limit), Percent: new(5.0)},
	}}
}

func newLeaving(w *world, kind directory.ProviderType) *leaving {
	w.t.Helper()
	c := &leaving{lab: newLab(w.t, 51)}
	c.first, c.people = c.below(simulator.Root, "First", limit+15)
	c.second, _ = c.below(simulator.Root, "Second", 5)
	c.source = w.simulate(kind, c.Company)
	w.succeed(c.source)
	return c
}

// leave lets n people go, one come and one move, so that additions, changes and
// removals all have something to do.
func (c *leaving) leave(n int) (leavers []string, newcomer string) {
	c.t.Helper()
	for _, p := range c.people[:n] {
		leavers = append(leavers, c.member(p))
		c.must(c.Leave(p))
	}
	c.people = c.people[n:]
	c.must(c.Move(c.people[len(c.people)-1], c.first, c.second))
	return leavers, c.member(c.hire(c.second))
}

// held syncs and demands that the run is held with everything in but the removals.
func (w *world) held(c *leaving, leavers []string, newcomer string) workflows.SyncResult {
	w.t.Helper()
	result := w.sync(c.name)
	require.Equal(w.t, directory.RunHeld, result.Status, result.Errors)
	require.Contains(w.t, result.HoldReason, "it would remove 21 of 42 members; the limit is 20")
	require.Zero(w.t, result.Members.Deleted+result.Memberships.Deleted)
	members := w.members(c.name)
	require.Contains(w.t, members, newcomer)
	for _, id := range leavers {
		require.Equal(w.t, "active", members[id].Status, "removed before anybody said so")
	}
	return result
}

func (w *world) status(runID string) string {
	w.t.Helper()
	run, err := w.store.Report.GetRun(w.t.Context(), runID)
	require.NoError(w.t, err)
	return run.Status
}

func TestAsManyAsTheGuardAllowsGoUnasked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.DingTalk)
	c.leave(limit)
	w.succeed(c.source)
}

func TestApprovedRemovals(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newLeaving(w, kind)
			leavers, newcomer := c.leave(limit + 1)
			held := w.held(c, leavers, newcomer)

			// Exactly what was shown goes: not who left since.
			since := c.people[0]
			c.must(c.Leave(since))
			result, err := w.decide(held, workflows.ApproveUpdate)
			require.NoError(t, err)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.Equal(t, len(leavers), result.Members.Deleted)
			members := w.members(c.name)
			for _, id := range leavers {
				require.NotContains(t, members, id)
			}
			require.Contains(t, members, c.member(since))
			require.Equal(t, directory.RunSucceeded, w.status(held.RunID))

			_, err = w.decide(held, workflows.RejectUpdate)
			require.Error(t, err, "a second decision")
			require.NotContains(t, w.members(c.name), leavers[0])
			w.succeed(c.source)
		})
	}
}

// Somebody who comes back while a decision is pending is not removed by it, and is named.
// A provider that does not answer for a moment is waited for; where it refuses, whoever
// could not be looked up stays.
func TestWhoComesBackDuringAHoldStays(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newLeaving(w, kind)
			gone := c.people[:limit+1]
			leavers, newcomer := c.leave(limit + 1)
			held := w.held(c, leavers, newcomer)
			c.must(c.Rehire(gone[3], c.second), c.SetTitle(gone[3], "Back"))
			s := c.source
			s.faults.Add(simulator.Fault{Endpoint: lookUps[kind], Times: 2,
				Action: simulator.Action{Kind: simulator.HTTPStatus, Status: http.StatusServiceUnavailable}})
			result, err := w.decide(held, workflows.ApproveUpdate)
			require.NoError(t, err)
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			require.Equal(t, limit, result.Members.Deleted)
			require.Equal(t,
				[]string{"member " + leavers[3] +
					": its removal was approved, but the provider shows it again; it was left as it is"}, result.Errors)
			members := w.members(c.name)
			for i, id := range leavers {
				require.Equal(t, i == 3, members[id].Name != "", id)
			}
			require.Equal(t, []string{c.department(c.first)}, members[leavers[3]].Departments, "until the next sync")
			w.succeed(c.source)

			leavers = nil
			for _, p := range c.people[:3] {
				leavers = append(leavers, c.member(p))
				c.must(c.Leave(p))
			}
			w.guard(c.source, 0)
			held = w.sync(c.name)
			require.Equal(t, directory.RunHeld, held.Status, held.Errors)
			s.faults.Add(simulator.Fault{Endpoint: lookUps[kind], Times: simulator.Forever,
				Action: simulator.Action{Kind: simulator.Forbidden}})
			result, err = w.decide(held, workflows.ApproveUpdate)
			require.NoError(t, err)
			require.Equal(t, directory.RunPartial, result.Status)
			require.Zero(t, result.Members.Deleted)
			require.Len(t, result.Errors, len(leavers))
			require.Contains(t, w.members(c.name), leavers[0])
			s.faults.Clear()
			w.guard(c.source, limit)
			w.succeed(c.source)
		})
	}
}

// lookUps are the calls that ask for one person.
var lookUps = map[directory.ProviderType]string{directory.Feishu: "users/get", directory.DingTalk: "user/get",
	directory.WeCom: "user/get"}

func TestRejectedRemovals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.WeCom)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)
	before := w.standing(c.source)
	result, err := w.decide(held, workflows.RejectUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunRejected, result.Status)
	require.Equal(t, before, w.standing(c.source))

	_, err = w.decide(held, workflows.ApproveUpdate)
	require.Error(t, err, "a second decision")
	require.Equal(t, before, w.standing(c.source))

	// The reason is still there: the next run asks again, unless it is told to apply.
	require.Equal(t, directory.RunHeld, w.sync(c.name).Status)
	require.Equal(t, directory.RunSucceeded,
		w.wait(w.start(workflows.SyncInput{Provider: c.name, OnRemovals: workflows.RemovalsApply})).Status)
	w.requireEqual(c.source)
}

func TestHeldRunIsSupersededByTheNext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.DingTalk)
	leavers, newcomer := c.leave(limit + 1)
	first := w.held(c, leavers, newcomer)

	// Its own additions are in, and the removals wait anew.
	another := c.member(c.hire(c.first))
	second := w.sync(c.name)
	require.Equal(t, directory.RunHeld, second.Status, second.Errors)
	require.Contains(t, w.members(c.name), another)
	require.Equal(t, directory.RunSuperseded, w.status(first.RunID))
	before := w.standing(c.source)
	_, err := w.decide(first, workflows.ApproveUpdate)
	require.Error(t, err, "the question is moot")
	require.Equal(t, before, w.standing(c.source))

	result, err := w.decide(second, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	w.requireEqual(c.source)
}

// guard sets how many people a run of the source may remove unasked, whatever share of
// all they are.
func (w *world) guard(s *source, people int) {
	w.t.Helper()
	p, err := w.store.Providers.FindByName(w.t.Context(), s.name)
	require.NoError(w.t, err)
	require.NoError(w.t, w.store.Providers.Update(w.t.Context(), p.ID,
		providers.Change{Guard: providers.GuardChange{Limits: directory.GuardChange{
			Members: directory.LimitChange{Count: &people, Percent: new(0.0)}}}}, nil))
}

// What does not read and apply the whole company leaves a hold as it is: a plan "changes
// nothing", a look-up of one person even less. Approving then removes what was shown.
func TestHoldOutlivesPlansAndLimitedRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.DingTalk)
	c.must(c.SetTitle(c.people[0], "Before"))
	titled := w.sync(c.name)
	leavers, newcomer := c.leave(limit + 1)
	held := w.held(c, leavers, newcomer)

	there := c.member(c.people[0])
	for name, in := range map[string]workflows.SyncInput{
		"plan": {Mode: workflows.ModePlan}, "member": {Members: []string{there}},
		"departments": {Departments: []string{c.department(c.second)}},
	} {
		in.Provider = c.name
		result := w.wait(w.start(in))
		require.Equal(t, directory.RunSucceeded, result.Status, "%s: %v", name, result.Errors)
		require.Equal(t, directory.RunHeld, w.status(held.RunID), name)
	}
	c.must(c.SetTitle(c.people[0], "After"))
	w.undo(c.name, workflows.UndoInput{Run: titled.RunID})
	require.Equal(t, directory.RunHeld, w.status(held.RunID), "an undoing run")

	// One that is limited to single people is held itself, beside the other.
	w.guard(c.source, 0)
	single := w.wait(w.start(workflows.SyncInput{Provider: c.name, Members: leavers[:1]}))
	require.Equal(t, directory.RunHeld, single.Status, single.Errors)
	require.Equal(t, directory.RunHeld, w.status(held.RunID))

	// A plan at work is waited for, and goes on undisturbed.
	c.stall()
	planning := w.start(workflows.SyncInput{Provider: c.name, Mode: workflows.ModePlan})
	w.stalled(c.name)
	decided := make(chan workflows.SyncResult, 1)
	handle, err := w.temporal.UpdateWorkflow(t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: held.HoldWorkflowID, UpdateName: workflows.ApproveUpdate,
		WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	require.NoError(t, err)
	go func() {
		var result workflows.SyncResult
		if handle.Get(t.Context(), &result) == nil {
			decided <- result
		}
		close(decided)
	}()
	require.Eventually(t, func() bool {
		described, err := w.temporal.DescribeWorkflowExecution(t.Context(), held.HoldWorkflowID, "")
		if err != nil || len(described.GetPendingActivities()) == 0 {
			return false
		}
		return strings.Contains(described.GetPendingActivities()[0].GetLastFailure().GetMessage(),
			"the removals are approved; they are carried out when run")
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, directory.RunHeld, w.status(held.RunID))
	c.faults.Clear()
	require.Equal(t, directory.RunSucceeded, w.wait(planning).Status)
	result := <-decided
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Equal(t, len(leavers), result.Members.Deleted)
	members := w.members(c.name)
	for _, id := range leavers {
		require.NotContains(t, members, id)
	}
	require.Contains(t, members, there)

	require.Equal(t, directory.RunHeld, w.status(single.RunID), "it is decided by itself")
	result, err = w.decide(single, workflows.ApproveUpdate)
	require.NoError(t, err)
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Zero(t, result.Members.Deleted, "who was gone already")
	w.guard(c.source, limit)
	w.succeed(c.source)
}

func TestSkippedRemovals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.Feishu)
	leavers, newcomer := c.leave(limit + 1)
	result := w.wait(w.start(workflows.SyncInput{Provider: c.name, OnRemovals: workflows.RemovalsSkip}))
	require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
	require.Zero(t, result.Members.Deleted+result.Memberships.Deleted+result.Departments.Deleted)
	require.Contains(t, w.members(c.name), newcomer)
	require.Contains(t, w.members(c.name), leavers[0])
	require.Equal(t, directory.RunHeld, w.sync(c.name).Status, "what was skipped is still to be decided")
}

// logged is a change as the log of a run tells it, without what differs from run to run.
type logged struct{ Type, ExternalID, Department, Kind string }

func (w *world) changes(runID string) (changes []logged) {
	w.t.Helper()
	require.NoError(w.t, w.store.Report.StreamChanges(w.t.Context(), runID, report.ChangeFilter{},
		func(c report.Change) error {
			changes = append(changes, logged{c.ObjectType, c.ExternalID, c.DepartmentID, c.Kind})
			return nil
		}))
	return changes
}

func TestPlanWritesNothingAndForetellsApply(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := w.simulate(kind, simulator.Generate(simulator.TypicalSpec(52, 150)))
			w.succeed(s)
			s.company.Drift(53, 0.2)
			before := w.writes()
			plan := w.wait(w.start(workflows.SyncInput{Provider: s.name, Mode: workflows.ModePlan}))
			require.Equal(t, directory.RunSucceeded, plan.Status, plan.Errors)
			require.Equal(t, before, w.writes(), "a plan wrote to the directory")
			applied := w.sync(s.name)
			require.Equal(t, directory.RunSucceeded, applied.Status, applied.Errors)
			w.requireEqual(s)
			require.Equal(t, applied.Counts, plan.Counts)
			require.Positive(t, plan.Members.Deleted+plan.Members.Created)
			// New departments get their ids when they are written, so departments are left out here.
			withoutIDs := func(changes []logged) []logged {
				for i := range changes {
					changes[i].Department = ""
				}
				return changes
			}
			require.ElementsMatch(t, withoutIDs(w.changes(applied.RunID)), withoutIDs(w.changes(plan.RunID)))
		})
	}
}

// Where the provider counts more people than it lists, whatever seems to be gone is to be
// looked up: a plan does so, too, and foretells what applying removes.
func TestPlanForetellsWhatLookUpsConfirm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := newLab(t, 56)
	kept, _ := l.below(simulator.Root, "Kept", 3)
	dissolved, people := l.below(simulator.Root, "Dissolved", 19)
	s := w.simulate(directory.Feishu, l.Company)
	w.succeed(s)
	for _, p := range people {
		l.must(l.Move(p, dissolved, kept))
	}
	l.must(l.DeleteDepartment(dissolved))
	s.faults.Add(simulator.Fault{Endpoint: "departments/get", Department: s.department(simulator.Root),
		Times:  simulator.Forever,
		Action: simulator.Action{Kind: simulator.SetField, Field: "member_count", Value: 1 + 3 + 19 + 1}})

	before := w.writes()
	plan := w.wait(w.start(workflows.SyncInput{Provider: s.name, Mode: workflows.ModePlan}))
	require.Equal(t, before, w.writes(), "a plan wrote to the directory")
	applied := w.sync(s.name)
	require.Equal(t, [2]int{1, 19}, [2]int{applied.Departments.Deleted, applied.Memberships.Deleted})
	require.Equal(t, applied.Counts, plan.Counts)
	require.Equal(t, []any{applied.Status, applied.Errors}, []any{plan.Status, plan.Errors})
	w.requireEqual(s)
}

func TestPlanOfWhatWouldBeHeldSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newLeaving(w, directory.WeCom)
	c.leave(limit + 1)
	before := w.writes()
	plan := w.wait(w.start(workflows.SyncInput{Provider: c.name, Mode: workflows.ModePlan}))
	require.Equal(t, directory.RunSucceeded, plan.Status)
	require.Equal(t, limit+1, plan.Members.Deleted)
	require.Len(t, plan.Errors, 1)
	require.Contains(t, plan.Errors[0], "would be held: it would remove 21 of 42 members")
	require.Equal(t, before, w.writes())
}

func TestRunOfChosenDepartments(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newPlot(w, kind)
			w.succeed(p.source)
			before := w.standing(p.source)
			// In a chosen department, in another one, and from the one to the other.
			p.must(p.Leave(p.people[0]), p.Leave(p.people[2]), p.Move(p.people[1], p.departments[0], p.departments[1]))
			here, there := p.hire(p.departments[0]), p.hire(p.departments[1])
			result := w.wait(
				w.start(workflows.SyncInput{Provider: p.name, Departments: []string{p.department(p.departments[0])}}))
			require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
			w.requireNothingLost(p.source, before)
			members := w.members(p.name)
			require.Contains(t, members, p.member(here))
			require.NotContains(t, members, p.member(there))
			require.NotContains(t, members, p.member(p.people[0]), "looked up and gone")
			require.Contains(t, members, p.member(p.people[2]), "not looked at")
			require.Len(t, result.Errors, 1)
			require.Contains(t, result.Errors[0], "member "+p.member(p.people[1])+": ")
			w.succeed(p.source)
		})
	}
}

func TestRunOfAnUnknownDepartment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPlot(w, directory.DingTalk)
	w.succeed(p.source)
	before := w.standing(p.source)
	result := w.wait(w.start(workflows.SyncInput{Provider: p.name, Departments: []string{"4711"}}))
	require.Equal(t, directory.RunPartial, result.Status)
	require.Equal(t, []string{"department 4711: the run was asked for it, but the provider lists no such department"},
		result.Errors)
	require.Equal(t, before, w.standing(p.source))
}
