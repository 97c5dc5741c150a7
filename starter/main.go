// Command orgsync is the operator's command line: it stores providers, starts
// syncs and waits for them, shows what runs did and what the directory holds,
// decides held runs, and looks after the database's schema and the key set. It
// reads and writes nothing of the directory itself: that is the worker's duty.
//
// With --output json standard output is exactly one JSON document; whatever is
// said on the way stands on standard error.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // time zones of schedules, also on machines without the database

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/starter/account"
	"github.com/orgsync/orgsync/starter/application"
	"github.com/orgsync/orgsync/starter/change"
	"github.com/orgsync/orgsync/starter/cli"
	"github.com/orgsync/orgsync/starter/console"
	"github.com/orgsync/orgsync/starter/event"
	"github.com/orgsync/orgsync/starter/group"
	"github.com/orgsync/orgsync/starter/maintenance"
	"github.com/orgsync/orgsync/starter/member"
	"github.com/orgsync/orgsync/starter/provider"
	"github.com/orgsync/orgsync/starter/report"
	"github.com/orgsync/orgsync/starter/rules"
	"github.com/orgsync/orgsync/starter/run"
	"github.com/orgsync/orgsync/starter/schedule"
	"github.com/orgsync/orgsync/starter/token"
	"github.com/orgsync/orgsync/starter/webhook"
)

const description = `Syncs a company's directory from Feishu, Lark, DingTalk or WeCom into Postgres.

Examples:

  orgsync provider add acme --type feishu --config acme.json
  orgsync provider test acme
  orgsync sync acme --wait
  orgsync status
  orgsync schedule set acme --every 1h
  orgsync tree acme --depth 2

`

type commands struct {
	Output string `enum:"text,json" default:"text" short:"o" placeholder:"text|json" help:"Format of standard output: text for people, or one JSON document."`

	ShowVersion versionFlag `name:"version" help:"Show the version."`

	Status     report.StatusCommand        `cmd:"" help:"Show the state of every provider."`
	Provider   provider.Commands           `cmd:"" help:"Store, show, change, remove and test providers."`
	Rules      rules.Commands              `cmd:"" help:"Say what belongs in the directory, and map fields."`
	Sync       run.SyncCommand             `cmd:"" help:"Start a sync of a provider."`
	Schedule   schedule.Commands           `cmd:"" help:"Sync providers regularly."`
	Events     event.Commands              `cmd:"" help:"Follow a provider's changes as they happen."`
	Runs       run.Commands                `cmd:"" help:"Show what runs did."`
	Cancel     run.CancelCommand           `cmd:"" help:"Cancel a provider's running run."`
	Undo       run.UndoCommand             `cmd:"" help:"Take back what a run changed."`
	Approve    run.ApproveCommand          `cmd:"" help:"Approve the removals of a held run."`
	Reject     run.RejectCommand           `cmd:"" help:"Reject the removals of a held run."`
	Replay     maintenance.ReplayCommand   `cmd:"" help:"Check whether this build can continue a workflow."`
	Tree       report.TreeCommand          `cmd:"" help:"Show the departments with their head counts."`
	Search     report.SearchCommand        `cmd:"" help:"Find people by name, pinyin, initials, e-mail or phone, and departments by name."`
	Explain    report.ExplainCommand       `cmd:"" help:"Show every change to a person or department, which run made it, and why."`
	Export     report.ExportCommand        `cmd:"" help:"Print the stored directory."`
	Audit      report.AuditCommand         `cmd:"" help:"Show what administrators changed, and who."`
	Member     member.Commands             `cmd:"" help:"Show one person, or mark people as having left here."`
	Accounts   account.Commands            `cmd:"" help:"Link people to the platform's accounts."`
	Groups     group.GroupsCommand         `cmd:"" help:"Show roles, user groups or tags, and who belongs to them."`
	Admins     group.AdministratorsCommand `cmd:"" help:"Show who administers the company's account."`
	App        application.Commands        `cmd:"" help:"Register, list and remove applications that people sign in to."`
	Changes    change.Command              `cmd:"" help:"Follow what changes in the directory, in order."`
	Webhook    webhook.Commands            `cmd:"" help:"Have addresses told of changes, signed and in order."`
	Token      token.Commands              `cmd:"" help:"Make, list and revoke tokens for the API."`
	Console    console.Command             `cmd:"" help:"Print a link that signs in to the console once."`
	Migrate    maintenance.MigrateCommand  `cmd:"" help:"Bring the database schema up to date."`
	Keyset     maintenance.KeysetCommands  `cmd:"" help:"Create and rotate the encryption key set."`
	Notify     maintenance.NotifyCommands  `cmd:"" help:"Test the webhooks."`
	Completion completionCommand           `cmd:"" help:"Print a script that lets a shell complete commands."`
	HelpOn     helpCommand                 `cmd:"" name:"help" help:"Show the help of a command."`
	Version    versionCommand              `cmd:"" help:"Show the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(status)
}

// newParser makes a parser, which can parse one command line.
func newParser(line *commands, options ...kong.Option) (*kong.Kong, error) {
	options = append(options,
		kong.Name("orgsync"),
		kong.Description(description+cli.ExitHelp()+"\n"+settingsUsage()),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, NoAppDescFormat: true}),
		provider.GuardHelp(), cli.Durations(),
	)
	return kong.New(line, append(options, cli.RefuseEmpty()...)...)
}

// execute runs one command line and returns its exit status.
func execute(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer,
	getenv func(string) string) int {
	var line commands
	helped := false
	parser, err := newParser(&line,
		kong.Writers(stdout, stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		// Kong calls this once it has printed help, and parses on.
		kong.Exit(func(int) { helped = true }),
	)
	if err != nil {
		fmt.Fprintln(stderr, "orgsync:", err)
		return cli.ExitFailed
	}
	parsed, err := parser.Parse(args)
	if helped {
		return cli.ExitDone
	}
	s := cli.NewSession(stdin, stdout, stderr, getenv, line.Output == "json")
	defer s.Close()
	if err != nil {
		s.JSON = wantsJSON(args)
		return s.Exit(ctx, cli.UsageError("%s; see: %s --help", parseProblem(err), commandOf(err)))
	}
	return s.Exit(ctx, parsed.Run(s))
}

// wantsJSON tells whether a command line that cannot be parsed asks for JSON.
func wantsJSON(args []string) bool {
	for i, arg := range args {
		switch arg {
		case "--":
			return false
		case "--output=json", "-ojson", "-o=json":
			return true
		case "--output", "-o":
			if i+1 < len(args) && args[i+1] == "json" {
				return true
			}
		}
	}
	return false
}

// parseProblem says what is wrong with a command line, where the parser's own words leave
// out a part of it or are those of a programmer.
func parseProblem(err error) string {
	text := err.Error()
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil && strings.HasPrefix(text, "expected one of ") {
		return "a command is missing; give one of: " + strings.Join(commandsBelow(wrong.Context), ", ")
	}
	if missing, ok := strings.CutPrefix(text, "expected "); ok && strings.HasPrefix(missing, `"<`) {
		return "missing: " + strings.ReplaceAll(missing, `"`, "")
	}
	return strings.Replace(text, "expected a valid 64 bit int but got", "expected a whole number, not", 1)
}

// commandsBelow are the commands that can be given next.
func commandsBelow(parsed *kong.Context) []string {
	node := parsed.Model.Node
	if selected := parsed.Selected(); selected != nil {
		node = selected
	}
	var names []string
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

// commandOf returns the command that a parse error is about, as it is typed.
func commandOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Selected() != nil {
		path, _, _ := strings.Cut(wrong.Context.Selected().FullPath(), " <")
		return path
	}
	return "orgsync"
}
