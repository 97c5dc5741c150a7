package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
)

// SliceInput is what SyncDepartments works on: the departments of a run with
// ordinals First to Last.
type SliceInput struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	First    int    `json:"first"`
	Last     int    `json:"last"`
	// Batch is how many departments one activity takes.
	Batch int `json:"batch"`
	// Batches is how many activities are in flight at a time; 0: 16, as the first
	// workers had it.
	Batches int `json:"batches,omitempty"`
	// Apply is false in plan mode, where nothing of the directory is written.
	Apply bool `json:"apply"`
}

// SliceResult is what came of it.
type SliceResult struct {
	// Failed is how many departments could not be read to the end.
	Failed int `json:"failed"`
}

// SyncDepartments reads and applies the people of a slice of departments, batch by
// batch. A department that fails leaves its batch, is tried on its own and then
// recorded as failed; only what would fail every department fails the slice.
func SyncDepartments(ctx workflow.Context, in SliceInput) (*SliceResult, error) {
	s := &slice{in: in}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return &s.out, nil
}

type slice struct {
	in  SliceInput
	out SliceResult
}

func (s *slice) run(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	atATime := s.in.Batches
	if atATime == 0 {
		atATime = 16
	}
	batches := workflow.NewSemaphore(ctx, int64(atATime))
	wg := workflow.NewWaitGroup(ctx)
	var failed error
	for first := s.in.First; first <= s.in.Last && failed == nil; first += s.in.Batch {
		if err := batches.Acquire(ctx, 1); err != nil {
			break
		}
		batch := activities.Range{RunID: s.in.RunID, First: first, Last: min(first+s.in.Batch-1, s.in.Last)}
		wg.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wg.Done()
			defer batches.Release(1)
			if err := s.batch(ctx, batch); err != nil && failed == nil {
				failed = err
				cancel() // what ends one batch ends them all
			}
		})
	}
	wg.Wait(ctx)
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// batch reads a batch, tries what failed alone, and applies what was read: of a
// department that stays incomplete, too, since additions can do no harm.
func (s *slice) batch(ctx workflow.Context, batch activities.Range) error {
	summary := summaryOf(batch)
	var pulled activities.PulledMembers
	err := workflow.ExecuteActivity(readBatch(ctx, summary), pull.PullMembers, batch).Get(ctx, &pulled)
	switch {
	case err == nil:
	case ctx.Err() != nil || activities.EndsRun(err):
		return err
	default:
		s.out.Failed += batch.Last - batch.First + 1
		if err := workflow.ExecuteActivity(write(ctx, summary), pull.FailMembers,
			activities.FailMembers{Range: batch, Problem: reasonOf(err)}).Get(ctx, nil); err != nil {
			return err
		}
	}
	for _, ordinal := range pulled.Failed {
		err := workflow.ExecuteActivity(readAlone(ctx, fmt.Sprintf("department %d alone", ordinal)), pull.PullDepartmentMembers,
			activities.DepartmentRef{RunID: s.in.RunID, Ordinal: ordinal}).Get(ctx, nil)
		if err != nil {
			if ctx.Err() != nil || activities.EndsRun(err) {
				return err
			}
			s.out.Failed++
		}
	}
	if !s.in.Apply {
		return nil
	}
	return workflow.ExecuteActivity(write(ctx, summary), apply.ApplyMembers, batch).Get(ctx, nil)
}

func summaryOf(r activities.Range) string {
	if r.First == r.Last {
		return fmt.Sprintf("department %d", r.First)
	}
	return fmt.Sprintf("departments %d to %d", r.First, r.Last)
}
