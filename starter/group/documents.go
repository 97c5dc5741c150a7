package group

import (
	"encoding/json"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// What these commands print with --output json. The types are public: docs/cli-json.md is
// written from them.

// Group is a role, user group or tag.
type Group struct {
	ID         string          `json:"id"`
	ExternalID string          `json:"external_id"`
	Kind       string          `json:"group_kind"`
	Name       string          `json:"name"`
	Category   string          `json:"category,omitempty"`
	Members    int             `json:"member_count"`
	Attributes json.RawMessage `json:"attributes"`
}

// Shown is one group with who and what belongs to it.
type Shown struct {
	Group
	// Departments belong as a whole, with all below them.
	Departments []Department `json:"group_departments"`
	People      []Person     `json:"group_people"`
}

// Department is a department that belongs to a group.
type Department struct {
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Path       string `json:"path"`
}

// Person is a member who belongs to a group.
type Person struct {
	ID             string `json:"id"`
	ExternalID     string `json:"external_id"`
	Name           string `json:"name"`
	Status         string `json:"status"`
	DepartmentPath string `json:"department_path"`
	// Direct is false of a person who belongs through a department alone.
	Direct bool `json:"is_direct"`
	// Scope are the departments that a role holder manages.
	Scope []string `json:"managed_departments"`
}

// Administrator is a person who administers the company's account.
type Administrator struct {
	ID         string `json:"id"`
	ExternalID string `json:"external_id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Source     string `json:"source"`
	Level      string `json:"level"`
}

func listOf(groups []service.Group) []Group {
	return cli.Each(groups, func(g service.Group) Group { return Group(g) })
}

func shownOf(c service.GroupContent) Shown {
	return Shown{
		Group: Group(c.Group),
		Departments: cli.Each(c.Departments, func(d service.GroupDepartment) Department {
			return Department{ExternalID: d.ExternalID, Name: d.Name, Path: d.Path}
		}),
		People: cli.Each(c.People, func(p service.GroupPerson) Person { return Person(p) }),
	}
}
