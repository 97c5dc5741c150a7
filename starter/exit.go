package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// Exit statuses; exitStatuses says what each means.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitHeld        = 3
	exitPartial     = 4
	exitBusy        = 5
	exitNothing     = 6
	exitInterrupted = 130
)

// exitStatuses are all exit statuses of the program, as help and README tell them.
var exitStatuses = []struct {
	status int
	means  string
}{
	{exitDone, "done"},
	{exitFailed, "the run ended failed, rejected, superseded or canceled, or the command failed"},
	{exitUsage, "wrong usage or settings"},
	{exitHeld, "held: removals wait for approval"},
	{exitPartial, "partial: not everything could be read; the rest was applied"},
	{exitBusy, "another run is at work, or the provider is switched off"},
	{exitNothing, "nothing to do or decide"},
	{exitInterrupted, "interrupted; a run that was started goes on"},
}

// exitHelp lists the exit statuses for help, indented to be kept as they are.
func exitHelp() string {
	var b strings.Builder
	b.WriteString("Exit status:\n\n")
	for _, s := range exitStatuses {
		fmt.Fprintf(&b, "  %3d  %s\n", s.status, s.means)
	}
	return b.String()
}

// exitOfRun is the exit status that a run's end leads to.
func exitOfRun(status string) int {
	switch status {
	case directory.RunSucceeded:
		return exitDone
	case directory.RunHeld:
		return exitHeld
	case directory.RunPartial:
		return exitPartial
	default:
		return exitFailed
	}
}

// exitOfType is the exit status for a workflow that failed with such an error before its
// run began.
func exitOfType(failure string) int {
	switch failure {
	case workflows.BusyType, workflows.InactiveType:
		return exitBusy
	case workflows.UndecidedType:
		return exitHeld
	case workflows.NothingType:
		return exitNothing
	case workflows.InvalidType, workflows.UnknownType:
		return exitUsage
	default:
		return exitFailed
	}
}

// exitOfError is the exit status that an error leads to.
func exitOfError(err error) int {
	var f *failure
	var unretried *db.RetryError
	var final *db.NotUndoableError
	switch {
	case errors.As(err, &f):
		return f.status
	case errors.As(err, &unretried):
		return exitOfRefusal(unretried.Refusal)
	case errors.As(err, &final):
		return exitOfRefusal(final.Refusal)
	default:
		return exitFailed
	}
}

func exitOfRefusal(why db.Refusal) int {
	switch why {
	case db.RefusedAtWork:
		return exitBusy
	case db.RefusedUndecided:
		return exitHeld
	case db.RefusedEmpty:
		return exitNothing
	default:
		return exitFailed
	}
}
