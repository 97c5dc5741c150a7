package activities

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/orgsync/orgsync/db"
	"github.com/orgsync/orgsync/internal/clients"
	"github.com/orgsync/orgsync/internal/provider"
)

// Listen keeps the connections on which providers tell of changes.
type Listen struct {
	Store  *db.Store
	Opener *clients.Opener
	Intake Intake
	Log    *slog.Logger
}

// Intake takes what providers tell of.
type Intake interface {
	// Keep stores events and wakes what follows them.
	Keep(ctx context.Context, provider, providerID string, events []provider.Event) error
	// Refuse counts a message that could not be taken.
	Refuse(provider, providerID string, reason provider.Refusal)
}

// ListenInput names a provider.
type ListenInput struct {
	Provider string `json:"provider"`
}

// ListenResult says why listening ended.
type ListenResult struct {
	// Over: events are off, come by callback, or the provider is gone. Else its settings have
	// changed, and listening begins anew with these.
	Over bool `json:"over"`
}

// TypeWorkerStops is the type of the error with which a worker that stops leaves its
// connections to another.
const TypeWorkerStops = "WorkerStops"

// ListenToProvider keeps a provider's connection until events are switched off.
func (a *Listen) ListenToProvider(ctx context.Context, in ListenInput) (ListenResult, error) {
	defer heartbeat(ctx)()
	p, err := a.Store.Providers.FindByName(ctx, in.Provider)
	if errors.Is(err, db.ErrNotFound) {
		return ListenResult{Over: true}, nil
	}
	if err != nil {
		return ListenResult{}, err
	}
	_, err = a.Store.RecordListening(ctx, p.ID, false, "")
	if errors.Is(err, db.ErrNotFound) {
		return ListenResult{Over: true}, nil
	}
	if err != nil {
		return ListenResult{}, err
	}
	opened, err := a.Opener.Open(ctx, p, nil)
	if err != nil {
		_, noted := a.Store.RecordListening(ctx, p.ID, false, err.Error())
		return ListenResult{}, errors.Join(err, noted)
	}
	streamer, ok := opened.(provider.EventStreamer)
	if !ok {
		return ListenResult{Over: true}, nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	l := &listening{Listen: a, name: p.Name, id: p.ID, changed: p.UpdatedAt, streamer: streamer,
		note: make(chan struct{}, 1)}
	var connecting sync.WaitGroup
	connecting.Go(func() { l.connect(ctx) })
	result, err := l.watch(ctx)
	stop()
	connecting.Wait()
	l.connections.Wait()
	return result, err
}

// listening is one provider's listening.
type listening struct {
	*Listen
	name, id string
	// changed is when the settings that the connection was opened with were changed last.
	changed     time.Time
	streamer    provider.EventStreamer
	connections sync.WaitGroup
	// note asks for its state to be stored at once.
	note chan struct{}

	mu      sync.Mutex
	open    int
	problem string
}

// watch says in the database how the connection is and ends once no worker is to listen to
// the provider any more, its settings have changed, or the worker stops.
func (l *listening) watch(ctx context.Context) (ListenResult, error) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ListenResult{}, ctx.Err()
		case <-activity.GetWorkerStopChannel(ctx):
			l.record(context.WithoutCancel(ctx), false, "")
			return ListenResult{}, temporal.NewApplicationError("the worker stops; another takes over", TypeWorkerStops)
		case <-tick.C:
		case <-l.note:
		}
		connected, problem := l.state()
		changed, err := l.record(ctx, connected, problem)
		switch {
		case errors.Is(err, db.ErrNotFound):
			return ListenResult{Over: true}, nil
		case err != nil:
			l.Log.Warn("the state of a stream could not be stored", "provider", l.name, "error", err)
		case !changed.Equal(l.changed):
			return ListenResult{}, nil
		}
	}
}

func (l *listening) record(ctx context.Context, connected bool, problem string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, beatEvery)
	defer cancel()
	return l.Store.RecordListening(ctx, l.id, connected, problem)
}

// state is how the connection is.
func (l *listening) state() (connected bool, problem string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open > 0, l.problem
}

// Pauses between connections: growing while they fail, or end soon without having brought an event.
const (
	shortestPause = time.Second
	longestPause  = 2 * time.Minute
	// enduring is how long a connection must have stood for the next to follow at once.
	enduring = time.Minute
)

// connect opens one connection after the other. While one is being left, the next is open
// already.
func (l *listening) connect(ctx context.Context) {
	pause := shortestPause
	for ctx.Err() == nil {
		c := &connection{listening: l, leaving: make(chan struct{})}
		ended := make(chan error, 1)
		l.connections.Go(func() { ended <- c.listen(ctx) })
		var err error
		select {
		case err = <-ended:
		case <-c.leaving:
		}
		if c.worked() {
			pause = shortestPause
		}
		if provider.KindOf(err).EndsRun() {
			pause = longestPause // only a person can mend it
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // only to spread connections
		}
		pause = min(2*pause, longestPause)
	}
}

// connection is one connection. It implements provider.Listener.
type connection struct {
	*listening
	leaving chan struct{}

	once      sync.Once
	connected time.Time
	// useful is set once it has brought an event.
	useful bool
}

// listen holds the connection until it ends.
func (c *connection) listen(ctx context.Context) error {
	err := c.streamer.Listen(ctx, c)
	c.mu.Lock()
	if !c.connected.IsZero() {
		c.open--
	}
	if err != nil && ctx.Err() == nil {
		c.problem = problemOf(err)
	}
	c.mu.Unlock()
	c.ask()
	if ctx.Err() == nil {
		c.Log.Info("stream ended", "provider", c.name, "problem", problemOf(err))
	}
	return err
}

// problemOf says why a connection ended, without what a provider sent.
func problemOf(err error) string {
	var failed *provider.Error
	if errors.As(err, &failed) {
		return failed.Error()
	}
	return "the connection ended"
}

// worked reports whether the connection was of use, so that another is worth its while at once: one
// that is cut in the midst of events must not keep them waiting for minutes.
func (c *connection) worked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.useful || !c.connected.IsZero() && time.Since(c.connected) >= enduring
}

// ask has its state stored at once.
func (c *connection) ask() {
	select {
	case c.note <- struct{}{}:
	default:
	}
}

// Connected implements provider.Listener.
func (c *connection) Connected() {
	c.mu.Lock()
	c.open, c.connected, c.problem = c.open+1, time.Now(), ""
	c.mu.Unlock()
	c.ask()
}

// Leaving implements provider.Listener.
func (c *connection) Leaving() { c.once.Do(func() { close(c.leaving) }) }

// Keep implements provider.Listener.
func (c *connection) Keep(ctx context.Context, events []provider.Event) error {
	err := c.Intake.Keep(ctx, c.name, c.id, events)
	if err != nil {
		c.Log.Warn("event not stored; it comes again", "provider", c.name, "error", err)
		return err
	}
	c.mu.Lock()
	c.useful = true
	c.mu.Unlock()
	return nil
}

// Refused implements provider.Listener.
func (c *connection) Refused(reason provider.Refusal) { c.Intake.Refuse(c.name, c.id, reason) }
