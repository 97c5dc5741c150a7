package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/devkit/loadtest"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/stack"
	"github.com/orgsync/orgsync/internal/directory"
)

// soak is a company on a stack with two workers: the one started first lives as long
// as the soak, so that what it holds on to shows; the other is there to be killed.
type soak struct {
	*loadtest.Trial
	flags
	kind     directory.ProviderType
	progress io.Writer
	// told is an application that is told of changes.
	told *application
	// inStep says that the directory was found to be what the company is, and nothing that has no
	// event has changed since.
	inStep bool
}

// cleanUpEvery is how many runs pass between two retention runs; they keep what is younger
// than settings say, which for a soak is little, so that pruning shows.
const cleanUpEvery = 5

var settings = []stack.Setting{
	{Name: "ORGSYNC_CALL_RATE", Value: "0"},
	{Name: "ORGSYNC_CALL_TIMEOUT", Value: "5s"},
	{Name: "ORGSYNC_SLOW_CALL", Value: "4s"},
	{Name: "ORGSYNC_METRICS_ADDRESS", Value: "127.0.0.1:0"},
	{Name: "ORGSYNC_KEEP_RAW", Value: "30s"},
	{Name: "ORGSYNC_KEEP_DETAILS", Value: "1m"},
	{Name: "ORGSYNC_KEEP_RUNS", Value: "2m"},
}

func start(ctx context.Context, f flags, bin, dir string, progress io.Writer) (*soak, error) {
	t, err := loadtest.Start(ctx, f.Vendor, stack.Config{
		Dir: dir, Bin: bin, Progress: io.Discard, Worker: settings, Workers: 2, Server: f.Events,
		Simulator: []string{
			"--members", strconv.Itoa(f.Members), "--departments", strconv.Itoa(max(2, f.Members/10)), "--depth", "8",
			"--seed", strconv.FormatUint(f.Seed, 10), "--no-quotas",
		},
	})
	if err != nil {
		return nil, err
	}
	s := &soak{Trial: t, flags: f, kind: directory.ProviderType(f.Vendor), progress: progress}
	if f.Rules != "" {
		_, err = t.Orgsync(ctx, []byte(f.Rules), "rules", "set", loadtest.Provider, "--file", "-")
	}
	if err == nil && f.Events {
		err = s.enableEvents(ctx)
	}
	if err == nil {
		s.told, err = s.subscribe(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.Stop())
	}
	return s, nil
}

// round is one run and what it left behind.
type round struct {
	Number  int     `json:"number"`
	Kind    string  `json:"kind"`
	Status  string  `json:"status"`
	Seconds float64 `json:"seconds"`
	// DeliverySeconds is how long 95 of 100 publications that are still kept took to a webhook.
	DeliverySeconds float64 `json:"delivery_seconds"`
	// FullRuns is how many full runs there were in a round of events.
	FullRuns int `json:"full_runs,omitempty"`
	// Equal says that the directory was found to be what the company is.
	Equal bool `json:"equal"`
	// Measured is how large everything was afterwards.
	Measured measures `json:"measured"`
}

// rounds makes all runs. It stops at the first that is wrong.
func (s *soak) rounds(ctx context.Context, report *report) error {
	for n := 1; n <= s.Runs; n++ {
		r, err := s.round(ctx, n)
		if err != nil {
			return fmt.Errorf("run %d (%s): %w", n, r.Kind, err)
		}
		report.Rounds = append(report.Rounds, r)
		equal := ""
		if r.Equal {
			equal = ", equal"
		}
		fmt.Fprintf(s.progress, "soak: run %d of %d: %s: %s in %.1f s%s\n", n, s.Runs, r.Kind, r.Status, r.Seconds,
			equal)
	}
	return nil
}

// round changes the company, runs one sync with whatever its kind does to it, and
// demands that the directory then is what it must be.
func (s *soak) round(ctx context.Context, n int) (r round, err error) {
	rng := s.chance(n)
	k := s.choose(n, rng)
	r = round{Number: n, Kind: k.name}
	began := time.Now()
	if slices.Equal(k.ends, followed) {
		if err := s.follow(ctx, k, rng, &r); err != nil {
			return r, err
		}
		return r, s.finish(ctx, n, "", began, &r)
	}
	if s.inStep = false; s.Events {
		if err := s.silence(ctx); err != nil {
			return r, err
		}
	}
	if n > 1 {
		if err := s.Drift(ctx, s.Share*(0.5+rng.Float64()), rng.Uint64()|1); err != nil {
			return r, err
		}
	}
	before, err := s.look(ctx)
	if err != nil {
		return r, err
	}
	began = time.Now()
	result, err := s.sync(ctx, k, rng, before.company, &r)
	if err != nil {
		return r, err
	}
	if !slices.Contains(k.ends, r.Status) {
		return r, fmt.Errorf("the run ended %s: %s", r.Status, strings.Join(result.Errors, "; "))
	}
	after, err := s.look(ctx)
	if err != nil {
		return r, err
	}
	if err := s.verify(k, &r, before, after); err != nil {
		return r, fmt.Errorf("run %s ended %s (%s): %w", result.RunID, r.Status, strings.Join(result.Errors, "; "), err)
	}
	s.inStep = r.Equal
	return r, s.finish(ctx, n, result.RunID, began, &r)
}

// finish looks at the application, cleans up now and then, and measures.
func (s *soak) finish(ctx context.Context, n int, runID string, began time.Time, r *round) (err error) {
	if r.Status == "succeeded" || r.Status == "partial" || r.Status == "followed" {
		if err := s.told.compare(ctx, s); err != nil {
			return fmt.Errorf("run %s ended %s: the application: %w", runID, r.Status, err)
		}
		if r.DeliverySeconds, err = s.deliverySeconds(ctx); err != nil {
			return err
		}
	}
	if n%cleanUpEvery == 0 || n == s.Runs {
		if err := s.cleanUp(ctx); err != nil {
			return err
		}
	}
	r.Measured, err = s.measure(ctx, runID, began)
	return err
}

// chance is a run's own, whatever happened to those before it.
func (s *soak) chance(n int) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, uint64(n))) }

// seen is the company and the directory at one moment.
type seen struct {
	company   simulator.Truth
	directory oracle.Directory
}

func (s *soak) look(ctx context.Context) (seen, error) {
	var all seen
	if err := s.Control(ctx, http.MethodGet, "/truth?vendor="+s.Trial.Vendor, nil, &all.company); err != nil {
		return all, err
	}
	if s.kind == directory.WeCom { // the simulated app is a new one, which is shown none of them (wecom.md §1.5)
		for id, m := range all.company.Members {
			m.Email, m.WorkEmail, m.Phone = "", "", ""
			for _, hidden := range []directory.Attribute{directory.WorkEmail, directory.Gender, directory.WorkPlace} {
				delete(m.Attributes, hidden)
			}
			all.company.Members[id] = m
		}
	}
	var err error
	all.directory, err = oracle.Stored(ctx, s.Database, loadtest.Provider)
	return all, err
}

// verify compares. Whatever happened, no member who works there is gone; a run that says
// it succeeded has made the directory equal, and a plan has changed nothing.
func (s *soak) verify(k *kind, r *round, before, after seen) error {
	// The company may have changed in mid-run: then it is wrong only if it was so all along.
	lost := oracle.Lost(after.company, before.directory, after.directory)
	always := oracle.Lost(before.company, before.directory, after.directory)
	lost = slices.DeleteFunc(lost, func(line string) bool { return !slices.Contains(always, line) })
	if len(lost) > 0 {
		return complaint(lost)
	}
	if k.plan {
		return complaint(oracle.Differences(before.directory, after.directory))
	}
	if r.Status != "succeeded" || k.part {
		return nil
	}
	r.Equal = true
	return complaint(oracle.Differences(oracle.Of(s.kind, after.company, after.directory), after.directory))
}

// shown is how many differences are printed.
const shown = 10

func complaint(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	more := ""
	if len(lines) > shown {
		more = fmt.Sprintf("\n  and %d more", len(lines)-shown)
	}
	return errors.New("the directory is wrong:\n  " + strings.Join(lines[:min(shown, len(lines))], "\n  ") + more)
}

// outcome is what of a run's result is needed.
type outcome struct {
	RunID  string   `json:"run_id"`
	Status string   `json:"status"`
	Errors []string `json:"errors"`
}

// longest is how long a run may take; none that is well takes nearly as long.
const longest = 10 * time.Minute

// sync runs one sync and what the kind does before, during and after it.
func (s *soak) sync(ctx context.Context, k *kind, rng *rand.Rand, company simulator.Truth,
	r *round) (out outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	input := map[string]any{}
	if k.plan {
		input["mode"] = "plan"
	}
	t := &turn{soak: s, rng: rng, company: company, input: input}
	if k.before != nil {
		if err := k.before(ctx, t); err != nil {
			return out, err
		}
	}
	if err := s.ResetCalls(ctx); err != nil {
		return out, err
	}
	began := time.Now()
	run, err := s.Sync(ctx, input)
	if err != nil {
		return out, err
	}
	if k.during != nil {
		if err := t.reach(ctx, run); err != nil {
			return out, err
		}
		if err := k.during(ctx, t); err != nil {
			return out, err
		}
	}
	if out, err = s.result(ctx, run); err != nil {
		return out, err
	}
	r.Status, r.Seconds = out.Status, time.Since(began).Seconds()
	if err := s.Control(ctx, http.MethodDelete, "/faults?vendor="+s.Trial.Vendor, nil, nil); err != nil {
		return out, err
	}
	if k.after != nil {
		if err := k.after(ctx, t); err != nil {
			return out, err
		}
	}
	return out, s.quiet(ctx)
}

// result waits for the run's end, whatever that is.
func (s *soak) result(ctx context.Context, run client.WorkflowRun) (out outcome, err error) {
	var raw json.RawMessage
	err = run.Get(ctx, &raw)
	var application *temporal.ApplicationError
	var canceled *temporal.CanceledError
	var terminated *temporal.TerminatedError
	switch {
	case err == nil:
		err = json.Unmarshal(raw, &out)
	case errors.As(err, &terminated):
		out.Status, err = "terminated", nil
	case errors.As(err, &canceled) && canceled.HasDetails():
		err = canceled.Details(&out)
	case errors.As(err, &application) && application.HasDetails():
		err = application.Details(&out)
	}
	return out, err
}

// quiet waits until nothing works for the run any more: of one that was terminated
// the slices go on for a moment.
func (s *soak) quiet(ctx context.Context) error {
	return every(ctx, 50*time.Millisecond, func() (bool, error) {
		count, err := s.Client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: stack.Namespace, Query: "WorkflowType = 'SyncDepartments' AND ExecutionStatus = 'Running'",
		})
		return count.GetCount() == 0, err
	})
}

// cleanUp cleans up as the nightly schedule does. A snapshot that a run left must then be gone.
func (s *soak) cleanUp(ctx context.Context) error {
	run, err := s.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "soak-retention", TaskQueue: "orgsync"},
		"Retention")
	if err != nil {
		return err
	}
	return run.Get(ctx, nil)
}

// every asks again and again until the answer is yes.
func every(ctx context.Context, pause time.Duration, ask func() (bool, error)) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		if yes, err := ask(); yes || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
