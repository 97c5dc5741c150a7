package simulator

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/orgsync/orgsync/internal/directory"
)

var (
	groupNames = [...]string{
		"审批人", "Night shift", "安全员", "First aid", "项目经理", "Drivers", "值班", "Contractors", "財務", "Работники склада",
	}
	// categories are DingTalk's role groups. Members of the first have areas of management.
	categories = [...]string{"职务", "岗位", "项目"}
)

// typicalGroups is how many groups a company of so many members has.
func typicalGroups(members int) int { return max(4, min(members/40, 200)) }

func (c *Company) generateGroups() {
	rng := rand.New(rand.NewPCG(c.spec.Seed, 4))
	total := c.spec.Groups
	if total == 0 {
		total = typicalGroups(c.spec.Members)
	}
	for i := range max(0, total) {
		name := groupNames[i%len(groupNames)]
		if i >= len(groupNames) {
			name += fmt.Sprintf(" %d", i/len(groupNames)+1)
		}
		made := group{name: name, category: categories[i%len(categories)]}
		switch i {
		case 0: // nobody and nothing
		case 1:
			made.departments = c.drawDepartments(rng, 2)
			made.members = c.drawPeople(rng, 1)
		case 2: // more than a page of every vendor in a large company
			made.dynamic = true
			made.members = c.drawPeople(rng, min(len(c.people)/4, 1500))
		default:
			made.members = c.drawPeople(rng, 1+rng.IntN(max(3, min(60, len(c.people)/20))))
			if i%4 == 0 {
				made.departments = c.drawDepartments(rng, 1)
			}
		}
		if made.category == categories[0] {
			for j, p := range made.members {
				if j%3 == 0 {
					made.setScope(p, c.drawDepartments(rng, 2))
				}
			}
		}
		c.groups = append(c.groups, made)
	}
	for i, p := range c.drawPeople(rng, min(8, 1+len(c.people)/20)) {
		level := directory.SubAdministrator
		if i == 0 || i == 5 {
			level = directory.MainAdministrator
		}
		c.administrators = append(c.administrators, appointment{p, level})
	}
}

// drawPeople draws at most n different people.
func (c *Company) drawPeople(rng *rand.Rand, n int) []PersonID {
	return draw(rng, n, len(c.people), func(i int) PersonID { return PersonID(i + 1) })
}

// drawDepartments draws at most n different departments.
func (c *Company) drawDepartments(rng *rand.Rand, n int) []Dept {
	return draw(rng, n, len(c.departments), func(i int) Dept { return Dept(i + 1) })
}

func draw[T comparable](rng *rand.Rand, n, of int, number func(int) T) []T {
	drawn := make(map[T]bool, n)
	var list []T
	for range min(n, of) * 2 {
		if one := number(rng.IntN(of)); !drawn[one] && len(list) < n {
			drawn[one] = true
			list = append(list, one)
		}
	}
	return slices.Clip(list)
}
