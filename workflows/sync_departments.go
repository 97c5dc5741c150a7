package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
	"github.com/orgsync/orgsync/internal/message"
)

// SyncDepartmentsInput is what SyncDepartments works on: the departments of a run with
// positions First to Last.
type SyncDepartmentsInput struct {
	RunID    string `json:"run_id"`
	Provider string `json:"provider"`
	First    int    `json:"first"`
	Last     int    `json:"last"`
	// Batch is how many departments one activity takes.
	Batch int `json:"batch"`
	// Batches is how many activities are in flight at a time.
	Batches int `json:"batches"`
	// Apply is false in plan mode, where nothing of the directory is written.
	Apply bool `json:"apply"`
	// Language is that of what is shown to people.
	Language message.Language `json:"language,omitempty"`
}

// SyncDepartmentsResult is what came of it.
type SyncDepartmentsResult struct {
	// Failed is how many departments could not be read to the end.
	Failed int `json:"failed"`
	// People is how many people the departments list that were read to the end; who
	// is in several counts in each.
	People int `json:"people,omitempty"`
}

// SyncDepartments reads and applies the people of a shard of departments, batch by
// batch. A department that fails leaves its batch, is tried on its own and then
// recorded as failed; only what would fail every department fails the shard.
func SyncDepartments(ctx workflow.Context, in SyncDepartmentsInput) (*SyncDepartmentsResult, error) {
	s := &syncDepartments{in: in}
	if err := s.setup(ctx); err != nil {
		return nil, err
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return &s.out, nil
}

type syncDepartments struct {
	in  SyncDepartmentsInput
	out SyncDepartmentsResult
	// ids are the departments' external ids, or none: then they are called by their
	// place in the run's order.
	ids []string
	// done is how many departments have been read and applied, well or not.
	done int
}

// setup answers queries and finds out what the departments are called.
func (s *syncDepartments) setup(ctx workflow.Context) error {
	if err := workflow.SetQueryHandlerWithOptions(ctx, ProgressQuery,
		func() (ShardProgress, error) { return s.progress(), nil },
		workflow.QueryHandlerOptions{Description: "how far the reading of these departments has come"}); err != nil {
		return err
	}
	workflow.SetCurrentDetails(ctx, s.details())
	var named activities.DepartmentIDsResult
	batch := activities.BatchInput{RunID: s.in.RunID, First: s.in.First, Last: s.in.Last}
	// They are for people who look: the work does not depend on them.
	if err := workflow.ExecuteActivity(writeOptions(ctx, "ids of "+s.summaryOf(batch)), reader.DepartmentIDs,
		batch).Get(ctx, &named); err == nil &&
		len(named.IDs) == s.in.Last-s.in.First+1 {
		s.ids = named.IDs
	}
	workflow.SetCurrentDetails(ctx, s.details())
	return nil
}

func (s *syncDepartments) run(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	batches := workflow.NewSemaphore(ctx, int64(s.in.Batches))
	wg := workflow.NewWaitGroup(ctx)
	var failed error
	for first := s.in.First; first <= s.in.Last && failed == nil; first += s.in.Batch {
		if err := batches.Acquire(ctx, 1); err != nil {
			break
		}
		batch := activities.BatchInput{RunID: s.in.RunID, First: first, Last: min(first+s.in.Batch-1, s.in.Last)}
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
// department that stays incomplete, too, since additions can do no harm. A batch whose
// listings are all unchanged has nothing to apply.
func (s *syncDepartments) batch(ctx workflow.Context, batch activities.BatchInput) error {
	summary := s.summaryOf(batch)
	var pulled activities.ReadMembersResult
	err := workflow.ExecuteActivity(fetchBatchOptions(ctx, summary), reader.ReadMembers, batch).Get(ctx, &pulled)
	switch {
	case err == nil:
	case ctx.Err() != nil || activities.EndsRun(err):
		return err
	default:
		s.out.Failed += batch.Last - batch.First + 1
		if err := workflow.ExecuteActivity(writeOptions(ctx, summary), reader.FailMembers,
			activities.FailMembersInput{BatchInput: batch, Problem: reasonOf(err)}).Get(ctx, nil); err != nil {
			return err
		}
	}
	s.out.People += pulled.People
	for _, position := range pulled.Failed {
		alone := s.summaryOf(activities.BatchInput{First: position, Last: position}) + " alone"
		var one activities.ReadDepartmentMembersResult
		err := workflow.ExecuteActivity(fetchSingleOptions(ctx, alone), reader.ReadDepartmentMembers,
			activities.DepartmentInput{RunID: s.in.RunID, Position: position}).Get(ctx, &one)
		if err != nil {
			if ctx.Err() != nil || activities.EndsRun(err) {
				return err
			}
			s.out.Failed++
		}
		s.out.People += one.People
	}
	if s.in.Apply && !pulled.Unchanged {
		if err := workflow.ExecuteActivity(writeOptions(ctx, summary), apply.ApplyMembers, batch).Get(ctx,
			nil); err != nil {
			return err
		}
	}
	s.done += batch.Last - batch.First + 1
	workflow.SetCurrentDetails(ctx, s.details())
	return nil
}

// shownIDs keeps a summary below the server's 400 bytes (temporal.md §1.1), with room
// for the words around the ids.
const shownIDs = 340

// summaryOf says which departments a range is, by external ids as far as there is room.
func (s *syncDepartments) summaryOf(r activities.BatchInput) string {
	ids := s.idsOf(r)
	switch {
	case r.First == r.Last && len(ids) == 1:
		return "department " + ids[0]
	case r.First == r.Last:
		return fmt.Sprintf("department %d", r.First)
	case len(ids) == 0:
		return fmt.Sprintf("departments %d to %d", r.First, r.Last)
	}
	text := fmt.Sprintf("%d departments: %s", len(ids), ids[0])
	for i, id := range ids[1:] {
		if len(text)+len(id) > shownIDs {
			return fmt.Sprintf("%s and %d more", text, len(ids)-1-i)
		}
		text += ", " + id
	}
	return text
}

func (s *syncDepartments) idsOf(r activities.BatchInput) []string {
	if len(s.ids) == 0 {
		return nil
	}
	return s.ids[r.First-s.in.First : r.Last-s.in.First+1]
}

func (s *syncDepartments) progress() ShardProgress {
	p := ShardProgress{
		RunID: s.in.RunID, Provider: s.in.Provider, First: s.in.First, Last: s.in.Last,
		DepartmentsDone: s.done, DepartmentsFailed: s.out.Failed, MembersRead: s.out.People,
	}
	if len(s.ids) > 0 {
		p.FirstID, p.LastID = s.ids[0], s.ids[len(s.ids)-1]
	}
	return p
}

// details is what the Web UI shows of a shard.
func (s *syncDepartments) details() string {
	p := s.progress()
	return s.in.Language.Text(message.DepartmentsPage, message.Args{
		"First": p.First, "Last": p.Last, "Provider": p.Provider, "FirstID": p.FirstID, "LastID": p.LastID,
		"Run":  p.RunID,
		"Done": p.DepartmentsDone, "Departments": p.Last - p.First + 1, "Failed": p.DepartmentsFailed,
		"Members": p.MembersRead,
	})
}
