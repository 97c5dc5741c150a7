package workflows

import (
	"strings"
	"time"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
)

// What Temporal's Web UI shows of a workflow, in Markdown: a summary and details that do not
// change, given by the caller who starts it, and a page that follows the run. The page repeats
// the details, because a workflow that was started by hand has none.

// Summary returns one line for the list of workflows.
func (in SyncInput) Summary(l message.Language) string {
	code := message.Summary
	if in.Mode == ModePlan {
		code = message.SummaryPlan
	}
	return l.Text(code, message.Args{"Provider": in.Provider})
}

// Details says what the run is to do.
func (in SyncInput) Details(l message.Language) string {
	return l.Text(message.SyncDetails, message.Args{
		"Summary": in.Summary(l), "Purpose": l.Text(in.purpose(), nil), "Limits": in.limits(l),
	})
}

func (in SyncInput) purpose() message.Code {
	switch {
	case in.Mode == ModePlan:
		return message.PurposePlan
	case in.OnRemovals == RemovalsApply:
		return message.PurposeApply
	case in.OnRemovals == RemovalsSkip:
		return message.PurposeSkip
	default:
		return message.PurposeHold
	}
}

func (in SyncInput) limits(l message.Language) string {
	switch {
	case len(in.Departments) > 0:
		return l.Text(message.LimitedDepartments, message.Args{"IDs": targetList(l, in.Departments)})
	case len(in.Members) > 0:
		return l.Text(message.LimitedMembers, message.Args{"IDs": targetList(l, in.Members)})
	case in.Retry != "":
		return l.Text(message.LimitedRetry, message.Args{"Run": in.Retry})
	default:
		return ""
	}
}

// shownTargets is how many of a run's targets are named.
const shownTargets = 10

func targetList(l message.Language, ids []string) string {
	shown := ids[:min(shownTargets, len(ids))]
	return idList(l, shown, len(ids)-len(shown))
}

// idList joins ids and says how many more there are. Ids are written as code, so that nothing
// in them counts as Markdown.
func idList(l message.Language, ids []string, more int) string {
	plain := strings.NewReplacer("`", "'", "\n", " ", "\r", " ")
	spans := make([]string, len(ids))
	for i, id := range ids {
		spans[i] = "`" + plain.Replace(id) + "`"
	}
	text := strings.Join(spans, l.Text(message.ListSeparator, nil))
	if more > 0 {
		return l.Text(message.IDsAndMore, message.Args{"IDs": text, "Number": more})
	}
	return text
}

// phaseRow is a line of the table of phases.
type phaseRow struct{ Name, Time, Brought string }

// resultRow is what the run came to.
type resultRow struct {
	Planned                                                bool
	Changes                                                string
	Departments, DepartmentsFailed, Members, MembersFailed int
	Calls                                                  int64
	Time                                                   time.Duration
}

// details is the run's page: what it is, its phases and what they brought, and what to do next.
func (s *syncOrg) details() string {
	p := s.progress
	vendor := p.Provider
	if s.vendor != "" {
		vendor += " (" + s.vendor + ")"
	}
	phases := make([]phaseRow, len(p.Phases))
	for i, phase := range p.Phases {
		phases[i] = phaseRow{s.language.Phase(phase.Phase), phase.took(s.language), s.brought(phase.Phase)}
	}
	var result *resultRow
	if r := s.result; r != nil {
		result = &resultRow{
			Planned: r.Mode == ModePlan, Changes: s.language.Changes(r.Counts), Departments: r.Departments.Read,
			DepartmentsFailed: r.Departments.Failed, Members: r.Members.Read, MembersFailed: r.Members.Failed,
			Calls: r.Calls,
			Time:  (time.Duration(r.DurationMS) * time.Millisecond).Round(100 * time.Millisecond),
		}
	}
	return s.language.Text(message.RunPage, message.Args{
		"Details": s.in.Details(s.language), "Provider": vendor, "Tenant": p.TenantID, "Run": p.RunID,
		"Status": s.language.Status(p.Status), "Phases": phases, "Result": result,
		"Problems": problems(s.language, s.reasons), "Next": s.nextSteps(),
	})
}

// problems lists what went wrong, "" if nothing did.
func problems(l message.Language, reasons []directory.Reason) string {
	if len(reasons) == 0 {
		return ""
	}
	lines := make([]string, len(reasons))
	for i, reason := range reasons {
		lines[i] = unmarked.Replace(l.Reason(reason))
	}
	return l.Text(message.Problems, message.Args{"Problems": lines})
}

// unmarked keeps text from elsewhere in one line, and from counting as Markdown.
var unmarked = strings.NewReplacer("\n", " ", "\r", " ", "*", "\\*", "_", "\\_", "`", "\\`", "<", "\\<", "[", "\\[",
	"#", "\\#")

// took is how long a phase took, or since when it is at work.
func (r PhaseRecord) took(l message.Language) string {
	if r.FinishedAt == nil {
		return l.Text(message.TookSince, message.Args{"Time": r.StartedAt.Format("15:04:05 UTC")})
	}
	return r.FinishedAt.Sub(r.StartedAt).Round(100 * time.Millisecond).String()
}

// brought is what a phase has brought so far.
func (s *syncOrg) brought(phase string) string {
	p, l := s.progress, s.language
	switch {
	case phase == "departments" && s.tree.Departments > 0:
		return l.Text(message.PhaseDepartments, message.Args{
			"Departments": s.tree.Departments, "Failed": s.tree.Failed, "Excluded": s.tree.Excluded,
		})
	case phase == "members" && s.people > 0:
		return l.Text(message.PhaseMembersByID, message.Args{"Members": s.people})
	case phase == "members":
		return l.Text(message.PhaseMembers, message.Args{
			"Done": p.DepartmentsDone, "Departments": p.Departments, "Failed": p.DepartmentsFailed,
			"Members": p.MembersRead,
		})
	case phase == "removals":
		planned, changes := "", ""
		if p.Removals != nil {
			planned = l.Numbers(*p.Removals)
		}
		if s.removals.Changed != nil {
			changes = l.Changes(*s.removals.Changed)
		}
		return l.Text(message.PhaseRemovals, message.Args{"Planned": planned, "Changes": changes})
	case phase == "hold":
		return p.HoldReason
	default:
		return ""
	}
}

// nextSteps says what a person can do now.
func (s *syncOrg) nextSteps() string {
	p, provider := s.progress, s.in.Provider
	show, sync := message.Args{"Run": p.RunID}, message.Args{"Run": p.RunID, "Provider": provider}
	switch p.Status {
	case directory.RunRunning:
		return s.language.Text(message.NextRunning,
			message.Args{"Run": p.RunID, "WorkflowID": SyncWorkflowID(provider)})
	case directory.RunHeld:
		until := ""
		if p.HoldExpiresAt != nil {
			until = message.Time(*p.HoldExpiresAt)
		}
		return s.language.Text(message.NextHeld, message.Args{
			"Run": p.RunID, "Provider": provider, "WorkflowID": p.HoldWorkflowID, "Until": until,
		})
	case directory.RunSucceeded:
		if s.planning() {
			return s.language.Text(message.NextPlanned, sync)
		}
		return s.language.Text(message.NextSucceeded, show)
	case directory.RunPartial:
		if s.result.Departments.Failed > 0 || s.people > 0 { // else nothing is left unread
			return s.language.Text(message.NextRetry, show)
		}
	}
	return s.language.Text(message.NextSync, sync)
}
