// Package account holds the commands about members and the platform's accounts.
package account

import (
	"context"
	"strings"

	"github.com/orgsync/orgsync/internal/service"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/run"
)

// Commands are those below "orgsync accounts".
type Commands struct {
	Report reportCommand `cmd:"" help:"Show who has an account, who has none, and whom you must decide about."`
	Apply  applyCommand  `cmd:"" help:"Link people to accounts now, and create accounts if the rules say so."`
	Decide decideCommand `cmd:"" help:"Decide about a person whose account cannot be told."`
}

// Help implements kong.HelpProvider.
func (Commands) Help() string {
	return `Accounts are the platform's, in its tables users and identities. The provider's rules say what a run does
about people without one: "accounts: { policy: none }", link (the default) or link_or_create.

Examples:

  orgsync accounts report acme
  orgsync accounts apply acme --plan
  orgsync accounts decide acme u-7 --ignore`
}

type reportCommand struct {
	Name string `arg:"" help:"The provider's name."`
}

// Help implements kong.HelpProvider.
func (reportCommand) Help() string {
	return `Shows what the last run found. For what a run would do now: orgsync accounts apply NAME --plan.

Examples:

  orgsync accounts report acme
  orgsync accounts report acme --output json`
}

// Run implements the command.
func (c reportCommand) Run(ctx context.Context, s *cli.Session) error {
	report, names, err := s.Service.ReportAccounts(ctx, c.Name)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(reportOf(c.Name, report))
	}
	s.Printf("%s, as of its last run: %d matched, %d unmatched (%d without an address), %d ambiguous, %d ignored",
		c.Name,
		report.Matched, report.Unmatched, report.WithoutKey, report.Ambiguous, report.Ignored)
	if len(report.Conflicts) == 0 {
		return nil
	}
	t := cli.NewTable("person", "why", "accounts", "decision")
	for _, conflict := range report.Conflicts {
		var accounts []string
		for _, id := range conflict.Candidates {
			if name := names[id]; name != "" {
				id = cli.Plain(name) + " (" + id + ")"
			}
			accounts = append(accounts, id)
		}
		t.AppendRow([]any{cli.Plain(conflict.Name + " (" + conflict.ExternalID + ")"), reasons[conflict.Reason],
			strings.Join(accounts, ", "),
			conflict.Decision + cli.Prefixed(" by ", cli.Plain(conflict.DecidedBy))})
	}
	s.PrintTable(t)
	return nil
}

// reasons say in words why nothing is done about a person.
var reasons = map[string]string{
	"several_accounts": "several accounts have the address",
	"several_members":  "several people have the address",
	"keys_disagree":    "e-mail and phone name different accounts",
	"account_taken":    "the account is another person's",
	"former_member":    "the account was a former person's",
	"other_provider":   "the account is a person's at another provider",
	"other_tenant":     "another tenant's account has the address",
	"manual":           "decided by hand",
}

type applyCommand struct {
	Name    string   `arg:"" help:"The provider's name."`
	Plan    bool     `help:"Change nothing; report what would be changed."`
	Members []string `aliases:"member" placeholder:"ID,ID" help:"Only these people."`
	run.WaitFlags
}

// Help implements kong.HelpProvider.
func (applyCommand) Help() string {
	return `This is a run of its own, which you can undo. If it would create more than the larger of 50 accounts and
one for 20 % of the people, in a directory that was linked before, it waits for approval.

Examples:

  orgsync accounts apply acme --plan
  orgsync accounts apply acme --wait
  orgsync accounts apply acme --members u-7,u-8

By hand, without this program:

  temporal workflow start --type TaskRun --task-queue orgsync --workflow-id orgsync/acme --input '{"provider":"acme","task":"accounts"}'`
}

// Run implements the command.
func (c applyCommand) Run(ctx context.Context, s *cli.Session) error {
	in := service.StartTaskInput{Provider: c.Name, Task: service.TaskAccounts, Members: c.Members, By: cli.By()}
	if c.Plan {
		in.Mode = service.ModePlan
	}
	return run.StartTask(ctx, s, in, c.WaitFlags)
}

type decideCommand struct {
	Name   string `arg:"" help:"The provider's name."`
	Member string `arg:"" help:"A person: an id of any kind, employee number, e-mail address, phone number, name or pinyin."`
	Link   string `xor:"decision" required:"" placeholder:"USER" help:"Link to this account, by its id in users."`
	Create bool   `xor:"decision" required:"" help:"Create an account, whatever others have."`
	Ignore bool   `xor:"decision" required:"" help:"Do nothing about this person, for good."`
	Unlink bool   `xor:"decision" required:"" help:"Take this person's link away, for good."`
}

// Help implements kong.HelpProvider.
func (decideCommand) Help() string {
	return `The provider's next run carries it out. To have that at once: orgsync accounts apply NAME --members MEMBER.

Examples:

  orgsync accounts decide acme u-7 --link 5b0c2f0e-3c3c-4b9c-9c8e-0d8f3a1e2b4d
  orgsync accounts decide acme u-7 --create
  orgsync accounts decide acme u-7 --ignore
  orgsync accounts decide acme u-7 --unlink`
}

// Run implements the command.
func (c decideCommand) Run(ctx context.Context, s *cli.Session) error {
	in := service.DecideAccountInput{Provider: c.Name, Member: c.Member, Decision: "ignore", By: cli.By()}
	switch {
	case c.Link != "":
		in.Decision, in.User = "link", c.Link
	case c.Create:
		in.Decision = "create"
	case c.Unlink:
		in.Decision = "unlink"
	}
	member, err := s.Service.DecideAccount(ctx, in)
	s.PrintMatches(err)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.PrintJSON(Decided{MemberID: member.ID, ExternalID: member.ExternalID, Decision: in.Decision,
			UserID: in.User, DecidedBy: in.By.Name})
	}
	s.Printf("Decided about %s: %s. The next run of %s carries it out; at once: orgsync accounts apply %s --members %s",
		cli.Plain(member.ExternalID), in.Decision, c.Name, c.Name, cli.Plain(member.ExternalID))
	return nil
}
