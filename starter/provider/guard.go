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
	RemovalLimit                  *int           `placeholder:"N" help:"Hold a run that would remove more people than this (${member_limit}) or --removal-percent, whichever is larger."`
	RemovalPercent                *float64       `placeholder:"P" help:"The percentage of the people that goes with --removal-limit (${member_percent})."`
	DepartmentRemovalLimit        *int           `placeholder:"N" help:"Hold a run that would remove more departments than this (${department_limit}) or --department-removal-percent, whichever is larger."`
	DepartmentRemovalPercent      *float64       `placeholder:"P" help:"The percentage of the departments that goes with --department-removal-limit (${department_percent})."`
	GroupRemovalLimit             *int           `placeholder:"N" help:"Hold a run that would remove more groups than this (${group_limit}) or --group-removal-percent, whichever is larger."`
	GroupRemovalPercent           *float64       `placeholder:"P" help:"The percentage of the groups that goes with --group-removal-limit (${group_percent})."`
	GroupMembershipRemovalLimit   *int           `placeholder:"N" help:"Hold a run that would take more members or departments out of groups than this (${group_membership_limit}) or --group-membership-removal-percent, whichever is larger."`
	GroupMembershipRemovalPercent *float64       `placeholder:"P" help:"The percentage of all places in groups that goes with --group-membership-removal-limit (${group_membership_percent})."`
	AdministratorRemovalLimit     *int           `placeholder:"N" help:"Hold a run that would remove more administrators than this (${administrator_limit}) or --administrator-removal-percent, whichever is larger."`
	AdministratorRemovalPercent   *float64       `placeholder:"P" help:"The percentage of the administrators that goes with --administrator-removal-limit (${administrator_percent})."`
	HoldFor                       *time.Duration `placeholder:"${hold_for}" help:"How long a held run waits for a decision before its removals are rejected (${hold_for})."`
}

// GuardDefaults are the figures that the flags' help states.
func GuardDefaults() kong.Vars {
	defaults := kong.Vars{"hold_for": fmt.Sprintf("%gh", directory.DefaultHold.Hours())}
	usual := directory.DefaultGuard
	for _, kind := range directory.Kinds() {
		limit := usual.Of(kind.Kind)
		defaults[string(kind.Kind)+"_limit"] = strconv.Itoa(limit.Count)
		defaults[string(kind.Kind)+"_percent"] = fmt.Sprint(limit.Percent)
	}
	return defaults
}

// guard is what the flags ask for.
func (f guardFlags) guard() service.GuardInput {
	return service.GuardInput{
		MemberLimit: f.RemovalLimit, MemberPercent: f.RemovalPercent,
		DepartmentLimit: f.DepartmentRemovalLimit, DepartmentPercent: f.DepartmentRemovalPercent,
		Others: map[directory.Kind]directory.LimitChange{
			directory.KindGroup: {Count: f.GroupRemovalLimit, Percent: f.GroupRemovalPercent},
			directory.KindGroupMembership: {
				Count: f.GroupMembershipRemovalLimit, Percent: f.GroupMembershipRemovalPercent,
			},
			directory.KindAdministrator: {Count: f.AdministratorRemovalLimit, Percent: f.AdministratorRemovalPercent},
		},
		HoldFor: f.HoldFor,
	}
}

// limitText says in words how many may go unasked.
func limitText(limit directory.Limit, what string) string {
	return fmt.Sprintf("more than the larger of %s and %g %% of the %s", cli.Grouped(limit.Count), limit.Percent, what)
}
