package providertest

import (
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
	"github.com/orgsync/orgsync/internal/simulator"
)

// expectedRange is what Check has to report of a limited range.
func (w *world) expectedRange() provider.Range {
	var r provider.Range
	for _, d := range w.visible.Departments {
		r.Departments = append(r.Departments, w.company.DepartmentID(w.kind, d))
	}
	for _, p := range w.visible.People {
		r.Members = append(r.Members, w.memberID(p))
	}
	slices.Sort(r.Departments)
	slices.Sort(r.Members)
	return r
}

// memberID is how a range names a person: Feishu by open_id.
func (w *world) memberID(p simulator.PersonID) (id string) {
	if w.kind == directory.Feishu {
		return w.openID(p)
	}
	w.company.View(func(v *simulator.View) {
		who, _ := v.Person(p)
		id = w.company.UserID(w.kind, who)
	})
	return id
}
