package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// followed is a provider whose events come one after the other and are followed by as many
// executions of FollowChanges as it takes.
type followed struct {
	t *testing.T
	// events is how many come, every is how often, and takes is how long a run is at work.
	events       int
	every, takes time.Duration
	// full has runs read everything.
	full bool

	mu sync.Mutex
	// told are the events that came, claimed those that a run at work is to do, done those that
	// runs have done.
	told, claimed, done int
	runs, executions    int
	// ends is when the run at work ends, zero if there is none; now when an execution ended.
	ends, now time.Time
	// length is that of the history of the execution at work, longest that of the longest one.
	length, longest int
}

// Events of histories.
const (
	ofTask     = 3 // scheduled, started, completed
	ofStart    = 2 + ofTask
	ofSignal   = 1 + ofTask
	ofFired    = 1 + ofTask
	ofActivity = 3 + ofTask
	ofChild    = 3 + 2*ofTask // initiated, started, completed
)

// follow lets all of it happen.
func (f *followed) follow() {
	for f.told < f.events || f.done < f.told {
		f.execute()
	}
}

// execute runs one execution to its end.
func (f *followed) execute() {
	f.t.Helper()
	env := emptyEnvironment()
	env.RegisterWorkflow(workflows.FollowChanges)
	env.RegisterActivity(&activities.Follow{})
	env.SetDetachedChildWait(false)
	if f.executions++; f.executions > 1 {
		env.SetStartTime(f.now)
	}
	f.length = 0
	grow := func(events int) {
		if env.IsWorkflowCompleted() {
			return
		}
		f.length += events
		f.longest = max(f.longest, f.length)
		env.SetCurrentHistoryLength(f.length)
	}
	env.SetOnTimerScheduledListener(func(string, time.Duration) { grow(1) })
	env.SetOnTimerFiredListener(func(string) { grow(ofFired) })
	env.SetOnTimerCanceledListener(func(string) { grow(1) })
	env.SetOnActivityStartedListener(func(*activity.Info, context.Context, converter.EncodedValues) {
		grow(ofActivity)
	})
	env.SetOnChildWorkflowStartedListener(func(*workflow.Info, workflow.Context, converter.EncodedValues) {
		grow(ofChild)
	})
	end := func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.done, f.claimed, f.ends = f.done+f.claimed, 0, time.Time{}
	}
	if !f.ends.IsZero() { // a run that was left to itself
		env.RegisterDelayedCallback(end, f.ends.Sub(f.now))
	}
	var a *activities.Follow
	env.OnActivity(a.PlanFollow, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.PlanFollowInput) (activities.PlanFollowResult, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			plan := activities.PlanFollowResult{Do: activities.FollowNothing, Waiting: f.told - f.done}
			if plan.Waiting > 0 {
				plan.Do = activities.FollowByID
			}
			if plan.Waiting > 0 && f.full {
				plan.Do = activities.FollowFull
			}
			if plan.Waiting > 0 && !f.ends.IsZero() {
				plan.Do = activities.FollowLater
			}
			return plan, nil
		})
	env.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.SyncInput) error {
		f.mu.Lock()
		f.runs++
		f.claimed, f.ends = f.told-f.done, env.Now().Add(f.takes)
		f.mu.Unlock()
		if in.Provider != "acme" || in.Events == f.full || in.StartedBy != directory.ByEvents {
			f.t.Errorf("a run is started with %+v", in)
		}
		err := workflow.Sleep(ctx, f.takes)
		end()
		return err
	}, workflow.RegisterOptions{Name: workflows.SyncOrgName})
	// One after the other: what is registered before an execution begins waits in a channel that
	// holds 1,000 callbacks, and more would never be taken out of it.
	var tell func()
	tell = func() {
		f.mu.Lock()
		f.told++
		more := f.told < f.events
		f.mu.Unlock()
		grow(ofSignal)
		env.SignalWorkflow(workflows.EventsSignal, nil)
		if more {
			env.RegisterDelayedCallback(tell, f.every)
		}
	}
	if f.told < f.events {
		env.RegisterDelayedCallback(tell, f.every)
	}
	grow(ofStart)
	env.ExecuteWorkflow(workflows.FollowChangesName, workflows.FollowInput{Provider: "acme"})
	require.True(f.t, env.IsWorkflowCompleted())
	f.now = env.Now()
	if err := env.GetWorkflowError(); !workflow.IsContinueAsNewError(err) {
		require.NoError(f.t, err)
		require.Equal(f.t, f.told, f.done, "it ends only when nothing waits")
	}
}

// longestFollowing is how long a history may get: well below 10,240 events, of which Temporal warns.
const longestFollowing = 7000

// A storm becomes few runs.
func TestAStormOfEventsBecomesFewRuns(t *testing.T) {
	t.Parallel()
	f := followed{t: t, events: 10_000, every: 10 * time.Millisecond, takes: 20 * time.Second}
	f.follow()
	require.Equal(t, 10_000, f.done)
	require.LessOrEqual(t, f.runs, 7)
	require.Less(t, f.longest, longestFollowing)
}

// A week in which something happens every five minutes makes no long history.
func TestAWeekOfEventsMakesNoLongHistory(t *testing.T) {
	t.Parallel()
	week := int(7 * 24 * time.Hour / (5 * time.Minute))
	f := followed{t: t, events: week, every: 5 * time.Minute, takes: 2 * time.Second}
	f.follow()
	require.Equal(t, week, f.done)
	require.Less(t, f.longest, longestFollowing)
	require.Greater(t, f.executions, 10)
}

// While a run of everything takes an hour, events make no long history either, and no second run.
func TestEventsDuringALongRunMakeNoLongHistory(t *testing.T) {
	t.Parallel()
	f := followed{t: t, events: 18_000, every: 200 * time.Millisecond, takes: time.Hour, full: true}
	f.follow()
	require.Equal(t, 18_000, f.done)
	require.Less(t, f.longest, longestFollowing)
	require.LessOrEqual(t, f.runs, 3)
}
