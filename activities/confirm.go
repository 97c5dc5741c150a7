package activities

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// candidatesAtOnce is how many removals are looked up between two transactions.
const candidatesAtOnce = 200

// confirm asks the provider about what seems to be gone: it may be where this run could
// not read, or have moved, while the company was being read, from what was still to be
// read to what had been. What it answers is kept, so that the next attempt asks only
// about the rest.
func (a *Reconcile) confirm(ctx context.Context, runID string) (err error) {
	r, err := a.Reader.open(ctx, runID, "removals")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	c := candidateCheck{providerSession: r, tries: triesOfRun}
	for _, kind := range []string{"department", "member"} {
		if err := c.check(ctx, db.CandidateFilter{Type: kind, Missing: true, Uncertain: true}); err != nil {
			return err
		}
	}
	return a.Store.EndLookups(ctx, db.BeforeRemoving, runID)
}

// LookUpAgain looks up once more what is to go, once that was approved: days may have
// passed since it was shown. What is answered is kept, so that the next attempt asks only
// about the rest. A provider that fails is given some minutes; who could not be looked
// up then stays (WithdrawReturned).
func (a *Reconcile) LookUpAgain(ctx context.Context, in RunInput) error {
	return limitAttempts(ctx, a.lookUpAgain(ctx, in.RunID), triesOfApproval)
}

func (a *Reconcile) lookUpAgain(ctx context.Context, runID string) (err error) {
	defer heartbeat(ctx)()
	r, err := a.Reader.open(ctx, runID, "removals")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	c := candidateCheck{providerSession: r, tries: triesOfApproval, stage: db.OnceApproved}
	if err := c.departmentsAgain(ctx); err != nil {
		return err
	}
	if err := c.check(ctx, db.CandidateFilter{Type: "member", Missing: true}); err != nil {
		return err
	}
	return a.Store.EndLookups(ctx, db.OnceApproved, runID)
}

// departmentsAgain looks up each department or, where that cannot be done, reads the
// tree, which then comes in one answer.
func (c candidateCheck) departmentsAgain(ctx context.Context) error {
	of := db.CandidateFilter{Type: "department", Missing: true}
	if lookup, ok := c.client.(provider.ObjectLookup); ok {
		return c.lookUp(ctx, lookup, of)
	}
	var tree map[string]bool
	return c.eachCandidate(ctx, of, func(candidates []db.Candidate) error {
		if tree == nil {
			tops, _, err := c.client.ListRoots(ctx)
			if err != nil {
				return err
			}
			tree = map[string]bool{}
			for _, d := range tops {
				tree[d.ExternalID] = true
			}
		}
		results := map[string]db.LookupResult{}
		for _, d := range candidates {
			if results[d.ID] = db.LookupNotListed; tree[d.ExternalID] {
				results[d.ID] = db.LookupExists
			}
		}
		return c.store.RecordLookups(ctx, c.stage, c.runID, of.Type, results)
	})
}

// WithdrawReturned takes out of what was approved what is there again or could not be looked up.
func (a *Reconcile) WithdrawReturned(ctx context.Context, in RunInput) error {
	defer heartbeat(ctx)()
	return classify(a.Store.WithdrawReturned(ctx, in.RunID))
}

// candidateCheck is one activity's look at what a run is about to remove.
type candidateCheck struct {
	*providerSession
	// tries is how often the provider may fail.
	tries int
	stage db.Stage
}

// check looks in the list of all members, where there is one, and up each that it is not for.
// Where there is one, no department can have been missed: the tree comes in one answer.
func (c candidateCheck) check(ctx context.Context, of db.CandidateFilter) error {
	if lister, ok := c.client.(provider.MemberLister); ok {
		if of.Type == "member" {
			if err := c.readMemberList(ctx, lister); err != nil {
				return err
			}
		}
		of.Missing = false
	}
	if lookup, ok := c.client.(provider.ObjectLookup); ok {
		return c.lookUp(ctx, c.scoped(lookup), of)
	}
	return nil
}

// scopedLookup also tells members who are there, but in departments alone that the rules leave
// out: no listing that is read shows them.
type scopedLookup struct {
	provider.ObjectLookup
	*providerSession
	reader provider.MemberReader
}

// scoped returns the lookup with an eye on the run's rules, where they leave departments out.
func (c candidateCheck) scoped(lookup provider.ObjectLookup) provider.ObjectLookup {
	run, err := c.rules()
	reader, ok := c.client.(provider.MemberReader)
	if err != nil || !ok || !run.Scope.Limited() {
		return lookup
	}
	return scopedLookup{lookup, c.providerSession, reader}
}

// LookupMember implements provider.ObjectLookup.
func (l scopedLookup) LookupMember(ctx context.Context, m provider.MemberRef) (provider.LookupResult, error) {
	result, err := l.ObjectLookup.LookupMember(ctx, m)
	if err != nil || result != provider.LookupExists {
		return result, err
	}
	person, gone, err := l.reader.ReadMember(ctx, m)
	if err != nil || gone {
		return result, err
	}
	members := l.stagedMembers([]directory.Member{person})
	if _, err := l.applyRules(ctx, members); err != nil {
		return "", err
	}
	if members[0].OutOfScope {
		return provider.LookupResult(db.LookupOutOfScope), nil
	}
	return result, nil
}

// lookUp asks for each by itself. A provider that fails is given time, as often as it
// may fail; what cannot be looked up then stays.
func (c candidateCheck) lookUp(ctx context.Context, client provider.ObjectLookup, of db.CandidateFilter) error {
	var later error
	err := c.eachCandidate(ctx, of, func(candidates []db.Candidate) error {
		answers, failed, ended := lookUpAll(ctx, client, of.Type, candidates)
		results := map[string]db.LookupResult{}
		for i, d := range candidates {
			switch {
			case answers[i] != "":
				results[d.ID] = db.LookupResult(answers[i])
			case ended != nil: // the next attempt asks again
			case c.shouldRetry(ctx, failed[i]):
				later = failed[i]
			default:
				results[d.ID] = db.LookupFailed
			}
		}
		return cmp.Or(ended, c.store.RecordLookups(ctx, c.stage, c.runID, of.Type, results))
	})
	return cmp.Or(err, later)
}

// eachCandidate goes through what is to be looked up, some at a time. What was gone through
// may be answered meanwhile.
func (c candidateCheck) eachCandidate(ctx context.Context, of db.CandidateFilter, do func([]db.Candidate) error) error {
	for after := ""; ; {
		candidates, err := c.store.ListCandidates(ctx, c.runID, of, after, candidatesAtOnce)
		if err != nil || len(candidates) == 0 {
			return err
		}
		if err := do(candidates); err != nil {
			return err
		}
		after = candidates[len(candidates)-1].ID
	}
}

// lookUpAll looks up a few at a time. What fails for one of them says nothing of the
// others, unless all would meet it: that ends the attempt.
func lookUpAll(ctx context.Context, client provider.ObjectLookup, kind string,
	candidates []db.Candidate) (results []provider.LookupResult, failed []error, ended error) {
	results, failed = make([]provider.LookupResult, len(candidates)), make([]error, len(candidates))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	for i, d := range candidates {
		group.Go(func() (err error) {
			if kind == "department" {
				results[i], err = client.LookupDepartment(groupCtx, d.ExternalID)
			} else {
				results[i], err = client.LookupMember(groupCtx,
					provider.MemberRef{ExternalID: d.ExternalID, OpenID: d.OpenID, UnionID: d.UnionID})
			}
			if err != nil && concernsRun(groupCtx, err) {
				return err
			}
			failed[i] = err
			return nil
		})
	}
	return results, failed, group.Wait()
}

// readMemberList looks for the people whom no listing shows where the provider names
// all members, which costs less than reading the company did.
func (c candidateCheck) readMemberList(ctx context.Context, client provider.MemberLister) error {
	missing := map[string]string{} // rows by how the provider compares ids
	err := c.eachCandidate(ctx, db.CandidateFilter{Type: "member", Missing: true},
		func(candidates []db.Candidate) error {
			for _, d := range candidates {
				missing[c.provider.MemberKey(d.ExternalID)] = d.ID
			}
			return nil
		})
	if err != nil {
		return err
	}
	err = c.findIn(ctx, client, missing)
	if err != nil && (concernsRun(ctx, err) || c.shouldRetry(ctx, err)) {
		return err
	}
	result := db.LookupNotListed
	if err != nil {
		result = db.LookupFailed
	}
	results := map[string]db.LookupResult{}
	for _, id := range missing {
		results[id] = result
	}
	return c.store.RecordLookups(ctx, c.stage, c.runID, "member", results)
}

// findIn goes through all members, page by page, and takes out of missing those it finds.
func (c candidateCheck) findIn(ctx context.Context, client provider.MemberLister, missing map[string]string) error {
	cursor, paging := "", c.paging("the list of all members")
	for pages := 0; len(missing) > 0; pages++ {
		if err := paging.begin(pages); err != nil {
			return err
		}
		page, err := client.ListMembers(ctx, cursor)
		if err != nil {
			return err
		}
		found := map[string]db.LookupResult{}
		for _, m := range page.Members {
			key := c.provider.MemberKey(m.ExternalID)
			if id, ok := missing[key]; ok {
				found[id] = db.LookupExists
				delete(missing, key)
			}
		}
		if err := c.store.RecordLookups(ctx, c.stage, c.runID, "member", found); err != nil {
			return err
		}
		if len(page.Bad) > 0 {
			return c.problem(provider.Malformed,
				"the list of all members has records without an id, which may be of those that are looked for")
		}
		if page.Next == "" {
			return nil
		}
		if err := paging.turn(cursor, page.Next, len(page.Members)); err != nil {
			return err
		}
		cursor = page.Next
	}
	return nil
}

// shouldRetry reports whether a look-up that failed is to be made once more by another attempt.
func (c candidateCheck) shouldRetry(ctx context.Context, err error) bool {
	return provider.KindOf(err).Retryable() && failuresSoFar(ctx)+1 < c.tries
}
