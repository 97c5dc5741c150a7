package workflows

import (
	"cmp"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/message"
)

// taskAdministrators is what the record of such a run says that it does.
const taskAdministrators = "administrators"

// SetAdministratorsInput is SetAdministrators' input: members by external ids, to become
// administrators by this installation's own word, and to be none any more.
type SetAdministratorsInput struct {
	Provider  string   `json:"provider"`
	Add       []string `json:"add,omitzero"`
	Remove    []string `json:"remove,omitzero"`
	StartedBy string   `json:"started_by,omitempty"`
	// Request is what SyncInput says of it.
	Request string `json:"request,omitempty"`
}

// UnmarshalJSON refuses unknown keys, as SyncInput's does.
func (in *SetAdministratorsInput) UnmarshalJSON(data []byte) error {
	type plain SetAdministratorsInput
	return decodeStrictly(data, (*plain)(in),
		`{"provider":"NAME","add":["ID"],"remove":["ID"],"started_by":"LOGIN"}, provider and add or remove are required`)
}

// Problem returns what is wrong, or nil.
func (in *SetAdministratorsInput) Problem() *message.Error {
	switch {
	case blank(in.Provider):
		return say(message.InputProviderMissing, nil)
	case len(in.Add)+len(in.Remove) == 0:
		return say(message.InputAdministratorsMissing, nil)
	case len(in.Add)+len(in.Remove) > MaxMembers:
		return say(message.InputTooManyNamed, message.Args{"Number": len(in.Add) + len(in.Remove), "Most": MaxMembers})
	case slices.ContainsFunc(in.Add, func(id string) bool { return slices.Contains(in.Remove, id) }):
		return say(message.InputAdministratorTwice, nil)
	}
	return cmp.Or(idsProblem("add", "member", in.Add), idsProblem("remove", "member", in.Remove),
		actorProblem("started_by", in.StartedBy))
}

// SetAdministrators names local administrators, as a run like any other: with the fencing
// token, a change log and an undo. Who is not in the directory fails it.
func SetAdministrators(ctx workflow.Context, in SetAdministratorsInput) (*SyncResult, error) {
	if problem := in.Problem(); problem != nil {
		return nil, invalid(problem)
	}
	// Not to be canceled: a run that has begun must be known here, to be ended.
	beginning, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var begun activities.BeginRunResult
	if err := workflow.ExecuteActivity(finalizeOptions(beginning, in.Provider), runs.BeginRun, activities.BeginRunInput{
		Provider: in.Provider, Mode: ModeApply, OnRemovals: RemovalsApply,
		Members: append(append([]string{}, in.Add...), in.Remove...), StartedBy: starterOf(ctx, in.StartedBy),
		Request: in.Request, Task: taskAdministrators,
	}).Get(beginning, &begun); err != nil {
		return nil, err
	}
	failed := workflow.ExecuteActivity(writeOptions(ctx, in.Provider), apply.SetAdministrators,
		activities.SetAdministratorsInput{
			RunID: begun.RunID, Add: in.Add, Remove: in.Remove,
		}).Get(ctx, nil)
	end := endedBy(ctx, failed, activities.FinishRunInput{RunID: begun.RunID, Incomplete: true})
	result, _, err := finishRun(beginning, in.Provider, end)
	if err != nil {
		return nil, err
	}
	return outcomeOf(result, end)
}
