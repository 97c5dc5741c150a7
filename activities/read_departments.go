package activities

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

const (
	// parallelCalls is how many departments are asked for their children at a time.
	parallelCalls = 8
	// pendingAtATime is how many are fetched from the completeness record at a time.
	pendingAtATime = 256
	// maxPages is more than any real listing has: the largest company at the
	// smallest page size. What goes on longer is going round in circles.
	maxPages = 100_000
)

// ReadDepartments reads the tree into staging: the roots, then whatever the completeness record
// says is still to be asked, until nothing is. A department that fails for good is
// noted there and the walk goes on; if any may succeed later the activity fails at
// its end, and the next attempt asks only those.
func (a *Reader) ReadDepartments(ctx context.Context, in RunInput) error {
	var failed failures
	err := limitAttempts(ctx, a.readDepartments(ctx, in, &failed), triesOfRun)
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || !application.NonRetryable() {
		return err
	}
	// There is no other attempt, so that each department keeps its own reason.
	for department, reason := range failed.failed {
		if err := a.Store.FailChildren(ctx, in.RunID, department, messageOf(reason)); err != nil {
			return classify(err)
		}
	}
	return err
}

func (a *Reader) readDepartments(ctx context.Context, in RunInput, failed *failures) (err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "departments")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	if err := r.readRoots(ctx); err != nil {
		return err
	}
	meanwhile, err := r.readMembersMeanwhile(ctx)
	if err != nil {
		return err
	}
	defer meanwhile.end()
	for {
		pending, err := a.Store.ListPendingChildren(ctx, in.RunID, pendingAtATime+failed.len())
		if err != nil {
			return err
		}
		pending = slices.DeleteFunc(pending, func(p db.Pending) bool { return failed.has(p.Department) })
		if len(pending) == 0 {
			if failed.len() > 0 {
				return failed.last()
			}
			if more, err := r.rereadDepartments(ctx); err != nil || !more {
				return err
			}
			continue
		}
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(parallelCalls)
		for _, p := range pending {
			group.Go(func() error {
				ended, err := r.readChildren(groupCtx, p, failed)
				if ended {
					meanwhile.add(p)
				}
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
}

// readRoots stages what the walk starts from. Asking again on a retry costs a call or
// two and changes nothing that is staged.
func (r *providerSession) readRoots(ctx context.Context) error {
	retaining, release := provider.RetainAnswer(ctx)
	defer release()
	tops, bad, err := r.client.ListRoots(retaining)
	if err != nil {
		return err
	}
	if len(tops) == 0 {
		return r.problem(provider.Malformed, "no department was returned, not even the root")
	}
	// Where nothing has children to be asked for, this is all of the tree.
	tree := !slices.ContainsFunc(tops, func(top provider.FoundDepartment) bool { return top.ChildrenMethod != "" })
	staged := make([]db.StagedDepartment, len(tops))
	for i, top := range tops {
		staged[i] = stagedDepartment(top, tops[0].ExternalID)
		staged[i].Top = i == 0
		if top.MembersMethod == "" {
			staged[i].MembersVia = tops[0].ExternalID
		}
	}
	missing := 0
	if tree {
		missing = len(bad)
	}
	if err := r.store.StageRoots(ctx, r.runID, staged, missing); err != nil {
		return err
	}
	return r.recordUnusable(ctx, "department", "", bad)
}

// recordUnusable puts on record what could not be used of a listing.
func (r *providerSession) recordUnusable(ctx context.Context, kind, listing string, bad []string) error {
	for _, record := range bad {
		if err := r.store.AddRunError(ctx, r.runID, kind, listing, record); err != nil {
			return err
		}
	}
	return nil
}

// readChildren reads one department's children and reports whether it came to their end. It
// returns only errors that end the reading of the whole tree.
func (r *providerSession) readChildren(ctx context.Context, p db.Pending, failed *failures) (ended bool, err error) {
	err = r.readChildPages(ctx, &p)
	var e *provider.Error
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil, endsRun(err):
		return false, err
	case errors.As(err, &e) && e.Kind == provider.TooLarge && e.Instead != "" && string(e.Instead) != p.Listing:
		// Too much in one piece: ask again in the smaller pieces the client names.
		return false, r.store.RestartChildren(ctx, r.runID, p.Department, string(e.Instead))
	case e.Kind == provider.CursorExpired && p.Cursor != "":
		failed.add(p.Department, err)
		return false, r.store.RestartChildren(ctx, r.runID, p.Department, p.Listing)
	case e.Kind.Retryable():
		failed.add(p.Department, err)
		return false, nil
	default:
		return false, r.store.FailChildren(ctx, r.runID, p.Department, messageOf(err))
	}
}

// readChildPages reads on from where p stands, and p goes with it.
func (r *providerSession) readChildPages(ctx context.Context, p *db.Pending) error {
	retaining, release := provider.RetainAnswer(ctx)
	defer release()
	paging := r.paging("the listing of departments below " + p.Department)
	for !p.Ended() {
		if err := paging.begin(p.Pages); err != nil {
			return err
		}
		page, err := r.client.ListDepartments(retaining,
			provider.Query{Department: p.Department, Method: provider.ListMethod(p.Listing), Cursor: p.Cursor})
		if err != nil {
			return err
		}
		if err := paging.turn(p.Cursor, page.Next, len(page.Departments)+len(page.Bad)); err != nil {
			return err
		}
		staged := make([]db.StagedDepartment, len(page.Departments))
		for i, found := range page.Departments {
			staged[i] = stagedDepartment(found, p.Department)
		}
		if err := r.store.StageDepartments(ctx, db.Page{
			RunID: r.runID, Listing: p.Department, Number: p.Pages, Next: page.Next, Bad: len(page.Bad),
			Request: page.Request,
		}, staged); err != nil {
			return err
		}
		if err := r.recordUnusable(ctx, "department", "below "+p.Department, page.Bad); err != nil {
			return err
		}
		p.Pages, p.Cursor = p.Pages+1, page.Next
	}
	release()
	return r.finishChildren(ctx, *p)
}

// finishChildren asks for a second opinion where fewer departments came back than the
// directory holds: an answer that only looks complete must not remove any. One with
// records that could not be used does not look complete.
func (r *providerSession) finishChildren(ctx context.Context, p db.Pending) error {
	counter, ok := r.client.(provider.ChildCounter)
	if !ok {
		return r.store.FinishChildren(ctx, r.runID, p.Department)
	}
	figures, err := r.store.GetChildFigures(ctx, r.runID, r.provider.ID, p.Department)
	if err != nil {
		return err
	}
	if figures.Read < figures.Stored && figures.Bad == 0 {
		declared, err := counter.CountChildren(ctx, p.Department)
		if err != nil {
			return err
		}
		if declared > figures.Read {
			if err := r.store.RestartChildren(ctx, r.runID, p.Department, p.Listing); err != nil {
				return err
			}
			return r.problem(provider.Malformed, "%d departments were listed below %s, but the provider counts %d",
				figures.Read, p.Department, declared)
		}
	}
	return r.store.FinishChildren(ctx, r.runID, p.Department)
}

func stagedDepartment(found provider.FoundDepartment, via string) db.StagedDepartment {
	d := db.StagedDepartment{
		Department: found.Department, ChildrenMethod: string(found.ChildrenMethod), ChildrenVia: found.ExternalID,
		MembersMethod: string(found.MembersMethod), MembersVia: found.ExternalID,
	}
	if found.ChildrenMethod == "" {
		d.ChildrenVia = via
	}
	if d.Name != nil {
		name := normalize.Name(*d.Name)
		d.Name = &name
	}
	return d
}

// failures collects, over parallel walkers, what may succeed later.
type failures struct {
	mu     sync.Mutex
	failed map[string]error
	latest error
}

func (f *failures) add(department string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed == nil {
		f.failed = map[string]error{}
	}
	f.failed[department], f.latest = err, err
}

func (f *failures) has(department string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed[department] != nil
}

func (f *failures) len() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.failed)
}

func (f *failures) last() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.latest
}

// FinishDepartmentsInput ends the reading of departments.
type FinishDepartmentsInput struct {
	RunID string `json:"run_id"`
	// Problem is why listings that are still open could not be read.
	Problem string `json:"problem,omitempty"`
}

// FinishDepartmentsResult is what reading departments brought.
type FinishDepartmentsResult struct {
	Departments int `json:"departments"`
	// Failed are those that could not be asked for their children.
	Failed int `json:"failed"`
	// Excluded are those whose members the run leaves out.
	Excluded int `json:"excluded,omitempty"`
	// Unchanged are those that were read meanwhile and found unchanged, with how many
	// members: nothing is left to do for them. The others have the positions from 1.
	Unchanged        int `json:"unchanged,omitempty"`
	UnchangedMembers int `json:"unchanged_members,omitempty"`
	// Sharding is how the members of the others are to be read.
	Sharding Sharding `json:"sharding"`
	// Shards are the external ids of each shard's first and last department, for people to
	// see. There are none for more shards than fit a small result.
	Shards [][2]string `json:"shards,omitempty"`
}

// FinishDepartments gives every department that is still to be read or applied its position,
// and limits a targeted run to what it is for.
func (a *Reader) FinishDepartments(ctx context.Context, in FinishDepartmentsInput) (FinishDepartmentsResult, error) {
	finished, err := a.Store.FinishDepartments(ctx, in.RunID, in.Problem)
	if err != nil {
		return FinishDepartmentsResult{}, classify(err)
	}
	p, err := a.Store.Providers.FindByRun(ctx, in.RunID)
	if err != nil {
		return FinishDepartmentsResult{}, classify(err)
	}
	left := finished.Departments - finished.Excluded - finished.Unchanged
	sharding := shardingOf(p.Type, left)
	shards, err := a.shardEnds(ctx, in.RunID, left, sharding.Shard)
	return FinishDepartmentsResult{
		Departments: finished.Departments, Failed: finished.Failed, Excluded: finished.Excluded,
		Unchanged: finished.Unchanged, UnchangedMembers: finished.UnchangedMembers, Sharding: sharding, Shards: shards,
	}, classify(err)
}
