// Package oracle lays what the directory holds of a provider beside the simulated
// company that it was read from. It computes in Go, the plain way, what the project
// computes in SQL, and must share none of that.
package oracle

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/normalize"
)

// Member is a person with their places, by external ids.
type Member struct {
	Name, Email, Phone, Title string
	UnionID                   string
	// EmployeeNo and Manager, an external id, are empty where there is none. Attributes are
	// a JSON object.
	EmployeeNo, Manager, Attributes string
	Status                          string
	Activated                       bool
	Departments                     []string
	Primary                         string
	// Said is true if the provider has said of one of the departments how much it is the
	// person's main one.
	Said bool
}

// Department is a department with its head counts, by external ids.
type Department struct {
	Parent, Name, Path string
	People, Direct     int
}

// Directory is all members and objects of one provider that is not deleted.
type Directory struct {
	Members     map[string]Member
	Departments map[string]Department
	// Groups, and the levels of the provider's administrators by member, are nil where they
	// were not read.
	Groups         map[string]Group
	Administrators map[string]string
}

// Of is what the directory must hold of a company. Where a kind of provider does not
// tell something, it is as in got.
func Of(kind directory.ProviderType, company simulator.Truth, got Directory) Directory {
	want := Directory{
		Members:     make(map[string]Member, len(company.Members)),
		Departments: make(map[string]Department, len(company.Departments)),
	}
	for id, m := range company.Members {
		one := Member{
			Name: normalize.Name(
				m.Name,
			), Email: normalize.Email(cmp.Or(m.Email, m.WorkEmail)), Phone: normalize.Phone(m.Phone), Title: m.Title,
			UnionID: m.UnionID,
			Status:  "active", Activated: m.Activated, Departments: m.Departments, Primary: m.Main,
			Said:       got.Members[id].Said,
			EmployeeNo: m.EmployeeNo, Manager: m.Manager, Attributes: attributes(m.Attributes),
		}
		if !m.Active {
			one.Status = "inactive"
		}
		switch kind {
		case directory.WeCom:
			one.UnionID = ""
			if !m.Active { // its one status says of whom is disabled nothing else (wecom.md §3.3)
				one.Activated = got.Members[id].Activated
			}
		case directory.DingTalk:
			// Its lists name no managers: who is stored is of the last look-up.
			one.Manager = got.Members[id].Manager
			// Nor do they name a main department. Where a look-up did it is remembered, and may
			// have changed since.
			if stored := got.Members[id]; !stored.Said {
				one.Primary = byRule(company, m.Departments)
			} else if slices.Contains(m.Departments, stored.Primary) {
				one.Primary = stored.Primary
			}
		}
		want.Members[id] = one
	}
	for id, d := range company.Departments {
		one := Department{Parent: d.ParentID, Name: normalize.Name(d.Name)}
		one.Path = one.Name
		for up := d.ParentID; up != ""; up = company.Departments[up].ParentID {
			one.Path = normalize.Name(company.Departments[up].Name) + "/" + one.Path
		}
		want.Departments[id] = one
	}
	want.count()
	if got.Groups != nil {
		want.Groups, want.Administrators = want.groups(company), want.administrators(kind, company, got)
	}
	return want
}

// attributes writes facts as JSON with sorted keys.
func attributes(facts map[directory.Attribute]any) string {
	body, err := json.Marshal(facts)
	if err != nil || facts == nil {
		return "{}"
	}
	return string(body)
}

// byRule is the deepest of departments, of several the one with the smallest id.
func byRule(company simulator.Truth, departments []string) (best string) {
	deepest := -1
	for _, id := range departments {
		depth := 0
		for up := company.Departments[id].ParentID; up != ""; up = company.Departments[up].ParentID {
			depth++
		}
		if depth > deepest || depth == deepest && id < best {
			best, deepest = id, depth
		}
	}
	return best
}

// count computes who is active in each department and below it, and directly in it.
func (d Directory) count() {
	for _, m := range d.Members {
		if m.Status != "active" {
			continue
		}
		within := map[string]bool{}
		for _, id := range m.Departments {
			own := d.Departments[id]
			own.Direct++
			d.Departments[id] = own
			for ; id != ""; id = d.Departments[id].Parent {
				within[id] = true
			}
		}
		for id := range within {
			one := d.Departments[id]
			one.People++
			d.Departments[id] = one
		}
	}
}

// Differences says in a line each where the directory is not what it must be.
func Differences(want, got Directory) []string {
	list := differences("member", want.Members, got.Members, func(a, b Member) bool {
		same := slices.Equal(a.Departments, b.Departments)
		a.Departments, b.Departments = nil, nil
		return same && fmt.Sprint(a) == fmt.Sprint(b)
	})
	return slices.Concat(list,
		differences("department", want.Departments, got.Departments, func(a, b Department) bool { return a == b }),
		differences("group", want.Groups, got.Groups, Group.equal),
		differences("administrator", want.Administrators, got.Administrators, func(a, b string) bool { return a == b }))
}

func differences[T any](what string, want, got map[string]T, same func(T, T) bool) (list []string) {
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if is, ok := got[id]; !ok {
			list = append(list, what+" "+id+" is missing")
		} else if !same(want[id], is) {
			list = append(list, fmt.Sprintf("%s %s is %+v and should be %+v", what, id, is, want[id]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[id]; !ok {
			list = append(list, what+" "+id+" should not be there")
		}
	}
	return list
}

// Lost says who was removed though the company still has them, with their places,
// and who is there without ever having been.
func Lost(company simulator.Truth, before, after Directory) (list []string) {
	for _, id := range slices.Sorted(maps.Keys(before.Members)) {
		is, works := company.Members[id]
		if !works {
			continue
		}
		now, there := after.Members[id]
		if !there {
			list = append(list, "member "+id+" still works there and was removed")
			continue
		}
		for _, d := range before.Members[id].Departments {
			if slices.Contains(is.Departments, d) && !slices.Contains(now.Departments, d) {
				list = append(list, "member "+id+" still works in department "+d+" and was taken out of it")
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before.Departments)) {
		if _, exists := company.Departments[id]; !exists {
			continue
		}
		if _, there := after.Departments[id]; !there {
			list = append(list, "department "+id+" still exists and was removed")
		}
	}
	list = append(list, lostGroups(company, before, after)...)
	for _, id := range slices.Sorted(maps.Keys(before.Administrators)) {
		_, is := company.Administrators[id]
		if _, there := after.Administrators[id]; is && !there {
			list = append(list, "member "+id+" still is an administrator and was dismissed")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(after.Members)) {
		_, was := before.Members[id]
		if _, is := company.Members[id]; !was && !is {
			list = append(list, "member "+id+" never was")
		}
	}
	return list
}
