package activities

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/message"
)

// Schedules looks after the schedules that start syncs.
type Schedules struct {
	Store    *db.Store
	Temporal client.Client
	// Language is that of what is shown to people.
	Language message.Language
}

// CheckScheduleInput names a provider whose sync is due and the schedule that says so.
type CheckScheduleInput struct {
	Provider   string `json:"provider"`
	ScheduleID string `json:"schedule_id"`
}

// CheckScheduleResult says whether there still is a provider to sync.
type CheckScheduleResult struct {
	// Gone says in words why there is none; empty if there is one.
	Gone string `json:"gone,omitempty"`
	// Language is that of what is shown to people.
	Language message.Language `json:"language,omitempty"`
}

// CheckSchedule removes a schedule whose provider was removed or switched off, however
// that was done: the command line takes the schedule along, SQL does not.
func (a *Schedules) CheckSchedule(ctx context.Context, in CheckScheduleInput) (CheckScheduleResult, error) {
	defer heartbeat(ctx)()
	unknown := false
	p, err := a.Store.Providers.FindByName(ctx, in.Provider)
	switch {
	case errors.Is(err, db.ErrNotFound):
		unknown = true
	case err != nil:
		return CheckScheduleResult{}, classify(err)
	case p.Active:
		return CheckScheduleResult{Language: a.Language}, nil
	}
	err = a.Temporal.ScheduleClient().GetHandle(ctx, in.ScheduleID).Delete(ctx)
	var missing *serviceerror.NotFound
	if err != nil && !errors.As(err, &missing) {
		return CheckScheduleResult{}, classify(fmt.Errorf("remove schedule %s: %w", in.ScheduleID, err))
	}
	return CheckScheduleResult{Language: a.Language, Gone: a.Language.Text(message.ScheduleRemoved, message.Args{
		"Unknown": unknown, "Provider": in.Provider, "Schedule": in.ScheduleID,
	})}, nil
}
