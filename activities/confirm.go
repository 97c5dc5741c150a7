package activities

import (
	"cmp"
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/provider"
)

// doubtsAtOnce is how many removals are looked up between two transactions.
const doubtsAtOnce = 200

// confirm asks the provider about what seems to be gone: it may be where this run could
// not read, or have moved, while the company was being read, from what was still to be
// read to what had been. What it answers is kept, so that the next attempt asks only
// about the rest.
func (a *Reconcile) confirm(ctx context.Context, runID string) (err error) {
	r, err := a.Pull.open(ctx, runID, "removals")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	c := confirming{providerSession: r, tries: triesOfRun}
	for _, kind := range []string{"department", "member"} {
		if err := c.check(ctx, db.DoubtsOf{Type: kind, Unlisted: true, Unread: true}); err != nil {
			return err
		}
	}
	return a.Store.LookUpsEnd(ctx, db.BeforeRemoving, runID)
}

// LookUpAgain looks up once more what is to go, once that was approved: days may have
// passed since it was shown. What is answered is kept, so that the next attempt asks only
// about the rest. A provider that fails is given some minutes; who could not be looked
// up then stays (Spare).
func (a *Reconcile) LookUpAgain(ctx context.Context, in RunInput) error {
	return limitAttempts(ctx, a.lookUpAgain(ctx, in.RunID), triesOfApproval)
}

func (a *Reconcile) lookUpAgain(ctx context.Context, runID string) (err error) {
	defer heartbeat(ctx)()
	r, err := a.Pull.open(ctx, runID, "removals")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	c := confirming{providerSession: r, tries: triesOfApproval, stage: db.OnceApproved}
	if err := c.departmentsAgain(ctx); err != nil {
		return err
	}
	if err := c.check(ctx, db.DoubtsOf{Type: "member", Unlisted: true}); err != nil {
		return err
	}
	return a.Store.LookUpsEnd(ctx, db.OnceApproved, runID)
}

// departmentsAgain looks up each department or, where that cannot be done, reads the
// tree, which then comes in one answer.
func (c confirming) departmentsAgain(ctx context.Context) error {
	of := db.DoubtsOf{Type: "department", Unlisted: true}
	if confirmer, ok := c.client.(provider.ObjectLookup); ok {
		return c.lookUp(ctx, confirmer, of)
	}
	var tree map[string]bool
	return c.eachDoubts(ctx, of, func(doubts []db.Doubt) error {
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
		fates := map[string]db.Fate{}
		for _, d := range doubts {
			if fates[d.ID] = db.Unnamed; tree[d.ExternalID] {
				fates[d.ID] = db.There
			}
		}
		return c.store.LookedUp(ctx, c.stage, c.runID, of.Type, fates)
	})
}

// Spare takes out of what was approved whoever is there again or could not be looked up.
func (a *Reconcile) Spare(ctx context.Context, in RunInput) error {
	defer heartbeat(ctx)()
	return classify(a.Store.Spare(ctx, in.RunID))
}

// confirming is one activity's look at what a run is about to remove.
type confirming struct {
	*providerSession
	// tries is how often the provider may fail.
	tries int
	stage db.Stage
}

// check looks in the list of everybody, where there is one, and up each that it is not for.
// Where there is one, no department can have been missed: the tree comes in one answer.
func (c confirming) check(ctx context.Context, of db.DoubtsOf) error {
	if roster, ok := c.client.(provider.MemberLister); ok {
		if of.Type == "member" {
			if err := c.readRoster(ctx, roster); err != nil {
				return err
			}
		}
		of.Unlisted = false
	}
	if confirmer, ok := c.client.(provider.ObjectLookup); ok {
		return c.lookUp(ctx, confirmer, of)
	}
	return nil
}

// lookUp asks for each by itself. A provider that fails is given time, as often as it
// may fail; what cannot be looked up then stays.
func (c confirming) lookUp(ctx context.Context, client provider.ObjectLookup, of db.DoubtsOf) error {
	var later error
	err := c.eachDoubts(ctx, of, func(doubts []db.Doubt) error {
		answers, failed, ended := fatesOf(ctx, client, of.Type, doubts)
		fates := map[string]db.Fate{}
		for i, d := range doubts {
			switch {
			case answers[i] != "":
				fates[d.ID] = db.Fate(answers[i])
			case ended != nil: // the next attempt asks again
			case c.again(ctx, failed[i]):
				later = failed[i]
			default:
				fates[d.ID] = db.Failed
			}
		}
		return cmp.Or(ended, c.store.LookedUp(ctx, c.stage, c.runID, of.Type, fates))
	})
	return cmp.Or(err, later)
}

// eachDoubts goes through what is to be looked up, some at a time. What was gone through
// may be answered meanwhile.
func (c confirming) eachDoubts(ctx context.Context, of db.DoubtsOf, do func([]db.Doubt) error) error {
	for after := ""; ; {
		doubts, err := c.store.Doubts(ctx, c.runID, of, after, doubtsAtOnce)
		if err != nil || len(doubts) == 0 {
			return err
		}
		if err := do(doubts); err != nil {
			return err
		}
		after = doubts[len(doubts)-1].ID
	}
}

// fatesOf looks up a few at a time. What fails for one of them says nothing of the
// others, unless all would meet it: that ends the attempt.
func fatesOf(ctx context.Context, client provider.ObjectLookup, kind string,
	doubts []db.Doubt) (fates []provider.LookupResult, failed []error, ended error) {
	fates, failed = make([]provider.LookupResult, len(doubts)), make([]error, len(doubts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallelCalls)
	for i, d := range doubts {
		group.Go(func() (err error) {
			if kind == "department" {
				fates[i], err = client.LookupDepartment(groupCtx, d.ExternalID)
			} else {
				fates[i], err = client.LookupMember(groupCtx,
					provider.MemberRef{ExternalID: d.ExternalID, OpenID: d.OpenID, UnionID: d.UnionID})
			}
			if err != nil && concernsRun(groupCtx, err) {
				return err
			}
			failed[i] = err
			return nil
		})
	}
	return fates, failed, group.Wait()
}

// readRoster looks for the people whom no listing shows where the provider names
// everybody, which costs less than reading the company did.
func (c confirming) readRoster(ctx context.Context, client provider.MemberLister) error {
	missing := map[string]string{} // rows by how the provider compares ids
	err := c.eachDoubts(ctx, db.DoubtsOf{Type: "member", Unlisted: true}, func(doubts []db.Doubt) error {
		for _, d := range doubts {
			missing[c.provider.Type.MemberKey(d.ExternalID)] = d.ID
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.findIn(ctx, client, missing)
	if err != nil && (concernsRun(ctx, err) || c.again(ctx, err)) {
		return err
	}
	fate := db.Unnamed
	if err != nil {
		fate = db.Failed
	}
	fates := map[string]db.Fate{}
	for _, id := range missing {
		fates[id] = fate
	}
	return c.store.LookedUp(ctx, c.stage, c.runID, "member", fates)
}

// findIn goes through everybody, page by page, and takes out of missing whom it finds.
func (c confirming) findIn(ctx context.Context, client provider.MemberLister, missing map[string]string) error {
	cursor, paging := "", c.paging("the list of all members")
	for pages := 0; len(missing) > 0; pages++ {
		if err := paging.begin(pages); err != nil {
			return err
		}
		page, err := client.ListMembers(ctx, cursor)
		if err != nil {
			return err
		}
		found := map[string]db.Fate{}
		for _, m := range page.Members {
			key := c.provider.Type.MemberKey(m.ExternalID)
			if id, ok := missing[key]; ok {
				found[id] = db.There
				delete(missing, key)
			}
		}
		if err := c.store.LookedUp(ctx, c.stage, c.runID, "member", found); err != nil {
			return err
		}
		if len(page.Bad) > 0 {
			return c.problem(provider.Malformed,
				"the list of all members has records without an id, which may be theirs who are looked for")
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

// again reports whether a look-up that failed is to be made once more by another attempt.
func (c confirming) again(ctx context.Context, err error) bool {
	return provider.KindOf(err).Retryable() && failuresSoFar(ctx)+1 < c.tries
}
