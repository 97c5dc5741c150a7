package run

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// decisionFlags say which run is decided.
type decisionFlags struct {
	Name string `arg:"" help:"The provider's name."`
	ID   string `arg:"" optional:"" name:"run" help:"The held run's id, or as much of its beginning as is unique. Without it, the command shows the held run and asks."`
	Yes  bool   `help:"Do not ask; decide about the run that is held."`
	All  bool   `help:"When asking, name everyone, not only the first people of each department."`

	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long to keep waiting while Temporal does not answer; the decision is carried out in any case. (${default})"`
}

// ApproveCommand is "orgsync approve".
type ApproveCommand struct{ decisionFlags }

// Help implements kong.HelpProvider.
func (ApproveCommand) Help() string {
	return `Removes exactly what the held run shows, and waits until that is done. If the run is no longer held, the
command refuses and names the run that is.

Examples:

  orgsync runs show 4f1c
  orgsync approve acme 4f1c
  orgsync approve acme`
}

// Run implements the command.
func (c ApproveCommand) Run(ctx context.Context, s *cli.Session) error {
	result, err := decide(ctx, s, c.decisionFlags, decision{"approve", true, "Remove them? Type yes to approve:"})
	if err != nil {
		return err
	}
	return cli.Ended(cli.StatusOfRun(result.Status))
}

// RejectCommand is "orgsync reject".
type RejectCommand struct{ decisionFlags }

// Help implements kong.HelpProvider.
func (RejectCommand) Help() string {
	return `What the run added and updated stays. If the reason remains, the next run finds the same removals and is
held again.

Examples:

  orgsync reject acme 4f1c
  orgsync reject acme`
}

// Run implements the command. That the run ends rejected is what was asked for.
func (c RejectCommand) Run(ctx context.Context, s *cli.Session) error {
	result, err := decide(ctx, s, c.decisionFlags, decision{"reject", false, "Leave them all? Type yes to reject:"})
	if err != nil {
		return err
	}
	if result.Status == directory.RunRejected {
		return nil
	}
	return cli.Ended(cli.StatusOfRun(result.Status))
}

// decision is one of the two: the command's name, what it decides, and how a person is asked.
type decision struct {
	command  string
	approve  bool
	question string
}

// decide sends a decision to the workflow that holds the run, waits for the outcome and
// prints it. The decision is for the run that was named or shown, and for no other one
// that takes its place meanwhile.
func decide(ctx context.Context, s *cli.Session, c decisionFlags, d decision) (service.RunResult, error) {
	var result service.RunResult
	held, err := findHeldRun(ctx, s, c, d)
	if err != nil {
		return result, err
	}
	if c.ID == "" && !c.Yes {
		if err := askDecision(ctx, s, held, c, d); err != nil {
			return result, err
		}
	}
	result, err = s.Service.DecideRun(ctx, service.DecideRunInput{
		Run: held, Approve: d.approve, By: cli.By(), TemporalTimeout: c.TemporalTimeout,
		Trouble: func(t service.Trouble) { s.WarnTrouble(&t) },
	})
	if err != nil {
		return result, err
	}
	return result, printResult(s, result)
}

// findHeldRun returns the run that is to be decided. Where nobody can be asked, it must be
// named, or --yes be given.
func findHeldRun(ctx context.Context, s *cli.Session, c decisionFlags, d decision) (service.Run, error) {
	held, err := s.Service.FindHeldRun(ctx, c.Name, c.ID)
	if service.HasCode(err, service.HeldAmbiguous) {
		waiting := service.Classify(err).Args.Held
		return held, cli.UsageError("%d runs of %s are waiting for a decision; name the one you mean:%s", len(waiting),
			c.Name, heldLines(d.command, waiting))
	}
	if err == nil && c.ID == "" && !c.Yes && !s.CanAsk() {
		return held, cli.UsageError("name the run, or give --yes; held runs:%s",
			heldLines(d.command, []service.Run{held}))
	}
	return held, err
}

// heldLines says of each held run why, and how it is decided.
func heldLines(command string, waiting []service.Run) string {
	var b strings.Builder
	for _, run := range waiting {
		fmt.Fprintf(&b, "\n  orgsync %s %s %s   (%s)", command, run.Provider, cli.ShortID(run.ID),
			cli.Plain(run.HoldReason))
	}
	return b.String()
}

// askDecision shows what is to be decided and asks.
func askDecision(ctx context.Context, s *cli.Session, held service.Run, c decisionFlags, d decision) error {
	plan, err := s.Service.GetRemovalPlan(ctx, held.ID, fewRemovals(c.All))
	if err != nil {
		return err
	}
	by := cli.Prefixed(" by ", cli.Plain(held.StartedBy))
	s.PrintFolded("", fmt.Sprintf("Run %s of %s, started %s%s, is held: %s", cli.ShortID(held.ID), held.Provider,
		cli.Moment(held.StartedAt), by, cli.Plain(held.HoldReason)))
	printRemovals(s, *plan, c.All)
	s.Printf("")
	answer, err := s.Ask(ctx, d.question)
	if err != nil {
		return err
	}
	if answer = strings.ToLower(answer); answer != "yes" && answer != "y" {
		s.Printf("Nothing was decided; the run is still held.")
		return cli.Ended(cli.ExitHeld)
	}
	return nil
}
