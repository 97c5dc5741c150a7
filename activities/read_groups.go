package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/rules"
)

// listingsAtOnce is how many listings are fetched from Postgres at a time.
const listingsAtOnce = 200

// ReadGroupsInput names a run.
type ReadGroupsInput struct {
	RunID string `json:"run_id"`
	// Meanwhile is true if the run is in another phase.
	Meanwhile bool `json:"meanwhile,omitempty"`
}

// ReadGroups reads groups, what belongs to each of them, and administrators, where the
// provider has such. They are applied once the removals are done (Recompute). A listing that
// fails is on record as incomplete, so that nothing of it is removed. It never fails the run.
func (a *Reader) ReadGroups(ctx context.Context, in ReadGroupsInput) error {
	return limitAttempts(ctx, a.readGroups(ctx, in), triesOfRun)
}

func (a *Reader) readGroups(ctx context.Context, in ReadGroupsInput) (err error) {
	defer heartbeat(ctx)()
	groups, administrators, err := a.Store.ReadsGroups(ctx, in.RunID)
	if err != nil || !groups && !administrators {
		return err
	}
	phase := "groups"
	if in.Meanwhile {
		phase = ""
	}
	r, err := a.open(ctx, in.RunID, phase)
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	rules, err := r.rules()
	if err != nil {
		return err
	}
	scope := rules.Scope
	scope.Groups, scope.Administrators = scope.Groups && groups, scope.Administrators && administrators
	g := &groupReading{providerSession: r, scope: scope, stopped: map[directory.Kind]error{}}
	return g.all(ctx)
}

// groupReading is one attempt to read groups and administrators.
type groupReading struct {
	*providerSession
	// scope says which kinds are read at all. What is stored of the others stays as it is.
	scope  rules.Scope
	buffer listingBuffer
	mu     sync.Mutex
	// empty are listings with nothing in them although something is stored.
	empty []listing
	// later are listings that failed and may succeed with another attempt, failed those that
	// have failed for good.
	later, failed failures
	// stopped is why no more listings of a kind are asked for.
	stopped map[directory.Kind]error
}

// listing names a listing of the run.
type listing struct {
	kind directory.Kind
	id   string
}

// pageReader reads one page of a listing and returns it for staging.
type pageReader func(ctx context.Context, l db.OpenListing) (page db.ListingPage, end pageEnd, err error)

// pageEnd is how a page ends.
type pageEnd struct {
	// truncated: the provider says that it does not list all.
	truncated bool
	// list: the next page begins another list, which may be empty.
	list bool
}

// all reads every listing. Those that are empty although something is stored are asked for
// once more at the end.
func (g *groupReading) all(ctx context.Context) error {
	steps := g.steps()
	for _, step := range steps {
		if step.list {
			if err := g.store.BeginListing(ctx, g.runID, step.kind); err != nil {
				return err
			}
		}
	}
	for {
		for _, step := range steps {
			if err := g.read(ctx, step.kind, step.page); err != nil {
				return err
			}
		}
		if len(g.empty) == 0 {
			if err := g.later.last(); err != nil {
				return err
			}
			return g.verifyRange(ctx)
		}
		for _, l := range g.empty {
			if err := g.store.RestartListing(ctx, g.runID, l.kind, l.id, true); err != nil {
				return err
			}
		}
		g.empty = nil
	}
}

// verifyRange reads the visible range once more where something would be removed for what the
// listings show. One that has shrunk since the run began, or, where that reads what events are
// about, since the last run of the whole company, hides members, so that they prove nothing then.
func (g *groupReading) verifyRange(ctx context.Context) error {
	lack, err := g.store.LacksGroups(ctx, g.runID)
	if err != nil || !lack {
		return err
	}
	recorded, applied, err := g.store.GetVisibleRanges(ctx, g.runID)
	if len(recorded) == 0 {
		recorded = applied
	}
	if err != nil || len(recorded) == 0 {
		return err
	}
	var before provider.VisibleRange
	if err := json.Unmarshal(recorded, &before); err != nil {
		return fmt.Errorf("stored visible range: %w", err)
	}
	report, err := g.client.Check(ctx)
	switch kind := provider.KindOf(err); {
	case err == nil && len(report.Range.Lost(before)) == 0:
		return nil
	case err == nil:
		return g.store.DisregardListings(ctx, g.runID, "the visible range has shrunk while they were read")
	case kind == "" || kind.Retryable() && failuresSoFar(ctx)+1 < triesOfRun:
		return err
	}
	return g.store.DisregardListings(ctx, g.runID, "the visible range could not be read again: "+messageOf(err))
}

// groupStep is how the listings of one kind are read.
type groupStep struct {
	kind directory.Kind
	// list: there is one listing of all; else other listings name them.
	list bool
	page pageReader
}

// steps are what the provider's client can read, in the order in which it is read.
func (g *groupReading) steps() (steps []groupStep) {
	if client, ok := g.client.(provider.GroupReader); ok && g.scope.Groups {
		steps = append(steps,
			groupStep{directory.KindGroup, true, g.groups(client)},
			groupStep{directory.KindGroupMembership, false, g.groupMembers(client)})
	}
	if client, ok := g.client.(provider.AdministratorReader); ok && g.scope.Administrators {
		steps = append(steps, groupStep{directory.KindAdministrator, true, g.administrators(client)})
	}
	return steps
}

// read reads all open listings of a kind, a few at a time. The error returned is one that
// concerns more than one listing.
func (g *groupReading) read(ctx context.Context, kind directory.Kind, page pageReader) error {
	for after := ""; ; {
		open, err := g.store.ListOpenListings(ctx, g.runID, kind, after, listingsAtOnce)
		if err != nil || len(open) == 0 {
			return err
		}
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(min(parallelCalls, g.provider.Type.Traits().ParallelReads))
		for _, l := range open {
			group.Go(func() error { return g.listing(groupCtx, kind, l, page) })
		}
		if err := cmp.Or(group.Wait(), g.flush(ctx, kind)); err != nil {
			return err
		}
		if g.later.len() >= parallelCalls { // the provider, rather than a group, is in trouble
			return g.later.last()
		}
		if after = open[len(open)-1].ExternalID; after == "" {
			return nil
		}
	}
}

// listing reads one listing to its end, or puts on record why that failed.
func (g *groupReading) listing(ctx context.Context, kind directory.Kind, l db.OpenListing, read pageReader) error {
	if err := g.stop(kind, nil); err != nil {
		return g.fail(ctx, kind, l, err)
	}
	end, err := g.pages(ctx, kind, &l, read)
	if provider.KindOf(err) == provider.CursorExpired && l.Pages > 0 {
		if err := g.flush(ctx, kind); err != nil {
			return err
		}
		if err := g.store.RestartListing(ctx, g.runID, kind, l.ExternalID, false); err != nil {
			return err
		}
		l.Cursor, l.Pages = "", 0
		end, err = g.pages(ctx, kind, &l, read)
	}
	var e *provider.Error
	switch {
	case err == nil && end.truncated:
		return g.note(ctx, kind, l, "the provider does not list all of them", true)
	case err == nil && end.promised && !l.AskedTwice:
		g.askAgain(kind, l.ExternalID)
		return nil
	case err == nil:
		g.ended(l.ExternalID)
		return nil
	case ctx.Err() != nil, !errors.As(err, &e), e.Kind == provider.RateLimited:
		return err
	case e.Kind.Retryable() && failuresSoFar(ctx)+1 < triesOfRun:
		g.later.add(cmp.Or(l.ExternalID, string(kind)), err)
		return nil
	case e.Kind.EndsRun(): // every further call would meet it
		g.stop(kind, err)
	case e.Kind.Retryable():
		if g.failed.add(l.ExternalID, err); g.failed.len() >= parallelCalls { // the provider is in trouble
			g.stop(kind, err)
		}
	}
	return g.fail(ctx, kind, l, err)
}

func (g *groupReading) askAgain(kind directory.Kind, ids ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range ids {
		g.empty = append(g.empty, listing{kind, id})
	}
}

// stop keeps, if there is one, why no more listings of a kind are to be asked for, and
// returns what is known of that.
func (g *groupReading) stop(kind directory.Kind, why error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if why != nil {
		g.stopped[kind] = why
	}
	return g.stopped[kind]
}

func (g *groupReading) fail(ctx context.Context, kind directory.Kind, l db.OpenListing, err error) error {
	return g.note(ctx, kind, l, messageOf(err), provider.KindOf(err) == provider.Forbidden)
}

// note puts on record why a listing was not read to its end, behind what was read of it.
func (g *groupReading) note(ctx context.Context, kind directory.Kind, l db.OpenListing, problem string,
	tolerated bool) error {
	if err := g.flush(ctx, kind); err != nil {
		return err
	}
	return g.store.FailListing(ctx, g.runID, kind, l.ExternalID, problem, tolerated)
}

// listingEnd is how a listing came to its end.
type listingEnd struct {
	// truncated: the provider says that it does not list all.
	truncated bool
	// promised: the last page of a list has nothing although the one before promised more.
	promised bool
}

// pages reads on from where the listing stands, and l goes with it.
func (g *groupReading) pages(ctx context.Context, kind directory.Kind, l *db.OpenListing,
	read pageReader) (end listingEnd, err error) {
	name := "the list of " + kind.String() + "s"
	if l.ExternalID != "" {
		name = "the listing of group " + l.ExternalID
	}
	paging, promises := g.paging(name), l.Pages > 0
	for l.Pages == 0 || l.Cursor != "" {
		if err := paging.begin(l.Pages); err != nil {
			return end, err
		}
		page, last, err := read(ctx, *l)
		if err != nil {
			return end, err
		}
		if err := paging.turn(l.Cursor, page.Next, page.Records()); err != nil {
			return end, err
		}
		page.ExternalID, page.Number = l.ExternalID, l.Pages
		if err := g.add(ctx, kind, page); err != nil {
			return end, err
		}
		end.truncated = end.truncated || last.truncated
		if page.Records() == 0 && promises && (last.list || page.Next == "") {
			end.promised = true
		}
		promises = !last.list
		l.Pages, l.Cursor = l.Pages+1, page.Next
	}
	return end, nil
}

func (g *groupReading) groups(client provider.GroupReader) pageReader {
	return func(ctx context.Context, l db.OpenListing) (db.ListingPage, pageEnd, error) {
		page, err := client.ListGroups(ctx, l.Cursor)
		if err != nil {
			return db.ListingPage{}, pageEnd{}, err
		}
		out := db.ListingPage{Next: page.Next, Bad: len(page.Bad), Request: page.Request}
		for _, found := range page.Groups {
			out.Groups = append(out.Groups, normalize.Group(found.Group))
			out.Methods = append(out.Methods, string(found.MembersMethod))
		}
		return out, pageEnd{list: page.EndsList}, g.recordUnusable(ctx, "warning", "groups", page.Bad)
	}
}

func (g *groupReading) groupMembers(client provider.GroupReader) pageReader {
	return func(ctx context.Context, l db.OpenListing) (db.ListingPage, pageEnd, error) {
		page, err := client.ListGroupMembers(ctx, provider.GroupQuery{
			Group: l.ExternalID, Method: provider.ListMethod(l.Method), Cursor: l.Cursor,
		})
		if err != nil {
			return db.ListingPage{}, pageEnd{}, err
		}
		return db.ListingPage{
			Next: page.Next, Bad: len(page.Bad), Request: page.Request, Members: page.Members,
			Departments: page.Departments,
		}, pageEnd{list: page.EndsList}, g.recordUnusable(ctx, "warning", "group "+l.ExternalID, page.Bad)
	}
}

func (g *groupReading) administrators(client provider.AdministratorReader) pageReader {
	return func(ctx context.Context, l db.OpenListing) (db.ListingPage, pageEnd, error) {
		page, err := client.ListAdministrators(ctx, l.Cursor)
		if err != nil {
			return db.ListingPage{}, pageEnd{}, err
		}
		return db.ListingPage{
			Next: page.Next, Bad: len(page.Bad), Request: page.Request, Administrators: page.Administrators,
		}, pageEnd{truncated: page.Truncated}, g.recordUnusable(ctx, "warning", "administrators", page.Bad)
	}
}
