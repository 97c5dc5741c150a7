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

// DefaultHold is how long a held run waits for a decision unless the provider says otherwise.
const DefaultHold = 72 * time.Hour

// Of returns the limit where so many objects are there.
func (l Limit) Of(there int) int { return max(l.Count, int(float64(there)*l.Percent/100)) }

// String says the limit in words, such as "the larger of 10 and 2 %".
func (l Limit) String() string { return fmt.Sprintf("the larger of %d and %g %%", l.Count, l.Percent) }
