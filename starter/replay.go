package main

import (
	"context"
	"errors"
	"fmt"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/orgsync/orgsync/internal/app"
	"github.com/orgsync/orgsync/internal/replay"
)

type replayCommand struct {
	WorkflowID string `arg:"" optional:"" help:"The id of a workflow on the Temporal server, at work or ended."`
	RunID      string `placeholder:"ID" help:"Which of the workflow's runs; by default the newest."`
	History    string `placeholder:"FILE|-" help:"An exported history instead; - reads standard input."`
}

// Help implements kong.HelpProvider.
func (replayCommand) Help() string {
	return `Runs this build's workflow code against a recorded history. It says whether the code produces the same history, that is, whether workers of this build can continue the workflow. It calls nothing and changes nothing. All workflow types of orgsync can be replayed; "temporal workflow list" shows their ids.

Examples:

  orgsync replay orgsync/acme
  orgsync replay orgsync/acme --run-id 4f1c6f6e-7a0b-4a57-9a2e-1f6a3b1c2d3e
  orgsync replay --history history.json --output json

To export a history (or download it in the Web UI, encoded):

  temporal workflow show --workflow-id orgsync/acme --output json > history.json

Exit status: 0 it replays; 1 it does not; 2 there is no such workflow, or the file is not a history of orgsync.`
}

// Run implements the command.
func (c replayCommand) Run(ctx context.Context, s *session) error {
	history, err := c.read(ctx, s)
	if err != nil {
		return err
	}
	verdict, err := replay.Replay(history)
	var unknown *replay.UnknownTypeError
	if errors.As(err, &unknown) {
		return &failure{status: exitUsage, err: err}
	}
	if err != nil {
		return err
	}
	if s.json {
		err = s.printJSON(verdict)
	} else {
		s.sayVerdict(verdict)
	}
	if err == nil && !verdict.Replays {
		return ended(exitFailed)
	}
	return err
}

// maxHistory is far more than what Temporal lets a history grow to, in bytes: 50 MiB
// before it is written as JSON (temporal.md §1.1).
const maxHistory = 500_000_000

func (c replayCommand) read(ctx context.Context, s *session) (*historypb.History, error) {
	switch {
	case c.WorkflowID == "" && c.History == "":
		return nil, misuse("name a workflow, or an exported history with --history FILE; see: orgsync replay --help")
	case c.WorkflowID != "" && c.History != "":
		return nil, misuse("give a workflow's id or --history, not both")
	case c.History != "" && c.RunID != "":
		return nil, misuse("--run-id chooses among a workflow's runs on the server; an exported history is of one")
	case c.History == "":
		return c.fetch(ctx, s)
	}
	text, err := s.readInput(c.History, maxHistory)
	if err != nil {
		return nil, misuse("read the history: %w", err)
	}
	history, err := replay.Parse(text)
	if err != nil {
		return nil, &failure{status: exitUsage, err: err}
	}
	return history, nil
}

func (c replayCommand) fetch(ctx context.Context, s *session) (*historypb.History, error) {
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return nil, err
	}
	history, err := replay.Fetch(ctx, temporal, c.WorkflowID, c.RunID)
	var missing *serviceerror.NotFound
	var invalid *serviceerror.InvalidArgument
	if errors.As(err, &missing) || errors.As(err, &invalid) {
		which := c.WorkflowID
		if c.RunID != "" {
			which += ", run " + c.RunID
		}
		return nil, misuse("there is no workflow %[2]s in namespace %[1]s, or it has been deleted; see: temporal workflow list", app.Namespace(), which)
	}
	return history, err
}

func (s *session) sayVerdict(v replay.Verdict) {
	s.say("%s, run %s: %s, %s events, %s", plain(v.WorkflowID), v.RunID, v.WorkflowType, grouped(v.Events), v.State)
	if v.Failure != "" {
		s.say("  %s", plain(v.Failure))
	}
	if v.Replays {
		if v.State == replay.Running {
			s.say("This build replays it so far, and can continue it.")
		} else {
			s.say("This build replays it.")
		}
		return
	}
	d := v.Departure
	s.say("This build does not replay it: the two differ from event %d on, %s.", d.EventID, d.EventType)
	s.say("  history:     %s", orNothing(d.Recorded))
	s.say("  this build:  %s", orNothing(d.Wanted))
	s.say("  in full:     %s", plain(d.Error))
	if v.State == replay.Running {
		s.say("Let workers of the build that started it finish it, or end it with: temporal workflow terminate -w %s; the next run then starts by itself.", plain(v.WorkflowID))
	}
}

// orNothing says that there is no such thing.
func orNothing(what string) string {
	if what == "" {
		return "nothing more"
	}
	return fmt.Sprintf("%.200s", plain(what))
}
