package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdk "go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/workflows"
)

// SetScheduleInput is a provider's schedule as it is to be.
type SetScheduleInput struct {
	Provider string
	Rule     RuleInput
	// OnRemovals is what its syncs do beyond the guard's limits: RemovalsHold and so on.
	OnRemovals string
	// StartNow starts a first sync.
	StartNow bool
	// By is who sets it.
	By By
}

// SetScheduleResult is a schedule that was set.
type SetScheduleResult struct {
	Schedule Schedule
	// Change is what that took: set, changed or unchanged.
	Change string
	// Trouble is that no worker is there for the sync that was started, nil if one is.
	Trouble *Trouble
}

// SetSchedule makes a provider's schedule as it is to be. An operator's pause outlives it.
func (s *Service) SetSchedule(ctx context.Context, in SetScheduleInput) (SetScheduleResult, error) {
	due, err := in.Rule.rule(in.Provider)
	if err != nil {
		return SetScheduleResult{}, err
	}
	store, err := s.openStore(ctx)
	if err != nil {
		return SetScheduleResult{}, err
	}
	p, err := activeProvider(ctx, store, in.Provider)
	if err != nil {
		return SetScheduleResult{}, err
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return SetScheduleResult{}, err
	}
	found := handleOf(ctx, temporal, p.Name)
	before, err := found.log(ctx)
	if err != nil {
		return SetScheduleResult{}, err
	}
	after := scheduleLogOf(due)
	after.OnRemovals = in.OnRemovals
	var result SetScheduleResult
	err = s.logged(ctx, found, in.By, "schedule.set", before, after, func(ctx context.Context) (err error) {
		result, err = s.setSchedule(ctx, temporal, timetable{provider: p.Name, rule: due, onRemovals: in.OnRemovals},
			in.StartNow)
		return err
	})
	if err == nil {
		result.Schedule, err = found.read(ctx)
	}
	return result, err
}

// timetable is a schedule as it is to be.
type timetable struct {
	provider   string
	rule       Rule
	onRemovals string
	// language is that of what Temporal's Web UI shows.
	language message.Language
}

// catchUp is how late a sync that Temporal could not start in time may still begin. What
// is missed meanwhile is skipped but for one: a sync catches up with everything.
const catchUp = time.Hour

var (
	policy = client.SchedulePolicies{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp}
	// triggered respects what is at work, whatever the schedule itself would do.
	triggered = client.ScheduleTriggerOptions{Overlap: enums.SCHEDULE_OVERLAP_POLICY_SKIP}
)

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
		ID: workflows.ScheduledWorkflowID(t.provider), Workflow: workflows.ScheduledSyncName,
		TaskQueue: workflows.TaskQueue,
		Args:      []any{t.input()}, StaticSummary: t.language.Text(message.ScheduleSummary,
			message.Args{"Provider": t.provider}),
		StaticDetails: t.language.Text(message.SchedulePage, message.Args{
			"WorkflowID": workflows.SyncWorkflowID(t.provider), "Provider": t.provider,
		}),
		TypedSearchAttributes: t.attributes(),
	}
}

// setSchedule makes a schedule as it is to be. The result lacks the schedule itself.
func (s *Service) setSchedule(ctx context.Context, temporal client.Client, t timetable, now bool) (
	SetScheduleResult, error) {
	if err := s.connect.PrepareNamespace(ctx, temporal); err != nil {
		return SetScheduleResult{}, err
	}
	t.language = s.connect.Language
	result := SetScheduleResult{Change: "set"}
	found := handleOf(ctx, temporal, t.provider)
	_, err := temporal.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: workflows.ScheduleID(t.provider), Spec: t.rule.spec(), Action: t.action(),
		TypedSearchAttributes: t.attributes(),
		Overlap:               policy.Overlap, CatchupWindow: policy.CatchupWindow, TriggerImmediately: now,
	})
	if errors.Is(err, sdk.ErrScheduleAlreadyRunning) {
		result.Change, err = t.update(ctx, found)
		if err == nil && now {
			err = found.Trigger(ctx, triggered)
		}
	}
	var invalid *serviceerror.InvalidArgument
	if t.rule.Cron != "" && errors.As(err, &invalid) {
		return result, &Error{Code: CronInvalid, Args: Args{Field: "cron", Text: t.rule.Cron}, Err: invalid}
	}
	if err != nil {
		return result, fmt.Errorf("set the schedule of %s: %w", t.provider, err)
	}
	if now {
		result.Trouble = findNoWorker(ctx, temporal)
	}
	return result, nil
}

// update changes a schedule that differs and leaves its state as it is.
func (t timetable) update(ctx context.Context, found handle) (string, error) {
	change := "unchanged"
	apply := func(is client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		if t.equals(is.Description.Schedule) {
			return nil, sdk.ErrSkipScheduleUpdate
		}
		change = "changed"
		spec, attributes, policies := t.rule.spec(), t.attributes(), policy
		return &client.ScheduleUpdate{
			Schedule: &client.Schedule{
				Spec: &spec, Action: t.action(), Policy: &policies, State: is.Description.Schedule.State,
			},
			TypedSearchAttributes: &attributes,
		}, nil
	}
	err := found.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: apply})
	return change, err
}

// equals reports whether a schedule is as it is to be already.
func (t timetable) equals(is client.Schedule) bool {
	action, ok := is.Action.(*client.ScheduleWorkflowAction)
	want := t.action()
	return ok && ruleOf(is.Spec) == t.rule && *is.Policy == policy && inputOf(action) == t.input() &&
		action.ID == want.ID && action.Workflow == want.Workflow && action.TaskQueue == want.TaskQueue &&
		action.StaticSummary == want.StaticSummary
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
