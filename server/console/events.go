package console

import (
	"net/http"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) eventRoutes() []route {
	return []route{
		{pattern: "GET /events", operation: "get-events", handle: listEvents},
		{pattern: "GET /providers/{name}/events", operation: "get-events", handle: showEvents},
		{pattern: "POST /providers/{name}/events", operation: "set-events", handle: enableEvents},
		{pattern: "POST /providers/{name}/events/disable", operation: "delete-events", handle: disableEvents},
		{pattern: "POST /providers/{name}/events/retry", operation: "retry-events", handle: retryEvents},
	}
}

func listEvents(q *request) error {
	names, err := q.providerNames()
	if err != nil {
		return err
	}
	all := make([]service.Events, len(names))
	for i, name := range names {
		if all[i], err = q.c.service.ShowEvents(q.ctx, name); err != nil {
			return err
		}
	}
	return q.render(q.page.T("nav.events"), eventsPage(q.page, all))
}

// shownEvents is what the page of a provider's events shows.
type shownEvents struct {
	provider service.Provider
	events   service.Events
	// address is where the provider's messages are to be sent.
	address string
	mistake string
}

func (q *request) readEvents() (shown shownEvents, err error) {
	if shown.provider, err = q.view.GetProvider(q.ctx, q.r.PathValue("name")); err != nil {
		return shown, err
	}
	shown.address = strings.TrimRight(q.c.PublicURL, "/") + pathTo("events", shown.provider.Name)
	shown.events, err = q.c.service.ShowEvents(q.ctx, shown.provider.Name)
	return shown, err
}

func (q *request) showEvents(status int, shown shownEvents) error {
	return q.renderAs(status, q.page.T("nav.events")+" · "+shown.provider.Name, providerEventsPage(q.page, shown))
}

func showEvents(q *request) error {
	shown, err := q.readEvents()
	if err != nil {
		return err
	}
	return q.showEvents(http.StatusOK, shown)
}

func enableEvents(q *request) error {
	return q.changeEvents(func(name string) error {
		_, err := q.c.service.EnableEvents(q.ctx, name, q.form("mode"), q.by())
		return err
	})
}

func disableEvents(q *request) error {
	return q.changeEvents(func(name string) error { return q.c.service.DisableEvents(q.ctx, name, q.by()) })
}

func retryEvents(q *request) error {
	return q.changeEvents(func(name string) error {
		_, err := q.c.service.RetryEvents(q.ctx, name, q.by())
		return err
	})
}

// changeEvents does something to a provider's events and shows how they stand then.
func (q *request) changeEvents(change func(name string) error) error {
	shown, err := q.readEvents()
	if err != nil {
		return err
	}
	if err := change(shown.provider.Name); err != nil {
		if service.Classify(err).Code == service.Internal {
			return err
		}
		shown.mistake = q.page.errorText(err)
		return q.showEvents(http.StatusUnprocessableEntity, shown)
	}
	return q.redirect(pathTo("providers", shown.provider.Name, "events"))
}
