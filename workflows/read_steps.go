package workflows

import (
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/orgsync/orgsync/activities"
)

// readingSteps bring what the provider says into staging and apply it. The steps after them
// depend only on staging and on the completeness record, however the provider was read. A
// run limited to members needs neither the tree nor, since their own records are all that
// is read, a preflight: what it would find they meet themselves.
func (s *syncOrg) readingSteps() []step {
	if s.in.Events {
		steps := []step{{"members", s.readMembersByID}, {"departments", s.departmentsByID},
			{"members", s.applyMembersByID}}
		if s.eventGroups {
			steps = append(steps, step{"groups", s.groupsByEvents})
		}
		return steps
	}
	if s.people > 0 {
		return []step{{"members", s.membersByID}}
	}
	return []step{{"preflight", s.preflight}, {"departments", s.departments}, {"members", s.members},
		{"groups", s.groups}}
}

// preflight makes sure that a sync can work before anything is touched.
func (s *syncOrg) preflight(ctx workflow.Context) error {
	err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.Preflight, s.ref()).Get(ctx, &s.visible)
	if err == nil && s.visible.GroupsMeanwhile && len(s.in.Departments) == 0 {
		s.readGroups(ctx, true)
	}
	return err
}

// readGroups begins to read groups and administrators. meanwhile says that they have no
// phase of their own.
func (s *syncOrg) readGroups(ctx workflow.Context, meanwhile bool) {
	ctx, s.stopGroups = workflow.WithCancel(ctx)
	s.groupsRead = workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadGroups,
		activities.ReadGroupsInput{RunID: s.progress.RunID, Meanwhile: meanwhile})
}

// departments reads the tree and applies it. Departments that could not be asked
// for their children are on record as incomplete; only if nothing could be read at
// all is the run over.
func (s *syncOrg) departments(ctx workflow.Context) error {
	failed := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadDepartments, s.ref()).Get(ctx, nil)
	if failed != nil && (ctx.Err() != nil || activities.EndsRun(failed)) {
		return failed
	}
	finish := activities.FinishDepartmentsInput{RunID: s.progress.RunID}
	if failed != nil {
		finish.Problem = reasonOf(failed)
	}
	if err := workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), reader.FinishDepartments, finish).Get(ctx,
		&s.tree); err != nil {
		return err
	}
	s.progress.Departments = s.tree.Departments - s.tree.Excluded
	s.progress.DepartmentsDone, s.progress.MembersRead = s.tree.Unchanged, s.tree.UnchangedMembers
	if s.tree.Departments == 0 {
		return failed
	}
	if s.planning() {
		return nil
	}
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.ApplyDepartments,
		activities.ApplyDepartmentsInput{RunID: s.progress.RunID, LimitedRange: s.visible.LimitedRange}).Get(ctx, nil)
}

// positions is how many departments are left to be read or applied.
func (s *syncOrg) positions() int { return s.tree.Departments - s.tree.Excluded - s.tree.Unchanged }

// members reads and applies the people, shard by shard, a few shards at a time.
func (s *syncOrg) members(ctx workflow.Context) error {
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	shape := s.tree.Sharding
	places := workflow.NewSemaphore(ctx, int64(shape.Shards))
	wg := workflow.NewWaitGroup(ctx)
	var failed error
	for first := 1; first <= s.positions() && failed == nil; first += shape.Shard {
		if err := places.Acquire(ctx, 1); err != nil {
			break
		}
		shard := SyncDepartmentsInput{
			RunID: s.progress.RunID, Provider: s.in.Provider, First: first,
			Last:  min(first+shape.Shard-1, s.positions()),
			Batch: shape.Batch, Batches: shape.Batches, Apply: !s.planning(), Language: s.language,
		}
		wg.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wg.Done()
			defer places.Release(1)
			if err := s.syncShard(ctx, shard); err != nil && failed == nil {
				failed = err
				cancel() // what ends one shard ends them all
			}
		})
	}
	wg.Wait(ctx)
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

func (s *syncOrg) syncShard(ctx workflow.Context, in SyncDepartmentsInput) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: fmt.Sprintf("%s/run/%s/departments-%d-%d", SyncWorkflowID(s.in.Provider), in.RunID,
			in.First, in.Last),
		ParentClosePolicy:   enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		WaitForCancellation: true,
		StaticSummary:       s.summaryOf(in),
		// Neither phase nor outcome: those are the run's, and found with it.
		TypedSearchAttributes: temporal.NewSearchAttributes(s.attributes()...),
	})
	var out SyncDepartmentsResult
	if err := workflow.ExecuteChildWorkflow(ctx, SyncDepartments, in).Get(ctx, &out); err != nil {
		return err
	}
	s.progress.DepartmentsDone += in.Last - in.First + 1
	s.progress.DepartmentsFailed += out.Failed
	s.progress.MembersRead += out.People
	workflow.SetCurrentDetails(ctx, s.details())
	return nil
}

// departmentsByID reads and applies the departments of a run by events, by a look-up each, and
// new ones that its members are in.
func (s *syncOrg) departmentsByID(ctx workflow.Context) error {
	if err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadDepartmentsByID, s.ref()).Get(ctx,
		nil); err != nil {
		return err
	}
	// What is above may be out of sight, which is no trouble of the run.
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.ApplyDepartments,
		activities.ApplyDepartmentsInput{RunID: s.progress.RunID, LimitedRange: true}).Get(ctx, nil)
}

// membersByID reads and applies the people the run is limited to, by a look-up each.
// Those that fail have their reasons on record.
func (s *syncOrg) membersByID(ctx workflow.Context) error {
	if err := s.readMembersByID(ctx); err != nil || s.planning() {
		return err
	}
	return s.applyMembersByID(ctx)
}

func (s *syncOrg) readMembersByID(ctx workflow.Context) error {
	if s.people == 0 {
		return nil
	}
	err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadMembersByID, s.ref()).Get(ctx, nil)
	if err != nil && (ctx.Err() != nil || activities.EndsRun(err)) {
		return err
	}
	return nil
}

func (s *syncOrg) applyMembersByID(ctx workflow.Context) error {
	if s.people == 0 {
		return nil
	}
	return workflow.ExecuteActivity(writeOptions(ctx, s.in.Provider), apply.ApplyMembers,
		activities.BatchInput{RunID: s.progress.RunID, First: 1, Last: s.people}).Get(ctx, nil)
}

// groupsByEvents reads the lists of groups and of administrators that events are about.
func (s *syncOrg) groupsByEvents(ctx workflow.Context) error {
	s.readGroups(ctx, false)
	return s.groupsRead.Get(ctx, nil)
}

// groups reads groups and administrators, and looks up what no listing tells. What of it
// cannot be read is on record, and concerns nothing else.
func (s *syncOrg) groups(ctx workflow.Context) error {
	if s.groupsRead == nil && len(s.in.Departments) == 0 {
		s.readGroups(ctx, false)
	}
	if s.groupsRead != nil {
		if err := s.groupsRead.Get(ctx, nil); err != nil {
			return err
		}
	}
	if !s.visible.Details {
		return nil
	}
	if err := s.enter(ctx, "details"); err != nil {
		return err
	}
	in := activities.ReadDetailsInput{RunID: s.progress.RunID, LimitedRange: s.visible.LimitedRange}
	for read := (activities.ReadDetailsResult{More: true}); read.More; {
		read = activities.ReadDetailsResult{}
		if err := workflow.ExecuteActivity(fetchOptions(ctx, s.in.Provider), reader.ReadDetails, in).Get(ctx,
			&read); err != nil {
			return err
		}
	}
	return nil
}

// summaryOf names a shard by its place in the run's order and the ids at its ends.
func (s *syncOrg) summaryOf(in SyncDepartmentsInput) string {
	summary := fmt.Sprintf("departments %d to %d of %d", in.First, in.Last, s.positions())
	if n := (in.First - 1) / s.tree.Sharding.Shard; n < len(s.tree.Shards) {
		ends := s.tree.Shards[n]
		summary += ": " + ends[0] + " to " + ends[1]
	}
	return summary
}
