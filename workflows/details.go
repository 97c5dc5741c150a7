package workflows

import (
	"fmt"
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
)

// What the Web UI shows of a workflow, in markdown: a static summary and details by
// whoever starts it, and details that follow the run, which say everything again
// since a workflow started by hand has none of the former.

// markdown is text that grows. Workflow code does not write with fmt.Fprintf, which
// workflowcheck refuses: it cannot see that the writer is no file.
type markdown struct{ strings.Builder }

func (m *markdown) addf(format string, args ...any) {
	m.WriteString(fmt.Sprintf(format, args...))
}

// Summary is one line for the list of workflows.
func (in SyncInput) Summary() string {
	if in.Mode == ModePlan {
		return "Plan a sync of " + in.Provider
	}
	return "Sync " + in.Provider
}

// Details says what the run is to do.
func (in SyncInput) Details() string {
	var b markdown
	b.addf("**%s**: %s.", in.Summary(), in.purpose())
	if limits := in.limits(); limits != "" {
		b.addf(" Limited to %s.", limits)
	}
	return b.String()
}

func (in SyncInput) purpose() string {
	if in.Mode == ModePlan {
		return "reads everything, changes nothing, reports what applying would change"
	}
	purpose := "makes the directory match the provider"
	switch in.OnRemovals {
	case RemovalsApply:
		return purpose + "; removes everything that is gone, without asking"
	case RemovalsSkip:
		return purpose + "; removes nothing"
	default:
		return purpose + "; removals beyond the provider's limits wait for approval"
	}
}

// shownTargets is how many of what a run is limited to are named.
const shownTargets = 10

func (in SyncInput) limits() string {
	switch {
	case len(in.Departments) > 0:
		return "departments " + list(in.Departments, shownTargets) + " and the departments below them"
	case len(in.Members) > 0:
		return "members " + list(in.Members, shownTargets)
	case in.Retry != "":
		return "what failed in run `" + in.Retry + "`"
	default:
		return ""
	}
}

// list joins ids, the first few of many.
func list(ids []string, most int) string {
	shown := ids[:min(most, len(ids))]
	text := codes(shown)
	if more := len(ids) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// details follow the run: what it is, the phases with what they brought, and how to
// go on.
func (s *syncOrg) details() string {
	var b markdown
	p := s.progress
	b.addf("%s\n\n", s.in.Details())
	b.addf("| | |\n|---|---|\n| provider | %s |\n", strings.TrimSpace(s.in.Provider+" "+inBrackets(s.vendor)))
	if p.TenantID != "" {
		b.addf("| tenant | `%s` |\n", p.TenantID)
	}
	b.addf("| run | `%s` |\n| status | **%s** |\n\n", p.RunID, p.Status)
	b.WriteString("| phase | time | |\n|---|---|---|\n")
	for _, phase := range p.Phases {
		b.addf("| %s | %s | %s |\n", phase.Phase, phase.took(), s.account(phase.Phase))
	}
	if s.result != nil {
		b.addf("\n%s\n", sumOf(s.result))
		b.WriteString(problems(s.reasons))
	}
	b.addf("\n%s", s.goOn())
	return b.String()
}

// problems lists why something went wrong. A blank line before a list makes it one.
func problems(reasons []directory.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	var b markdown
	b.WriteString("\n**What went wrong:**\n\n")
	for _, reason := range reasons {
		b.addf("- %s\n", unmarked.Replace(reason.String()))
	}
	return b.String()
}

// unmarked keeps text of elsewhere in one line, and from counting as Markdown.
var unmarked = strings.NewReplacer("\n", " ", "\r", " ", "*", "\\*", "_", "\\_", "`", "\\`", "<", "\\<", "[", "\\[", "#", "\\#")

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// took is how long a phase took, or since when it is at work.
func (r PhaseRecord) took() string {
	if r.FinishedAt == nil {
		return "since " + r.StartedAt.Format("15:04:05 UTC")
	}
	return r.FinishedAt.Sub(r.StartedAt).Round(100 * time.Millisecond).String()
}

// account is what a phase has brought so far.
func (s *syncOrg) account(phase string) string {
	p := s.progress
	switch phase {
	case "departments":
		if s.tree.Departments == 0 {
			return ""
		}
		return fmt.Sprintf("%d listed%s%s", s.tree.Departments, ifAny(s.tree.Failed, ", %d whose sub-departments could not be read"),
			ifAny(s.tree.Skipped, ", %d left out"))
	case "members":
		if s.people > 0 {
			return fmt.Sprintf("%d looked up one by one", s.people)
		}
		return fmt.Sprintf("%d of %d departments done%s, %d people listed", p.DepartmentsDone, p.Departments,
			ifAny(p.DepartmentsFailed, ", %d failed"), p.MembersRead)
	case "removals":
		var parts []string
		if r := p.Removals; r != nil {
			parts = append(parts, fmt.Sprintf("to remove: %d people, %d departments, %d memberships", r.Members, r.Departments, r.Memberships))
		}
		if s.removals.Changed != nil {
			parts = append(parts, "changed before: "+changesOf(*s.removals.Changed))
		}
		return strings.Join(parts, "; ")
	case "hold":
		return p.HoldReason
	}
	return ""
}

func ifAny(n int, format string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(format, n)
}

// sumOf is what the run came to.
func sumOf(r *SyncResult) string {
	did := "Changed: "
	if r.Mode == ModePlan {
		did = "Would change: "
	}
	return fmt.Sprintf("%s%s. Read: %d departments%s, %d people%s, in %d calls and %s.", did, changesOf(r.Counts),
		r.Departments.Read, ifAny(r.Departments.Failed, " (%d failed)"), r.Members.Read, ifAny(r.Members.Failed, " (%d failed)"),
		r.Calls, (time.Duration(r.DurationMS) * time.Millisecond).Round(100*time.Millisecond))
}

// changesOf tells the changes that there are.
func changesOf(c directory.Counts) string {
	d, m := c.Departments, c.Members
	people := counted("people", figures{
		{m.Created, "created"}, {m.Updated, "updated"}, {m.Moved, "moved"}, {m.Restored, "restored"},
		{m.Deactivated, "deactivated"}, {m.Deleted, "removed"}, {m.Linked, "linked"},
	})
	departments := counted("departments", figures{
		{d.Created, "created"}, {d.Updated, "updated"}, {d.Moved, "moved"}, {d.Restored, "restored"}, {d.Deleted, "removed"},
	})
	memberships := counted("memberships", figures{{c.Memberships.Created, "created"}, {c.Memberships.Deleted, "removed"}})
	var all []string
	for _, part := range []string{people, departments, memberships} {
		if part != "" {
			all = append(all, part)
		}
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(all, "; ")
}

type figures []struct {
	n    int
	word string
}

func counted(what string, all figures) string {
	var parts []string
	for _, one := range all {
		if one.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", one.n, one.word))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return what + " " + strings.Join(parts, ", ")
}

// goOn tells what a person can do now.
func (s *syncOrg) goOn() string {
	p, name := s.progress, s.in.Provider
	show := command("orgsync runs show "+p.RunID, "every department and error")
	again := command("orgsync sync "+name, "starts another run")
	switch p.Status {
	case directory.RunRunning:
		return show + command("temporal workflow cancel -w "+SyncWorkflowID(name), "stops it; the next run can start right away")
	case directory.RunHeld:
		return command("orgsync runs show "+p.RunID, "who would be removed") +
			command("orgsync approve "+name+" "+p.RunID, "removes exactly that") + command("orgsync reject "+name+" "+p.RunID, "removes nothing") +
			"\nWorkflow `" + p.HoldWorkflowID + "` shows the removals and waits for the decision" + until(p.HoldExpiresAt) + "."
	case directory.RunSucceeded:
		if s.planning() {
			return command("orgsync runs changes "+p.RunID, "every change it would make") + command("orgsync sync "+name, "makes them")
		}
		return command("orgsync runs changes "+p.RunID, "every change it made")
	case directory.RunPartial:
		if s.result.Departments.Failed == 0 && s.people == 0 { // nothing is left unread
			return show + again
		}
		return command("orgsync runs retry "+p.RunID, "reads what could not be read; until then the old values stay") + show
	default:
		return show + again
	}
}

func until(end *time.Time) string {
	if end == nil {
		return ""
	}
	return " until " + end.UTC().Format(time.RFC1123)
}

func command(line, meaning string) string { return "- `" + line + "`: " + meaning + "\n" }
