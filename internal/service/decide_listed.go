package service

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// DecideListedInput is a decision on the removals that were listed.
type DecideListedInput struct {
	RunID string
	// Tag is that of the list which the person who decides has seen.
	Tag     string
	Approve bool
	// Note is why. It stands in the audit log.
	Note string
	By   By
}

// maxNote is how many bytes a note may have.
const maxNote = 2000

// decideTimeout is how long Temporal may take to say that it has a decision.
const decideTimeout = 20 * time.Second

// outcomeTimeout is how long the outcome of a decision is waited for: a rejection, or a few
// removals, are through by then.
const outcomeTimeout = 2 * time.Second

// DecideListed decides a held run and returns it as soon as the decision stands; it is carried
// out afterwards. The decision is for the list with the tag: if the run has another one by now
// nothing is decided. Repeated by the same caller it changes nothing.
func (v View) DecideListed(ctx context.Context, in DecideListedInput) (RunRow, error) {
	if len(in.Note) > maxNote {
		return RunRow{}, &Error{Code: NoteTooLong, Args: Args{Field: "note", Most: maxNote}}
	}
	store, row, err := v.run(ctx, in.RunID)
	if err != nil {
		return RunRow{}, err
	}
	run, err := store.Report.GetRun(ctx, in.RunID)
	switch {
	case err != nil:
		return RunRow{}, err
	case decidedAs(run, in):
		return row, nil
	case !AwaitsDecision(run):
		return RunRow{}, v.notAwaiting(ctx, store, run)
	}
	_, tag, err := store.Pages.HashRemovals(ctx, in.RunID)
	if err == nil && tag != in.Tag {
		err = &Error{Code: ListChanged, Args: Args{RunID: in.RunID}}
	}
	if err != nil {
		return RunRow{}, err
	}
	temporal, err := v.s.openTemporal(ctx)
	if err != nil {
		return RunRow{}, err
	}
	request, err := v.s.request(ctx, in.By)
	if err != nil {
		return RunRow{}, err
	}
	err = v.noting(ctx, store, row, in, func(ctx context.Context) error {
		err := sendDecision(ctx, temporal, run, in.Approve, request)
		if err != nil && stands(ctx, store, in) {
			return nil // only word of it came too late: its note is kept
		}
		return err
	})
	if err != nil {
		return RunRow{}, v.decisionFailure(ctx, store, run, err)
	}
	_, row, err = v.run(ctx, in.RunID)
	return row, err
}

// decidedAs reports whether a run was decided as is asked, by who asks.
func decidedAs(run Run, in DecideListedInput) bool {
	return run.DecidedBy == in.By.Name && run.DecidedBy != "" && in.Approve == (run.Status != directory.RunRejected)
}

// stands reports whether a decision is on record, though Temporal did not say so in time.
func stands(ctx context.Context, store *db.Store, in DecideListedInput) bool {
	run, err := store.Report.GetRun(ctx, in.RunID)
	return err == nil && decidedAs(run, in)
}

// noting sends a decision with its note, which the audit log keeps if the decision stands. The
// decision itself is put on record with the run.
func (v View) noting(ctx context.Context, store *db.Store, run RunRow, in DecideListedInput,
	send func(context.Context) error) error {
	if in.Note == "" {
		return send(ctx)
	}
	text, err := json.Marshal(map[string]string{"note": in.Note})
	if err != nil {
		return err
	}
	entry := audit.Entry{
		By: in.By, Action: "run.note", Object: "run/" + run.ID, ProviderID: run.ProviderID,
		TenantID: textOf(run.TenantID), After: text,
	}
	return store.Audit.During(ctx, entry, send)
}

// sendDecision returns once the workflow that holds the run has taken the decision: the first
// one counts, and it refuses all others.
func sendDecision(ctx context.Context, temporal client.Client, run Run, approve bool,
	request string) error {
	ctx, stop := context.WithTimeout(ctx, decideTimeout)
	defer stop()
	update := client.UpdateWorkflowOptions{
		UpdateID: uuid.NewString(), WorkflowID: run.HoldWorkflowID, UpdateName: workflows.RejectUpdate,
		WaitForStage: client.WorkflowUpdateStageAccepted,
		Args:         []any{workflows.Decision{RunID: run.ID, Request: request}},
	}
	if approve {
		update.UpdateName = workflows.ApproveUpdate
	}
	taken, err := temporal.UpdateWorkflow(ctx, update)
	if err != nil {
		return err
	}
	// One that was refused has ended; what comes of one that was taken may take hours.
	ctx, stop = context.WithTimeout(ctx, outcomeTimeout)
	defer stop()
	if err := taken.Get(ctx, nil); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// decisionFailure says why a decision was not taken.
func (v View) decisionFailure(ctx context.Context, store *db.Store, was Run, cause error) error {
	run, err := store.Report.GetRun(ctx, was.ID)
	if err == nil && !AwaitsDecision(run) {
		return v.notAwaiting(ctx, store, run)
	}
	args := Args{Provider: was.Provider, Run: was}
	var refused *temporal.ApplicationError
	switch {
	case errors.As(cause, &refused) && refused.Type() == workflows.NothingType:
		return &Error{Code: DecisionRefused, Args: args, Err: errors.New(refused.Message())}
	case errors.As(cause, new(*serviceerror.NotFound)):
		return &Error{Code: HoldGone, Args: args, Err: cause}
	case passes(cause):
		args.Duration = decideTimeout
		return &Error{Code: DecisionUnproven, Args: args}
	}
	return &Error{Code: DecisionFailed, Args: args, Err: cause}
}

// notAwaiting is the error for deciding a run that waits for no decision.
func (v View) notAwaiting(ctx context.Context, store *db.Store, run Run) error {
	p, err := findWithin(ctx, store, v.within, run.Provider)
	if err != nil {
		return err
	}
	return notHeldError(ctx, store, p, run)
}
