package clients

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/directory"
	"github.com/orgsync/orgsync/internal/message"
	"github.com/orgsync/orgsync/internal/provider"
)

// limits spaces one provider's calls through Postgres.
type limits struct {
	store        *providers.Store
	providerID   string
	providerType directory.ProviderType
	// waited is told how long each call waits for its place.
	waited func(time.Duration)
	// rate multiplies the documented limits; 0 leaves only a provider's own pauses.
	rate float64
	now  func() time.Time
}

var _ provider.Limiter = (*limits)(nil)

const (
	// patience is the longest wait inside a worker: long enough for all activities
	// that a run keeps in flight to queue up for the slowest limit, so that none is
	// sent away only to come back. What is longer, a provider's own pause, Temporal
	// waits for.
	patience = 20 * time.Second
	// lateness is how far behind its slot a call may be made. At 18 calls a second it
	// lets a 19th into one second, never a 20th (dingtalk.md §6).
	lateness = 50 * time.Millisecond
)

// Wait implements provider.Limiter. Each call of a limited endpoint takes a slot of
// its own: there are no more of these than the provider allows calls, and a slot taken
// in reserve would be one that another worker lacks. A call that misses its slot, because
// the process stood still, takes another one: after a stand-still all that waited
// would otherwise be made at once.
func (l *limits) Wait(ctx context.Context, endpoint string, limit provider.Rate) error {
	var pace providers.Pace
	if limit.Calls > 0 && l.rate > 0 {
		pace.Spacing = time.Duration(float64(limit.Per) / float64(limit.Calls) / l.rate)
		pace.Burst = time.Duration(limit.Burst) * pace.Spacing
	}
	for waited := time.Duration(0); ; {
		wait, granted, err := l.store.ReserveCall(ctx, l.providerID, endpoint, pace, patience)
		if err != nil {
			return err
		}
		if !granted {
			return &provider.Error{
				Provider: l.providerType, Kind: provider.RateLimited, Endpoint: endpoint, RetryAfter: wait,
				Problem: message.Of("fault.budget_used", nil),
			}
		}
		due := l.now().Add(max(0, wait))
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		waited += max(0, wait)
		if pace.Spacing == 0 || l.now().Sub(due) <= lateness {
			l.waited(waited)
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pause implements provider.Limiter.
func (l *limits) Pause(ctx context.Context, endpoint string, d time.Duration) error {
	return l.store.PauseCalls(ctx, l.providerID, endpoint, d)
}
