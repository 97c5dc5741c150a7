package console

import (
	"strings"

	"github.com/orgsync/orgsync/internal/service"
)

// routes are all pages and actions.
func (c *Console) routes() []route {
	all := []route{{pattern: "GET /{$}", operation: "list-providers", handle: showOverview}}
	for _, some := range [][]route{
		c.signInRoutes(), c.runRoutes(), c.providerRoutes(), c.setupRoutes(), c.directoryRoutes(), c.groupRoutes(),
		c.feedRoutes(), c.eventRoutes(), c.webhookRoutes(), c.settingsRoutes(),
	} {
		all = append(all, some...)
	}
	return all
}

const pageSize = 50

func showOverview(q *request) error {
	providers, err := q.view.ListProviders(q.ctx, service.Page{Limit: pageSize})
	if err != nil {
		return err
	}
	all := overview{}
	if q.page.Can("list-runs") {
		if all.status, err = q.view.GetStatus(q.ctx); err != nil {
			return err
		}
		runs, err := q.view.ListRuns(q.ctx, service.ListRunsInput{Page: service.Page{Limit: recentRuns}})
		if err != nil {
			return err
		}
		all.runs = runs.Items
		return q.render(q.page.T("overview.title"), overviewPage(q.page, all))
	}
	for _, p := range providers.Items {
		one := service.ProviderStatus{}
		one.Provider, one.Type, one.Active, one.LastSyncedAt = p.Name, string(p.Type), p.Active, p.LastSyncedAt
		all.status.Providers = append(all.status.Providers, one)
	}
	return q.render(q.page.T("overview.title"), overviewPage(q.page, all))
}

// recentRuns is how many runs the overview shows.
const recentRuns = 8

type overview struct {
	status service.GetStatusResult
	runs   []service.RunRow
}

// firstReason is the first sentence about why a run is held.
func firstReason(hold string) string {
	end := strings.IndexAny(hold, ";；")
	if end < 0 {
		return hold
	}
	return hold[:end]
}

// state is how a provider stands, in a word.
func state(s service.ProviderStatus) string {
	switch {
	case !s.Active:
		return "off"
	case s.Held != nil:
		return "held"
	case s.Running != nil:
		return "running"
	case s.FailingSince != nil:
		return "failing"
	case s.LastSyncedAt == nil:
		return "new"
	default:
		return "good"
	}
}
