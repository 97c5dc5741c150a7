package connect_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// Calls of all workers together keep to the limit: of n calls the last is made no
// sooner than n spacings after the first, less the burst a rested endpoint has.
func TestWorkersShareACallLimit(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	workers := []provider.Limiter{in.open(k).env.Limits, in.open(k).env.Limits}
	rate := provider.Rate{Calls: 20, Per: time.Second}
	const calls = 14
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, calls)
	for i := range calls {
		wg.Go(func() { errs[i] = workers[i%2].Wait(t.Context(), "user/list", rate) })
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	const burst = 250 * time.Millisecond
	require.GreaterOrEqual(t, time.Since(began), (calls-1)*50*time.Millisecond-burst-50*time.Millisecond)
}

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

	o.CallRate = 3600
	client, err = o.Open(t.Context(), in.provider, nil)
	require.NoError(t, err)
	fast := client.(*opened).env.Limits
	began := time.Now()
	for range 3 {
		require.NoError(t, fast.Wait(t.Context(), "department/list", rate))
	}
	require.GreaterOrEqual(t, time.Since(began), 1500*time.Millisecond, "one a second, but for the burst")
}

// Without a limit a worker asks once a second: what another one was told it learns then.
func TestPauseReachesUnlimitedCallsOfOthers(t *testing.T) {
	t.Parallel()
	k := keys(t)
	in := install(t, k)
	told, other := in.open(k).env.Limits, in.open(k).env.Limits
	wait := func(l provider.Limiter) error { return l.Wait(t.Context(), "gettoken", provider.Rate{}) }
	require.NoError(t, wait(told))
	require.NoError(t, wait(other))
	require.NoError(t, told.Pause(t.Context(), "gettoken", time.Hour))
	require.Error(t, wait(told), "at once")
	require.Eventually(t, func() bool { return wait(other) != nil }, 10*time.Second, 20*time.Millisecond)
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
	require.NoError(t, in.open(k).env.Limits.Wait(t.Context(), "user/list", provider.Rate{Calls: 1, Per: time.Second}), "another company's")
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
	require.ErrorIs(t, limits.Wait(ctx, "user/list", provider.Rate{Calls: 10, Per: time.Second}), context.DeadlineExceeded)
}
