package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// Follow decides what to do about events that wait.
type Follow struct {
	Store    *db.Store
	Opener   *clients.Opener
	Temporal client.Client
	// Language is that of what is shown to people.
	Language message.Language
}

// What is to be done about events.
const (
	// FollowNothing: nothing waits.
	FollowNothing = "nothing"
	// FollowLater: a full run is at work, or one must be decided first.
	FollowLater = "later"
	// FollowByID: a run by events.
	FollowByID = "by_id"
	// FollowFull: a full run, since too much has changed or the visible range has.
	FollowFull = "full"
)

// PlanFollowInput names a provider whose events are to be followed.
type PlanFollowInput struct {
	Provider string `json:"provider"`
	// SyncWorkflowID is the workflow of the provider's full runs.
	SyncWorkflowID string `json:"sync_workflow_id"`
}

// PlanFollowResult says what to do.
type PlanFollowResult struct {
	Do string `json:"do"`
	// Waiting is how many events there are.
	Waiting int `json:"waiting,omitempty"`
	// NextIn is when the next event is due that is not yet.
	NextIn   time.Duration    `json:"next_in,omitempty"`
	Language message.Language `json:"language,omitempty"`
}

// fullRunFrom is which part of a company's people must have changed for a full run to be less
// work than reading them one by one.
const fullRunFrom = 20

// collectFor is for how long PlanFollow waits for what comes along with an event. It waits here,
// since a timer of a workflow may fire a second late.
const collectFor = 100 * time.Millisecond

// PlanFollow looks at the events that wait a moment later.
func (a *Follow) PlanFollow(ctx context.Context, in PlanFollowInput) (PlanFollowResult, error) {
	defer heartbeat(ctx)()
	select {
	case <-time.After(collectFor):
	case <-ctx.Done():
		return PlanFollowResult{}, classify(ctx.Err())
	}
	out := PlanFollowResult{Do: FollowNothing, Language: a.Language}
	w, err := a.Store.CountWaitingEvents(ctx, in.Provider)
	if errors.Is(err, db.ErrNotFound) {
		return out, nil // removed or switched off
	}
	if err != nil {
		return out, classify(err)
	}
	out.Waiting, out.NextIn = w.Waiting, w.NextIn
	if w.Waiting == 0 {
		return out, nil
	}
	busy, err := a.atWork(ctx, in.SyncWorkflowID)
	if err != nil {
		return out, err
	}
	byID, err := a.readsByID(ctx, in.Provider)
	if err != nil {
		return out, err
	}
	objects := w.Members + w.Departments + w.Groups
	switch {
	case busy:
		out.Do = FollowLater
	case w.Scopes == 0 && byID && objects <= max(MostEventObjects, w.People/fullRunFrom):
		out.Do = FollowByID
	case !w.Held:
		out.Do = FollowFull
	case byID && objects > 0:
		out.Do = FollowByID // a full run would put an end to the hold
	default:
		out.Do = FollowLater
	}
	return out, nil
}

// atWork reports whether a workflow is running.
func (a *Follow) atWork(ctx context.Context, id string) (bool, error) {
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, id, "")
	if errors.As(err, new(*serviceerror.NotFound)) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// readsByID reports whether the provider can be asked about single objects. WeCom's contact
// sync secret alone cannot.
func (a *Follow) readsByID(ctx context.Context, name string) (bool, error) {
	p, err := a.Store.Providers.FindByName(ctx, name)
	if err != nil {
		return false, classify(err)
	}
	opened, err := a.Opener.Open(ctx, p, nil)
	if err != nil {
		return false, classify(err)
	}
	_, members := opened.(provider.MemberReader)
	_, departments := opened.(provider.SingleDepartmentReader)
	return members && departments, nil
}
