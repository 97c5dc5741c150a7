package console

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/orgsync/orgsync/internal/directory"
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
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	for name := range names {
		b, a := plain(was[name]), plain(is[name])
		if b == a || slices.Contains(hidden, name) || kind == "created" && !slices.Contains(telling, name) {
			continue
		}
		out = append(out, difference{name, b, a})
	}
	slices.SortFunc(out, func(a, b difference) int { return strings.Compare(a.name, b.name) })
	return out[:min(len(out), maxDifferences)]
}

// telling are the columns that say who or what came.
var telling = []string{"title", "email", "phone", "employee_no", "is_leader", "category"}

// orDash is the first text that is there.
func orDash(texts ...string) string {
	for _, s := range texts {
		if s != "" {
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

// outcome says what a run that has ended did.
func (p *Page) outcome(r service.RunRow) string {
	counts := countsOf(r)
	read := p.T("run.has_read", "Members", counts.Members.Read, "Departments", counts.Departments.Read)
	return read + " " + p.changes(r)
}

// heldSummary says in a sentence what approving a run would do, and why it is held.
func (p *Page) heldSummary(s shownRun) string {
	return p.T("held.summary", "Number", s.removals.Count, "Provider", s.run.ProviderName, "Reason",
		text(s.run.HoldReason))
}

// removalKind names what a group of removals is about.
func (p *Page) removalKind(g service.RemovalGroup) string {
	if g.Removals == 1 {
		return p.Language.Kind(g.ObjectType)
	}
	for _, k := range directory.Kinds() {
		if string(k.Kind) == g.ObjectType {
			return p.Language.Kind(k.Plural)
		}
	}
	return p.Language.Kind(g.ObjectType)
}
