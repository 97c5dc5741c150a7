package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/workflows"
)

// retentionSpec is once a night, off the hour, when schedules and back-ups elsewhere start.
func retentionSpec() client.ScheduleSpec {
	return client.ScheduleSpec{
		Calendars: []client.ScheduleCalendarSpec{{
			Hour: []client.ScheduleRange{{Start: 3}}, Minute: []client.ScheduleRange{{Start: 17}},
			Comment: "daily retention",
		}},
		Jitter: 20 * time.Minute,
	}
}

// EnsureRetention makes sure that retention is scheduled on the task queue, as often as it
// is called and by as many workers as there are. What an operator did to the schedule
// stays: one that is paused stays paused, and its times and action are theirs to change.
func EnsureRetention(ctx context.Context, c client.Client, taskQueue string) error {
	_, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID:   workflows.RetentionID,
		Spec: retentionSpec(),
		Action: &client.ScheduleWorkflowAction{
			ID: workflows.RetentionID, Workflow: workflows.RetentionName, TaskQueue: taskQueue,
			StaticSummary: "deletes what need not be kept any longer",
		},
		// A night that was missed by a few hours is made up for; more than one is not.
		CatchupWindow: 12 * time.Hour,
	})
	if err == nil || errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		return nil
	}
	return fmt.Errorf(
		"schedule retention: %w; runs and raw records are kept for ever until a person with the right to do so runs: "+
			"temporal schedule create --schedule-id %s --workflow-id %s --type %s --task-queue %s --cron '17 3 * * *'",
		err, workflows.RetentionID, workflows.RetentionID, workflows.RetentionName, taskQueue)
}
