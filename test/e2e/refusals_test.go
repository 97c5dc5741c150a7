package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/devkit/oracle"
	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/workflows"
)

// plot is a small company: its departments, and two people in each.
type plot struct {
	*lab
	*source
	departments []simulator.Dept
	people      []simulator.PersonID
	later       afterPreflight
}

func newPlot(w *world, kind directory.ProviderType) *plot {
	w.t.Helper()
	p := &plot{lab: newLab(w.t, 34)}
	for _, name := range []string{"North", "East", "South", "West"} {
		d, people := p.below(simulator.Root, name, 2)
		p.departments, p.people = append(p.departments, d), append(p.people, people...)
	}
	p.source = w.simulateWith(kind, p.Company, p.later.in(kind))
	return p
}

func (p *plot) change() {
	p.t.Helper()
	p.must(p.Leave(p.people[0]), p.Move(p.people[1], p.departments[0], p.departments[1]))
	p.hire(p.departments[2])
}

// limit lets the app see only these departments; none means everything.
func (s *source) limit(departments ...simulator.Dept) {
	var visible *simulator.Range
	if len(departments) > 0 {
		visible = &simulator.Range{Departments: departments}
	}
	switch s.kind {
	case directory.Feishu:
		s.feishu.Reconfigure(func(c *feishu.Config) { c.Range = visible })
	case directory.DingTalk:
		s.ding.Reconfigure(func(c *dingtalk.Config) { c.Range = visible })
	case directory.WeCom:
		s.wecom.Reconfigure(func(c *wecom.Config) { c.Range = visible })
	}
}

// withdraw takes the app's permissions away, or gives them back.
func (s *source) withdraw(away bool) {
	switch s.kind {
	case directory.Feishu:
		s.feishu.Reconfigure(func(c *feishu.Config) {
			if c.Scopes = feishu.AllScopes; away {
				c.Scopes = []string{}
			}
		})
	case directory.DingTalk:
		s.ding.Reconfigure(func(c *dingtalk.Config) {
			if c.Points = dingtalk.AllPoints; away {
				c.Points = []string{}
			}
		})
	case directory.WeCom:
		s.wecom.Reconfigure(func(c *wecom.Config) {
			if c.TrustedIPs = nil; away {
				c.TrustedIPs = []string{"192.0.2.1"}
			}
		})
	}
}

func TestWhatFailsEveryCallEndsTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		for range 3 {
			p := newPlot(w, kind)
			plots, sources = append(plots, p), append(sources, p.source)
		}
	}
	w.succeed(sources...)

	before := make([]oracle.Directory, len(plots))
	for i, p := range plots {
		before[i] = w.standing(p.source)
		p.change()
		struck := simulator.Fault{Endpoint: readers[p.kind].members, Department: p.department(p.departments[3]),
			Times: simulator.Forever}
		switch i % 3 {
		case 0:
			p.later.set(p.source, func() { p.withdraw(true) }, nil)
		case 1:
			struck.Action.Kind = simulator.Forbidden
			p.later.set(p.source, func() { p.faults.Add(struck) }, nil)
		case 2:
			struck.Action.Kind = simulator.ExpireToken
			p.later.set(p.source, func() { p.faults.Add(struck) }, nil)
		}
	}
	const invalidated = "another program may be invalidating it"
	wants := map[directory.ProviderType][]string{
		directory.Feishu:   {"lacks a permission", "lacks a permission", invalidated},
		directory.DingTalk: {"lacks a permission", "lacks a permission", invalidated},
		directory.WeCom:    {"trusted IP list", "may not make this call", invalidated},
	}
	for i, result := range w.syncAll(sources...) {
		p := plots[i]
		require.Equal(t, directory.RunFailed, result.Status, "%s %d: %v", p.kind, i%3, result.Errors)
		require.Contains(t, result.Errors[0], wants[p.kind][i%3])
		w.requireNothingLost(p.source, before[i])
		p.faults.Clear()
		p.withdraw(false)
	}
	w.succeed(sources...)
}

// first is the call that a preflight begins with, after fetching a token.
var first = map[directory.ProviderType]string{directory.Feishu: "departments/get", directory.DingTalk: "auth/scopes",
	directory.WeCom: "department/list"}

// Another program that makes tokens invalid costs a run time, not its success: here it
// does so to the first calls of the preflight, and to calls in the middle of the run.
func TestTokensRefusedForAWhile(t *testing.T) {
	t.Parallel()
	const refused = 6
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		for range 2 {
			p := newPlot(w, kind)
			plots, sources = append(plots, p), append(sources, p.source)
		}
	}
	for i, p := range plots {
		struck := simulator.Fault{Endpoint: first[p.kind], Times: refused,
			Action: simulator.Action{Kind: simulator.ExpireToken}}
		if i%2 == 0 {
			p.faults.Add(struck)
			continue
		}
		struck.Endpoint, struck.Department = readers[p.kind].members, p.department(p.departments[3])
		p.later.set(p.source, func() { p.faults.Add(struck) }, nil)
	}
	w.succeed(sources...)
	for _, p := range plots {
		require.Empty(t, p.faults.Pending(), "all were refused")
		w.requireEqual(p.source)
	}
}

// What a code means that no table has, nobody knows: it may pass, and is said to be unknown.
func TestUnknownCodesMayPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		p := newPlot(w, kind)
		p.faults.Add(simulator.Fault{Endpoint: first[kind], Times: 2,
			Action: simulator.Action{Kind: simulator.Code, Code: 424242}})
		p.later.set(p.source, func() {
			p.faults.Add(simulator.Fault{
				Endpoint: readers[p.kind].members, Department: p.department(p.departments[3]), Times: 2,
				Action: simulator.Action{Kind: simulator.Code, Code: 424242},
			})
		}, nil)
		plots, sources = append(plots, p), append(sources, p.source)
	}
	w.succeed(sources...)
	for _, p := range plots {
		require.Empty(t, p.faults.Pending())
		p.faults.Add(simulator.Fault{Endpoint: first[p.kind], Times: simulator.Forever,
			Action: simulator.Action{Kind: simulator.Code, Code: 424242}})
	}
	for _, result := range w.syncAll(sources...) {
		require.Equal(t, directory.RunFailed, result.Status)
		require.Contains(t, result.Errors[0], "424242: this program does not know the code")
	}
}

func TestRangeThatShrinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var plots []*plot
	var sources []*source
	for _, kind := range kinds {
		p := newPlot(w, kind)
		plots, sources = append(plots, p), append(sources, p.source)
	}
	w.succeed(sources...)

	// In the middle of a run: what is out of range stays as it is.
	before := make([]oracle.Directory, len(plots))
	for i, p := range plots {
		before[i] = w.standing(p.source)
		p.change()
		p.later.set(p.source, func() { p.limit(p.departments[2]) }, nil)
	}
	for i, result := range w.syncAll(sources...) {
		require.NotEqual(t, directory.RunSucceeded, result.Status, "%s: %v", plots[i].kind, result.Errors)
		w.requireNothingLost(sources[i], before[i])
	}

	// From one run to the next: a person must say that those out of sight have left.
	held := w.syncAll(sources...)
	for i, result := range held {
		require.Equal(t, directory.RunHeld, result.Status, "%s: %v", plots[i].kind, result.Errors)
		require.Contains(t, result.HoldReason, "the visible range has shrunk")
		w.requireNothingLost(sources[i], before[i])
		plots[i].limit()
	}
	w.succeed(sources...)
	for _, result := range held {
		run, err := w.store.Report.GetRun(t.Context(), result.RunID)
		require.NoError(t, err)
		require.Equal(t, directory.RunSuperseded, run.Status)
	}
}

func TestWrongSecretFailsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	settings := map[directory.ProviderType]map[string]string{
		directory.Feishu:   {"app_id": "cli_sim", "app_secret": "mistaken"},
		directory.DingTalk: {"app_key": "dingsim", "app_secret": "mistaken"},
		directory.WeCom:    {"corp_id": "wwsim", "secret": "mistaken"},
	}
	words := map[directory.ProviderType]string{
		directory.Feishu:   "Feishu 10015: the app secret is wrong; compare app_id and app_secret",
		directory.DingTalk: "app_key and app_secret do not match",
		directory.WeCom:    "WeCom 40001: the app secret is wrong",
	}
	for _, kind := range kinds {
		s := w.simulate(kind, newLab(t, 35).Company)
		settings[kind]["base_url"] = s.url
		settings[kind]["api_base_url"] = s.url
		if kind != directory.DingTalk {
			delete(settings[kind], "api_base_url")
		}
		result := w.sync(w.add(kind, settings[kind]))
		require.Equal(t, directory.RunFailed, result.Status)
		require.Contains(t, result.Errors[0], words[kind])
		require.NotContains(t, strings.Join(result.Errors, " "), "mistaken")
		require.Equal(t, 1, s.calls.Total(), "a wrong secret is not tried again")
	}
}

func TestInputThatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.simulate(directory.Feishu, newLab(t, 36).Company)
	off := w.simulate(directory.WeCom, newLab(t, 36).Company)
	provider, err := w.store.Providers.FindByName(t.Context(), off.name)
	require.NoError(t, err)
	inactive := false
	require.NoError(t, w.store.Providers.Update(t.Context(), provider.ID, providers.Change{Active: &inactive}, nil))

	for name, c := range map[string]struct {
		input []any
		says  []string
	}{
		"none":  {nil, []string{"provider is missing", `{"provider":"NAME"}`}},
		"empty": {[]any{map[string]any{}}, []string{"provider is missing", `{"provider":"NAME"}`}},
		"unknown provider": {[]any{map[string]any{"provider": "nobody"}},
			[]string{`there is no provider named "nobody"`, s.name, "orgsync provider add"}},
		"switched off": {[]any{map[string]any{"provider": off.name}},
			[]string{"is switched off", "orgsync provider update " + off.name}},
		"misspelt key": {[]any{map[string]any{"provider": s.name, "modus": "plan"}},
			[]string{"modus", `"on_removals":"hold|apply|skip"`}},
		"wrong type":    {[]any{map[string]any{"provider": 7}}, []string{"provider", `{"provider":"NAME"`}},
		"not an object": {[]any{s.name}, []string{`{"provider":"NAME"`}},
		"unknown mode": {[]any{map[string]any{"provider": s.name, "mode": "dry"}},
			[]string{`mode is "dry"`, "apply, plan"}},
		"unknown removals": {[]any{map[string]any{"provider": s.name, "on_removals": "no"}},
			[]string{`on_removals is "no"`, "hold, apply, skip"}},
		"unknown department": {[]any{map[string]any{"provider": s.name, "departments": []string{""}}},
			[]string{"departments holds an empty id"}},
	} {
		t.Run(name, func(t *testing.T) {
			run, err := w.temporal.ExecuteWorkflow(t.Context(),
				client.StartWorkflowOptions{ID: "orgsync/" + uuid.NewString(), TaskQueue: w.queue},
				workflows.SyncOrgName, c.input...)
			require.NoError(t, err)
			err = run.Get(t.Context(), nil)
			for _, says := range c.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
	require.Zero(t, s.calls.Total()+off.calls.Total())
	runs, err := w.store.Report.ListRuns(t.Context(), "", 10)
	require.NoError(t, err)
	require.Empty(t, runs)
}
