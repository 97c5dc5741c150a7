package console

import (
	"cmp"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) groupRoutes() []route {
	return []route{
		{pattern: "GET /groups", operation: "list-groups", handle: listGroups},
		{pattern: "GET /groups/{id}", operation: "list-group-members", handle: showGroup},
		{pattern: "GET /administrators", operation: "list-administrators", handle: listAdministrators},
		{pattern: "POST /administrators/{id}", operation: "set-administrator", handle: nameAdministrator},
		{pattern: "POST /administrators/{id}/remove", operation: "delete-administrator", handle: unnameAdministrator},
	}
}

func listGroups(q *request) error {
	provider := q.form("provider")
	rows, err := q.view.ListGroups(q.ctx, provider, q.paging())
	if err != nil {
		return err
	}
	names, err := q.providerNames()
	if err != nil {
		return err
	}
	return q.render(q.page.T("nav.groups"), groupsPage(q.page, names, provider, rows))
}

// providerNames are what lists can be limited to.
func (q *request) providerNames() (names []string, err error) {
	rows, err := q.view.ListProviders(q.ctx, service.Page{Limit: 200})
	for _, p := range rows.Items {
		names = append(names, p.Name)
	}
	return names, err
}

// shownGroup is what the page of a group shows.
type shownGroup struct {
	group       service.GroupRow
	departments []service.GroupDepartment
	people      service.Rows[service.MemberRow]
}

func showGroup(q *request) (err error) {
	var shown shownGroup
	id := q.r.PathValue("id")
	if shown.group, shown.departments, err = q.view.ShowGroup(q.ctx, id); err != nil {
		return err
	}
	if shown.people, err = q.view.ListGroupMembers(q.ctx, id, q.paging()); err != nil {
		return err
	}
	return q.render(cmp.Or(shown.group.Name, shown.group.ExternalID), groupPage(q.page, shown))
}

func listAdministrators(q *request) error {
	provider := q.form("provider")
	rows, err := q.view.ListAdministrators(q.ctx, provider, q.paging())
	if err != nil {
		return err
	}
	names, err := q.providerNames()
	if err != nil {
		return err
	}
	return q.render(q.page.T("nav.administrators"), administratorsPage(q.page, names, provider, rows))
}

func nameAdministrator(q *request) error { return q.nameAdministrator(true) }

func unnameAdministrator(q *request) error { return q.nameAdministrator(false) }

func (q *request) nameAdministrator(named bool) error {
	started, err := q.view.NameAdministrator(q.ctx, q.r.PathValue("id"), named, q.by())
	return q.begun(started, err, "")
}
