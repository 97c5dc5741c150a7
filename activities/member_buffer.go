package activities

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/provider"
)

// maxBufferedMembers is how many people are kept back at most before they are written: about
// ten full pages of the smallest page size, so that a crash costs little.
const maxBufferedMembers = 500

// maxBufferedBytes is how much their raw records may take: records that are so large that few
// fill it are written soon.
const maxBufferedBytes = 1 << 20

// memberBuffer keeps back the last pages of listings, which in small departments are the only
// ones, so that many departments share one transaction and one comparison of figures.
// A page that is followed by another is written at once with all that is kept back:
// long listings go on after a crash at the page after the last.
type memberBuffer struct {
	*providerSession
	// stopped, if set, says whether to stop before the next page.
	stopped func() bool
	pages   []db.MemberPage
	rows    int
	bytes   int
	// ended are the departments whose listing was read to the end and that wait for a
	// verdict.
	ended []db.Pending
	// verified are those among them that need no verdict: what was listed is what it was when
	// last applied, or no figure can speak against it.
	verified map[string]bool
	// figures are what is known already of others.
	figures map[string]db.Figures
	// complete is how many of them were found complete.
	complete int
	// failed are those whose listing the provider's own figures contradict, or that
	// could not be read at all.
	failed map[string]error
}

func (r *providerSession) newMemberBuffer() *memberBuffer {
	return &memberBuffer{providerSession: r, verified: map[string]bool{}, figures: map[string]db.Figures{},
		failed: map[string]error{}}
}

// add takes a page. It must not be used again.
func (s *memberBuffer) add(ctx context.Context, p db.MemberPage) error {
	s.pages = append(s.pages, p)
	s.rows += len(p.People)
	for _, person := range p.People {
		s.bytes += len(person.Raw)
	}
	if p.Next != "" || s.rows >= maxBufferedMembers || s.bytes >= maxBufferedBytes {
		return s.writePages(ctx)
	}
	return nil
}

// finish takes a department whose last page was put.
func (s *memberBuffer) finish(ctx context.Context, p db.Pending) error {
	s.ended = append(s.ended, p)
	if len(s.pages) > 0 {
		return nil
	}
	return s.verify(ctx)
}

// writePages writes the pages.
func (s *memberBuffer) writePages(ctx context.Context) error {
	staged, err := s.store.StageMembers(ctx, s.pages...)
	if err != nil {
		return err
	}
	for _, department := range slices.Concat(staged.Unchanged, staged.Full) {
		s.verified[department] = true
	}
	maps.Copy(s.figures, staged.Figures)
	s.pages, s.rows, s.bytes = nil, 0, 0
	return nil
}

// flush writes what is kept back and judges the departments that ended.
func (s *memberBuffer) flush(ctx context.Context) error {
	if err := s.writePages(ctx); err != nil {
		return err
	}
	return s.verify(ctx)
}

// flushTimeout is how long writing what was read may take when the activity has to stop.
const flushTimeout = 5 * time.Second

// flushBestEffort writes what was read by an activity that ends early. That it could not be
// written costs reading it again, nothing else.
func (s *memberBuffer) flushBestEffort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	_ = s.writePages(ctx)
}

// verify compares what was read with what the provider itself counts where a listing
// ended with fewer people than the directory holds: an answer that only looks
// complete must not remove members.
func (s *memberBuffer) verify(ctx context.Context) error {
	ended := len(s.ended)
	s.ended = slices.DeleteFunc(s.ended, func(p db.Pending) bool { return s.verified[p.Department] })
	s.complete += ended - len(s.ended)
	if len(s.ended) == 0 {
		return nil
	}
	var unknown []string
	for _, p := range s.ended {
		if _, ok := s.figures[p.Department]; !ok {
			unknown = append(unknown, p.Department)
		}
	}
	figures, err := s.store.GetMemberFigures(ctx, s.runID, s.provider.ID, unknown)
	if err != nil {
		return err
	}
	maps.Copy(s.figures, figures)
	var complete []db.FinishedListing
	for _, p := range s.ended {
		declared, err := s.checkCount(ctx, p, s.figures[p.Department])
		switch {
		case err == nil:
			complete = append(complete, db.FinishedListing{Department: p.Department, Declared: declared})
		case concernsRun(ctx, err):
			return err
		default:
			s.failed[p.Department] = err
		}
	}
	s.ended = nil
	s.complete += len(complete)
	return s.store.FinishMembers(ctx, s.runID, complete...)
}

// checkCount returns the head count that the provider declares, or why the listing is
// not to be believed; it is then read again from its start. One with records that could
// not be used is incomplete whatever is counted.
func (s *memberBuffer) checkCount(ctx context.Context, p db.Pending, f db.Figures) (*int, error) {
	declared, err := s.declared(ctx, p, f)
	if err != nil {
		return nil, err
	}
	if declared != nil && *declared > f.Read && f.Read < f.Stored && f.Bad == 0 {
		if err := s.store.RestartMembers(ctx, s.runID, p.Department); err != nil {
			return nil, err
		}
		return nil, s.problem(provider.Malformed, "%d people were listed in department %s, but the provider counts %d",
			f.Read, p.Department, *declared)
	}
	return declared, nil
}
