package activities

import (
	"context"
	"errors"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
	"github.com/orgsync/orgsync/internal/provider"
)

// ownMembers is the listing of the people directly in a department, by the name
// that all clients give it; only of such a listing a second opinion can be had, and
// only such a one can be unchanged.
const ownMembers = "department"

// ReadMembersResult is what a batch brought.
type ReadMembersResult struct {
	// Failed are the positions of departments that could not be read and may be tried
	// again on their own.
	Failed []int `json:"failed,omitempty"`
	// Read is how many departments were found to be read to the end.
	Read int `json:"read"`
	// People is how many people the batch's departments list that have been read to
	// the end, by this attempt or one before. Who is in several counts in each.
	People int `json:"people,omitempty"`
	// Unchanged is true if all of it is what it was when last applied, so that nothing
	// is left to apply.
	Unchanged bool `json:"unchanged,omitempty"`
}

// ReadMembers reads the people of a range of departments into staging, department by
// department. One that fails leaves the batch: it is noted in the completeness record and
// reported, the others go on. What concerns the run as a whole (credentials,
// throttling, a provider that is down) fails the activity, whose next attempt goes
// on where this one stopped.
func (a *Reader) ReadMembers(ctx context.Context, in BatchInput) (ReadMembersResult, error) {
	out, err := a.readMembers(ctx, in)
	return out, limitAttempts(ctx, err, triesOfBatch)
}

func (a *Reader) readMembers(ctx context.Context, in BatchInput) (out ReadMembersResult, err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "members")
	if err != nil {
		return out, err
	}
	defer r.countCalls(ctx)(&err)
	pending, err := a.Store.ListPendingMembers(ctx, in.RunID, in.First, in.Last)
	if err != nil {
		return out, err
	}
	buffer := r.newMemberBuffer()
	if err := buffer.read(ctx, pending); err != nil {
		buffer.flushBestEffort(ctx)
		return out, err
	}
	out.Read = buffer.complete
	for _, p := range pending {
		err, ok := buffer.failed[p.Department]
		if !ok {
			continue
		}
		if err := a.Store.FailMembers(ctx, in.RunID, p.Department, messageOf(err), nil); err != nil {
			return out, err
		}
		if provider.KindOf(err).Retryable() {
			position, err := a.Store.GetPosition(ctx, in.RunID, p.Department)
			if err != nil {
				return out, err
			}
			out.Failed = append(out.Failed, position)
		}
	}
	out.People, out.Unchanged, err = a.Store.CountMembersRead(ctx, in.RunID, in.First, in.Last)
	return out, err
}

// read reads departments one after the other. Those that fail are in the buffer; the
// error returned is one that concerns the run as a whole.
func (s *memberBuffer) read(ctx context.Context, pending []db.Pending) error {
	row := 0
	for _, p := range pending {
		if s.isStopped() {
			return errStopped
		}
		err := s.readListing(ctx, p)
		switch {
		case err == nil:
			row = 0
			continue
		case concernsRun(ctx, err):
			return err
		}
		s.failed[p.Department] = err
		if provider.KindOf(err) != provider.Unavailable || provider.IsUnknown(err) {
			row = 0
		} else if row++; row >= maxUnavailableInRow {
			return err
		}
	}
	return s.flush(ctx)
}

// DepartmentInput names one department of a run by its position.
type DepartmentInput struct {
	RunID    string `json:"run_id"`
	Position int    `json:"position"`
}

// ReadDepartmentMembersResult is what one department brought.
type ReadDepartmentMembersResult struct {
	// People is how many people it lists.
	People int `json:"people,omitempty"`
}

// ReadDepartmentMembers reads the people of one department that left its batch, with
// retries of its own. Each attempt that fails notes why in the completeness record, so that the
// last one's reason stands there.
func (a *Reader) ReadDepartmentMembers(ctx context.Context, in DepartmentInput) (ReadDepartmentMembersResult, error) {
	err := limitAttempts(ctx, a.readDepartmentMembers(ctx, in), triesOfDepartment)
	if err != nil {
		return ReadDepartmentMembersResult{}, err
	}
	people, _, err := a.Store.CountMembersRead(ctx, in.RunID, in.Position, in.Position)
	return ReadDepartmentMembersResult{People: people}, classify(err)
}

func (a *Reader) readDepartmentMembers(ctx context.Context, in DepartmentInput) (err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "members")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	if err := a.Store.ReopenMembers(ctx, in.RunID, in.Position); err != nil {
		return err
	}
	pending, err := a.Store.ListPendingMembers(ctx, in.RunID, in.Position, in.Position)
	if err != nil || len(pending) == 0 {
		return err
	}
	buffer := r.newMemberBuffer()
	failure := buffer.read(ctx, pending)
	if failure == nil {
		failure = buffer.failed[pending[0].Department]
	} else {
		buffer.flushBestEffort(ctx)
	}
	if failure == nil || ctx.Err() != nil {
		return failure
	}
	if err := a.Store.FailMembers(ctx, in.RunID, pending[0].Department, messageOf(failure), nil); err != nil {
		return err
	}
	return failure
}

// FailMembersInput says why a range of departments stays unread.
type FailMembersInput struct {
	BatchInput
	Problem string `json:"problem"`
}

// FailMembers notes the reason for whatever of the range is still open.
func (a *Reader) FailMembers(ctx context.Context, in FailMembersInput) error {
	_, err := a.Store.FailMembersBetween(ctx, in.RunID, in.First, in.Last, in.Problem)
	return classify(err)
}

// readListing reads one department's listing from where it stopped to its end.
func (s *memberBuffer) readListing(ctx context.Context, p db.Pending) error {
	err := s.readPages(ctx, &p)
	if provider.KindOf(err) == provider.CursorExpired && p.Pages > 0 {
		// The page token is no longer good: once more from the start.
		if err := s.store.RestartMembers(ctx, s.runID, p.Department); err != nil {
			return err
		}
		p.Cursor, p.Pages = "", 0
		err = s.readPages(ctx, &p)
	}
	if err != nil {
		return err
	}
	return s.finish(ctx, p)
}

func (s *memberBuffer) readPages(ctx context.Context, p *db.Pending) error {
	retaining, release := provider.RetainAnswer(ctx)
	defer release()
	paging := s.paging("the listing of people in department " + p.Department)
	for !p.Ended() {
		if err := paging.begin(p.Pages); err != nil {
			return err
		}
		page, err := s.client.ListDepartmentMembers(retaining,
			provider.Query{Department: p.Department, Method: provider.ListMethod(p.Listing), Cursor: p.Cursor})
		if err != nil {
			return err
		}
		if err := paging.turn(p.Cursor, page.Next, len(page.Members)+len(page.Bad)); err != nil {
			return err
		}
		people := s.stagedMembers(page.Members)
		hashed := p.Listing == ownMembers
		if hashed {
			if err := hashRecords(people); err != nil {
				return err
			}
		}
		failed, err := s.applyRules(ctx, people)
		if err != nil {
			return err
		}
		hashed = hashed && !failed
		if err := s.add(ctx, db.MemberPage{
			Page: db.Page{
				RunID: s.runID, Listing: p.Department, Number: p.Pages, Next: page.Next, Bad: len(page.Bad),
				Request: page.Request,
			},
			People: people, Hashed: hashed,
		}); err != nil {
			return err
		}
		if err := s.recordUnusable(ctx, "member", "of department "+p.Department, page.Bad); err != nil {
			return err
		}
		p.Pages, p.Cursor = p.Pages+1, page.Next
		if !p.Ended() && s.isStopped() {
			return errStopped
		}
	}
	return nil
}

// errStopped ends reading that others are to go on with.
var errStopped = errors.New("stopped")

func (s *memberBuffer) isStopped() bool { return s.stopped != nil && s.stopped() }

// declared is the provider's own count of the people directly in a department, nil if
// it does not say. Asking costs a call, so it is asked only where something is at stake.
func (r *providerSession) declared(ctx context.Context, p db.Pending, f db.Figures) (*int, error) {
	if f.Declared != nil && f.Leaf {
		return f.Declared, nil
	}
	counter, ok := r.client.(provider.MemberCounter)
	if !ok || p.Listing != ownMembers || f.Read >= f.Stored || f.Bad > 0 {
		return nil, nil
	}
	n, err := counter.CountMembers(ctx, p.Department)
	var e *provider.Error
	if errors.As(err, &e) && !e.Kind.Retryable() && !e.Kind.EndsRun() {
		return nil, nil // the call does not serve here; the listing stands
	}
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// stagedMembers normalises people and writes their names in Latin letters.
func (r *providerSession) stagedMembers(people []directory.Member) []db.StagedMember {
	out := make([]db.StagedMember, len(people))
	for i, m := range people {
		out[i] = db.StagedMember{Member: normalize.Member(m), Key: r.provider.MemberKey(m.ExternalID)}
		transliterate(&out[i])
	}
	return out
}
