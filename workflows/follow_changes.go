package workflows

import (
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// FollowInput is FollowChanges' input.
type FollowInput struct {
	Provider string `json:"provider"`
}

// EventsSignal tells FollowChanges that events wait.
const EventsSignal = "events"

// Times of following.
const (
	// followIdle is after how long without an event it completes.
	followIdle = 10 * time.Minute
	// shortestPause and longestPause are between two attempts while something is in the way.
	shortestPause = time.Second
	longestPause  = time.Minute
	// longestHistory is after how many events of its history it starts afresh.
	longestHistory = 4000
)

// FollowChanges follows the events of a provider: it has a run read what they are about, and
// waits for the next. What comes within a moment, or meanwhile, is read together. Intake starts it with a signal; it
// completes when nothing has come for a while. While a full run is at work it waits, since that
// does what came before.
func FollowChanges(ctx workflow.Context, in FollowInput) error {
	if blank(in.Provider) {
		return temporal.NewNonRetryableApplicationError(
			`input: provider is missing; give the name of a stored provider: {"provider":"NAME"}`, activities.TypeInvalid,
			nil)
	}
	if err := workflow.UpsertTypedSearchAttributes(ctx, AttributeProvider.ValueSet(in.Provider)); err != nil {
		return err
	}
	f := follower{in: in, signals: workflow.GetSignalChannel(ctx, EventsSignal), idle: followIdle}
	for {
		if more, err := f.next(ctx); err != nil || !more {
			return err
		}
		if historyIsLong(ctx) {
			f.drain()
			return workflow.NewContinueAsNewError(ctx, FollowChanges, in)
		}
	}
}

// historyIsLong reports whether a workflow that goes on for ever is to start afresh.
func historyIsLong(ctx workflow.Context) bool {
	info := workflow.GetInfo(ctx)
	return info.GetCurrentHistoryLength() > longestHistory || info.GetContinueAsNewSuggested()
}

// follower is the state of FollowChanges.
type follower struct {
	in      FollowInput
	signals workflow.ReceiveChannel
	// pause is how long to wait before the next attempt, 0: nothing is in the way.
	pause time.Duration
	// idle is for how long to wait for the next event.
	idle time.Duration
}

// next does what there is to do and waits for more. It returns false when nothing came.
func (f *follower) next(ctx workflow.Context) (bool, error) {
	f.drain() // the plan sees what they are about
	var plan activities.PlanFollowResult
	err := workflow.ExecuteActivity(finalizeOptions(ctx, f.in.Provider), follow.PlanFollow, activities.PlanFollowInput{
		Provider: f.in.Provider, SyncWorkflowID: SyncWorkflowID(f.in.Provider),
	}).Get(ctx, &plan)
	if err != nil {
		return false, err
	}
	workflow.SetCurrentDetails(ctx, plan.Language.Text(message.FollowDetails, message.Args{
		"Provider": f.in.Provider, "Waiting": plan.Waiting, "Do": plan.Do,
	}))
	switch plan.Do {
	case activities.FollowByID:
		f.pauseAfter(ctx, f.run(ctx, EventsRunWorkflowID(f.in.Provider), true))
	case activities.FollowFull:
		f.pauseAfter(ctx, f.run(ctx, SyncWorkflowID(f.in.Provider), false))
	case activities.FollowLater:
		f.pauseLonger()
	default:
		f.pause = 0
		return f.await(ctx, plan.NextIn)
	}
	if f.pause > 0 {
		return true, workflow.Sleep(ctx, f.pause)
	}
	return true, ctx.Err()
}

// pauseAfter sets the pause by how a run ended: after one that failed, or found nothing to do, it
// waits, longer each time.
func (f *follower) pauseAfter(ctx workflow.Context, ended bool) {
	if !ended && ctx.Err() == nil {
		f.pauseLonger()
		return
	}
	f.pause = 0
}

func (f *follower) pauseLonger() {
	f.pause = min(max(shortestPause, 2*f.pause), longestPause)
}

// run runs a sync and reports whether it came to its end. Signals come while it takes its time, an
// hour perhaps, and make the history longer: then FollowChanges starts afresh without the run.
func (f *follower) run(ctx workflow.Context, id string, events bool) bool {
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:            id,
		ParentClosePolicy:     enums.PARENT_CLOSE_POLICY_ABANDON,
		WaitForCancellation:   true,
		TypedSearchAttributes: temporal.NewSearchAttributes(AttributeProvider.ValueSet(f.in.Provider)),
	})
	sync := workflow.ExecuteChildWorkflow(child, SyncOrg, SyncInput{
		Provider: f.in.Provider, Events: events, StartedBy: directory.ByEvents,
	})
	_ = sync.GetChildWorkflowExecution().Get(ctx, nil) // why it did not start says the run itself
	for !sync.IsReady() {
		if historyIsLong(ctx) {
			return true
		}
		workflow.NewSelector(ctx).
			AddFuture(sync, func(workflow.Future) {}).
			AddReceive(f.signals, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) }).
			Select(ctx)
	}
	return sync.Get(ctx, nil) == nil
}

// await waits for the next event and returns false if none came. next is when one that is there
// already is due.
func (f *follower) await(ctx workflow.Context, next time.Duration) (came bool, err error) {
	if f.drain() {
		return true, nil
	}
	longest := f.idle
	if next > 0 {
		longest = min(longest, next)
	}
	timerCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	workflow.NewSelector(ctx).
		AddReceive(f.signals, func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			came = true
		}).
		AddFuture(workflow.NewTimer(timerCtx, longest), func(workflow.Future) {}).
		AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {}).
		Select(ctx)
	return came || next > 0, ctx.Err()
}

// drain takes the signals that are there and reports whether there were any.
func (f *follower) drain() (came bool) {
	for f.signals.ReceiveAsync(nil) {
		came = true
	}
	return came
}
