package console

import (
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) directoryRoutes() []route {
	return []route{
		{pattern: "GET /directory", operation: "list-departments", handle: chooseDirectory},
		{pattern: "GET /directory/{name}", operation: "list-departments", handle: showTree},
		{pattern: "GET /departments/{id}", operation: "get-department", handle: showDepartment},
		{pattern: "GET /departments/{id}/children", operation: "list-child-departments", handle: listChildren},
		{pattern: "GET /people", operation: "list-members", handle: listPeople},
		{pattern: "GET /people/{id}", operation: "get-member", handle: showPerson},
		{pattern: "POST /people/{id}/sync", operation: "start-run", handle: syncPerson},
		{pattern: "POST /people/{id}/offline", operation: "set-offline", handle: markOffline},
		{pattern: "POST /people/{id}/online", operation: "delete-offline", handle: markOnline},
	}
}

// branch is how many departments the tree shows at a time below one.
const branch = 100

func chooseDirectory(q *request) error {
	rows, err := q.view.ListProviders(q.ctx, service.Page{Limit: pageSize})
	if err != nil {
		return err
	}
	if len(rows.Items) == 1 {
		return q.redirect(pathTo("directory", rows.Items[0].Name))
	}
	return q.render(q.page.T("nav.directory"), directoryPage(q.page, rows.Items))
}

// node is a department of the tree with what is open below it.
type node struct {
	service.DepartmentRow
	open     bool
	children []node
	next     string
}

func showTree(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	rows, err := q.view.ListTopDepartments(q.ctx, p.Name, service.Page{After: q.form("after"), Limit: branch})
	if err != nil {
		return err
	}
	open := strings.Fields(q.form("open"))
	if len(rows.Items) == 1 && q.form("open") == "" { // a company with one top is opened
		open = []string{rows.Items[0].ID}
	}
	tops, err := q.grow(rows.Items, open)
	if err != nil {
		return err
	}
	return q.render(p.Name, treePage(q.page, p, tops, open, rows.Next))
}

// grow adds what is open below departments.
func (q *request) grow(rows []service.DepartmentRow, open []string) (nodes []node, err error) {
	for _, row := range rows {
		one := node{DepartmentRow: row, open: row.HasChildren && slices.Contains(open, row.ID)}
		if one.open {
			below, err := q.view.ListChildDepartments(q.ctx, "", row.ID, service.Page{Limit: branch})
			if err != nil {
				return nil, err
			}
			if one.children, err = q.grow(below.Items, open); err != nil {
				return nil, err
			}
			one.next = below.Next
		}
		nodes = append(nodes, one)
	}
	return nodes, nil
}

// listChildren answers with the departments below one: for the tree, as a part of it.
func listChildren(q *request) error {
	id := q.r.PathValue("id")
	rows, err := q.view.ListChildDepartments(q.ctx, "", id, service.Page{After: q.form("after"), Limit: branch})
	if err != nil {
		return err
	}
	nodes, err := q.grow(rows.Items, nil)
	if err != nil {
		return err
	}
	if q.r.Header.Get("HX-Request") != "" {
		return q.part(branchPart(q.page, id, nodes, rows.Next))
	}
	department, _, err := q.view.GetDepartment(q.ctx, id)
	if err != nil {
		return err
	}
	return q.render(department.Name, childrenPage(q.page, department, nodes, rows.Next))
}

func showDepartment(q *request) error {
	id := q.r.PathValue("id")
	department, _, err := q.view.GetDepartment(q.ctx, id)
	if err != nil {
		return err
	}
	below, err := q.view.ListChildDepartments(q.ctx, "", id, service.Page{Limit: branch})
	if err != nil {
		return err
	}
	people, err := q.view.ListDepartmentMembers(q.ctx, id, q.paging())
	if err != nil {
		return err
	}
	return q.render(department.Name, departmentPage(q.page, department, below, people))
}

func listPeople(q *request) error {
	in := service.ListMembersInput{
		Provider: q.form("provider"), Text: q.form("q"), Status: q.form("status"), Page: q.paging(),
	}
	if !slices.Contains([]string{"active", "inactive", "deleted"}, in.Status) {
		in.Status = ""
	}
	rows, err := q.view.ListMembers(q.ctx, in)
	if err != nil {
		return err
	}
	if q.r.Header.Get("HX-Request") != "" {
		return q.part(peoplePart(q.page, rows))
	}
	return q.render(q.page.T("nav.people"), peoplePage(q.page, in, rows))
}

// shownPerson is what the page of a person shows.
type shownPerson struct {
	row     service.MemberRow
	member  service.Member
	history service.Rows[service.MemberChangeRow]
	// unlinked says that the next run takes the link to the account away.
	unlinked bool
}

func showPerson(q *request) error {
	var shown shownPerson
	var err error
	id := q.r.PathValue("id")
	if shown.row, shown.member, err = q.view.ShowMember(q.ctx, id); err != nil {
		return err
	}
	if shown.history, err = q.view.ListMemberHistory(q.ctx, id, q.paging()); err != nil {
		return err
	}
	if shown.member.Account != nil && q.page.Can("get-account-conflict") {
		decided, err := q.view.GetConflict(q.ctx, id)
		if err != nil && !service.HasCode(err, service.ConflictUnknown) {
			return err
		}
		shown.unlinked = text(decided.Decision) == "unlink"
	}
	return q.render(shown.row.Name, personPage(q.page, shown))
}

func syncPerson(q *request) error {
	m, err := q.view.GetMember(q.ctx, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	started, err := q.c.service.StartSync(q.ctx, service.StartSyncInput{
		Provider: m.ProviderName, Members: []string{m.ExternalID}, By: q.by(),
	})
	return q.begun(started, err, "")
}

func markOffline(q *request) error { return q.mark(service.TaskOffline) }

func markOnline(q *request) error { return q.mark(service.TaskOnline) }

func (q *request) mark(task string) error {
	started, err := q.view.MarkMember(q.ctx, q.r.PathValue("id"), task, q.by())
	return q.begun(started, err, "")
}

// happened says in a sentence what a run changed of a person.
func (p *Page) happened(c service.MemberChangeRow) string {
	if c.ObjectType == "member" {
		return p.T("history."+c.Kind, "Reason", p.word("reason", c.Reason))
	}
	name := orDash(c.DepartmentName)
	switch c.Kind {
	case "created":
		return p.T("history.joined", "Name", name)
	case "deleted":
		return p.T("history.left", "Name", name)
	}
	return p.T("history.place", "Name", name)
}
