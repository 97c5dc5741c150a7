package providertest

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
)

// notSent stands for nil: what the provider did not send must not look empty.
const notSent = "(not sent)"

// shownDepartment and shownPerson are what a walk has to bring, comparable at once.
type shownDepartment struct {
	Parent, Name, Order, People string
}

type shownPerson struct {
	UnionID, Name, Email, Phone, Title, Status, Activated string
	EmployeeNo, Manager                                   string
	Facts                                                 directory.Attributes
	// Places are the departments with the person's sort figure there.
	Places map[string]string
	Main   string
	Leads  []string
}

// shown puts what a walk brought into comparable form.
func (w *world) shown(r *reading) (map[string]shownDepartment, map[string]shownPerson) {
	departments, people := map[string]shownDepartment{}, map[string]shownPerson{}
	leads := map[string][]string{}
	for id, d := range r.departments {
		departments[id] = shownDepartment{d.ParentID, text(d.Name), number(d.SortOrder), number(d.DeclaredMembers)}
		for _, leader := range d.Leaders {
			leads[leader] = append(leads[leader], id)
		}
	}
	for _, p := range r.people {
		seen := shownPerson{
			UnionID: p.UnionID, Name: text(p.Name), Email: text(p.Email), Phone: text(p.Phone), Title: text(p.Title),
			Status: text(p.Status), Activated: flag(p.Activated), EmployeeNo: text(p.EmployeeNo),
			Manager: text(p.Manager), Facts: p.Attributes, Places: map[string]string{}, Main: notSent,
			Leads: append(slices.Clone(leads[p.ExternalID]), leads[p.OpenID]...),
		}
		var highest *int64
		for id, place := range p.places {
			seen.Places[id] = number(place.SortOrder)
			if rank := place.PrimaryRank; rank != nil && (highest == nil || *rank > *highest) {
				highest, seen.Main = rank, id
			}
			if place.Leader != nil && *place.Leader {
				seen.Leads = append(seen.Leads, id)
			}
		}
		slices.Sort(seen.Leads)
		seen.Leads = slices.Compact(seen.Leads)
		people[p.ExternalID] = seen
	}
	return departments, people
}

func text[T ~string](s *T) string {
	if s == nil {
		return notSent
	}
	return string(*s)
}

func number[T int | int64](n *T) string {
	if n == nil {
		return notSent
	}
	return strconv.FormatInt(int64(*n), 10)
}

func flag(b *bool) string {
	if b == nil {
		return notSent
	}
	return strconv.FormatBool(*b)
}

// expected is what a walk must bring of the company: its truth, cut to what the
// app may see and send.
func (w *world) expected() (map[string]shownDepartment, map[string]shownPerson) {
	truth := w.company.Truth(w.kind)
	departments, people := map[string]shownDepartment{}, map[string]shownPerson{}
	w.company.View(func(v *simulator.View) {
		whole := w.seesWhole()
		for d := range v.Departments() {
			if whole || v.Covers(w.visible, d.ID) {
				id := w.company.DepartmentID(w.kind, d.ID)
				departments[id] = w.expectedDepartment(d.ID, truth.Departments[id])
			}
		}
		if !whole && w.ownRoot() {
			departments[w.rootID()] = shownDepartment{"", "Root", notSent, notSent}
			if w.kind == directory.Feishu && !w.hidden["company"] {
				departments[w.rootID()] = shownDepartment{"", truth.Departments[w.rootID()].Name, notSent, notSent}
			}
		}
		for p := range v.People() {
			if whole || v.CoversPerson(w.visible, p) {
				person := truth.Members[w.company.UserID(w.kind, p)]
				seen := w.expectedPerson(v, p, person, departments)
				for id, d := range truth.Departments {
					_, there := seen.Places[id]
					if there && slices.Contains(d.Leaders, w.company.UserID(w.kind, p)) &&
						w.namesLeaders(v, id, departments) {
						seen.Leads = append(seen.Leads, id)
					}
				}
				slices.Sort(seen.Leads)
				people[w.externalID(p)] = seen
			}
		}
	})
	return departments, people
}

// seesWhole: with the contact sync secret WeCom's ids are the whole company's.
func (w *world) seesWhole() bool { return w.visible.All() || w.hidden["range"] }

// namesLeaders reports whether the leaders of a department can be read. Feishu
// names them on the departments, but not on the root (feishu.md §2.3); WeCom says
// of a person only what holds in visible departments (wecom.md §3.3).
func (w *world) namesLeaders(v *simulator.View, department string, read map[string]shownDepartment) bool {
	_, seen := read[department]
	switch w.kind {
	case directory.Feishu:
		return seen && department != w.rootID() && !w.hidden["leaders"]
	case directory.WeCom:
		d, _ := w.company.ParseDepartmentID(w.kind, department)
		return (w.seesWhole() || v.Covers(w.visible, d)) && !w.hidden["leaders"]
	default:
		return true
	}
}

// ownRoot: where single people are granted, they need something to stand below.
func (w *world) ownRoot() bool { return w.kind != directory.WeCom || len(w.visible.People) > 0 }

func (w *world) rootID() string { return w.company.DepartmentID(w.kind, simulator.Root) }

func (w *world) externalID(p simulator.Person) string {
	if w.hidden["user_id"] {
		return w.openID(p.ID)
	}
	return w.company.UserID(w.kind, p)
}

func (w *world) expectedDepartment(d simulator.Dept, truth simulator.TrueDepartment) shownDepartment {
	made := shownDepartment{
		Parent: truth.ParentID, Name: w.unless("department name", truth.Name),
		Order:  w.unless("department order", strconv.FormatInt(truth.Order, 10)),
		People: w.unless("head count", strconv.Itoa(truth.People)),
	}
	top := d == simulator.Root || w.visible != nil && slices.Contains(w.visible.Departments, d)
	switch {
	case w.kind == directory.Feishu && d == simulator.Root:
		// The root is a node of five keys; the name is the tenant's (feishu.md §2.3).
		made.Order, made.People, made.Name = notSent, strconv.Itoa(truth.People), truth.Name
		if w.hidden["company"] {
			made.Name = "Root"
		}
	case w.kind == directory.DingTalk && !top:
		made.Order, made.People = notSent, notSent // dingtalk.md §2: not in listsub
	}
	return made
}

func (w *world) expectedPerson(v *simulator.View, p simulator.Person, truth simulator.TrueMember,
	read map[string]shownDepartment) shownPerson {
	seen := shownPerson{
		UnionID: truth.UnionID, Name: w.unless("name", truth.Name), Email: w.email(truth),
		Phone: w.unless("phone", w.phone(truth.Phone)), Title: w.unless("title", truth.Title),
		Status: w.unless("status", "active"), Activated: w.unless("status", strconv.FormatBool(truth.Activated)),
		Places: map[string]string{}, Main: notSent,
	}
	if !truth.Active {
		seen.Status = w.unless("status", "inactive")
	}
	seen.EmployeeNo, seen.Facts = w.unless("employee_no", truth.EmployeeNo), w.facts(truth)
	granted := w.visible != nil && slices.Contains(w.visible.People, p.ID)
	everywhere := granted && w.kind != directory.WeCom // the record of one person names all places
	for i, d := range p.Departments {
		id := w.company.DepartmentID(w.kind, d)
		if _, ok := read[id]; !everywhere && (!ok || !w.seesWhole() && !v.Covers(w.visible, d)) {
			continue
		}
		seen.Places[id] = w.unless("order", strconv.FormatInt(w.memberOrder(v, p.ID, d), 10))
		named := w.kind == directory.Feishu && seen.Main == notSent || w.kind == directory.WeCom && i == 0 ||
			w.kind == directory.DingTalk && i == 0 && granted
		if named && !w.hidden["main"] {
			seen.Main = id
		}
	}
	seen.Manager = w.manager(v, p)
	switch w.kind {
	case directory.DingTalk:
		if w.hidden["unset"] && truth.Phone == "" {
			seen.Phone = notSent
		}
		if !granted { // dingtalk.md §3.1: only user/get names managers
			seen.Manager = notSent
		}
	case directory.WeCom:
		seen.EmployeeNo = notSent
		if !truth.Active { // one status for both (wecom.md §3.3)
			seen.Activated = notSent
		}
		if len(seen.Places) == 0 {
			seen.Places[w.rootID()], seen.Main = notSent, notSent
		}
	}
	return seen
}

// manager is how the vendor names whom the person reports to: Feishu by the kind of id that
// was asked for, WeCom only if the app sees them (wecom.md §3.3).
func (w *world) manager(v *simulator.View, p simulator.Person) string {
	manager, ok := v.Manager(p)
	switch {
	case w.hidden["manager"]:
		return notSent
	case !ok, w.kind == directory.WeCom && !v.CoversPerson(w.visible, manager):
		return ""
	case w.kind == directory.Feishu:
		return w.openID(manager.ID)
	default:
		return w.company.UserID(w.kind, manager)
	}
}

// facts are all that the vendor has fields for and the app sees; nil where there is none.
func (w *world) facts(truth simulator.TrueMember) directory.Attributes {
	var seen directory.Attributes
	for _, name := range factsOf[w.kind] {
		if w.hidden[string(name)] {
			continue
		}
		if seen == nil {
			seen = directory.Attributes{}
		}
		seen[name] = truth.Attributes[name]
	}
	return seen
}

// email is the person's own address or else the work address. At Feishu each of them
// needs a permission of its own (feishu.md §3.3): where the former cannot be seen the latter
// does not stand in for it, lest it overwrite what is stored.
func (w *world) email(truth simulator.TrueMember) string {
	switch {
	case w.hidden["email"]:
		return notSent
	case w.hidden["work email"]:
		return truth.Email
	default:
		return cmp.Or(truth.Email, truth.WorkEmail)
	}
}

// phone is how the vendor writes a number.
func (w *world) phone(e164 string) string {
	if w.kind == directory.WeCom {
		return strings.TrimPrefix(e164, "+86")
	}
	return e164
}

// memberOrder is the sort figure as the vendor sends it; DingTalk's have 18 digits
// and no exact floating-point form (dingtalk.md §11.1).
func (w *world) memberOrder(v *simulator.View, p simulator.PersonID, d simulator.Dept) int64 {
	if w.kind == directory.DingTalk {
		return 176_000_000_000_000_000 + v.MemberOrder(p, d)*1024 + 513
	}
	return v.MemberOrder(p, d)
}

func (w *world) unless(what, value string) string {
	if w.hidden[what] {
		return notSent
	}
	return value
}

// requireTruth fails unless the walk brought exactly what is expected.
func (w *world) requireTruth(r *reading) {
	w.t.Helper()
	require.Empty(w.t, r.errs)
	require.Empty(w.t, r.bad)
	require.Empty(w.t, r.conflicts)
	wantDepartments, wantPeople := w.expected()
	departments, people := w.shown(r)
	require.Equal(w.t, wantDepartments, departments)
	require.Equal(w.t, wantPeople, people)
	for _, p := range r.people {
		require.Equal(w.t, w.hidden["user_id"], p.ExternalIDIsFallback)
	}
}
