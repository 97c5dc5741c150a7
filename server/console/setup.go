package console

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) setupRoutes() []route {
	return []route{
		{pattern: "GET /setup", operation: "create-provider", handle: chooseType},
		{pattern: "GET /setup/{type}", operation: "create-provider", handle: showCredentials},
		{pattern: "POST /setup/{type}", operation: "create-provider", handle: addProvider},
		{pattern: "GET /providers/{name}/setup/test", operation: "test-provider", handle: testProvider, slow: true},
		{pattern: "GET /providers/{name}/setup/scope", operation: "get-rules", handle: showScope},
		{pattern: "POST /providers/{name}/setup/scope", operation: "set-rules", handle: setScope},
		{pattern: "GET /providers/{name}/setup/plan", operation: "start-run", handle: showPlanStep},
		{pattern: "GET /providers/{name}/setup/schedule", operation: "get-schedule", handle: showSchedule},
	}
}

// Steps of setting a provider up.
const (
	stepType = iota
	stepCredentials
	stepTest
	stepScope
	stepPlan
	stepSync
	stepSchedule
)

var stepNames = []string{"type", "credentials", "test", "scope", "plan", "sync", "schedule"}

// credential is a setting that the wizard asks for.
type credential struct {
	name     string
	required bool
}

// credentials are those of each type, in the order in which its vendor shows them; advanced are
// the others that a person may have to set.
var (
	types       = []string{"feishu", "dingtalk", "wecom"}
	credentials = map[string][]credential{
		"feishu":   {{"app_id", true}, {"app_secret", true}},
		"dingtalk": {{"app_key", true}, {"app_secret", true}},
		"wecom":    {{"corp_id", true}, {"secret", false}, {"agent_id", false}, {"sync_secret", false}},
	}
	advanced = map[string][]credential{
		"feishu":   {{"base_url", false}},
		"dingtalk": {{"base_url", false}, {"api_base_url", false}, {"corp_id", false}},
		"wecom":    {{"base_url", false}},
	}
)

func chooseType(q *request) error { return q.render(q.page.T("setup.title"), typePage(q.page)) }

// asked is what the form of credentials holds.
type asked struct {
	kind, name, mistake string
	config              map[string]string
}

func showCredentials(q *request) error {
	kind := q.r.PathValue("type")
	if !slices.Contains(types, kind) {
		return problem{http.StatusNotFound, "no_page"}
	}
	return q.render(q.page.T("setup.title"), credentialsPage(q.page, asked{kind: kind}))
}

func addProvider(q *request) error {
	in := asked{kind: q.r.PathValue("type"), name: q.form("name"), config: map[string]string{}}
	if !slices.Contains(types, in.kind) {
		return problem{http.StatusNotFound, "no_page"}
	}
	for _, c := range slices.Concat(credentials[in.kind], advanced[in.kind]) {
		if value := q.form(c.name); value != "" {
			in.config[c.name] = value
		}
	}
	config, err := json.Marshal(in.config)
	if err != nil {
		return err
	}
	_, err = q.c.service.AddProvider(q.ctx, service.AddProviderInput{
		Name: in.name, Type: in.kind, Config: config, TenantID: q.page.Caller.Reach.TenantID, By: q.by(),
		Reach: q.page.Caller.Reach,
	})
	if e := service.Classify(err); err != nil && e.Code != service.Internal {
		in.mistake = q.page.errorText(err)
		for name := range in.config {
			if secretName(name) {
				delete(in.config, name) // a secret does not go back to the browser
			}
		}
		return q.renderAs(http.StatusUnprocessableEntity, q.page.T("setup.title"), credentialsPage(q.page, in))
	}
	if err != nil {
		return err
	}
	return q.redirect(pathTo("providers", in.name, "setup", "test"))
}

func testProvider(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	result, err := q.c.service.TestProvider(q.ctx, p.Name)
	if err != nil {
		return err
	}
	return q.render(q.page.T("setup.test"), testPage(q.page, p, result))
}

// shownScope is what the step about the scope shows.
type shownScope struct {
	provider service.Provider
	excluded string
	rules    service.ShowRulesResult
	mistake  string
}

func showScope(q *request) error {
	shown, err := q.readScope()
	if err != nil {
		return err
	}
	return q.render(q.page.T("setup.scope"), scopePage(q.page, shown))
}

func (q *request) readScope() (shown shownScope, err error) {
	if shown.provider, err = q.view.GetProvider(q.ctx, q.r.PathValue("name")); err != nil {
		return shown, err
	}
	shown.rules, err = q.c.service.ShowRules(q.ctx, shown.provider.Name)
	return shown, err
}

// setScope leaves departments out, or reads everybody whom the credentials can see.
func setScope(q *request) error {
	shown, err := q.readScope()
	if err != nil {
		return err
	}
	next := pathTo("providers", shown.provider.Name, "setup", "plan")
	shown.excluded = q.form("excluded")
	ids := strings.FieldsFunc(shown.excluded, func(r rune) bool { return strings.ContainsRune(",，\n\r ", r) })
	if len(ids) == 0 {
		return q.redirect(next)
	}
	document, err := json.MarshalIndent(map[string]any{
		"scope": map[string]any{"departments": map[string]any{"exclude": ids}},
	}, "", "  ")
	if err != nil {
		return err
	}
	in := service.SetRulesInput{Provider: shown.provider.Name, Document: document, By: q.by()}
	if _, err := q.c.service.SetRules(q.ctx, in); err != nil {
		shown.mistake = q.page.errorText(err)
		return q.renderAs(http.StatusUnprocessableEntity, q.page.T("setup.scope"), scopePage(q.page, shown))
	}
	return q.redirect(next)
}

func showPlanStep(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	return q.render(q.page.T("setup.plan"), planPage(q.page, p))
}

// setupStep is which step of setting up a run is.
func setupStep(r service.RunRow) int {
	if r.Mode == service.ModePlan {
		return stepPlan
	}
	return stepSync
}

// interval is how often a provider may be synced, as the form offers it.
type interval struct {
	value string
	every time.Duration
}

var intervals = []interval{
	{"15m", 15 * time.Minute}, {"1h", time.Hour}, {"6h", 6 * time.Hour}, {"24h", 24 * time.Hour},
}

// shownSchedule is what the page of a schedule shows.
type shownSchedule struct {
	provider service.Provider
	schedule *service.Schedule
	unknown  bool
	mistake  string
}

func showSchedule(q *request) error {
	shown := shownSchedule{}
	var err error
	if shown.provider, err = q.view.GetProvider(q.ctx, q.r.PathValue("name")); err != nil {
		return err
	}
	shown.schedule, shown.unknown = q.readSchedule(shown.provider.Name)
	return q.render(q.page.T("schedule.title"), schedulePage(q.page, shown))
}

func setSchedule(q *request) error {
	shown := shownSchedule{}
	var err error
	if shown.provider, err = q.view.GetProvider(q.ctx, q.r.PathValue("name")); err != nil {
		return err
	}
	in := service.SetScheduleInput{Provider: shown.provider.Name, OnRemovals: service.RemovalsHold, By: q.by()}
	if cron := q.form("cron"); q.form("every") == "cron" {
		in.Rule.Cron, in.Rule.TimeZone = cron, q.form("time_zone")
	} else {
		in.Rule.Every, _ = time.ParseDuration(q.form("every"))
	}
	if _, err := q.c.service.SetSchedule(q.ctx, in); err != nil {
		shown.mistake = q.page.errorText(err)
		return q.renderAs(http.StatusUnprocessableEntity, q.page.T("schedule.title"), schedulePage(q.page, shown))
	}
	return q.redirect(pathTo("providers", shown.provider.Name))
}

func pauseSchedule(q *request) error { return q.changeSchedule(q.c.service.PauseSchedule) }

func resumeSchedule(q *request) error { return q.changeSchedule(q.c.service.ResumeSchedule) }

// changeSchedule pauses or resumes a provider's schedule.
func (q *request) changeSchedule(change func(context.Context, string, string, service.By) (service.Schedule,
	error)) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	if _, err := change(q.ctx, p.Name, q.form("note"), q.by()); err != nil {
		return err
	}
	return q.redirect(pathTo("providers", p.Name, "setup", "schedule"))
}

func removeSchedule(q *request) error {
	p, err := q.view.GetProvider(q.ctx, q.r.PathValue("name"))
	if err != nil {
		return err
	}
	if _, err := q.c.service.RemoveSchedule(q.ctx, p.Name, q.by()); err != nil {
		return err
	}
	return q.redirect(pathTo("providers", p.Name))
}

func listSchedules(q *request) error {
	all, err := q.view.ListSchedules(q.ctx)
	if err != nil {
		return err
	}
	return q.render(q.page.T("nav.schedules"), schedulesPage(q.page, all))
}

// rule says when a schedule is due.
func (p *Page) rule(r service.Rule) string {
	switch {
	case r.Every > 0:
		return p.T("schedule.every", "Length", p.length(r.Every))
	case r.Cron != "":
		return r.Cron + " " + r.TimeZone
	}
	return r.Other
}
