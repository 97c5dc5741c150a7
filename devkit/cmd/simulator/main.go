// Command simulator serves make-believe companies as Feishu, DingTalk and WeCom
// do, each on its own address, with a control interface that changes the
// companies and scripts faults. It holds no state but that of its companies and
// knows nothing of the programs that read them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// commands are the command line.
type commands struct {
	Serve  serve        `cmd:"" default:"withargs" help:"Serve the companies. This is the default command: \"serve\" can be left out."`
	Leave  leave        `cmd:"" help:"Let people leave the companies of a running simulator."`
	Change change       `cmd:"" help:"Change one person of a company of a running simulator."`
	Events tell         `cmd:"" help:"Set how a running simulator tells of changes."`
	Suite  suiteCommand `cmd:"" help:"Set where a running simulator sends the messages to WeCom's suite."`
	App    switches     `cmd:"" help:"Set what the app of a running simulator may see, and what kind of app it is."`
}

// serve are the flags of a simulator.
type serve struct {
	Members     int    `default:"200" help:"People in each company."`
	Departments int    `help:"Departments in each company, the root included; 0 means one for every twelve people."`
	Depth       int    `default:"6" help:"Levels below the root."`
	Largest     int    `help:"How many people work in one department together; the others are spread over all departments."`
	Seed        uint64 `default:"1" help:"The same seed makes the same companies."`
	Company     string `default:"Acme" help:"The companies' name."`
	State       string `type:"path" help:"File that keeps the companies over a restart. If it exists, the companies are read from it and the sizes above are ignored."`

	FeishuAddr   string `default:"127.0.0.1:0" help:"Address of the simulated Feishu; port 0 picks a free port."`
	DingtalkAddr string `default:"127.0.0.1:0" help:"Address of the simulated DingTalk."`
	WecomAddr    string `default:"127.0.0.1:0" help:"Address of the simulated WeCom."`
	ControlAddr  string `default:"127.0.0.1:0" help:"Address of the control interface."`

	app

	Suite    string `default:"wwsuite" help:"Id of the suite that WeCom's company can install; one that begins with dk is of a 代开发 template."`
	NoQuotas bool   `help:"Do not enforce the documented call limits."`
	Output   string `enum:"text,json" default:"text" help:"How to print the addresses and credentials: ${enum}."`
}

// Validate refuses sizes that no company has.
func (f serve) Validate() error {
	if err := f.app.Validate(); err != nil {
		return err
	}
	switch {
	case f.Members < 0 || f.Members > maxMembers:
		return fmt.Errorf("--members must be from 0 to %d", maxMembers)
	case f.Departments < 0 || f.Departments > maxMembers:
		return fmt.Errorf("--departments must be from 0 to %d", maxMembers)
	case f.Largest < 0 || f.Largest > f.Members:
		return errors.New("--largest must be from 0 to --members")
	case f.Depth < 1 || f.Depth > maxDepth:
		return fmt.Errorf("--depth must be from 1 to %d", maxDepth)
	}
	return nil
}

// maxMembers keeps memory within a few gigabytes; maxDepth is what all vendors
// allow (wecom.md §2).
const (
	maxMembers = 10_000_000
	maxDepth   = 15
)

// Help is printed below the commands.
func (commands) Help() string {
	return `Examples:

  simulator
      serves three companies of 200 people each, on free ports

  simulator leave --share 0.2
      lets a fifth of the people leave, so that the next sync is held

  simulator change feishu --title Chief
  simulator change wecom --move
      gives some person a new title, or moves one to another department

  simulator events wecom --url "$ORGSYNC_PUBLIC_URL/events/acme"
      tells a callback address of WeCom's changes; Feishu and DingTalk tell of
      theirs as soon as a worker has opened a connection

  simulator events feishu --drop 0.1 --late 0.2 --late-by 3
      loses a tenth of the messages and sends a fifth after others

  simulator suite --url "$ORGSYNC_PUBLIC_URL/suites/wwsuite"
      sends tickets and authorisations of WeCom's suite there; "suite" in the
      printed line has its configuration, and who opens its install link
      consents for the company

  simulator app feishu --without contact:user.email:readonly
      takes a permission from the app; with no flag it has them all again

  simulator serve --members 100000 --seed 7 --state acme.json --output json
      serves large companies that survive a restart; prints a line of JSON with
      their addresses, and as "config" what a provider's configuration needs

  curl -X POST CONTROL/drift -d '{"share":0.05}'
      changes 5 % of the people and departments of every company

  curl -X POST CONTROL/faults -d '{"vendor":"wecom","faults":[{"endpoint":"user/list","times":2,"action":{"kind":"throttle"}}]}'
      answers the next two calls of user/list with 45009; the kinds of fault:
      ` + foldedKinds() + `

  curl CONTROL/events
      shows how changes are told, and how many messages were sent and lost

  curl CONTROL/state ; curl CONTROL/calls ; curl 'CONTROL/truth?vendor=feishu'
      show the companies, how often each call was made, what a sync must find

  curl -X POST CONTROL/leave -d '{"share":0.2}' ; curl CONTROL/app
  curl -X POST CONTROL/app -d '{"vendor":"wecom","trusted_ips":["192.0.2.1"],"old_app":true}'
      do the same as the commands above; GET shows what can be set

  curl -X POST CONTROL/range -d '{"vendor":"dingtalk","departments":["900000003"]}'
      limits what the app may see; without departments and people: no limit`
}

// foldedKinds lists the kinds of fault, folded as the help is.
func foldedKinds() string {
	const width, indent = 70, "\n      "
	lines, column := "", 0
	for i, kind := range simulator.Kinds {
		word := string(kind)
		if i < len(simulator.Kinds)-1 {
			word += ", "
		}
		if column+len(word) > width {
			lines, column = strings.TrimRight(lines, " ")+indent, 0
		}
		lines, column = lines+word, column+len(word)
	}
	return lines
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run serves until ctx ends and returns the exit status: 0 stopped, 1 failed, 2
// wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	helped := false
	parser, err := kong.New(&c, kong.Name("simulator"), kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Description("Serves make-believe companies as Feishu, DingTalk and WeCom do."))
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return 1
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return 0
	case err != nil:
		fmt.Fprintln(stderr, "simulator:", err)
		return 2
	}
	switch parsed.Selected().Name {
	case "leave":
		err = c.Leave.run(ctx, stdout)
	case "change":
		err = c.Change.run(ctx, stdout)
	case "events":
		err = c.Events.run(ctx, stdout)
	case "suite":
		err = c.Suite.run(ctx, stdout)
	case "app":
		err = c.App.run(ctx, stdout)
	default:
		err = c.Serve.run(ctx, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
		return 1
	}
	return 0
}

// run serves the companies until ctx ends.
func (f serve) run(ctx context.Context, stdout, stderr io.Writer) error {
	companies, err := openState(f.State, f.specs())
	if err != nil {
		return err
	}
	s, err := listen(ctx, f, companies)
	if err != nil {
		return err
	}
	if err := s.announce(stdout, f.Output); err != nil {
		fmt.Fprintln(stderr, "simulator:", err)
	}
	return s.serve(ctx)
}

// specs makes the companies different from each other by their seeds.
func (f serve) specs() map[string]simulator.Spec {
	specs := map[string]simulator.Spec{}
	for i, vendor := range vendors {
		spec := simulator.TypicalSpec(f.Seed+uint64(i)*1_000_003, f.Members)
		spec.Company, spec.MaxDepth, spec.Largest = f.Company, f.Depth, f.Largest
		if f.Departments > 0 {
			spec.Departments = f.Departments
		}
		specs[vendor] = spec
	}
	return specs
}

// announce prints where the services are.
func (s *services) announce(w io.Writer, output string) error {
	if output == "json" {
		return json.NewEncoder(w).Encode(s.places)
	}
	for _, vendor := range vendors {
		p := s.places.vendor(vendor)
		fmt.Fprintf(w, "%-9s %s", vendor, p.BaseURL)
		for _, key := range configOrder {
			if value, ok := p.Config[key]; ok {
				fmt.Fprintf(w, "  %s=%s", key, value)
			}
		}
		fmt.Fprintln(w)
	}
	_, err := fmt.Fprintf(w, "%-9s %s\n", "control", s.places.ControlURL)
	return err
}
