package console

import (
	"slices"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) feedRoutes() []route {
	return []route{{pattern: "GET /changes", operation: "list-changes", handle: showFeed}}
}

// shownFeed is what the page of the change feed shows.
type shownFeed struct {
	service.ReadChangesResult
	// newest is the cursor behind everything that there is.
	newest                string
	names                 []string
	provider, kind, after string
}

func showFeed(q *request) (err error) {
	shown := shownFeed{provider: q.form("provider"), kind: q.form("type"), after: q.form("after")}
	if shown.names, err = q.providerNames(); err != nil {
		return err
	}
	newest, err := q.view.ReadChanges(q.ctx, service.ReadChangesInput{After: service.ChangesNow, Limit: 1})
	if err != nil {
		return err
	}
	shown.newest = newest.Next
	in := service.ReadChangesInput{After: shown.after, Limit: pageSize, Provider: shown.provider}
	if slices.Contains(feedKinds, shown.kind) {
		in.Types = []string{shown.kind + ".*"}
	}
	if shown.ReadChangesResult, err = q.view.ReadChanges(q.ctx, in); err != nil {
		return err
	}
	return q.render(q.page.T("nav.changes"), feedPage(q.page, shown))
}

// feedKinds are the objects that the feed can be limited to.
var feedKinds = []string{"member", "department", "membership", "group", "group_membership", "administrator"}
