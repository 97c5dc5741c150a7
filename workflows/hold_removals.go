package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// HoldInput is the held run and what its removal guard stopped.
type HoldInput struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	Reason   string `json:"reason"`
	directory.PerKind
	// Incomplete is true if the run did not read everything.
	Incomplete bool `json:"incomplete"`
	// ExpiresAt is when the removals count as rejected; nil: the wait has no end.
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// ExpiresIn is how long the wait lasts from its start, which counts where ExpiresAt is
	// set: that is told by the clock of Postgres, which may be another one than Temporal's.
	ExpiresIn time.Duration `json:"expires_in,omitempty"`
	// Removals is what is shown to the person who decides.
	Removals *directory.Removals `json:"removals,omitempty"`
	// Language is that of what is shown to people.
	Language message.Language `json:"language,omitempty"`
	// Accounts says that accounts are to be created, and nothing is to be removed.
	Accounts bool `json:"accounts,omitempty"`
}

// HoldRemovals waits until a person approves or rejects a run's removals, the time
// for that is up, which rejects them, or a newer run of the whole company makes the
// question moot. Approving removes exactly what the run planned, once no other run of the
// provider is at work; the fence refuses it where the run was superseded.
func HoldRemovals(ctx workflow.Context, in HoldInput) (*SyncResult, error) {
	h := &hold{in: in}
	if err := h.setup(ctx); err != nil {
		return nil, err
	}
	return h.run(ctx)
}

// decisions
const (
	approved   = "approved"
	rejected   = "rejected"
	expired    = "expired"
	superseded = "superseded"
)

type hold struct {
	in       HoldInput
	decision string
	// decidedBy is who decided, empty if nobody did.
	decidedBy string
	// request is the row that says who decided, from where, empty where it is not known.
	request string
	// result and failed are what came of the decision, once done.
	done   bool
	result *SyncResult
	failed error
	// reasons are what went wrong until then.
	reasons []directory.Reason
}

func (h *hold) setup(ctx workflow.Context) error {
	workflow.SetCurrentDetails(ctx, h.details())
	if err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery,
		func() (Progress, error) { return h.progress(ctx), nil },
		workflow.QueryHandlerOptions{
			Description: "which run waits, why, how much is to be removed, and until when"}); err != nil {
		return err
	}
	if err := workflow.SetQueryHandlerWithOptions(ctx, RemovalsQuery, h.removals,
		workflow.QueryHandlerOptions{
			Description: "what the run planned to remove, why it waits, and whether that is decided"}); err != nil {
		return err
	}
	const input = `; needs no input, and takes {"run_id":"ID","decided_by":"LOGIN"}`
	for _, update := range []struct{ name, decision, description string }{
		{ApproveUpdate, approved, "remove exactly what the run planned to remove, then end it" + input},
		{RejectUpdate, rejected, "remove nothing and end the run as rejected" + input},
	} {
		err := workflow.SetUpdateHandlerWithOptions(ctx, update.name,
			func(ctx workflow.Context, d Decision) (*SyncResult, error) {
				return h.decide(ctx, update.decision, d)
			},
			workflow.UpdateHandlerOptions{Description: update.description, Validator: h.check})
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *hold) progress(ctx workflow.Context) Progress {
	started := workflow.GetInfo(ctx).WorkflowStartTime.UTC()
	p := Progress{
		RunID: h.in.RunID, Provider: h.in.Provider, Status: directory.RunHeld, Phase: "held", HoldReason: h.in.Reason,
		HoldWorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID, HoldExpiresAt: h.in.ExpiresAt,
		StartedAt: &started,
		Removals:  &h.in.PerKind,
	}
	switch {
	case h.result != nil:
		p.Phase, p.Status = "done", h.result.Status
	case h.decision == approved:
		p.Phase, p.Status = "removals", directory.RunRunning
	}
	return p
}

func (h *hold) removals() (HeldRemovals, error) {
	state := h.decision
	if state == "" {
		state = directory.RunHeld
	}
	return HeldRemovals{
		RunID: h.in.RunID, Provider: h.in.Provider, State: state, Reason: h.in.Reason, ExpiresAt: h.in.ExpiresAt,
		Removals: h.in.Removals,
	}, nil
}

// decide notes the decision and answers when it has been carried out.
func (h *hold) decide(ctx workflow.Context, decision string, d Decision) (*SyncResult, error) {
	if h.decision == "" {
		h.decision, h.decidedBy, h.request = decision, d.by(), d.Request
	}
	// The person who decided learns what came of it, also if the workflow is canceled meanwhile.
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := workflow.Await(ctx, func() bool { return h.done }); err != nil {
		return nil, err
	}
	return h.result, h.failed
}

func (h *hold) run(ctx workflow.Context) (*SyncResult, error) {
	overtaken := workflow.GetSignalChannelWithOptions(ctx, SupersededSignal,
		workflow.SignalChannelOptions{
			Description: "a newer run of the whole company has started, so there is nothing left to decide"})
	workflow.Go(ctx, func(ctx workflow.Context) {
		overtaken.Receive(ctx, nil)
		if h.decision == "" {
			h.decision = superseded
		}
	})
	h.wait(ctx)
	workflow.SetCurrentDetails(ctx, h.details())
	// Once decided it is carried out, whatever is canceled meanwhile.
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	h.result, h.failed = h.carryOut(ctx)
	h.done = true
	workflow.SetCurrentDetails(ctx, h.details())
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return nil, err
	}
	return h.result, h.failed
}

// wait returns once there is a decision, if only that there will be none.
func (h *hold) wait(ctx workflow.Context) {
	decided := func() bool { return h.decision != "" }
	inTime, err := true, error(nil)
	if h.in.ExpiresAt == nil {
		err = workflow.Await(ctx, decided)
	} else {
		inTime, err = workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout:      workflow.GetInfo(ctx).WorkflowStartTime.Add(h.in.ExpiresIn).Sub(workflow.Now(ctx)),
			TimerOptions: workflow.TimerOptions{Summary: "time to decide, after which the removals are rejected"},
		}, decided)
	}
	switch {
	case h.decision != "":
	case err != nil:
		h.decision = directory.RunCanceled
	case !inTime:
		h.decision, h.decidedBy = expired, directory.ByExpiry
	}
}

func (h *hold) carryOut(ctx workflow.Context) (*SyncResult, error) {
	end := activities.FinishRunInput{RunID: h.in.RunID, Incomplete: h.in.Incomplete, DecidedBy: h.decidedBy,
		Request: h.request}
	switch h.decision {
	case approved:
		if err := h.remove(ctx); err != nil {
			end.Status, end.Problem = directory.RunFailed, reasonOf(err)
		}
	case rejected:
		end.Status, end.Problem = directory.RunRejected, "an operator rejected the removals: "+h.in.Reason
	case expired:
		end.Status, end.Problem = directory.RunRejected, "nobody decided by "+message.Time(*h.in.ExpiresAt)+
			", so the removals were rejected: "+h.in.Reason
	case superseded:
		end.Status, end.Problem = directory.RunSuperseded, "superseded by a newer run before anybody decided on the "+
			"removals"
	default:
		end.Status, end.Problem = directory.RunCanceled, "canceled while waiting for a decision on the removals"
	}
	result, report, err := finishRun(ctx, h.in.Provider, end)
	if err != nil {
		return nil, err
	}
	h.reasons = report.Reasons
	if result.Status == directory.RunFailed || result.Status == directory.RunPartial || h.decision == expired {
		startNotification(ctx, h.in.Language, NotifyInput{
			RunID: h.in.RunID, Provider: h.in.Provider, Status: result.Status, Hooks: report.Notify,
		})
	}
	return result, publish(ctx, result)
}

func (h *hold) remove(ctx workflow.Context) error {
	resume := activities.ResumeRunInput{RunID: h.in.RunID, DecidedBy: h.decidedBy, Request: h.request}
	if err := workflow.ExecuteActivity(waitTurnOptions(ctx, h.in.Provider), runs.ResumeRun, resume).Get(ctx,
		nil); err != nil {
		return err
	}
	ref := activities.RunInput{RunID: h.in.RunID}
	if h.in.Accounts {
		return workflow.ExecuteActivity(writeOptions(ctx, h.in.Provider), apply.CarryOut, ref).Get(ctx, nil)
	}
	// What is there again stays, and so does what could not be looked up.
	if err := workflow.ExecuteActivity(fetchOptions(ctx, h.in.Provider), reconcile.LookUpAgain, ref).Get(ctx,
		nil); err != nil {
		workflow.GetLogger(ctx).Warn("some people could not be looked up again", "run", h.in.RunID, "error", err)
	}
	if err := workflow.ExecuteActivity(writeOptions(ctx, h.in.Provider), reconcile.WithdrawReturned, ref).Get(ctx,
		nil); err != nil {
		return err
	}
	if err := workflow.ExecuteActivity(writeOptions(ctx, h.in.Provider), reconcile.Remove, ref).Get(ctx,
		nil); err != nil {
		return err
	}
	return workflow.ExecuteActivity(writeOptions(ctx, h.in.Provider), apply.Recompute, ref).Get(ctx, nil)
}
