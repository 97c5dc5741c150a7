package provider

import (
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// guardFlags change a provider's removal guard; nil is what was not given.
type guardFlags struct {
	RemovalLimit             *int           `placeholder:"N" help:"Hold a run that would remove more people than this (${member_limit}) or --removal-percent, whichever is larger."`
	RemovalPercent           *float64       `placeholder:"P" help:"The percentage of the people that goes with --removal-limit (${member_percent})."`
	DepartmentRemovalLimit   *int           `placeholder:"N" help:"Hold a run that would remove more departments than this (${department_limit}) or --department-removal-percent, whichever is larger."`
	DepartmentRemovalPercent *float64       `placeholder:"P" help:"The percentage of the departments that goes with --department-removal-limit (${department_percent})."`
	HoldFor                  *time.Duration `placeholder:"${hold_for}" help:"How long a held run waits for a decision before its removals are rejected (${hold_for})."`
}

// GuardDefaults are the figures that the flags' help states.
func GuardDefaults() kong.Vars {
	members, departments := directory.DefaultGuard.Members, directory.DefaultGuard.Departments
	return kong.Vars{
		"member_limit": strconv.Itoa(members.Count), "member_percent": fmt.Sprint(members.Percent),
		"department_limit": strconv.Itoa(departments.Count), "department_percent": fmt.Sprint(departments.Percent),
		"hold_for": fmt.Sprintf("%gh", directory.DefaultHold.Hours()),
	}
}

// guard is what the flags ask for.
func (f guardFlags) guard() service.GuardInput {
	return service.GuardInput{
		MemberLimit: f.RemovalLimit, MemberPercent: f.RemovalPercent,
		DepartmentLimit: f.DepartmentRemovalLimit, DepartmentPercent: f.DepartmentRemovalPercent, HoldFor: f.HoldFor,
	}
}

// limitText says in words how many may go unasked.
func limitText(count int, percent float64, what string) string {
	return fmt.Sprintf("more than the larger of %s and %g %% of the %s", cli.Grouped(count), percent, what)
}
