package feishu

import (
	"context"
	"slices"

	"github.com/orgsync/orgsync/internal/provider"
)

// visible is what the app's contact range lets it see (feishu.md §2.4).
type visible struct {
	// root is the root's record with an all-members range, nil with a limited one.
	root record
	// The granted ids of a limited range, sorted.
	departments []string
	members     []string
	groups      int
	// silent: the range does not speak of people who are granted one by one.
	silent bool
}

const nothingVisible = "fault.nothing_visible"

// What a range without user_ids is reported with.
const (
	employeeID    = "contact:user.employee_id:readonly"
	noDepartment  = "fault.feishu_no_department"
	peopleUnknown = "fault.feishu_people_unknown"
)

func (v visible) empty() bool { return v.root == nil && len(v.departments)+len(v.members) == 0 }

// visible tells the two ranges apart: the root itself can be read only with an
// all-members range, and refuses with 40004 otherwise (feishu.md §2.3, §2.4).
func (c *client) visible(ctx context.Context) (visible, error) {
	root, err := c.department(ctx, rootID)
	if err == nil {
		return visible{root: root}, nil
	}
	if provider.KindOf(err) != provider.OutOfRange {
		return visible{}, err
	}
	v := visible{silent: true}
	err = c.eachScopesPage(ctx, "", func(page scopesPage, _ string) bool {
		v.departments = append(v.departments, page.Departments...)
		v.members = append(v.members, page.Users...)
		v.groups += len(page.Groups)
		v.silent = v.silent && !page.SaysUsers
		return true
	})
	v.departments, v.members = sortedSet(v.departments), sortedSet(v.members)
	return v, err
}

// withholdsPeople reports whether a range that does not speak of people lacks them for want of the
// permission that they need (feishu.md §2.4), or because no member is granted one by one.
// The same permission brings people's user_id (feishu.md §3.3): a member in the granted
// departments whose record carries it shows that the app has it. Where none is found
// to know by, nothing is known, and that is not "none".
func (c *client) withholdsPeople(ctx context.Context, departments []string) (bool, error) {
	candidates := slices.Clone(departments)
	for i := 0; i < min(len(candidates), maxTries); i++ {
		query := pageOf("")
		query.Set("department_id", candidates[i])
		a, err := c.call(ctx, listUsers, query)
		if unreadable(err) {
			continue
		}
		if err != nil {
			return false, err
		}
		people, _, err := pageOfItems(a, "items", "")
		if err != nil {
			return false, err
		}
		if len(people) > 0 {
			return !slices.ContainsFunc(people, func(r record) bool { return r.Text("user_id") != nil }), nil
		}
		below, err := c.ListDepartments(ctx, provider.Query{Department: candidates[i], Method: methodLevel})
		if err != nil && !unreadable(err) {
			return false, err
		}
		for _, d := range below.Departments {
			candidates = append(candidates, d.ExternalID)
		}
	}
	return true, nil
}

// unreadable reports whether an error is about one department alone.
func unreadable(err error) bool {
	kind := provider.KindOf(err)
	return kind == provider.OutOfRange || kind == provider.NotFound
}

func sortedSet(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// eachScopesPage visits the contact range's pages from cursor on, as long as
// visit returns true. It keeps the pages from going round in circles and from
// coming empty for ever itself, since no other code sees their cursors.
func (c *client) eachScopesPage(
	ctx context.Context,
	cursor string,
	visit func(page scopesPage, next string) bool,
) error {
	seen := map[string]bool{cursor: true}
	for empty := 0; ; {
		a, err := c.call(ctx, listScopes, pageOf(cursor))
		if err != nil {
			return err
		}
		page, next, err := scopesOf(a, cursor)
		if err != nil {
			return err
		}
		if !visit(page, next) || next == "" {
			return nil
		}
		if seen[next] {
			return a.malformed("the page_token repeats")
		}
		if empty++; !page.empty() {
			empty = 0
		}
		if empty > provider.MaxEmptyPages {
			return a.malformed("one page after another is empty and announces more")
		}
		seen[next] = true
		cursor = next
	}
}

// scopesPage is a page of the app's contact range (feishu.md §2.4). All its ids
// decide something, so one of a wrong type spoils the page.
type scopesPage struct {
	Departments []string
	Users       []string
	Groups      []string
	// SaysUsers is false where user_ids is not sent at all, which is not "none":
	// it needs a permission of its own (feishu.md §2.4).
	SaysUsers bool
}

func (p scopesPage) empty() bool { return len(p.Departments)+len(p.Users)+len(p.Groups) == 0 }

func scopesOf(a answer, sent string) (page scopesPage, next string, err error) {
	if a.data == nil {
		return page, "", a.malformed("data is missing or not an object")
	}
	for key, ids := range map[string]*[]string{"department_ids": &page.Departments, "user_ids": &page.Users,
		"group_ids": &page.Groups} {
		var ok bool
		if *ids, ok = a.data.IDs(key); !ok {
			return scopesPage{}, "", a.malformed("the contact range contains an unusable id")
		}
	}
	page.SaysUsers = a.data["user_ids"] != nil
	next, problem := nextCursor(a.data, sent)
	if problem != "" {
		return scopesPage{}, "", a.malformed(problem)
	}
	return page, next, nil
}
