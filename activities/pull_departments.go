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
	// walkers is how many departments are asked for their children at a time.
	walkers = 8
	// walkRound is how many are fetched from the ledger at a time.
	walkRound = 256
	// maxPages is more than any real listing has: the largest company at the
	// smallest page size. What goes on longer is going round in circles.
	maxPages = 100_000
)

// PullDepartments reads the tree into staging: the roots, then whatever the ledger
// says is still to be asked, until nothing is. A department that fails for good is
// noted there and the walk goes on; if any may succeed later the activity fails at
// its end, and the next attempt asks only those.
func (a *Pull) PullDepartments(ctx context.Context, in RunRef) error {
	var failed failures
	err := giveUp(ctx, a.pullDepartments(ctx, in, &failed), triesOfRun)
	var application *temporal.ApplicationError
	if !errors.As(err, &application) || !application.NonRetryable() {
		return err
	}
	// Nobody asks again, so that each department keeps its own reason.
	for department, reason := range failed.failed {
		if err := a.Store.WalkFail(ctx, in.RunID, department, textOf(reason)); err != nil {
			return classify(err)
		}
	}
	return err
}

func (a *Pull) pullDepartments(ctx context.Context, in RunRef, failed *failures) (err error) {
	defer beat(ctx)()
	r, err := a.open(ctx, in.RunID, "departments")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	if err := r.roots(ctx); err != nil {
		return err
	}
	for {
		pending, err := a.Store.WalkNext(ctx, in.RunID, walkRound+failed.len())
		if err != nil {
			return err
		}
		pending = slices.DeleteFunc(pending, func(p db.Pending) bool { return failed.has(p.Department) })
		if len(pending) == 0 {
			if failed.len() > 0 {
				return failed.last()
			}
			if more, err := r.departmentsApart(ctx); err != nil || !more {
				return err
			}
			continue
		}
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(walkers)
		for _, p := range pending {
			group.Go(func() error { return r.walk(groupCtx, p, failed) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
}

// roots stages what the walk starts from. Asking again on a retry costs a call or
// two and changes nothing that is staged.
func (r *reading) roots(ctx context.Context) error {
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
	return r.noteBad(ctx, "department", "", bad)
}

// noteBad puts on record what could not be used of a listing.
func (r *reading) noteBad(ctx context.Context, kind, listing string, bad []string) error {
	for _, record := range bad {
		if err := r.store.AddRunError(ctx, r.runID, kind, listing, record); err != nil {
			return err
		}
	}
	return nil
}

// walk reads one department's children to the end and returns only errors that end
// the whole walk.
func (r *reading) walk(ctx context.Context, p db.Pending, failed *failures) error {
	err := r.children(ctx, &p)
	var e *provider.Error
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, endsRun(err):
		return err
	case errors.As(err, &e) && e.Kind == provider.TooLarge && e.Instead != "" && string(e.Instead) != p.Listing:
		// Too much in one piece: ask again in the smaller pieces the client names.
		if err := r.store.WalkRestart(ctx, r.runID, p.Department, string(e.Instead)); err != nil {
			return err
		}
		return nil
	case e.Kind == provider.CursorExpired && p.Cursor != "":
		if err := r.store.WalkRestart(ctx, r.runID, p.Department, p.Listing); err != nil {
			return err
		}
		failed.add(p.Department, err)
		return nil
	case e.Kind.Retryable():
		failed.add(p.Department, err)
		return nil
	default:
		return r.store.WalkFail(ctx, r.runID, p.Department, textOf(err))
	}
}

// children reads on from where p stands, and p goes with it.
func (r *reading) children(ctx context.Context, p *db.Pending) error {
	retaining, release := provider.RetainAnswer(ctx)
	defer release()
	paging := r.paging("the listing of departments below " + p.Department)
	for !p.Ended() {
		if err := paging.begin(p.Pages); err != nil {
			return err
		}
		page, err := r.client.ListDepartments(retaining, provider.Query{Department: p.Department, Method: provider.ListMethod(p.Listing), Cursor: p.Cursor})
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
			RunID: r.runID, Listing: p.Department, Number: p.Pages, Next: page.Next, Bad: len(page.Bad), Request: page.Request,
		}, staged); err != nil {
			return err
		}
		if err := r.noteBad(ctx, "department", "below "+p.Department, page.Bad); err != nil {
			return err
		}
		p.Pages, p.Cursor = p.Pages+1, page.Next
	}
	release()
	return r.endChildren(ctx, *p)
}

// endChildren asks for a second opinion where fewer departments came back than the
// directory holds: an answer that only looks complete must not remove any. One with
// records that could not be used does not look complete.
func (r *reading) endChildren(ctx context.Context, p db.Pending) error {
	counter, ok := r.client.(provider.ChildCounter)
	if !ok {
		return r.store.WalkEnd(ctx, r.runID, p.Department)
	}
	figures, err := r.store.ChildFigures(ctx, r.runID, r.provider.ID, p.Department)
	if err != nil {
		return err
	}
	if figures.Read < figures.Stored && figures.Bad == 0 {
		declared, err := counter.CountChildren(ctx, p.Department)
		if err != nil {
			return err
		}
		if declared > figures.Read {
			if err := r.store.WalkRestart(ctx, r.runID, p.Department, p.Listing); err != nil {
				return err
			}
			return r.problem(provider.Malformed, "%d departments were listed below %s, but the provider counts %d", figures.Read, p.Department, declared)
		}
	}
	return r.store.WalkEnd(ctx, r.runID, p.Department)
}

func stagedDepartment(found provider.FoundDepartment, via string) db.StagedDepartment {
	d := db.StagedDepartment{
		Department: found.Department, ChildrenListing: string(found.ChildrenMethod), ChildrenVia: found.ExternalID,
		MembersListing: string(found.MembersMethod), MembersVia: found.ExternalID,
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

// SealDepartments ends the reading of departments.
type SealDepartments struct {
	RunID string `json:"run_id"`
	// Problem is why listings that are still open could not be read.
	Problem string `json:"problem,omitempty"`
}

// SealedDepartments is what reading departments brought.
type SealedDepartments struct {
	Departments int `json:"departments"`
	// Failed are those that could not be asked for their children.
	Failed int `json:"failed"`
	// Shape is how their people are to be read.
	Shape Shape `json:"shape"`
	// Slices are the external ids of each slice's first and last department, for
	// people. There are none for more slices than fit a small result.
	Slices [][2]string `json:"slices,omitempty"`
	// Skipped are those whose people a targeted run leaves out; they come last.
	Skipped int `json:"skipped,omitempty"`
}

// SealDepartments gives every department its place in the run's order and limits a
// targeted run to what it is for.
func (a *Pull) SealDepartments(ctx context.Context, in SealDepartments) (SealedDepartments, error) {
	sealed, err := a.Store.WalkSeal(ctx, in.RunID, in.Problem)
	if err != nil {
		return SealedDepartments{}, classify(err)
	}
	p, err := a.Store.Providers.FindByRun(ctx, in.RunID)
	if err != nil {
		return SealedDepartments{}, classify(err)
	}
	wanted := sealed.Departments - sealed.Skipped
	shape := shapeOf(p.Type, wanted)
	slices, err := a.sliceEnds(ctx, in.RunID, wanted, shape.Slice)
	return SealedDepartments{
		Departments: sealed.Departments, Failed: sealed.Failed, Skipped: sealed.Skipped, Shape: shape, Slices: slices,
	}, classify(err)
}
