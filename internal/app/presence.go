package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/orgsync/orgsync/db/providers"
	"github.com/orgsync/orgsync/internal/secret"
)

// presence tells the installation of a worker process and the keys it holds, for as long
// as it works.
type presence struct {
	store *providers.Store
	self  providers.Worker
	log   *slog.Logger
}

func newPresence(store *providers.Store, box *secret.Box, log *slog.Logger) *presence {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &presence{store: store, log: log, self: providers.Worker{
		ID: uuid.NewString(), Name: fmt.Sprintf("%d@%s", os.Getpid(), host), KeyIDs: box.KeyIDs(),
	}}
}

// leaveTimeout bounds how long a worker that stops tries to say so.
const leaveTimeout = 5 * time.Second

// begin tells of the worker now, and again and again until end is called.
func (p *presence) begin(ctx context.Context) (end func(), err error) {
	if err := p.store.RecordWorker(ctx, p.self); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var beating sync.WaitGroup
	beating.Go(func() { p.beat(ctx) })
	return func() {
		cancel()
		beating.Wait()
		leaving, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		if err := p.store.RemoveWorker(leaving, p.self.ID); err != nil {
			p.log.Warn("could not record that the worker stopped", "error", err)
		}
	}, nil
}

func (p *presence) beat(ctx context.Context) {
	ticker := time.NewTicker(providers.WorkerBeat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := p.store.RecordWorker(ctx, p.self); err != nil && ctx.Err() == nil {
			p.log.Warn("could not record that the worker is running", "error", err)
		}
	}
}
