package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
)

// statuses are the exit statuses of errors by code; that of any other is ExitFailed.
var statuses = map[service.Code]int{
	service.SettingsWrong: ExitUsage, service.TemporalSettingsWrong: ExitUsage, service.NamespaceUnknown: ExitUsage,
	service.SchemaMissing: ExitUsage, service.DatabaseUnfit: ExitUsage,

	service.InputInvalid: ExitUsage, service.RowLimitInvalid: ExitUsage, service.DepthInvalid: ExitUsage,
	service.ChangeFilterInvalid: ExitUsage, service.TextEmpty: ExitUsage, service.ProviderNameInvalid: ExitUsage,
	service.ProviderTypeUnknown: ExitUsage, service.ProviderConfigInvalid: ExitUsage, service.TenantInvalid: ExitUsage,
	service.RemovalLimitInvalid: ExitUsage, service.RemovalPercentInvalid: ExitUsage, service.HoldTimeInvalid: ExitUsage,
	service.IntervalInvalid: ExitUsage, service.OffsetInvalid: ExitUsage, service.JitterInvalid: ExitUsage,
	service.JitterTooLong: ExitUsage, service.CronInvalid: ExitUsage, service.TimeZoneUnknown: ExitUsage,
	service.TimeZoneWithoutCron: ExitUsage, service.OffsetWithCron: ExitUsage,

	service.RulesInvalid: ExitUsage, service.RulesNone: ExitNothing,
	service.ProviderUnknown: ExitUsage, service.ProviderInactive: ExitBusy,
	service.RunUnknown: ExitUsage, service.RunAmbiguous: ExitUsage, service.RunOfOther: ExitUsage,
	service.NotFound:      ExitUsage,
	service.RunInProgress: ExitBusy, service.RunUndecided: ExitHeld, service.NothingToDo: ExitNothing,
	service.NoRunAtWork: ExitNothing, service.RunHasNoWorkflow: ExitNothing,
	service.NothingHeld: ExitNothing, service.HeldAmbiguous: ExitUsage, service.NotHeld: ExitNothing,
	service.AlreadyDecided: ExitNothing, service.DecisionRefused: ExitNothing,
	service.ScheduleUnknown: ExitNothing, service.WorkflowUnknown: ExitUsage,
}

// Describe returns an error as the command line says it: with its text and exit status.
func Describe(err error) *Failure {
	var failure *Failure
	if errors.As(err, &failure) {
		if failure.Err == nil || err == error(failure) {
			return failure
		}
		return &Failure{Status: failure.Status, Err: err} // with what is said around it
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only errors.Join's own
		return describeAll(joined.Unwrap())
	}
	e := service.Classify(err)
	if e.Code == service.Internal {
		return &Failure{Status: ExitFailed, Err: err}
	}
	status, ok := statuses[e.Code]
	if !ok {
		status = ExitFailed
	}
	return &Failure{Status: status, Err: errors.New(textOf(e))}
}

func describeAll(problems []error) *Failure {
	all := &Failure{Status: ExitFailed}
	var texts []error
	for _, problem := range problems {
		described := Describe(problem)
		all.Status = described.Status
		texts = append(texts, described)
	}
	all.Err = errors.Join(texts...)
	return all
}

// textOf is what an error says. Where its cause says it all, it is the cause's text.
func textOf(e *service.Error) string {
	cause := ""
	if e.Err != nil {
		cause = Describe(e.Err).Error()
	}
	if lead, ok := causeTexts[e.Code]; ok && e.Err != nil {
		return lead(e.Args, cause)
	}
	if text, ok := texts[e.Code]; ok && e.Err == nil {
		return text(e.Args)
	}
	return OrElse(cause, string(e.Code))
}

// causeTexts are the texts of errors around their cause's text.
var causeTexts = map[service.Code]func(a service.Args, cause string) string{
	service.TemporalSettingsWrong: func(_ service.Args, cause string) string {
		return "the TEMPORAL_* settings are wrong: " + cause
	},
	service.FollowFailed: func(a service.Args, cause string) string {
		return fmt.Sprintf("wait for workflow %s: %s; the run may go on: see orgsync runs list --provider %s", a.WorkflowID,
			cause, a.Provider)
	},
	service.DecisionRefused: func(a service.Args, cause string) string {
		return fmt.Sprintf("run %s of %s: %s", ShortID(a.Run.ID), a.Provider, cause)
	},
	service.DecisionFailed: func(a service.Args, cause string) string {
		return fmt.Sprintf("decide run %s of %s: %s", ShortID(a.Run.ID), a.Provider, cause)
	},
	service.HoldGone: func(a service.Args, _ string) string {
		return fmt.Sprintf("workflow %s, which held run %s, is gone; start another run with: orgsync sync %s",
			a.Run.HoldWorkflowID, a.Run.ID, a.Provider)
	},
	service.CronInvalid: func(a service.Args, cause string) string {
		return fmt.Sprintf("--cron is %q, which Temporal does not understand: %s; want minute, hour, day of month, "+
			"month, day of week, such as '10 2 * * 1-5'",
			a.Text, cause)
	},
}

// texts are the texts of errors that code and arguments tell.
var texts = map[service.Code]func(a service.Args) string{
	service.SchemaMissing: func(service.Args) string {
		return "the database lacks orgsync's tables; create them with: orgsync migrate"
	},
	service.RowLimitInvalid: func(a service.Args) string {
		return fmt.Sprintf("--limit is %.0f; it must be from 1 to %d", a.Number, a.Most)
	},
	service.DepthInvalid: func(a service.Args) string {
		return fmt.Sprintf("--depth is %.0f; it must be a number of levels from 1 on", a.Number)
	},
	service.ChangeFilterInvalid: func(a service.Args) string {
		return fmt.Sprintf("--%s is %q; it must be one of %s", a.Field, a.Text, strings.Join(a.Allowed, ", "))
	},
	service.TextEmpty: func(a service.Args) string {
		switch a.Field {
		case "object":
			return "what to explain is empty"
		case "member":
			return "whom to show is empty"
		}
		return "the text to search for is empty"
	},
	service.RulesNone: func(a service.Args) string {
		return fmt.Sprintf("%s has no rules; set some with: orgsync rules set %s --file RULES.yaml", a.Provider, a.Provider)
	},
	service.ProviderNameInvalid: providerNameText,
	service.ProviderTypeUnknown: func(a service.Args) string {
		return fmt.Sprintf("--type is %q; it must be one that this build knows", a.Text)
	},
	service.TenantInvalid: func(a service.Args) string {
		return fmt.Sprintf("--tenant is %q; it must be a UUID such as 0191d2a0-7b1e-7c3a-9d42-5f1c2b3a4d5e", a.Text)
	},
	service.RemovalLimitInvalid: func(a service.Args) string {
		return fmt.Sprintf("%s is %.0f; it must be a number of removals from 0 on", guardFlag(a.Field, "limit"), a.Number)
	},
	service.RemovalPercentInvalid: func(a service.Args) string {
		return fmt.Sprintf("%s is %g; it must be from 0 to 100", guardFlag(a.Field, "percent"), a.Number)
	},
	service.HoldTimeInvalid: func(a service.Args) string {
		return fmt.Sprintf("--hold-for is %s; it must be in whole seconds, from 1s to %s, such as 72h", a.Duration, a.Limit)
	},
	service.IntervalInvalid: func(a service.Args) string {
		return fmt.Sprintf("an interval of %s is not allowed; it must be in whole seconds, at least %s, such as 1h",
			a.Duration, Length(a.Limit))
	},
	service.OffsetInvalid: func(a service.Args) string {
		return fmt.Sprintf("--offset is %s; it must be in whole seconds and shorter than the interval of %s", a.Duration,
			Length(a.Limit))
	},
	service.JitterInvalid: func(a service.Args) string {
		return fmt.Sprintf("--jitter is %s; it must be in whole seconds, such as 5m, or 0 for none", a.Duration)
	},
	service.JitterTooLong: func(a service.Args) string {
		return fmt.Sprintf("--jitter is %s; it must be shorter than the interval of %s", Length(a.Duration), Length(a.Limit))
	},
	service.CronInvalid: func(a service.Args) string {
		return fmt.Sprintf("--cron is %q; it must have five fields: minute, hour, day of month, month, day of week, such "+
			"as '10 2 * * 1-5'", a.Text)
	},
	service.TimeZoneUnknown: func(a service.Args) string {
		return fmt.Sprintf("--tz is %q, which is no time zone; give one such as Asia/Shanghai, Europe/Berlin or UTC", a.Text)
	},
	service.TimeZoneWithoutCron: func(service.Args) string {
		return "--tz goes with --cron; --every counts from midnight UTC, also when summer time begins"
	},
	service.OffsetWithCron: func(service.Args) string {
		return "--offset goes with --every; write the minute into --cron"
	},
	service.ProviderUnknown: providerUnknownText,
	service.ProviderExists: func(a service.Args) string {
		return fmt.Sprintf("there is a provider %q already; change it with: orgsync provider update %s --config FILE",
			a.Provider, a.Provider)
	},
	service.ProviderInactive: func(a service.Args) string {
		return fmt.Sprintf("provider %s is switched off; switch it on with: orgsync provider update %s --active",
			a.Provider, a.Provider)
	},
	service.KeyNotHeld: func(a service.Args) string {
		return fmt.Sprintf("these workers do not hold the newest key (%d): %s; copy the key set's file to each of them, "+
			"restart them, and try again (a worker that was killed drops off this list within a minute)",
			a.KeyID, strings.Join(a.Workers, ", "))
	},
	service.SecretsUnderOtherKeys: func(a service.Args) string {
		return fmt.Sprintf("%s still encrypted with keys older than the newest (%d); encrypt with the newest first: "+
			"orgsync keyset reseal",
			Counted(int(a.Number), "stored secret is", "stored secrets are"), a.KeyID)
	},
	service.RunUnknown: func(a service.Args) string {
		return fmt.Sprintf("there is no run whose id begins with %q; see: orgsync runs list", a.RunID)
	},
	service.RunAmbiguous: func(a service.Args) string {
		return fmt.Sprintf("more than one run's id begins with %q; give more of it, see: orgsync runs list --output json",
			a.RunID)
	},
	service.RunOfOther: func(a service.Args) string {
		return fmt.Sprintf("run %s belongs to %s, not to %s", ShortID(a.Run.ID), a.Run.Provider, a.Provider)
	},
	service.RunInProgress: func(a service.Args) string {
		return fmt.Sprintf("a run of %s is already running, in workflow %s; follow it with: %s, or cancel it with: "+
			"orgsync cancel %[1]s",
			a.Provider, a.WorkflowID, FollowCommand(a.RunID))
	},
	service.NoRunAtWork: func(a service.Args) string {
		if len(a.Held) > 0 {
			return fmt.Sprintf("no run of %s is running; run %s is held, waiting for a decision: orgsync runs show %[2]s",
				a.Provider, ShortID(a.Held[0].ID))
		}
		return fmt.Sprintf("no run of %s is running; see: orgsync runs list --provider %[1]s", a.Provider)
	},
	service.RunHasNoWorkflow: func(a service.Args) string {
		return fmt.Sprintf("run %s is marked as running, but its workflow %s is gone; the next run ends it: orgsync sync %s",
			ShortID(a.Run.ID), a.Run.WorkflowID, a.Provider)
	},
	service.TemporalSilent: func(a service.Args) string { return "temporal has not answered for " + Length(a.Duration) },
	service.NothingHeld: func(a service.Args) string {
		return fmt.Sprintf("no run of %s is waiting for a decision; see: orgsync runs list --provider %s", a.Provider,
			a.Provider)
	},
	service.HeldAmbiguous: func(a service.Args) string {
		ids := Each(a.Held, func(run service.Run) string { return ShortID(run.ID) })
		return fmt.Sprintf("%d runs of %s are waiting for a decision; name one of them: %s", len(ids), a.Provider,
			strings.Join(ids, ", "))
	},
	service.NotHeld:        notHeldText,
	service.AlreadyDecided: notHeldText,
	service.DecisionUnproven: func(a service.Args) string {
		return fmt.Sprintf("temporal has not answered for %s; to see whether the decision arrived: orgsync runs show %s",
			Length(a.Duration), ShortID(a.Run.ID))
	},
	service.ScheduleUnknown: func(a service.Args) string {
		return fmt.Sprintf("%s has no schedule; set one with: orgsync schedule set %s --every 1h", a.Provider, a.Provider)
	},
	service.ObjectUnknown: func(a service.Args) string {
		if a.Field == "member" {
			return fmt.Sprintf("no person of %s is or was known by %q; see: orgsync search %[1]s TEXT", a.Provider, a.Text)
		}
		return fmt.Sprintf("no person or department of %s is or was known by %q; see: orgsync search %[1]s TEXT, orgsync "+
			"tree %[1]s", a.Provider, a.Text)
	},
	service.ObjectAmbiguous: func(a service.Args) string {
		if a.Field == "member" {
			return fmt.Sprintf("%q matches several people; choose one with: orgsync member show %s ID", a.Text, a.Provider)
		}
		return fmt.Sprintf("%q matches several; choose one with: orgsync explain %s ID", a.Text, a.Provider)
	},
	service.WorkflowUnknown: func(a service.Args) string {
		return fmt.Sprintf("there is no workflow %s in namespace %s, or it has been deleted; see: temporal workflow list",
			a.WorkflowID+Prefixed(", run ", a.TemporalRunID), a.Namespace)
	},
}

func providerNameText(a service.Args) string {
	switch a.Problem {
	case "length":
		return fmt.Sprintf("a provider's name has 1 to %d characters", a.Most)
	case "dash":
		return fmt.Sprintf("a provider's name does not begin with a dash; %q does", a.Text)
	default:
		return fmt.Sprintf("a provider's name may contain ASCII letters, digits and punctuation, but no spaces or "+
			"slashes, since it becomes part of a workflow id; %q is not such a name", a.Text)
	}
}

func providerUnknownText(a service.Args) string {
	if len(a.Providers) == 0 {
		return fmt.Sprintf("there is no provider %q, nor any other; add one with: orgsync provider add NAME --type TYPE "+
			"--config FILE", a.Provider)
	}
	return fmt.Sprintf("there is no provider %q; the stored providers are: %s", a.Provider,
		strings.Join(a.Providers, ", "))
}

// guardFlag is the flag that sets a part of the removal guard.
func guardFlag(field, part string) string {
	if field == "departments" {
		return "--department-removal-" + part
	}
	return "--removal-" + part
}

// notHeldText says why a run waits for no decision, and names what does.
func notHeldText(a service.Args) string {
	run, how := a.Run, "is "+a.Run.Status
	if run.Status != directory.RunRunning {
		how = "ended " + run.Status
	}
	if run.DecidedBy != "" {
		how = "was decided by " + Plain(run.DecidedBy) + " and " + how
	}
	if run.Status == directory.RunHeld {
		how = "was decided by " + Plain(run.DecidedBy) + " already, which is carried out when the run at work has ended"
	}
	if len(a.Held) == 0 {
		return fmt.Sprintf("run %s is not held: it %s; no run of %s is waiting for a decision", ShortID(run.ID), how,
			a.Provider)
	}
	return fmt.Sprintf("run %s is not held: it %s; run %s is held (%s); see: orgsync runs show %s",
		ShortID(run.ID), how, ShortID(a.Held[0].ID), Plain(a.Held[0].HoldReason), ShortID(a.Held[0].ID))
}

// FollowCommand is the command that follows a run, or tells of runs where its id is not known.
func FollowCommand(runID string) string {
	if runID == "" {
		return "orgsync status"
	}
	return "orgsync runs watch " + ShortID(runID)
}

// TroubleText says what keeps a run from coming along.
func TroubleText(t service.Trouble) string {
	switch t.Kind {
	case service.TemporalAway:
		return "temporal does not answer; still waiting"
	case service.TemporalBack:
		return "temporal answers again"
	case service.NoWorker:
		return "no worker polls task queue " + t.Queue + "; start one with: orgsync-worker"
	case service.WorkerIdle:
		return fmt.Sprintf("no worker has picked this up, although one polled task queue %s %s ago; if it was stopped, "+
			"start one with: orgsync-worker",
			t.Queue, t.Polled.Round(time.Second))
	default:
		return "cannot show progress: " + oneLineEach(Describe(t.Err).Error())
	}
}
