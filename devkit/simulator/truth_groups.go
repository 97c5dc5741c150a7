package simulator

import (
	"slices"
	"strconv"

	"github.com/orgsync/orgsync/internal/directory"
)

// TrueGroup is one group by its external id. All ids are external and sorted.
type TrueGroup struct {
	Name string `json:"name"`
	// Category is the role group at DingTalk, else empty.
	Category string `json:"category"`
	// Members belong directly, Departments with all people in them and below.
	Members     []string `json:"members"`
	Departments []string `json:"departments"`
	// Scopes are the areas of management of DingTalk's role holders who have one.
	Scopes map[string][]string `json:"scopes"`
	// Attributes are Feishu's description and type of group.
	Attributes map[directory.Attribute]any `json:"attributes"`
}

// BuiltInRole is one of DingTalk's roles that every company has and nobody can assign
// (dingtalk-more.md §C). Its holders are the administrators of a level.
type BuiltInRole struct {
	ID    int64
	Name  string
	Level directory.AdministratorLevel
}

// BuiltInCategory is the role group of the built-in roles, BuiltInRoles are those whose
// holders follow from what else a company is (dingtalk.md §9).
const BuiltInCategory = "默认"

var BuiltInRoles = []BuiltInRole{
	{3_935_000_013, "主管理员", directory.MainAdministrator}, {3_935_000_014, "子管理员", directory.SubAdministrator},
}

// vendorLevels are the levels of administrators by vendor, in its own word where it is neither main nor sub:
// Feishu lists administrators of apps beside super administrators (feishu-more.md §D),
// WeCom who manages an app and who only sends its messages (wecom-more.md §D).
var vendorLevels = map[directory.ProviderType]map[directory.AdministratorLevel]directory.AdministratorLevel{
	directory.Feishu: {
		directory.MainAdministrator: directory.MainAdministrator,
		directory.SubAdministrator:  "app_admin",
	},
	directory.DingTalk: {
		directory.MainAdministrator: directory.MainAdministrator,
		directory.SubAdministrator:  directory.SubAdministrator,
	},
	directory.WeCom: {directory.MainAdministrator: "manage", directory.SubAdministrator: "message"},
}

func (v *View) trueAdministrators(t directory.ProviderType) map[string]directory.AdministratorLevel {
	all := make(map[string]directory.AdministratorLevel, len(v.c.administrators))
	for _, a := range v.c.administrators {
		all[v.memberID(t, a.Person)] = vendorLevels[t][a.Level]
	}
	return all
}

func (v *View) memberID(t directory.ProviderType, p PersonID) string {
	return v.c.userID(t, v.c.people[p-1].bears)
}

func (v *View) trueGroups(t directory.ProviderType, all map[string]TrueGroup) {
	for g := range v.Groups() {
		made := TrueGroup{Name: g.Name, Members: v.memberIDs(t, g.Members)}
		switch t {
		case directory.DingTalk:
			made.Category, made.Scopes = g.Category, map[string][]string{}
			for _, p := range g.Members {
				if scope := v.Scope(g.ID, p); len(scope) > 0 {
					made.Scopes[v.memberID(t, p)] = v.departmentIDs(t, scope)
				}
			}
		case directory.Feishu:
			made.Departments = v.departmentIDs(t, g.Departments)
			made.Attributes = map[directory.Attribute]any{directory.GroupType: "ordinary"}
			if g.Dynamic {
				made.Attributes[directory.GroupType] = "dynamic"
			}
			if g.Description != "" {
				made.Attributes[directory.Description] = g.Description
			}
		default:
			made.Departments = v.departmentIDs(t, g.Departments)
		}
		all[v.c.GroupID(t, g.ID)] = made
	}
	if t == directory.DingTalk {
		for _, r := range BuiltInRoles {
			all[strconv.FormatInt(r.ID, 10)] = TrueGroup{
				Name: r.Name, Category: BuiltInCategory,
				Members: v.memberIDs(t, v.Administrators(r.Level)), Scopes: map[string][]string{},
			}
		}
	}
}

func (v *View) memberIDs(t directory.ProviderType, people []PersonID) []string {
	ids := make([]string, len(people))
	for i, p := range people {
		ids[i] = v.memberID(t, p)
	}
	slices.Sort(ids)
	return ids
}

func (v *View) departmentIDs(t directory.ProviderType, departments []Dept) []string {
	ids := make([]string, len(departments))
	for i, d := range departments {
		ids[i] = v.c.DepartmentID(t, d)
	}
	slices.Sort(ids)
	return ids
}
