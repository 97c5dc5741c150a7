package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"
)

// beatEvery is well below every heartbeat timeout used.
const beatEvery = 5 * time.Second

// beat sends heartbeats until the returned function is called, so that a worker's
// death is noticed in seconds though a single call or statement may take longer,
// and a cancellation arrives. What an attempt has achieved is kept in Postgres, with
// the page it belongs to, not in the heartbeat, which may lag.
func beat(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			case <-done:
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { close(done) }
}
