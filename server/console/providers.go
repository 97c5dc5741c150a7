package console

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) providerRoutes() []route {
	return []route{
		{pattern: "GET /providers", operation: "list-providers", handle: listProviders},
		{pattern: "GET /providers/{name}", operation: "get-provider", handle: showProvider},
		{pattern: "GET /providers/{name}/settings", operation: "update-provider", handle: showProviderSettings},
		{pattern: "POST /providers/{name}/settings", operation: "update-provider", handle: changeProvider},
		{pattern: "POST /providers/{name}/installation", operation: "make-install-link", handle: makeInstallLink,
			slow: true},
		{pattern: "POST /providers/{name}/remove", operation: "delete-provider", handle: removeProvider},
		{pattern: "GET /providers/{name}/rules", operation: "get-rules", handle: showRules},
		{pattern: "POST /providers/{name}/rules", operation: "set-rules", handle: setRules, slow: true},
		{pattern: "POST /providers/{name}/rules/try", operation: "get-rules", handle: tryRules, slow: true},
		{pattern: "GET /schedules", operation: "get-schedule", handle: listSchedules},
		{pattern: "POST /providers/{name}/schedule", operation: "set-schedule", handle: setSchedule},
		{pattern: "POST /providers/{name}/schedule/pause", operation: "set-schedule", handle: pauseSchedule},
		{pattern: "POST /providers/{name}/schedule/resume", operation: "set-schedule", handle: resumeSchedule},
		{pattern: "POST /providers/{name}/schedule/remove", operation: "delete-schedule", handle: removeSchedule},
	}
}

func listProviders(q *request) error {
	rows, err := q.view.ListProviders(q.ctx, q.paging())
	if err != nil {
		return err
	}
	return q.render(q.page.T("nav.providers"), providersPage(q.page, rows))
}

// shownProvider is what the page of a provider shows.
type shownProvider struct {
	provider service.Provider
	runs     []service.RunRow
	// schedule is nil if there is none, unknown says that Temporal does not tell.
	schedule *service.Schedule
	unknown  bool
	starting bool
	mistake  string
	// installation is nil if the provider belongs to no suite; link is one that was made just now.
	installation *service.Installation
	link         *service.InstallLink
}

func showProvider(q *request) error {
	shown, err := q.readProvider()
	if err != nil {
		return err
	}
	q.page.Refresh = shown.starting
	return q.render(shown.provider.Name, providerPage(q.page, shown))
}

func (q *request) readProvider() (shown shownProvider, err error) {
	name := q.r.PathValue("name")
	if shown.provider, err = q.view.GetProvider(q.ctx, name); err != nil {
		return shown, err
	}
	shown.starting = q.form("starting") != ""
	if q.page.Can("list-runs") {
		in := service.ListRunsInput{Provider: name, Page: service.Page{Limit: recentRuns}}
		runs, err := q.view.ListRuns(q.ctx, in)
		if err != nil {
			return shown, err
		}
		shown.runs = runs.Items
	}
	if q.page.Can("get-schedule") {
		shown.schedule, shown.unknown = q.readSchedule(name)
	}
	if shown.provider.Config["suite_id"] != "" && q.page.Can("get-installation") {
		installation, err := q.view.ShowInstallation(q.ctx, name)
		if err != nil && !service.HasCode(err, service.SuiteNotUsed) {
			return shown, err
		}
		if err == nil {
			shown.installation = &installation
		}
	}
	return shown, nil
}

// makeInstallLink shows a link by which a company's administrator installs the suite.
func makeInstallLink(q *request) error {
	made, err := q.view.MakeInstallLink(q.ctx, q.r.PathValue("name"), q.by())
	if service.Classify(err).Code == service.Internal && err != nil {
		return err
	}
	shown, failed := q.readProvider()
	if failed != nil {
		return failed
	}
	status := http.StatusOK
	if err != nil {
		shown.mistake, status = q.page.errorText(err), http.StatusConflict
	} else {
		shown.link = &made
	}
	return q.renderAs(status, shown.provider.Name, providerPage(q.page, shown))
}

func (q *request) readSchedule(provider string) (found *service.Schedule, unknown bool) {
	schedule, err := q.c.service.GetSchedule(q.ctx, provider)
	switch {
	case err == nil:
		return &schedule, false
	case service.HasCode(err, service.ScheduleUnknown):
		return nil, false
	}
	return nil, true
}

func showProviderSettings(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	return q.showProviderSettings(http.StatusOK, shownProvider{provider: p})
}

func (q *request) showProviderSettings(status int, shown shownProvider) error {
	return q.renderAs(status, shown.provider.Name, settingsOfProvider(q.page, shown))
}

// settingsOf are the settings of a provider, those without a value left out.
func settingsOf(p service.Provider) (all []fact) {
	for name, value := range p.Config {
		all = append(all, fact{name, value})
	}
	slices.SortFunc(all, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func changeProvider(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	shown := shownProvider{provider: p}
	in := service.UpdateProviderInput{
		Name: shown.provider.Name, By: q.by(), IfChangedAt: &shown.provider.UpdatedAt,
		Reach: q.page.Caller.Reach,
	}
	if active := q.form("active"); active != "" {
		on := active == "yes"
		in.Active = &on
	} else {
		config := map[string]string{}
		for name := range shown.provider.Config {
			if value := q.form("config." + name); value != "" || !secretName(name) {
				config[name] = value
			}
		}
		if in.Config, err = json.Marshal(config); err != nil {
			return err
		}
	}
	if _, err := q.c.service.UpdateProvider(q.ctx, in); err != nil {
		shown.mistake = q.page.errorText(err)
		return q.showProviderSettings(http.StatusUnprocessableEntity, shown)
	}
	return q.redirect(pathTo("providers", shown.provider.Name) + "?saved=1")
}

// secretName reports whether a setting is a secret, which is never sent to a browser.
func secretName(name string) bool { return strings.Contains(name, "secret") }

func removeProvider(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	if q.form("name") != p.Name {
		return problem{http.StatusUnprocessableEntity, "type_name"}
	}
	if _, err := q.c.service.RemoveProvider(q.ctx, p.Name, q.by()); err != nil {
		return err
	}
	return q.redirect("/providers")
}
