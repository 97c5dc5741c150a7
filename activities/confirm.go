package activities

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/provider"
)

// doubtsAtOnce is how many removals are looked up between two transactions.
const doubtsAtOnce = 200

// confirm asks the provider about what seems to be gone: it may be where this run could
// not read, or have moved, while the company was being read, from what was still to be
// read to what had been. More than the guard lets pass are not looked up: where all was
// read a person decides, else they stay.
func (a *Reconcile) confirm(ctx context.Context, in PlanRemovals, plan db.RemovalPlan) (err error) {
	r, err := a.Pull.open(ctx, in.RunID, "removals")
	if err != nil {
		return err
	}
	defer r.countCalls(ctx)(&err)
	members, departments := plan.Guard.Members.Of(plan.MembersThere), plan.Guard.Departments.Of(plan.DepartmentsThere)
	c := confirming{reading: r, targeted: plan.Targeted, limited: in.LimitedRange}
	for _, of := range []db.DoubtsOf{
		{Type: "department", Unlisted: plan.Departments <= departments},
		{Type: "member", Unlisted: plan.Members <= members},
	} {
		of.Unread, of.KeepPlaces = plan.Unconfirmed <= max(members, departments), !plan.Unread
		if err := c.check(ctx, of); err != nil {
			return err
		}
	}
	dropped, err := a.Store.EndDoubts(ctx, in.RunID)
	if err != nil || dropped == 0 {
		return err
	}
	return c.note(ctx, "department", "", fmt.Sprintf(
		"%d members or departments were not found where they used to be, but may be where this run could not read; they were left as they are", dropped))
}

// confirming is one activity's look at what a run is about to remove.
type confirming struct {
	*reading
	// targeted: departments were left out on purpose, and what is in doubt may well be
	// in one of them.
	targeted bool
	// limited: what is out of the visible range is out of sight and no doubt. Where the
	// whole company was visible in the beginning, the range has shrunk since.
	limited bool
}

// check looks in the list of everybody, where there is one, and up each that it is not for.
func (c confirming) check(ctx context.Context, of db.DoubtsOf) error {
	if roster, ok := c.client.(provider.Roster); ok && of.Unlisted {
		if err := c.readRoster(ctx, roster, of); err != nil {
			return err
		}
		of.Unlisted = false
	}
	if confirmer, ok := c.client.(provider.Confirmer); ok {
		return c.lookUp(ctx, confirmer, of)
	}
	return nil
}

// goes reports whether an object that no listing shows is to go although its look-up does
// not call it gone: it says nothing against the listings.
func (c confirming) goes(d db.Doubt, fate provider.Fate) bool {
	return d.Unlisted && (fate == provider.Taken || fate == provider.Unseen && c.limited)
}

// lookUp asks for each by itself. A provider that fails is given time, as often as it
// may fail; what cannot be looked up then stays.
func (c confirming) lookUp(ctx context.Context, client provider.Confirmer, of db.DoubtsOf) error {
	var later error
	err := c.eachDoubts(ctx, of, func(doubts []db.Doubt) error {
		fates, failed, ended := fatesOf(ctx, client, of.Type, doubts)
		var gone, stay []db.Doubt
		for i, d := range doubts {
			switch {
			case fates[i] == provider.Gone:
				gone = append(gone, d)
			case c.goes(d, fates[i]): // as planned
			case ended != nil: // the next attempt asks again
			case failed[i] != nil && again(ctx, failed[i]):
				later = failed[i]
			default:
				stay = append(stay, d)
				if err := c.left(ctx, of.Type, d, fates[i]); err != nil {
					return err
				}
			}
		}
		return cmp.Or(ended, c.store.ResolveDoubts(ctx, c.runID, of, gone, stay))
	})
	return cmp.Or(err, later)
}

// eachDoubts goes through what is to be looked up, some at a time. What was gone through
// may be resolved meanwhile.
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
func fatesOf(ctx context.Context, client provider.Confirmer, kind string, doubts []db.Doubt) (fates []provider.Fate, failed []error, ended error) {
	fates, failed = make([]provider.Fate, len(doubts)), make([]error, len(doubts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(walkers)
	for i, d := range doubts {
		group.Go(func() (err error) {
			if kind == "department" {
				fates[i], err = client.FindDepartment(groupCtx, d.ExternalID)
			} else {
				fates[i], err = client.FindMember(groupCtx, provider.MemberRef{ExternalID: d.ExternalID, OpenID: d.OpenID, UnionID: d.UnionID})
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

// readRoster keeps whoever the provider names when it is asked for everybody once more,
// which costs less than reading the company did. No department can have been missed in a
// tree that comes in one answer.
func (c confirming) readRoster(ctx context.Context, client provider.Roster, of db.DoubtsOf) error {
	if of.Type != "member" {
		return nil
	}
	of.Unread = false
	missing := map[string]db.Doubt{}
	err := c.eachDoubts(ctx, of, func(doubts []db.Doubt) error {
		for _, d := range doubts {
			missing[c.personKey(d.ExternalID)] = d
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = c.findIn(ctx, client, of, missing)
	if err == nil || concernsRun(ctx, err) || again(ctx, err) {
		return err
	}
	return c.stay(ctx, of, slices.Collect(maps.Values(missing)), "")
}

// findIn goes through everybody, page by page, and takes out of missing whom it finds.
func (c confirming) findIn(ctx context.Context, client provider.Roster, of db.DoubtsOf, missing map[string]db.Doubt) error {
	cursor := ""
	for pages := 0; len(missing) > 0; pages++ {
		if pages >= maxPages {
			return c.problem(provider.Malformed, "the list of all members does not end")
		}
		page, err := client.Everybody(ctx, cursor)
		if err != nil {
			return err
		}
		var found []db.Doubt
		for _, m := range page.Members {
			key := c.personKey(m.ExternalID)
			if d, ok := missing[key]; ok {
				found = append(found, d)
				delete(missing, key)
			}
		}
		if err := c.stay(ctx, of, found, provider.There); err != nil {
			return err
		}
		if len(page.Bad) > 0 {
			return c.problem(provider.Malformed, "the list of all members has records without an id, which may be theirs who are looked for")
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
	return nil
}

// stay takes out of the plan what is not to go, and says why.
func (c confirming) stay(ctx context.Context, of db.DoubtsOf, doubts []db.Doubt, fate provider.Fate) error {
	if len(doubts) == 0 {
		return nil
	}
	for _, d := range doubts {
		if err := c.left(ctx, of.Type, d, fate); err != nil {
			return err
		}
	}
	return c.store.ResolveDoubts(ctx, c.runID, of, nil, doubts)
}

// again reports whether a look-up that failed is to be made once more by another attempt.
func again(ctx context.Context, err error) bool {
	return provider.KindOf(err).Retryable() && failuresSoFar(ctx)+1 < triesOfRun
}

// left says why something stays.
func (c confirming) left(ctx context.Context, kind string, d db.Doubt, fate provider.Fate) error {
	why := "it could not be confirmed as gone"
	if fate == provider.There {
		why = "the provider, asked for it alone, still does: it was moved while the company was being read, or a listing left it out"
	}
	return c.note(ctx, kind, d.ExternalID, "no listing shows it any more, but "+why+"; it was left as it is")
}

// note notes a failure, or a warning where departments were left out on purpose.
func (c confirming) note(ctx context.Context, kind, externalID, message string) error {
	if c.targeted {
		if externalID != "" {
			message = kind + " " + externalID + ": " + message
		}
		kind = "warning"
	}
	return c.store.RunNote(ctx, c.runID, kind, externalID, message)
}
