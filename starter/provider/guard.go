package provider

import (
	"fmt"
	"time"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
)

// guardFlags change a provider's removal guard; nil is what was not given.
type guardFlags struct {
	RemovalLimit                  *int           `placeholder:"N" help:"${member_limit}"`
	RemovalPercent                *float64       `placeholder:"P" help:"${member_percent}"`
	DepartmentRemovalLimit        *int           `placeholder:"N" help:"${department_limit}"`
	DepartmentRemovalPercent      *float64       `placeholder:"P" help:"${department_percent}"`
	GroupRemovalLimit             *int           `placeholder:"N" help:"${group_limit}"`
	GroupRemovalPercent           *float64       `placeholder:"P" help:"${group_percent}"`
	GroupMembershipRemovalLimit   *int           `placeholder:"N" help:"${group_membership_limit}"`
	GroupMembershipRemovalPercent *float64       `placeholder:"P" help:"${group_membership_percent}"`
	AdministratorRemovalLimit     *int           `placeholder:"N" help:"${administrator_limit}"`
	AdministratorRemovalPercent   *float64       `placeholder:"P" help:"${administrator_percent}"`
	HoldFor                       *time.Duration `placeholder:"${hold_for}" help:"${hold_for_help}"`
}

// guardTexts are what the flags' help says of each kind: how its flags begin, what a run
// would do, and of what the percentage is.
var guardTexts = []struct {
	kind              directory.Kind
	flags, would, all string
}{
	{directory.KindMember, "", "remove more people", "the people"},
	{directory.KindDepartment, "department-", "remove more departments", "the departments"},
	{directory.KindGroup, "group-", "remove more groups", "the groups"},
	{directory.KindGroupMembership, "group-membership-", "take more members or departments out of groups",
		"all places in groups"},
	{directory.KindAdministrator, "administrator-", "remove more administrators", "the administrators"},
}

// GuardHelp is the flags' help, with the default figures.
func GuardHelp() kong.Vars {
	hold := fmt.Sprintf("%gh", directory.DefaultHold.Hours())
	help := kong.Vars{"hold_for": hold, "hold_for_help": "How long a held run waits for a decision before its " +
		"removals are rejected (" + hold + ")."}
	usual := directory.DefaultGuard
	for _, text := range guardTexts {
		limit := usual.Of(text.kind)
		help[string(text.kind)+"_limit"] = fmt.Sprintf(
			"Hold a run that would %s than this (%d) or --%sremoval-percent, whichever is larger.", text.would,
			limit.Count, text.flags)
		help[string(text.kind)+"_percent"] = fmt.Sprintf("The percentage of %s that goes with --%sremoval-limit (%v).",
			text.all, text.flags, limit.Percent)
	}
	return help
}

// guard is what the flags ask for.
func (f guardFlags) guard() service.GuardInput {
	type limit = directory.LimitChange
	return service.GuardInput{
		Limits: directory.GuardChange{
			Members:          limit{Count: f.RemovalLimit, Percent: f.RemovalPercent},
			Departments:      limit{Count: f.DepartmentRemovalLimit, Percent: f.DepartmentRemovalPercent},
			Groups:           limit{Count: f.GroupRemovalLimit, Percent: f.GroupRemovalPercent},
			GroupMemberships: limit{Count: f.GroupMembershipRemovalLimit, Percent: f.GroupMembershipRemovalPercent},
			Administrators:   limit{Count: f.AdministratorRemovalLimit, Percent: f.AdministratorRemovalPercent},
		},
		HoldFor: f.HoldFor,
	}
}

// limitText says in words how many may go unasked.
func limitText(limit directory.Limit, what string) string {
	return fmt.Sprintf("more than the larger of %s and %g %% of the %s", cli.Grouped(limit.Count), limit.Percent, what)
}
