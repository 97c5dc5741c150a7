package main

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/devkit/simulator"
)

// kind is what may happen to a run.
type kind struct {
	name string
	// weight is how often it is chosen beside the others.
	weight int
	// plan: the run writes nothing. part: it reads only a part of the company, or the
	// company changes in the middle of it, so that it need not be equal afterwards.
	plan, part bool
	// before runs before the run, during once it reads people, after when it has ended.
	before, during, after func(context.Context, *turn) error
	// events is how its changes are told; with it no run is started.
	events telling
	// ends are the status that it may have.
	ends []string
}

var kinds = []kind{
	{name: "healthy", weight: 40, ends: []string{"succeeded"}},
	{name: "passing faults", weight: 14, before: passing, ends: []string{"succeeded"}},
	{name: "broken departments", weight: 10, before: broken, ends: []string{"succeeded", "partial", "failed"}},
	{name: "broken tree", weight: 5, before: brokenTree, ends: []string{"succeeded", "partial", "failed"}},
	{name: "broken groups", weight: 6, part: true, before: brokenGroups, ends: []string{"succeeded"}},
	{name: "outage", weight: 2, before: outage, ends: []string{"succeeded", "partial", "failed"}},
	{name: "no permission", weight: 3, before: forbidden, ends: []string{"failed", "partial"}},
	{name: "expired tokens", weight: 4, during: expireTokens, ends: []string{"succeeded"}},
	{name: "killed", weight: 4, during: kill, ends: []string{"succeeded"}},
	{name: "canceled", weight: 3, during: cancel, ends: []string{"canceled", "succeeded"}},
	{name: "terminated", weight: 3, during: terminate, ends: []string{"terminated", "succeeded"}},
	{name: "plan", weight: 4, plan: true, ends: []string{"succeeded"}},
	{name: "some departments", weight: 4, part: true, before: someDepartments, ends: []string{"succeeded"}},
	{name: "some people", weight: 4, part: true, before: somePeople, ends: []string{"succeeded"}},
	{name: "changed in the middle", weight: 5, part: true, during: change, ends: []string{"succeeded", "partial"}},
	{name: "shrunk range", weight: 3, part: true, before: shrink, after: restore,
		ends: []string{"held", "succeeded", "partial"}},
}

// find returns a kind by its name, nil if there is none.
func find(name string) *kind {
	all := slices.Concat(kinds, eventKinds)
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == strings.TrimSpace(name) })
	if i < 0 {
		return nil
	}
	return &all[i]
}

func names() string {
	var list []string
	for _, k := range slices.Concat(kinds, eventKinds) {
		list = append(list, k.name)
	}
	return strings.Join(list, ", ")
}

// choose says what happens to a run. The first and the last are left in peace.
func (s *soak) choose(n int, rng *rand.Rand) *kind {
	switch {
	case n == 1 || n == s.Runs:
		return &kinds[0]
	case len(s.Kinds) > 0:
		return find(s.Kinds[(n-2)%len(s.Kinds)])
	}
	from := kinds
	if s.Events && n%4 != 0 { // three of four rounds are of events
		from = eventKinds
	}
	total := 0
	for _, k := range from {
		total += k.weight
	}
	at := rng.IntN(total)
	return &from[slices.IndexFunc(from, func(k kind) bool { at -= k.weight; return at < 0 })]
}

// turn is one run as its kind sees it.
type turn struct {
	*soak
	rng     *rand.Rand
	company simulator.Truth
	input   map[string]any
	run     client.WorkflowRun
}

// reach waits until the run has read some people, or has ended before.
func (t *turn) reach(ctx context.Context, run client.WorkflowRun) error {
	t.run = run
	wanted := 3 + t.rng.IntN(max(1, len(t.company.Departments)*2/3))
	return every(ctx, 20*time.Millisecond, func() (bool, error) {
		calls, err := t.Calls(ctx)
		if err != nil || calls[endpoints[t.kind].members] >= wanted {
			return true, err
		}
		described, err := t.Client.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		return described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, err
	})
}

func expireTokens(ctx context.Context, t *turn) error {
	return t.Control(ctx, http.MethodPost, "/expire-tokens?vendor="+t.Trial.Vendor, nil, nil)
}

func kill(ctx context.Context, t *turn) error { return t.CrashWorker(ctx) }

func cancel(ctx context.Context, t *turn) error {
	return overtaken(t.Client.CancelWorkflow(ctx, t.run.GetID(), t.run.GetRunID()))
}

func terminate(ctx context.Context, t *turn) error {
	return overtaken(t.Client.TerminateWorkflow(ctx, t.run.GetID(), t.run.GetRunID(), "soak"))
}

func change(ctx context.Context, t *turn) error { return t.Drift(ctx, t.Share, t.rng.Uint64()|1) }

func someDepartments(_ context.Context, t *turn) error {
	t.input["departments"] = draw(t.rng, 1+t.rng.IntN(5), t.company.Departments)
	return nil
}

func somePeople(_ context.Context, t *turn) error {
	t.input["members"] = draw(t.rng, 1+t.rng.IntN(20), t.company.Members)
	return nil
}

// shrink takes half of the departments below the root out of the app's visible range.
func shrink(ctx context.Context, t *turn) error {
	var tops []string
	for _, id := range slices.Sorted(maps.Keys(t.company.Departments)) {
		if up := t.company.Departments[id].ParentID; up != "" && t.company.Departments[up].ParentID == "" {
			tops = append(tops, id)
		}
	}
	return t.Control(ctx, http.MethodPost, "/range",
		map[string]any{"vendor": t.Trial.Vendor, "departments": tops[:(len(tops)+1)/2]}, nil)
}

func restore(ctx context.Context, t *turn) error {
	return t.Control(ctx, http.MethodPost, "/range", map[string]any{"vendor": t.Trial.Vendor}, nil)
}

// draw returns up to n different ids.
func draw[T any](rng *rand.Rand, n int, from map[string]T) []string {
	all := slices.Sorted(maps.Keys(from))
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(n, len(all))]
}
