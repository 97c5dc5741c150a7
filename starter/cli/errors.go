package cli

import (
	"errors"

	"github.com/orgsync/orgsync/internal/service"
)

// statuses are the exit statuses of errors by code; that of any other is ExitFailed.
var statuses = map[service.Code]int{
	service.SettingsWrong: ExitUsage, service.TemporalSettingsWrong: ExitUsage, service.NamespaceUnknown: ExitUsage,
	service.SchemaMissing: ExitUsage, service.SchemaBehind: ExitUsage, service.DatabaseUnfit: ExitUsage,

	service.InputInvalid: ExitUsage, service.RowLimitInvalid: ExitUsage, service.DepthInvalid: ExitUsage,
	service.ChangeFilterInvalid: ExitUsage, service.TextEmpty: ExitUsage, service.ProviderNameInvalid: ExitUsage,
	service.ProviderTypeUnknown: ExitUsage, service.ProviderConfigInvalid: ExitUsage, service.TenantInvalid: ExitUsage,
	service.RemovalLimitInvalid: ExitUsage, service.RemovalPercentInvalid: ExitUsage,
	service.HoldTimeInvalid: ExitUsage,
	service.IntervalInvalid: ExitUsage, service.OffsetInvalid: ExitUsage, service.JitterInvalid: ExitUsage,
	service.JitterTooLong: ExitUsage, service.CronInvalid: ExitUsage, service.TimeZoneUnknown: ExitUsage,
	service.TimeZoneWithoutCron: ExitUsage, service.OffsetWithCron: ExitUsage,

	service.RulesInvalid: ExitUsage, service.RulesNone: ExitNothing, service.AccountsOff: ExitNothing,
	service.ProviderUnknown: ExitUsage, service.ProviderInactive: ExitBusy,
	service.RunUnknown: ExitUsage, service.RunAmbiguous: ExitUsage, service.RunOfOther: ExitUsage,
	service.NotFound:      ExitUsage,
	service.RunInProgress: ExitBusy, service.RunUndecided: ExitHeld, service.NothingToDo: ExitNothing,
	service.NoRunAtWork: ExitNothing, service.RunHasNoWorkflow: ExitNothing,
	service.NothingHeld: ExitNothing, service.HeldAmbiguous: ExitUsage, service.NotHeld: ExitNothing,
	service.AlreadyDecided: ExitNothing, service.DecisionRefused: ExitNothing,
	service.ObjectUnknown: ExitUsage, service.ObjectAmbiguous: ExitUsage,
	service.ScheduleUnknown: ExitNothing, service.WorkflowUnknown: ExitUsage,

	service.SuiteNotUsed: ExitUsage, service.SuiteNotOffered: ExitUsage, service.PublicURLMissing: ExitUsage,
	service.CompanyUnknown: ExitUsage, service.CompanyOther: ExitUsage,

	service.EventModeUnknown: ExitUsage, service.EventKeyWrong: ExitUsage, service.EventsOff: ExitNothing,
	service.NothingSetAside: ExitNothing,

	service.CursorInvalid: ExitUsage, service.EventTypeUnknown: ExitUsage, service.WaitInvalid: ExitUsage,

	service.WebhookUnknown: ExitUsage,

	service.TokenNameInvalid: ExitUsage, service.TokenUnknown: ExitUsage, service.RoleUnknown: ExitUsage,
	service.ExpiryInvalid: ExitUsage, service.ReachTooWide: ExitUsage,
}

// Describe returns an error as the command line says it: with its text and exit status.
func (s *Session) Describe(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		if failure.Err == nil || err == error(failure) {
			return failure
		}
		return &Failure{Status: failure.Status, Err: err} // with what is said around it
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only errors.Join's own
		return s.describeAll(joined.Unwrap())
	}
	e := service.Classify(err)
	if e.Code == service.Internal || e.Code == service.DatabaseAway {
		return &Failure{Status: ExitFailed, Err: err}
	}
	status, ok := statuses[e.Code]
	if !ok {
		status = ExitFailed
	}
	return &Failure{Status: status, Err: errors.New(e.Text(s.Language, flagName))}
}

// flagName is what the command line calls an input.
func flagName(input string) string { return "--" + input }

func (s *Session) describeAll(problems []error) *Failure {
	all := &Failure{Status: ExitFailed}
	var texts []error
	for _, problem := range problems {
		described := s.Describe(problem)
		all.Status = described.Status
		texts = append(texts, described)
	}
	all.Err = errors.Join(texts...)
	return all
}

// FollowCommand is the command that follows a run, or tells of runs where its id is not known.
func FollowCommand(runID string) string {
	if runID == "" {
		return "orgsync status"
	}
	return "orgsync runs watch " + ShortID(runID)
}
