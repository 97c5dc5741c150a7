package webhook

import (
	"time"

	"github.com/orgsync/orgsync/internal/service"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// View is a webhook as the command line shows it: without its secret.
type View struct {
	ID       string   `json:"id"`
	URL      string   `json:"url"`
	Content  string   `json:"content"`
	TenantID string   `json:"tenant_id,omitempty"`
	Provider string   `json:"provider,omitempty"`
	Types    []string `json:"types"`
	// State is active, failing or paused.
	State        string     `json:"state"`
	PausedAt     *time.Time `json:"paused_at"`
	PauseReason  string     `json:"pause_reason,omitempty"`
	FailingSince *time.Time `json:"failing_since"`
	// Cursor is up to where it was told.
	Cursor        string     `json:"cursor"`
	Waiting       int        `json:"waiting"`
	OldestWaiting *time.Time `json:"oldest_waiting"`
	CreatedAt     time.Time  `json:"created_at"`
	CreatedBy     string     `json:"created_by,omitempty"`
}

// Added is a webhook that was stored.
type Added struct {
	View
	// Secret is what deliveries are signed with. It cannot be shown again.
	Secret string `json:"secret"`
}

// Shown is a webhook with its latest deliveries.
type Shown struct {
	View
	Deliveries []Delivery `json:"deliveries"`
}

// Delivery is one message to a webhook.
type Delivery struct {
	// ID is sent as webhook-id.
	ID          string     `json:"id"`
	After       string     `json:"after_cursor"`
	Cursor      string     `json:"cursor"`
	Events      int        `json:"events"`
	Status      string     `json:"status"`
	Attempts    int        `json:"attempts"`
	CreatedAt   time.Time  `json:"created_at"`
	AttemptedAt *time.Time `json:"attempted_at"`
	FinishedAt  *time.Time `json:"finished_at"`
	HTTPStatus  int        `json:"http_status,omitempty"`
	Problem     string     `json:"problem,omitempty"`
}

// Tested is what a test message came to.
type Tested struct {
	ID         string `json:"id"`
	Delivered  bool   `json:"delivered"`
	HTTPStatus int    `json:"http_status,omitempty"`
	Problem    string `json:"problem,omitempty"`
	DurationMS int64  `json:"duration_ms"`
}

// Removed is a webhook that was removed.
type Removed struct {
	ID  string `json:"id"`
	URL string `json:"url"`
}

func viewOf(w service.Webhook) View {
	return View{
		ID: w.ID, URL: w.URL, Content: w.Content, TenantID: w.TenantID, Provider: w.Provider,
		Types: append([]string{}, w.Types...), State: w.State(), PausedAt: w.PausedAt, PauseReason: w.PauseReason,
		FailingSince: w.FailingSince, Cursor: w.Delivered.Cursor(), Waiting: w.Waiting, OldestWaiting: w.OldestWaiting,
		CreatedAt: w.CreatedAt, CreatedBy: w.CreatedBy,
	}
}

func deliveryOf(d service.Delivery) Delivery {
	return Delivery{
		ID: d.ID, After: d.After.Cursor(), Cursor: d.To.Cursor(), Events: d.Events, Status: d.Status,
		Attempts: d.Attempts, CreatedAt: d.CreatedAt, AttemptedAt: d.AttemptedAt, FinishedAt: d.FinishedAt,
		HTTPStatus: d.HTTPStatus, Problem: d.Problem,
	}
}
