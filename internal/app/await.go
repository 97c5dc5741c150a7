package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/orgsync/orgsync/db"
)

// connectAgain is after what time Postgres is asked again for a connection.
const connectAgain = 2 * time.Second

// AwaitConnection does what needs a new connection, again and again while Postgres has
// none left: a worker that is started beside too many others waits for one of them.
func AwaitConnection(ctx context.Context, log *slog.Logger, do func() error) error {
	for {
		err := do()
		if !db.Occupied(err) {
			return err
		}
		log.Warn("the worker waits for a connection to Postgres", "again_in", connectAgain.String(), "error", err)
		if !pause(ctx, connectAgain) {
			return ctx.Err()
		}
	}
}

// pause waits, and returns false if ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
