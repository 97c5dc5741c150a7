package notify

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/orgsync/orgsync/internal/directory"
)

// What a message is about.
const (
	// Held: removals wait for a person's decision.
	Held = "held"
	// Failed: a run failed.
	Failed = "failed"
	// Expired: nobody decided in time; the removals count as rejected.
	Expired = "expired"
	// Test: somebody tries whether messages arrive; it is about no run.
	Test = "test"
	// Partial: a run could not read everything, and so could those before it.
	Partial = "partial"
)

// Message is what people and programs are told of a run. It holds no personal data.
type Message struct {
	// ID is the same if the message is sent again.
	ID    string `json:"id"`
	Event string `json:"event"`

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
	Planned     *Planned   `json:"planned,omitempty"`
	StartedAt   time.Time  `json:"started_at"`
	DecideUntil *time.Time `json:"decide_until,omitempty"`
	// Commands show the run and carry it on.
	Commands []string `json:"commands"`
	// URL is the workflow's page in Temporal's Web UI.
	URL string `json:"url,omitempty"`
}

// Planned is how many objects of each type wait to be removed.
type Planned struct {
	Members     int `json:"members"`
	Departments int `json:"departments"`
	Memberships int `json:"memberships"`
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
	var lines []string
	switch m.Event {
	case Test:
		return "orgsync: this is a test; messages about runs arrive here"
	case Held:
		lines = append(lines, "orgsync: "+m.Provider+" waits for a decision on removals", "Because "+reason)
	case Expired:
		lines = append(lines, "orgsync: nobody decided on the removals of "+m.Provider+"; nothing was removed", reason)
	case Partial:
		lines = append(lines, "orgsync: the sync of "+m.Provider+" could not read everything; what it did not read stays as it was", reason)
	default:
		lines = append(lines, "orgsync: the "+word(m.Mode)+" of "+m.Provider+" "+m.Status, reason)
	}
	if m.InARow > 1 {
		lines = append(lines, fmt.Sprintf("The last %d runs were partial", m.InARow))
	}
	if p := m.Planned; p != nil {
		lines = append(lines, fmt.Sprintf("To be removed: %d people, %d departments, %d memberships", p.Members, p.Departments, p.Memberships))
	}
	if m.Event == Held && m.DecideUntil != nil {
		lines = append(lines, "If nobody decides by "+m.DecideUntil.UTC().Format("2006-01-02 15:04 UTC")+", the removals are rejected")
	}
	c := m.Counts
	lines = append(lines,
		fmt.Sprintf("People: %d read, %d new, %d removed", c.Members.Read, c.Members.Created+c.Members.Restored, c.Members.Deleted),
		fmt.Sprintf("Departments: %d read%s, %d new, %d removed", c.Departments.Read, unread(c.Departments.Failed),
			c.Departments.Created+c.Departments.Restored, c.Departments.Deleted),
		"Run "+m.RunID)
	lines = append(lines, m.Commands...)
	if m.URL != "" {
		lines = append(lines, m.URL)
	}
	return strings.Join(lines, "\n")
}

func unread(failed int) string {
	if failed == 0 {
		return ""
	}
	return fmt.Sprintf(", %d not read in full", failed)
}

func word(mode string) string {
	if mode == "plan" {
		return "plan"
	}
	return "sync"
}
