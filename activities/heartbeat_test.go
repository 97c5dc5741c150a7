package activities

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/provider"
)

// Only the provider's failures count towards giving up, over all attempts; being
// throttled, a restart of Postgres or a cancellation do not.
func TestGivingUpCountsTheProvidersFailures(t *testing.T) {
	t.Parallel()
	const tries = 3
	for name, c := range map[string]struct {
		err    error
		before any // what earlier attempts left in the heartbeat
		after  int // what this one leaves, 0 for nothing
		final  bool
	}{
		"first failure":      {ofProvider(provider.Unavailable), nil, 1, false},
		"second failure":     {ofProvider(provider.Malformed), 1, 2, false},
		"last failure":       {ofProvider(provider.Unavailable), 2, 3, true},
		"expired cursor":     {ofProvider(provider.CursorExpired), 2, 3, true},
		"token refused":      {ofProvider(provider.TokenRefused), triesOfToken - 2, triesOfToken - 1, false},
		"token refused last": {ofProvider(provider.TokenRefused), triesOfToken - 1, triesOfToken, true},
		"throttled":          {ofProvider(provider.RateLimited), 2, 0, false},
		"storage":            {refused("57P01", "terminating connection"), 2, 0, false},
		"unforeseen":         {errors.New("odd"), 2, 0, false},
		"not to be retried":  {ofProvider(provider.Forbidden), nil, 0, true},
		"overtaken":          {db.ErrSuperseded, nil, 0, true},
		"unreadable details": {ofProvider(provider.Unavailable), "a cursor of an older release", 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := &testsuite.WorkflowTestSuite{}
			suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
			env := suite.NewTestActivityEnvironment()
			left := 0
			env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
				require.NoError(t, details.Get(&left))
			})
			if c.before != nil {
				env.SetHeartbeatDetails(c.before)
			}
			attempt := func(ctx context.Context) error { return limitAttempts(ctx, c.err, tries) }
			env.RegisterActivity(attempt)
			_, err := env.ExecuteActivity(attempt)
			var got *temporal.ApplicationError
			require.ErrorAs(t, err, &got)
			require.Equal(t, c.final, got.NonRetryable())
			require.Equal(t, classified(t, c.err).Type(), got.Type(), "giving up does not change what went wrong")
			require.Equal(t, c.after, left)
		})
	}
}

func TestSuccessAndCancellationAreNotFailures(t *testing.T) {
	t.Parallel()
	require.NoError(t, limitAttempts(t.Context(), nil, 1))
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, limitAttempts(canceled, context.Canceled, 1), context.Canceled)
}

func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*beatEvery+1)
		defer cancel()
		stopped, ended := 0, 0
		stop := every(ctx, func() { stopped++ })
		stopToo := every(ctx, func() { ended++ })
		<-time.After(2*beatEvery + 1)
		stop()
		<-ctx.Done()
		<-time.After(beatEvery)
		stopToo()
		require.Equal(t, []int{2, 4}, []int{stopped, ended})
	})
}

// Calls are counted while an attempt goes on, and at its end also if it was canceled.
func TestCallsAreCountedWhateverBecomesOfAnAttempt(t *testing.T) {
	t.Parallel()
	d := departments(1)
	b := newBench(t, database(t), d, d)
	r := &providerSession{store: b.store, runID: b.runID}
	calls := func() int64 {
		run, err := b.store.Report.GetRun(t.Context(), b.runID)
		require.NoError(t, err)
		return run.Calls
	}
	ctx, cancel := context.WithCancel(t.Context())
	end := r.countCalls(ctx)
	r.calls.Add(2)
	require.NoError(t, r.addCalls(ctx))
	require.EqualValues(t, 2, calls())
	r.calls.Add(3)
	cancel()
	require.Error(t, r.addCalls(ctx))
	failure := errors.New("canceled")
	err := failure
	end(&err)
	require.Equal(t, failure, err, "the attempt's own error stands")
	require.EqualValues(t, 5, calls())
}
