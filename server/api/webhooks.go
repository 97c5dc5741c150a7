package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// Webhook is an address that is told of changes, without its secret.
type Webhook struct {
	ID            string     `json:"id" format:"uuid"`
	URL           string     `json:"url"`
	Content       string     `json:"content" enum:"ping,events"`
	TenantID      *string    `json:"tenant_id" format:"uuid" doc:"The tenant whose changes it is told; null: any."`
	Provider      *string    `json:"provider" doc:"The provider whose changes it is told; null: any; once removed: its id."`
	Types         []string   `json:"types" doc:"The types of events that it is told; empty: all."`
	State         string     `json:"state" enum:"active,failing,paused"`
	PausedAt      *time.Time `json:"paused_at"`
	PauseReason   *string    `json:"pause_reason" enum:"person,failing,gone,expired" doc:"Null unless it is paused."`
	FailingSince  *time.Time `json:"failing_since"`
	Cursor        string     `json:"cursor" doc:"Up to where it was told everything."`
	Waiting       int        `json:"waiting" doc:"Publications that are not delivered."`
	OldestWaiting *time.Time `json:"oldest_waiting" doc:"When the first of them was published."`
	CreatedAt     time.Time  `json:"created_at"`
	CreatedBy     string     `json:"created_by"`
}

func webhookOf(w service.Webhook) Webhook {
	return Webhook{
		ID: w.ID, URL: w.URL, Content: w.Content, TenantID: unlessEmpty(w.TenantID),
		Provider: unlessEmpty(w.Provider), Types: append([]string{}, w.Types...), State: w.State(),
		PausedAt: w.PausedAt, PauseReason: unlessEmpty(w.PauseReason), FailingSince: w.FailingSince,
		Cursor: w.Delivered.Cursor(), Waiting: w.Waiting, OldestWaiting: w.OldestWaiting,
		CreatedAt: w.CreatedAt, CreatedBy: w.CreatedBy,
	}
}

// WebhookCreate is a webhook to be stored.
type WebhookCreate struct {
	URL      string   `json:"url" minLength:"1" maxLength:"2000" doc:"An https address; private networks have to be allowed."`
	Content  string   `json:"content,omitempty" enum:"ping,events" default:"ping" doc:"ping: how much is new, no personal data."`
	TenantID string   `json:"tenant_id,omitempty" format:"uuid"`
	Provider string   `json:"provider,omitempty" minLength:"1" maxLength:"100"`
	Types    []string `json:"types,omitempty" minItems:"1" maxItems:"100" doc:"Types such as member.moved or member.*; left out: all."`
}

// WebhookCreated is a webhook that was stored.
type WebhookCreated struct {
	Webhook
	Secret string `json:"secret" doc:"Deliveries are signed with it. It is told here and nowhere else."`
}

// WebhookPatch changes a webhook; what is left out stays.
type WebhookPatch struct {
	URL     *string   `json:"url,omitempty" minLength:"1" maxLength:"2000"`
	Content *string   `json:"content,omitempty" enum:"ping,events"`
	Types   *[]string `json:"types,omitempty" minItems:"1" maxItems:"100"`
	Paused  *bool     `json:"paused,omitempty" doc:"true: nothing more is delivered until it is resumed."`
}

// WebhookResume has a webhook told again.
type WebhookResume struct {
	From string `json:"from,omitempty" minLength:"1" maxLength:"200" doc:"A cursor, or now; left out: where it stopped."`
}

// Delivery is one message to a webhook.
type Delivery struct {
	ID          string     `json:"id" format:"uuid" doc:"What is sent as webhook-id."`
	After       string     `json:"after" doc:"What follows this cursor was sent."`
	Cursor      string     `json:"cursor" doc:"Up to this cursor."`
	Events      int        `json:"events"`
	Status      string     `json:"status" enum:"sending,delivered,dropped"`
	Attempts    int        `json:"attempts"`
	CreatedAt   time.Time  `json:"created_at"`
	AttemptedAt *time.Time `json:"attempted_at"`
	FinishedAt  *time.Time `json:"finished_at"`
	HTTPStatus  *int       `json:"http_status" doc:"Of the last answer; null: there was none."`
	Problem     *string    `json:"problem" doc:"Why the last attempt failed; null: it did not."`
}

func deliveryOf(d service.Delivery) Delivery {
	return Delivery{
		ID: d.ID, After: d.After.Cursor(), Cursor: d.To.Cursor(), Events: d.Events, Status: d.Status,
		Attempts: d.Attempts, CreatedAt: d.CreatedAt, AttemptedAt: d.AttemptedAt, FinishedAt: d.FinishedAt,
		HTTPStatus: unlessEmpty(d.HTTPStatus), Problem: unlessEmpty(d.Problem),
	}
}

// WebhookTest is what a test message came to.
type WebhookTest struct {
	Delivered  bool    `json:"delivered"`
	HTTPStatus *int    `json:"http_status" doc:"Of the answer; null: there was none."`
	Problem    *string `json:"problem" doc:"Why it was not delivered."`
	DurationMS int64   `json:"duration_ms"`
}

// OfWebhook is the input that names a webhook.
type OfWebhook struct {
	ID string `path:"id" format:"uuid" doc:"The webhook's id."`
}

type webhookOutput struct {
	ETag string `header:"ETag" doc:"For If-Match, when it is changed."`
	Body Webhook
}

func webhookOutputOf(w service.Webhook) *webhookOutput {
	return &webhookOutput{ETag: strconv.Quote(strconv.Itoa(w.Version)), Body: webhookOf(w)}
}

type createWebhookInput struct{ Body WebhookCreate }

type createdWebhook struct {
	Location string `header:"Location"`
	ETag     string `header:"ETag"`
	Body     WebhookCreated
}

type updateWebhookInput struct {
	OfWebhook
	IfMatch string `header:"If-Match" doc:"The ETag of what was read."`
	Body    WebhookPatch
}

type resumeWebhookInput struct {
	OfWebhook
	Body WebhookResume
}

type listDeliveriesInput struct {
	OfWebhook
	Paged
}

type testedWebhook struct{ Body WebhookTest }

func (a *API) registerWebhooks() {
	const tag, one = "Changes", "/webhooks/{id}"
	registerList(a, operation{id: "list-webhooks", method: http.MethodGet, path: "/webhooks", tag: tag,
		summary: "List the addresses that are told of changes"},
		func(ctx context.Context, _ *listTokensInput, page service.Page) (List[Webhook], string, error) {
			rows, err := a.view(ctx).ListWebhooks(ctx, page)
			return listOf(rows, webhookOf), "", err
		})
	register(a, operation{id: "create-webhook", method: http.MethodPost, path: "/webhooks", tag: tag,
		summary: "Have an address told of changes from now on; its secret is told once",
		status:  http.StatusCreated, errors: conflicting}, a.createWebhook)
	register(a, operation{id: "get-webhook", method: http.MethodGet, path: one, tag: tag, summary: "Show a webhook",
		errors: notFound}, func(ctx context.Context, in *OfWebhook) (*webhookOutput, error) {
		w, err := a.view(ctx).GetWebhook(ctx, in.ID)
		return webhookOutputOf(w), err
	})
	register(a, operation{id: "update-webhook", method: http.MethodPatch, path: one, tag: tag,
		summary: "Change a webhook, or pause it",
		errors:  []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusPreconditionRequired}},
		a.updateWebhook)
	register(a, operation{id: "delete-webhook", method: http.MethodDelete, path: one, tag: tag,
		summary: "Remove a webhook with the record of its deliveries", errors: notFound},
		func(ctx context.Context, in *OfWebhook) (*struct{}, error) {
			_, err := a.service.RemoveWebhook(ctx, callerOf(ctx).Reach, in.ID, by(ctx))
			return nil, err
		})
	registerList(a, operation{id: "list-webhook-deliveries", method: http.MethodGet, path: one + "/deliveries",
		tag: tag, summary: "List what was delivered to a webhook, the latest first", errors: notFound},
		func(ctx context.Context, in *listDeliveriesInput, page service.Page) (List[Delivery], string, error) {
			rows, err := a.view(ctx).ListDeliveries(ctx, in.ID, page)
			return listOf(rows, deliveryOf), "", err
		})
	register(a, operation{id: "resume-webhook", method: http.MethodPost, path: one + "/resume", tag: tag,
		summary: "Have a webhook told again, or once more from a cursor on", errors: notFound},
		func(ctx context.Context, in *resumeWebhookInput) (*webhookOutput, error) {
			w, err := a.service.ResumeWebhook(ctx, callerOf(ctx).Reach, in.ID, in.Body.From, by(ctx))
			return webhookOutputOf(w), err
		})
	register(a, operation{id: "test-webhook", method: http.MethodPost, path: one + "/test", tag: tag,
		summary: "Send a signed test message, now", errors: notFound}, a.testWebhook)
}

func (a *API) createWebhook(ctx context.Context, in *createWebhookInput) (*createdWebhook, error) {
	added, err := a.service.AddWebhook(ctx, service.AddWebhookInput{
		URL: in.Body.URL, Content: in.Body.Content, TenantID: in.Body.TenantID, Provider: in.Body.Provider,
		Types: in.Body.Types, Within: callerOf(ctx).Reach, By: by(ctx),
	})
	if err != nil {
		return nil, err
	}
	out := webhookOutputOf(added.Webhook)
	return &createdWebhook{Location: prefix + "/webhooks/" + added.ID, ETag: out.ETag,
		Body: WebhookCreated{Webhook: out.Body, Secret: added.Secret}}, nil
}

func (a *API) updateWebhook(ctx context.Context, in *updateWebhookInput) (*webhookOutput, error) {
	w, err := a.view(ctx).GetWebhook(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := requireTag(in.IfMatch); err != nil {
		return nil, err
	}
	if in.IfMatch != webhookOutputOf(w).ETag {
		return nil, &service.Error{Code: service.WebhookChanged, Args: service.Args{Text: w.ID}}
	}
	updated, err := a.service.UpdateWebhook(ctx, service.UpdateWebhookInput{
		ID: w.ID, URL: in.Body.URL, Content: in.Body.Content, Types: in.Body.Types, Paused: in.Body.Paused,
		IfVersion: w.Version, Within: callerOf(ctx).Reach, By: by(ctx),
	})
	return webhookOutputOf(updated), err
}

func (a *API) testWebhook(ctx context.Context, in *OfWebhook) (*testedWebhook, error) {
	tested, err := a.service.TestWebhook(ctx, callerOf(ctx).Reach, in.ID)
	return &testedWebhook{WebhookTest{Delivered: tested.Problem == "", HTTPStatus: unlessEmpty(tested.HTTPStatus),
		Problem: unlessEmpty(tested.Problem), DurationMS: tested.Took.Milliseconds()}}, err
}
