package directory

import (
	"fmt"
	"time"
)

// Guard is the removal guard of a provider: how much a run may remove without asking, by
// kind. Memberships have no limit: people change departments every day.
type Guard = ByKind[Limit]

// Limit is how many objects of one kind may go: the larger of Count and Percent of
// those that are there.
type Limit struct {
	Count   int
	Percent float64
}

// GuardChange are the parts of a guard that are given.
type GuardChange = ByKind[LimitChange]

// LimitChange are the parts of a limit that are given; nil leaves a part as it is.
type LimitChange struct {
	Count   *int
	Percent *float64
}

// On returns the limit with what is given.
func (c LimitChange) On(l Limit) Limit {
	if c.Count != nil {
		l.Count = *c.Count
	}
	if c.Percent != nil {
		l.Percent = *c.Percent
	}
	return l
}

// DefaultGuard are the limits of a provider that is added without any. Every text that
// states them takes them from here.
var DefaultGuard = Guard{
	Members:          Limit{Count: 10, Percent: 2},
	Departments:      Limit{Count: 3, Percent: 5},
	Groups:           Limit{Count: 3, Percent: 10},
	GroupMemberships: Limit{Count: 20, Percent: 10},
	Administrators:   Limit{Count: 3, Percent: 10},
}

// GuardFigures are a guard's limits as documents name them.
type GuardFigures struct {
	RemovalLimitCount           int     `json:"removal_limit_count" doc:"A run that would remove more is held."`
	RemovalLimitPercent         float64 `json:"removal_limit_percent"`
	DepartmentLimitCount        int     `json:"department_limit_count"`
	DepartmentLimitPercent      float64 `json:"department_limit_percent"`
	GroupLimitCount             int     `json:"group_limit_count"`
	GroupLimitPercent           float64 `json:"group_limit_percent"`
	GroupMembershipLimitCount   int     `json:"group_membership_limit_count" doc:"Of places in groups."`
	GroupMembershipLimitPercent float64 `json:"group_membership_limit_percent"`
	AdministratorLimitCount     int     `json:"administrator_limit_count"`
	AdministratorLimitPercent   float64 `json:"administrator_limit_percent"`
}

// FiguresOf returns a guard's limits for a document.
func FiguresOf(g Guard) GuardFigures {
	return GuardFigures{
		g.Members.Count, g.Members.Percent, g.Departments.Count, g.Departments.Percent, g.Groups.Count,
		g.Groups.Percent, g.GroupMemberships.Count, g.GroupMemberships.Percent, g.Administrators.Count,
		g.Administrators.Percent,
	}
}

// DefaultHold is how long a held run waits for a decision unless the provider says otherwise.
const DefaultHold = 72 * time.Hour

// Of returns the limit where so many objects are there.
func (l Limit) Of(there int) int { return max(l.Count, int(float64(there)*l.Percent/100)) }

// String says the limit in words, such as "the larger of 10 and 2 %".
func (l Limit) String() string { return fmt.Sprintf("the larger of %d and %g %%", l.Count, l.Percent) }
