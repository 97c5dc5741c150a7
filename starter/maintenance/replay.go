package maintenance

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgsync/orgsync/internal/replay"
	"github.com/orgsync/orgsync/starter/cli"
)

// ReplayCommand is "orgsync replay".
type ReplayCommand struct {
	WorkflowID string `arg:"" optional:"" help:"The id of a workflow on the Temporal server, at work or ended."`
	RunID      string `placeholder:"ID" help:"Which of the workflow's runs; by default the newest."`
	History    string `placeholder:"FILE|-" help:"An exported history instead; - reads standard input."`
}

// Help implements kong.HelpProvider.
func (ReplayCommand) Help() string {
	return `Runs this build's workflow code against a recorded history. It says whether the code produces the same
history, that is, whether workers of this build can continue the workflow. It calls nothing and changes nothing. All
workflow types of orgsync can be replayed; "temporal workflow list" shows their ids.

Examples:

  orgsync replay orgsync/acme
  orgsync replay orgsync/acme --run-id 4f1c6f6e-7a0b-4a57-9a2e-1f6a3b1c2d3e
  orgsync replay --history history.json --output json

To export a history (or download it in the Web UI, encoded):

  temporal workflow show --workflow-id orgsync/acme --output json > history.json

Exit status: 0 it replays; 1 it does not; 2 there is no such workflow, or the file is not a history of orgsync.`
}

// Run implements the command.
func (c ReplayCommand) Run(ctx context.Context, s *cli.Session) error {
	verdict, err := c.replay(ctx, s)
	var unknown *replay.UnknownTypeError
	if errors.As(err, &unknown) {
		return &cli.Failure{Status: cli.ExitUsage, Err: err}
	}
	if err != nil {
		return err
	}
	if s.JSON {
		err = s.PrintJSON(verdict)
	} else {
		printVerdict(s, verdict)
	}
	if err == nil && !verdict.Replays {
		return cli.Ended(cli.ExitFailed)
	}
	return err
}

// maxHistory is far more than what Temporal lets a history grow to, in bytes: 50 MiB
// before it is written as JSON (temporal.md §1.1).
const maxHistory = 500_000_000

func (c ReplayCommand) replay(ctx context.Context, s *cli.Session) (replay.Verdict, error) {
	switch {
	case c.WorkflowID == "" && c.History == "":
		return replay.Verdict{}, cli.UsageError("name a workflow, or an exported history with --history FILE; see: " +
			"orgsync replay --help")
	case c.WorkflowID != "" && c.History != "":
		return replay.Verdict{}, cli.UsageError("give a workflow's id or --history, not both")
	case c.History != "" && c.RunID != "":
		return replay.Verdict{}, cli.UsageError("--run-id chooses among a workflow's runs on the server; an exported " +
			"history is of one")
	case c.History == "":
		return s.Service.ReplayWorkflow(ctx, c.WorkflowID, c.RunID)
	}
	text, err := s.ReadInput(c.History, maxHistory)
	if err != nil {
		return replay.Verdict{}, cli.UsageError("read the history: %w", err)
	}
	history, err := replay.Parse(text)
	if err != nil {
		return replay.Verdict{}, &cli.Failure{Status: cli.ExitUsage, Err: err}
	}
	return replay.Replay(history)
}

func printVerdict(s *cli.Session, v replay.Verdict) {
	s.Printf("%s, run %s: %s, %s events, %s", cli.Plain(v.WorkflowID), v.RunID, v.WorkflowType, cli.Grouped(v.Events),
		v.State)
	if v.Failure != "" {
		s.Printf("  %s", cli.Plain(v.Failure))
	}
	if v.Replays {
		if v.State == replay.Running {
			s.Printf("This build replays it so far, and can continue it.")
		} else {
			s.Printf("This build replays it.")
		}
		return
	}
	d := v.Departure
	s.Printf("This build does not replay it: the two differ from event %d on, %s.", d.EventID, d.EventType)
	s.Printf("  history:     %s", orNothing(d.Recorded))
	s.Printf("  this build:  %s", orNothing(d.Wanted))
	s.Printf("  in full:     %s", cli.Plain(d.Error))
	if v.State == replay.Running {
		s.Printf(
			"Let workers of the build that started it finish it, or end it with: temporal workflow terminate -w %s; "+
				"the next run then starts by itself.", cli.Plain(v.WorkflowID))
	}
}

// orNothing says that there is no such thing.
func orNothing(what string) string {
	if what == "" {
		return "nothing more"
	}
	return fmt.Sprintf("%.200s", cli.Plain(what))
}
