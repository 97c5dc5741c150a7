package console

import (
	"net/http"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
)

// shownRules is what the page of a provider's rules shows.
type shownRules struct {
	provider service.Provider
	rules    service.ShowRulesResult
	// document is what stands in the form.
	document string
	member   string
	tried    *service.TryRulesResult
	mistake  string
}

func (q *request) readRules() (shown shownRules, err error) {
	if shown.provider, err = q.view.GetProvider(q.ctx, q.r.PathValue("name")); err != nil {
		return shown, err
	}
	shown.rules, err = q.c.service.ShowRules(q.ctx, shown.provider.Name)
	shown.document = shown.rules.Document
	return shown, err
}

func (q *request) showRules(status int, shown shownRules) error {
	return q.renderAs(status, q.page.T("rules.title"), rulesPage(q.page, shown))
}

func showRules(q *request) error {
	shown, err := q.readRules()
	if err != nil {
		return err
	}
	return q.showRules(http.StatusOK, shown)
}

// setRules puts rules in force, or plans with them first.
func setRules(q *request) error {
	shown, err := q.readRules()
	if err != nil {
		return err
	}
	shown.document = strings.TrimSpace(q.r.PostFormValue("document"))
	in := service.SetRulesInput{Provider: shown.provider.Name, Document: []byte(shown.document), By: q.by()}
	if q.form("do") == "plan" {
		started, err := q.c.service.PlanRules(q.ctx, in)
		if err == nil {
			return q.begun(started.Execution, nil, "")
		}
		shown.mistake = q.page.errorText(err)
		return q.showRules(http.StatusUnprocessableEntity, shown)
	}
	if shown.document == "" {
		_, err = q.c.service.RemoveRules(q.ctx, shown.provider.Name, q.by())
	} else {
		_, err = q.c.service.SetRules(q.ctx, in)
	}
	if err != nil {
		shown.mistake = q.page.errorText(err)
		return q.showRules(http.StatusUnprocessableEntity, shown)
	}
	return q.redirect(pathTo("providers", shown.provider.Name, "rules"))
}

// tryRules says what rules come to for one person, and changes nothing.
func tryRules(q *request) error {
	shown, err := q.readRules()
	if err != nil {
		return err
	}
	shown.document, shown.member = strings.TrimSpace(q.r.PostFormValue("document")), q.form("member")
	in := service.TryRulesInput{Provider: shown.provider.Name, Member: shown.member}
	if shown.document != "" {
		in.Document = []byte(shown.document)
	}
	tried, err := q.c.service.TryRules(q.ctx, in)
	if err != nil {
		shown.mistake = q.page.errorText(err)
		return q.showRules(http.StatusUnprocessableEntity, shown)
	}
	shown.tried = &tried
	return q.showRules(http.StatusOK, shown)
}
