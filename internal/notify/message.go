package notify

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// What a message is about.
const (
	// Held: removals wait for a person's decision.
	Held = "held"
	// Failed: a run failed.
	Failed = "failed"
	// Expired: nobody decided in time; the removals count as rejected.
	Expired = "expired"
	// Test: a person tries whether messages arrive; it is about no run.
	Test = "test"
	// WebhookPaused: a webhook is told of no changes any more.
	WebhookPaused = "webhook_paused"
	// Partial: a run could not read everything, and so could those before it.
	Partial = "partial"
)

// Message is what people and programs are told of a run. It holds no personal data.
type Message struct {
	// Language is that of the text.
	Language message.Language `json:"-"`
	// ID is the same if the message is sent again.
	ID    string `json:"id"`
	Event string `json:"event"`

	// Webhook is the one that was paused; the message is about no run then.
	Webhook  string `json:"webhook,omitempty"`
	Provider string `json:"provider"`
	RunID    string `json:"run_id"`
	// WorkflowID is the workflow to look at: of a held run the one that waits.
	WorkflowID string `json:"workflow_id"`
	Mode       string `json:"mode"`
	Status     string `json:"status"`
	// Reason says why the run is held, failed or partial, several reasons a line each.
	Reason string `json:"reason"`
	// InARow is how many runs in a row have been partial; 0 of any other.
	InARow int `json:"partial_in_a_row,omitempty"`
	// Counts are what the run did.
	Counts directory.Counts `json:"counts"`
	// Planned is how much would be removed; nil where nothing was held.
	Planned     *directory.PerKind `json:"planned,omitempty"`
	StartedAt   time.Time          `json:"started_at"`
	DecideUntil *time.Time         `json:"decide_until,omitempty"`
	// Commands show the run and carry it on.
	Commands []string `json:"commands"`
	// URL is the workflow's page in Temporal's Web UI.
	URL string `json:"url,omitempty"`
}

// text is the message for people, in no more than so many bytes: if it is too long,
// the reason is cut, which the run's page has in full.
func (m Message) text(most int) string {
	whole := m.lines(m.Reason)
	if over := len(whole) - most; over > 0 {
		whole = m.lines(cut(m.Reason, len(m.Reason)-over))
	}
	return cut(whole, most)
}

// cut shortens a text to so many bytes, without breaking a character.
func cut(text string, most int) string {
	const dots = "…"
	if len(text) <= most {
		return text
	}
	end := max(0, most-len(dots))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + dots
}

func (m Message) lines(reason string) string {
	l, c := m.Language, m.Counts
	about := message.Args{"Provider": m.Provider, "Reason": reason}
	var lines []string
	switch m.Event {
	case Test:
		return l.Text(message.NotifyTest, nil)
	case WebhookPaused:
		told := l.Text(message.NotifyPaused, message.Args{"Webhook": m.Webhook, "Reason": reason})
		return strings.Join(append([]string{told}, m.Commands...), "\n")
	case Held:
		lines = append(lines, l.Text(message.NotifyHeld, about))
	case Expired:
		lines = append(lines, l.Text(message.NotifyExpired, about))
	case Partial:
		lines = append(lines, l.Text(message.NotifyPartial, about))
	default:
		lines = append(lines, l.Text(message.NotifyEnded, message.Args{
			"Provider": m.Provider, "Reason": reason, "Plan": m.Mode == "plan", "Status": l.Status(m.Status),
		}))
	}
	if m.InARow > 1 {
		lines = append(lines, l.Text(message.NotifyInARow, message.Args{"Number": m.InARow}))
	}
	if p := m.Planned; p != nil {
		lines = append(lines, l.Text(message.NotifyPlanned, message.Args{"Planned": l.Numbers(*p)}))
	}
	if m.Event == Held && m.DecideUntil != nil {
		until := m.DecideUntil.UTC().Format("2006-01-02 15:04 UTC")
		lines = append(lines, l.Text(message.NotifyUntil, message.Args{"Time": until}))
	}
	lines = append(lines, l.Text(message.NotifyCounts, message.Args{
		"MembersRead": c.Members.Read, "MembersNew": c.Members.Created + c.Members.Restored,
		"MembersRemoved":  c.Members.Deleted,
		"DepartmentsRead": c.Departments.Read, "DepartmentsFailed": c.Departments.Failed,
		"DepartmentsNew": c.Departments.Created + c.Departments.Restored, "DepartmentsRemoved": c.Departments.Deleted,
		"Run": m.RunID,
	}))
	lines = append(lines, m.Commands...)
	if m.URL != "" {
		lines = append(lines, m.URL)
	}
	return strings.Join(lines, "\n")
}
