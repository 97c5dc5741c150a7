package activities

import (
	"cmp"
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// detailsAtOnce is how many lookups' answers are written together: those of some ten seconds.
const detailsAtOnce = 200

// ReadDetailsInput names a run whose members and departments were read.
type ReadDetailsInput struct {
	RunID string `json:"run_id"`
	// LimitedRange is true if only part of the company is visible.
	LimitedRange bool `json:"limited_range,omitempty"`
}

// maxDetails is how many objects one activity looks up: those of some twenty minutes.
const maxDetails = 20_000

// ReadDetailsResult says whether there is more to look up.
type ReadDetailsResult struct {
	More bool `json:"more,omitempty"`
}

// ReadDetails looks up the facts that no listing tells, one object at a time, where the rules
// ask for them. What it could not ask is on record as a warning, and is asked first in the
// next run. It never fails the run.
func (a *Reader) ReadDetails(ctx context.Context, in ReadDetailsInput) (ReadDetailsResult, error) {
	out, err := a.readDetails(ctx, in)
	return out, limitAttempts(ctx, err, triesOfRun)
}

func (a *Reader) readDetails(ctx context.Context, in ReadDetailsInput) (out ReadDetailsResult, err error) {
	defer heartbeat(ctx)()
	r, err := a.open(ctx, in.RunID, "details")
	if err != nil {
		return out, err
	}
	defer r.countCalls(ctx)(&err)
	if wanted, err := r.wantsDetails(); err != nil {
		return out, err
	} else if !wanted {
		return out, a.Store.ForgetDetails(ctx, in.RunID)
	}
	if err := a.Store.StageDetails(ctx, in.RunID, in.LimitedRange); err != nil {
		return out, err
	}
	after, trouble := db.Detail{}, error(nil)
	for range maxDetails / detailsAtOnce {
		open, err := a.Store.ListOpenDetails(ctx, in.RunID, after, detailsAtOnce)
		if err != nil {
			return out, err
		}
		if len(open) == 0 {
			return out, r.endDetails(ctx, trouble)
		}
		failed, err := r.lookUpDetails(ctx, open)
		if err != nil {
			return out, r.endDetails(ctx, err)
		}
		trouble = cmp.Or(failed, trouble)
		after = open[len(open)-1]
	}
	return ReadDetailsResult{More: true}, nil
}

// wantsDetails reports whether the run looks single objects up: its rules ask for it, and the
// provider's listings lack something.
func (r *providerSession) wantsDetails() (bool, error) {
	run, err := r.rules()
	return err == nil && run.Scope.Details && r.provider.Type.Traits().DetailsByLookup, err
}

// lookUpDetails looks objects up, a few at a time, and writes down what it learnt. failed is
// the failure of single objects, err one that every further lookup would meet.
func (r *providerSession) lookUpDetails(ctx context.Context, open []db.Detail) (failed, err error) {
	answers := make([]*db.DetailAnswer, len(open))
	var later failures
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(min(parallelCalls, r.provider.Type.Traits().ParallelReads))
	for i, d := range open {
		group.Go(func() error {
			if groupCtx.Err() != nil {
				return groupCtx.Err()
			}
			answer, err := r.detail(groupCtx, d)
			switch kind := provider.KindOf(err); {
			case err == nil:
				answers[i] = &answer
			case concernsRun(groupCtx, err):
				return err
			case !kind.Retryable():
				answers[i] = &db.DetailAnswer{Detail: d}
			default:
				if later.add(d.ExternalID, err); later.len() >= parallelCalls { // the provider is in trouble
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	var known []db.DetailAnswer
	for _, a := range answers {
		if a != nil {
			known = append(known, *a)
		}
	}
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	return later.last(), cmp.Or(err, r.store.AnswerDetails(writing, r.runID, known))
}

// endDetails returns what another attempt may mend. Other trouble goes on record: what was not
// looked up keeps what it has.
func (r *providerSession) endDetails(ctx context.Context, trouble error) error {
	kind := provider.KindOf(trouble)
	switch {
	case trouble == nil:
		return nil
	case kind == "", ctx.Err() != nil, kind == provider.RateLimited,
		kind.Retryable() && failuresSoFar(ctx)+1 < triesOfRun:
		return trouble
	}
	left, err := r.store.CountOpenDetails(ctx, r.runID)
	if err != nil {
		return err
	}
	return r.store.AddRunError(ctx, r.runID, "warning", "details", fmt.Sprintf(
		"details: %s; %d objects were not looked up and keep what they have; the next run asks for them",
		messageOf(trouble), left))
}

// detail looks one object up.
func (r *providerSession) detail(ctx context.Context, d db.Detail) (db.DetailAnswer, error) {
	answer := db.DetailAnswer{Detail: d}
	if d.Kind == directory.KindDepartment {
		reader, ok := r.client.(provider.SingleDepartmentReader)
		if !ok {
			return answer, nil
		}
		found, gone, err := reader.ReadSingleDepartment(ctx, d.ExternalID)
		answer.Told, answer.SortOrder = err == nil && !gone && found.SortOrder != nil, found.SortOrder
		return answer, err
	}
	reader, ok := r.client.(provider.MemberReader)
	if !ok {
		return answer, nil
	}
	found, gone, err := reader.ReadMember(ctx, provider.MemberRef{ExternalID: d.ExternalID, UnionID: d.UnionID})
	if err != nil || gone || found.Manager == nil || d.UnionID != "" && found.UnionID != d.UnionID {
		return answer, err
	}
	answer.Told, answer.Manager = true, *found.Manager
	return answer, nil
}
