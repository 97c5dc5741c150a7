package main

import (
	"fmt"
	"time"

	"github.com/orgsync/orgsync/db"
)

// guardFlags change a provider's removal guard; nil is what was not given.
type guardFlags struct {
	RemovalLimit             *int           `placeholder:"N" help:"A run that would remove more than the larger of this many (20) ..."`
	RemovalPercent           *float64       `placeholder:"P" help:"... and this percentage (5) of the people is held for approval; departments likewise, unless they have limits of their own:"`
	DepartmentRemovalLimit   *int           `placeholder:"N" help:"A run that would remove more than the larger of this many ..."`
	DepartmentRemovalPercent *float64       `placeholder:"P" help:"... and this percentage of the departments is held for approval."`
	HoldFor                  *time.Duration `placeholder:"72h" help:"How long a held run waits for a decision before it counts as rejected (72h)."`
}

// maxHold is far longer than anybody should take to decide.
const maxHold = 365 * 24 * time.Hour

// change returns what the flags ask for, or what is wrong with them.
func (f guardFlags) change() (db.GuardChange, error) {
	for _, count := range []struct {
		flag  string
		given *int
	}{{"--removal-limit", f.RemovalLimit}, {"--department-removal-limit", f.DepartmentRemovalLimit}} {
		const most = 1<<31 - 1 // of a Postgres integer
		if n := count.given; n != nil && (*n < 0 || *n > most) {
			return db.GuardChange{}, misuse("%s is %d; it must be a number of removals from 0 on", count.flag, *n)
		}
	}
	for _, percent := range []struct {
		flag  string
		given *float64
	}{{"--removal-percent", f.RemovalPercent}, {"--department-removal-percent", f.DepartmentRemovalPercent}} {
		if p := percent.given; p != nil && !(*p >= 0 && *p <= 100) { // so that NaN is refused too
			return db.GuardChange{}, misuse("%s is %g; it must be from 0 to 100", percent.flag, *p)
		}
	}
	if d := f.HoldFor; d != nil && (*d < time.Second || *d > maxHold || *d%time.Second != 0) {
		return db.GuardChange{}, misuse("--hold-for is %s; it must be in whole seconds, from 1s to %s, such as 72h", *d, maxHold)
	}
	return db.GuardChange{
		Count: f.RemovalLimit, Percent: f.RemovalPercent,
		DepartmentCount: f.DepartmentRemovalLimit, DepartmentPercent: f.DepartmentRemovalPercent, HoldFor: f.HoldFor,
	}, nil
}

// limitText says in words how many may go unasked.
func limitText(count int, percent float64, what string) string {
	return fmt.Sprintf("more than the larger of %s and %g %% of the %s", grouped(count), percent, what)
}
