// Command bench measures how fast companies of growing size are synced, with
// everything on one machine: a private Postgres and Temporal, a simulated provider
// over HTTP, and the worker that operators run. Beside it, on the same machine, it
// loads the same rows by plain SQL and row by row, and reads once within the
// provider's documented call limits. It is no part of an installation.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/orgsync/orgsync/devkit/cli"
	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/stack"
)

type flags struct {
	Sizes      []int  `default:"1000,10000,100000" env:"BENCH_SIZES"      help:"Members of the companies to measure."`
	Large      bool   `                            env:"BENCH_LARGE"      help:"Measure a million members, too."`
	Staff      int    `default:"10"                env:"BENCH_STAFF"      help:"Members to a department."`
	Largest    int    `                            env:"BENCH_LARGEST"    help:"Members who all work in one department; the others are spread over all."`
	Vendor     string `default:"feishu"            env:"BENCH_VENDOR"     help:"The provider simulated: ${enum}."                                                                               enum:"feishu,dingtalk,wecom"`
	Repeat     int    `default:"3"                 env:"BENCH_REPEAT"     help:"How often each size is measured: ratios are told with their spread."`
	Workers    int    `default:"1"                 env:"BENCH_WORKERS"    help:"Worker processes."`
	Spread     int    `default:"2"                 env:"BENCH_SPREAD"     help:"Worker processes with which the largest of the sizes is measured once more, for comparison; 0 leaves that out."`
	Limited    bool   `default:"true"              env:"BENCH_LIMITED"    help:"Read a small and a larger company of each provider within the documented call limits."                                                       negatable:""`
	Comparison bool   `default:"true"              env:"BENCH_COMPARISON" help:"Load the same rows by plain SQL and row by row as well, and with other workers."                                                             negatable:""`
	API        int    `default:"100000"            env:"BENCH_API"        help:"People with whom the REST API is measured; 0 leaves that out."`
	Rules      string `                            env:"BENCH_RULES"      help:"Rules of the provider, in YAML or JSON, such as a mapping; without any the company is synced as it is."`
	Events     int    `default:"1000"              env:"BENCH_EVENTS"     help:"People in each of three companies whose changes are followed by events; 0 leaves that out."`
	EventRates []int  `default:"1,10,100"          env:"BENCH_EVENT_RATES" help:"Changes a second, over all three."`
	OnlyEvents bool   `                            env:"BENCH_ONLY_EVENTS" help:"Measure events alone."`
	OnlyAPI    bool   `                            env:"BENCH_ONLY_API"   help:"Measure the REST API alone."`

	loadtest.Output `embed:"" envprefix:"BENCH_"`
}

// Validate refuses numbers that measure nothing.
func (f flags) Validate() error {
	if f.Repeat < 1 {
		return errors.New("--repeat must be at least 1")
	}
	return nil
}

// Help is printed below the flags.
func (flags) Help() string {
	return `Examples:

  make bench
      measures 1,000, 10,000 and 100,000 members; the report goes to
      bin/bench.md, bin/bench.json and bin/bench.svg

  BENCH_LARGE=1 make bench
      measures a million members, too (some 20 GB of disk for a while)

  BENCH_SIZES=100000 BENCH_LARGEST=30000 BENCH_LIMITED=false make bench
      measures one department of 30,000 people beside thousands of small ones

  BENCH_SIZES=1000 BENCH_REPEAT=1 BENCH_LIMITED=false BENCH_COMPARISON=false make bench
      takes a quick look

  BENCH_RULES='scope: { kinds: { groups: false, administrators: false } }' make bench
      measures without groups and administrators; another document with a mapping

  BENCH_ONLY_API=1 BENCH_API=1000000 make bench
      measures the REST API beside plain SQL of the same queries

  BENCH_ONLY_EVENTS=1 make bench
      measures how long a change takes to the directory and to a webhook, at 1,
      10 and 100 changes a second

  BENCH_RELEASE=1 BENCH_LARGE=1 make bench
      replaces what docs/benchmarks/ shows of the last release`
}

// large is what --large adds.
const large = 1_000_000

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var f flags
	return cli.Run(
		ctx,
		"bench",
		&f,
		args,
		stdout,
		stderr,
		func(*kong.Context) error { return measure(ctx, f, stdout, stderr) },
		kong.Description("Measures syncs of simulated companies."),
	)
}

// measure makes all measurements one after the other, so that none disturbs another.
func measure(ctx context.Context, f flags, stdout, progress io.Writer) (err error) {
	root, err := stack.Root()
	if err != nil {
		return err
	}
	if _, err := stack.TemporalBinary(ctx, progress); err != nil {
		return err
	}
	report := newReport(root, f)
	dir, err := os.MkdirTemp("", "orgsync-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := bench{flags: f, bin: filepath.Join(root, "bin"), dir: dir, progress: progress}
	if f.Events > 0 && !f.OnlyAPI {
		if err := b.measureEvents(ctx, root, stdout); err != nil {
			return fmt.Errorf("events: %w", err)
		}
	}
	if f.OnlyEvents {
		return nil
	}
	if f.API > 0 {
		if err := b.measureAPI(ctx, root, stdout); err != nil {
			return fmt.Errorf("the API with %d people: %w", f.API, err)
		}
	}
	if f.OnlyAPI {
		return nil
	}
	sizes := f.Sizes
	if f.Large {
		sizes = append(sizes, large)
	}
	for _, members := range sizes {
		if err := b.size(ctx, members, report); err != nil {
			return fmt.Errorf("%d members: %w", members, err)
		}
	}
	if f.Limited {
		if err := b.limits(ctx, report); err != nil {
			return fmt.Errorf("within call limits: %w", err)
		}
	}
	summary := report.summary()
	summary.Print(stdout)
	written, err := f.Save(root, "bench", report, summary)
	for _, dir := range written {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "bench.svg"), []byte(report.chart()), 0o644))
	}
	return err
}
