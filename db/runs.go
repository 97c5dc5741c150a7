package db

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/orgsync/orgsync/db/audit"
	"github.com/orgsync/orgsync/db/feed"
	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
)

// NewRun asks for a run of a provider.
type NewRun struct {
	Provider      string
	WorkflowID    string
	TemporalRunID string
	Mode          string
	OnRemovals    string
	// Departments limits the run to the people of these and what is below them,
	// Members to these people alone.
	Departments []string
	Members     []string
	// Retries is the run of which this one is to read what failed; it is limited to
	// what that one was.
	Retries string
	// Undoes is the run that this one takes back, empty for a sync.
	Undoes string
	// RulesVersion is the version of the provider's rules that a dry run is to go by; 0:
	// those in force.
	RulesVersion int
	// Events, if not 0, limits the run to objects that waiting events are about, at most so many.
	Events int
	// Task is what the run does; empty: TaskSync.
	Task string
	// StartedBy is who started it, unless Request says so.
	StartedBy string
	// Request is the request (package audit) that says who started it, from where.
	Request string
}

// What a run does: it reads the provider, links members to accounts, marks members as
// having left here, or takes that back.
const (
	TaskSync     = "sync"
	TaskAccounts = "accounts"
	TaskOffline  = "offline"
	TaskOnline   = "online"
	// TaskAdministrators names local administrators.
	TaskAdministrators = "administrators"
)

// syncs reports whether the run reads the provider.
func (n NewRun) syncs() bool { return n.Task == "" || n.Task == TaskSync }

// supersedes reports whether held runs of the same task are moot once this one begins: it
// asks for the same anew if it is about the whole company and applies it. A plan changes
// nothing, a limited run or a retry reads something else, and an undoing run does not
// change what the provider says, which the removals rest on. A sync does not ask whether
// accounts are to be created: it only warns.
func (n NewRun) supersedes() bool {
	return n.Mode == "apply" && len(n.Departments)+len(n.Members) == 0 && n.Retries == "" && n.Undoes == "" &&
		n.Events == 0 && (n.syncs() || n.Task == TaskAccounts)
}

// OpenRun is a run that has not ended.
type OpenRun struct {
	ID string
	// WorkflowID is the workflow that the run is left to by now: of one that was held
	// the one that holds it. TemporalRunID is empty where any execution of it counts.
	WorkflowID    string
	TemporalRunID string
	Status        string
	// ByEvents is true of a run by events, which others wait for: it is short.
	ByEvents bool
	// Approved is true of a run that was held and is at work at its removals.
	Approved bool
	// Task is what the run does.
	Task string
}

// BegunRun is a run that may start.
type BegunRun struct {
	RunID    string
	Provider providers.Provider
	// Members is how many single people the run is limited to, 0 if it reads departments.
	Members int
	// Groups is true if it is one by events that reads groups or administrators.
	Groups bool
	// Superseded are the hold workflows of runs that this one overtook.
	Superseded []string
}

// RunBusyError says that another run of the provider is at work, be it at removals that
// were approved.
type RunBusyError struct{ Run OpenRun }

// Error implements error.
func (e *RunBusyError) Error() string {
	if e.Run.Approved {
		return fmt.Sprintf("run %s of this provider is carrying out its approved removals in workflow %s", e.Run.ID,
			e.Run.WorkflowID)
	}
	return fmt.Sprintf("run %s of this provider is still at work in workflow %s", e.Run.ID, e.Run.WorkflowID)
}

// ErrInactive: the provider was switched off.
var ErrInactive = errors.New("provider is not active")

// BeginRun opens a run and takes the provider's fence, so that every earlier run
// can write no more. A run of the whole company supersedes held ones of its task;
// others leave them as they are. A run still marked as running is
// asked about with ended, which returns the status its workflow ended with or ""
// if it is still at work: then BeginRun returns *RunBusyError. Asking again for
// the same workflow execution returns the same run. It returns ErrNotFound,
// ErrInactive and *RetryError.
func (s *Store) BeginRun(ctx context.Context, n NewRun,
	ended func(context.Context, OpenRun) (string, error)) (BegunRun, error) {
	var begun BegunRun
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		p, err := s.q.LockProviderByName(ctx, tx, n.Provider)
		if err != nil {
			return err
		}
		if same, err := s.q.GetRunByExecution(ctx, tx, dbsqlc.GetRunByExecutionParams{
			WorkflowID: n.WorkflowID, TemporalRunID: n.TemporalRunID,
		}); err == nil {
			begun.RunID, begun.Members, begun.Groups = same.ID, int(same.Members), same.Groups
			return nil
		} else if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		// Switched off against the next sync, a provider can still be given back what the last one took.
		if !p.IsActive && n.Undoes == "" {
			return ErrInactive
		}
		by, err := audit.Requester(ctx, tx, n.Request, n.StartedBy)
		if err != nil {
			return err
		}
		supersedes := n.supersedes()
		if n.Retries != "" {
			// Before open runs are ended: a held one is to be decided, not retried.
			if n.Departments, n.Members, err = s.retry(ctx, tx, p.ID, n.Retries); err != nil {
				return err
			}
		}
		open, err := s.openRuns(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if err := s.endDeadRuns(ctx, tx, open, ended); err != nil {
			return err
		}
		if supersedes {
			if begun.Superseded, err = s.supersede(ctx, tx, open, cmp.Or(n.Task, TaskSync)); err != nil {
				return err
			}
		}
		begun.RunID = uuid.NewString()
		generation, err := s.q.TakeFence(ctx, tx, dbsqlc.TakeFenceParams{RunID: &begun.RunID, ProviderID: p.ID})
		if err != nil {
			return err
		}
		var claimed claim
		if n.Events > 0 {
			if claimed, err = s.planClaim(ctx, tx, p.ID, n.Events); err != nil {
				return err
			}
			n.Members = claimed.members
		}
		begun.Members, begun.Groups = len(n.Members), claimed.readsGroups()
		if err := s.checkRules(ctx, tx, p.ID, n.RulesVersion); err != nil {
			return err
		}
		if err := s.q.InsertRun(ctx, tx, dbsqlc.InsertRunParams{
			ID: begun.RunID, ProviderID: p.ID, Generation: generation, WorkflowID: n.WorkflowID,
			TemporalRunID: n.TemporalRunID,
			Mode:          n.Mode, OnRemovals: n.OnRemovals,
			Departments: pg.NonNil(n.Departments), Members: pg.NonNil(n.Members),
			Retries: pg.NullIfEmpty(n.Retries), Undoes: pg.NullIfEmpty(n.Undoes),
			RulesVersion: version(n.RulesVersion), Task: n.Task, StartedBy: pg.NullIfEmpty(by.Name),
			ByEvents: n.Events > 0, SingleDepartments: pg.NonNil(claimed.departments),
		}); err != nil {
			return err
		}
		if err := writeStart(ctx, tx, p, begun.RunID, n, by); err != nil {
			return err
		}
		if n.Events > 0 {
			if err := s.q.ClaimEvents(ctx, tx, dbsqlc.ClaimEventsParams{
				RunID: &begun.RunID, ProviderID: p.ID, Departments: pg.NonNil(claimed.departments),
				Members: pg.NonNil(n.Members), Groups: pg.NonNil(claimed.groups),
				Administrators: claimed.administrators,
			}); err != nil {
				return err
			}
		}
		return s.q.SetRunScope(ctx, tx, begun.RunID)
	})
	if err != nil {
		return BegunRun{}, interpret("begin run", err)
	}
	begun.Provider, err = s.Providers.FindByRun(ctx, begun.RunID)
	return begun, err
}

func (s *Store) openRuns(ctx context.Context, tx pgx.Tx, providerID string) ([]OpenRun, error) {
	rows, err := s.q.ListOpenRuns(ctx, tx, providerID)
	open := make([]OpenRun, len(rows))
	for i, r := range rows {
		open[i] = OpenRun{ID: r.ID, WorkflowID: r.WorkflowID, TemporalRunID: r.TemporalRunID, Status: r.Status,
			Approved: r.WasHeld && r.Status == directory.RunRunning, ByEvents: r.ByEvents, Task: r.Task}
	}
	return open, err
}

// endDeadRuns ends those of the runs that are marked as running and whose workflow is
// gone. It returns *RunBusyError if one is at work.
func (s *Store) endDeadRuns(ctx context.Context, tx pgx.Tx, open []OpenRun,
	ended func(context.Context, OpenRun) (string, error)) error {
	for _, run := range open {
		if run.Status != directory.RunRunning {
			continue
		}
		status, err := ended(ctx, run)
		if err != nil {
			return err
		}
		if status == "" {
			return &RunBusyError{Run: run}
		}
		if err := s.endRun(ctx, tx, run.ID, status, whyGone); err != nil {
			return err
		}
	}
	return nil
}

// supersede ends those of the runs of a task that are held and returns the workflows that hold
// them.
func (s *Store) supersede(ctx context.Context, tx pgx.Tx, open []OpenRun, task string) (holds []string, err error) {
	what := "the removals"
	if task == TaskAccounts {
		what = "the accounts"
	}
	for _, run := range open {
		if run.Status != directory.RunHeld || run.Task != task {
			continue
		}
		holds = append(holds, run.WorkflowID)
		if err := s.endRun(ctx, tx, run.ID, directory.RunSuperseded,
			"superseded by a newer run before anybody decided on "+what); err != nil {
			return nil, err
		}
	}
	return holds, nil
}

func (s *Store) endRun(ctx context.Context, tx pgx.Tx, runID, status, why string) error {
	if _, err := s.q.EndRun(ctx, tx, dbsqlc.EndRunParams{Status: status, Error: &why, ID: runID}); err != nil {
		return err
	}
	if err := s.q.ClearMatches(ctx, tx, runID); err != nil {
		return err
	}
	return s.closeFence(ctx, tx, runID)
}

// closeFence is how a transaction ends in which a run was held or has ended: nothing more is written
// for the run, its snapshot is dropped, and what it changed is published.
func (s *Store) closeFence(ctx context.Context, tx pgx.Tx, runID string) error {
	if err := s.q.CloseFence(ctx, tx, runID); err != nil {
		return err
	}
	if err := s.q.DropRunStaging(ctx, tx, runID); err != nil {
		return err
	}
	return feed.PublishRun(ctx, tx, runID)
}

// SetPhase notes what the run is doing, for people who look.
func (s *Store) SetPhase(ctx context.Context, runID, phase string) error {
	return interpret("set phase", s.q.SetPhase(ctx, s.pool, dbsqlc.SetPhaseParams{Phase: phase, ID: runID}))
}

// AddCalls adds to the number of provider calls made.
func (s *Store) AddCalls(ctx context.Context, runID string, calls int64) error {
	return interpret("count calls", s.q.AddCalls(ctx, s.pool, dbsqlc.AddCallsParams{Calls: calls, ID: runID}))
}

// SetVisibleRange notes what the credentials can see in this run.
func (s *Store) SetVisibleRange(ctx context.Context, runID string, visible json.RawMessage) error {
	return interpret("note visible range", s.q.SetVisibleRange(ctx, s.pool, dbsqlc.SetVisibleRangeParams{
		VisibleRange: visible, ID: runID,
	}))
}

// GetVisibleRanges returns what this run can see and what the last applied one could
// (null before the first).
func (s *Store) GetVisibleRanges(ctx context.Context, runID string) (this, applied json.RawMessage, err error) {
	row, err := s.q.GetVisibleRanges(ctx, s.pool, runID)
	return row.This, row.Applied, interpret("read visible range", err)
}

// FinishRun gives the run its final status and counts and drops its staged rows.
// complete says that it was read and applied in full: the provider then counts as
// synced now. The first end stands: finishing an ended run changes nothing.
func (s *Store) FinishRun(ctx context.Context, runID, status, problem string, counts directory.Counts,
	complete bool) error {
	body, err := json.Marshal(counts)
	if err != nil {
		return fmt.Errorf("finish run: %w", err)
	}
	return interpret("finish run", s.inTx(ctx, func(tx pgx.Tx) error {
		var why *string
		if problem != "" {
			why = &problem
		}
		n, err := s.q.EndRun(ctx, tx, dbsqlc.EndRunParams{Status: status, Error: why, ID: runID})
		if err != nil || n == 0 {
			return err
		}
		if err := s.q.SetCounts(ctx, tx, dbsqlc.SetCountsParams{Counts: body, ID: runID}); err != nil {
			return err
		}
		if err := s.finishEvents(ctx, tx, runID); err != nil {
			return err
		}
		if err := s.q.ClearMatches(ctx, tx, runID); err != nil { // what was to be created, and was rejected
			return err
		}
		if complete {
			if err := s.q.SetProviderSynced(ctx, tx, runID); err != nil {
				return err
			}
		}
		return s.closeFence(ctx, tx, runID)
	}))
}

// AddRunError records what went wrong with one object, in words without personal data.
// kind is "department", "member" (both count as failed) or "warning".
func (s *Store) AddRunError(ctx context.Context, runID, kind, externalID, message string) error {
	return interpret("note error", s.addRunError(ctx, s.pool, runID, kind, externalID, message))
}

func (s *Store) addRunError(ctx context.Context, tx dbsqlc.DBTX, runID, kind, externalID, message string) error {
	return s.q.AddRunError(ctx, tx, dbsqlc.AddRunErrorParams{
		RunID: runID, ObjectType: kind, ExternalID: externalID, Message: message,
	})
}

// FindRunByExecution returns the id of the run that a workflow execution opened, or
// ErrNotFound while it has not begun.
func (s *Store) FindRunByExecution(ctx context.Context, workflowID, temporalRunID string) (runID string, err error) {
	row, err := s.q.GetRunByExecution(ctx, s.pool, dbsqlc.GetRunByExecutionParams{
		WorkflowID: workflowID, TemporalRunID: temporalRunID,
	})
	return row.ID, interpret("find run of workflow", err)
}
