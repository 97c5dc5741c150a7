package service

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// Text returns what the error says to people in a language. inputName turns the name of an
// input into what the edge calls it. An error with a cause says what that does, unless its code
// says more.
func (e *Error) Text(l message.Language, inputName func(string) string) string {
	if errors.As(e.Err, new(*message.Error)) {
		return l.ErrorText(e.Err)
	}
	cause := ""
	if e.Err != nil {
		cause = errorText(l, e.Err, inputName)
	}
	code := message.Code("error." + e.Code)
	if e.Code == AlreadyDecided {
		code = "error.not_held"
	}
	args := e.Args.named(l)
	args["Cause"] = cause
	if e.Args.Field != "" {
		args["Field"], args["Input"] = inputName(e.Args.Field), e.Args.Field
	}
	switch e.Code {
	case RunInProgress:
		args["Text"] = shortID(e.Args.RunID)
	case HeldAmbiguous:
		args["Count"], args["Held"] = len(e.Args.Held), strings.Join(runIDs(e.Args.Held), ", ")
	case SecretsUnderOtherKeys:
		args["Count"] = int(e.Args.Number)
	}
	if e.Err != nil && !aroundCause[e.Code] {
		return cause
	}
	return l.Text(code, args)
}

// aroundCause are the codes whose text says more than the cause.
var aroundCause = map[Code]bool{
	TemporalSettingsWrong: true, FollowFailed: true, DecisionRefused: true, DecisionFailed: true, HoldGone: true,
	CronInvalid: true, RunUndecided: true,
}

// errorText is what any error says.
func errorText(l message.Language, err error, inputName func(string) string) string {
	var classified *Error
	if errors.As(err, &classified) {
		return classified.Text(l, inputName)
	}
	return l.ErrorText(err)
}

// named are the arguments as texts name them.
func (a Args) named(l message.Language) message.Args {
	named := message.Args{
		"Provider": a.Provider, "Providers": strings.Join(a.Providers, ", "),
		"Run": shortID(cmp.Or(a.Run.ID, a.RunID)), "Owner": a.Run.Provider,
		"WorkflowID": a.WorkflowID, "TemporalRunID": a.TemporalRunID, "Namespace": a.Namespace, "Field": "",
		"Input":   "",
		"Problem": a.Problem, "Text": a.Text, "Allowed": strings.Join(a.Allowed, ", "),
		"Number": strconv.FormatFloat(a.Number, 'f', -1, 64), "Most": a.Most, "Duration": message.Length(a.Duration),
		"Limit": message.Length(a.Limit),
		"Key":   a.KeyID, "Workers": strings.Join(a.Workers, ", "), "Held": "", "Reason": "",
		"Status":    l.Status(a.Run.Status),
		"DecidedBy": a.Run.DecidedBy, "Running": a.Run.Status == directory.RunRunning,
		"Decided": a.Run.Status == directory.RunHeld,
	}
	if len(a.Held) > 0 {
		named["Held"], named["Reason"] = shortID(a.Held[0].ID), a.Held[0].HoldReason
	}
	if a.RunID != "" {
		named["Text"] = a.RunID
	}
	if a.Run.HoldWorkflowID != "" {
		named["WorkflowID"] = a.Run.HoldWorkflowID
	} else if a.Run.WorkflowID != "" {
		named["WorkflowID"] = a.Run.WorkflowID
	}
	return named
}

func runIDs(runs []Run) []string {
	ids := make([]string, len(runs))
	for i, run := range runs {
		ids[i] = shortID(run.ID)
	}
	return ids
}

// Text returns what the trouble says to people in a language.
func (t Trouble) Text(l message.Language) string {
	switch t.Kind {
	case TemporalAway:
		return l.Text(message.TemporalAway, nil)
	case TemporalBack:
		return l.Text(message.TemporalBack, nil)
	case NoWorker:
		return l.Text(message.NoWorker, message.Args{"Queue": t.Queue})
	case WorkerIdle:
		return l.Text(message.WorkerIdle, message.Args{"Queue": t.Queue, "Ago": t.Polled.Round(time.Second)})
	default:
		return l.Text(message.ProgressUnknown, message.Args{"Cause": errorText(l, t.Err, strings.Clone)})
	}
}
