package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"

	"github.com/orgsync/orgsync/db/dbtest"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/workflows"
)

// strikes do something to a run when it reaches an activity, before that does its
// work: whatever happens to the workflow then, the activity goes on as a zombie.
type strikes struct {
	interceptor.WorkerInterceptorBase
	interceptor.ClientInterceptorBase
	mu   sync.Mutex
	plan map[string]strike // by provider
}

type strike struct {
	activity string
	do       func(context.Context)
}

// dialed makes the world's workers go through interceptors.
func (w *world) dialed(intercept ...interceptor.ClientInterceptor) {
	w.t.Helper()
	struck, err := client.DialContext(w.t.Context(), client.Options{
		HostPort: server.Address(), Namespace: stack.Namespace, Logger: silentLogger{}, Interceptors: intercept,
	})
	require.NoError(w.t, err)
	w.t.Cleanup(struck.Close)
	w.temporal = struck
}

type silentLogger struct{}

func (silentLogger) Debug(string, ...any) {}
func (silentLogger) Info(string, ...any)  {}
func (silentLogger) Warn(string, ...any)  {}
func (silentLogger) Error(string, ...any) {}

// at arranges one strike at a provider's next activity of that name.
func (s *strikes) at(provider, activity string, do func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan[provider] = strike{activity, do}
}

func (s *strikes) InterceptActivity(_ context.Context,
	next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &struckActivity{interceptor.ActivityInboundInterceptorBase{Next: next}, s}
}

type struckActivity struct {
	interceptor.ActivityInboundInterceptorBase
	strikes *strikes
}

func (a *struckActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	provider := strings.Split(info.WorkflowExecution.ID+"/", "/")[1]
	a.strikes.mu.Lock()
	planned, ok := a.strikes.plan[provider]
	if ok = ok && planned.activity == info.ActivityType.Name; ok {
		delete(a.strikes.plan, provider)
	}
	a.strikes.mu.Unlock()
	if ok {
		planned.do(context.WithoutCancel(ctx))
	}
	return a.Next.ExecuteActivity(ctx, in)
}

// steps are the activities of a run that removes somebody, in order.
var steps = []string{
	"BeginRun", "Preflight", "ReadDepartments", "FinishDepartments", "ApplyDepartments", "DepartmentIDs",
	"ReadMembers", "ApplyMembers",
	"PlanRemovals", "Remove", "Recompute", "LinkAccounts", "FinishRun",
}

// staff is a company in which, again and again, somebody leaves and somebody comes.
type staff struct {
	*lab
	*source
	first, second simulator.Dept
	people        []simulator.PersonID
}

func newStaff(w *world) *staff {
	w.t.Helper()
	c := &staff{lab: newLab(w.t, 71)}
	c.first, c.people = c.below(simulator.Root, "First", 20)
	c.second, _ = c.below(c.first, "Second", 3)
	c.source = w.simulate(directory.Feishu, c.Company)
	w.succeed(c.source)
	return c
}

// change lets one person go, one come, and one move.
func (c *staff) change() {
	c.t.Helper()
	c.must(c.Leave(c.people[0]))
	c.people = append(c.people[1:], c.hire(c.first))
	c.must(c.Move(c.people[0], c.first, c.second))
}

// Whatever happens to a run's workflow, at whatever step: the next run starts without
// help and the tables come out right, while activities of the struck run still work.
func TestRunStruckAtEachStep(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]struct {
		steps   []string
		timeout time.Duration
		do      func(context.Context, *world, client.WorkflowRun) error
	}{
		"terminated": {steps, 0, func(ctx context.Context, w *world, run client.WorkflowRun) error {
			return w.temporal.TerminateWorkflow(ctx, run.GetID(), run.GetRunID(), "a test")
		}},
		// The workflow's own tests cancel at every step.
		"canceled": {[]string{"BeginRun", "ApplyDepartments", "ReadMembers", "Remove", "FinishRun"}, 0,
			func(ctx context.Context, w *world, run client.WorkflowRun) error {
				return w.temporal.CancelWorkflow(ctx, run.GetID(), run.GetRunID())
			}},
		"reset": {steps, 0, func(ctx context.Context, w *world, run client.WorkflowRun) error {
			completed := tasksOf(w.history(run))
			return w.reset(ctx, run, completed[len(completed)-1])
		}},
		// For the database it is as if it were terminated.
		"timed out": {[]string{"BeginRun", "ReadMembers", "Remove"}, time.Second,
			func(ctx context.Context, _ *world, run client.WorkflowRun) error {
				_ = run.Get(ctx, nil)
				return nil
			}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &strikes{plan: map[string]strike{}}
			w := emptyWorld(t, dbtest.New(t), server)
			w.dialed(s)
			w.startWorker()
			c := newStaff(w)
			for _, step := range way.steps {
				c.change()
				struck := make(chan error, 1)
				begun := make(chan client.WorkflowRun, 1)
				s.at(c.name, step, func(ctx context.Context) { struck <- way.do(ctx, w, <-begun) })
				run, err := w.temporal.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
					ID: workflows.SyncWorkflowID(c.name), TaskQueue: w.queue, WorkflowRunTimeout: way.timeout,
				}, workflows.SyncOrgName, workflows.SyncInput{Provider: c.name})
				require.NoError(t, err)
				begun <- run
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				_ = run.Get(ctx, nil)
				require.NoError(t, ctx.Err(), "struck at %s, the run goes on", step)
				cancel()
				if way.timeout == 0 { // else its time may have been up before
					require.NoError(t, <-struck, step)
				}
				w.closed(run.GetID())
				result := w.sync(c.name)
				require.Equal(t, directory.RunSucceeded, result.Status, "after %s: %v", step, result.Errors)
				w.requireEqual(c.source)
			}
		})
	}
}

// closed waits until no run of a workflow is open, however it ended.
func (w *world) closed(workflowID string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	_ = w.temporal.GetWorkflow(ctx, workflowID, "").Get(ctx, nil)
	require.NoError(w.t, ctx.Err(), "%s goes on", workflowID)
}

func (w *world) history(run client.WorkflowRun) *historypb.History {
	w.t.Helper()
	history, err := replay.Fetch(context.Background(), w.temporal, run.GetID(), run.GetRunID())
	require.NoError(w.t, err)
	return history
}

// tasksOf are the events to which a workflow can be reset.
func tasksOf(history *historypb.History) (ids []int64) {
	for _, event := range history.Events {
		if event.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			ids = append(ids, event.GetEventId())
		}
	}
	return ids
}

// reset brings a run back as it was at an event, as "temporal workflow reset" does.
func (w *world) reset(ctx context.Context, run client.WorkflowRun, event int64) error {
	_, err := w.temporal.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: stack.Namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(),
			RunId: run.GetRunID()},
		Reason: "a test", WorkflowTaskFinishEventId: event, RequestId: uuid.NewString(),
	})
	return err
}

// A run that has ended, brought back by a reset to any point, does no harm: at the
// first it is a sync like any other; at later ones it can write no more.
func TestEndedRunBroughtBack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"succeeded", "overtaken", "failed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newStaff(w)
			c.change()
			if name == "failed" {
				c.faults.Add(simulator.Fault{Endpoint: readers[c.kind].members, From: 2, Times: simulator.Forever,
					Action: simulator.Action{Kind: simulator.Forbidden}})
			}
			run := w.start(workflows.SyncInput{Provider: c.name})
			want := map[bool]string{false: directory.RunSucceeded, true: directory.RunFailed}[name == "failed"]
			require.Equal(t, want, w.wait(run).Status)
			c.faults.Clear()
			if name != "succeeded" {
				c.change()
				w.succeed(c.source)
			}
			history := w.history(run)
			verdict, err := replay.Replay(history)
			require.NoError(t, err)
			require.True(t, verdict.Replays, verdict.Departure)
			for i, event := range tasksOf(history) {
				require.NoError(t, w.reset(t.Context(), run, event))
				again := w.temporal.GetWorkflow(t.Context(), run.GetID(), "")
				require.NotEqual(t, run.GetRunID(), again.GetRunID())
				result := w.wait(again)
				if i == 0 {
					require.Equal(t, directory.RunSucceeded, result.Status, result.Errors)
				}
				w.requireEqual(c.source)
			}
			c.change()
			w.succeed(c.source)
		})
	}
}
