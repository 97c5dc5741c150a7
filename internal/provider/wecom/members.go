package wecom

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/provider/wire"
)

// How the people of a department are read. The values are stored between calls.
const (
	// methodDepartment: the people directly in it, with the app's secret.
	methodDepartment provider.ListMethod = "department"
	// methodCompany: the ids of the whole company, with the contact sync secret.
	methodCompany provider.ListMethod = "corp"
	// methodCompanyAndDepartment: the ids of the whole company, then methodDepartment.
	methodCompanyAndDepartment provider.ListMethod = "corp+department"
	// methodGranted: the people whom the app's visible range names one by one.
	methodGranted provider.ListMethod = "granted"
	// methodAuthorised: the people who authorised a suite one by one.
	methodAuthorised provider.ListMethod = "authorised"
)

// Cursors. Those that end in a colon are followed by WeCom's own cursor or by
// the last userid that was read.
const (
	cursorIDs = "ids:"
	// cursorEmpty is cursorIDs as long as no page has named a member.
	cursorEmpty   = "empty:"
	cursorDetails = "details"
	cursorEach    = "each:"
	// cursorAuthorised is for methodAuthorised.
	cursorAuthorised = "authorised:"
)

const (
	// idPageSize is the largest list_id page (wecom.md §3.2).
	idPageSize = 10_000
	// eachPageSize is how many people are looked up one by one for a page: few
	// enough for a page to stay a matter of seconds.
	eachPageSize = 20
)

// ListDepartmentMembers implements provider.Client.
func (c *client) ListDepartmentMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	switch q.Method {
	case methodDepartment:
		return c.departmentMembers(ctx, q.Department, q.Cursor)
	case methodCompany:
		return c.companyIDs(ctx, q.Cursor)
	case methodCompanyAndDepartment:
		return c.companyThenDepartment(ctx, q)
	case methodGranted:
		return c.grantedMembers(ctx, q)
	case methodAuthorised:
		return c.authorisedMembers(ctx, q)
	default:
		return provider.MemberPage{}, provider.Meaning{
			Kind: provider.Invalid, Problem: "fault.no_members_listing", Action: "remedy.read_root",
		}.AsError(directory.WeCom, userList, message.Args{"Department": q.Department})
	}
}

func (c *client) companyThenDepartment(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	if q.Cursor == cursorDetails {
		return c.departmentMembers(ctx, q.Department, "")
	}
	if strings.HasPrefix(q.Cursor, cursorEach) {
		return c.departmentMembers(ctx, q.Department, q.Cursor)
	}
	page, err := c.companyIDs(ctx, q.Cursor)
	if err == nil && page.Next == "" {
		page.Next = cursorDetails
	}
	return page, err
}

// departmentMembers reads the people directly in a department in one answer or,
// where that is too large, one by one.
func (c *client) departmentMembers(ctx context.Context, department, cursor string) (provider.MemberPage, error) {
	if after, ok := strings.CutPrefix(cursor, cursorEach); ok {
		return c.departmentOneByOne(ctx, department, after)
	}
	if cursor != "" {
		return provider.MemberPage{}, unknownCursor(userList)
	}
	body, err := c.call(ctx, c.app, userList, url.Values{"department_id": {department}}, nil)
	if codeOf(err) == "45029" { // the answer would be too large, wecom.md §3.1
		return c.departmentOneByOne(ctx, department, "")
	}
	if err != nil {
		return provider.MemberPage{}, err
	}
	page, err := decodeMembers(body, department)
	for i, m := range page.Members {
		page.Members[i] = c.shownMember(m)
	}
	return page, err
}

func decodeMembers(body []byte, department string) (provider.MemberPage, error) {
	records, err := decodeList(userList, body, "userlist")
	if err != nil {
		return provider.MemberPage{}, err
	}
	page := provider.MemberPage{Members: make([]directory.Member, 0, len(records))}
	for i, raw := range records {
		r, _ := wire.Parse(raw)
		m, problem := toMember(r)
		if problem != "" {
			page.Bad = append(page.Bad, wire.Nth(i)+": "+problem)
			continue
		}
		page.Members = append(page.Members, m.in(department))
	}
	return page, nil
}

func (c *client) departmentOneByOne(ctx context.Context, department, after string) (provider.MemberPage, error) {
	records, err := c.simpleMembers(ctx, department)
	if err != nil {
		return provider.MemberPage{}, err
	}
	if len(records) == 0 {
		// Too many for one answer, yet none: it must not look like an empty department.
		return provider.MemberPage{}, malformed(
			userSimpleList,
			"the list is empty, though the department holds too many people for one answer",
		)
	}
	var users, bad []string
	for i, raw := range records {
		if user := decodeUserID(raw); user != "" {
			users = append(users, user)
		} else {
			bad = append(bad, wire.Nth(i)+": no usable userid")
		}
	}
	slices.Sort(users)
	return c.each(ctx, users, bad, after, func(member) []string { return []string{department} })
}

// simpleMembers returns the short records of the people directly in a department.
func (c *client) simpleMembers(ctx context.Context, department string) ([]json.RawMessage, error) {
	body, err := c.call(ctx, c.app, userSimpleList, url.Values{"department_id": {department}}, nil)
	if err != nil {
		return nil, err
	}
	return decodeList(userSimpleList, body, "userlist")
}

// grantedMembers reads the people whom the visible range names. Who is in a
// visible department is placed by that department's own listing; the others
// stand directly below the root.
func (c *client) grantedMembers(ctx context.Context, q provider.Query) (provider.MemberPage, error) {
	after, ok := strings.CutPrefix(q.Cursor, cursorEach)
	if !ok && q.Cursor != "" {
		return provider.MemberPage{}, unknownCursor(userGet)
	}
	granted, err := c.grants(ctx)
	if err != nil {
		return provider.MemberPage{}, err
	}
	list, _, err := c.visibleDepartments(ctx)
	if err != nil {
		return provider.MemberPage{}, err
	}
	visible := make(map[string]bool, len(list))
	for _, d := range list {
		visible[d.ExternalID] = true
	}
	return c.each(ctx, granted.members, granted.bad, after, func(m member) []string {
		if slices.ContainsFunc(m.departments, func(d string) bool { return visible[d] }) {
			return nil
		}
		return []string{q.Department}
	})
}

// each looks up the next people after the given one in a sorted list. It is
// positioned by id, not by index, so that people who come or go between two
// pages do not shift others out of sight. bad is reported with the first page.
func (c *client) each(
	ctx context.Context,
	users, bad []string,
	after string,
	place func(member) []string,
) (provider.MemberPage, error) {
	var page provider.MemberPage
	if after == "" {
		page.Bad = bad
	}
	start, found := slices.BinarySearch(users, after)
	if found {
		start++
	}
	end := min(start+eachPageSize, len(users))
	for _, user := range users[start:end] {
		m, err := c.user(ctx, user)
		switch kind := provider.KindOf(err); {
		case err == nil:
			page.Members = append(page.Members, c.shownMember(m.in(place(m)...)))
		case kind == provider.NotFound || kind == provider.OutOfRange:
			// Not visible is no proof of having left (wecom.md §3.3).
			page.Bad = append(page.Bad, "member "+user+" is listed but cannot be read (code "+codeOf(err)+")")
		default:
			return provider.MemberPage{}, err
		}
	}
	if end < len(users) {
		page.Next = cursorEach + users[end-1]
	}
	return page, nil
}

// user reads one person.
func (c *client) user(ctx context.Context, user string) (member, error) {
	body, err := c.call(ctx, c.app, userGet, url.Values{"userid": {user}}, nil)
	if err != nil {
		return member{}, err
	}
	r, _ := wire.Parse(body)
	m, problem := toMember(r)
	if problem != "" {
		return member{}, malformed(userGet, "the answer: "+problem)
	}
	return m, nil
}

// idRequest is list_id's body; the first page has no cursor (wecom.md §3.2).
type idRequest struct {
	Cursor string `json:"cursor,omitempty"`
	Limit  int    `json:"limit"`
}

// companyIDs reads one page of (person, department) pairs of the whole company.
func (c *client) companyIDs(ctx context.Context, cursor string) (provider.MemberPage, error) {
	sent, named := strings.CutPrefix(cursor, cursorIDs)
	if !named {
		sent = strings.TrimPrefix(cursor, cursorEmpty)
	}
	if cursor != "" && (sent == "" || sent == cursor) {
		return provider.MemberPage{}, unknownCursor(userListID)
	}
	body, err := c.call(ctx, c.sync, userListID, nil, idRequest{Cursor: sent, Limit: idPageSize})
	if err != nil {
		return provider.MemberPage{}, refusedCursor(err, sent)
	}
	return decodeIDs(body, sent, named)
}

// decodeIDs reads one list_id page, which was asked for with the cursor sent; named
// is true if a page before it named a member.
func decodeIDs(body []byte, sent string, named bool) (provider.MemberPage, error) {
	records, err := decodeList(userListID, body, "dept_user")
	if err != nil {
		return provider.MemberPage{}, err
	}
	// The last page lacks next_cursor, though "" is documented (wecom.md §3.2).
	var end struct {
		Next string `json:"next_cursor"`
	}
	if err := decodeObject(body, &end); err != nil {
		return provider.MemberPage{}, malformed(userListID, "next_cursor is not text")
	}
	if problem := directory.IDProblem(end.Next); problem != "" {
		return provider.MemberPage{}, malformed(userListID, "next_cursor "+problem)
	}
	if end.Next != "" && end.Next == sent {
		return provider.MemberPage{}, malformed(userListID, "the next page's cursor is the one that was sent")
	}
	named = named || len(records) > 0
	if end.Next == "" && !named {
		// No company is without people; reading none must not remove them all
		// (wecom.md §10, 4).
		return provider.MemberPage{}, malformed(userListID, "the list of all people ends without naming anyone")
	}
	page := provider.MemberPage{Members: make([]directory.Member, 0, len(records))}
	for i, raw := range records {
		r, _ := wire.Parse(raw)
		user, _ := r.ID("userid")
		department := idOf(r["department"])
		if user == "" || department == "" {
			page.Bad = append(page.Bad, wire.Nth(i)+": no usable userid or department")
			continue
		}
		page.Members = append(page.Members, directory.Member{
			ExternalID:  user,
			Memberships: []directory.Membership{{DepartmentID: department}},
		})
	}
	switch {
	case end.Next == "":
	case named:
		page.Next = cursorIDs + end.Next
	default:
		page.Next = cursorEmpty + end.Next
	}
	return page, nil
}

// decodeUserID returns the userid of a record of which nothing else matters, "" if it has none.
func decodeUserID(raw json.RawMessage) string {
	r, _ := wire.Parse(raw)
	user, _ := r.ID("userid")
	return user
}

// refusedCursor turns "a parameter is not valid" for a page that was asked for
// by cursor into CursorExpired: nothing else in the request can be wrong.
func refusedCursor(err error, sent string) error {
	var e *provider.Error
	if sent == "" || !errors.As(err, &e) || (e.Code != "40035" && e.Code != "40058") {
		return err
	}
	expired := *e
	expired.Kind, expired.Action = provider.CursorExpired, message.Text{}
	expired.Problem = message.Of("fault.cursor_refused", nil)
	return &expired
}

// unknownCursor: a cursor of another build's making; the listing starts again.
func unknownCursor(ep provider.Endpoint) *provider.Error {
	return newError(ep, provider.CursorExpired, "fault.cursor_unknown", "")
}
