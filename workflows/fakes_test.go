package workflows_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/workflows"
)

const runID = "3f1c6f6e-run"

// none is the result of activities that have none.
type none = struct{}

// fakes stand for the activities. A nil function answers with nothing: a company
// without departments, a plan without removals.
type fakes struct {
	beginRun              func(activities.BeginRunInput) (activities.BeginRunResult, error)
	holdRun               func(activities.HoldRunInput) (activities.HoldRunResult, error)
	resumeRun             func(activities.ResumeRunInput) (none, error)
	finishRun             func(activities.FinishRunInput) (activities.RunReport, error)
	preflight             func(activities.RunInput) (activities.PreflightResult, error)
	pullDepartments       func(activities.RunInput) (none, error)
	sealDepartments       func(activities.FinishDepartmentsInput) (activities.FinishDepartmentsResult, error)
	pullPeople            func(activities.RunInput) (none, error)
	readGroups            func(activities.ReadGroupsInput) (none, error)
	pullMembers           func(activities.BatchInput) (activities.ReadMembersResult, error)
	pullDepartmentMembers func(activities.DepartmentInput) (activities.ReadDepartmentMembersResult, error)
	departmentIDs         func(activities.BatchInput) (activities.DepartmentIDsResult, error)
	failMembers           func(activities.FailMembersInput) (none, error)
	applyDepartments      func(activities.ApplyDepartmentsInput) (none, error)
	applyMembers          func(activities.BatchInput) (none, error)
	planRemovals          func(activities.PlanRemovalsInput) (activities.PlanRemovalsResult, error)
	dryRun                func(activities.DryRunInput) (activities.DryRunResult, error)
	lookUpAgain           func(activities.RunInput) (none, error)
	spare                 func(activities.RunInput) (none, error)
	remove                func(activities.RunInput) (activities.RemoveResult, error)
	recompute             func(activities.RunInput) (none, error)
	linkAccounts          func(activities.RunInput) (none, error)
	carryOut              func(activities.RunInput) (activities.CarryOutResult, error)
	notify                func(activities.NotifyInput) (activities.NotifyResult, error)
	checkSchedule         func(activities.CheckScheduleInput) (activities.CheckScheduleResult, error)
	beginUndo             func(activities.BeginUndoInput) (activities.BeginUndoResult, error)
	undo                  func(activities.UndoInput) (activities.UndoResult, error)

	// before is told of each activity before it answers.
	before func(name string)

	mu     sync.Mutex
	called []string
	inputs map[string][]any
}

// shapeOf divides so many departments as a test counts on.
func shapeOf(departments int) activities.Sharding {
	shape := activities.Sharding{Shard: 400, Shards: 6, Batch: 1, Batches: 16}
	if departments > 300 {
		shape.Batch = min(50, departments/100)
	}
	return shape
}

// newFakes answers as for a healthy company of so many departments.
func newFakes(departments int) *fakes {
	return &fakes{
		inputs: map[string][]any{},
		beginRun: func(activities.BeginRunInput) (activities.BeginRunResult, error) {
			return activities.BeginRunResult{RunID: runID}, nil
		},
		sealDepartments: func(activities.FinishDepartmentsInput) (activities.FinishDepartmentsResult, error) {
			return activities.FinishDepartmentsResult{Departments: departments, Sharding: shapeOf(departments)}, nil
		},
		holdRun: func(activities.HoldRunInput) (activities.HoldRunResult, error) {
			return activities.HoldRunResult{RunReport: activities.RunReport{Provider: "acme",
				Mode: workflows.ModeApply, Status: directory.RunHeld}}, nil
		},
		finishRun: func(in activities.FinishRunInput) (activities.RunReport, error) {
			report := activities.RunReport{Provider: "acme", Mode: workflows.ModeApply, Status: in.Status, Calls: 7}
			if in.Status == "" {
				report.Status = directory.RunSucceeded
			}
			if in.Problem != "" {
				report.Errors = []string{in.Problem}
			}
			return report, nil
		},
	}
}

// newEnvironment returns an environment with the workflows and without activities.
func newEnvironment() *testsuite.TestWorkflowEnvironment {
	env := emptyEnvironment()
	workflows.Register(env)
	return env
}

// emptyEnvironment returns one without either. Beside other tests a processor may leave a workflow
// waiting for longer than the SDK expects.
func emptyEnvironment() *testsuite.TestWorkflowEnvironment {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	env.SetTestTimeout(time.Minute)
	return env
}

// env returns an environment in which the workflows run on these fakes.
func (f *fakes) env(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := newEnvironment()
	register(f, env, "BeginRun", f.beginRun)
	register(f, env, "HoldRun", f.holdRun)
	register(f, env, "ResumeRun", f.resumeRun)
	register(f, env, "FinishRun", f.finishRun)
	register(f, env, "Preflight", f.preflight)
	register(f, env, "ReadDepartments", f.pullDepartments)
	register(f, env, "FinishDepartments", f.sealDepartments)
	register(f, env, "DepartmentIDs", f.departmentIDs)
	register(f, env, "ReadMembersByID", f.pullPeople)
	register(f, env, "ReadGroups", f.readGroups)
	register(f, env, "ReadMembers", f.pullMembers)
	register(f, env, "ReadDepartmentMembers", f.pullDepartmentMembers)
	register(f, env, "FailMembers", f.failMembers)
	register(f, env, "ApplyDepartments", f.applyDepartments)
	register(f, env, "ApplyMembers", f.applyMembers)
	register(f, env, "PlanRemovals", f.planRemovals)
	register(f, env, "DryRun", f.dryRun)
	register(f, env, "LookUpAgain", f.lookUpAgain)
	register(f, env, "WithdrawReturned", f.spare)
	register(f, env, "Remove", f.remove)
	register(f, env, "Recompute", f.recompute)
	register(f, env, "LinkAccounts", f.linkAccounts)
	register(f, env, "CarryOut", f.carryOut)
	register(f, env, "Notify", f.notify)
	register(f, env, "CheckSchedule", f.checkSchedule)
	register(f, env, "BeginUndo", f.beginUndo)
	register(f, env, "Undo", f.undo)
	return env
}

func register[In, Out any](f *fakes, env *testsuite.TestWorkflowEnvironment, name string, do func(In) (Out, error)) {
	env.RegisterActivityWithOptions(func(_ context.Context, in In) (out Out, err error) {
		f.mu.Lock()
		f.called = append(f.called, name)
		f.inputs[name] = append(f.inputs[name], in)
		f.mu.Unlock()
		if f.before != nil {
			f.before(name)
		}
		if do != nil {
			out, err = do(in)
		}
		return out, err
	}, activity.RegisterOptions{Name: name})
}

// count is how often an activity was called.
func (f *fakes) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.inputs[name])
}

// order is the activities as they were called.
func (f *fakes) order() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.called)
}

// inputsOf returns what an activity was called with.
func inputsOf[In any](f *fakes, name string) []In {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]In, len(f.inputs[name]))
	for i, in := range f.inputs[name] {
		out[i] = in.(In)
	}
	return out
}

// final is an activity's last word: Temporal does not try it again.
func final(kind string, message string) error {
	return temporal.NewNonRetryableApplicationError(message, kind, nil)
}

// forbidden would meet every further call; unavailable is the trouble of one.
func forbidden() error {
	return final(string(provider.Forbidden), "Feishu 99991672: the permission is missing")
}

func unavailable() error {
	return final(string(provider.Unavailable), "Feishu: connection failed")
}

// watchAttributes collects the search attributes that a workflow sets, each key's
// values in order.
func watchAttributes(env *testsuite.TestWorkflowEnvironment) func(key string) []any {
	var mu sync.Mutex
	values := map[string][]any{}
	env.OnUpsertTypedSearchAttributes(mock.MatchedBy(func(attributes temporal.SearchAttributes) bool {
		mu.Lock()
		defer mu.Unlock()
		for key, value := range attributes.GetUntypedValues() {
			// The matcher may see one call several times.
			if old := values[key.GetName()]; len(old) == 0 || old[len(old)-1] != value {
				values[key.GetName()] = append(old, value)
			}
		}
		return true
	})).Return(nil)
	return func(key string) []any {
		mu.Lock()
		defer mu.Unlock()
		return values[key]
	}
}
