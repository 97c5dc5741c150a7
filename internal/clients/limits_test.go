package clients_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/provider"
)

// The documented limits are used in the part that the operator says; pauses hold always.
func TestCallRate(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	rate := provider.Rate{Calls: 1, Per: time.Hour}
	o := opener(t, in.store, k)
	o.CallRate = 0
	client, err := o.Open(t.Context(), in.provider, nil)
	require.NoError(t, err)
	free := client.(*opened).env.Limits
	for range 5 {
		require.NoError(t, free.Wait(t.Context(), "user/list", rate), "not spaced at all")
	}
	require.NoError(t, free.Pause(t.Context(), "user/list", time.Hour))
	require.Error(t, free.Wait(t.Context(), "user/list", rate), "the provider's own pause")

	for part, spacing := range map[float64]time.Duration{1: time.Second / 18, 0.5: time.Second / 9,
		2: time.Second / 36} {
		p := newPaced(t)
		stored := p.add(directory.WeCom, `{"corp_id":"ww1"}`, "user/list")
		o := opener(t, p.store, k)
		o.CallRate = part
		client, err := o.Open(t.Context(), stored, nil)
		require.NoError(t, err)
		var group errgroup.Group
		for range 6 {
			group.Go(func() error {
				return client.(*opened).env.Limits.Wait(t.Context(), "user/list",
					provider.Rate{Calls: 18, Per: time.Second})
			})
		}
		require.NoError(t, group.Wait())
		_, slots := p.given("user/list", spacing)
		require.GreaterOrEqual(t, len(slots), 6)
		requireEven(t, slots, spacing)
		narrowest := time.Hour
		for i := range slots[1:] {
			narrowest = min(narrowest, slots[i+1].Sub(slots[i]))
		}
		require.InDelta(t, spacing, narrowest, float64(time.Microsecond), "those who queue up are no further apart")
	}
}

// A pause holds for calls without a limit, too, whichever worker was told of it.
func TestPauseReachesUnlimitedCallsOfOthers(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	told, other := in.open(k).env.Limits, in.open(k).env.Limits
	wait := func(l provider.Limiter) error { return l.Wait(t.Context(), "gettoken", provider.Rate{}) }
	require.NoError(t, wait(told))
	require.NoError(t, wait(other))
	require.NoError(t, told.Pause(t.Context(), "gettoken", time.Hour))
	require.Error(t, wait(told))
	require.Error(t, wait(other))
}

func TestEndpointsHaveLimitsOfTheirOwn(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	limits := in.open(k).env.Limits
	require.NoError(t, limits.Pause(t.Context(), "user/list", time.Hour))
	require.NoError(t, limits.Wait(t.Context(), "department/list", provider.Rate{Calls: 1, Per: time.Minute}))
	require.NoError(t, limits.Wait(t.Context(), "gettoken", provider.Rate{}), "without a limit")

	in.provider = in.add("other", k, `{"corp_id":"ww2"}`)
	require.NoError(t, in.open(k).env.Limits.Wait(t.Context(), "user/list", provider.Rate{Calls: 1, Per: time.Second}),
		"another company's")
}

// What is too far away is left to Temporal, for all workers, and takes no slot.
func TestPauseIsNotWaitedForInTheWorker(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	limits := in.open(k).env.Limits
	require.NoError(t, limits.Pause(t.Context(), "user/list", 10*time.Minute))
	require.NoError(t, limits.Pause(t.Context(), "user/list", time.Second), "a shorter pause does not end a longer one")
	for range 3 {
		err := in.open(k).env.Limits.Wait(t.Context(), "user/list", provider.Rate{Calls: 10, Per: time.Second})
		var limited *provider.Error
		require.ErrorAs(t, err, &limited)
		require.Equal(t, provider.RateLimited, limited.Kind)
		require.Equal(t, "user/list", limited.Endpoint)
		require.InDelta(t, 10*time.Minute, limited.RetryAfter, float64(30*time.Second))
	}
}

func TestWaitingEndsWithTheCall(t *testing.T) {
	t.Parallel()
	k := keys(t)
	limits := install(t, k).open(k).env.Limits
	require.NoError(t, limits.Pause(t.Context(), "user/list", 15*time.Second))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, limits.Wait(ctx, "user/list", provider.Rate{Calls: 10, Per: time.Second}),
		context.DeadlineExceeded)
}
