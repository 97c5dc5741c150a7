package run

import (
	"context"
	"fmt"
	"time"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// WaitFlags say whether a command waits for the run that it starts, and how patiently.
type WaitFlags struct {
	// Wait is nil if nothing is said.
	Wait            *bool         `negatable:"" help:"Wait until the run has ended or is held, and print its result; or only start it. By default a command waits on a terminal; in a script only undo does."`
	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long to keep waiting while Temporal does not answer; the run continues in any case. (${default})"`
}

// waits says whether to wait for a run that was started. On a terminal it is by default:
// a person is there who wants to know.
func (f WaitFlags) waits(s *cli.Session, inScripts bool) bool {
	if f.Wait != nil {
		return *f.Wait
	}
	return s.Screen().Terminal || inScripts
}

// follow shows how the run comes along until it has ended or is held. Interrupted, it leaves
// the run alone.
func follow(ctx context.Context, s *cli.Session, run service.Execution, patience time.Duration) (service.RunResult,
	error) {
	p := newProgress(s.Stderr, run.Provider, s.Language)
	result, err := s.Service.FollowRun(ctx, service.FollowRunInput{
		Execution: run, TemporalTimeout: patience, Observer: service.Observer{Every: p.every, Progress: p.show,
			Trouble: p.tell},
	})
	p.done()
	if ctx.Err() != nil {
		return result, &cli.Failure{Status: cli.ExitInterrupted, Err: fmt.Errorf(
			"stopped waiting; the run continues; follow it with: %s, or cancel it with: orgsync cancel %s",
			cli.FollowCommand(result.RunID), run.Provider)}
	}
	return result, err
}
