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
)

const description = `Keeps a company's directory in Postgres equal to Feishu, Lark, DingTalk or WeCom.

Examples:

  orgsync provider add acme --type feishu --config acme.json
  orgsync provider test acme
  orgsync sync acme --wait
  orgsync status
  orgsync schedule set acme --every 1h
  orgsync tree acme --depth 2

`

type commands struct {
	Output string `enum:"text,json" default:"text" short:"o" placeholder:"text|json" help:"What standard output is: text for people, or one JSON document."`

	ShowVersion versionFlag `name:"version" help:"Say which build this is."`

	Status     statusCommand     `cmd:"" help:"Show how the providers stand."`
	Provider   providerCommands  `cmd:"" help:"Store, show, change, remove and test providers."`
	Sync       syncCommand       `cmd:"" help:"Start a sync of a provider."`
	Schedule   scheduleCommands  `cmd:"" help:"Have providers synced regularly."`
	Runs       runsCommands      `cmd:"" help:"Show what syncs did."`
	Cancel     cancelCommand     `cmd:"" help:"Cancel the run of a provider that is at work."`
	Undo       undoCommand       `cmd:"" help:"Take back what a run changed."`
	Approve    approveCommand    `cmd:"" help:"Let a held run remove what it found gone."`
	Reject     rejectCommand     `cmd:"" help:"End a held run without removing anything."`
	Replay     replayCommand     `cmd:"" help:"Tell whether this build can go on with a workflow's history."`
	Tree       treeCommand       `cmd:"" help:"Show the departments with their head counts."`
	Search     searchCommand     `cmd:"" help:"Find people by name, pinyin, initials, e-mail or phone, and departments by name."`
	Explain    explainCommand    `cmd:"" help:"Tell the whole story of one person or department: what changed, by which run, and why."`
	Migrate    migrateCommand    `cmd:"" help:"Bring the database to this build's schema."`
	Keyset     keysetCommands    `cmd:"" help:"Create and rotate the encryption key set."`
	Notify     notifyCommands    `cmd:"" help:"Try the webhooks."`
	Completion completionCommand `cmd:"" help:"Print what lets a shell complete commands."`
	HelpOn     helpCommand       `cmd:"" name:"help" help:"Show the help of a command."`
	Version    versionCommand    `cmd:"" help:"Say which build this is."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(status)
}

// newParser makes a parser, which can parse one command line.
func newParser(cli *commands, options ...kong.Option) (*kong.Kong, error) {
	options = append(options,
		kong.Name("orgsync"),
		kong.Description(description+exitHelp()+"\n"+settingsUsage()),
		kong.ConfigureHelp(kong.HelpOptions{NoExpandSubcommands: true, NoAppDescFormat: true}),
		guardDefaults(), durations(),
	)
	return kong.New(cli, append(options, refuseEmpty()...)...)
}

// run executes one command line and returns its exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	var cli commands
	helped := false
	parser, err := newParser(&cli,
		kong.Writers(stdout, stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		// Kong calls this once it has printed help, and parses on.
		kong.Exit(func(int) { helped = true }),
	)
	if err != nil {
		fmt.Fprintln(stderr, "orgsync:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if helped {
		return exitDone
	}
	s := &session{stdin: stdin, stdout: newScreen(stdout, getenv), stderr: stderr, getenv: getenv, json: cli.Output == "json"}
	defer s.close()
	if err != nil {
		s.json = wantsJSON(args)
		return s.conclude(ctx, misuse("%w; see: %s --help", err, commandOf(err)))
	}
	return s.conclude(ctx, parsed.Run(s))
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

// commandOf returns the command that a parse error is about, as it is typed.
func commandOf(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Selected() != nil {
		path, _, _ := strings.Cut(wrong.Context.Selected().FullPath(), " <")
		return path
	}
	return "orgsync"
}
