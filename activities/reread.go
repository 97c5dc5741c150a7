package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// What a complete run of the whole company missed and could not confirm as gone is a
// candidate for removal. The next such run asks about it first, and places members who are
// there all the same by their own record, like a listing.

// comparableRuns returns the earlier runs that missed something and could see no more than the
// present one: only of those it is certain that what they missed is missed again.
func comparableRuns(ctx context.Context, store *db.Store, runID string) ([]string, error) {
	found, err := store.ListCandidateRuns(ctx, runID)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	now, _, err := store.GetVisibleRanges(ctx, runID)
	if err != nil || len(now) == 0 {
		return nil, err
	}
	var visible provider.VisibleRange
	if err := json.Unmarshal(now, &visible); err != nil {
		return nil, fmt.Errorf("stored visible range: %w", err)
	}
	var out []string
	for _, run := range found {
		var then provider.VisibleRange
		if len(run.Range) == 0 || json.Unmarshal(run.Range, &then) != nil {
			continue
		}
		if len(visible.Lost(then)) == 0 {
			out = append(out, run.ID)
		}
	}
	return out, nil
}

// rereadMembers reads the people whom these earlier runs missed, each by themselves. Of whom
// no record is to be had nothing is said here: if they are missed again they are looked up
// as any member is.
func (a *Reconcile) rereadMembers(ctx context.Context, runID string, earlier []string) (err error) {
	if len(earlier) == 0 {
		return nil
	}
	if read, err := a.Store.HasReadEverything(ctx, runID); err != nil || !read {
		return err
	}
	r, err := a.Reader.open(ctx, runID, "removals")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	reader, ok := r.client.(provider.MemberReader)
	if !ok {
		return nil
	}
	c := candidateCheck{providerSession: r, tries: triesOfRun}
	var later error
	for after := ""; ; {
		known, err := a.Store.ListCandidatesOf(ctx, runID, "member", earlier, after, candidatesAtOnce)
		if err != nil {
			return err
		}
		if len(known) == 0 {
			break
		}
		after = known[len(known)-1].ID
		failed, err := c.readRecords(ctx, reader, known)
		later = cmp.Or(failed, later)
		if err != nil {
			return err
		}
	}
	return cmp.Or(later, a.Store.ApplyReread(ctx, runID))
}

// readRecords stages those of the people who are there. It returns what another attempt
// may mend.
func (c candidateCheck) readRecords(ctx context.Context, reader provider.MemberReader,
	people []db.Candidate) (later, ended error) {
	pages, results, failed := make([]*db.MemberPage, len(people)), make([]db.LookupResult, len(people)), make([]error,
		len(people))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	for i, d := range people {
		group.Go(func() error {
			var err error
			pages[i], results[i], err = c.record(groupCtx, reader, d)
			if err != nil && concernsRun(groupCtx, err) {
				return err
			}
			failed[i] = err
			return nil
		})
	}
	ended = group.Wait()
	var staged []db.MemberPage
	known := map[string]db.LookupResult{}
	for i, d := range people {
		if pages[i] != nil {
			staged = append(staged, *pages[i])
		}
		if results[i] != "" {
			known[d.ID] = results[i]
		}
		if failed[i] != nil && c.shouldRetry(ctx, failed[i]) {
			later = failed[i]
		}
	}
	if _, err := c.store.StageMembers(ctx, staged...); err != nil {
		return later, cmp.Or(ended, err)
	}
	return later, cmp.Or(ended, c.store.RecordLookups(ctx, c.stage, c.runID, "member", known))
}

// record reads one person. A record that says nothing of departments leaves them where
// they are. What else than that they are there, gone or out of sight can be learnt, a
// look-up of its own tells.
func (c candidateCheck) record(ctx context.Context, reader provider.MemberReader,
	d db.Candidate) (*db.MemberPage, db.LookupResult, error) {
	person, gone, err := reader.ReadMember(ctx,
		provider.MemberRef{ExternalID: d.ExternalID, OpenID: d.OpenID, UnionID: d.UnionID})
	switch {
	case provider.KindOf(err) == provider.OutOfRange:
		return nil, db.LookupNotVisible, nil
	case err != nil:
		return nil, "", err
	case gone:
		return nil, db.LookupNotFound, nil
	case d.UnionID != "" && person.UnionID != "" && person.UnionID != d.UnionID:
		return nil, db.LookupIDReused, nil
	}
	if person.Memberships == nil {
		stored, err := c.store.ListMemberDepartments(ctx, c.provider, d.ExternalID, d.UnionID)
		if err != nil {
			return nil, "", err
		}
		person.Memberships = []directory.Membership{}
		for _, department := range stored {
			person.Memberships = append(person.Memberships, directory.Membership{DepartmentID: department})
		}
	}
	members := c.stagedMembers([]directory.Member{person})
	if _, err := c.applyRules(ctx, members); err != nil {
		return nil, "", err
	}
	return &db.MemberPage{
		Page: db.Page{RunID: c.runID, Listing: db.SingleListing(d.ExternalID)}, People: members,
	}, db.LookupExists, nil
}

// rereadDepartments reads by themselves the departments that earlier runs missed and this
// one's tree does not show either, and reports whether one of them is there: what is below
// it, and its people, are then read like others'.
func (r *providerSession) rereadDepartments(ctx context.Context) (found bool, err error) {
	reader, ok := r.client.(provider.DepartmentReader)
	if !ok {
		return false, nil
	}
	earlier, err := comparableRuns(ctx, r.store, r.runID)
	if err != nil || len(earlier) == 0 {
		return false, err
	}
	for after := ""; ; {
		known, err := r.store.ListCandidatesOf(ctx, r.runID, "department", earlier, after, candidatesAtOnce)
		if err != nil || len(known) == 0 {
			return found, err
		}
		after = known[len(known)-1].ID
		for _, d := range known {
			department, err := reader.ReadDepartment(ctx, d.ExternalID)
			var e *provider.Error
			switch {
			case err == nil:
			case errors.As(err, &e) && !e.Kind.EndsRun() && ctx.Err() == nil:
				continue // once more, when its removal is planned
			default:
				return found, err
			}
			if err := r.store.StageReread(ctx, r.runID, d.ID,
				stagedDepartment(department, department.ExternalID)); err != nil {
				return found, err
			}
			found = true
		}
	}
}
