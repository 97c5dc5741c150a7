package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/directory"
)

// guardFlags change a provider's removal guard; nil is what was not given.
type guardFlags struct {
	RemovalLimit             *int           `placeholder:"N" help:"Hold a run that would remove more people than this (${member_limit}) or --removal-percent, whichever is larger."`
	RemovalPercent           *float64       `placeholder:"P" help:"The percentage of the people that goes with --removal-limit (${member_percent})."`
	DepartmentRemovalLimit   *int           `placeholder:"N" help:"Hold a run that would remove more departments than this (${department_limit}) or --department-removal-percent, whichever is larger."`
	DepartmentRemovalPercent *float64       `placeholder:"P" help:"The percentage of the departments that goes with --department-removal-limit (${department_percent})."`
	HoldFor                  *time.Duration `placeholder:"${hold_for}" help:"How long a held run waits for a decision before its removals are rejected (${hold_for})."`
}

// guardDefaults are the figures that the flags' help states.
func guardDefaults() kong.Vars {
	members, departments := directory.DefaultGuard.Members, directory.DefaultGuard.Departments
	return kong.Vars{
		"member_limit": strconv.Itoa(members.Count), "member_percent": fmt.Sprint(members.Percent),
		"department_limit": strconv.Itoa(departments.Count), "department_percent": fmt.Sprint(departments.Percent),
		"hold_for": fmt.Sprintf("%gh", directory.DefaultHold.Hours()),
	}
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
