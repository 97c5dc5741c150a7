package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/internal/provider"
)

// beatEvery is well below every heartbeat timeout used.
const beatEvery = 5 * time.Second

// heartbeat sends heartbeats until the returned function is called, so that a worker's
// death is noticed in seconds though a single call or statement may take longer,
// and a cancellation arrives. What an attempt has achieved is kept in Postgres, with
// the page it belongs to, not in the heartbeat, which may lag; the heartbeat carries
// how often the provider failed so far.
func heartbeat(ctx context.Context) (stop func()) {
	failures := failuresSoFar(ctx)
	return every(ctx, func() { activity.RecordHeartbeat(ctx, failures) })
}

// every does something with each beat until ctx ends or stop is called.
func every(ctx context.Context, do func()) (stop func()) {
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				do()
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

func failuresSoFar(ctx context.Context) int {
	var n int
	if activity.HasHeartbeatDetails(ctx) {
		// Unreadable details count as none: the activity tries once more.
		_ = activity.GetHeartbeatDetails(ctx, &n)
	}
	return n
}

// How often an activity may fail for the provider's sake. Temporal's own count of
// attempts would not do: being throttled, a restart of Postgres or of a worker are
// attempts as well, and say nothing about the provider.
const (
	triesOfRun        = 4 // the tree, the preflight: without them there is no run
	triesOfBatch      = 4
	triesOfDepartment = 3
	triesOfApproval   = 10 // some minutes: nobody repeats an approval
	triesOfToken      = 5  // a fresh token refused each time; each try is two calls
)

// limitAttempts classifies an activity's error and makes the provider's latest failure final
// when it has failed often enough.
func limitAttempts(ctx context.Context, err error, tries int) error {
	classified := classify(err)
	kind := provider.KindOf(err)
	if kind == provider.TokenRefused {
		tries = triesOfToken
	}
	if !kind.Retryable() || kind == provider.RateLimited || ctx.Err() != nil {
		return classified
	}
	failures := failuresSoFar(ctx) + 1
	activity.RecordHeartbeat(ctx, failures)
	var application *temporal.ApplicationError
	if failures < tries || !errors.As(classified, &application) {
		return classified
	}
	return temporal.NewNonRetryableApplicationError(application.Message(), application.Type(), nil)
}
