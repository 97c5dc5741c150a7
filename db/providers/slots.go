package providers

import (
	"context"
	"time"

	"github.com/orgsync/orgsync/db/internal/dbsqlc"
	"github.com/orgsync/orgsync/db/internal/pg"
)

// Pace says how an endpoint's calls follow each other.
type Pace struct {
	// Spacing is the time from one call to the next.
	Spacing time.Duration
	// Burst is for how long calls that were not made can still be made, all at once.
	Burst time.Duration
}

// ReserveCall reserves the endpoint's next call and returns how long to wait for it, which is
// below 0 where its time is already past. If that is more than patience nothing is
// reserved and granted is false.
func (s *Store) ReserveCall(ctx context.Context, providerID, endpoint string, pace Pace,
	patience time.Duration) (wait time.Duration, granted bool, err error) {
	row, err := s.q.TakeCallSlot(ctx, s.pool, dbsqlc.TakeCallSlotParams{
		ProviderID: providerID, Endpoint: endpoint, Spacing: pace.Spacing, Burst: pace.Burst, Patience: patience,
	})
	return time.Duration(row.WaitUs) * time.Microsecond, row.Granted, pg.Interpret("reserve call", err)
}

// PauseCalls lets no worker call the endpoint for d.
func (s *Store) PauseCalls(ctx context.Context, providerID, endpoint string, d time.Duration) error {
	return pg.Interpret("pause calls", s.q.PauseCalls(ctx, s.pool, dbsqlc.PauseCallsParams{
		ProviderID: providerID, Endpoint: endpoint, Pause: d,
	}))
}
