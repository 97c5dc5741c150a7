package providertest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/devkit/simulator"
	"github.com/orgsync/orgsync/devkit/simulator/dingtalk"
	"github.com/orgsync/orgsync/devkit/simulator/feishu"
	"github.com/orgsync/orgsync/devkit/simulator/wecom"
	"github.com/orgsync/orgsync/internal/provider"
)

// pagesOf is how many pages a listing of n takes; an empty one takes one too.
func pagesOf(n, size int) int { return max(1, (n+size-1)/size) }

// memberPages is how many pages the listings of all departments take.
func memberPages(c *simulator.Company, size int) (pages int) {
	c.View(func(v *simulator.View) {
		for d := range v.Departments() {
			pages += pagesOf(len(v.Members(d.ID)), size)
		}
	})
	return pages
}

// fewest is the smallest number of calls that can read the company.
func fewest(c *simulator.Company) map[string]map[string]int {
	n := c.Counts()
	return map[string]map[string]int{
		"feishu": { // feishu.md §2.2, §3.1: pages of 50
			"tenant_access_token": 1, "departments/get": 1, "tenant/query": 1,
			"departments/children": pagesOf(n.Departments-1, 50), "users/find_by_department": memberPages(c, 50),
		},
		"dingtalk": { // dingtalk.md §2, §3: one level a call, pages of 100
			"oauth2/accessToken": 1, "auth/scopes": 1, "department/get": 1,
			"department/listsub": n.Departments, "user/list": memberPages(c, 100),
		},
		"wecom":         {"gettoken": 1, "department/list": 1, "user/list": n.Departments}, // wecom.md §2, §3.1
		"wecom new app": {"gettoken": 1, "department/list": 1, "user/list": n.Departments},
		"wecom sync":    {"gettoken": 1, "department/simplelist": 1, "user/list_id": pagesOf(n.Memberships, 10_000)},
		"wecom app+sync": {
			"gettoken": 2, "department/list": 1, "department/simplelist": 1,
			"user/list": n.Departments, "user/list_id": pagesOf(n.Memberships, 10_000),
		},
	}
}

func TestAWalkCostsNoMoreCallsThanItMust(t *testing.T) {
	t.Parallel()
	for name, spec := range companies() {
		for vendor, setup := range everyVendor(quiet) {
			t.Run(name+"/"+vendor, func(t *testing.T) {
				t.Parallel()
				w := open(t, simulator.Generate(spec), setup())
				require.Empty(t, walk(t.Context(), w.kind, w.client).errs)
				require.Equal(t, fewest(w.company)[vendor], w.service.Calls.All())
			})
		}
	}
}

func TestWeComsIdsComeInLargePages(t *testing.T) {
	t.Parallel()
	w := open(t, simulator.Generate(simulator.Spec{Seed: 4, Departments: 20, Members: 10_500, SeveralDepartments: 0.1}),
		onWeCom(wecom.Config{Options: quiet}, syncOnly))
	w.requireTruth(walk(t.Context(), w.kind, w.client))
	require.Equal(t, fewest(w.company)["wecom sync"], w.service.Calls.All())
	require.Equal(t, 2, w.service.Calls.Count("user/list_id"))
}

func TestTheEngineIsToldOfEveryCall(t *testing.T) {
	t.Parallel()
	for vendor, setup := range everyVendor(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			told := map[string]int{}
			s := setup()
			s.env = func(e *provider.Env) { e.OnCall = func(endpoint string) { told[endpoint]++ } }
			w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), s)
			require.Empty(t, walk(t.Context(), w.kind, w.client).errs)
			require.Equal(t, w.service.Calls.All(), told)
		})
	}
}

// tokenCalls are the endpoints that issue tokens.
var tokenCalls = []string{"tenant_access_token", "oauth2/accessToken", "gettoken"}

func (w *world) tokensFetched() (n int) {
	for _, endpoint := range tokenCalls {
		n += w.service.Calls.Count(endpoint)
	}
	return n
}

func TestTokensThatEndInMidWalkAreRenewed(t *testing.T) {
	t.Parallel()
	spec := simulator.TypicalSpec(13, 120)
	spec.Departments = 25
	for vendor := range everyVendor(quiet) {
		t.Run(vendor+"/revoked", func(t *testing.T) {
			t.Parallel()
			var w *world
			o := simulator.Options{NoQuotas: true, BeforeCall: func(_ string, n int) {
				if n%7 == 0 { // of one endpoint, so never of the repeated call again
					w.service.Tokens.ExpireAll()
				}
			}}
			w = open(t, simulator.Generate(spec), everyVendor(o)[vendor]())
			w.requireTruth(walk(t.Context(), w.kind, w.client))
			require.Len(t, w.tokens.all(), w.tokensFetched())
		})
		t.Run(vendor+"/out of date", func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			passing := newClock()
			o := simulator.Options{NoQuotas: true, Clock: passing.Now, BeforeCall: func(string, int) {
				calls.Add(1)
				passing.pass(4 * time.Minute) // a token's two hours pass several times
			}}
			w := open(t, simulator.Generate(spec), everyVendor(o)[vendor]())
			w.requireTruth(walk(t.Context(), w.kind, w.client))
			wanted := 0
			for endpoint, n := range fewest(w.company)[vendor] {
				if !slices.Contains(tokenCalls, endpoint) {
					wanted += n
				}
			}
			require.Equal(t, int64(wanted+w.tokensFetched()), calls.Load(), "renewed in time, no call was refused")
		})
	}
}

func TestWeComTokensAreRenewedHoweverTheirEndIsSaid(t *testing.T) {
	t.Parallel()
	for _, o := range []wecom.Config{{ExpiredAs40014: true}, {FreshTokens: true}, {}} {
		o.Options = quiet
		w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), onWeCom(o, both))
		w.service.Faults.Add(simulator.Fault{Endpoint: "user/list", From: 2,
			Action: simulator.Action{Kind: simulator.ExpireToken}},
			simulator.Fault{Endpoint: "user/list_id", Action: simulator.Action{Kind: simulator.ExpireToken}})
		w.requireTruth(walk(t.Context(), w.kind, w.client))
		require.Equal(t, 4, w.service.Calls.Count("gettoken"), "each credential's once more")
	}
}

func TestSeveralWalksShareOneToken(t *testing.T) {
	t.Parallel()
	for vendor, setup := range everyVendor(quiet) {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			w := open(t, simulator.Generate(simulator.TypicalSpec(31, 200)), setup())
			walks := make([]*reading, 6)
			var group errgroup.Group
			for i := range walks {
				group.Go(func() error {
					walks[i] = walk(t.Context(), w.kind, w.client)
					return nil
				})
			}
			require.NoError(t, group.Wait())
			for _, r := range walks {
				w.requireTruth(r)
			}
			require.LessOrEqual(t, w.tokensFetched(), 2)
		})
	}
}

// budget is a provider.Limiter that spaces calls as documented, on a clock that it
// lets pass itself.
type budget struct {
	limits
	clock *clock
	next  map[string]time.Time
}

func (b *budget) Wait(ctx context.Context, endpoint string, rate provider.Rate) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait := b.next[endpoint].Sub(b.clock.Now()); wait > 0 {
		b.clock.pass(wait)
	}
	if rate.Calls > 0 {
		b.next[endpoint] = b.clock.Now().Add(rate.Per / time.Duration(rate.Calls))
	}
	return nil
}

// WeCom's 10,000 a minute are more calls than a test can make.
func TestDocumentedRatesStayBelowTheLimits(t *testing.T) {
	t.Parallel()
	for vendor, departments := range map[string]int{"feishu": 1100, "dingtalk": 200} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			spaced := &budget{clock: now, next: map[string]time.Time{}}
			s := everyVendor(simulator.Options{Clock: now.Now})[vendor]()
			s.env = func(e *provider.Env) { e.Limits = spaced }
			w := open(t, simulator.Generate(simulator.Spec{Seed: 8, Departments: departments, Members: departments}), s)
			w.requireTruth(walk(t.Context(), w.kind, w.client))
			require.Empty(t, spaced.pauses())
		})
	}
}

func TestCallsOverTheLimitPauseTheEndpointAndSayForHowLong(t *testing.T) {
	t.Parallel()
	spec := simulator.Spec{Seed: 8, Departments: 80, Members: 100}
	for name, vendor := range map[string]func(simulator.Options) *setup{
		"feishu": func(o simulator.Options) *setup { return onFeishu(feishu.Config{Options: o}) },
		"feishu 400": func(o simulator.Options) *setup {
			return onFeishu(feishu.Config{Options: o, ThrottleWith400: true})
		},
		"dingtalk": func(o simulator.Options) *setup { return onDingTalk(dingtalk.Config{Options: o}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := newClock()
			w := open(t, simulator.Generate(spec), vendor(simulator.Options{Clock: now.Now}))
			r := walk(t.Context(), w.kind, w.client)
			require.NotEmpty(t, r.errs)
			for _, err := range r.errs {
				require.Equal(t, provider.RateLimited, w.fit(err).Kind)
			}
			require.NotEmpty(t, w.limits.pauses())
			for endpoint, d := range w.limits.pauses() {
				now.pass(d)
				require.Positive(t, d, endpoint)
			}
			first, err := w.client.ListDepartmentMembers(t.Context(),
				provider.Query{Department: w.rootID(), Method: "department"})
			require.NoError(t, err, "open again after what was said")
			require.Empty(t, first.Bad)
		})
	}
}

// Either of DingTalk's token calls gives a token that reads the company.
func TestDingTalkTokenByEitherCall(t *testing.T) {
	t.Parallel()
	for call, want := range map[string]map[string]int{
		"":         {"oauth2/accessToken": 1, "gettoken": 0},
		"oauth2":   {"oauth2/accessToken": 1, "gettoken": 0},
		"gettoken": {"oauth2/accessToken": 0, "gettoken": 1},
	} {
		s := onDingTalk(dingtalk.Config{Options: quiet})
		s.settings["token_call"] = call
		w := open(t, simulator.Generate(simulator.TypicalSpec(3, 60)), s)
		w.requireTruth(walk(t.Context(), w.kind, w.client))
		for endpoint, n := range want {
			require.Equal(t, n, w.service.Calls.Count(endpoint), "%s by %q", endpoint, call)
		}
	}
}
