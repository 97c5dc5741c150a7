package activities

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orgsync/orgsync/internal/provider"
)

// flaky is a provider whose connections end as soon as they have brought these events.
type flaky struct {
	events []provider.Event
	opened int
}

func (f *flaky) Listen(ctx context.Context, l provider.Listener) error {
	f.opened++
	l.Connected()
	if len(f.events) > 0 {
		if err := l.Keep(ctx, f.events); err != nil {
			return err
		}
	}
	return errors.New("cut")
}

type keptEvents struct{}

func (keptEvents) Keep(context.Context, string, string, []provider.Event) error { return nil }

func (keptEvents) Refuse(string, string, provider.Refusal) {}

// A connection that is cut in mid-events is opened again at once, however often: the events that are
// left must not wait for minutes. One that brings nothing is tried ever more seldom.
func TestConnectionsThatBringEventsAreOpenedAgainAtOnce(t *testing.T) {
	t.Parallel()
	opened := func(events ...provider.Event) (times int) {
		synctest.Test(t, func(t *testing.T) {
			f := &flaky{events: events}
			l := &listening{Listen: &Listen{Intake: keptEvents{}, Log: slog.New(slog.DiscardHandler)}, name: "acme",
				streamer: f, note: make(chan struct{}, 1)}
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
			defer stop()
			l.connect(ctx)
			l.connections.Wait()
			times = f.opened
		})
		return times
	}
	require.Greater(t, opened(provider.Event{ID: "1"}), 150)
	require.Less(t, opened(), 15)
}
