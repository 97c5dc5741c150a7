package db

import (
	"context"
	"time"
)

// Standing is how an installation stands, for monitoring.
type Standing struct {
	Providers []ProviderStanding
	// Upkeep is how long ago each part of the upkeep was last done to its end.
	Upkeep map[string]time.Duration
}

// ProviderStanding is how one provider stands.
type ProviderStanding struct {
	Name   string
	Active bool
	// SinceSuccess is the time since the last complete, applied run; before the first
	// since the provider was stored.
	SinceSuccess time.Duration
	// RunsSinceSuccess are the applied runs of the whole company that ended since.
	RunsSinceSuccess int
	Running          int
	Held             int
	// HeldFor is the time since the oldest held run began; zero if none is held.
	HeldFor time.Duration
}

// Standing reads it, for all providers at once.
func (s *Store) Standing(ctx context.Context) (Standing, error) {
	rows, err := s.q.StandingProviders(ctx, s.pool)
	if err != nil {
		return Standing{}, interpret("read standing", err)
	}
	out := Standing{Providers: make([]ProviderStanding, len(rows)), Upkeep: map[string]time.Duration{}}
	for i, r := range rows {
		out.Providers[i] = ProviderStanding{
			Name: r.Name, Active: r.IsActive, SinceSuccess: seconds(r.SinceSuccess), RunsSinceSuccess: int(r.RunsSinceSuccess),
			Running: int(r.Running), Held: int(r.Held), HeldFor: seconds(r.HeldFor),
		}
	}
	parts, err := s.q.StandingUpkeep(ctx, s.pool)
	if err != nil {
		return Standing{}, interpret("read standing", err)
	}
	for _, r := range parts {
		out.Upkeep[r.Part] = seconds(r.Age)
	}
	return out, nil
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return interpret("ask the database", s.pool.Ping(ctx))
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
