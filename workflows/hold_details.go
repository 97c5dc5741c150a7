package workflows

import (
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
)

// details is what the Web UI shows of a held run, in Markdown: why it waits, what is
// to be decided, and how.
func (h *hold) details() string {
	var b markdown
	switch {
	case h.result != nil:
		b.addf("**%s: %s.** The run ended %s; %d people, %d departments and %d memberships were removed.\n\n", h.in.Provider, h.decided(),
			h.result.Status, h.result.Members.Deleted, h.result.Departments.Deleted, h.result.Memberships.Deleted)
	case h.decision != "":
		b.addf("**%s: %s.** This is being carried out.\n\n", h.in.Provider, h.decided())
	default:
		b.addf("**%s waits for your decision.** Nothing has been removed yet.\n\n", h.in.Provider)
	}
	b.addf("**Held because** %s.\n\n", h.in.Reason)
	b.WriteString(h.figures())
	if h.decision == "" {
		b.WriteString(h.how())
	}
	if h.result != nil {
		b.WriteString(problems(h.reasons) + "\n")
	}
	b.addf("More: `orgsync runs show %s`\n", h.in.RunID)
	return b.String()
}

// decided is the decision and, where somebody made it, who.
func (h *hold) decided() string {
	if h.decision != approved && h.decision != rejected {
		return h.decision
	}
	return h.decision + " by " + codes([]string{h.decidedBy})
}

// figures tells what would go, as a table and by external ids.
func (h *hold) figures() string {
	if h.in.Removals == nil {
		return fmt.Sprintf("It planned to remove %d people, %d departments and %d memberships.\n\n", h.in.Members, h.in.Departments, h.in.Memberships)
	}
	var table, ids markdown
	table.WriteString("| | planned removals | of | limit |\n|---|--:|--:|--:|\n")
	for _, kind := range []struct {
		name string
		directory.Removal
	}{{"people", h.in.Removals.Members}, {"departments", h.in.Removals.Departments}, {"memberships", h.in.Removals.Memberships}} {
		limit := "no limit"
		if kind.Limit != nil {
			limit = fmt.Sprint(*kind.Limit)
		}
		table.addf("| %s | %d | %d | %s |\n", kind.name, kind.Planned, kind.There, limit)
		if len(kind.IDs) == 0 {
			continue
		}
		ids.addf("**%s:** %s", kind.name, codes(kind.IDs))
		if more := kind.More(); more > 0 {
			ids.addf(" and %d more", more)
		}
		ids.WriteString("\n\n")
	}
	return table.String() + "\n" + ids.String()
}

// codes writes ids as they are: nothing in them may count as Markdown.
func codes(ids []string) string {
	plain := strings.NewReplacer("`", "'", "\n", " ", "\r", " ")
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = "`" + plain.Replace(id) + "`"
	}
	return strings.Join(out, ", ")
}

func (h *hold) how() string {
	until := ""
	if h.in.ExpiresAt != nil {
		until = " until " + moment(*h.in.ExpiresAt) + "; after that the removals are rejected"
	}
	return fmt.Sprintf("**Decide**%s:\n\n"+
		"- here: send the update `%[2]s` or `%[3]s`\n"+
		"- `orgsync approve %[4]s %[6]s` or `orgsync reject %[4]s %[6]s`\n"+
		"- `temporal workflow update execute --workflow-id %[5]s --name %[2]s`, or `--name %[3]s`\n\n",
		until, ApproveUpdate, RejectUpdate, h.in.Provider, HoldWorkflowID(h.in.Provider, h.in.RunID), h.in.RunID)
}

// moment writes a time for people who may sit in any zone.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
