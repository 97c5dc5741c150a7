package providertest

import (
	"context"
	"maps"
	"slices"

	"github.com/orgsync/orgsync/internal/provider"
)

// outcome is what a walk came to, from the engine's point of view.
type outcome string

const (
	same outcome = "same" // the truth to the last field
	// failed: a listing returned an error. putAside: records were reported as
	// unusable. Either keeps the engine from taking the listing for complete.
	failed   outcome = "failed"
	putAside outcome = "put aside"
	// counted: people or departments are missing, but the provider's own figures say so.
	counted outcome = "counted"
	// unsent: everybody and everything is in its place, some fields are nil.
	unsent outcome = "unsent"
	// silent: something is missing or wrong and nothing tells.
	silent outcome = "silent"
)

// outcome says how a walk went; only for counted it makes calls.
func (w *world) outcome(ctx context.Context, r *reading) outcome {
	switch {
	case len(r.errs) > 0:
		return failed
	case len(r.bad) > 0:
		return putAside
	}
	wantDepartments, wantPeople := w.expected()
	departments, people := w.shown(r)
	if maps.Equal(wantDepartments, departments) && maps.EqualFunc(wantPeople, people, shownPerson.equal) &&
		len(r.conflicts) == 0 {
		return same
	}
	if maps.EqualFunc(wantDepartments, departments, shownDepartment.lessOnly) &&
		maps.EqualFunc(wantPeople, people, shownPerson.lessOnly) {
		return unsent
	}
	if w.contradicted(ctx, r) {
		return counted
	}
	return silent
}

func (p shownPerson) equal(o shownPerson) bool {
	return p.UnionID == o.UnionID && p.Name == o.Name && p.Email == o.Email && p.Phone == o.Phone &&
		p.Title == o.Title &&
		p.Status == o.Status && p.Activated == o.Activated && maps.Equal(p.Places, o.Places) && p.Main == o.Main &&
		slices.Equal(p.Leads, o.Leads)
}

// lessOnly reports that got differs from the wanted one by fields not sent only. A
// parent is then empty, which leaves the stored one.
func (d shownDepartment) lessOnly(got shownDepartment) bool {
	return (d.Parent == got.Parent || got.Parent == "") && less(d.Name, got.Name) && less(d.Order, got.Order) &&
		less(d.People, got.People)
}

// lessOnly is the same of a person. Whose own record does not say where they work is
// nowhere; no department's own listing loses them by that.
func (p shownPerson) lessOnly(got shownPerson) bool {
	return (p.UnionID == got.UnionID || got.UnionID == "") && less(p.Name, got.Name) && less(p.Email, got.Email) &&
		less(p.Phone, got.Phone) &&
		less(p.Title, got.Title) && less(p.Status, got.Status) && less(p.Activated, got.Activated) &&
		less(p.Main, got.Main) &&
		(len(got.Places) == 0 || maps.EqualFunc(p.Places, got.Places, less)) &&
		!slices.ContainsFunc(got.Leads, func(id string) bool { return !slices.Contains(p.Leads, id) })
}

func less(want, got string) bool { return want == got || got == notSent }

// contradicted reports whether the provider's own figures say that the walk is
// short: the head counts of departments with all below them, and the counters.
func (w *world) contradicted(ctx context.Context, r *reading) bool {
	members, _ := w.client.(provider.MemberCounter)
	children, _ := w.client.(provider.ChildCounter)
	for id, d := range r.departments {
		if d.DeclaredMembers != nil && *d.DeclaredMembers > len(r.peopleBelow(id)) {
			return true
		}
		if members != nil && d.MembersMethod == "department" {
			if n, err := members.CountMembers(ctx, id); err == nil && n > len(r.own[id]) {
				return true
			}
		}
		if children != nil && d.ChildrenMethod != "" {
			below := 0
			for _, other := range r.departments {
				if other.ParentID == id {
					below++
				}
			}
			if n, err := children.CountChildren(ctx, id); err == nil && n > below {
				return true
			}
		}
	}
	return false
}

// peopleBelow are the different people read in a department and below it.
func (r *reading) peopleBelow(department string) map[string]bool {
	found := map[string]bool{}
	for key, p := range r.people {
		for at := range p.places {
			for steps := 0; at != department && at != "" && steps < 50; steps++ {
				at = r.departments[at].ParentID
			}
			if at == department {
				found[key] = true
			}
		}
	}
	return found
}
