package cli

import (
	"fmt"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
)

// Exit statuses; ExitStatuses says what each means.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitHeld        = 3
	ExitPartial     = 4
	ExitBusy        = 5
	ExitNothing     = 6
	ExitInterrupted = 130
)

// ExitStatuses are all exit statuses of the program, as help and README tell them.
var ExitStatuses = []struct {
	Status int
	Means  string
}{
	{ExitDone, "done"},
	{ExitFailed, "the run ended failed, rejected, superseded or canceled, or the command failed"},
	{ExitUsage, "wrong usage or settings"},
	{ExitHeld, "held: removals wait for approval"},
	{ExitPartial, "partial: not everything could be read; the rest was applied"},
	{ExitBusy, "another run is at work, or the provider is switched off"},
	{ExitNothing, "nothing to do or decide"},
	{ExitInterrupted, "interrupted; a run that was started goes on"},
}

// ExitHelp lists the exit statuses for help, indented to be kept as they are.
func ExitHelp() string {
	var b strings.Builder
	b.WriteString("Exit status:\n\n")
	for _, s := range ExitStatuses {
		fmt.Fprintf(&b, "  %3d  %s\n", s.Status, s.Means)
	}
	return b.String()
}

// StatusOfRun is the exit status that a run's end leads to.
func StatusOfRun(status string) int {
	switch status {
	case directory.RunSucceeded:
		return ExitDone
	case directory.RunHeld:
		return ExitHeld
	case directory.RunPartial:
		return ExitPartial
	default:
		return ExitFailed
	}
}
