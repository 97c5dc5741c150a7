// Command soak runs sync after sync of one simulated company that changes at random,
// with faults at random, and looks after each whether the directory is what it must
// be and whether anything grows that should not. It is no part of an installation.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/devkit/cli"
	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/stack"
)

type flags struct {
	Runs    int      `default:"200" env:"SOAK_RUNS" help:"How many runs follow each other."`
	Members int      `default:"10000" env:"SOAK_MEMBERS" help:"Members of the company, in a tenth as many departments."`
	Vendor  string   `default:"feishu" enum:"feishu,dingtalk,wecom" env:"SOAK_VENDOR" help:"The provider simulated: ${enum}."`
	Seed    uint64   `default:"1" env:"SOAK_SEED" help:"Soaks of one seed change the company and choose faults in the same way."`
	Share   float64  `default:"0.01" env:"SOAK_SHARE" help:"Share of the company that changes before each run, on average."`
	Events  bool     `env:"SOAK_EVENTS" help:"Follow changes by events in three of four rounds, which then make no run of their own."`
	Rules   string   `env:"SOAK_RULES" help:"Rules of the provider, in YAML or JSON; without any the company is synced as it is."`
	Kinds   []string `env:"SOAK_KINDS" help:"What kinds of run follow the first load, over and over, instead of chosen at random: ${kinds}."`

	loadtest.Output `embed:"" envprefix:"SOAK_"`
}

// Help is printed below the flags.
func (flags) Help() string {
	return `Examples:

  make soak
      makes 200 runs at 10,000 members, which takes half an hour to an hour;
      the report goes to bin/soak.md and bin/soak.json

  SOAK_RUNS=20 SOAK_MEMBERS=500 make soak
      takes a quick look

  SOAK_KINDS=killed,healthy SOAK_RUNS=10 make soak
      shows what happens if workers die in the middle

  SOAK_EVENTS=1 make soak
      follows changes by events: late, twice, dropped, under faults, and with
      workers and the server killed

  SOAK_VENDOR=dingtalk SOAK_RULES='scope: { details: true }' make soak
      looks single people and departments up, for what DingTalk's listings lack

  SOAK_RELEASE=1 make soak
      replaces docs/benchmarks/soak.md, which shows the last release`
}

// Validate refuses what cannot be soaked.
func (f flags) Validate() error {
	switch {
	case f.Runs < 1:
		return errors.New("--runs must be above 0")
	case f.Members < 20:
		return errors.New("--members must be at least 20")
	case f.Share <= 0 || f.Share > 0.5:
		return errors.New("--share must be above 0 and at most 0.5")
	}
	for _, name := range f.Kinds {
		k := find(name)
		switch {
		case k == nil:
			return fmt.Errorf("--kinds: there is no %q", name)
		case slices.Equal(k.ends, followed) && !f.Events:
			return fmt.Errorf("--kinds: %q goes with --events", name)
		}
	}
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit status: 0 all well, 1 something was wrong or grew, 2 wrong
// usage, 130 interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var f flags
	return cli.Run(ctx, "soak", &f, args, stdout, stderr, func(*kong.Context) error {
		if err := soakAll(ctx, f, stdout, stderr); err != nil {
			return fmt.Errorf(
				"%w\nsoak: the same again: SOAK_SEED=%d SOAK_RUNS=%d SOAK_MEMBERS=%d SOAK_VENDOR=%s SOAK_EVENTS=%t "+
					"make soak", err, f.Seed, f.Runs, f.Members, f.Vendor, f.Events)
		}
		return nil
	}, kong.Vars{"kinds": names()},
		kong.Description("Runs sync after sync of a company that changes, with faults, and looks what comes of it."))
}

// soakAll makes all runs, prints what came of them and returns what was wrong.
func soakAll(ctx context.Context, f flags, stdout, progress io.Writer) (err error) {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if _, err := stack.TemporalBinary(ctx, progress); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "orgsync-soak-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	report := newReport(root, f)
	s, err := start(ctx, f, filepath.Join(root, "bin"), dir, progress)
	if err != nil {
		return err
	}
	wrong := s.rounds(ctx, report)
	report.end()
	if err := errors.Join(wrong, s.Stop()); err != nil {
		return err
	}
	summary := report.summary()
	summary.Print(stdout)
	if _, err := f.Save(root, "soak", report, summary); err != nil {
		return err
	}
	return report.grown()
}
