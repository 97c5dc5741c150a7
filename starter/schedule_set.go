package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/workflows"
)

type scheduleSet struct {
	Name string `arg:"" help:"The provider's name."`
	ruleFlags
	OnRemovals string `enum:"hold,apply,skip" default:"hold" placeholder:"hold|apply|skip" help:"What to do with removals beyond the provider's limits: wait for approval, remove without asking, or remove nothing. (${default})"`
	Now        bool   `help:"Start a first sync now."`
}

// Help implements kong.HelpProvider.
func (scheduleSet) Help() string {
	return `Changes the schedule if there is one. A paused schedule stays paused. If you set the same again, nothing changes. If Temporal cannot start a sync in time, it starts it later, once, within an hour.

Examples:

  orgsync schedule set acme --every 1h
  orgsync schedule set acme --every 24h --offset 18h30m --jitter 10m --now
  orgsync schedule set acme --cron '30 2 * * 1-5' --tz Asia/Shanghai

By hand, without this program:

  temporal schedule create --schedule-id orgsync/acme --interval 1h/10m --overlap-policy Skip --catchup-window 1h --type ScheduledSync --task-queue orgsync --workflow-id orgsync/acme/scheduled --input '{"provider":"acme"}'`
}

// Run implements the command.
func (c scheduleSet) Run(ctx context.Context, s *session) error {
	due, err := c.rule(c.Name)
	if err != nil {
		return err
	}
	_, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return err
	}
	if !p.Active {
		return busy("provider %s is switched off, so it has no schedule; switch it on with: orgsync provider update %s --active", p.Name, p.Name)
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return err
	}
	change, err := s.setSchedule(ctx, temporal, timetable{provider: p.Name, due: due, onRemovals: c.OnRemovals}, c.Now)
	if err != nil {
		return err
	}
	s.say("The schedule of %s is %s.", p.Name, change)
	return s.printSchedule(ctx, scheduleOf(ctx, temporal, p.Name), change)
}

// timetable is a schedule as it is to be.
type timetable struct {
	provider   string
	due        rule
	onRemovals string
}

// catchUp is how late a sync that Temporal could not start in time may still begin. What
// is missed meanwhile is skipped but for one: a sync catches up with everything.
const catchUp = time.Hour

func (t timetable) input() workflows.ScheduledInput {
	in := workflows.ScheduledInput{Provider: t.provider}
	if t.onRemovals != workflows.RemovalsHold {
		in.OnRemovals = t.onRemovals
	}
	return in
}

func (t timetable) attributes() sdk.SearchAttributes {
	return sdk.NewSearchAttributes(workflows.AttributeProvider.ValueSet(t.provider))
}

func (t timetable) action() *client.ScheduleWorkflowAction {
	return &client.ScheduleWorkflowAction{
		ID: workflows.ScheduledWorkflowID(t.provider), Workflow: workflows.ScheduledSyncName, TaskQueue: workflows.TaskQueue,
		Args: []any{t.input()}, StaticSummary: "Scheduled sync of " + t.provider,
		StaticDetails:         "Starts `" + workflows.SyncWorkflowID(t.provider) + "` as its child, unless that is at work. Change it with `orgsync schedule set " + t.provider + "`.",
		TypedSearchAttributes: t.attributes(),
	}
}

var policy = client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp}

// setSchedule makes a provider's schedule as it is to be and returns what that took:
// set, changed or unchanged. An operator's pause outlives it.
func (s *session) setSchedule(ctx context.Context, temporal client.Client, t timetable, now bool) (string, error) {
	if err := app.EnsureSearchAttributes(ctx, temporal, app.Namespace()); err != nil {
		return "", err
	}
	spec, err := t.due.spec()
	if err != nil {
		return "", err
	}
	change := "set"
	_, err = temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: workflows.ScheduleID(t.provider), Spec: spec, Action: t.action(), TypedSearchAttributes: t.attributes(),
		Overlap: policy.Overlap, CatchupWindow: policy.CatchupWindow, TriggerImmediately: now,
	})
	if errors.Is(err, sdk.ErrScheduleAlreadyRunning) {
		found := scheduleOf(ctx, temporal, t.provider)
		change, err = t.update(ctx, found, spec)
		if err == nil && now {
			err = found.Trigger(ctx, triggered)
		}
	}
	if err != nil {
		return "", fmt.Errorf("set the schedule of %s: %w", t.provider, err)
	}
	if now {
		s.warnWithoutWorker(ctx, temporal)
	}
	return change, nil
}

// update changes a schedule that differs and leaves its state as it is.
func (t timetable) update(ctx context.Context, found schedule, spec client.ScheduleSpec) (string, error) {
	change := "unchanged"
	err := found.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		if t.equals(is.Description.Schedule) {
			return nil, sdk.ErrSkipScheduleUpdate
		}
		change = "changed"
		attributes, policies := t.attributes(), policy
		return &client.ScheduleUpdate{
			Schedule:              &client.Schedule{Spec: &spec, Action: t.action(), Policy: &policies, State: is.Description.Schedule.State},
			TypedSearchAttributes: &attributes,
		}, nil
	}})
	return change, err
}

// equals reports whether a schedule is as it is to be already.
func (t timetable) equals(is client.Schedule) bool {
	action, ok := is.Action.(*client.ScheduleWorkflowAction)
	want := t.action()
	return ok && ruleOf(is.Spec) == t.due && *is.Policy == policy && inputOf(action) == t.input() && action.ID == want.ID &&
		action.Workflow == want.Workflow && action.TaskQueue == want.TaskQueue && action.StaticSummary == want.StaticSummary
}

// inputOf reads the input that a schedule gives to what it starts.
func inputOf(action *client.ScheduleWorkflowAction) (in workflows.ScheduledInput) {
	if len(action.Args) != 1 {
		return in
	}
	payload, ok := action.Args[0].(*common.Payload)
	if !ok || converter.GetDefaultDataConverter().FromPayload(payload, &in) != nil {
		return workflows.ScheduledInput{}
	}
	return in
}
