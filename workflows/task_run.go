package workflows

import (
	"cmp"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/message"
)

// What a TaskRun does: it links members to accounts and creates some as the provider's rules
// say, marks members as having left here, or takes that back.
const (
	TaskAccounts = "accounts"
	TaskOffline  = "offline"
	TaskOnline   = "online"
)

// TaskInput is TaskRun's input. Provider and Task are required, and Members of the tasks that
// mark members.
type TaskInput struct {
	Provider string `json:"provider"`
	Task     string `json:"task"`
	// Mode is "apply" (default) or "plan", which changes nothing and reports what apply would do.
	Mode string `json:"mode,omitempty"`
	// Members limits the run to the members with these external ids.
	Members []string `json:"members,omitzero"`
	// StartedBy is what SyncInput says of it.
	StartedBy string `json:"started_by,omitempty"`
	// Request is what SyncInput says of it.
	Request string `json:"request,omitempty"`
}

// UnmarshalJSON refuses unknown keys, as SyncInput's does.
func (in *TaskInput) UnmarshalJSON(data []byte) error {
	type plain TaskInput
	return decodeStrictly(data, (*plain)(in),
		`{"provider":"NAME","task":"accounts|offline|online","mode":"apply|plan","members":["ID"],"started_by":"LOGIN"}`)
}

// Normalize fills in the defaults, leaves out members who are named again, and returns what is
// wrong in words, or "".
func (in *TaskInput) Normalize() *message.Error {
	if in.Mode == "" {
		in.Mode = ModeApply
	}
	if in.Members != nil {
		slices.Sort(in.Members)
		in.Members = slices.Compact(in.Members)
	}
	unknown := cmp.Or(oneOf("task", in.Task, TaskAccounts, TaskOffline, TaskOnline),
		oneOf("mode", in.Mode, ModeApply, ModePlan))
	switch {
	case blank(in.Provider):
		return say(message.InputProviderMissing, nil)
	case unknown != nil:
		return unknown
	case in.Task != TaskAccounts && len(in.Members) == 0:
		return say(message.InputMembersMissing, nil)
	case len(in.Members) > MaxMembers:
		return say(message.InputTooManyNamed, message.Args{"Number": len(in.Members), "Most": MaxMembers})
	}
	return cmp.Or(idsProblem("members", "member", in.Members),
		actorProblem("started_by", in.StartedBy))
}

// TaskRun carries out what is decided here rather than read from the provider, as a run of
// its own: it takes the provider's fence like a sync, is logged, and can be undone. More
// accounts than may be created unasked wait for a decision, in HoldRemovals as removals do.
func TaskRun(ctx workflow.Context, in TaskInput) (*SyncResult, error) {
	if problem := in.Normalize(); problem != nil {
		return nil, invalid(problem)
	}
	s := newSyncOrg(ctx, SyncInput{
		Provider: in.Provider, Mode: in.Mode, Members: in.Members, OnRemovals: RemovalsHold,
		StartedBy: in.StartedBy, Request: in.Request,
	})
	s.task = in.Task
	if err := s.setup(ctx); err != nil {
		return nil, err
	}
	return s.finish(ctx, s.run(ctx))
}

// carryOut does what a run that reads nothing is for.
func (s *syncOrg) carryOut(ctx workflow.Context) error {
	var out activities.CarryOutResult
	if err := workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.CarryOut, s.ref()).Get(ctx,
		&out); err != nil {
		return err
	}
	if s.planning() {
		s.dryRun = &activities.DryRunResult{Counts: out.Counts, HoldReason: out.HoldReason}
		return nil
	}
	s.removals.HoldReason = out.HoldReason
	return nil
}
