package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// decisionFlags say which run is decided.
type decisionFlags struct {
	Name string `arg:"" help:"The provider's name."`
	ID   string `arg:"" optional:"" name:"run" help:"The held run's id, or as much of its beginning as is unique. Without it, the command shows the held run and asks."`
	Yes  bool   `help:"Do not ask; decide about the run that is held."`
	All  bool   `help:"When asking, name everyone, not only the first people of each department."`

	TemporalTimeout time.Duration `default:"1h" placeholder:"1h" help:"How long to keep waiting while Temporal does not answer; the decision is carried out in any case. (${default})"`
}

type approveCommand struct{ decisionFlags }

// Help implements kong.HelpProvider.
func (approveCommand) Help() string {
	return `Removes exactly what the held run shows, and waits until that is done. If the run is no longer held, the command refuses and names the run that is.

Examples:

  orgsync runs show 4f1c
  orgsync approve acme 4f1c
  orgsync approve acme`
}

// Run implements the command.
func (c approveCommand) Run(ctx context.Context, s *session) error {
	result, err := s.decide(ctx, c.decisionFlags, decision{"approve", workflows.ApproveUpdate, "Remove them? Type yes to approve:"})
	if err != nil {
		return err
	}
	return ended(exitOfRun(result.Status))
}

type rejectCommand struct{ decisionFlags }

// Help implements kong.HelpProvider.
func (rejectCommand) Help() string {
	return `What the run added and updated stays. If the reason remains, the next run finds the same removals and is held again.

Examples:

  orgsync reject acme 4f1c
  orgsync reject acme`
}

// Run implements the command. That the run ends rejected is what was asked for.
func (c rejectCommand) Run(ctx context.Context, s *session) error {
	result, err := s.decide(ctx, c.decisionFlags, decision{"reject", workflows.RejectUpdate, "Leave them all? Type yes to reject:"})
	if err != nil {
		return err
	}
	if result.Status == directory.RunRejected {
		return nil
	}
	return ended(exitOfRun(result.Status))
}

// decision is one of the two: the command's name, the update that it sends, and how
// somebody is asked.
type decision struct{ command, update, question string }

// decide sends a decision to the workflow that holds the run, waits for the outcome and
// prints it. The decision is for the run that was named or shown, and for no other one
// that takes its place meanwhile.
func (s *session) decide(ctx context.Context, c decisionFlags, d decision) (workflows.SyncResult, error) {
	var result workflows.SyncResult
	store, p, err := s.openProvider(ctx, c.Name)
	if err != nil {
		return result, err
	}
	held, err := s.heldRun(ctx, store, p, c, d)
	if err != nil {
		return result, err
	}
	if c.ID == "" && !c.Yes {
		if err := s.askDecision(ctx, store, held, c, d); err != nil {
			return result, err
		}
	}
	temporal, err := s.openTemporal(ctx)
	if err != nil {
		return result, err
	}
	defer s.warnWhileIdle(ctx, &lookup{temporal: temporal, workflowID: held.HoldWorkflowID})()
	if result, err = d.send(ctx, store, temporal, held, c.TemporalTimeout); err != nil {
		return result, s.undecided(ctx, store, p, held, err)
	}
	return result, s.printResult(result)
}

// send sends the decision and waits for the outcome. While Temporal is away it is sent
// again, which counts once by its id, and Postgres may tell what came of it.
func (d decision) send(ctx context.Context, store *db.Store, temporal client.Client, held db.Run, timeout time.Duration) (workflows.SyncResult, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	answers := make(chan answer, 1)
	go func() { answers <- d.ask(ctx, temporal, held, timeout) }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ended := false; ; {
		select {
		case a := <-answers:
			return a.SyncResult, a.err
		case <-tick.C:
			now, err := store.Run(ctx, held.ID)
			over := err == nil && now.FinishedAt != nil && now.DecidedBy == who()
			if over && ended { // Temporal had time to say so
				return storedResult(ctx, store, held.ID)
			}
			ended = over
		}
	}
}

// ask sends the decision to Temporal until it is answered.
func (d decision) ask(ctx context.Context, temporal client.Client, held db.Run, timeout time.Duration) (a answer) {
	update := client.UpdateWorkflowOptions{
		UpdateID: uuid.NewString(), WorkflowID: held.HoldWorkflowID, UpdateName: d.update, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{workflows.Decision{RunID: held.ID, DecidedBy: who()}},
	}
	var away time.Time
	for {
		var handle client.WorkflowUpdateHandle
		if handle, a.err = temporal.UpdateWorkflow(ctx, update); a.err == nil {
			a.err = handle.Get(ctx, &a.SyncResult)
		}
		if a.err == nil || ctx.Err() != nil || !passes(a.err) {
			return a
		}
		if away.IsZero() {
			away = time.Now()
		}
		if time.Since(away) >= timeout {
			a.err = fmt.Errorf("temporal has not answered for %s; to see whether the decision arrived: orgsync runs show %s", length(timeout), shortID(held.ID))
			return a
		}
		select {
		case <-ctx.Done():
		case <-time.After(askAgain):
		}
	}
}

// heldRun returns the run that is to be decided. One that is not held is refused.
func (s *session) heldRun(ctx context.Context, store *db.Store, p db.Provider, c decisionFlags, d decision) (db.Run, error) {
	if c.ID != "" {
		run, err := s.run(ctx, store, c.ID)
		switch {
		case err != nil:
			return run, err
		case run.Provider != p.Name:
			return run, misuse("run %s belongs to %s, not to %s", shortID(run.ID), run.Provider, p.Name)
		case !waits(run):
			return run, s.notHeld(ctx, store, p, run)
		}
		return run, nil
	}
	waiting, err := waitingRuns(ctx, store, p)
	switch {
	case err != nil:
		return db.Run{}, err
	case len(waiting) == 0:
		return db.Run{}, nothing("no run of %s is waiting for a decision; see: orgsync runs list --provider %s", p.Name, p.Name)
	case len(waiting) > 1:
		return db.Run{}, misuse("%d runs of %s are waiting for a decision; name the one you mean:%s", len(waiting), p.Name, heldLines(d.command, waiting))
	case !c.Yes && !s.asks():
		return db.Run{}, misuse("name the run, or give --yes; held runs:%s", heldLines(d.command, waiting))
	}
	return waiting[0], nil
}

// waits reports whether the run waits for a decision: one that was approved may still
// wait for its turn.
func waits(run db.Run) bool { return run.Status == directory.RunHeld && run.DecidedBy == "" }

func waitingRuns(ctx context.Context, store *db.Store, p db.Provider) ([]db.Run, error) {
	held, err := store.RunsHeld(ctx, p.ID)
	var waiting []db.Run
	for _, run := range held {
		if waits(run) {
			waiting = append(waiting, run)
		}
	}
	return waiting, err
}

// heldLines says of each held run why, and how it is decided.
func heldLines(command string, waiting []db.Run) string {
	var b strings.Builder
	for _, run := range waiting {
		fmt.Fprintf(&b, "\n  orgsync %s %s %s   (%s)", command, run.Provider, shortID(run.ID), plain(run.HoldReason))
	}
	return b.String()
}

// notHeld refuses to decide a run that waits for no decision, and names what does.
func (s *session) notHeld(ctx context.Context, store *db.Store, p db.Provider, run db.Run) error {
	how := "is " + run.Status
	if run.Status != directory.RunRunning {
		how = "ended " + run.Status
	}
	if run.DecidedBy != "" {
		how = "was decided by " + plain(run.DecidedBy) + " and " + how
	}
	if run.Status == directory.RunHeld {
		how = "was decided by " + plain(run.DecidedBy) + " already, which is carried out when the run at work has ended"
	}
	waiting, err := waitingRuns(ctx, store, p)
	switch {
	case err != nil:
		return err
	case len(waiting) == 0:
		return nothing("run %s is not held: it %s; no run of %s is waiting for a decision", shortID(run.ID), how, p.Name)
	}
	return nothing("run %s is not held: it %s; run %s is held (%s); see: orgsync runs show %s",
		shortID(run.ID), how, shortID(waiting[0].ID), plain(waiting[0].HoldReason), shortID(waiting[0].ID))
}

// undecided says why a decision did not come about. The run may have been decided, or
// have been overtaken, since it was looked at.
func (s *session) undecided(ctx context.Context, store *db.Store, p db.Provider, held db.Run, cause error) error {
	if now, err := store.Run(ctx, held.ID); err == nil && !waits(now) {
		return s.notHeld(ctx, store, p, now)
	}
	var refused *temporal.ApplicationError
	if errors.As(cause, &refused) && refused.Type() == workflows.NothingType {
		return nothing("run %s of %s: %s", shortID(held.ID), p.Name, refused.Message())
	}
	if errors.As(cause, new(*serviceerror.NotFound)) {
		return fmt.Errorf("workflow %s, which held run %s, is gone; start another run with: orgsync sync %s", held.HoldWorkflowID, held.ID, p.Name)
	}
	return fmt.Errorf("decide run %s of %s: %w", shortID(held.ID), p.Name, cause)
}

// askDecision shows what is to be decided and asks.
func (s *session) askDecision(ctx context.Context, store *db.Store, held db.Run, c decisionFlags, d decision) error {
	removals, err := store.HeldRemovals(ctx, held.ID)
	if err != nil {
		return err
	}
	leavers, err := store.Leavers(ctx, held.ID, fewLeavers(c.All))
	if err != nil {
		return err
	}
	s.sayFolded("", fmt.Sprintf("Run %s of %s, started %s%s, is held: %s", shortID(held.ID), held.Provider, moment(held.StartedAt),
		prefixed(" by ", plain(held.StartedBy)), plain(held.HoldReason)))
	s.sayRemovals(removals)
	s.sayLeavers(leavers, removals, c.All)
	s.say("")
	answer, err := s.ask(ctx, d.question)
	if err != nil {
		return err
	}
	if answer = strings.ToLower(answer); answer != "yes" && answer != "y" {
		s.say("Nothing was decided; the run is still held.")
		return ended(exitHeld)
	}
	return nil
}
