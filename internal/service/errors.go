package service

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/workflows"
)

// Code names what went wrong. Codes are stable: edges and their callers rely on them.
type Code string

// The codes of all errors. An error without one, such as that the database does not
// answer, has the code Internal.
const (
	Internal Code = "internal"

	// Settings and what they lead to.
	SettingsWrong         Code = "settings_wrong"
	TemporalSettingsWrong Code = "temporal_settings_wrong"
	TemporalUnreachable   Code = "temporal_unreachable"
	NamespaceUnknown      Code = "namespace_unknown"
	SchemaMissing         Code = "schema_missing"
	SchemaBehind          Code = "schema_behind"
	DatabaseAway          Code = "database_away"
	DatabaseUnfit         Code = "database_unfit"

	// Inputs. InputInvalid says what is wrong in its cause.
	InputInvalid          Code = "input_invalid"
	RowLimitInvalid       Code = "row_limit_invalid"
	DepthInvalid          Code = "depth_invalid"
	ChangeFilterInvalid   Code = "change_filter_invalid"
	TextEmpty             Code = "text_empty"
	ProviderNameInvalid   Code = "provider_name_invalid"
	ProviderTypeUnknown   Code = "provider_type_unknown"
	ProviderConfigInvalid Code = "provider_config_invalid"
	AddressForbidden      Code = "address_forbidden"
	TenantInvalid         Code = "tenant_invalid"
	RemovalLimitInvalid   Code = "removal_limit_invalid"
	RemovalPercentInvalid Code = "removal_percent_invalid"
	HoldTimeInvalid       Code = "hold_time_invalid"
	IntervalInvalid       Code = "interval_invalid"
	OffsetInvalid         Code = "offset_invalid"
	JitterInvalid         Code = "jitter_invalid"
	JitterTooLong         Code = "jitter_too_long"
	CronInvalid           Code = "cron_invalid"
	TimeZoneUnknown       Code = "time_zone_unknown"
	TimeZoneWithoutCron   Code = "time_zone_without_cron"
	OffsetWithCron        Code = "offset_with_cron"

	// Rules. RulesInvalid lists in its cause what is wrong.
	RulesInvalid Code = "rules_invalid"
	RulesNone    Code = "rules_none"
	AccountsOff  Code = "accounts_off"

	// Providers and keys.
	ProviderUnknown       Code = "provider_unknown"
	ProviderExists        Code = "provider_exists"
	ProviderInactive      Code = "provider_inactive"
	ProviderChanged       Code = "provider_changed"
	KeyNotHeld            Code = "key_not_held"
	SecretsUnderOtherKeys Code = "secrets_under_other_keys"

	// Events. EventKeyWrong says in its cause which key is missing or wrong.
	EventModeUnknown Code = "event_mode_unknown"
	EventKeyWrong    Code = "event_key_wrong"
	EventsOff        Code = "events_off"
	NothingSetAside  Code = "nothing_set_aside"

	// Suites. SuiteNotUsed: the provider is an app of the company's own.
	SuiteNotUsed       Code = "suite_not_used"
	SuiteTicketMissing Code = "suite_ticket_missing"
	PublicURLMissing   Code = "public_url_missing"
	CompanyUnknown     Code = "company_unknown"
	CompanyOther       Code = "company_other"
	SuiteNotOffered    Code = "suite_not_offered"

	// Pages and objects by id.
	CursorInvalid     Code = "cursor_invalid"
	CursorExpired     Code = "cursor_expired"
	EventTypeUnknown  Code = "event_type_unknown"
	WaitInvalid       Code = "wait_invalid"
	DepartmentUnknown Code = "department_unknown"
	MemberUnknown     Code = "member_unknown"
	GroupUnknown      Code = "group_unknown"
	ConflictUnknown   Code = "conflict_unknown"
	WebhookUnknown    Code = "webhook_unknown"
	WebhookChanged    Code = "webhook_changed"
	// ProviderFailed says in its cause what the provider's API answered.
	ProviderFailed Code = "provider_failed"

	// Tokens.
	TokenNameInvalid Code = "token_name_invalid"
	TokenExists      Code = "token_exists"
	TokenUnknown     Code = "token_unknown"
	TokenRefused     Code = "token_refused"
	LinkRefused      Code = "link_refused"
	RoleUnknown      Code = "role_unknown"
	ExpiryInvalid    Code = "expiry_invalid"
	ReachTooWide     Code = "reach_too_wide"

	// Logins.
	LoginCodeInvalid   Code = "code_invalid"
	LoginOtherCompany  Code = "other_company"
	LoginNotVisible    Code = "not_visible"
	LoginLeft          Code = "left"
	LoginSuspended     Code = "suspended"
	LoginOffline       Code = "offline"
	LoginNotConfigured Code = "login_not_configured"
	LoginPending       Code = "login_pending"
	LoginDenied        Code = "access_denied"
	NotAdministrator   Code = "not_administrator"
	TooManyRefused     Code = "too_many_refused"
	OpenIDAway         Code = "openid_away"
	OpenIDRefused      Code = "openid_refused"
	LoginStateInvalid  Code = "login_state_invalid"
	ReturnToUnknown    Code = "return_to_unknown"
	AppUnknown         Code = "app_unknown"

	// Runs.
	RunUnknown       Code = "run_unknown"
	RunAmbiguous     Code = "run_ambiguous"
	RunOfOther       Code = "run_of_other_provider"
	RunInProgress    Code = "run_in_progress"
	RunUndecided     Code = "run_undecided"
	NothingToDo      Code = "nothing_to_do"
	NotPossible      Code = "not_possible"
	NotFound         Code = "not_found"
	RunNotBegun      Code = "run_not_begun"
	NoRunAtWork      Code = "no_run_at_work"
	RunHasNoWorkflow Code = "run_has_no_workflow"
	FollowFailed     Code = "follow_failed"
	TemporalSilent   Code = "temporal_silent"

	// Decisions.
	NothingHeld      Code = "nothing_held"
	HeldAmbiguous    Code = "held_ambiguous"
	NotHeld          Code = "not_held"
	AlreadyDecided   Code = "already_decided"
	HoldGone         Code = "hold_gone"
	DecisionRefused  Code = "decision_refused"
	DecisionFailed   Code = "decision_failed"
	DecisionUnproven Code = "decision_unproven"
	ListChanged      Code = "list_changed"
	NoteTooLong      Code = "note_too_long"

	// Schedules, reports and workflows.
	ScheduleUnknown Code = "schedule_unknown"
	ScheduleNotSet  Code = "schedule_not_set"
	ObjectUnknown   Code = "object_unknown"
	ObjectAmbiguous Code = "object_ambiguous"
	WorkflowUnknown Code = "workflow_unknown"
)

// Error is what a use case fails with where a caller can act on it.
type Error struct {
	Code Code
	Args Args
	// Err is the cause, nil if code and arguments say it all.
	Err error
}

// Args are what the text of an error may name; which of them are set depends on the code.
type Args struct {
	// Provider is a provider's name, Providers are those that are stored.
	Provider  string
	Providers []string
	// Run is the run that the error is about, RunID what a caller called it or the id of one at
	// work, and Held are the runs that wait for a decision.
	Run   Run
	RunID string
	Held  []Run
	// WorkflowID and TemporalRunID name a workflow's execution.
	WorkflowID    string
	TemporalRunID string
	Namespace     string
	// Field is the input at fault, in words joined by dashes, Problem in one word what is wrong, Text its value,
	// Allowed what it may be.
	Field   string
	Problem string
	Text    string
	Allowed []string
	// Number is a figure at fault, Most the largest that is allowed.
	Number float64
	Most   int
	// Duration is a time at fault or that has passed, Limit what it may be.
	Duration time.Duration
	Limit    time.Duration
	// KeyID is a key of the key set, Workers are those that lack it.
	KeyID   uint32
	Workers []string
	// Matches are what a text may mean.
	Matches []Object
	// Rule is the schedule that could not be set.
	Rule Rule
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// SQLSTATEs: a table does not exist, and a text holds what Postgres cannot store.
const (
	undefinedTable     = "42P01"
	notInRepertoire    = "22021"
	untranslatableText = "22P05"
)

var errUnstorable = errors.New("a text holds a NUL or is no UTF-8; send it without")

// Classify returns the *Error in err, or one with the code that its cause has.
func Classify(err error) *Error {
	var classified *Error
	var refused *db.Failure
	switch {
	case errors.As(err, &classified):
		return classified
	case db.Away(err):
		return &Error{Code: DatabaseAway, Err: err}
	case errors.As(err, &refused) && refused.Code == undefinedTable:
		return &Error{Code: SchemaMissing}
	case errors.As(err, &refused) && (refused.Code == notInRepertoire || refused.Code == untranslatableText):
		return &Error{Code: InputInvalid, Err: errUnstorable}
	default:
		return &Error{Code: Internal, Err: err}
	}
}

// HasCode reports whether err has that code.
func HasCode(err error, code Code) bool { return err != nil && Classify(err).Code == code }

// refusalError is the error for a run that cannot be retried or undone.
func refusalError(run Run, err error) error {
	codes := map[db.Refusal]Code{
		db.RefusedAtWork: RunInProgress, db.RefusedUndecided: RunUndecided, db.RefusedEmpty: NothingToDo,
		db.RefusedForGood: NotPossible,
	}
	var unretried *db.RetryError
	var final *db.NotUndoableError
	switch {
	case errors.As(err, &unretried):
		return &Error{Code: codes[unretried.Refusal], Args: Args{RunID: run.ID}, Err: unretried}
	case errors.As(err, &final):
		return &Error{Code: codes[final.Refusal], Args: Args{RunID: run.ID}, Err: final}
	default:
		return err
	}
}

// notBegunError is the error of a workflow that ended before its run began: another run is
// at work, say, or the provider was removed meanwhile.
func notBegunError(cause error, why string) error {
	codes := map[string]Code{
		workflows.BusyType: RunInProgress, workflows.InactiveType: ProviderInactive,
		workflows.UndecidedType: RunUndecided,
		workflows.NothingType:   NothingToDo, workflows.InvalidType: InputInvalid, workflows.UnknownType: NotFound,
	}
	code := RunNotBegun
	var application *temporal.ApplicationError
	if errors.As(cause, &application) && codes[application.Type()] != "" {
		code = codes[application.Type()]
	}
	var told message.Error
	if application != nil && application.HasDetails() && application.Details(&told) == nil && told.Code != "" {
		return &Error{Code: code, Err: &told}
	}
	return &Error{Code: code, Err: errors.New(why)}
}
