// Package workflows holds the deterministic code: SyncOrg, which makes a company's
// directory equal to its provider, its children SyncDepartments, HoldRemovals, which
// waits for a person, UndoRun, which takes a run back, ScheduledSync, which a schedule
// starts, and Retention, which cleans up. It decides nothing by itself that could differ on
// replay: everything a branch depends on is input or an activity's result. It may not
// touch the database, providers, the environment or the clock.
package workflows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/document"
	"github.com/orgsync/orgsync/internal/message"
)

// Names that operators and programs refer to.
const (
	// TaskQueue carries the workflows and everything that only needs Postgres.
	TaskQueue = "orgsync"

	// SyncOrgName and the others are the registered workflow types.
	SyncOrgName           = "SyncOrg"
	SyncDepartmentsName   = "SyncDepartments"
	HoldRemovalsName      = "HoldRemovals"
	TaskRunName           = "TaskRun"
	UndoRunName           = "UndoRun"
	SetAdministratorsName = "SetAdministrators"
	NotifyRunName         = "NotifyRun"
	ScheduledSyncName     = "ScheduledSync"
	RecordLoginsName      = "RecordLogins"
	RetentionName         = "Retention"
	FollowChangesName     = "FollowChanges"
	KeepStreamName        = "KeepStream"
	DeliverChangesName    = "DeliverChanges"

	// RetentionID is the id of retention's schedule, and that of its workflow.
	RetentionID = "orgsync-retention"

	// ProgressQuery answers with Progress.
	ProgressQuery = "progress"
	// RemovalsQuery asks a workflow that holds a run; it answers with HeldRemovals.
	RemovalsQuery = "removals"
	// ApproveUpdate and RejectUpdate decide a held run; both answer with SyncResult.
	ApproveUpdate = "approve_removals"
	RejectUpdate  = "reject_removals"
	// FailureType is the type of the error that SyncOrg fails with; its details carry
	// the SyncResult.
	FailureType = "SyncFailed"
	// BusyType, InactiveType, UndecidedType and NothingType are the types of the error that
	// a workflow fails with before its run begins: another run is at work, the provider is
	// switched off, the run in question is held, there is nothing to do. InvalidType and
	// UnknownType are those of a wrong input and of an unknown provider or run.
	BusyType      = activities.TypeBusy
	InactiveType  = activities.TypeInactive
	UndecidedType = activities.TypeUndecided
	NothingType   = activities.TypeNothing
	InvalidType   = activities.TypeInvalid
	UnknownType   = activities.TypeNotFound
	// SupersededSignal tells a holding workflow that a newer run of the whole company has
	// taken over.
	SupersededSignal = "superseded"
)

// FetchQueue is the queue for provider calls beside a queue of workflows. Calls have
// limits of their own: on a queue apart they cannot be started eagerly past them.
func FetchQueue(taskQueue string) string { return taskQueue + "-fetch" }

// StreamQueue is the queue for the connections on which providers tell of changes: each takes
// a place for as long as events are on.
func StreamQueue(taskQueue string) string { return taskQueue + "-stream" }

// Modes and ways to treat removals.
const (
	ModeApply = "apply"
	ModePlan  = "plan"

	RemovalsHold  = "hold"
	RemovalsApply = "apply"
	RemovalsSkip  = "skip"
)

// Search attributes of the workflows, for finding runs in the Web UI and with
// "temporal workflow list --query". They carry no personal data. A server that keeps
// them in SQL has room for ten keywords and three integers, of all applications in
// the namespace together (temporal.md §5.1).
var (
	// AttributeProvider is the provider's name; children carry it, too.
	AttributeProvider = temporal.NewSearchAttributeKeyKeyword("OrgProvider")
	// AttributeTenant is the id of the provider's tenant, not set where it has none.
	AttributeTenant = temporal.NewSearchAttributeKeyKeyword("OrgTenant")
	// AttributePhase is what the run is doing, in the end "done".
	AttributePhase = temporal.NewSearchAttributeKeyKeyword("SyncPhase")
	// AttributeOutcome is the run's status, "running" once it has begun. That of a
	// workflow which was terminated or timed out stays as it was.
	AttributeOutcome = temporal.NewSearchAttributeKeyKeyword("SyncOutcome")
	// AttributeFailed is how many departments could not be read.
	AttributeFailed = temporal.NewSearchAttributeKeyInt64("DeptFailed")
	// AttributeRemoved is how many people and departments were removed, or in plan
	// mode would be.
	AttributeRemoved = temporal.NewSearchAttributeKeyInt64("SyncRemoved")
)

// Attributes are all of them.
var Attributes = []temporal.SearchAttributeKey{
	AttributeProvider, AttributeTenant, AttributePhase, AttributeOutcome, AttributeFailed, AttributeRemoved,
}

// scheduledBy is Temporal's own attribute of what a schedule started: the schedule's id.
var scheduledBy = temporal.NewSearchAttributeKeyKeyword("TemporalScheduledById")

// workflowIDPrefix makes a provider's runs share one workflow id.
const workflowIDPrefix = "orgsync/"

// SyncWorkflowID is the id of a provider's SyncOrg: Temporal allows one at a time.
func SyncWorkflowID(provider string) string { return workflowIDPrefix + provider }

// ProviderOfWorkflowID returns the provider that a SyncOrg workflow id names, and
// whether it is one.
func ProviderOfWorkflowID(id string) (string, bool) {
	name, ok := strings.CutPrefix(id, workflowIDPrefix)
	return name, ok && name != "" && !strings.Contains(name, "/")
}

// ScheduleID is the id of a provider's schedule.
func ScheduleID(provider string) string { return workflowIDPrefix + provider }

// ProviderOfScheduleID returns the provider that a schedule id names, and whether it
// names one: a person who sets a schedule by hand may call it anything.
func ProviderOfScheduleID(id string) (string, bool) { return ProviderOfWorkflowID(id) }

// ScheduledWorkflowID is the id of what a provider's schedule starts; Temporal appends
// the time.
func ScheduledWorkflowID(provider string) string { return workflowIDPrefix + provider + "/scheduled" }

// EventsWorkflowID is the id of a provider's FollowChanges.
func EventsWorkflowID(provider string) string { return workflowIDPrefix + provider + "/events" }

// StreamWorkflowID is the id of a provider's KeepStream: Temporal allows one at a time.
func StreamWorkflowID(provider string) string { return workflowIDPrefix + provider + "/stream" }

// EventsRunWorkflowID is the id of the runs by events. It is not that of other syncs, so that
// these can start meanwhile: they begin once the run by events has ended.
func EventsRunWorkflowID(provider string) string { return EventsWorkflowID(provider) + "/run" }

// HoldWorkflowID is the id of the workflow that waits for a held run's decision.
// It is not SyncOrg's own, so that the provider's next run can start meanwhile.
func HoldWorkflowID(provider, runID string) string {
	return workflowIDPrefix + provider + "/removals/" + runID
}

// NotifyWorkflowID is the id of the workflow that tells people of a run with that
// status: they are told once.
func NotifyWorkflowID(provider, runID, status string) string {
	return workflowIDPrefix + provider + "/notify/" + runID + "/" + status
}

// SyncInput is SyncOrg's input. Only Provider is required.
type SyncInput struct {
	// Provider is the stored provider's name.
	Provider string `json:"provider"`
	// Mode is "apply" (default) or "plan", which changes nothing and reports what
	// apply would do.
	Mode string `json:"mode,omitempty"`
	// Departments limits the reading of people to the departments with these external
	// ids and what is below them. Left out it limits nothing; given but empty it is refused,
	// as Members is.
	Departments []string `json:"departments,omitzero"`
	// Members limits the run to the people with these external ids, at most MaxMembers.
	// They are looked up one by one; no department is read.
	Members []string `json:"members,omitzero"`
	// Retry is the id of a run of the provider whose failed departments or members, and
	// they alone, are to be read.
	Retry string `json:"retry,omitempty"`
	// Events limits the run to what waiting events of the provider are about.
	Events bool `json:"events,omitempty"`
	// OnRemovals is what to do beyond the guard's limits: "hold" (default) waits for
	// a person, "apply" removes all the same, "skip" removes nothing at all.
	OnRemovals string `json:"on_removals,omitempty"`
	// Rules is the version of the provider's rules that a plan is to go by, such as a draft
	// of them; left out: those in force.
	Rules int `json:"rules,omitempty"`
	// StartedBy is the login name of the person who starts the run, if they do not want to be
	// known as "temporal"; a schedule's runs name it without help.
	StartedBy string `json:"started_by,omitempty"`
	// Request is the id of the row of run_requests that says who starts the run, from where:
	// what is personal does not belong in Temporal. It goes before StartedBy.
	Request string `json:"request,omitempty"`
}

// UnmarshalJSON refuses unknown keys: an input typed by hand with a misspelt key
// must not start a run that does something else.
func (in *SyncInput) UnmarshalJSON(data []byte) error {
	type plain SyncInput
	return decodeStrictly(data, (*plain)(in),
		`{"provider":"NAME","mode":"apply|plan","departments":["ID"],"members":["ID"],"retry":"RUN","events":false,"on_removals":"hold|apply|skip","rules":1,"started_by":"LOGIN"}, only provider is required`)
}

// decodeStrictly decodes an input typed by hand. The error for what does not fit says
// what it should look like. Text that is given but empty does not: it comes from a
// variable that is not set, and would count as left out.
func decodeStrictly(data []byte, into any, like string) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("input: %w; it should look like %s", err, like)
	}
	fields, err := document.Object(data)
	if err != nil {
		return fmt.Errorf("input: %w; it should look like %s", err, like)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name == "provider" || name == "run" {
			continue // required: whether they are there is Normalize's to say
		}
		var text string
		if json.Unmarshal(fields[name], &text) == nil && string(fields[name]) != "null" &&
			strings.TrimSpace(text) == "" {
			return fmt.Errorf("input: %s is empty; give a value or leave it out; it should look like %s", name, like)
		}
	}
	return nil
}

// invalid fails a workflow for its input, in a way that any edge can say in the reader's language.
func invalid(problem *message.Error) error {
	return temporal.NewApplicationErrorWithOptions(problem.Error(), activities.TypeInvalid,
		temporal.ApplicationErrorOptions{NonRetryable: true, Details: []any{problem}})
}

func say(code message.Code, args message.Args) *message.Error {
	return &message.Error{Code: code, Args: args}
}

// oneOf returns what is wrong with a field that must be one of some words, or nil.
func oneOf(field, value string, allowed ...string) *message.Error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return say(message.InputOneOf, message.Args{"Field": field, "Value": value, "Allowed": strings.Join(allowed, ", ")})
}

// idsProblem returns what is wrong with a list of ids that narrows, or nil. A list that is
// given but empty must not count as left out, which is everything.
func idsProblem(field, of string, ids []string) *message.Error {
	switch {
	case ids == nil:
		return nil
	case len(ids) == 0:
		return say(message.InputIDsEmpty, message.Args{"Field": field, "Of": of})
	case slices.ContainsFunc(ids, blank):
		return say(message.InputIDBlank, message.Args{"Field": field, "Of": of})
	}
	for i, id := range ids {
		if directory.IDProblem(id) != "" {
			return say(message.InputIDWrong, message.Args{
				"Field": field, "Of": of, "Number": i + 1, "Long": len(id) > directory.MaxID, "Most": directory.MaxID,
			})
		}
	}
	return nil
}

// actorProblem returns what is wrong with who a person says they are, or nil.
func actorProblem(field, actor string) *message.Error {
	if directory.IsActor(actor) {
		return nil
	}
	return say(message.InputActorWrong, message.Args{"Field": field, "Most": directory.MaxActor})
}

func blank(id string) bool { return strings.TrimSpace(id) == "" }

// Normalize fills in the defaults and returns what is wrong, or nil.
func (in *SyncInput) Normalize() *message.Error {
	if in.Mode == "" {
		in.Mode = ModeApply
	}
	if in.OnRemovals == "" {
		in.OnRemovals = RemovalsHold
	}
	unknown := cmp.Or(oneOf("mode", in.Mode, ModeApply, ModePlan),
		oneOf("on_removals", in.OnRemovals, RemovalsHold, RemovalsApply, RemovalsSkip))
	switch {
	case blank(in.Provider):
		return say(message.InputProviderMissing, nil)
	case unknown != nil:
		return unknown
	case in.Rules < 0:
		return say(message.InputRulesNumber, message.Args{"Number": in.Rules})
	case in.Rules > 0 && in.Mode != ModePlan:
		return say(message.InputRulesPlanOnly, nil)
	}
	return in.targetProblem()
}

// MaxMembers is how many single people a run may be limited to: beyond it a run of
// their departments makes fewer calls.
const MaxMembers = 300

// targetProblem returns what is wrong with what the run is limited to, or nil.
func (in *SyncInput) targetProblem() *message.Error {
	targets := 0
	for _, given := range []bool{len(in.Departments) > 0, len(in.Members) > 0, in.Retry != "", in.Events} {
		if given {
			targets++
		}
	}
	switch {
	case targets > 1:
		return say(message.InputOneTarget, nil)
	case in.Events && in.Mode != ModeApply:
		return say(message.InputEventsApplyOnly, nil)
	case len(in.Members) > MaxMembers:
		return say(message.InputTooManyMembers, message.Args{"Number": len(in.Members), "Most": MaxMembers})
	}
	return cmp.Or(idsProblem("departments", "department", in.Departments), idsProblem("members", "member", in.Members),
		actorProblem("started_by", in.StartedBy))
}

// SyncResult is what SyncOrg returns, and what "orgsync sync --wait --output json"
// prints. A run that failed carries it in its failure's details.
type SyncResult struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	Mode     string `json:"mode"`
	// Status is succeeded, partial, failed, held, rejected, superseded or canceled.
	Status string `json:"status"`
	directory.Counts
	// Calls is how many provider calls were made.
	Calls      int64 `json:"calls"`
	DurationMS int64 `json:"duration_ms"`
	// Errors are up to 20, without personal data.
	Errors []string `json:"errors"`
	// HoldWorkflowID is the workflow that waits for the decision on a held run.
	HoldWorkflowID string `json:"hold_workflow_id,omitempty"`
	// HoldReason says why it waits.
	HoldReason string `json:"hold_reason,omitempty"`
	// HoldExpiresAt is when the removals count as rejected if nobody decides.
	HoldExpiresAt *time.Time `json:"hold_expires_at,omitempty"`
	// Undoes is the run that an UndoRun took back, LeftAlone how many departments and
	// members it left as they are.
	Undoes    string `json:"undoes,omitempty"`
	LeftAlone int    `json:"left_alone,omitempty"`
}

// HeldRemovals is the answer to RemovalsQuery.
type HeldRemovals struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	// State is held, or how that was decided: approved, rejected, expired,
	// superseded or canceled.
	State     string     `json:"state"`
	Reason    string     `json:"reason"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	// Removals is what would go, with the first external ids.
	Removals *directory.Removals `json:"removals,omitempty"`
}
