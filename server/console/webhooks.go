package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
)

func (c *Console) webhookRoutes() []route {
	return []route{
		{pattern: "GET /webhooks", operation: "list-webhooks", handle: listWebhooks},
		{pattern: "POST /webhooks", operation: "create-webhook", handle: addWebhook},
		{pattern: "GET /webhooks/{id}", operation: "list-webhook-deliveries", handle: showWebhook},
		{pattern: "POST /webhooks/{id}/pause", operation: "update-webhook", handle: pauseWebhook},
		{pattern: "POST /webhooks/{id}/resume", operation: "resume-webhook", handle: resumeWebhook},
		{pattern: "POST /webhooks/{id}/test", operation: "test-webhook", handle: testWebhook, slow: true},
		{pattern: "POST /webhooks/{id}/remove", operation: "delete-webhook", handle: removeWebhook},
	}
}

// shownWebhooks is what the page of all webhooks shows.
type shownWebhooks struct {
	webhooks service.Rows[service.Webhook]
	names    []string
	// asked is what the form holds, secret that of a webhook that was added just now.
	asked           service.AddWebhookInput
	secret, mistake string
}

func listWebhooks(q *request) error { return q.showWebhooks(http.StatusOK, shownWebhooks{}) }

func (q *request) showWebhooks(status int, shown shownWebhooks) (err error) {
	if shown.webhooks, err = q.view.ListWebhooks(q.ctx, q.paging()); err != nil {
		return err
	}
	if shown.names, err = q.providerNames(); err != nil {
		return err
	}
	return q.renderAs(status, q.page.T("nav.webhooks"), webhooksPage(q.page, shown))
}

func addWebhook(q *request) error {
	in := service.AddWebhookInput{
		URL: q.form("url"), Content: q.form("content"), Provider: q.form("provider"),
		Types:  strings.FieldsFunc(q.form("types"), func(r rune) bool { return strings.ContainsRune(",， \r\n", r) }),
		Within: q.page.Caller.Reach, By: q.by(),
	}
	added, err := q.c.service.AddWebhook(q.ctx, in)
	if e := service.Classify(err); err != nil && e.Code != service.Internal {
		return q.showWebhooks(http.StatusUnprocessableEntity, shownWebhooks{asked: in, mistake: q.page.errorText(err)})
	}
	if err != nil {
		return err
	}
	return q.showWebhooks(http.StatusOK, shownWebhooks{secret: added.Secret})
}

// shownWebhook is what the page of a webhook shows.
type shownWebhook struct {
	webhook    service.Webhook
	deliveries service.Rows[service.Delivery]
	// tested is nil unless a message was sent just now.
	tested  *service.TestWebhookResult
	mistake string
}

func showWebhook(q *request) error { return q.showWebhook(http.StatusOK, shownWebhook{}) }

func (q *request) showWebhook(status int, shown shownWebhook) (err error) {
	id := q.r.PathValue("id")
	if shown.webhook, err = q.view.GetWebhook(q.ctx, id); err != nil {
		return err
	}
	if shown.deliveries, err = q.view.ListDeliveries(q.ctx, id, q.paging()); err != nil {
		return err
	}
	return q.renderAs(status, q.page.addressOf(shown.webhook), webhookPage(q.page, shown))
}

func pauseWebhook(q *request) error {
	return q.changeWebhook(func(id string) error {
		_, err := q.c.service.PauseWebhook(q.ctx, q.page.Caller.Reach, id, q.by())
		return err
	})
}

// resumeWebhook goes on from where a webhook stopped, or from another position.
func resumeWebhook(q *request) error {
	return q.changeWebhook(func(id string) error {
		_, err := q.c.service.ResumeWebhook(q.ctx, q.page.Caller.Reach, id, q.form("from"), q.by())
		return err
	})
}

func (q *request) changeWebhook(change func(id string) error) error {
	id := q.r.PathValue("id")
	err := change(id)
	switch {
	case err == nil:
		return q.redirect("/webhooks/" + id)
	case service.HasCode(err, service.WebhookUnknown), service.Classify(err).Code == service.Internal:
		return err
	}
	return q.showWebhook(http.StatusUnprocessableEntity, shownWebhook{mistake: q.page.errorText(err)})
}

func testWebhook(q *request) error {
	tested, err := q.c.service.TestWebhook(q.ctx, q.page.Caller.Reach, q.r.PathValue("id"))
	if err != nil {
		return err
	}
	return q.showWebhook(http.StatusOK, shownWebhook{tested: &tested})
}

func removeWebhook(q *request) error {
	if _, err := q.c.service.RemoveWebhook(q.ctx, q.page.Caller.Reach, q.r.PathValue("id"), q.by()); err != nil {
		return err
	}
	return q.redirect("/webhooks")
}

// addressOf is where a webhook leads. The rest of it may be as good as a password: only who may
// change webhooks sees it.
func (p *Page) addressOf(w service.Webhook) string {
	at, err := url.Parse(w.URL)
	if err != nil || p.Can("update-webhook") {
		return w.URL
	}
	return at.Scheme + "://" + at.Host + "/…"
}
