package console

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/service"
)

// difference is a column of a row before and after.
type difference struct{ name, before, after string }

// hidden are columns that say nothing to people.
var hidden = []string{"id", "provider_id", "tenant_id", "synced_at", "raw_data", "path", "created_at", "updated_at",
	"member_id", "department_id", "parent_id", "manager_id", "department_path", "external_id"}

// maxDifferences is how many columns of a change are shown.
const maxDifferences = 8

// differencesOf are the columns in which two rows differ. Of a row that came or went a few are
// enough to know it by.
func differencesOf(kind string, before, after json.RawMessage) (out []difference) {
	was, is := map[string]any{}, map[string]any{}
	_ = json.Unmarshal(before, &was)
	_ = json.Unmarshal(after, &is)
	was, is = flat(was), flat(is)
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	for name := range names {
		b, a := plain(was[name]), plain(is[name])
		if b == a || slices.Contains(hidden, name) ||
			kind == "created" && (a == "false" || !slices.Contains(telling, name)) {
			continue
		}
		out = append(out, difference{name, b, a})
	}
	slices.SortFunc(out, func(a, b difference) int { return strings.Compare(a.name, b.name) })
	return out[:min(len(out), maxDifferences)]
}

// flat is a row with what stands in objects of it taken out of them.
func flat(row map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range row {
		if parts, is := value.(map[string]any); is {
			for part, of := range parts {
				out[part] = of
			}
		} else {
			out[name] = value
		}
	}
	return out
}

// telling are the columns that say who or what came.
var telling = []string{"title", "email", "phone", "employee_no", "is_leader", "category"}

// orDash is the first text that people can see.
func orDash(texts ...string) string {
	for _, s := range texts {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return "–"
}

// nameIn is the name in a row, of what a plan would create.
func nameIn(rows ...json.RawMessage) string {
	for _, row := range rows {
		var named struct{ Name string }
		if json.Unmarshal(row, &named) == nil && named.Name != "" {
			return named.Name
		}
	}
	return ""
}

// idIn is the id in a row.
func idIn(row json.RawMessage) string {
	var known struct{ ID string }
	_ = json.Unmarshal(row, &known) // one without has no page
	return known.ID
}

// hasRead says how much a run has read.
func (p *Page) hasRead(r service.RunRow) string {
	counts := countsOf(r)
	return p.T("run.has_read", "Members", counts.Members.Read, "Departments", counts.Departments.Read)
}

// decidedBy says who decided a run, and how.
func (p *Page) decidedBy(r service.RunRow) string {
	if r.Status == directory.RunRejected {
		return p.T("held.rejected_by", "Name", text(r.DecidedBy))
	}
	return p.T("held.approved_by", "Name", text(r.DecidedBy))
}

// became says what became of a decision.
func (p *Page) became(s shownRun) string {
	switch {
	case s.run.Status == directory.RunRejected:
		return p.T("held.became_rejected")
	case s.run.Status == directory.RunHeld:
		return p.T("held.became_waiting")
	}
	return p.T("held.became_applied", "Applied", s.removals.Applied, "Planned", s.removals.Count)
}

// reasons are the sentences about why a run is held, but for those about limits, which stand
// beside the figures.
func reasons(s shownRun) (left []string) {
	hold := text(s.run.HoldReason)
	for _, one := range stakes(s.removals) {
		for _, l := range message.Languages {
			hold = strings.ReplaceAll(hold, l.Text(message.HoldBeyondLimit, message.Args{
				"Planned": one.planned, "Active": one.there, "Limit": one.limit, "Kind": l.Kind(one.plural),
			}), "")
		}
	}
	for _, reason := range strings.FieldsFunc(hold, func(r rune) bool { return r == ';' || r == '；' }) {
		if reason = strings.TrimSpace(reason); reason != "" {
			left = append(left, reason)
		}
	}
	return left
}

// stake is how much of a kind a held run would remove.
type stake struct {
	kind, plural string
	// limit is how many may go unasked, 0 where no limit is passed.
	planned, there, limit int
}

// stakes are what a held run would remove of each kind, people first.
func stakes(s service.RemovalSummary) (all []stake) {
	for _, kind := range removalKinds {
		of := s.Figures.Of(kind)
		if of.Planned == 0 {
			continue
		}
		one := stake{kind: string(kind), planned: of.Planned, there: of.There}
		one.plural = descriptions[kind].Plural
		if of.Limit != nil && of.Planned > *of.Limit {
			one.limit = *of.Limit
		}
		all = append(all, one)
	}
	return all
}

// removalKinds are the kinds of what a run would remove, in the order in which they matter to people.
var removalKinds = []directory.Kind{directory.KindMember, directory.KindDepartment, directory.KindGroup,
	directory.KindAdministrator, directory.KindMembership, directory.KindGroupMembership}

// descriptions are what is known of each kind.
var descriptions = func() map[directory.Kind]directory.Descriptor {
	known := map[directory.Kind]directory.Descriptor{}
	for _, d := range directory.Kinds() {
		known[d.Kind] = d
	}
	return known
}()

// plural is the name of several objects of a kind.
func (p *Page) plural(kind string) string {
	return p.Language.Kind(descriptions[directory.Kind(kind)].Plural)
}
