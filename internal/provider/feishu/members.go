package feishu

import (
	"context"
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// ListDepartmentMembers returns one page of the people directly in a department, or of those
// granted to the app one by one.
func (c *client) ListDepartmentMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	switch {
	case q.Method == methodGranted:
		return c.grantedMembers(ctx, q.Cursor)
	case q.Method == methodDepartment && q.Department != "":
		return c.directMembers(ctx, q)
	default:
		return provider.MemberPage{}, unknownMethod(listUsers, q.Method)
	}
}

func (c *client) directMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	query := pageOf(q.Cursor)
	query.Set("department_id", q.Department)
	a, err := c.call(ctx, listUsers, query)
	if err != nil {
		return provider.MemberPage{}, err
	}
	items, next, err := pageOfItems(a, "items", q.Cursor)
	if err != nil {
		return provider.MemberPage{}, err
	}
	page := provider.MemberPage{Next: next, Request: a.requestID}
	for i, r := range items {
		// The list of a department says who is in it; what the record tells of
		// other departments comes with those departments' own lists.
		c.add(&page, wire.Nth(i), r, []directory.Membership{membershipIn(r, q.Department)})
	}
	return page, nil
}

// add puts a record among the members or, with a word why, among the bad ones.
func (c *client) add(page *provider.MemberPage, label string, r record, in []directory.Membership) {
	if r == nil {
		page.Bad = append(page.Bad, unusable(label, nil, notAnObject))
		return
	}
	m, problem := toMember(r, c.zone)
	if problem != noProblem {
		page.Bad = append(page.Bad, unusable(label, r, problem))
		return
	}
	m.Memberships = in
	page.Members = append(page.Members, m)
}

// grantedMembers returns the people of one page of the contact range, whose page
// token is the cursor: any process can go on from it. Pages of the range without
// people are passed over.
func (c *client) grantedMembers(ctx context.Context, cursor string) (provider.MemberPage, error) {
	var ids, departments []string
	var next string
	said := cursor != "" // by the page before
	err := c.eachScopesPage(ctx, cursor, func(page scopesPage, after string) bool {
		ids, next = page.Users, after
		departments, said = append(departments, page.Departments...), said || page.SaysUsers
		return len(ids) == 0
	})
	if err != nil {
		return provider.MemberPage{}, err
	}
	if !said {
		withheld, err := c.withholdsPeople(ctx, sortedSet(departments))
		if err != nil {
			return provider.MemberPage{}, err
		}
		if withheld {
			// Only this listing fails: it is incomplete then, and none of its members is gone.
			return provider.MemberPage{}, newError(listScopes, provider.OutOfRange, peopleUnknown, grantScope)
		}
	}
	page := provider.MemberPage{Next: next}
	for batch := range slices.Chunk(ids, pageSize) {
		if err := c.addMembers(ctx, &page, batch); err != nil {
			return provider.MemberPage{}, err
		}
	}
	return page, nil
}

// addMembers reads people by open_id. That the batch leaves out whom it does not
// know is documented for departments only (feishu.md §2.3), but a person missing
// must not look like a leaver, so each is asked for by itself.
func (c *client) addMembers(ctx context.Context, page *provider.MemberPage, ids []string) error {
	query := idTypes()
	query["user_ids"] = ids
	a, err := c.call(ctx, batchUsers, query)
	if err != nil {
		return err
	}
	items, err := itemsOf(a, "items")
	if err != nil {
		return err
	}
	sent := make(map[string]bool, len(items))
	for i, r := range items {
		if id, _ := r.ID("open_id"); id != "" {
			sent[id] = true
		}
		c.add(page, wire.Nth(i), r, allMemberships(r))
	}
	for _, id := range ids {
		if sent[id] {
			continue
		}
		r, err := c.user(ctx, id, "open_id")
		switch provider.KindOf(err) {
		case provider.NotFound:
			continue
		case provider.OutOfRange:
			page.Bad = append(page.Bad, "member "+strconv.Quote(id)+": granted, but out of range")
			continue
		}
		if err != nil {
			return err
		}
		c.add(page, "member "+strconv.Quote(id), r, allMemberships(r))
	}
	return nil
}
